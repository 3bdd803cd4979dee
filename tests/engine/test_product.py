"""Products in tiles: every shape around a tile's, each sum in order, nothing else touched."""

import ctypes
import mmap
import os
import platform
from fractions import Fraction

import numpy as np
import pytest

from fused import dots_in_lanes, fused, fused_single, product_in_order, separate
from retrograd.engine.jit import COMPILED, jit
from retrograd.engine.kernels.product import (
    DEPTH,
    DEPTH_IN_STRIPS,
    STRIP_BYTES,
    TILES_FROM,
    column_product,
    lay_in_strips,
    plain_product,
    product,
    start_row,
    tiled_product,
    turn,
)
from retrograd.engine.native import VECTOR_BYTES
from retrograd.engine.tiles import TILE_ROWS
from retrograd.engine.views import vector, views

DTYPES = [np.float64, np.float32]
GUARD, MARK = 67, 12345.0
CHOSEN, PLAIN, TILED, IN_STRIPS, AHEAD, COLUMN = range(6)
# What sums start from: nothing, one row for all rows of c, what c itself holds.
STARTS = NOTHING, ONE_ROW, OWN = range(3)


@jit(entry=True)
def multiply(way, a, turned, first, b, start, c):
    """Make the product in one of its ways."""
    a, b, start, c = views(a), views(b), views(start), views(c)
    if way == CHOSEN:
        product(a, turned, first, b, start, c, False, 0)
    elif way == PLAIN:
        plain_product(a, turned, first, b, start, c)
    elif way == TILED:
        tiled_product(a, turned, first, b, start, c, False, 0)
    elif way == IN_STRIPS:
        product(a, turned, first, b, start, c, True, 0)
    elif way == AHEAD:
        product(a, turned, first, b, start, c, False, a.shape[0])
    else:
        column_product(a, vector(b, 0, b.size), start, start_row(start, 1), vector(c, 0, c.size))


@jit(entry=True)
def lay(part, first, n_rows, width, strips):
    """Call ``lay_in_strips``, which is only a part."""
    lay_in_strips(views(part), first, n_rows, width, views(strips))


@jit(entry=True)
def turn_about(W, first, W_turned):
    """Call ``turn``, which is only a part."""
    turn(views(W), first, views(W_turned))


def is_fused() -> bool:
    """Whether the processor multiplies and adds in one operation, rounding once."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return True
    from llvmlite import binding
    from numba import config

    return "+fma" in (config.CPU_FEATURES or binding.get_host_cpu_features().flatten()).split(",")


def guarded(array: np.ndarray, outside: float) -> tuple[np.ndarray, np.ndarray]:
    """Copy an array into the midst of other numbers; the copy, and all of it with its guards."""
    whole = np.full(array.size + 2 * GUARD, outside, array.dtype)
    part = whole[GUARD : GUARD + array.size].reshape(array.shape)
    part[:] = array
    return part, whole


def in_way(way: int, a, b, c, start: int, turned: bool = False, first: int = 0) -> np.ndarray:
    """Product in one way, between guards; a as the kernel sees it: its rows from ``first`` on.

    What surrounds a and b is NaN, and so is what c holds before it is written: no number that is
    not asked for can go into a sum unseen. What surrounds c must stay.
    """
    if turned:
        wide = np.full((a.shape[1], first + a.shape[0] + 2), np.nan, a.dtype)
        wide[:, first : first + a.shape[0]] = a.T
        a = wide
    if way == IN_STRIPS:
        b = in_strips(b, STRIP_BYTES // b.itemsize).reshape(b.shape)
    a, b = guarded(a, np.nan)[0], guarded(b, np.nan)[0]
    begins = [c[:0, 0], guarded(one_row(c), np.nan)[0]]
    c, whole = guarded(c if start == OWN else np.full_like(c, np.nan), MARK)
    multiply(way, a, turned, first, b, [*begins, c.reshape(-1)][start], c)
    assert (whole[:GUARD] == MARK).all(), "nothing is written before c"
    assert (whole[-GUARD:] == MARK).all(), "nothing is written after c"
    return c.copy()


def in_strips(matrix: np.ndarray, width: int) -> np.ndarray:
    """A matrix's numbers, strip after strip."""
    lefts = range(0, matrix.shape[1], width)
    return np.concatenate([matrix[:, left : left + width].ravel() for left in lefts])


def operands(n_rows: int, n_terms: int, n_columns: int, dtype: type) -> list[np.ndarray]:
    """Draw a, b and c."""
    rng = np.random.default_rng([n_rows, n_terms, n_columns])
    shapes = (n_rows, n_terms), (n_terms, n_columns), (n_rows, n_columns)
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


def one_row(c: np.ndarray) -> np.ndarray:
    """A row for all rows of c, the same for few of its rows as for all."""
    return np.cos(np.arange(c.shape[1])).astype(c.dtype)


def start_of_sums(c: np.ndarray, start: int) -> np.ndarray:
    """What the sums begin with."""
    return [np.zeros_like(c), np.broadcast_to(one_row(c), c.shape), c][start]


MULTIPLY_ADD = fused if is_fused() else separate
SAME = np.testing.assert_array_equal


def test_the_emulation_itself() -> None:
    """Rounding to odd gives what fractions give, also where two roundings would not."""
    rng = np.random.default_rng(0)
    a, b, c = (rng.normal(size=3000).astype(np.float32) for _ in range(3))
    c[::3] = -(a * b)[::3]
    c[1::3] *= np.float32(2.0) ** rng.integers(-40, 40, 1000).astype(np.float32)
    # 1 + 2^-24 + 2^-72: first to double, then to single precision, it would lose the last term.
    tie = np.float32([1.0, 2.0**-12, 2.0**-36])
    a, b = np.append(a, [tie[1], tie[2]]), np.append(b, [tie[1], tie[2]])
    c = np.append(c, np.float32([1.0 + 2.0**-23, 1.0]))
    exact = [
        Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z))
        for x, y, z in zip(a, b, c, strict=True)
    ]
    result = fused_single(a, b, c)
    for value, true in zip(result, exact, strict=True):
        below, above = (np.nextafter(value, np.float32(end)) for end in (-np.inf, np.inf))
        off = abs(Fraction(float(value)) - true)
        for other in (below, above):
            other_off = abs(Fraction(float(other)) - true)
            even = int(value.view(np.int32)) % 2 == 0
            assert off < other_off or (off == other_off and even)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("start", STARTS)
def test_every_remainder_of_rows_and_columns(start: int, turned: bool, dtype: type) -> None:
    """One to two tiles of each shape and some more, each sum what it is in the largest product."""
    lanes = VECTOR_BYTES // np.dtype(dtype).itemsize
    n_rows, n_columns, n_terms = 2 * max(TILE_ROWS) + 3, (len(TILE_ROWS) + 1) * lanes + 2, 3
    a, b, c = operands(n_rows, n_terms, n_columns, dtype)
    expected = product_in_order(a, b, start_of_sums(c, start), MULTIPLY_ADD)
    few = {1, 2, 3, lanes - 1, lanes, lanes + 1, 4 * lanes - 1, 4 * lanes, 4 * lanes + 1}
    for rows in range(1, n_rows + 1):
        for columns in range(1, n_columns + 1) if COMPILED else few:
            result = in_way(
                TILED, a[:rows], b[:, :columns], c[:rows, :columns], start, turned, rows % 4
            )
            if COMPILED:
                SAME(result, expected[:rows, :columns], strict=True)
            else:
                np.testing.assert_allclose(result, expected[:rows, :columns], rtol=1e-4, atol=1e-5)


@pytest.mark.compiled
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("n_terms", [1, 2, DEPTH - 1, DEPTH, DEPTH + 1, 2 * DEPTH, 2 * DEPTH + 3])
def test_terms_in_order_whatever_their_number(n_terms: int, start: int, turned: bool) -> None:
    """Where they don't all go in at once, the next go on where the last have ended."""
    a, b, c = operands(13, n_terms, 37, np.float32)
    expected = product_in_order(a, b, start_of_sums(c, start), MULTIPLY_ADD)
    SAME(in_way(TILED, a, b, c, start, turned, 5), expected, strict=True)


@pytest.mark.compiled
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("n_terms", [10, DEPTH_IN_STRIPS, DEPTH_IN_STRIPS + 9, 600])
@pytest.mark.parametrize("more", [10 - STRIP_BYTES // 4, -1, 0, 3, STRIP_BYTES // 4 + 5])
def test_terms_in_strips(more: int, n_terms: int, start: int, turned: bool) -> None:
    """The numbers of b in strips, one or several, whole or not, or a's loaded ahead: the same."""
    a, b, c = operands(13, n_terms, STRIP_BYTES // 4 + more, np.float32)
    expected = product_in_order(a, b, start_of_sums(c, start), MULTIPLY_ADD)
    assert b.size >= TILES_FROM, "tiles must really be what is tested"
    for way in (IN_STRIPS, AHEAD):
        SAME(in_way(way, a, b, c, start, turned, 2), expected, strict=True)


@pytest.mark.parametrize("width", [1, 5, 16, 40])
def test_rows_are_laid_in_strips(width: int) -> None:
    """Some rows at a time, in any order: nothing else is written."""
    matrix = np.arange(7.0 * 33).reshape(7, 33)
    strips, is_laid = np.full(matrix.size, MARK), np.zeros((7, 1), bool)
    for first, end in [(3, 7), (0, 1), (1, 3)]:
        lay(matrix[first:end].copy(), first, 7, width, strips)
        is_laid[first:end] = True
        SAME(strips, in_strips(np.where(is_laid, matrix, MARK), width))


@pytest.mark.compiled
@pytest.mark.parametrize("turned", [False, True])
def test_double_precision_in_order(turned: bool) -> None:
    """The same where only fractions can tell; few, since they are slow."""
    for n_rows, n_terms, n_columns in [(5, DEPTH + 4, 2), (25, 16, STRIP_BYTES // 8 + 1)]:
        a, b, c = operands(n_rows, n_terms, n_columns, np.float64)
        assert b.size >= TILES_FROM, "tiles must really be what is tested"
        for start in STARTS:
            expected = product_in_order(a, b, start_of_sums(c, start), MULTIPLY_ADD)
            for way in (TILED, IN_STRIPS, AHEAD):
                SAME(in_way(way, a, b, c, start, turned, 1), expected, strict=True)


@pytest.mark.compiled
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("start", STARTS)
def test_dots_of_rows(start: int, dtype: type) -> None:
    """One column: all remainders of the lanes and of four rows, the sums by lanes."""
    n_lanes = 64 // np.dtype(dtype).itemsize
    sizes = [*range(1, 2 * n_lanes + 2), 5 * n_lanes - 1, 20 * n_lanes + 3]
    for n_terms in sizes[:: 1 if dtype == np.float32 else 5]:
        a, b, c = operands(9, n_terms, 1, dtype)
        expected = dots_in_lanes(a, b[:, 0], start_of_sums(c, start)[:, 0], n_lanes, MULTIPLY_ADD)
        for rows in (1, 2, 3, 4, 5, 7, 8, 9):
            result = in_way(COLUMN, a[:rows], b, c[:rows], start)
            SAME(result[:, 0], expected[:rows], strict=True)


def before_a_wall(array: np.ndarray) -> np.ndarray:
    """Copy an array of a page at most to where memory ends: to go further ends the process."""
    page = mmap.PAGESIZE
    memory = mmap.mmap(-1, 2 * page)
    wall = ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(memory)) + page)
    assert ctypes.CDLL(None).mprotect(wall, ctypes.c_size_t(page), 0) == 0
    placed = np.frombuffer(memory, array.dtype, array.size, page - array.nbytes)
    placed[:] = array.ravel()
    return placed.reshape(array.shape)


@pytest.mark.compiled
@pytest.mark.skipif(os.name != "posix", reason="protects memory")
@pytest.mark.parametrize("dtype", DTYPES)
def test_nothing_beyond_the_arrays_is_touched(dtype: type) -> None:
    """Whatever columns are left over: tiles may read on in a matrix, but not behind it."""
    lanes = VECTOR_BYTES // np.dtype(dtype).itemsize
    for n_columns in range(2, 2 * lanes + 3):
        a, b, c = operands(13, -(-TILES_FROM // n_columns), n_columns, dtype)
        start, expected = one_row(c), a.astype(np.float64) @ b + one_row(c)
        a, b, start, c = map(before_a_wall, (a, b, start, np.full_like(c, np.nan)))
        multiply(TILED, a, False, 0, b, start, c)
        np.testing.assert_allclose(c, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("way", [CHOSEN, PLAIN, TILED, IN_STRIPS, AHEAD])
def test_close_to_numpy(way: int, dtype: type) -> None:
    """Whatever the way, it is a product; compiled or not."""
    tolerance = 2e-5 if dtype == np.float32 else 1e-13
    for shape in [(1, 1, 1), (3, 4, 1), (1, 70, 1), (5, 10, 7), (4, 90, 1), (26, 30, 40)]:
        a, b, c = operands(*shape, dtype)
        for start in STARTS:
            for turned in (False, True):
                true = a.astype(np.float64) @ b.astype(np.float64) + start_of_sums(c, start)
                result = in_way(way, a, b, c, start, turned, 3)
                np.testing.assert_allclose(result, true, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
def test_small_products_are_the_plain_ones(dtype: type) -> None:
    """Below the size where tiles are set up, each multiplication and addition is rounded.

    So compiled and interpreted kernels give the same bits there.
    """
    for n_terms, n_columns in [(TILES_FROM - 1, 1), (7, 9), (1, 63), (3, 4), (1, 1)]:
        a, b, c = operands(6, n_terms, n_columns, dtype)
        for start in STARTS:
            first = start_of_sums(c, start) if start else separate(a[:, :1], b[0], np.zeros_like(c))
            rest = (a, b) if start else (a[:, 1:], b[1:])
            expected = product_in_order(*rest, first, separate)
            for way in (CHOSEN, PLAIN):
                for turned in (False, True):
                    SAME(in_way(way, a, b, c, start, turned, 2), expected, strict=True)


@pytest.mark.compiled
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_columns", [1, 2, 40, 530])
@pytest.mark.parametrize("n_terms", [1, 31, 64, 300])
def test_a_row_does_not_depend_on_the_others(n_terms: int, n_columns: int, dtype: type) -> None:
    """Its sums are the same bits alone, among few and among many, wherever it stands."""
    a, b, c = operands(40, n_terms, n_columns, dtype)
    for start in STARTS:
        for turned in (False, True):
            together = in_way(CHOSEN, a, b, c, start, turned)
            for rows in (slice(0, 1), slice(39, 40), slice(11, 13), slice(3, 26), slice(5, 40)):
                few = in_way(CHOSEN, a[rows], b, c[rows], start, turned, 3)
                SAME(few, together[rows], strict=True)


def test_not_a_number_goes_through() -> None:
    """NaN and infinity reach the sums that they are in, and no others."""
    for n_rows, n_terms, n_columns in [(5, 9, 7), (26, 30, 40), (9, 70, 1)]:
        for bad in (np.nan, np.inf):
            a, b, c = operands(n_rows, n_terms, n_columns, np.float64)
            a[2, -1] = bad
            with np.errstate(all="ignore"):
                result = in_way(CHOSEN, a, b, c, NOTHING)
            expected = np.zeros(c.shape, bool)
            expected[2] = True
            SAME(~np.isfinite(result), expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("first", [0, 3])
def test_turn(first: int, dtype: type) -> None:
    """All remainders around a block of lanes by lanes; columns of other tasks are left alone."""
    lanes = VECTOR_BYTES // np.dtype(dtype).itemsize
    most, around = 2 * lanes + 3, (1, 2, lanes - 1, lanes, lanes + 1, 2 * lanes - 1)
    numbers = np.arange(most * most, dtype=dtype)
    for n_rows in range(1, most + 1):
        for n_columns in around if n_rows % 3 else range(1, most + 1):
            W = guarded(numbers[: n_rows * n_columns].reshape(n_rows, n_columns), np.nan)[0]
            W_turned, whole = guarded(np.full((n_columns, first + n_rows + 2), MARK, dtype), MARK)
            turn_about(W, first, W_turned)
            SAME(W_turned[:, first : first + n_rows], W.T, strict=True)
            W_turned[:, first : first + n_rows] = MARK
            assert (whole == MARK).all(), "nothing else is written"
