"""Product: the sums of products that all layers are made of, and where nearly all time goes.

    z1 = W1 @ x                                 ->  z += a_in W
    dW1 = d_hidden[:, None] @ x[None, :]        ->  dW = a_in' delta

Both are ``product``. What the notebook's @ does in a loop over one entry after another is done
here in tiles that fill the processor's registers (see ``engine/tiles``), with the same result.
"""

import numpy as np

from retrograd.engine.jit import COMPILED, jit
from retrograd.engine.native import VECTOR_BYTES, vector

# Entries of b from which tiles are worth setting up. The rows of a do not count: what becomes of
# one of them must not depend on how many others there are.
TILES_FROM = 64
# Terms added in one go, so that the rows of b that they come from stay in the cache.
DEPTH = 256
# From this distance on (in bytes) the rows of b fall on each other in the cache. From so many rows
# of c on it pays to copy the part of b that is in use to where they don't.
FAR, COPY_FROM = 2048, 24


def plain_product(a, turned, first, b, c, add):
    """The meaning of ``product``, one multiplication after another."""
    for r in range(c.shape[0]):
        for k in range(b.shape[0]):
            factor = a[k, first + r] if turned else a[r, k]
            if k == 0 and not add:
                for o in range(c.shape[1]):
                    c[r, o] = factor * b[k, o]
            else:
                for o in range(c.shape[1]):
                    c[r, o] += factor * b[k, o]


if not COMPILED:

    def tiled_product(a, turned, first, b, c, add):
        """The same, a term at a time of all sums at once."""
        factors = a[:, first : first + c.shape[0]] if turned else a.T
        if not add:
            c[:] = 0
        for k in range(b.shape[0]):
            c += factors[k][:, np.newaxis] * b[k]

    def column_product(a, b, c, add):
        """The same where b and c are one column."""
        tiled_product(a, False, 0, b[:, np.newaxis], c[:, np.newaxis], add)

    def turn(W, first, W_turned):
        """W_turned[:, i] = W[i] for the rows W of a matrix from its row ``first`` on."""
        W_turned[:, first : first + W.shape[0]] = W.T

else:
    from retrograd.engine.native import scratch
    from retrograd.engine.tiles import TILE_ROWS, tile_column, turn_block
    from retrograd.engine.tiles import row_dots as column_product

    PANEL_VECTORS = len(TILE_ROWS)
    PANEL_BYTES = PANEL_VECTORS * VECTOR_BYTES * DEPTH
    plain_product = jit(plain_product)

    @jit
    def tiled_product(a, turned, first, b, c, add):
        """The same in tiles, a panel of some vectors of columns and ``DEPTH`` terms at a time."""
        n_rows, n_columns = c.shape
        n_terms, lanes = b.shape[0], VECTOR_BYTES // c.itemsize
        a_row = 1 if turned else a.shape[1]
        a_column = a.shape[1] if turned else 1
        panel = scratch(c, PANEL_BYTES)
        copied = n_rows >= COPY_FROM and n_columns * c.itemsize >= FAR
        for left in range(0, n_columns, PANEL_VECTORS * lanes):
            n = min(PANEL_VECTORS * lanes, n_columns - left)
            for top in range(0, n_terms, DEPTH):
                depth = min(DEPTH, n_terms - top)
                source, b_at, b_row = vector(b, 0, b.size), top * n_columns + left, n_columns
                if copied:
                    for k in range(depth):
                        part = vector(b, b_at + k * n_columns, n)
                        copy = vector(panel, k * n, n)
                        for o in range(n):
                            copy[o] = part[o]
                    source, b_at, b_row = panel, 0, n
                tile_column(
                    a, first + top * a_column if turned else top, a_row, a_column, depth,
                    source, b_at, b_row, c, left, n, add or top > 0,
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
def product(a, turned, first, b, c, add):
    """c = a b, or with ``add`` c += a b, of shapes (R, K), (K, O), (R, O).

    With ``turned``, a' in place of a: of the rows of a' those R from ``first`` on.
    """
    # The compiler would make one copy for each constant that it is called with.
    chosen_product(a, bool(turned), int(first), b, c, bool(add))


@jit(inline=False)
def chosen_product(a, turned, first, b, c, add):
    """The product in the way that is faster at its size."""
    if b.size < TILES_FROM:
        plain_product(a, turned, first, b, c, add)
    elif c.shape[1] == 1 and not turned:
        column_product(a, vector(b, 0, b.size), vector(c, 0, c.size), add)
    else:
        tiled_product(a, turned, first, b, c, add)
