"""How an estimator is fitted: epoch after epoch until it converges, or by L-BFGS."""

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning

from retrograd.engine.course import Course, Shuffled
from retrograd.engine.divergence import DivergenceError
from retrograd.engine.kernels.data import Data
from retrograd.engine.network import Network
from retrograd.engine.optimizers import Optimizer

if TYPE_CHECKING:
    from retrograd.engine.trainer import State
    from retrograd.estimators.base import BaseMLP


def fit_stochastic(
    estimator: "BaseMLP",
    network: Network,
    data: Data,
    X: Any,
    rng: np.random.RandomState,
    first: bool,
    incremental: bool,
    on_epoch: Callable[[bool], bool],
) -> None:
    """Train by minibatches: ``max_iter`` epochs, fewer if converged, one if incremental.

    Parameters
    ----------
    estimator : BaseMLP
        Its parameters are read, its fitted attributes written as the training goes.
    network : Network
    data : Data
        All rows, also those that validation will take.
    X : ndarray or sparse matrix of shape (n, I)
        The same rows, to take the validation rows from.
    rng : RandomState
        Draws the validation rows, and the seed if ``random_state`` is no integer.
    first : bool
        Whether the parameters have just been drawn.
    incremental : bool
        Whether this is ``partial_fit``.
    on_epoch : callable
        Called with True before and False after an epoch; true ends the training.

    Raises
    ------
    ValueError
        If ``early_stopping`` has too few rows, or none to take them from (``partial_fit``).
    DivergenceError
        If NaN or infinity arises and there are no best parameters to go back to.
    """
    from retrograd.engine.trainer import Trainer  # loads the compiler: not before it is needed

    if estimator.early_stopping and incremental:
        raise ValueError("partial_fit does not support early_stopping=True")
    train, validation = _split(estimator, data, X, rng)
    n_rows = data.y.shape[0] if train is None else train.size
    optimizer = estimator._make_optimizer()
    state = _state(estimator, optimizer, rng, incremental)
    estimator._state, estimator._solver = state, estimator.solver
    estimator._bind(network, state.theta)
    _open_curves(estimator, first)
    stopping = Stopping(estimator, validation, state)
    batch_size = _batch_size(estimator.batch_size, n_rows)
    trainer = Trainer(network, optimizer, data, batch_size, state)
    course = Course(
        optimizer, Shuffled(n_rows, estimator._seed, estimator.shuffle, train), batch_size,
        estimator.max_iter, state.step, state.epoch, schedule_start=state.schedule_start,
    )  # fmt: skip
    estimator.n_iter_ = 0
    try:
        for _ in range(1 if incremental else estimator.max_iter):
            on_epoch(True)
            estimator.loss_ = trainer.epoch(course)
            estimator.n_iter_ += 1
            estimator.t_ = state.samples_seen
            estimator.loss_curve_.append(estimator.loss_)
            if estimator.verbose:
                print(f"Iteration {estimator.n_iter_}, loss = {estimator.loss_:.8f}")
            stopped = stopping.after_epoch(state, trainer.optimizer)
            if on_epoch(False) or stopped:
                break
        else:
            if not incremental:
                warnings.warn(
                    f"Stochastic Optimizer: Maximum iterations ({estimator.max_iter}) reached "
                    "before it converged: raise max_iter, or tol",
                    ConvergenceWarning,
                    stacklevel=6,
                )
    except KeyboardInterrupt:
        warnings.warn("Training interrupted by user.", stacklevel=6)
    except DivergenceError as error:
        if not stopping.has_best:
            raise
        estimator.n_iter_ += 1
        estimator.loss_curve_.append(float("nan"))
        estimator.validation_scores_.append(float("nan"))
        state.slots[:] = 0.0  # NaN may be in there, too
        warnings.warn(
            f"{error} The parameters with the best validation score are kept.",
            ConvergenceWarning,
            stacklevel=6,
        )
    stopping.restore_best(state)


class Stopping:
    """Decides after each epoch whether to stop, and remembers the best parameters if it must.

    As scikit-learn does: stop when ``n_iter_no_change`` epochs in a row have not improved the
    training loss, or with ``early_stopping`` the validation score, by ``tol``.
    """

    def __init__(self, estimator: "BaseMLP", validation: tuple | None, state: "State") -> None:
        self.estimator = estimator
        self.validation = validation
        self.best: np.ndarray | None = None
        if validation is not None and estimator.best_validation_score_ > -np.inf:
            self.best = state.theta.copy()  # a warm start begins where the best score was

    @property
    def has_best(self) -> bool:
        """Whether there are parameters to go back to."""
        return self.best is not None

    def after_epoch(self, state: "State", optimizer: Optimizer) -> bool:
        """Note how the epoch went; return whether to stop."""
        estimator = self.estimator
        improved = (
            self._improved_loss()
            if self.validation is None
            else self._improved(state, self.validation)
        )
        estimator._no_improvement_count = 0 if improved else estimator._no_improvement_count + 1
        if estimator._no_improvement_count <= estimator.n_iter_no_change:
            return False
        what = "Training loss" if self.validation is None else "Validation score"
        message = (
            f"{what} did not improve more than tol={estimator.tol:f} for "
            f"{estimator.n_iter_no_change} consecutive epochs."
        )
        lower = optimizer.rate_after_stall(state.learning_rate)
        if estimator.verbose:
            print(message, "Stopping." if lower is None else f"Setting learning rate to {lower:f}")
        if lower is None:
            return True
        state.learning_rate = lower
        estimator._no_improvement_count = 0
        return False

    def _improved_loss(self) -> bool:
        estimator = self.estimator
        improved = estimator.loss_ <= estimator.best_loss_ - estimator.tol
        estimator.best_loss_ = min(estimator.best_loss_, estimator.loss_)
        return improved

    def _improved(self, state: "State", validation: tuple) -> bool:
        estimator = self.estimator
        score = estimator._validation_score(*validation)
        estimator.validation_scores_.append(score)
        if estimator.verbose:
            print(f"Validation score: {score:f}")
        improved = score >= estimator.best_validation_score_ + estimator.tol
        if score > estimator.best_validation_score_:
            estimator.best_validation_score_ = score
            self.best = state.theta.copy()
        return improved

    def restore_best(self, state: "State") -> None:
        """Put the parameters of the best validation score back, if any were kept."""
        if self.best is not None:
            state.theta[:] = self.best


def _open_curves(estimator: "BaseMLP", first: bool) -> None:
    """Start the curves, or go on with copies, since the old ones return if this fit fails."""
    estimator.loss_curve_ = [] if first else [*(getattr(estimator, "loss_curve_", None) or ())]
    if estimator.early_stopping:
        estimator.best_loss_ = None
        if getattr(estimator, "validation_scores_", None) is None:
            estimator.best_validation_score_ = -np.inf
        estimator.validation_scores_ = list(getattr(estimator, "validation_scores_", None) or ())
    else:
        estimator.validation_scores_ = None
        estimator.best_validation_score_ = None
        if getattr(estimator, "best_loss_", None) is None:
            estimator.best_loss_ = np.inf


def _split(
    estimator: "BaseMLP", data: Data, X: Any, rng: np.random.RandomState
) -> tuple[np.ndarray | None, tuple | None]:
    """Numbers of the rows to train on, and (X, targets, weights) of those to validate on.

    None and None if there is no validation, and all rows are trained on.
    """
    if not estimator.early_stopping:
        return None, None
    from sklearn.model_selection import train_test_split  # slow to import

    rows = np.arange(data.y.shape[0], dtype=np.int64)
    # Labels are spread evenly where there are two, as scikit-learn does.
    stratify = data.y.astype(bool) if is_classifier(estimator) and data.y.shape[1] == 1 else None
    if estimator.out_activation_ == "softmax":
        stratify = None
    train, test = train_test_split(
        rows, random_state=rng, test_size=estimator.validation_fraction, stratify=stratify
    )
    if test.size < 2:
        raise ValueError(
            f"The validation set is too small: {test.size} of {rows.size} rows. Increase "
            "validation_fraction, give more rows, or set early_stopping=False."
        )
    weights = data.sample_weight[test] if data.sample_weight.size else None
    if weights is not None and not (weights.any() and data.sample_weight[train].any()):
        raise ValueError(
            "early_stopping has left only rows of weight 0 to train or to validate on: leave such "
            "rows out, or set early_stopping=False"
        )
    return train, (X[test], data.y[test], weights)


def _state(
    estimator: "BaseMLP", optimizer: Optimizer, rng: np.random.RandomState, incremental: bool
) -> "State":
    """State to train from: fresh, or a copy of the one that the last call has left."""
    from retrograd.engine.trainer import State

    if isinstance(estimator.random_state, (int, np.integer)):
        estimator._seed = int(estimator.random_state)
    elif not hasattr(estimator, "_seed"):
        estimator._seed = int(rng.randint(np.iinfo(np.int32).max))
    state = State.start(np.array(estimator._theta()), optimizer)
    last = getattr(estimator, "_state", None)
    if not incremental or last is None:
        estimator._no_improvement_count = 0
    if last is None:
        # Fitted by other means: by L-BFGS, loaded from a file, or set by hand.
        state.samples_seen = int(getattr(estimator, "t_", 0))
        return state
    state.step, state.epoch, state.samples_seen = last.step, last.epoch, last.samples_seen
    state.schedule_start = last.schedule_start if incremental else last.step
    if last.slots.shape == state.slots.shape and estimator._solver == optimizer.solver:
        state.slots[:] = last.slots
    if optimizer.schedule == "adaptive" and incremental:
        state.learning_rate = last.learning_rate
    elif state.samples_seen:
        state.learning_rate = optimizer.rate_after_epoch(
            optimizer.learning_rate_init, state.samples_seen
        )
    return state


def _batch_size(batch_size: int | str, n_rows: int) -> int:
    if batch_size == "auto":
        return min(200, n_rows)
    if int(batch_size) > n_rows:
        warnings.warn(
            f"Got `batch_size` {batch_size}, larger than the {n_rows} training rows; "
            "all of them are one batch",
            stacklevel=7,
        )
    return min(int(batch_size), n_rows)


def fit_lbfgs(estimator: "BaseMLP", network: Network, data: Data) -> None:
    """Minimise the loss over all rows at once, with SciPy's L-BFGS on the engine's gradient.

    Source: Byrd, Lu, Nocedal and Zhu, A limited memory algorithm for bound constrained
    optimization (1995).

    Raises
    ------
    DivergenceError
        If the result, or the loss to start from, is NaN or infinite.
    """
    import scipy.optimize

    from retrograd.engine.threads import one_blas_thread
    from retrograd.engine.trainer import Objective

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
    if result.status != 0:
        warnings.warn(
            f"lbfgs failed to converge: it stopped after {result.nit} iterations and "
            f"{result.nfev} evaluations ({result.message}): raise max_iter or max_fun, or "
            "scale the data",
            ConvergenceWarning,
            stacklevel=6,
        )
