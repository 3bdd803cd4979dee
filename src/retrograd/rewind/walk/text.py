"""A document as text, for a terminal a hundred columns wide."""

import textwrap
from collections.abc import Iterator

import numpy as np

from retrograd.rewind.walk.document import Document, Entries, Line, Section, Value
from retrograd.rewind.walk.numbers import entry_grid, exact, grid, numeral

WIDTH = 100
ROWS, COLUMNS = 7, 9  # of an array, unless all are asked for
INDENT, DEEPER = 2, 6


def text_of(document: Document, full: bool = False) -> str:
    """Draw a document as text.

    Parameters
    ----------
    document : Document
    full : bool, default=False
        All numbers with all their digits; otherwise large arrays are abridged.

    Examples
    --------
    >>> from retrograd.rewind.walk.document import Formula
    >>> z = Line(Formula("z", "z"), Formula("x @ W", "x W"), "(1, 2)", np.array([[1.0, -2.5]]))
    >>> print(text_of(Document("A walk", (), (Section("Forward", (z,)),))))
    A walk
    ══════
    <BLANKLINE>
    Forward
    ───────
      z = x @ W   (1, 2)
          [ 1.000000  -2.500000 ]
    <BLANKLINE>
    """
    out = [document.title, "═" * min(WIDTH, len(document.title)), ""]
    for sentence in document.introduction:
        out += [*textwrap.wrap(sentence, WIDTH), ""]
    for section in document.sections:
        out += [*_section(section, full), ""]
    return "\n".join(out)


def _section(section: Section, full: bool) -> Iterator[str]:
    yield section.title
    yield "─" * min(WIDTH, len(section.title))
    if section.remark:
        yield from textwrap.wrap(section.remark, WIDTH)
    heads = [head_of(line) for line in section.lines]
    # Shapes stand in one column, unless a formula is too long for that.
    fitting = [len(head) for head in heads if len(head) + INDENT + 3 <= WIDTH * 2 // 3]
    column = max(fitting, default=0)
    for line, head in zip(section.lines, heads, strict=True):
        yield from _line(line, head, column, full)


def head_of(line: Line) -> str:
    """Write a line's symbol, formula and, if it is one number, that number."""
    if not line.symbol.text:
        return ""
    head = line.symbol.text
    if line.formula is not None:
        head += f" = {line.formula.text}"
    if isinstance(line.value, float | int):
        head += f" = {numeral(line.value)}"
    return head


def _line(line: Line, head: str, column: int, full: bool) -> Iterator[str]:
    if head:
        first = " " * INDENT + (f"{head:<{column}}   {line.shapes}" if line.shapes else head)
        yield from (
            textwrap.wrap(first, WIDTH, subsequent_indent=" " * (INDENT + 4), drop_whitespace=True)
            if len(first) > WIDTH
            else [first]
        )
    yield from (" " * DEEPER + row for row in drawn(line.value, full))
    if line.remark:
        mark = " " * INDENT + "# "
        yield from textwrap.wrap(line.remark, WIDTH, initial_indent=mark, subsequent_indent=mark)


def drawn(value: Value, full: bool = False) -> list[str]:
    r"""Draw an array in lines of text; nothing for a number, which stands in its line.

    Examples
    --------
    >>> print(*drawn(np.array([[1, 2], [3, 4], [50, 60]])), sep="\n")
    ⎡  1   2 ⎤
    ⎢  3   4 ⎥
    ⎣ 50  60 ⎦
    """
    if isinstance(value, Entries):
        found = entry_grid(value, value.values.size if full else ROWS)
        return [*_aligned(found.cells), *_below(found.left_out)]
    if not isinstance(value, np.ndarray):
        return []
    if value.size == 0:
        return ["(empty)"]
    return _all_of(value) if full else _abridged(value)


def _abridged(value: np.ndarray) -> list[str]:
    for most in range(COLUMNS, 0, -1):
        found = grid(value, ROWS, most)
        lines = _bracketed(_aligned(found.cells))
        if len(lines[0]) + DEEPER <= WIDTH:
            break
    return [*lines, *_below(found.left_out)]


def _all_of(value: np.ndarray) -> list[str]:
    """Draw every number; a wide array in bands of columns, each with a word on which."""
    matrix = np.atleast_2d(value)
    cells = [[exact(number) for number in row] for row in matrix]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    bands, begin, room = [], 0, 0
    for place, width in enumerate(widths):
        room += width + 2
        if room + DEEPER + 4 > WIDTH and place > begin:
            bands.append((begin, place))
            begin, room = place, width + 2
    bands.append((begin, len(widths)))
    if len(bands) == 1:
        return _bracketed(_aligned(cells))
    lines = []
    for begin, end in bands:
        lines.append(
            f"columns {begin:,} to {end - 1:,}" if end - begin > 1 else f"column {begin:,}"
        )
        lines += _bracketed(_aligned([row[begin:end] for row in cells]))
    return lines


def _aligned(cells: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))
        for row in cells
    ]


def _bracketed(rows: list[str]) -> list[str]:
    if len(rows) == 1:
        return [f"[ {rows[0]} ]"]
    marks = ["⎡⎤", *["⎢⎥"] * (len(rows) - 2), "⎣⎦"]
    return [f"{mark[0]} {row} {mark[1]}" for mark, row in zip(marks, rows, strict=True)]


def _below(left_out: str) -> list[str]:
    return [f"  {left_out}"] if left_out else []
