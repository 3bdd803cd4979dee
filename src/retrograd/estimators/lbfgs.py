"""L-BFGS: all rows at once, by SciPy's minimiser on the engine's gradient."""

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from retrograd.engine.divergence import DivergenceError
from retrograd.engine.kernels.data import Data
from retrograd.engine.network import Network

if TYPE_CHECKING:
    from retrograd.estimators.base import BaseMLP


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
    import scipy.optimize

    from retrograd.engine.objective import Objective
    from retrograd.engine.threads import one_blas_thread

    objective = Objective(network, estimator.alpha, data)
    theta = np.array(estimator._theta())
    iteration = 0

    def after_iteration(intermediate_result: Any) -> None:
        nonlocal iteration
        iteration += 1
        print(f"Iteration {iteration}, loss = {intermediate_result.fun:.8f}")

    # A trial step may overflow; the result is checked below.
    with np.errstate(all="ignore"), one_blas_thread():
        result = scipy.optimize.minimize(
            objective,
            theta.astype(np.float64),
            method="L-BFGS-B",
            jac=True,
            callback=after_iteration if estimator.verbose else None,
            options={
                "maxfun": estimator.max_fun,
                "maxiter": estimator.max_iter,
                "gtol": estimator.tol,
            },
        )
    theta[:] = result.x
    if not (np.isfinite(theta).all() and np.isfinite(result.fun)):
        raise DivergenceError(int(result.nit), 0, 0.0, "the loss of an L-BFGS iteration")
    estimator.__dict__.pop("_state", None)
    estimator._bind(network, theta)
    estimator.n_iter_ = min(int(result.nit), estimator.max_iter)
    estimator.loss_ = objective.reported(theta)
    if result.status == 0:
        return []
    return [
        ConvergenceWarning(
            f"lbfgs failed to converge: it stopped after {result.nit} iterations and "
            f"{result.nfev} evaluations ({result.message}): raise max_iter or max_fun, or "
            "scale the data"
        )
    ]
