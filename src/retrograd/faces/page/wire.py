"""Answers as they travel: plain data as JSON, with the arrays behind it as they lie in memory."""

import json
import math
import struct
from typing import Any

import numpy as np

ALIGNMENT = 8
# JavaScript's numbers are float64; a larger whole number would be rounded there.
MOST_EXACT = 1 << 53


def frame(answer: Any) -> bytes:
    """Pack an answer into one binary message.

    Four bytes say how long the JSON is, which follows; then, each at a multiple of 8, come the
    arrays, little-endian. The JSON has ``{"array": offset, "dtype": "f4", "shape": [...]}`` where
    one belongs, its offset counted from the end of the JSON and its padding; and
    ``{"number": "nan"}`` for a number that JSON has not.

    Parameters
    ----------
    answer : dict, list, str, number, None or ndarray
        And whatever is made of them.

    Raises
    ------
    TypeError
        If there is anything else in it.

    Examples
    --------
    >>> frame({"loss": float("nan"), "W": np.array([1.0], np.float32)})[4:68]
    b'{"loss":{"number":"nan"},"W":{"array":0,"dtype":"f4","shape":[1]'
    """
    arrays: list[bytes] = []
    text = json.dumps(_plain(answer, arrays, [0]), separators=(",", ":")).encode()
    text += b" " * (-(4 + len(text)) % ALIGNMENT)
    return b"".join([struct.pack("<I", len(text)), text, *arrays])


def unframe(message: bytes) -> tuple[Any, bytes]:
    """Unpack what a page sends in binary: a question, and the content of a file behind it.

    Four bytes say how long the JSON is, which follows; the rest is the content.

    Raises
    ------
    ValueError
        If it is of no such form.

    Examples
    --------
    >>> unframe(struct.pack("<I", 14) + b'{"ask":"read"}' + b"x,y")
    ({'ask': 'read'}, b'x,y')
    """
    if len(message) < 4 or (end := 4 + struct.unpack_from("<I", message)[0]) > len(message):
        raise ValueError("a binary message is the length of its JSON, the JSON, and a content")
    return json.loads(message[4:end]), message[end:]


def _plain(value: Any, arrays: list[bytes], at: list[int]) -> Any:
    """Make plain data of an answer; its arrays go to ``arrays``, ``at`` is where the next begins.

    Anything of NumPy's is written with its own bits.
    """
    if isinstance(value, dict):
        return {str(key): _plain(part, arrays, at) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part, arrays, at) for part in value]
    if isinstance(value, np.ndarray):
        return _reference(value, arrays, at)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else {"number": str(value)}
    if value is None or isinstance(value, bool | int | str):
        return value
    raise TypeError(f"a {type(value).__name__} cannot travel to a page")


def _reference(array: np.ndarray, arrays: list[bytes], at: list[int]) -> Any:
    """Put an array behind the JSON; what stands for it there."""
    if array.dtype.kind in "OUS":
        return [_plain(part, arrays, at) for part in array.tolist()]
    if array.dtype.kind == "b":
        array = array.astype(np.uint8)
    elif array.dtype.kind in "iu" and array.dtype != np.uint8:
        # The least int64 has no opposite of its kind.
        largest = max(int(array.max(initial=0)), -int(array.min(initial=0)))
        if largest > MOST_EXACT:
            raise TypeError(f"{largest} is more than a page can count to")
        array = array.astype(np.int32 if largest < 1 << 31 else np.float64)
    array = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    raw = array.tobytes()
    raw += b"\0" * (-len(raw) % ALIGNMENT)
    found = {"array": at[0], "dtype": array.dtype.str[1:], "shape": list(array.shape)}
    arrays.append(raw)
    at[0] += len(raw)
    return found
