"""Memory: where numbers lie, so that whole vectors of them are read, and who may write there.

A vector that lies across two lines of the cache is fetched twice. And who writes one array while
reading another whose addresses end alike waits for what it has just written, though it is
elsewhere. NumPy's arrays are neither aligned to lines nor kept apart.
"""

import numpy as np

# Bytes of a line of the cache; of a page, after which addresses end alike; between two places.
LINE, PAGE, APART = 64, 4096, 13 * 64


def room(shape: int | tuple[int, ...], dtype: np.dtype | type, place: int = 0) -> np.ndarray:
    """Room for numbers, from the start of a line on; at first they may be anything.

    Arrays that are used side by side get different places. A vector is the ``base`` of all its
    views, as one that owns its memory would be.

    Examples
    --------
    >>> one, other = room((3, 5), np.float32), room(15, np.float32, place=1)
    >>> (other.ctypes.data - one.ctypes.data) % 4096
    832
    """
    n_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if n_bytes == 0:
        return np.empty(shape, dtype)
    buffer = np.empty(n_bytes + PAGE, np.uint8)
    start = (place * APART - buffer.ctypes.data) % PAGE
    vector: np.ndarray = np.frombuffer(buffer.data[start : start + n_bytes], dtype)
    return vector if isinstance(shape, int) else vector.reshape(shape)


def row_room(n_rows: int, n: int, dtype: np.dtype | type, place: int = 0) -> np.ndarray:
    """Room of shape (n_rows, n), every row from the start of a line on, at a place of its own."""
    itemsize = np.dtype(dtype).itemsize
    lines = -(-n * itemsize // LINE)
    lines += (APART // LINE - lines) % (PAGE // LINE)
    return room((n_rows, lines * LINE // itemsize), dtype, place)[:, :n]


def with_gaps(rows: np.ndarray) -> np.ndarray:
    """What ``row_room`` gave with the gaps between its rows: one matrix without strides."""
    distance = rows.strides[0] // rows.itemsize if rows.size else rows.shape[1]
    return np.lib.stride_tricks.as_strided(
        rows, (rows.shape[0], distance), (distance * rows.itemsize, rows.itemsize)
    )


def read_only(array: np.ndarray) -> np.ndarray:
    """View of an array that nothing can be written through.

    Examples
    --------
    >>> numbers = np.zeros(2)
    >>> read_only(numbers).flags.writeable, numbers.flags.writeable
    (False, True)
    """
    view = array.view()
    view.flags.writeable = False
    return view
