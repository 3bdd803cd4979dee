"""Arrays written into source code so that they come out of it bit for bit."""

from base64 import b64encode

import numpy as np

# Numbers up to which an array is written to be read; more stand as base64 of their bytes.
READABLE_UP_TO = 200


def number_literal(value: float, dtype: np.dtype) -> str:
    """Write a number with the fewest digits that give it back exactly.

    Examples
    --------
    >>> number_literal(np.float32(0.1), np.dtype("float32")), number_literal(1e300, np.float64)
    ('0.1', '1e+300')
    >>> number_literal(-np.inf, np.float64)
    '-np.inf'
    """
    if not np.isfinite(value):
        return "np.nan" if np.isnan(value) else ("np.inf" if value > 0 else "-np.inf")
    if np.dtype(dtype).kind in "iu":
        return str(int(value))
    short = str(value)
    # Rounded twice, to double and then to single precision, a number may just miss.
    return short if np.dtype(dtype).type(float(short)) == value else repr(float(value))


def array_literal(array: np.ndarray) -> str:
    """Write an expression that makes the array anew: same shape, same dtype, same bits.

    Examples
    --------
    >>> print(array_literal(np.array([[1.0, 2.5], [np.nan, 0.1]])))
    np.array([
        [1.0, 2.5],
        [np.nan, 0.1],
    ])
    >>> array_literal(np.zeros(1000, np.float32))[:47]
    "np.frombuffer(b64decode(b'AAAAAAAAAAAAAAAAAAAAA"
    """
    dtype = "" if array.dtype in (np.float64, np.int64) else f", dtype=np.{array.dtype.name}"
    if array.size == 0:
        return f"np.empty({array.shape}, dtype=np.{array.dtype.name})"
    if array.size > READABLE_UP_TO:
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        coded = b64encode(little.tobytes())
        flat = f"np.frombuffer(b64decode({coded!r}), dtype={little.dtype.str!r})"
        return f"{flat}.reshape({array.shape})"
    if array.ndim == 1:
        return f"np.array({_row(array)}{dtype})"
    if array.shape[0] == 1:
        return f"np.array([{_row(array[0])}]{dtype})"
    rows = "".join(f"    {_row(row)},\n" for row in array)
    return f"np.array([\n{rows}]{dtype})"


def _row(row: np.ndarray) -> str:
    return f"[{', '.join(number_literal(value, row.dtype) for value in row)}]"
