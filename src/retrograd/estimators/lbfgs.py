"""L-BFGS: all rows at once, by SciPy's minimiser on the engine's gradient."""

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from retrograd.engine.divergence import DivergenceError
from retrograd.engine.kernels.data import Data
from retrograd.engine.network import Network
from retrograd.estimators.stopping import cure_of

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult

    from retrograd.engine.objective import Objective
    from retrograd.estimators.base import BaseMLP

# SciPy's status of a minimisation that max_iter or max_fun has ended.
LIMIT_REACHED = 1


def fit_lbfgs(estimator: "BaseMLP", network: Network, data: Data) -> list[Warning]:
    """Minimise the loss over all rows at once, with SciPy's L-BFGS on the engine's gradient.

    Source: Byrd, Lu, Nocedal and Zhu, A limited memory algorithm for bound constrained
    optimization (1995).

    Returns
    -------
    list of Warning
        What there is to warn of, once the network is in place.

    Raises
    ------
    DivergenceError
        If the result, or the loss to start from, is NaN or infinite.
    """
    from retrograd.engine.objective import Objective

    objective = Objective(network, estimator.alpha, data)
    theta = np.array(estimator._theta())
    result, overflows = _minimise(objective, theta.astype(np.float64), estimator)
    theta[:] = result.x
    if not (np.isfinite(theta).all() and np.isfinite(result.fun)):
        raise DivergenceError(
            result.nit, 0, 0.0, "the loss of an L-BFGS iteration", cure_of(estimator)
        )
    estimator.__dict__.pop("_state", None)
    estimator._bind(network, theta)
    estimator.n_iter_ = min(result.nit, estimator.max_iter)
    estimator.loss_ = objective.reported(theta)
    if result.status == 0 and not overflows:
        return []
    # Of a search that an overflow has ended SciPy says that it converged, or was "ABNORMAL: ".
    cut_short = overflows and result.status != LIMIT_REACHED
    why = "the loss overflows nearby" if cut_short else result.message.rstrip(": ")
    return [
        ConvergenceWarning(
            f"lbfgs failed to converge: it stopped after {result.nit} iterations and "
            f"{result.nfev} evaluations ({why}): raise max_iter or max_fun, or scale the data"
        )
    ]


def _minimise(
    objective: "Objective", theta: np.ndarray, estimator: "BaseMLP"
) -> "tuple[OptimizeResult, bool]":
    """Let SciPy minimise, and see that an overflow does not end it.

    SciPy's search along a line gives up where the loss of a trial is infinite, and may call that
    converged, or take the trial. Begun anew from the best that it met, without its memory, it tries
    what is near again.

    Returns
    -------
    result : OptimizeResult
        Its counts are those of all beginnings.
    overflows : bool
        Whether that still kept it from where the gradient is as small as ``tol``.
    """
    import scipy.optimize

    from retrograd.engine.threads import one_blas_thread

    n_iter = n_fun = n_shown = 0
    best, least, overflows = theta, np.inf, False

    def tried(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal best, least, overflows
        loss, gradient = objective(parameters)
        if not (np.isfinite(loss) and np.isfinite(gradient).all()):
            overflows = True
        elif loss < least:
            best, least = parameters.copy(), loss
        return loss, gradient

    def after_iteration(intermediate_result: Any) -> None:
        nonlocal n_shown
        n_shown += 1
        print(f"Iteration {n_shown}, loss = {intermediate_result.fun:.8f}")

    while True:
        overflows, before = False, least
        # What a trial makes of an overflow is looked at here, and the result where it is used.
        with np.errstate(all="ignore"), one_blas_thread():
            result = scipy.optimize.minimize(
                tried,
                best,
                method="L-BFGS-B",
                jac=True,
                callback=after_iteration if estimator.verbose else None,
                options={
                    "maxfun": estimator.max_fun - n_fun,
                    "maxiter": estimator.max_iter - n_iter,
                    "gtol": estimator.tol,
                },
            )
        n_iter, n_fun = n_iter + int(result.nit), n_fun + int(result.nfev)
        overflows &= not np.abs(result.jac).max(initial=0.0) <= estimator.tol
        has_more = n_iter < estimator.max_iter and n_fun < estimator.max_fun
        if not (overflows and has_more and least < before):
            if overflows:
                result.x, result.fun = best, least
            result.nit, result.nfev = n_iter, n_fun
            return result, overflows
