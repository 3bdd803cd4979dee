"""Where numbers lie: on whole lines of the cache, apart from each other; states are copies."""

from functools import partial

import numpy as np
import pytest

from bits import fingerprint
from problems import OPTIMIZERS, make_problem
from retrograd.engine import trainer, work
from retrograd.engine.memory import LINE, PAGE, room, row_room, with_gaps
from retrograd.engine.optimizers import Optimizer
from retrograd.engine.trainer import State, Trainer


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 15, 16, 1409, 4096, 70_000])
def test_lines_and_places(dtype: type, n: int) -> None:
    """Every array and every row starts a line; no two that are used together end alike."""
    rows = row_room(2, n, dtype, place=2)
    assert rows.shape == (2, n)
    starts = [room(n, dtype, place).ctypes.data for place in (0, 1)]
    starts += [row.ctypes.data for row in rows]
    assert all(start % LINE == 0 for start in starts)
    apart = [(a - b) % PAGE for a in starts for b in starts if a is not b]
    assert min(apart) >= 8 * LINE


def test_gaps_between_rows() -> None:
    """The kernels' matrix has the rows' own numbers, wherever they are written."""
    rows = row_room(3, 21, np.float64)
    rows[:] = np.arange(63.0).reshape(3, 21)
    whole = with_gaps(rows)
    assert whole.flags.c_contiguous
    np.testing.assert_array_equal(whole[:, :21], rows)
    whole[1, 4] = -1.0
    assert rows[1, 4] == -1.0
    assert room(0, np.float32).shape == (0,)
    assert with_gaps(row_room(0, 21, np.float64)).shape[0] == 0


def test_a_vector_is_its_views_base() -> None:
    """Who holds a view can tell whose it is, and parameters are stored once."""
    theta = room(30, np.float64)
    assert theta[3:9].reshape(2, 3).base is theta
    assert theta.flags.writeable


def test_a_state_is_a_copy() -> None:
    """Of what it is made of, and of the state that it is a copy of."""
    theta = np.arange(5.0)
    state = State.start(theta, Optimizer("adam"))
    other = state.copy()
    state.theta[0], state.slots[1, 2] = 7.0, 3.0
    assert theta[0] == other.theta[0] == 0.0
    assert other.slots[1, 2] == 0.0
    np.testing.assert_array_equal(state.copy().slots, state.slots)


# Narrow, sliced; wide, in strips; a column of weights; without hidden layers.
WIDTHS = [(5, 7, 3), (30, 100, 2), (600, 520, 1), (700, 3)]


@pytest.mark.parametrize("widths", WIDTHS)
@pytest.mark.parametrize("storage", ["dense", "csr"])
@pytest.mark.parametrize("panel_rows", [None, 64])
def test_what_is_in_room_at_first_does_not_matter(
    widths: tuple[int, ...], storage: str, panel_rows: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it is written before it is read: what was there, were it NaN, comes nowhere."""
    problem = make_problem(widths, "relu", ("squared_error", "identity"), 150)
    digests = []
    for content in (0.0, np.nan, 1e30):

        def filled(make, *arguments, content=content, **others):
            array = make(*arguments, **others)
            array[...] = content
            return array

        for module in (trainer, work):
            monkeypatch.setattr(module, "room", partial(filled, room))
            monkeypatch.setattr(module, "row_room", partial(filled, row_room))
        state = State.start(problem.theta, OPTIMIZERS["adam"])
        teacher = Trainer(
            problem.network, OPTIMIZERS["adam"], problem.data(storage), 140, state, panel_rows
        )
        losses = teacher.run(np.arange(150), np.array([0, 140, 145, 150]), np.full(3, 0.01))
        digests.append(fingerprint(losses, state.theta, state.slots, teacher.work.gradient))
    assert len(set(digests)) == 1
