"""Laws of every loss in the table."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from sklearn import metrics

import oracle
from retrograd.maths.losses import LOSSES, check_pair

PARAMETERS = {"huber": 0.7, "quantile": 0.3}
EPS = float(np.finfo(float).eps)
SCALAR_PAIRS = [
    (name, output)
    for name, loss in LOSSES.items()
    for output in loss.outputs
    if output != "softmax"
]
TARGETS = {"logistic": (0.0, 1.0, 0.3), "identity": (-1.4, 0.0, 2.1), "exp": (0.0, 1.0, 4.0)}


def parameter(name: str) -> float:
    """Third argument of a loss; for log loss the clipping."""
    return EPS if name == "log_loss" else PARAMETERS.get(name, 0.0)


def derivative(f: Callable[[float], float], z: float, h: float = 1e-3) -> float:
    """Five-point central difference."""
    return (f(z - 2 * h) - 8 * f(z - h) + 8 * f(z + h) - f(z + 2 * h)) / (12 * h)


@pytest.mark.parametrize(("name", "output"), SCALAR_PAIRS)
def test_delta_is_the_derivative_through_the_output(name: str, output: str) -> None:
    """dLoss/dz, by central differences of loss(output(z))."""
    loss, third = LOSSES[name], parameter(name)

    def a_of(z: float) -> float:
        return float(oracle.OUTPUTS[output](np.array([[z]]))[0, 0])

    for y in TARGETS[output]:
        for z in np.linspace(-3.03, 3.07, 41).tolist():
            corners = (0.0, third, -third) if output == "identity" else ()
            if any(abs(a_of(z) - y - corner) < 0.01 for corner in corners):
                continue
            expected = derivative(lambda z, y=y: loss.value(a_of(z), y, third), z)
            assert loss.delta(a_of(z), y, third) == pytest.approx(expected, rel=1e-8, abs=1e-9)


def test_softmax_delta() -> None:
    """A class row: value at the true class, delta at every class."""
    loss = LOSSES["log_loss"]
    rng = np.random.default_rng(0)
    for true in range(4):
        z = rng.normal(size=4) * 2

        def cost(z: np.ndarray, true: int = true) -> float:
            return loss.value(float(oracle.softmax(z[None])[0, true]), 1.0, EPS)

        p = oracle.softmax(z[None])[0]
        for k in range(4):
            expected = derivative(
                lambda zk, k=k, z=z: cost(np.where(np.arange(4) == k, zk, z)), z[k]
            )
            actual = loss.delta(float(p[k]), float(k == true), 0.0)
            assert actual == pytest.approx(expected, rel=1e-8, abs=1e-10)


@pytest.mark.parametrize(("name", "output"), SCALAR_PAIRS)
def test_never_negative_and_nothing_at_the_target(name: str, output: str) -> None:
    """A loss is 0 where prediction and target agree, and delta is 0 there too."""
    loss, third = LOSSES[name], parameter(name)
    targets = (0.0, 1.0) if output == "logistic" else TARGETS[output]
    for y in targets:
        for a in (1e-9, 0.2, 0.5, 1.0 - 1e-9):
            assert loss.value(a, y, third) >= 0.0
        exact = max(y, 1e-300) if output == "exp" else y
        assert loss.value(exact, y, third) == pytest.approx(0.0, abs=1e-15)
        assert loss.delta(exact, y, third) == pytest.approx(0.0, abs=1e-299)


@pytest.mark.parametrize("name", LOSSES)
def test_nan_is_never_lost(name: str) -> None:
    """In the value (Poisson: not finite) and in the delta, for any target."""
    loss, third = LOSSES[name], parameter(name)
    for y in (0.0, 1.0, 3.0):
        assert not math.isfinite(loss.value(math.nan, y, third))
        assert math.isnan(loss.delta(math.nan, y, third))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_log_loss_keeps_off_infinity(dtype: type) -> None:
    """A confident mistake costs -log(eps), the eps being that of the dtype."""
    tiny = float(np.finfo(dtype).eps)
    value = LOSSES["log_loss"].value
    for p, y in ((0.0, 1.0), (1.0, 0.0), (tiny / 2, 1.0)):
        assert value(p, y, tiny) == pytest.approx(-math.log(tiny), rel=1e-9)
    assert value(0.0, 0.0, tiny) == pytest.approx(0.0, abs=2 * tiny)
    assert value(1.0, 1.0, tiny) == pytest.approx(0.0, abs=2 * tiny)


def test_against_scikit_learns_metrics() -> None:
    """Averages over many rows are what scikit-learn measures."""
    rng = np.random.default_rng(1)
    y, a = rng.normal(size=50), rng.normal(size=50)
    labels, p = rng.integers(0, 2, 50), rng.uniform(0.01, 0.99, 50)
    counts, rates = rng.poisson(2.0, 50).astype(float), rng.uniform(0.1, 5.0, 50)

    def mean(name: str, predictions: np.ndarray, targets: np.ndarray) -> float:
        values = zip(predictions.tolist(), targets.tolist(), strict=True)
        return float(np.mean([LOSSES[name].value(p, t, parameter(name)) for p, t in values]))

    assert mean("log_loss", p, labels) == pytest.approx(metrics.log_loss(labels, p))
    assert mean("squared_error", a, y) == pytest.approx(metrics.mean_squared_error(y, a) / 2)
    assert mean("absolute_error", a, y) == pytest.approx(metrics.mean_absolute_error(y, a))
    assert mean("quantile", a, y) == pytest.approx(metrics.mean_pinball_loss(y, a, alpha=0.3))
    deviance = metrics.mean_poisson_deviance(counts, rates)
    assert mean("poisson", rates, counts) == pytest.approx(deviance / 2)


@pytest.mark.parametrize(
    ("name", "expected"), [("squared_error", 4.0), ("absolute_error", 2.0), ("quantile", 1.0)]
)
def test_optimum_of_a_constant_prediction(name: str, expected: float) -> None:
    """Mean, median and quantile are what these losses are for."""
    y = [0.0, 1.0, 2.0, 3.0, 14.0]
    grid = np.linspace(-1.0, 15.0, 161)
    costs = [sum(LOSSES[name].value(a, t, parameter(name)) for t in y) for a in grid.tolist()]
    assert grid[int(np.argmin(costs))] == pytest.approx(expected)


def test_huber_joins_smoothly() -> None:
    """Value and delta are continuous where the square becomes a line."""
    loss = LOSSES["huber"]
    for side in (-1.0, 1.0):
        near, far = side * 0.7 * (1 - 1e-12), side * 0.7 * (1 + 1e-12)
        assert loss.value(near, 0.0, 0.7) == pytest.approx(loss.value(far, 0.0, 0.7), rel=1e-10)
        assert loss.delta(near, 0.0, 0.7) == pytest.approx(loss.delta(far, 0.0, 0.7), rel=1e-10)
        assert loss.delta(side * 1e9, 0.0, 0.7) == side * 0.7


def test_poisson_of_a_rate_that_underflowed() -> None:
    """Infinity, so that training says so; no division by 0."""
    assert LOSSES["poisson"].value(0.0, 2.0, 0.0) == math.inf
    assert LOSSES["poisson"].value(0.0, 0.0, 0.0) == 0.0


def test_pairs() -> None:
    """Every pair is either legal by the table or refused by both names."""
    legal = {(name, output) for name, loss in LOSSES.items() for output in loss.outputs}
    assert len(legal) == 7
    for name in LOSSES:
        for output in ("identity", "logistic", "softmax", "exp", "relu"):
            if (name, output) in legal:
                check_pair(name, output)
            else:
                with pytest.raises(
                    ValueError, match=f"'{name}' does not go .* '{output}'; it takes"
                ):
                    check_pair(name, output)
    with pytest.raises(ValueError, match="unknown loss 'hinge'; known are 'log_loss'"):
        check_pair("hinge", "identity")


def test_codes_are_distinct() -> None:
    """The engine tells losses apart by their codes."""
    assert len({loss.code for loss in LOSSES.values()}) == len(LOSSES)
