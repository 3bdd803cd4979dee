"""Waypoints: a step back is near, wherever checkpoints are, and its bits are the same."""

import gc

import numpy as np
import pytest
from small_runs import classifier, often, record, regressor, same, state_numbers, table

from retrograd.engine.trainer import State, Trainer
from retrograd.estimators.rewinding import open_run
from retrograd.rewind import replay, waypoints
from retrograd.rewind.waypoints import Waypoints


def state(step: int = 0) -> State:
    """A small one of step and size 8."""
    return State(np.full(8, float(step)), np.zeros((0, 8)), 0.1, step)


@pytest.fixture
def taken(monkeypatch) -> list[int]:
    """Steps that replays take, call by call; with room for ten states, at least two steps apart."""
    numbers, run = [], Trainer.run

    def count(trainer, rows, row_starts, rates, history=None):
        numbers.append(len(rates))
        return run(trainer, rows, row_starts, rates, history)

    monkeypatch.setattr(Trainer, "run", count)
    monkeypatch.setattr(waypoints, "MOST", 10)
    monkeypatch.setattr(replay, "CALL_WORK", 2 * (3 * 31 * 16 + replay.STEP_WORK))
    return numbers


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [(0, 40, range(10, 40, 10)), (7, 12, range(10, 12, 3)), (7, 10, []), (0, 41, [11, 22, 33])],
)
def test_they_are_evenly_spread(monkeypatch, begin, end, expected):
    """Between two checkpoints, neither too near to each other nor more than there is room for."""
    monkeypatch.setattr(waypoints, "ROOM", 4 * 64 + 1)
    assert list(Waypoints(64, 3).between(begin, end)) == list(expected)


def test_no_room_no_waypoints(monkeypatch):
    """States that are larger than all that may be kept."""
    monkeypatch.setattr(waypoints, "ROOM", 63)
    assert len(Waypoints(64, 1).between(0, 1000)) == 0


def test_the_last_one_before_a_step():
    """After the checkpoint, and no later than the step; a copy."""
    kept = Waypoints(64, 1)
    for step in (10, 20, 30):
        kept.keep(step, state(step))
    assert kept.last(0, 9) is None
    assert kept.last(20, 29) is None
    for step, expected in ((20, 20), (29, 20), (99, 30)):
        found = kept.last(0, step)
        assert found.step == expected
        assert (found.theta == expected).all()
        found.theta[:] = -1.0
    assert (kept.last(0, 30).theta == 30).all()


def test_of_too_many_the_oldest_goes(monkeypatch):
    """The one that was kept first; what is kept anew counts as new."""
    monkeypatch.setattr(waypoints, "MOST", 3)
    kept = Waypoints(64, 1)
    for step in (30, 10, 20, 30, 40):
        kept.keep(step, state(step))
    assert kept.last(0, 15) is None
    assert [kept.last(0, step).step for step in (20, 30, 40)] == [20, 30, 40]


def test_of_too_many_runs_the_one_longest_unasked_goes(monkeypatch):
    """There is one bound for all runs of a process; what is gone is replayed again."""
    gc.collect()
    before = len(waypoints._all)
    monkeypatch.setattr(waypoints, "ROOM", 8 * 64)
    first, second, third = (Waypoints(64, 1) for _ in range(3))
    for step in (10, 20, 30):
        first.keep(step, state(step))
        second.keep(step, state(step))
    third.keep(10, state(10))
    third.keep(20, state(20))
    assert (first.last(0, 99).step, second.last(0, 99).step, third.last(0, 99).step) == (30, 30, 20)
    third.keep(30, state(30))
    assert first.last(0, 99) is None
    assert (second.last(0, 99).step, third.last(0, 99).step) == (30, 30)
    del first, second, third
    gc.collect()
    assert len(waypoints._all) == before


@pytest.mark.parametrize("model", [classifier(max_iter=30), regressor(max_iter=40)], ids=str)
def test_going_back_step_by_step(tmp_path, taken, model):
    """It takes the way to the first moment, and few steps for each one before it."""
    with often(spacing=1e9):
        record(tmp_path / "some.retro", model, *table())
    run = open_run(tmp_path / "some.retro")
    n = len(run)
    assert run.store.steps_of(1) == [0, n] == [0, 120]
    del taken[:]
    for step in range(n - 1, n - 61, -1):
        found = state_numbers(run.at(step).state())
        if step % 7 == 0:
            alone = open_run(tmp_path / "some.retro").at(step)
            before = len(taken)
            assert same(found, state_numbers(alone.state()))
            del taken[before:]
    assert taken[:10] == [12] * 9 + [11]
    assert max(taken) == 12
    assert sum(taken) <= 119 + 60 * 12 / 2


def test_what_is_asked_for_may_be_anywhere(tmp_path, taken):
    """From the nearest of trainer, waypoint and checkpoint, whatever was asked before."""
    with often(spacing=0.0):
        record(tmp_path / "some.retro", classifier(max_iter=30), *table(), budget=6 * 3 * 31 * 8)
    run = open_run(tmp_path / "some.retro")
    assert 3 < len(run.store.steps_of(1)) < 8
    alone = {step: open_run(tmp_path / "some.retro").at(step).state() for step in range(121)}
    rng = np.random.default_rng(0)
    for step in rng.integers(0, 121, 300).tolist():
        assert same(state_numbers(run.at(step).state()), state_numbers(alone[step])), step
