"""Every gradient against central differences of the loss, which know nothing of derivatives."""

from collections.abc import Callable
from itertools import count

import numpy as np
import pytest

from problems import PAIRS, Problem, layers_of, make_problem, vector_of
from retrograd.engine.objective import Objective
from retrograd.maths.activations import ACTIVATIONS

STEP = 1e-3


def central_differences(f: Callable[[np.ndarray], float], theta: np.ndarray) -> np.ndarray:
    """Gradient from values alone, with the five-point rule, whose error is of order STEP**4."""
    gradient = np.empty(theta.size)
    for p in range(theta.size):
        values = []
        for k in (-2, -1, 1, 2):
            moved = theta.copy()
            moved[p] += k * STEP
            values.append(f(moved))
        gradient[p] = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * STEP)
    return gradient


def away_from_kinks(problem: Problem) -> bool:
    """Whether no pre-activation and no residual is near a point where a slope jumps."""
    zs, activations = problem.model().forward(layers_of(problem.network, problem.theta), problem.X)
    residual = np.zeros(1) + 9.0
    if problem.network.output == "identity":
        residual = np.abs(activations[-1] - problem.y)
    near = [np.abs(z).min() for z in zs[:-1]] + [residual.min()]
    near.append(np.abs(residual - problem.network.loss_parameter).min())
    return min(near) > 0.02


def smooth_problem(widths: tuple[int, ...], activation: str, pair: tuple[str, str]) -> Problem:
    """First of the seeded problems that is differentiable around its parameters."""
    problems = (make_problem(widths, activation, pair, 4, seed) for seed in count())
    return next(problem for problem in problems if away_from_kinks(problem))


@pytest.mark.parametrize("storage", ["dense", "csr"])
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient(activation: str, pair: tuple[str, str], storage: str) -> None:
    """Three layers, weights, a penalty, and more than one output."""
    problem = smooth_problem((2, 3, 3, 2), activation, pair)
    objective = Objective(problem.network, 0.4, problem.data(storage))
    _, gradient = objective(problem.theta)
    expected = central_differences(lambda theta: objective(theta)[0], problem.theta)
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(gradient, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_gradient_without_hidden_layers(pair: tuple[str, str]) -> None:
    """The first layer's delta is the output's."""
    problem = smooth_problem((3, 2), "", pair)
    objective = Objective(problem.network, 0.4, problem.data("dense"))
    expected = central_differences(lambda theta: objective(theta)[0], problem.theta)
    np.testing.assert_allclose(objective(problem.theta)[1], expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_single_precision_gradient(activation: str) -> None:
    """Single precision gives the gradient of double precision, rounded."""
    problem = smooth_problem((3, 4, 2), activation, ("log_loss", "softmax"))
    results = [
        Objective(problem.network, 0.4, problem.data("dense", dtype))(problem.theta)
        for dtype in (np.float64, np.float32)
    ]
    assert results[1][1].dtype == np.float64, "SciPy wants doubles"
    np.testing.assert_allclose(results[1][0], results[0][0], rtol=1e-6)
    np.testing.assert_allclose(results[1][1], results[0][1], rtol=1e-5, atol=1e-6)


@pytest.mark.compiled
@pytest.mark.parametrize("storage", ["dense", "csr"])
@pytest.mark.parametrize(
    ("widths", "n_rows"), [((60, 128, 256, 6), 300), ((6, 8, 3), 1100), ((20, 20, 7), 4200)]
)
def test_large_objective(widths: tuple[int, ...], n_rows: int, storage: str) -> None:
    """Through tiles, tasks and panels the gradient is the oracle's."""
    problem = make_problem(widths, "tanh", ("log_loss", "softmax"), n_rows)
    loss, gradient = Objective(problem.network, 0.4, problem.data(storage))(problem.theta)
    expected_loss, expected = problem.model(0.4).loss_and_gradient(
        layers_of(problem.network, problem.theta), problem.X, problem.y, problem.weight
    )
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-12)
    np.testing.assert_allclose(
        gradient, vector_of(problem.network, expected), rtol=1e-10, atol=1e-14
    )


def test_objective_leaves_theta_alone() -> None:
    """Asking for a gradient moves nothing, and asking again gives the same bits."""
    problem = make_problem((3, 4, 2), "relu", ("log_loss", "softmax"), 5)
    objective = Objective(problem.network, 0.1, problem.data("dense"))
    before = problem.theta.copy()
    first_loss, first = objective(problem.theta)
    second_loss, second = objective(problem.theta)
    assert np.array_equal(problem.theta, before)
    assert first_loss == second_loss
    assert first.tobytes() == second.tobytes()
    assert first is not second, "a caller may keep it"
