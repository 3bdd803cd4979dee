"""Finds out what the text of a CSV column means: missing, yes or no, number, date, or just text."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from retrograd.tables.plain import NUMBER

# Cells that mean 'missing', besides an empty one, in the customs of R, pandas, SQL, spreadsheets
# and the UCI repository.
MISSING = (
    "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "None", "?",
)  # fmt: skip

_DATES = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y")
_DAY_FIRST, _MONTH_FIRST = "%d/%m/%Y", "%m/%d/%Y"
_MOMENTS = (
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
)
_ZONED_MOMENTS = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z")
_NUMBER = f"^(?:{NUMBER})$"
_DECIMAL_COMMA = r"^[+-]?(?:0|[1-9][0-9]*)(?:,[0-9]+)?$"
# After a comma that may be between thousands come three digits; here come less or more.
_NO_THOUSANDS = r",(?:[0-9]{1,2}|[0-9]{4,})$"


def clean(text: pl.Series) -> pl.Series:
    """Strip blanks and turn the cells that mean 'missing' into nulls.

    Examples
    --------
    >>> clean(pl.Series([" a", "NA", ""])).to_list()
    ['a', None, None]
    """
    text = text.str.strip_chars()
    return text.set(text.is_in(["", *MISSING]), None)


def parse(text: pl.Series, decimal_comma: bool = False) -> tuple[pl.Series, list[str]]:
    """Give a column of cleaned text the type that all its values have.

    Parameters
    ----------
    text : polars.Series of String, length B
        Null where missing.
    decimal_comma : bool, default=False
        Whether ``3,5`` may be a number.

    Returns
    -------
    values : polars.Series of Boolean, Int64, Float64, Date, Datetime or String, length B
    notes : list of str

    Examples
    --------
    >>> parse(pl.Series(["1", None, "3"]))[0].to_list()
    [1, None, 3]
    >>> parse(pl.Series(["2024-02-29", "2024-03-01"]))[0].dtype
    Date
    >>> parse(pl.Series(["007", "008"]))[0].dtype
    String
    """
    if text.null_count() == len(text):
        return text, []
    if _is_boolean(text).all():
        return (text.str.to_lowercase() == "true").alias(text.name), []
    if decimal_comma and text.str.contains(_DECIMAL_COMMA).all():
        text = text.str.replace(",", ".", literal=True)
    if text.str.contains(_NUMBER).all():
        whole = text.cast(pl.Int64, strict=False)
        complete = whole.null_count() == text.null_count()
        return (whole if complete else text.cast(pl.Float64)), []
    return _parse_dates(text)


def has_decimal_commas(text: pl.Series) -> bool:
    """Say whether a column of cleaned text holds numbers with commas that are decimal for sure.

    Examples
    --------
    >>> has_decimal_commas(pl.Series(["3,5", "1,250"])), has_decimal_commas(pl.Series(["1,250"]))
    (True, False)
    """
    all_numbers = text.str.contains(_DECIMAL_COMMA).all()
    return bool(all_numbers and text.str.contains(_NO_THOUSANDS).any())


def first_odd(values: np.ndarray, expected: str) -> int:
    """Find the first text that keeps a column from being what it should be.

    Parameters
    ----------
    values : object array (B,)
        Strings, None where missing; not all are.
    expected : {"numbers", "booleans", "dates"}

    Returns
    -------
    int
        Its row; of dates, the first not written as most others are. If nothing but being text is
        wrong with them, the first that is not missing.

    Examples
    --------
    >>> first_odd(np.array(["True", None, "maybe"], dtype=object), "booleans")
    2
    >>> first_odd(np.array(["31.01.2024", "1.5.", "01.02.2024"], dtype=object), "dates")
    1
    """
    text = pl.Series(values.tolist(), dtype=pl.String)
    fits = {
        "numbers": lambda: [text.str.contains(_NUMBER)],
        "booleans": lambda: [_is_boolean(text)],
        "dates": lambda: [parsed.is_not_null() for parsed in _every_custom(text)],
    }
    odd = min((text.is_not_null() & ~fit for fit in fits[expected]()), key=pl.Series.sum)
    return int((odd if odd.any() else text.is_not_null()).arg_true()[0])


def _is_boolean(text: pl.Series) -> pl.Series:
    """Tell 'true' and 'false', however written; null where missing."""
    return text.str.to_lowercase().is_in(["true", "false"])


def _every_custom(text: pl.Series) -> Iterator[pl.Series]:
    """Read dates and moments by each custom there is; null where it does not fit."""
    for custom in (_DAY_FIRST, _MONTH_FIRST, *_DATES):
        yield text.str.to_date(custom, strict=False)
    for custom in (*_MOMENTS, *_ZONED_MOMENTS):
        yield text.str.to_datetime(custom, strict=False, time_unit="us")


def _parse_dates(text: pl.Series) -> tuple[pl.Series, list[str]]:
    """Try the customs of writing dates, and refuse to guess between two that both fit."""
    # Most text is no date; looking at a few cells first saves trying every custom on all.
    if (
        not text.drop_nulls()
        .head(100)
        .str.contains(r"^[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}")
        .all()
    ):
        return text, []
    day_first, month_first = (_dates(text, custom) for custom in (_DAY_FIRST, _MONTH_FIRST))
    if day_first is not None and month_first is not None and not day_first.equals(month_first):
        example = text.drop_nulls()[0]
        return text, [
            f"column {text.name!r} looks like dates, but {example!r} may be day/month or "
            "month/day: left as text; write dates as 2024-12-31"
        ]
    for parsed in (day_first, month_first, *(_dates(text, custom) for custom in _DATES)):
        if parsed is not None:
            return parsed, []
    for custom in (*_MOMENTS, *_ZONED_MOMENTS):
        parsed = text.str.to_datetime(custom, strict=False, time_unit="us")
        if parsed.null_count() == text.null_count():
            return parsed, []
    return text, []


def _dates(text: pl.Series, custom: str) -> pl.Series | None:
    """Read dates by one custom; None if that does not fit all of them."""
    parsed = text.str.to_date(custom, strict=False)
    return parsed if parsed.null_count() == text.null_count() else None
