"""Reads a CSV or Parquet file into a polars frame, or says in one line why it cannot."""

import csv
import io
import re
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import polars as pl

from retrograd.engine.notes import counted
from retrograd.tables.errors import TableError, listed
from retrograd.tables.parsing import (
    clean,
    custom_of,
    has_decimal_commas,
    is_decimal_comma,
    parse,
    parse_dates,
)

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
TEXT_SUFFIXES = (".csv", ".tsv", ".txt")
PARQUET_SUFFIXES = (".parquet", ".pq")
# How files begin that are no text, though their names may say so, and what to do with them.
NO_TEXT = {
    b"\x1f\x8b": "compressed by gzip: decompress it first",
    b"BZh91AY&SY": "compressed by bzip2: decompress it first",
    b"\xfd7zXZ": "compressed by xz: decompress it first",
    b"\x28\xb5\x2f\xfd": "compressed by zstd: decompress it first",
    b"PK\x03\x04": "a ZIP archive or a workbook: take the table out of it, or save it as CSV",
    b"\xd0\xcf\x11\xe0": "a workbook of old Excel: save its table as CSV",
    b"PAR1\x15": "a Parquet file: let its name end in .parquet",
    b"ARROW1\0": "an Arrow file: save its table as CSV or Parquet",
    b"SQLite format 3\0": "an SQLite database: save its table as CSV",
}
# Cells longer than Python's default of 128 KiB are still text.
LONGEST_CELL = 2**31 - 1
_reading = threading.Lock()


class Table(NamedTuple):
    """A table as it was read, and what was noticed on the way."""

    frame: pl.DataFrame
    notes: list[str]
    # Of columns of dates, which come first, days or months, where that had to be found out.
    customs: Mapping[str, str] = MappingProxyType({})


def read_table(
    path, *, text_columns: Collection[str] = (), customs: Mapping[str, str] = MappingProxyType({})
) -> Table:
    r"""Read a table from a file.

    CSV is read as UTF-8, separated by comma, semicolon, tab or bar, whichever fits. A column's
    type is the narrowest that all its values have: boolean, whole number, number, date, moment,
    text. Empty cells and the likes of NA are missing. A comma is decimal where semicolons separate
    columns; where tabs or bars do, if a column has one that cannot be between thousands. Points are
    between thousands where a comma of their column is decimal, and where semicolons separate, that
    of another. Columns of Parquet have types; text of which every value is a date or moment is read
    as in CSV.

    Parameters
    ----------
    path : str or path
        A file that ends in .csv, .tsv, .txt, .parquet or .pq.
    text_columns : collection of str, optional
        Columns of text to leave as such, whatever they look like.
    customs : mapping of str to {"day/month", "month/day"}, optional
        What 01/02/2024 means in columns of text, where it is known, as from another file's
        ``customs``.

    Returns
    -------
    Table

    Raises
    ------
    TableError
        If the file is missing, of another kind, empty, damaged, or not rectangular.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "t.csv"
    >>> _ = path.write_text("when,mass\n2024-01-31,1.5\n2024-02-01,NA\n")
    >>> read_table(path).frame.rows()
    [(datetime.date(2024, 1, 31), 1.5), (datetime.date(2024, 2, 1), None)]
    """
    path = Path(path)
    if path.is_dir():
        raise TableError(f"{path} is a folder, not a table")
    suffix = path.suffix.lower()
    if suffix not in TEXT_SUFFIXES + PARQUET_SUFFIXES:
        known = ", ".join(TEXT_SUFFIXES + PARQUET_SUFFIXES)
        ending = f"ends in {suffix!r}" if suffix else "has no ending"
        raise TableError(f"{path.name} {ending}; tables are read from {known}")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        if re.match(r"[a-z]{2,}:/", str(path)):
            raise TableError(f"{path} is an address: download the table first") from None
        raise TableError(f"{path} does not exist") from None
    except OSError as error:
        raise TableError(f"{path} cannot be read: {error.strerror}") from None
    if not content:
        raise TableError(f"{path.name} is empty")
    if suffix in PARQUET_SUFFIXES:
        table = _read_parquet(path.name, content, set(text_columns), customs)
    else:
        table = _read_csv(path.name, content, set(text_columns), customs)
    if table.frame.height == 0:
        raise TableError(f"{path.name} has a header but no rows")
    return table


def _read_parquet(
    name: str, content: bytes, text_columns: set[str], customs: Mapping[str, str]
) -> Table:
    """Read Parquet: it says what its columns are, but its text may be dates."""
    try:
        frame = pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.PolarsError, OSError):
        raise TableError(f"{name} is not a Parquet file, or is damaged") from None
    texts = [
        clean(column)
        for column in frame.get_columns()
        if column.dtype == pl.String and column.name not in text_columns
    ]
    return _typed(frame, texts, parse_dates, customs)


def _typed(
    frame: pl.DataFrame, texts: list[pl.Series], read: Callable, customs: Mapping[str, str]
) -> Table:
    """Read columns of cleaned text, and let them take their places in a frame if they are more."""
    columns, notes, found = [], [], {}
    for text in texts:
        column, news = read(text, custom=customs.get(text.name))
        notes += news
        if column.dtype.is_temporal() and (custom := custom_of(text)):
            found[text.name] = custom
        if column.dtype != pl.String:
            columns.append(column)
    return Table(frame.with_columns(columns), notes, found)


def _read_csv(
    name: str, content: bytes, text_columns: set[str], customs: Mapping[str, str]
) -> Table:
    """Read CSV: decode, find the separator, check the shape, then type every column."""
    text = _decode(name, content)
    if named := re.match(r"\"?(sep=.)\"?\r?\n", text, re.IGNORECASE):
        raise TableError(f"{name}, line 1: {named[1]!r} is meant for Excel alone: delete the line")
    with _long_cells():
        separator = _find_separator(text)
        header, blanks, quotes = _check_shape(name, text, separator)
        # polars takes a blank line for a row, knows line feeds only, and quotes only around cells.
        odd_lines = blanks or text.endswith(("\n\n", "\n\r\n")) or text[0] in "\r\n"
        if odd_lines or quotes or "\r" in text:
            text = _tidy(text, separator)
    header, notes = _check_header(name, header)
    if separator != ",":
        notes.insert(0, f"columns are separated by {SEPARATORS[separator]}")
    if blanks:
        notes.append(f"{counted(blanks, 'blank line')} skipped")
    frame = pl.read_csv(text.encode(), separator=separator, new_columns=header, infer_schema=False)
    cleaned = [clean(column) for column in frame.get_columns()]
    # In a file separated by commas, 3,5 in quotes is rather a list than a number.
    sure = separator != "," and any(has_decimal_commas(column) for column in cleaned)
    decimal_comma = "likely" if sure or separator == ";" else ""
    if sure and separator == ";":
        decimal_comma = "sure"
    texts = [text for text in cleaned if text.name not in text_columns]
    read = partial(parse, decimal_comma=decimal_comma)
    table = _typed(pl.DataFrame(cleaned), texts, read, customs)
    return table._replace(notes=notes + table.notes)


@contextmanager
def _long_cells() -> Iterator[None]:
    """Let Python's reader, whose limit is the process's, read cells of any length."""
    with _reading:
        before = csv.field_size_limit(LONGEST_CELL)
        try:
            yield
        finally:
            csv.field_size_limit(before)


def _decode(name: str, content: bytes) -> str:
    """Decode UTF-8, with or without byte-order mark."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")):
        encoding = "UTF-32" if b"\0\0" in content[:4] else "UTF-16"
        raise TableError(f"{name} is {encoding}: save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _refuse_no_text(name, content)
        line = content[: error.start].count(b"\n") + 1
        byte = content[error.start]
        raise TableError(
            f"{name}, line {line}: byte 0x{byte:02x} is not UTF-8; save the file as UTF-8"
        ) from None
    if "\0" in text:
        _refuse_no_text(name, content)
        raise TableError(f"{name} is not text: it has a NUL character")
    if not text.strip():
        raise TableError(f"{name} is empty")
    return text


def _refuse_no_text(name: str, content: bytes) -> None:
    """Say what it is that is no text, if its first bytes tell."""
    for magic, what in NO_TEXT.items():
        if content.startswith(magic):
            raise TableError(f"{name} is {what}") from None


def _find_separator(text: str) -> str:
    """Choose the separator that cuts the first lines into the most, equally many cells.

    Commas that could be it may be decimal, or within names.
    """
    head = list(zip(io.StringIO(text, newline=""), range(20)))  # noqa: B905
    lines = [line for line, _ in head if line.strip()]

    def quality(separator: str) -> tuple[bool, bool, int]:
        rows = [row for row in csv.reader(lines, delimiter=separator) if row]
        widths = [len(row) for row in rows] or [1]
        is_even = widths[0] > 1 and len(set(widths)) == 1
        commas = [cell for row in rows[1:] for cell in row if "," in cell]
        leaves_numbers = is_even and bool(commas) and all(map(is_decimal_comma, commas))
        return is_even, leaves_numbers, widths[0]

    # max keeps the first of equals, so a tie goes to the comma.
    return max(SEPARATORS, key=quality)


def _check_shape(name: str, text: str, separator: str) -> tuple[list[str], int, bool]:
    """Check that every row has as many cells as the header.

    Returns the header's cells, how many blank lines there are before the last row, and whether
    there is a quotation mark in a cell.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    header: list[str] = []
    blanks, blanks_since_row, quotes = 0, 0, False
    may_quote = '"' in text
    try:
        for row in reader:
            if not row:
                blanks_since_row += 1
                continue
            blanks, blanks_since_row = blanks + blanks_since_row, 0
            header = header or row
            quotes = quotes or (may_quote and any('"' in cell for cell in row))
            if len(row) != len(header):
                raise TableError(
                    f"{name}, line {reader.line_num}: {counted(len(row), 'cell')}, "
                    f"the header has {len(header)}"
                )
    except csv.Error as error:
        raise TableError(f"{name}, line {reader.line_num}: {error}") from None
    return header, blanks, quotes


def _tidy(text: str, separator: str) -> str:
    """Write the same rows again, without blank lines and with line feeds between rows."""
    tidy = io.StringIO(newline="")
    writer = csv.writer(tidy, delimiter=separator, lineterminator="\n")
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    writer.writerows(row for row in rows if row)
    return tidy.getvalue()


def _check_header(name: str, header: list[str]) -> tuple[list[str], list[str]]:
    """Strip the names, name the nameless, and refuse names that occur twice."""
    names = [cell.strip() for cell in header]
    nameless = [place for place, cell in enumerate(names, start=1) if not cell]
    for place in nameless:
        names[place - 1] = f"column_{place}"
    twice = [cell for cell, count in Counter(names).items() if count > 1]
    if twice:
        raise TableError(
            f"{name}: more than one column is called {listed(twice)}; give each its own name"
        )
    notes = [f"column {place} has no name: called 'column_{place}'" for place in nameless]
    if len(names) > 1 and all(cell.lstrip("+-").replace(".", "", 1).isdigit() for cell in names):
        notes.append("the first line has numbers only, yet it is taken as the names of columns")
    return names, notes
