"""Where numbers lie: on whole lines of the cache, apart from each other; states are copies."""

import numpy as np
import pytest

from retrograd.engine.memory import LINE, PAGE, room, row_room, with_gaps
from retrograd.engine.optimizers import Optimizer
from retrograd.engine.trainer import State


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 15, 16, 1409, 4096, 70_000])
def test_lines_and_places(dtype: type, n: int) -> None:
    """Every array and every row starts a line; no two that are used together end alike."""
    rows = row_room(2, n, dtype, place=2)
    assert rows.shape == (2, n)
    assert not rows.any()
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
