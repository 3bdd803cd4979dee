"""What travels to a page arrives as it was: read here by the format's description alone."""

import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from retrograd.faces.page.wire import frame


def unpack(message: bytes) -> Any:
    """Read a frame as static/wire.js does."""
    (length,) = struct.unpack_from("<I", message)
    assert (4 + length) % 8 == 0

    def rich(found: dict) -> Any:
        if "array" in found:
            size = int(np.prod(found["shape"]))
            flat = np.frombuffer(message, "<" + found["dtype"], size, 4 + length + found["array"])
            return flat.reshape(found["shape"])
        return float(found["number"]) if "number" in found else found

    return json.loads(message[4 : 4 + length], object_hook=rich)


@given(
    arrays(
        st.sampled_from(["<f4", ">f8", "<i8", "u1", "?", "<i2"]),
        array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4),
    )
)
def test_arrays_arrive(array: np.ndarray) -> None:
    """Floats to the bit, in whatever order of bytes they lay; whole numbers as such."""
    largest = max(map(abs, array.ravel().tolist()), default=0)  # which float64 may not tell apart
    if array.dtype.kind == "i" and largest > 2**53:
        with pytest.raises(TypeError, match="more than a page can count to"):
            frame(array)
        return
    found = unpack(frame({"before": np.zeros(3, np.uint8), "it": array}))["it"]
    assert found.shape == array.shape
    np.testing.assert_array_equal(found, array)
    if array.dtype.kind == "f":
        assert found.dtype == array.dtype.newbyteorder("<")
        assert found.tobytes() == array.astype(found.dtype).tobytes()


def test_numbers_that_json_has_not() -> None:
    """NaN and the infinities, NumPy's scalars, texts with anything in them."""
    found = unpack(
        frame({"a": [float("nan"), np.float32("inf"), -np.inf], "b": np.int64(3), "c": "</script>"})
    )
    assert np.isnan(found["a"][0])
    assert found == found | {"b": 3, "c": "</script>"}
    assert found["a"][1:] == [np.inf, -np.inf]


def test_columns_of_a_matrix() -> None:
    """An array that is not contiguous is sent in the order of its rows."""
    array = np.arange(6.0).reshape(2, 3).T
    np.testing.assert_array_equal(unpack(frame(array)), array)


def test_what_cannot_travel() -> None:
    """Is refused, not guessed at."""
    with pytest.raises(TypeError, match="a set cannot travel"):
        frame({"a": {1, 2}})
    with pytest.raises(TypeError, match="a complex cannot travel"):
        frame({"a": 1j})
    for number in (2**53 + 1, -(2**63)):
        with pytest.raises(TypeError, match=f"{abs(number)} is more than a page can count to"):
            frame(np.array([number]))
