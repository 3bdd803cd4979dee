"""The step taken from a moment: its trace as formulas, shapes and arrays, one phase at a time."""

import re
from functools import lru_cache
from typing import Any

import numpy as np

from retrograd.faces.page.answers.network import MOST, picture
from retrograd.faces.page.viewer import QuestionError, Viewer
from retrograd.rewind.walk.document import Document, Entries, Formula, Line, Section
from retrograd.rewind.walk.latex import number

# What an array's rows, columns or entries are: rows of the batch, weights, biases.
OF_ROWS = re.compile(
    r"(?:input|z|a|delta)\[\d+\]|y|y_onehot|y_pred|rows|sample_weight|loss_per_row"
)
OF_PARAMETERS = re.compile(
    r"(?:[a-z]+_|d)?(?P<part>[Wb])(?:_after|_update|_decayed)?\[(?P<layer>\d+)\]"
)


def step(viewer: Viewer, run: int, step: int, opened: str) -> dict:
    """Tell the step as phases, the sections of its walk; of the one ``opened`` come the lines.

    Arrays come as pictures; ``array`` gives any window of the numbers themselves.

    Returns
    -------
    dict
        ``title``; ``sections``, each with ``key``, ``title``, ``remark`` and ``lines``, which are
        there for one only; ``opened``, its key (the first layer's forward pass if there is none of
        that key); and ``rows`` of shape (B,), the numbers of the batch's rows. Where no step was
        taken, as at the run's end, there are no sections.
    """
    if not viewer.has_step(run, step):
        viewer.run(run).at(step)  # raises where the run did not come
        return {"run": run, "step": step, "title": "", "sections": [], "opened": "",
                "rows": np.empty(0, int)}  # fmt: skip
    moment = viewer.moment(run, step)
    document = moment.document()
    there = _opened(document, opened)
    return {
        "run": run,
        "step": step,
        "title": document.title,
        "sections": [
            {
                "key": section.key,
                "title": section.title,
                "remark": section.remark,
                "lines": [_line(line) for line in section.lines] if section is there else [],
            }
            for section in document.sections
        ],
        "opened": there.key,
        "rows": moment.trace().rows,
    }


def array(
    viewer: Viewer, run: int, step: int, section: str, line: int, row: int, column: int,
    rows: int, columns: int,
) -> dict:  # fmt: skip
    """Give a window of an array of the step, its numbers as they are.

    Returns
    -------
    dict
        ``values`` of shape (rows, columns) from ``row`` and ``column`` on, smaller at the edges.

    Raises
    ------
    QuestionError
        If the section has no such line, or the line no array.
    """
    value = as_matrix(find_line(viewer.moment(run, step).document(), section, line).value)
    row, column = max(0, row), max(0, column)
    rows, columns = max(0, min(rows, MOST)), max(0, min(columns, MOST))
    return {"row": row, "column": column, "values": value[row:, column:][:rows, :columns]}


def find_line(document: Document, section: str, line: int) -> Line:
    """Find a line by its section's key and its number there."""
    for found in document.sections:
        if found.key == section and 0 <= line < len(found.lines):
            return found.lines[line]
    raise QuestionError(f"the step has no line {line} in a section {section!r}")


def _opened(document: Document, key: str) -> Section:
    """Find the section of a key; without it, the one in which the numbers begin to flow."""
    by_key = {section.key: section for section in document.sections}
    return by_key.get(key) or by_key["forward[0]"]


def _line(line: Line) -> dict:
    """One line, its formulas as MathML."""
    told: dict[str, Any] = {
        "symbol": line.symbol.text,
        "symbol_math": mathml(line.symbol),
        "formula": line.formula.text if line.formula else "",
        "formula_math": mathml(line.formula) if line.formula else "",
        "shapes": line.shapes,
        "remark": line.remark,
        "of": what_of(line.symbol.text),
    }
    if isinstance(line.value, float | int):
        told["number"] = line.value
    elif line.value is not None:
        told["vector"] = len(line.value.shape) < 2
        told["array"] = picture(as_matrix(line.value))
    return told


def what_of(symbol: str) -> dict | None:
    """Tell of a symbol what the entries of its array belong to: rows of the batch, or parameters.

    Examples
    --------
    >>> what_of("dW[1]"), what_of("v_b_after[0]")
    ({'kind': 'weights', 'layer': 1}, {'kind': 'biases', 'layer': 0})
    >>> what_of("delta[1]"), what_of("W_all")
    ({'kind': 'rows'}, None)
    """
    if OF_ROWS.fullmatch(symbol):
        return {"kind": "rows"}
    found = OF_PARAMETERS.fullmatch(symbol)
    if found is None:
        return None
    kind = "weights" if found["part"] == "W" else "biases"
    return {"kind": kind, "layer": int(found["layer"])}


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

    return convert(number(formula.latex)) if formula.latex else ""
