"""What the debugger tells: lines of text, each with a word on what kind of line it is."""

from typing import Any, NamedTuple

import numpy as np

from retrograd.rewind.walk.document import Document, Entries, Line, Section
from retrograd.rewind.walk.numbers import exact, numeral, summary
from retrograd.rewind.walk.text import drawn, head_of, text_of

# An array of at most so many rows and columns is drawn whole where the walk goes by.
FEW_ROWS, FEW_COLUMNS = 4, 6
# Where shapes stand, at most; longer formulas have theirs behind them.
SHAPES_AT = 56
WIDTH = 100


class Told(NamedTuple):
    """A line of text.

    Attributes
    ----------
    text : str
    kind : {'', 'place', 'head', 'hit', 'bad', 'here', 'note'}
        A plain one; where we are; a title; that a breakpoint was hit; numbers that are NaN or
        infinite; where the arrow points; a remark.
    """

    text: str
    kind: str = ""


def tell_made(section: Section, only: tuple[str, ...] = (), formulas: bool = True) -> list[Told]:
    """Tell what a section's phase has made, a line each; small arrays whole, others in a word.

    Parameters
    ----------
    section : Section
    only : tuple of str
        Symbols to tell, without their layer; by default all that have a formula.
    formulas : bool
        Whether to say what they are made of.
    """
    lines = [line for line in section.lines if line.value is not None and _is_made(line, only)]
    heads = [head_of(line) if formulas else line.symbol.text for line in lines]
    column = max((len(head) for head in heads if len(head) <= SHAPES_AT), default=0)
    told = []
    for line, head in zip(lines, heads, strict=True):
        kind = "" if is_finite(line.value) else "bad"
        if line.value is None or isinstance(line.value, float | int):
            told.append(Told(f"  {head}", kind))
            continue
        first = f"  {head:<{column}}   {tuple(line.value.shape)}"
        rest = _briefly(line.value)
        if len(rest) == 1 and len(first) + len(rest[0]) + 2 <= WIDTH:
            first, rest = f"{first}  {rest[0]}", []
        told.append(Told(first, kind))
        told += [Told(f"      {row}", kind) for row in rest]
    return told


def _is_made(line: Line, only: tuple[str, ...]) -> bool:
    if only:
        return line.symbol.text.partition("[")[0] in only
    return line.formula is not None


def _briefly(value: np.ndarray | Entries) -> list[str]:
    """Draw a small array; sum a larger one up in one line."""
    if isinstance(value, Entries):
        return [summary(value.values)]
    small = value.shape[-1] <= FEW_COLUMNS and value.size <= FEW_ROWS * FEW_COLUMNS
    return drawn(value) if small and value.size > 0 else [summary(value)]


def is_finite(value: object) -> bool:
    """Whether there is neither NaN nor infinity in a number or an array."""
    numbers = value.values if isinstance(value, Entries) else value
    if numbers is None:
        return True
    return bool(np.isfinite(np.asarray(numbers, float)).all())


def tell_sections(sections: list[Section], full: bool = False) -> list[Told]:
    """Tell sections of a walk with all that is in them."""
    lines = text_of(Document("", (), tuple(sections)), full).split("\n")[3:]
    told = []
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        # Titles are underlined; remarks are marked as in Python.
        kind = "head" if after.startswith("──") else ""
        told.append(Told(line, "note" if line.lstrip().startswith("# ") else kind))
    while told and not told[-1].text:
        told.pop()
    return told


def tell_value(value: Any) -> list[str]:
    """Write the value of an expression: a number with all its digits, an array abridged.

    Examples
    --------
    >>> tell_value(np.float32(0.1)), tell_value(np.array([1.0, 2.0]))
    (['0.1'], ['[ 1  2 ]   (2,)'])
    """
    array: Any = np.asarray(value)
    if array.ndim == 0:
        return [exact(array[()])]
    if array.ndim > 2:
        array = array.reshape(-1, array.shape[-1])
    lines = drawn(array if array.dtype != bool else array.astype(int))
    shape = str(np.shape(value))
    return [f"{lines[0]}   {shape}"] if len(lines) == 1 else [shape, *lines]


def brief(value: object) -> str:
    """Write the value of an expression in one line.

    Examples
    --------
    >>> brief(np.float64(1) / 3), brief(np.zeros((2, 3))), brief(np.bool_(True))
    ('0.333333', '(2, 3), min 0, mean 0, max 0', 'True')
    """
    array = np.asarray(value)
    if array.ndim == 0:
        return numeral(float(array)) if array.dtype.kind == "f" else str(array[()])
    if array.ndim == 1 and 0 < array.size <= FEW_COLUMNS:
        return drawn(array)[0]
    return f"{array.shape}, {summary(array)}"
