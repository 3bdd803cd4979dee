"""Finds out what the text of a CSV column means: missing, yes or no, number, date, or just text."""

import re
from collections.abc import Iterable, Iterator

import numpy as np
import polars as pl

from retrograd.tables.plain import NUMBER, Plain, plain_series

# Cells that mean 'missing', besides an empty one, in the customs of R, pandas, SQL, spreadsheets
# and the UCI repository.
MISSING = (
    "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "None", "?",
)  # fmt: skip

_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
# Which of the two a column has may show in no cell: then nobody guesses, but a model remembers.
CUSTOMS = {"day/month": "%d/%m/%Y", "month/day": "%m/%d/%Y"}
_FORMATS = (
    *(f"{date}{time}" for date in ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d-%b-%Y")
      for time in _TIMES),
    *(f"%Y-%m-%d{between}%H:%M{rest}" for between in ("T", " ") for rest in ("", ":%S%.f")),
)  # fmt: skip
_ZONED = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z")
_LIKE_A_DATE = r"^(?:[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}|[0-9]{1,2}-[A-Za-z]{3}-[0-9]{4})"
# Years of two digits stand last.
_SHORT_YEAR = r"^([0-9]{1,2}[/.][0-9]{1,2}[/.])([0-9]{2})( .*)?$"
_LONG_YEAR = r"(?:^|[^0-9])[0-9]{4}(?:[^0-9]|$)"
_NUMBER = f"^(?:{NUMBER})$"
_DECIMAL_COMMA = r"^[+-]?(?:0|[1-9][0-9]*|[1-9][0-9]{0,2}(?:\.[0-9]{3})+)(?:,[0-9]+)?$"
# After a comma that may be between thousands come three digits; here come less or more.
_NO_THOUSANDS = r",(?:[0-9]{1,2}|[0-9]{4,})$"
# A sign that is, or may be, between thousands.
_THOUSANDS = {sign: rf"^[+-]?[1-9][0-9]{{0,2}}[{sign}][0-9]{{3}}$" for sign in ",."}
# Here a point is no decimal one: there is a comma, or another point.
_NO_POINTS = r",|\..*\."
# Typographers' minus.
_LONG_MINUS = "^\N{MINUS SIGN}"


def clean(text: pl.Series) -> pl.Series:
    """Strip blanks and turn the cells that mean 'missing' into nulls.

    Examples
    --------
    >>> clean(pl.Series([" a", "NA", ""])).to_list()
    ['a', None, None]
    """
    text = text.str.strip_chars()
    return text.set(text.is_in(["", *MISSING]), None)


def parse(
    text: pl.Series, decimal_comma: str = "", custom: str | None = None
) -> tuple[pl.Series, list[str]]:
    """Give a column of cleaned text the type that all its values have.

    Parameters
    ----------
    text : polars.Series of String, length B
        Null where missing.
    decimal_comma : {"", "likely", "sure"}, default=""
        Whether ``3,5`` may be a number. Where it is sure to be one, here or elsewhere in the table,
        points are between thousands.
    custom : {"day/month", "month/day"}, optional
        What dates such as 01/02/2024 are, if it is known; if the others allow, what it is not is
        read nevertheless.

    Returns
    -------
    values : polars.Series of Boolean, Int64, Int128, Float64, Date, Datetime or String, length B
    notes : list of str

    Examples
    --------
    >>> parse(pl.Series(["1", None, "3"]))[0].to_list()
    [1, None, 3]
    >>> parse(pl.Series(["2024-02-29", "2024-03-01"]))[0].dtype
    Date
    >>> parse(pl.Series(["01/02/2024"]), custom="month/day")[0].to_list()
    [datetime.date(2024, 1, 2)]
    >>> parse(pl.Series(["007", "008"]))[0].dtype
    String
    """
    if text.null_count() == len(text):
        return text, []
    if _is_boolean(text).all():
        return (text.str.to_lowercase() == "true").alias(text.name), []
    notes, numbers = [], text.str.replace(_LONG_MINUS, "-")
    if decimal_comma and numbers.str.contains(_DECIMAL_COMMA).all():
        if decimal_comma == "sure" or numbers.str.contains(_NO_POINTS).any():
            notes = _told_of(",", numbers)
            if not numbers.str.contains(_NO_POINTS).any():
                notes += _told_of_thousands(numbers)
            numbers = numbers.str.replace_all(".", "", literal=True)
            numbers = numbers.str.replace(",", ".", literal=True)
        else:
            notes = _told_of(".", numbers)
    if numbers.str.contains(_NUMBER).all():
        for kind in (pl.Int64, pl.Int128):  # the latter tells apart what is the same as a fraction
            whole = numbers.cast(kind, strict=False)
            if whole.null_count() == text.null_count():
                return whole, notes
        return numbers.cast(pl.Float64), notes
    return parse_dates(text, custom)


def _told_of_thousands(text: pl.Series) -> list[str]:
    """Say that points are between thousands because another column's commas are decimal."""
    example = text.filter(text.str.contains(".", literal=True)).drop_nulls().head(1)
    if example.is_empty():
        return []
    return [
        f"column {text.name!r}: points are taken to be between thousands, {example[0]!r} for "
        f"{example[0].replace('.', '')}, since other columns have decimal commas; if they are "
        "decimal, write commas here, too"
    ]


def _told_of(sign: str, text: pl.Series) -> list[str]:
    """Say that a sign is taken for the decimal one, if all of them may be between thousands."""
    with_sign = text.filter(text.str.contains(sign, literal=True))
    if with_sign.is_empty() or not with_sign.str.contains(_THOUSANDS[sign]).all():
        return []
    example = with_sign.drop_nulls()[0]
    signs, taken = "points", f"as in {example!r}"
    if sign == ",":
        signs, taken = "commas", f"{example!r} for {example.replace(',', '.')}"
    return [
        f"column {text.name!r}: {signs} are taken for decimal ones, {taken}; if they are between "
        "thousands, leave them out"
    ]


def dates_in_text(
    name: str, values: np.ndarray, custom: str = ""
) -> tuple[Plain | None, str, list[str]]:
    """Read text of a frame as dates or moments if every value is one, as in a CSV file.

    Parameters
    ----------
    name : str
        The column's.
    values : object array (B,)
        Strings, None where missing.
    custom : {"", "day/month", "month/day"}, default=""
        As in :func:`parse`; empty if it is not known.

    Returns
    -------
    dates : Plain or None
        None if any value is no date, or if it cannot be told which; if all are missing, none of
        any kind.
    custom : {"", "day/month", "month/day"}
        The order of day and month, if the values tell.
    notes : list of str

    Examples
    --------
    >>> dates_in_text("when", np.array(["31/01/2024", "NA"], dtype=object))[:2]
    (Plain(kind='date', values=array(['2024-01-31T00:00:00.000000', 'NaT'],
          dtype='datetime64[us]'), time_zone='', declared=False, differs=False), 'day/month')
    >>> dates_in_text("when", np.array(["2024-01-31", "soon"], dtype=object))
    (None, '', [])
    """
    text = clean(_series(values, name))
    if text.null_count() == len(text):
        return Plain("empty", np.full(len(text), np.nan)), "", []
    parsed, notes = parse_dates(text, custom)
    if not parsed.dtype.is_temporal():
        return None, "", notes
    return plain_series(parsed), custom_of(text) or "", notes


def custom_of(text: pl.Series) -> str | None:
    """Tell in which order cleaned text that was read as dates has day and month, if it tells.

    Examples
    --------
    >>> custom_of(pl.Series(["01/31/2024", "02/01/2024"])), custom_of(pl.Series(["2024-01-31"]))
    ('month/day', None)
    """
    fits = [name for name in CUSTOMS if _by_custom(_with_century(text), name) is not None]
    return fits[0] if len(fits) == 1 else None


def has_decimal_commas(text: pl.Series) -> bool:
    """Say whether a column of cleaned text holds numbers with commas that are decimal for sure.

    Examples
    --------
    >>> has_decimal_commas(pl.Series(["3,5", "1,250"])), has_decimal_commas(pl.Series(["1,250"]))
    (True, False)
    """
    all_numbers = text.str.contains(_DECIMAL_COMMA).all()
    return bool(all_numbers and text.str.contains(_NO_THOUSANDS).any())


def is_decimal_comma(cell: str) -> bool:
    """Say whether a cell is a number whose comma may be decimal.

    Examples
    --------
    >>> is_decimal_comma(" -1.250,5"), is_decimal_comma("1,a"), is_decimal_comma("1.5")
    (True, False, False)
    """
    cell = re.sub(_LONG_MINUS, "-", cell.strip())
    return "," in cell and re.match(_DECIMAL_COMMA, cell) is not None


def odd_numbers(values: np.ndarray) -> np.ndarray:
    """Find the texts that are no numbers: with decimal commas, if most have commas, or points.

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
    >>> odd_numbers(np.array(["1,5", None, "n/v", "-2,25"], dtype=object))
    array([2])
    """
    text = _series(values).str.replace(_LONG_MINUS, "-")
    have_commas = text.str.contains(",", literal=True).sum() > text.count() / 2
    fits = text.str.contains(_DECIMAL_COMMA if have_commas else _NUMBER)
    return (text.is_not_null() & ~fits).arg_true().to_numpy().astype(np.int64)


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
    text = _series(values)
    if expected == "numbers":
        odd = odd_numbers(values)
    elif expected == "booleans":
        odd = (text.is_not_null() & ~_is_boolean(text)).arg_true().to_numpy()
    else:
        text = clean(text)
        odd = _fewest(text.is_not_null() & parsed.is_null() for parsed in _every_custom(text))
    return int((odd if odd.size else text.is_not_null().arg_true().to_numpy())[0])


def _fewest(odd: Iterable[pl.Series]) -> np.ndarray:
    """Places of the cells that do not fit, by the custom that fits most."""
    return min(odd, key=pl.Series.sum).arg_true().to_numpy().astype(np.int64)


def _series(values: np.ndarray, name: str = "") -> pl.Series:
    """Hand strings to polars, which has no halves of surrogate pairs, as Python's may have."""
    try:
        return pl.Series(name, values.tolist(), dtype=pl.String)
    except UnicodeEncodeError:
        whole = [text and text.encode(errors="backslashreplace").decode() for text in values]
        return pl.Series(name, whole, dtype=pl.String)


def _is_boolean(text: pl.Series) -> pl.Series:
    """Tell 'true' and 'false', however written; null where missing."""
    return text.str.to_lowercase().is_in(["true", "false"])


def odd_dates(values: np.ndarray) -> np.ndarray:
    """Find the texts of a column of dates that are none, by the custom that fits most of them.

    Parameters
    ----------
    values : object array (B,)
        Strings, None where missing.

    Returns
    -------
    int array
        Their places, from 0; all that are not missing, if it is no column of dates.

    Examples
    --------
    >>> odd_dates(np.array(["2024-01-31", None, "unknown"], dtype=object))
    array([2])
    """
    text = _series(values)
    like_dates = text.drop_nulls().head(100).str.contains(_LIKE_A_DATE)
    if 2 * like_dates.sum() < len(like_dates):
        return text.is_not_null().arg_true().to_numpy().astype(np.int64)
    return _fewest(text.is_not_null() & parsed.is_null() for parsed in _every_custom(text))


def _every_custom(text: pl.Series) -> Iterator[pl.Series]:
    """Read dates and moments by each custom there is; null where it does not fit."""
    text = _with_century(text)
    for name in CUSTOMS:
        yield from _readings(_slashed(text), CUSTOMS[name])
    for one in (*_FORMATS, *_ZONED):
        yield _read(text, one)


def parse_dates(text: pl.Series, custom: str | None = None) -> tuple[pl.Series, list[str]]:
    """Try the customs of writing dates, and refuse to guess between two that both fit.

    Parameters
    ----------
    text : polars.Series of String, length B
        Cleaned, with null where missing.
    custom : {"day/month", "month/day"}, optional
        As in :func:`parse`.

    Returns
    -------
    values : polars.Series of Date, Datetime or String, length B
    notes : list of str

    Examples
    --------
    >>> parse_dates(pl.Series("when", ["01/02/2024"]))[1]
    ["column 'when' looks like dates, but '01/02/2024' may be day/month or month/day: left as text;
    write dates as 2024-12-31"]
    """
    # Most text is no date; looking at a few cells first saves trying every custom on all.
    first = text.drop_nulls().head(100)
    if first.is_empty() or not first.str.contains(_LIKE_A_DATE).all():
        return text, []
    full, notes = _with_century(text), []
    if not full.equals(text):
        notes = [f"column {text.name!r}: years of two digits are taken for 1969 to 2068"]
    if custom in CUSTOMS and (parsed := _by_custom(full, custom)) is not None:
        return parsed, notes
    day_first, month_first = (_by_custom(full, name) for name in CUSTOMS)
    if day_first is not None and month_first is not None and not day_first.equals(month_first):
        example = text.drop_nulls()[0]
        return text, [
            f"column {text.name!r} looks like dates, but {example!r} may be day/month or "
            "month/day: left as text; write dates as 2024-12-31"
        ]
    parsed = day_first if day_first is not None else month_first
    if parsed is not None:
        return parsed, notes
    for one in (*_FORMATS, *_ZONED):
        parsed = _read(full, one)
        if parsed.null_count() == text.null_count():
            return parsed, notes
    return text, []


def _by_custom(text: pl.Series, name: str) -> pl.Series | None:
    """Read dates or moments by one of ``CUSTOMS``; None if that does not fit all of them."""
    for parsed in _readings(_slashed(text), CUSTOMS[name]):
        if parsed.null_count() == text.null_count():
            return parsed
    return None


def _readings(text: pl.Series, date: str) -> Iterator[pl.Series]:
    """Read text as dates, and as moments of each precision."""
    return (_read(text, f"{date}{time}") for time in _TIMES)


def _slashed(text: pl.Series) -> pl.Series:
    """Write 31-12-2024 as 31/12/2024, which is read alike."""
    return text.str.replace(r"^([0-9]{1,2})-([0-9]{1,2})-", "${1}/${2}/")


def _read(text: pl.Series, custom: str) -> pl.Series:
    """Read text by one custom; null where it does not fit, or where the year is not whole."""
    whole = text.set(~text.str.contains(_LONG_YEAR), None)
    if "%M" in custom:
        return whole.str.to_datetime(custom, strict=False, time_unit="us")
    return whole.str.to_date(custom, strict=False)


def _with_century(text: pl.Series) -> pl.Series:
    """Complete years of two digits, if all are so, as POSIX does: 69 is 1969, 68 is 2068."""
    if not text.str.contains(_SHORT_YEAR).all():
        return text
    last_century = text.str.replace(_SHORT_YEAR, "${2}").cast(pl.Int64, strict=False) > 68
    written = [
        text.str.replace(_SHORT_YEAR, f"${{1}}{century}${{2}}${{3}}") for century in (19, 20)
    ]
    return written[0].zip_with(last_century.fill_null(False), written[1])
