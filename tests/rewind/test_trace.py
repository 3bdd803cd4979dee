"""Traces: the training's own numbers, to the last bit, and right by the oracle's formulas."""

import numpy as np
import pytest
import scipy.sparse

from problems import OPTIMIZERS, PAIRS, layers_of, make_problem
from retrograd.engine.batches import make_data
from retrograd.engine.network import Network
from retrograd.engine.optimizers import Optimizer
from retrograd.engine.trainer import State, Trainer
from retrograd.engine.work import PANEL_ROWS
from retrograd.rewind.trace import Trace, trace_step

SOFTMAX = ("log_loss", "softmax")
PLAIN = Optimizer("sgd", momentum=0.0)


def traced(
    problem, optimizer: Optimizer, rows: np.ndarray, storage: str = "dense", dtype: type = float
) -> tuple[Trace, Trainer, float]:
    """A trace of the third step, and a trainer that has taken it, with its loss."""
    data = problem.data(storage, dtype)
    state = State.start(problem.theta.astype(dtype), optimizer)
    trainer = Trainer(problem.network, optimizer, data, rows.size, state)

    def step() -> float:
        return trainer.run(rows, np.array([0, rows.size]), np.array([0.07]))[0]

    step()
    step()
    before = state.copy()
    trace = trace_step(problem.network, optimizer, data, state, rows, 0.07)
    np.testing.assert_array_equal(state.theta, before.theta)
    np.testing.assert_array_equal(state.slots, before.slots)
    assert (trace.step, state.step) == (2, 2)
    return trace, trainer, step()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("storage", ["dense", "csr"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_step_is_the_trainings(name: str, storage: str, dtype: type) -> None:
    """Loss, gradient, slots and parameters are the training's bits, and the update leads there."""
    problem = make_problem((4, 7, 5, 3), "gelu", SOFTMAX, 20)
    rows = np.array([3, 0, 10, 7, 12])
    trace, trainer, loss = traced(problem, OPTIMIZERS[name], rows, storage, dtype)
    assert trace.loss == loss
    for mine, theirs in [
        (trace.theta_after, trainer.state.theta),
        (trace.slots_after, trainer.state.slots),
        (trace.gradient, trainer.work.gradient),
        (trace.decayed + trace.update, trainer.state.theta),
        (np.ravel(trace.layers[1].z), trainer.work.z[35:60]),
        (np.ravel(trace.layers[1].delta), trainer.work.delta[35:60]),
    ]:
        np.testing.assert_array_equal(mine, theirs, strict=True)
    for layer in trace.layers:
        np.testing.assert_array_equal(layer.W_decayed + layer.W_update, layer.W_after)
        assert (layer.W_decayed == layer.W).all() == (name != "adamw")
        np.testing.assert_array_equal(layer.b + layer.b_update, layer.b_after)
    X = trace.layers[0].input
    X = X.toarray() if scipy.sparse.issparse(X) else X
    np.testing.assert_array_equal(X, problem.X[rows])
    assert trace.trouble is None


@pytest.mark.parametrize("pair", PAIRS)
def test_the_numbers_are_right(pair: tuple[str, str]) -> None:
    """Units, deltas, gradients and losses agree with the oracle, for every loss."""
    problem = make_problem((4, 6, 3), "tanh", pair, 12)
    rows = np.array([5, 6, 1, 9])
    optimizer = OPTIMIZERS["sgd"]
    trace, *_ = traced(problem, optimizer, rows)
    model = problem.model(optimizer.alpha)
    layers = layers_of(problem.network, trace.theta)
    X, y, weight = problem.X[rows], problem.y[rows], problem.weight[rows]
    z, a = model.forward(layers, X)
    loss, gradient = model.loss_and_gradient(layers, X, y, weight)
    for layer in trace.layers:
        np.testing.assert_allclose(layer.z, z[layer.layer], rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(layer.a, a[layer.layer + 1], rtol=1e-12, atol=1e-14)
        dW, db = gradient[layer.layer]
        np.testing.assert_allclose(layer.dW, dW, rtol=1e-11, atol=1e-14)
        np.testing.assert_allclose(layer.db, db, rtol=1e-11, atol=1e-14)
        mean = layer.delta.sum(axis=0) / weight.sum()
        np.testing.assert_allclose(layer.db, mean, rtol=1e-11, atol=1e-14)
    assert trace.loss == pytest.approx(loss, rel=1e-12)
    by_rows = np.average(trace.loss_per_row, weights=weight) + trace.penalty
    assert trace.loss == pytest.approx(by_rows, rel=1e-12)


@pytest.mark.compiled
def test_a_batch_of_several_panels() -> None:
    """All its rows' units are there, and the numbers are still the training's."""
    problem = make_problem((3, 8, 1), "relu", ("squared_error", "identity"), 2 * PANEL_ROWS + 100)
    rows = np.random.default_rng(0).permutation(len(problem.X))
    trace, trainer, loss = traced(problem, OPTIMIZERS["adam"], rows)
    assert trace.loss == loss
    np.testing.assert_array_equal(trace.theta_after, trainer.state.theta)
    assert trace.y_pred.shape == (rows.size, 1)
    gradient = trace.layers[0].input.T @ trace.layers[0].delta / trace.sample_weight.sum()
    penalty = 0.3 * trace.layers[0].W / trace.sample_weight.sum()
    np.testing.assert_allclose(trace.layers[0].dW, gradient + penalty, rtol=1e-9, atol=1e-12)


def test_the_notebooks_step() -> None:
    """One row, a linear hidden layer, plain descent: the loop that training takes for it."""
    problem = make_problem((2, 2, 1), "identity", ("log_loss", "logistic"), 6)
    problem.weight = None
    optimizer = Optimizer("sgd", momentum=0.0)
    trace, trainer, loss = traced(problem, optimizer, np.array([4]))
    assert trainer._is_notebooks(np.array([0, 1]))
    assert trace.loss == loss == trace.loss_per_row[0]
    np.testing.assert_array_equal(trace.decayed + trace.update, trainer.state.theta)
    error = trace.y_pred[0, 0] - trace.y[0, 0]
    assert trace.layers[1].delta[0, 0] == error


def test_a_batch_that_weighs_nothing_moves_nothing() -> None:
    """Not even by the optimizer's momentum, as in training."""
    problem = make_problem((3, 4, 1), "tanh", ("squared_error", "identity"), 8)
    row = np.array([4])
    assert problem.weight[4] == 0.0
    optimizer = OPTIMIZERS["adam"]
    state = State.start(problem.theta.copy(), optimizer)
    data = problem.data("dense")
    Trainer(problem.network, optimizer, data, 2, state).run(np.arange(2), np.array([0, 2]), [0.1])
    trace = trace_step(problem.network, optimizer, data, state, row, 0.1)
    assert not trace.update.any()
    np.testing.assert_array_equal(trace.theta_after, trace.theta)
    assert trace.loss == 0.0 != trace.loss_per_row[0]


@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered")  # where interpreted
def test_a_step_that_diverges_is_there_to_look_at() -> None:
    """Its numbers are kept, and the place of the first NaN or infinity is named."""
    network = Network((1, 2, 1), ("relu",), "identity", "squared_error")
    problem = make_problem((1, 2, 1), "relu", ("squared_error", "identity"), 3)
    problem.X[:], problem.weight = 1e200, None
    optimizer = Optimizer("sgd", momentum=0.0)
    state = State.start(problem.theta.copy(), optimizer)
    trace = trace_step(network, optimizer, problem.data("dense"), state, np.arange(3), 0.1)
    assert trace.trouble == "the loss"
    assert np.isfinite(trace.layers[0].z).all()
    assert trace.loss == np.inf
    assert np.isinf(trace.loss_per_row).all()
    assert np.isfinite(trace.theta).all()


def test_nothing_can_be_written_through_a_trace() -> None:
    """A look at the past does not change it."""
    problem = make_problem((2, 3, 1), "relu", ("squared_error", "identity"), 5)
    trace, *_ = traced(problem, OPTIMIZERS["sgd"], np.arange(5))
    with pytest.raises(ValueError, match="read-only"):
        trace.layers[0].W[0, 0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        trace.y_pred[0] = 1.0


@pytest.mark.compiled
def test_a_parameter_that_fades_to_zero() -> None:
    """Training takes what is too small to be normal for 0: the update leads there, and no less."""
    network, optimizer = Network((1, 1), (), "identity", "squared_error"), PLAIN
    data = make_data(network, np.array([[1.0]]), np.array([0.0]))
    state = State.start(np.array([3e-308, 1.0]), optimizer)
    trace = trace_step(network, optimizer, data, state, np.array([0]), 2.9e-308)
    assert trace.gradient.tolist() == [1.0, 1.0]
    assert (trace.theta[0], trace.theta_after[0]) == (3e-308, 0.0)
    assert trace.update[0] == -3e-308
    assert (trace.decayed + trace.update == trace.theta_after).all()
