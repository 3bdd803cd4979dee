"""Product: the sums of products that all layers are made of, and where nearly all time goes.

    z1 = W1 @ x                                 ->  z += a_in W
    dW1 = d_hidden[:, None] @ x[None, :]        ->  dW = a_in' delta

Both are ``product``. What the notebook's @ does in a loop over one entry after another is done
here in tiles that fill the processor's registers (see ``engine/tiles``), with the same result.
"""

import numpy as np

from retrograd.engine.jit import COMPILED, jit
from retrograd.engine.native import VECTOR_BYTES
from retrograd.engine.tiles import TILE_ROWS
from retrograd.engine.views import matrix, vector

# Entries of b from which tiles are worth setting up. The rows of a do not count: what becomes of
# one of them must not depend on how many others there are.
TILES_FROM = 64
# Terms added in one go, at most, so that the rows of b that they come from stay in the cache: of
# strips 40 KiB where vectors have 64 bytes (such processors often have 48 of it), else 16 or less.
DEPTH, DEPTH_IN_STRIPS = 128, 160 if VECTOR_BYTES == 64 else 256
# From this distance on (in bytes) a matrix's rows fall on each other in the cache, and each is in
# another page. From so many rows of c on it pays to have b in strips, where they don't: laid so
# once for many products, or a part of it copied where it is used.
FAR, COPY_FROM = 2048, 24
# Of large matrices of weights (both in bytes) already from this distance on: a worker that reads
# what another one has just changed gets it sooner where it lies together.
FAR_WEIGHTS, LARGE = 512, 1 << 17
# Rows of a tile that is as wide as can be; a multiple of any tile's rows. Work is cut by them, so
# they are the same for all processors, as bits shall be.
WIDE_TILE_ROWS, WHOLE_TILES = 6, 24
# Columns of b that tiles take side by side (in bytes), and the part of them that is copied.
STRIP_BYTES = len(TILE_ROWS) * VECTOR_BYTES
COPY_BYTES = STRIP_BYTES * DEPTH_IN_STRIPS


def are_far_apart(n_columns, itemsize):
    """Whether the rows of a matrix are so far apart that products want it in strips."""
    return n_columns * itemsize >= FAR


def are_weights_far(n_rows, n_columns, itemsize):
    """Whether training wants a matrix of weights in strips."""
    distance = n_columns * itemsize
    return distance >= FAR or (distance >= FAR_WEIGHTS and n_rows * distance >= LARGE)


far_apart, weights_far = jit(are_far_apart), jit(are_weights_far)


@jit(inline=False)
def lay_in_strips(part, first, n_rows, width, strips):
    """Lay some rows of a matrix, those from ``first`` on of its n_rows, in strips of columns.

    A strip is ``width`` columns, the last one perhaps fewer, of all rows, and stands where the one
    before it ends.
    """
    n_columns = part.shape[1]
    for r in range(part.shape[0]):
        for left in range(0, n_columns, width):
            n = min(width, n_columns - left)
            source = vector(part, r * n_columns + left, n)
            place = vector(strips, left * n_rows + (first + r) * n, n)
            for o in range(n):
                place[o] = source[o]


@jit
def start_row(start, n_columns):
    """How far apart the numbers are that the rows of sums start from: 0 if it is the same row."""
    return n_columns if start.size > n_columns else 0


def plain_product(a, turned, first, b, start, c):
    """The meaning of ``product``, one multiplication after another."""
    n_rows, n_columns = c.shape
    for r in range(n_rows):
        begin = start_row(start, n_columns) * r
        for o in range(n_columns):
            # Any number added to -0 is itself, also 0 with its sign.
            c[r, o] = start[begin + o] if start.size > 0 else -0.0
        for k in range(b.shape[0]):
            factor = a[k, first + r] if turned else a[r, k]
            for o in range(n_columns):
                c[r, o] += factor * b[k, o]


if not COMPILED:

    def tiled_product(a, turned, first, b, start, c, strips, ahead):
        """The same, a term at a time of all sums at once."""
        if strips:
            width = STRIP_BYTES // b.itemsize
            lefts, n_rows = range(0, b.shape[1], width), b.shape[0]
            ends = [min(left + width, b.shape[1]) for left in lefts]
            numbers = b.reshape(-1)
            b = np.hstack([
                numbers[left * n_rows : end * n_rows].reshape(n_rows, -1)
                for left, end in zip(lefts, ends, strict=True)
            ])  # fmt: skip
        factors = a[:, first : first + c.shape[0]] if turned else a.T
        if start.size > c.shape[1]:
            start = start.reshape(c.shape)
        c[:] = start if start.size else 0
        for k in range(b.shape[0]):
            c += factors[k][:, np.newaxis] * b[k]

    def column_product(a, b, start, start_row, c):
        """The same where b and c are one column."""
        tiled_product(a, False, 0, b[:, np.newaxis], start, c[:, np.newaxis], False, 0)

    def turn(W, first, W_turned):
        """W_turned[:, i] = W[i] for the rows W of a matrix from its row ``first`` on."""
        W_turned[:, first : first + W.shape[0]] = W.T

else:
    from retrograd.engine.tiles import NOTHING, ROWS_OF_A, ROWS_OF_B, tile_column, turn_block
    from retrograd.engine.tiles import row_dots as column_product
    from retrograd.engine.views import scratch

    plain_product = jit(plain_product)

    @jit
    def tiled_product(a, turned, first, b, start, c, strips, ahead):
        """The same in tiles, a strip of columns and some terms at a time."""
        n_rows, n_columns = c.shape
        n_terms, width = b.shape[0], STRIP_BYTES // c.itemsize
        a_row = 1 if turned else a.shape[1]
        a_column = a.shape[1] if turned else 1
        copied = not strips and n_rows >= COPY_FROM and far_apart(n_columns, c.itemsize)
        depth = DEPTH_IN_STRIPS if strips or copied else DEPTH
        copy = scratch(c, COPY_BYTES)
        n_strips, n_depths = -(-n_columns // width), -(-n_terms // depth)
        depth = -(-n_terms // n_depths)
        for number in range(n_strips * n_depths):
            # Some terms of all columns before others: what they read of a stays in the cache. But
            # what lies in strips is read as it lies.
            if strips:
                strip, part = number // n_depths, number % n_depths
            else:
                part, strip = number // n_strips, number % n_strips
            left, top = strip * width, part * depth
            n, n_k = min(width, n_columns - left), min(depth, n_terms - top)
            onward = ROWS_OF_B if strips else NOTHING
            if ahead > 0 and left == 0:
                onward = ROWS_OF_A
            source, b_at, b_row = vector(b, 0, b.size), top * n_columns + left, n_columns
            if strips:
                b_at, b_row = left * n_terms + top * n, n
            elif copied:
                for k in range(n_k):
                    row, place = vector(b, b_at + k * n_columns, n), vector(copy, k * n, n)
                    for o in range(n):
                        place[o] = row[o]
                source, b_at, b_row = copy, 0, n
            begin, begin_row = start, start_row(start, n_columns)
            if top > 0:
                begin, begin_row = vector(c, 0, c.size), n_columns
            tile_column(
                a, first + top * a_column if turned else top, a_row, a_column, n_k,
                source, b_at, b_row, begin, begin_row, c, left, n, onward,
                ahead * a_row + top * n_rows,
            )  # fmt: skip

    @jit(inline=False)
    def turn(W, first, W_turned):
        """W_turned[:, i] = W[i] for the rows W of a matrix from its row ``first`` on."""
        lanes = VECTOR_BYTES // W.itemsize
        n_rows, n_columns = W.shape
        row_whole, column_whole = n_rows - n_rows % lanes, n_columns - n_columns % lanes
        for r in range(0, row_whole, lanes):
            for o in range(0, column_whole, lanes):
                turn_block(
                    W, r * n_columns + o, n_columns,
                    W_turned, o * W_turned.shape[1] + first + r, W_turned.shape[1],
                )  # fmt: skip
        for r in range(n_rows):
            for o in range(column_whole if r < row_whole else 0, n_columns):
                W_turned[o, first + r] = W[r, o]


@jit
def turn_all(W, first, n_rows, turned):
    """W' of the rows W of a matrix, those from ``first`` on of its n_rows, to where it stands.

    The turned one is in strips of ``STRIP_BYTES`` if its rows would be far apart.
    """
    n_columns, end = W.shape[1], first + W.shape[0]
    width = STRIP_BYTES // W.itemsize if weights_far(n_columns, n_rows, W.itemsize) else n_rows
    begin = first
    while begin < end:
        left = begin // width * width
        until = min(left + width, end)
        part = matrix(W, (begin - first) * n_columns, until - begin, n_columns)
        strip = matrix(turned, left * n_columns, n_columns, min(width, n_rows - left))
        turn(part, begin - left, strip)
        begin = until


@jit(inline=False)
def product(a, turned, first, b, start, c, strips, ahead):
    """c = start + a b, of shapes (R, K), (K, O), (R, O).

    What the sums start from is one row for all, or a number for each sum (c's own, say), or
    nothing. With ``turned``, a' in place of a: of the rows of a' those R from ``first`` on. With
    ``strips`` b's numbers, ``TILES_FROM`` or more, lie in strips of ``STRIP_BYTES`` (those of a
    single row always do).
    ``ahead`` says how many rows further on in memory stand the rows of a that the next call will
    need, so that they come meanwhile; 0 if one can't say.
    """
    if b.size < TILES_FROM:
        plain_product(a, turned, first, b, start, c)
    elif c.shape[1] == 1 and not turned:
        column_product(a, vector(b, 0, b.size), start, start_row(start, 1), vector(c, 0, c.size))
    else:
        tiled_product(a, turned, first, b, start, c, strips, ahead)
