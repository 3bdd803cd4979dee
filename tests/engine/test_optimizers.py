"""Learning rates of every step, and what is refused."""

import numpy as np
import pytest

import oracle
from retrograd.engine.optimizers import SOLVERS, Optimizer
from retrograd.engine.trainer import State


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
@pytest.mark.parametrize("total", [1, 2, 7, 1000])
def test_schedules_by_step(schedule: str, total: int) -> None:
    """The oracle's rates, whether asked for one by one, in pieces, or beyond the plan's end."""
    optimizer = Optimizer("adam", 0.2, schedule=schedule)
    expected = [oracle.scheduled_rate(schedule, 0.2, k, total) for k in range(total + 3)]
    whole = optimizer.learning_rates(0.7, 0, total + 3, total)
    np.testing.assert_allclose(whole, expected, rtol=1e-9)
    single = [optimizer.learning_rates(0.7, k, 1, total)[0] for k in range(total + 3)]
    assert np.array_equal(single, whole), "a rate is a function of the step alone"
    assert whole.min() > 0.0
    assert whole.max() <= 0.2


@pytest.mark.parametrize("schedule", ["constant", "invscaling", "adaptive"])
def test_schedules_by_epoch(schedule: str) -> None:
    """Within an epoch the rate is the state's."""
    optimizer = Optimizer("sgd", 0.2, schedule=schedule)
    assert optimizer.learning_rates(0.05, 17, 4, 100).tolist() == [0.05] * 4


def test_rate_after_an_epoch() -> None:
    """Only invscaling moves, by scikit-learn's rule: the power of all samples seen, plus one."""
    optimizer = Optimizer("sgd", 0.2, schedule="invscaling", power_t=0.25)
    assert optimizer.rate_after_epoch(9.9, 1000) == pytest.approx(0.2 / 1001**0.25, rel=1e-15)
    for schedule in ("constant", "adaptive", "cosine"):
        assert Optimizer("sgd", 0.2, schedule=schedule).rate_after_epoch(0.1, 1000) == 0.1


def test_rate_after_a_stall() -> None:
    """Adaptive divides by 5 until it is below 1e-6, then stops; others stop at once."""
    adaptive = Optimizer("sgd", 0.2, schedule="adaptive")
    rates, rate = [], 0.2
    while rate is not None:
        rates.append(rate)
        rate = adaptive.rate_after_stall(rate)
    np.testing.assert_allclose(rates, 0.2 / 5.0 ** np.arange(len(rates)), rtol=1e-12)
    assert rates[-1] <= 1e-6 < rates[-2]
    assert Optimizer("sgd", 0.2).rate_after_stall(0.2) is None
    assert adaptive.rate_after_stall(1e-6) is None
    assert adaptive.rate_after_stall(1.1e-6) == pytest.approx(2.2e-7)


def test_slots() -> None:
    """What each solver remembers of every parameter, 0 at first, in theta's dtype."""
    expected = {"sgd": 1, "adam": 2, "adamw": 2, "rmsprop": 1}
    assert set(expected) == set(SOLVERS)
    for solver, n_slots in expected.items():
        state = State.start(np.ones(7, np.float32), Optimizer(solver, 0.3))
        assert state.slots.shape == (n_slots, 7)
        assert state.slots.dtype == np.float32
        assert not state.slots.any()
        assert (state.learning_rate, state.step, state.epoch, state.samples_seen) == (0.3, 0, 0, 0)
    assert State.start(np.ones(7), Optimizer("sgd", momentum=0.0)).slots.shape == (0, 7)


def test_what_is_refused() -> None:
    """By name, in one line."""
    with pytest.raises(ValueError, match="unknown solver 'adagrad'; known are 'sgd', 'adam'"):
        Optimizer("adagrad")
    with pytest.raises(ValueError, match="unknown learning rate schedule 'step'; known are"):
        Optimizer("sgd", schedule="step")
