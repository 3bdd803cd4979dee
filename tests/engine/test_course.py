"""The course of a training: any of its steps, in any order, as they come one after another."""

import numpy as np
import pytest

import oracle
from retrograd.engine import course as course_module
from retrograd.engine.course import Course, Drawn, Shuffled
from retrograd.engine.optimizers import Optimizer

SGD = Optimizer("sgd")


def rate_of(epoch: int) -> float:
    """A rate of its own for every epoch."""
    return 0.1 * (epoch + 1)


@pytest.mark.parametrize(("skip", "steps_of_first"), [(0, 3), (3, 2), (4, 1), (6, 1)])
def test_every_step_has_one_place(skip: int, steps_of_first: int) -> None:
    """Seven rows in batches of three; the first epoch may have begun before the course does."""
    order = Shuffled(7, 5, True)
    course = Course(SGD, order, 3, total_epochs=5, first_step=9, first_epoch=2, skip=skip)
    places = [(2, k) for k in range(steps_of_first)]
    places += [(epoch, k) for epoch in (3, 4) for k in range(3)]
    assert [course.place(step) for step in range(len(places))] == places
    assert [course.begin_of(epoch) for epoch in (2, 3, 4)] == [
        places.index((epoch, 0)) for epoch in (2, 3, 4)
    ]


@pytest.mark.parametrize("skip", [0, 3, 4])
def test_pieces_are_parts_of_the_whole(skip: int) -> None:
    """Wherever one begins and ends: the rows of the epochs, each batch at its epoch's rate."""
    order = Shuffled(7, 5, True)
    course = Course(SGD, order, 3, total_epochs=5, first_epoch=2, skip=skip)
    n_steps = course.begin_of(5)
    whole = course.between(0, n_steps, rate_of)
    rows = np.concatenate([order.rows(2)[skip:], order.rows(3), order.rows(4)])
    assert whole.rows.tolist() == rows.tolist()
    rates = [rate_of(course.place(step)[0]) for step in range(n_steps)]
    assert whole.rates.tolist() == rates
    for begin in range(n_steps):
        for end in range(begin, n_steps + 1):
            part = course.between(begin, end, rate_of)
            bounds = whole.bounds[begin : end + 1]
            assert part.bounds.tolist() == (bounds - bounds[0]).tolist()
            assert part.rows.tolist() == rows[bounds[0] : bounds[-1]].tolist()
            assert part.rates.tolist() == rates[begin:end]


def test_draws_can_be_gone_back_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """To and fro, also over the places at which the generator's state is kept."""
    monkeypatch.setattr(course_module, "DRAWS_KEPT", 8)
    expected = np.random.RandomState(3).randint(0, 5, size=60)
    order = Drawn(5, np.random.RandomState(3).get_state())
    for begin, end in [(0, 5), (5, 20), (18, 41), (40, 60), (9, 15), (0, 60), (33, 34), (7, 9)]:
        assert order.between(begin, end).tolist() == expected[begin:end].tolist()
    assert order.rows(3).tolist() == expected[15:20].tolist()


def test_mean_loss_counts_what_the_course_begins_behind() -> None:
    """Losses of 0.5 and 0.25 on two batches of two rows before it, of 2 on the last three."""
    skipped = np.array([1.0, 0.5])
    course = Course(SGD, Shuffled(7, 5, True), 3, 5, first_epoch=2, skip=4, skipped=skipped)
    assert course.mean_loss(2, np.array([2.0]), np.array([0, 3])) == 7.5 / 7
    losses, bounds = np.array([1.0, 2.0, 3.0]), np.array([0, 3, 6, 7])
    assert course.mean_loss(3, losses, bounds) == 12 / 7


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
def test_a_schedule_is_laid_out_from_its_own_start(schedule: str) -> None:
    """Five epochs of two steps from epoch 3 on, where a warm start began it anew."""
    optimizer = Optimizer("sgd", learning_rate_init=0.2, schedule=schedule)
    course = Course(
        optimizer, Shuffled(4, 0, True), 2, total_epochs=5, first_epoch=3, schedule_start=3
    )
    rates = np.concatenate([course.epoch(epoch, 0.9).rates for epoch in range(3, 8)])
    expected = [oracle.scheduled_rate(schedule, 0.2, step, 10) for step in range(10)]
    np.testing.assert_allclose(rates, expected, rtol=1e-12)


def test_warming_up_counts_from_there_too() -> None:
    """One-cycle rises over three epochs of ten; the third one ends at its peak."""
    optimizer = Optimizer("sgd", schedule="one_cycle")
    course = Course(
        optimizer, Shuffled(4, 0, True), 2, total_epochs=10, first_epoch=3, schedule_start=3
    )
    assert [course.is_warming_up(epoch) for epoch in range(3, 7)] == [True, True, False, False]
