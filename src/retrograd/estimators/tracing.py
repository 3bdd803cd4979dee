"""Tracing: the step that an estimator would take next, with every number of it."""

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import check_random_state

if TYPE_CHECKING:
    from retrograd.estimators.base import BaseMLP
    from retrograd.rewind.gradients import GradientReport
    from retrograd.rewind.trace import Trace


def trace(estimator: "BaseMLP", X: Any, y: Any, sample_weight: Any = None) -> "Trace":
    """Trace the step that ``fit`` would take next on these rows; the estimator stays as it is.

    All rows are one batch. An estimator that is not fitted yet takes its very first step, from the
    parameters that its ``random_state`` draws. Of a schedule by step (cosine, one-cycle) as many
    epochs are over as of the training, and these rows are the whole of the next one: in a training
    of smaller batches the rate of a single step is slightly different.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        With a solver that takes steps, so not ``'lbfgs'``.
    X : {array-like, sparse matrix, data frame} of shape (B, I)
    y : array-like of shape (B,) or (B, O)
    sample_weight : array-like of shape (B,), default=None

    Returns
    -------
    Trace

    Raises
    ------
    ValueError
        If the input is not usable, or the solver is 'lbfgs'.
    TypeError
        If it is no network of retrograd's.

    Examples
    --------
    >>> from retrograd.estimators.regressor import MLPRegressor
    >>> model = MLPRegressor(hidden_layer_sizes=(), solver="sgd", init="zeros")
    >>> step = trace(model, [[1.0, 2.0]], [3.0])
    >>> step.y_pred, step.loss, step.layers[0].dW
    (array([[0.]]), 4.5, array([[-3.],
           [-6.]]))
    """
    from retrograd.engine.course import Course, Shuffled
    from retrograd.estimators.fitting import state_of
    from retrograd.rewind.trace import trace_step

    network, data, rng, twin = ready_twin(estimator, X, y, sample_weight)
    if twin.solver == "lbfgs":
        raise ValueError(
            "solver='lbfgs' takes no steps of which one could be traced; sgd, adam, adamw and "
            "rmsprop do"
        )
    optimizer = twin._make_optimizer()
    # As ``fit`` would with warm_start, which begins schedules anew; else as ``partial_fit``.
    state = state_of(twin, optimizer, rng, incremental=not estimator.warm_start)
    rows = np.arange(data.y.shape[0])
    course = Course(
        optimizer, Shuffled(rows.size, 0, False), rows.size, twin.max_iter, state.step, state.epoch,
        schedule_start=state.schedule_start,
    )  # fmt: skip
    rate = course.epoch(state.epoch, state.learning_rate).rates[0]
    return trace_step(network, optimizer, data, state, rows, float(rate))


def check_gradients(
    estimator: "BaseMLP", X: Any, y: Any, sample_weight: Any = None, seed: int = 0
) -> "GradientReport":
    """Check the gradient on these rows against central differences of the loss, in float64.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    X : {array-like, sparse matrix, data frame} of shape (n, I)
    y : array-like of shape (n,) or (n, O)
    sample_weight : array-like of shape (n,), default=None
    seed : int, default=0
        Draws the entries to look at, of layers that have many.

    Returns
    -------
    GradientReport
        ``print`` it; ``ok`` tells whether all is well, and each layer names its worst entry.

    Raises
    ------
    ValueError
        If the input is not usable.

    Examples
    --------
    >>> from retrograd.estimators.classifier import MLPClassifier
    >>> model = MLPClassifier((3,), activation="tanh", random_state=0)
    >>> check_gradients(model, [[0.0, 1.0], [1.0, 0.0]], ["a", "b"]).ok
    True
    """
    from retrograd.rewind.gradients import check_gradients_of

    network, data, _, twin = ready_twin(estimator, X, y, sample_weight)
    lbfgs = twin.solver == "lbfgs"
    alpha = twin.alpha if lbfgs else twin._make_optimizer().settings().alpha
    return check_gradients_of(network, alpha, data, twin._theta(), seed=seed)


def ready_twin(estimator: "BaseMLP", X: Any, y: Any, sample_weight: Any) -> tuple:
    """Network, data and generator for these rows, and a twin of the estimator to work with."""
    from retrograd.estimators.base import BaseMLP

    if not isinstance(estimator, BaseMLP):
        raise TypeError(
            f"expected an MLPClassifier or MLPRegressor of retrograd's, got "
            f"{type(estimator).__name__}; of a pipeline pass its last step, and rows as that sees "
            "them"
        )
    estimator._validate_params()
    twin = copy.copy(estimator)
    # What is drawn here is to be drawn again by the estimator itself.
    twin.random_state = copy.deepcopy(check_random_state(estimator.random_state))
    if isinstance(estimator.random_state, (int, np.integer)):
        twin.random_state = estimator.random_state
    twin.warm_start = False  # which wants all labels in y
    network, data, rng, _ = twin._ready(X, y, sample_weight, incremental=True)
    return network, data, rng, twin
