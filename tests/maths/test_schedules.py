"""Learning-rate schedules at the points that define them."""

import itertools

import numpy as np
import pytest

import oracle
from retrograd.maths.schedules import BY_STEP, SCHEDULES, cosine, invscaling, one_cycle

U = np.linspace(0.0, 1.0, 2001)[1:-1]


def at(schedule: object, *points: float) -> list[float]:
    """Multipliers at some progress."""
    return schedule(np.array(points)).tolist()


def test_cosine_at_its_key_points() -> None:
    """Linear up to 5 %, then half a cosine: a half in the middle, nothing at the end."""
    assert at(cosine, 0.01, 0.025, 0.05) == pytest.approx([0.2, 0.5, 1.0])
    assert at(cosine, 0.525, 1.0) == pytest.approx([0.5, 0.0], abs=1e-15)
    assert at(cosine, 0.05 + 0.95 / 3) == pytest.approx([0.75])


def test_one_cycle_at_its_key_points() -> None:
    """From 1/25 to the peak at 30 %, then to 1/250,000."""
    assert at(one_cycle, 0.0, 0.15, 0.3) == pytest.approx([0.04, 0.52, 1.0])
    assert at(one_cycle, 0.65, 1.0) == pytest.approx([0.500002, 4e-6], rel=1e-9)


@pytest.mark.parametrize(("name", "peak"), [("cosine", 0.05), ("one_cycle", 0.3)])
def test_up_once_then_down(name: str, peak: float) -> None:
    """Strictly, without a jump, and never 0 or above 1 on the way."""
    values = BY_STEP[name](U)
    steps = np.diff(values)
    assert (steps[U[1:] <= peak] > 0).all()
    assert (steps[U[:-1] >= peak] < 0).all()
    assert values.min() > 0.0
    assert values.max() <= 1.0
    assert np.abs(steps).max() < 0.011


@pytest.mark.parametrize("name", BY_STEP)
def test_against_the_oracle(name: str) -> None:
    """Step by step, by another formula."""
    progress = (np.arange(40) + 0.5) / 40
    expected = [oracle.scheduled_rate(name, 1.0, k, 40) for k in range(40)]
    np.testing.assert_allclose(BY_STEP[name](progress), expected, rtol=1e-11)


def test_invscaling() -> None:
    """1 at first, then the inverse power of the samples seen, plus one."""
    assert invscaling(0, 0.5) == 1.0
    assert invscaling(99, 0.5) == pytest.approx(0.1)
    assert invscaling(7, 1 / 3) == pytest.approx(0.5)
    assert invscaling(123, 0.0) == 1.0
    values = [invscaling(t, 0.5) for t in range(0, 1000, 10)]
    assert all(high > low for high, low in itertools.pairwise(values))


def test_the_table() -> None:
    """Every schedule by step is among the names that an optimizer may ask for."""
    assert set(BY_STEP) < set(SCHEDULES)
    assert {"constant", "invscaling", "adaptive"} == set(SCHEDULES) - set(BY_STEP)
