"""Laws that hold for every network and every table, with Hypothesis looking for the exception."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from problems import (
    OPTIMIZERS,
    PAIRS,
    Problem,
    layers_of,
    make_problem,
    train_engine,
    train_oracle,
    vector_of,
)
from retrograd.engine.optimizers import Optimizer
from retrograd.engine.prediction import predict
from retrograd.maths.activations import ACTIVATIONS

STORAGES = st.sampled_from(["dense", "csr"])


@st.composite
def problems(draw: st.DrawFn, min_rows: int = 1) -> Problem:
    """0 to 3 hidden layers, 1 to 9 units in each, one or more rows and features."""
    width = st.integers(1, 9)
    widths = (draw(width), *draw(st.lists(width, max_size=3)), draw(st.integers(1, 4)))
    return make_problem(
        widths,
        draw(st.sampled_from(list(ACTIVATIONS))),
        draw(st.sampled_from(PAIRS)),
        draw(st.integers(min_rows, 20)),
        draw(st.integers(0, 1000)),
    )


def full_batch_steps(problem: Problem, optimizer: str, storage: str, steps: int = 3) -> tuple:
    """Take some steps on all rows at once; the parameters, and the losses."""
    n = len(problem.X)
    result = train_engine(
        problem,
        OPTIMIZERS[optimizer],
        np.tile(np.arange(n), steps),
        np.arange(steps + 1) * n,
        np.full(steps, 0.01),
        storage,
    )
    return result.theta, result.losses


def with_rows(problem: Problem, rows: np.ndarray, weight: np.ndarray) -> Problem:
    """Take the same network on chosen rows, with other weights."""
    return Problem(problem.network, problem.theta, problem.X[rows], problem.y[rows], weight)


def assert_same(one: tuple, other: tuple) -> None:
    """Equal but for the order in which sums were taken.

    Adam may turn a gradient that is 0 but for rounding into a step of any size up to the rate
    times that rounding over epsilon: the laws are therefore tried with plain descent.
    """
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


@settings(max_examples=60)
@given(problems(), st.data(), STORAGES)
def test_weight_two_is_the_row_twice(problem: Problem, data: st.DataObject, storage: str) -> None:
    """In the loss as in every parameter."""
    n = len(problem.X)
    twice = data.draw(st.integers(0, n - 1))
    doubled, rows = np.ones(n), np.append(np.arange(n), twice)
    doubled[twice] = 2.0
    assert_same(
        full_batch_steps(with_rows(problem, np.arange(n), doubled), "sgd with Nesterov", storage),
        full_batch_steps(with_rows(problem, rows, np.ones(n + 1)), "sgd with Nesterov", storage),
    )


@settings(max_examples=60)
@given(problems(min_rows=2), st.data(), STORAGES)
def test_weight_zero_is_the_rows_absence(
    problem: Problem, data: st.DataObject, storage: str
) -> None:
    """Any rows but not all of them."""
    n = len(problem.X)
    absent = data.draw(st.lists(st.integers(0, n - 1), max_size=n - 1, unique=True))
    weight = np.ones(n)
    weight[absent] = 0.0
    rows = np.flatnonzero(weight)
    assert_same(
        full_batch_steps(with_rows(problem, np.arange(n), weight), "sgd", storage),
        full_batch_steps(with_rows(problem, rows, np.ones(rows.size)), "sgd", storage),
    )


@settings(max_examples=40)
@given(problems(), STORAGES)
def test_no_weights_are_weights_of_one(problem: Problem, storage: str) -> None:
    """To the bit."""
    n = len(problem.X)
    plain = with_rows(problem, np.arange(n), np.empty(0))
    ones = with_rows(problem, np.arange(n), np.ones(n))
    for a, b in zip(
        full_batch_steps(plain, "adam", storage),
        full_batch_steps(ones, "adam", storage),
        strict=True,
    ):
        assert a.tobytes() == b.tobytes()


@settings(max_examples=40)
@given(problems(), st.sampled_from([0.5, 3.0, 1e3]))
def test_a_common_factor_of_the_weights_is_nothing(problem: Problem, factor: float) -> None:
    """Without a penalty, which the weights' sum divides as well, only their proportions matter."""
    n = len(problem.X)
    problem.weight += 0.1
    results = [
        train_engine(
            with_rows(problem, np.arange(n), problem.weight * f),
            Optimizer("sgd", 0.01, momentum=0.0, alpha=0.0),
            np.arange(n),
            np.array([0, n]),
            np.array([0.01]),
        )
        for f in (1.0, factor)
    ]
    assert_same((results[0].theta, results[0].losses), (results[1].theta, results[1].losses))


@settings(max_examples=60)
@given(problems(), st.randoms(use_true_random=False), STORAGES)
def test_order_of_rows_in_a_full_batch(problem: Problem, random: object, storage: str) -> None:
    """Moves nothing but roundings."""
    rows = list(range(len(problem.X)))
    random.shuffle(rows)
    moved = with_rows(problem, np.array(rows), problem.weight[rows])
    assert_same(
        full_batch_steps(problem, "sgd with momentum", storage),
        full_batch_steps(moved, "sgd with momentum", storage),
    )


@settings(max_examples=60)
@given(problems(), st.randoms(use_true_random=False), STORAGES)
def test_order_of_features(problem: Problem, random: object, storage: str) -> None:
    """Features in another order, with the first weights in that order, train the same net."""
    network = problem.network
    order = list(range(network.widths[0]))
    random.shuffle(order)

    def moved(vector: np.ndarray) -> np.ndarray:
        layers = layers_of(network, vector)
        layers[0][0] = layers[0][0][order]
        return vector_of(network, layers)

    theta, losses = full_batch_steps(problem, "sgd with Nesterov", storage)
    other = Problem(network, moved(problem.theta), problem.X[:, order], problem.y, problem.weight)
    assert_same((moved(theta), losses), full_batch_steps(other, "sgd with Nesterov", storage))


@settings(max_examples=100)
@given(problems(), STORAGES, st.sampled_from(["sgd", "sgd with Nesterov", "rmsprop", "adamw"]))
def test_random_shapes_against_the_oracle(problem: Problem, storage: str, optimizer: str) -> None:
    """Forward, and three steps on batches of one row to all."""
    network, n = problem.network, len(problem.X)
    ours = predict(network, problem.theta, problem.data(storage), n)
    theirs = problem.model().predict(layers_of(network, problem.theta), problem.X)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)

    rows, bounds = np.tile(np.arange(n), 2), np.array([0, 1, n, 2 * n] if n > 1 else [0, 1, 2])
    rates = np.full(bounds.size - 1, 0.01)
    # A small epsilon would turn the sign of a rounding error into a whole step.
    setting = Optimizer(OPTIMIZERS[optimizer].solver, 0.01, epsilon=1e-3, alpha=0.3)
    ours = train_engine(problem, setting, rows, bounds, rates, storage)
    theirs = train_oracle(problem, setting, rows, bounds, rates)
    assert_same((ours.theta, ours.losses), (theirs.theta, theirs.losses))


@settings(max_examples=40)
@given(problems(), st.floats(-100.0, 100.0))
@example(make_problem((1, 1), "", ("squared_error", "identity"), 1), 0.0)
def test_a_constant_column_is_a_bias(problem: Problem, constant: float) -> None:
    """A column that never changes moves the first layer's z by constant times its weights."""
    network = problem.network
    problem.X[:, 0] = constant
    outputs = predict(network, problem.theta, problem.data("dense"), len(problem.X))
    assert np.isfinite(outputs).all()
    folded = problem.theta.copy()
    network.biases(folded, 0)[:] += constant * network.weights(folded, 0)[0]
    network.weights(folded, 0)[0] = 0.0
    np.testing.assert_allclose(
        outputs, predict(network, folded, problem.data("dense"), len(problem.X)),
        rtol=1e-9, atol=1e-9,
    )  # fmt: skip


@settings(max_examples=40)
@given(problems())
def test_one_row_at_a_time(problem: Problem) -> None:
    """Predictions do not depend on what other rows are asked for at the same time.

    But for the last bits: a panel's size decides between loops and BLAS.
    """
    network = problem.network
    together = predict(network, problem.theta, problem.data("dense"), len(problem.X))
    for r in range(len(problem.X)):
        alone = with_rows(problem, np.array([r]), np.ones(1))
        outputs = predict(network, problem.theta, alone.data("dense"), 1)
        np.testing.assert_allclose(outputs[0], together[r], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("storage", ["dense", "csr"])
def test_rows_that_all_weigh_nothing(storage: str) -> None:
    """Nothing is learnt from them, nothing is divided by 0, and no penalty is paid."""
    problem = make_problem((3, 4, 2), "tanh", ("log_loss", "softmax"), 5)
    problem.weight[:] = 0.0
    theta, losses = full_batch_steps(problem, "sgd", storage, steps=1)
    np.testing.assert_array_equal(theta, problem.theta)
    assert losses[0] == 0.0


def test_empty_sparse_rows() -> None:
    """A sparse row without entries is a row of zeros: the biases speak."""
    problem = make_problem((3, 2), "", ("squared_error", "identity"), 4)
    problem.X[:] = 0.0
    outputs = predict(problem.network, problem.theta, problem.data("csr"), 4)
    assert np.array_equal(outputs, np.tile(problem.network.biases(problem.theta, 0), (4, 1)))
