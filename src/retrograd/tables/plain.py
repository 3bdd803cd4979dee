"""A column of any frame as one plain NumPy array: the only file that knows about dtypes of frames.

Kinds of values are told apart. Missing values (null, NaN, NaT) become the kind's own hole:

========  ==============================  =======
kind      array of a column with B rows   missing
========  ==============================  =======
number    float64 (B,)                    NaN
boolean   float64 (B,), 0 or 1            NaN
text      object (B,), str                None
date      datetime64[us] (B,), wall time  NaT
duration  float64 (B,), seconds           NaN
empty     float64 (B,)                    NaN
========  ==============================  =======
"""

import datetime
import decimal
import re
from typing import NamedTuple

import narwhals as nw
import numpy as np

from retrograd.tables.errors import TableError

# A number as it is written, for Python's patterns and for those of polars. A leading zero ("007")
# marks a code, not a quantity, so such text stays text.
NUMBER = r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_NUMBER = re.compile(NUMBER)


class Plain(NamedTuple):
    """A column's values, freed from the frame they came in."""

    kind: str
    values: np.ndarray
    time_zone: str = ""
    # Declared categorical, so that digits in it are names and not quantities.
    declared: bool = False
    # Whole numbers or moments that are not all the same, even where what is made of them is.
    differs: bool = False


def plain(series: nw.Series) -> Plain:
    """Turn a column of a frame into its plain values.

    Parameters
    ----------
    series : narwhals.Series of length B

    Returns
    -------
    Plain

    Raises
    ------
    TableError
        If the column is of a type that is none of the kinds (lists, structures, bytes, ...), or
        mixes several kinds.

    Examples
    --------
    >>> import narwhals as nw, polars as pl
    >>> plain(nw.from_native(pl.Series("a", [1, None, 3]), series_only=True))
    Plain(kind='number', values=array([ 1., nan,  3.]), time_zone='', declared=False, differs=True)
    """
    dtype = series.dtype
    if series.null_count() == len(series):
        return Plain("empty", np.full(len(series), np.nan))
    if dtype == nw.Object:
        return _from_objects(series)
    if dtype == nw.Boolean:
        return Plain("boolean", series.cast(nw.Float64).to_numpy().astype(np.float64))
    if dtype.is_numeric():
        numbers = series.cast(nw.Float64).to_numpy().astype(np.float64)
        differs = dtype.is_integer() and series.min() != series.max()
        return Plain("empty" if np.isnan(numbers).all() else "number", numbers, differs=differs)
    if dtype == nw.String:
        return Plain("text", _texts(series.to_list()))
    if dtype in (nw.Categorical, nw.Enum):
        return Plain("text", _names(series), declared=True)
    if dtype == nw.Date:
        moments = series.cast(nw.Datetime("us"))  # as days pandas hands on objects
        return Plain("date", moments.to_numpy().astype("datetime64[us]"))
    if dtype == nw.Datetime:
        wall = series.dt.replace_time_zone(None)
        return Plain(
            "date",
            wall.to_numpy().astype("datetime64[us]"),
            str(getattr(dtype, "time_zone", None) or ""),
            differs=bool(series.min() != series.max()),
        )
    if dtype == nw.Duration:
        return Plain("duration", _seconds(series.to_numpy()))
    native = series.to_native()
    if dtype == nw.Unknown and hasattr(native, "sparse"):  # pandas'
        return plain(nw.from_native(native.sparse.to_dense(), series_only=True))
    own = getattr(native, "dtype", dtype) if dtype == nw.Unknown else dtype
    raise TableError(
        f"column {series.name!r} is of type {own}, which has no encoding: "
        "drop it, or turn it into numbers or text first"
    )


def plain_series(series) -> Plain:
    """Turn a pandas or polars series into its plain values; see :func:`plain`.

    Examples
    --------
    >>> import polars as pl
    >>> plain_series(pl.Series([True, None])).kind
    'boolean'
    """
    return plain(nw.from_native(series, series_only=True))


def is_missing(values: np.ndarray) -> np.ndarray:
    """Tell the holes in plain values of any kind.

    Parameters
    ----------
    values : array (B,)

    Returns
    -------
    bool array (B,)

    Examples
    --------
    >>> is_missing(np.array(["a", None], dtype=object))
    array([False,  True])
    """
    if values.dtype == object:
        return np.array([value is None for value in values], dtype=bool)
    return np.isnat(values) if values.dtype.kind == "M" else np.isnan(values)


def numbers_in_text(values: np.ndarray) -> np.ndarray | None:
    """Read text as numbers if every value is one.

    Parameters
    ----------
    values : object array (B,)
        Strings, None where missing.

    Returns
    -------
    float64 array (B,) or None
        None if any value is not a plain decimal number, or if all are missing.

    Examples
    --------
    >>> numbers_in_text(np.array(["1", "2.5", None], dtype=object))
    array([1. , 2.5, nan])
    >>> numbers_in_text(np.array(["007"], dtype=object)) is None
    True
    """
    if no_numbers(values).size:
        return None
    numbers = np.array([np.nan if value is None else float(value) for value in values])
    return None if np.isnan(numbers).all() else numbers


def no_numbers(values: np.ndarray) -> np.ndarray:
    """Find the texts that are no plain decimal numbers.

    Parameters
    ----------
    values : object array (B,)
        Strings, None where missing.

    Returns
    -------
    int array
        Their places, from 0.

    Examples
    --------
    >>> no_numbers(np.array(["1", "1,5", None, "007"], dtype=object))
    array([1, 3])
    """
    odd = [v is not None and not _NUMBER.fullmatch(v) for v in values]
    return np.flatnonzero(np.array(odd, dtype=bool))


def _texts(values) -> np.ndarray:
    """Collect strings; whatever stands for a missing value becomes None."""
    texts = np.empty(len(values), dtype=object)
    texts[:] = [value if isinstance(value, str) else None for value in values]
    return texts


def _names(series: nw.Series) -> np.ndarray:
    """Categories as text: numbers alike whether or not one of them is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> for values in ([10**17 + 1, 2], [10**17 + 1, 2, None], [1.0, 2.5, None]):
    ...     column = pd.Series(values, dtype=pd.CategoricalDtype([v for v in values if v]))
    ...     print(_names(nw.from_native(column, series_only=True)))
    ['100000000000000001' '2']
    ['100000000000000001' '2' None]
    ['1' '2.5' None]
    """
    own = getattr(series.to_native(), "cat", None)
    categories = getattr(own, "categories", ())  # pandas'
    kind = getattr(getattr(categories, "dtype", None), "kind", "")
    if own is not None and kind in ("i", "u"):
        # As fractions, which pandas makes of them where one is missing, some would be the same.
        names = [*(str(int(category)) for category in categories), None]
        return _texts([names[code] for code in own.codes])
    texts = _texts(series.cast(nw.String).to_list())
    return _whole(texts) if kind == "f" else texts


def _whole(texts: np.ndarray) -> np.ndarray:
    """Write 1.0 as 1: whole numbers become fractions where one of them is missing."""
    whole = np.empty(len(texts), dtype=object)
    for place, text in enumerate(texts):
        whole[place] = text
        if text is not None and (number := float(text)).is_integer():
            whole[place] = str(int(number))
    return whole


def _seconds(durations: np.ndarray) -> np.ndarray:
    """Durations as seconds, NaT as NaN; the same ones whatever unit they come in.

    Examples
    --------
    >>> _seconds(np.array([1999, 2_000_000], "timedelta64[ns]")).tolist()
    [1.999e-06, 0.002]
    """
    ticks = durations.astype("timedelta64[us]")
    seconds = np.where(np.isnat(ticks), np.nan, ticks.astype(np.int64) / 1e6)
    if np.datetime_data(durations.dtype)[0] == "ns":
        cut = (durations != ticks) & ~np.isnat(durations)
        seconds[cut] = durations[cut].astype(np.int64) / 1e9
    return seconds


def _is_missing(value) -> bool:
    """Tell None, NaN, NaT and pandas' NA, none of which equals itself in truth."""
    if value is None:
        return True
    try:
        return not bool(value == value)
    except (TypeError, ValueError):
        return type(value).__name__ == "NAType"


def _from_objects(series: nw.Series) -> Plain:
    """Find out what a column of Python objects holds."""
    values = [None if _is_missing(value) else value for value in series.to_list()]
    present = [value for value in values if value is not None]
    if not present:
        return Plain("empty", np.full(len(values), np.nan))
    if all(isinstance(value, (bool, np.bool_)) for value in present):
        return Plain("boolean", _floats(values))
    numeric = (int, float, decimal.Decimal, np.integer, np.floating)
    if all(isinstance(v, numeric) and not isinstance(v, bool) for v in present):
        differs = any(value != present[0] for value in present)
        try:
            return Plain("number", _floats(values), differs=differs)
        except OverflowError:
            raise TableError(
                f"column {series.name!r} holds a whole number too large for float64: make it "
                "missing or smaller, or the column text"
            ) from None
    if all(isinstance(value, str) for value in present):
        return Plain("text", _texts(values))
    dates = (datetime.date, np.datetime64)
    if all(isinstance(v, dates) and not getattr(v, "tzinfo", None) for v in present):
        holes = [np.datetime64("NaT", "us") if value is None else value for value in values]
        return Plain("date", np.array(holes, dtype="datetime64[us]"))
    kinds = ", ".join(sorted({type(value).__name__ for value in present}))
    raise TableError(
        f"column {series.name!r} holds objects of type {kinds}: make it one type, "
        "for example text with astype(str), or drop it"
    )


def _floats(values: list) -> np.ndarray:
    """Numbers or booleans as floats, None as NaN."""
    return np.array([np.nan if value is None else float(value) for value in values])
