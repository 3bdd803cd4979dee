"""Laws of every activation in the table."""

import itertools
import math
from statistics import NormalDist

import numpy as np
import pytest

import oracle
from retrograd.maths.activations import ACTIVATIONS, OUTPUTS

GRID = np.concatenate([np.linspace(-8.0, 8.0, 161), [-30.0, -15.0, 15.0, 30.0]])
EXTREMES = [-1e300, -1e4, -750.0, -700.0, -40.0, 40.0, 700.0, 750.0, 1e4, 1e300]
KINKED = ("relu", "leaky_relu", "elu", "selu")

table = pytest.mark.parametrize("name", ACTIVATIONS)


@table
def test_slope_is_the_derivative(name: str) -> None:
    """Against central differences, except across a kink."""
    activation, h = ACTIVATIONS[name], 1e-3
    f = activation.value
    for z in GRID.tolist():
        if name in KINKED and abs(z) < 3 * h:
            continue
        difference = (f(z - 2 * h) - 8 * f(z - h) + 8 * f(z + h) - f(z + 2 * h)) / (12 * h)
        assert activation.slope(z, f(z)) == pytest.approx(difference, rel=1e-9, abs=5e-11), z


@table
def test_value_and_slope_are_the_oracles(name: str) -> None:
    """An independent formula gives the same numbers."""
    value, slope = oracle.ACTIVATIONS[name]
    ours = [ACTIVATIONS[name].value(z) for z in GRID.tolist()]
    slopes = [ACTIVATIONS[name].slope(z, a) for z, a in zip(GRID.tolist(), ours, strict=True)]
    np.testing.assert_allclose(ours, value(GRID), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(slopes, slope(GRID), rtol=1e-12, atol=1e-15)


@table
@pytest.mark.parametrize("z", EXTREMES)
def test_nothing_overflows(name: str, z: float) -> None:
    """Value and slope are finite everywhere; ``math`` would raise if anything overflowed."""
    a = ACTIVATIONS[name].value(z)
    slope = ACTIVATIONS[name].slope(z, a)
    assert math.isfinite(a)
    assert math.isfinite(slope)
    assert abs(a) <= 2.0 or abs(a) <= 1.06 * abs(z)
    assert -0.2 < slope < 1.8


@table
def test_nan_stays_nan(name: str) -> None:
    """A NaN is never made into a number, or divergence could hide."""
    assert math.isnan(ACTIVATIONS[name].value(math.nan))


@table
def test_value_at_the_limits(name: str) -> None:
    """Far to the left and right: 0, a bound, or a straight line."""
    left = {"identity": -1e3, "tanh": -1.0, "leaky_relu": -10.0, "elu": -1.0, "selu": -1.7580993408}
    right = {"logistic": 1.0, "tanh": 1.0, "selu": 1050.7009873554804}
    value = ACTIVATIONS[name].value
    assert value(-1e3) == pytest.approx(left.get(name, 0.0), rel=1e-10, abs=1e-300)
    assert value(1e3) == pytest.approx(right.get(name, 1e3), rel=1e-12)


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name not in
                                  ("gelu", "silu", "mish")])  # fmt: skip
def test_monotone(name: str) -> None:
    """All but the three with a dip never fall."""
    values = [ACTIVATIONS[name].value(z) for z in GRID[:161].tolist()]
    assert all(low <= high for low, high in itertools.pairwise(values))


@pytest.mark.parametrize(
    ("name", "z", "expected"),
    [
        ("logistic", 0.0, 0.5),
        ("logistic", math.log(3.0), 0.75),
        ("tanh", math.log(2.0), 0.6),
        ("relu", -3.0, 0.0),
        ("leaky_relu", -3.0, -0.03),
        ("elu", -math.log(2.0), -0.5),
        ("selu", 1.0, 1.0507009873554805),
        ("selu", -math.log(2.0), -1.7580993408473766 / 2),
        ("gelu", 1.0, NormalDist().cdf(1.0)),
        ("gelu", -2.0, -2.0 * NormalDist().cdf(-2.0)),
        ("silu", math.log(3.0), 0.75 * math.log(3.0)),
        ("softplus", 0.0, math.log(2.0)),
        ("softplus", math.log(3.0), math.log(4.0)),
        # tanh(log 4) = 15/17 at the z whose softplus is log 4
        ("mish", math.log(3.0), math.log(3.0) * 15.0 / 17.0),
    ],
)
def test_values_by_hand(name: str, z: float, expected: float) -> None:
    """Points where the formula can be worked out on paper."""
    assert ACTIVATIONS[name].value(z) == pytest.approx(expected, rel=1e-14)


def test_selu_keeps_mean_and_variance() -> None:
    """Its two constants are those that map a standard normal to mean 0 and variance 1."""
    z, step = np.linspace(-12.0, 12.0, 200_001, retstep=True)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    values = np.array([ACTIVATIONS["selu"].value(point) for point in z.tolist()])
    assert np.sum(values * density) * step == pytest.approx(0.0, abs=1e-8)
    assert np.sum(values**2 * density) * step == pytest.approx(1.0, abs=1e-8)


def test_kinks_have_the_slope_of_the_left() -> None:
    """At exactly 0, as scikit-learn has it for relu."""
    slopes = {name: ACTIVATIONS[name].slope(0.0, 0.0) for name in ("relu", "leaky_relu", "elu")}
    assert slopes == {"relu": 0.0, "leaky_relu": 0.01, "elu": 1.0}


def test_logistic_is_symmetric() -> None:
    """A probability and that of the opposite add up to 1."""
    logistic = ACTIVATIONS["logistic"].value
    for z in GRID.tolist():
        assert logistic(z) + logistic(-z) == pytest.approx(1.0, rel=1e-15)
    assert logistic(-700.0) == pytest.approx(math.exp(-700.0), rel=1e-14), "not rounded to 0"


def test_codes_are_distinct() -> None:
    """The engine tells activations apart by their codes; the two tables share them."""
    codes = {name: activation.code for name, activation in ACTIVATIONS.items()}
    assert len(set(codes.values())) == len(codes)
    merged = codes | OUTPUTS
    assert {name: merged[name] for name in codes} == codes
    assert len(set(merged.values())) == len(merged)
