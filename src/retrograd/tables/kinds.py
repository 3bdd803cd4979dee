"""Looks at a whole table before it is split: which text is numbers, and what cannot be used."""

import re

import numpy as np
import polars as pl

from retrograd.engine.notes import counted
from retrograd.tables.columns import as_numbers
from retrograd.tables.errors import brief
from retrograd.tables.frames import plain_columns
from retrograd.tables.parsing import odd_dates, odd_numbers
from retrograd.tables.plain import Plain, numbers_in_text

# A number with commas between thousands, and with a currency or a unit: $1,234.50, 12 %, 3 kg.
DRESSED = re.compile(
    r"([^\w\s+.-]?\s?)([+-]?(?:[1-9][0-9]{0,2}(?:,[0-9]{3})+|0|[1-9][0-9]*)(?:\.[0-9]+)?)"
    r"(\s?[^\W\d]{0,3}|\s?[^\w\s])"
)
# With so large a share of numbers, the other cells of a column of text may be slips.
NEARLY_ALL = 0.9
# With so many different ones, and the other cells all the same, these may be what is missing.
ENOUGH_NUMBERS = 10


def settle_kinds(frame: pl.DataFrame, rows: np.ndarray) -> tuple[pl.DataFrame, list[str]]:
    """Declare columns of text that are not all numbers to be names.

    A part of such a column may be all numbers, or all dates, and would be taken for them: what
    becomes of a table would hang on how it is split. Text that is all dates is text no more: the
    table's reader has read it.

    Parameters
    ----------
    frame : polars.DataFrame
    rows : int array
        Those that will be used.

    Returns
    -------
    frame : polars.DataFrame
        The same values, those columns being categorical.
    notes : list of str
        Which cells keep columns from being numbers.

    Raises
    ------
    TableError
        If the frame has no row, or columns of types without an encoding, or an infinite number in
        one of the rows.

    Examples
    --------
    >>> frame = pl.DataFrame({"x": [*"0123456789", "1O"], "letter": [*"abcdefghijk"]})
    >>> settled, notes = settle_kinds(frame, np.arange(11))
    >>> notes
    ["column 'x' is taken for text: '1O' in row 10 (counting from 0) is no number, 10 others are"]
    >>> settled["x"].dtype
    Categorical
    """
    columns, notes = [], []
    unused = pl.Series(np.isin(np.arange(len(frame)), rows, invert=True))
    for name, found in plain_columns(frame).items():
        column, numbers = frame[name], found.values if found.kind == "number" else None
        if found.kind == "text" and not found.declared:
            numbers = numbers_in_text(found.values[rows])
            if numbers is None:
                column = column.cast(pl.Categorical)
                slip = slips(found, np.arange(len(frame)))
                notes += [f"column {name!r} is taken for text: {slip}"] if slip else []
            else:  # what stands in other rows, such as a sum of all, does not matter
                column = column.set(unused, None)
        elif numbers is not None:
            numbers = numbers[rows]
        if numbers is not None:
            as_numbers(name, Plain("number", numbers), rows)
        columns.append(column)
    return pl.DataFrame(columns), notes


def slips(found: Plain, rows: np.ndarray) -> str:
    """Say which cells keep a column from being numbers or dates, if nearly all others are.

    If these cells are all the same, such as '-', it is enough that there are many others.

    Parameters
    ----------
    found : Plain
        The column, B values.
    rows : int array (B,)
        Their places in the table.

    Returns
    -------
    str
        Empty if it is no such column.

    Examples
    --------
    >>> texts = np.array([*"0123456789", "x"], dtype=object)
    >>> slips(Plain("text", texts), np.arange(20, 31))
    "'x' in row 30 (counting from 0) is no number, 10 others are"
    >>> slips(Plain("text", texts[8:]), np.arange(3))
    ''
    """
    if found.kind != "text" or found.declared:
        return ""
    present = sum(value is not None for value in found.values)
    for odd_of, kind in ((odd_numbers, "number"), (odd_dates, "date")):
        odd = odd_of(found.values)
        if _are_one_word(found.values, odd) or 0 < odd.size <= (1 - NEARLY_ALL) * present:
            more = f" and {counted(odd.size - 1, 'more cell')} are no {kind}s"
            return (
                f"{brief(found.values[odd[0]])} in row {rows[odd[0]]} (counting from 0)"
                f"{more if odd.size > 1 else f' is no {kind}'}, {present - odd.size:,} others are"
            )
    return _dressed(found.values, rows)


def _are_one_word(texts: np.ndarray, odd: np.ndarray) -> bool:
    """Whether the cells of these places are all the same, and the others of many kinds."""
    word = set(texts[odd])
    return len(word) == 1 and len(set(texts) - word - {None}) >= ENOUGH_NUMBERS


def _dressed(texts: np.ndarray, rows: np.ndarray) -> str:
    """Say what keeps all cells from being numbers, if that is a sign around them, or commas."""
    present = [(row, text) for row, text in zip(rows, texts, strict=True) if text is not None]
    parts = [DRESSED.fullmatch(text) for _, text in present]
    if not present or not all(parts):
        return ""
    before, after = ({part[group] for part in parts if part} for group in (1, 3))
    commas = [text for _, text in present if "," in text]
    if len(before) > 1 or len(after) > 1 or not (commas or before != {""} or after != {""}):
        return ""
    signs = [repr(sign.strip()) for sign in (*before, *after) if sign.strip()]
    row, text = next(((row, text) for row, text in present if "," in text), present[0])
    without = " and ".join([*signs, *(["','"] if commas else [])])
    return f"{brief(text)} in row {row} (counting from 0) would be a number without {without}"
