"""The step taken from a moment: its trace as formulas, shapes and arrays."""

from functools import lru_cache
from typing import Any

import numpy as np

from retrograd.faces.page.answers.network import MOST, picture
from retrograd.faces.page.viewer import QuestionError, Viewer
from retrograd.rewind.walk.document import Document, Entries, Formula, Line


def step(viewer: Viewer, run: int, step: int, opened: str) -> dict:
    """Tell the step as sections of lines; the arrays of the section ``opened`` come as pictures.

    Of the others come the shapes; ``array`` gives any window of the numbers themselves.
    """
    document = _document(viewer, run, step)
    return {
        "run": run,
        "step": step,
        "title": document.title,
        "introduction": list(document.introduction),
        "sections": [
            {
                "key": section.key,
                "title": section.title,
                "remark": section.remark,
                "lines": [_line(line, section.key == opened) for line in section.lines],
            }
            for section in document.sections
        ],
    }


def array(
    viewer: Viewer, run: int, step: int, section: str, line: int, row: int, column: int,
    rows: int, columns: int,
) -> dict:  # fmt: skip
    """Give a window of an array of the step, its numbers as they are."""
    value = as_matrix(find_line(_document(viewer, run, step), section, line).value)
    row, column = max(0, row), max(0, column)
    window = value[row : row + min(rows, MOST), column : column + min(columns, MOST)]
    return {"row": row, "column": column, "values": window}


def find_line(document: Document, section: str, line: int) -> Line:
    """Find a line by its section's key and its number there."""
    for found in document.sections:
        if found.key == section and 0 <= line < len(found.lines):
            return found.lines[line]
    raise QuestionError(f"the step has no line {line} in a section {section!r}")


def _document(viewer: Viewer, run: int, step: int) -> Document:
    moment = viewer.moment(run, step)
    if "document" not in moment._held:
        moment._held["document"] = moment.trace().document()
    return moment._held["document"]


def _line(line: Line, opened: bool) -> dict:
    """One line, its formulas as MathML."""
    told: dict[str, Any] = {
        "symbol": line.symbol.text,
        "symbol_math": mathml(line.symbol),
        "formula": line.formula.text if line.formula else "",
        "formula_math": mathml(line.formula) if line.formula else "",
        "shapes": line.shapes,
        "remark": line.remark,
    }
    if isinstance(line.value, float | int):
        told["number"] = line.value
    elif line.value is not None:
        told["shape"] = list(line.value.shape)
        if opened:
            told["array"] = picture(as_matrix(line.value))
    return told


def as_matrix(value: Any) -> np.ndarray:
    """See a vector as one row; make the entries of a sparse matrix whole.

    Examples
    --------
    >>> as_matrix(np.array([1.0, 2.0])).shape
    (1, 2)
    """
    if isinstance(value, Entries):
        whole = np.zeros(value.shape, value.values.dtype)
        whole[value.rows, value.columns] = value.values
        return whole
    if not isinstance(value, np.ndarray):
        raise QuestionError("this line has no array")
    return value.reshape(1, -1) if value.ndim < 2 else value


@lru_cache(maxsize=4096)
def mathml(formula: Formula) -> str:
    """Write a formula as MathML, which browsers set by themselves.

    Examples
    --------
    >>> mathml(Formula("z", "z"))[:5]
    '<math'
    """
    from latex2mathml.converter import convert

    return convert(formula.latex) if formula.latex else ""
