"""Views mean what arrays mean, in compiled kernels as in interpreted ones."""

from typing import NamedTuple

import numpy as np
import pytest

from retrograd.engine.jit import jit
from retrograd.engine.views import matrix, row, vector, views


class Pair(NamedTuple):
    """Two arrays and a number, as kernels are handed them."""

    numbers: np.ndarray
    places: np.ndarray
    factor: float


@jit(entry=True)
def describe(pair, out):
    """Write down all that one can know of a matrix and of two parts of it."""
    pair, out = views(pair), views(out)
    numbers = pair.numbers
    out[0], out[1], out[2] = numbers.shape[0], numbers.shape[1], numbers.size
    out[3] = numbers.itemsize
    out[4] = numbers[pair.places[-2], pair.places[-1]] * pair.factor
    part = vector(numbers, 2, 3)
    out[5], out[6] = part.size, part[0]
    block = matrix(part, 1, 2, 1)
    out[7], out[8] = block.shape[1], block[1, 0]
    second = row(numbers, 1)
    out[9], out[10] = second.size, second[-1]


@jit(entry=True)
def write(numbers, other, take_other):
    """Write into a matrix, one number of another kind."""
    numbers, other = views(numbers), views(other)
    source = other if take_other else numbers
    numbers[1, 0] = 1.0 + source[0, 1]
    second = row(numbers, 0)
    second[1] += 0.1
    second[-1] = 7


@jit(entry=True)
def spoil(numbers):
    """Write where only reading is allowed."""
    views(numbers)[0] = 1


def test_what_is_read() -> None:
    numbers = np.arange(6, dtype=np.float32).reshape(2, 3)
    out = np.zeros(11)
    describe(Pair(numbers, np.array([0, 1, 2], np.int32), 0.5), out)
    assert out.tolist() == [2, 3, 6, 4, 2.5, 3, 2, 1, 4, 3, 5]


@pytest.mark.parametrize("take_other", [False, True])
def test_what_is_written(take_other: bool) -> None:
    numbers, other = np.zeros((2, 3), np.float32), np.full((1, 2), 5, np.float32)
    other.flags.writeable = False
    write(numbers, other, take_other)
    tenth = np.float32(0.1)
    assert numbers.tolist() == [[0, tenth, 7], [6 if take_other else 1, 0, 0]]


def test_nobody_writes_to_what_is_read_only() -> None:
    numbers = np.zeros(3)
    numbers.flags.writeable = False
    with pytest.raises(Exception, match=r"can't be written|read-only"):
        spoil(numbers)
    assert numbers.tolist() == [0, 0, 0]


@pytest.mark.compiled
def test_rows_with_gaps_are_no_view() -> None:
    with pytest.raises(Exception, match="contiguous"):
        spoil(np.zeros(6)[::2])
