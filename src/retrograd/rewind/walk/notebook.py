"""A trace as a Jupyter notebook in plain NumPy that computes every number anew, and compares."""

import json
import re
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retrograd.rewind.files import write_whole
from retrograd.rewind.walk.document import Entries, Line, Section
from retrograd.rewind.walk.latex import number
from retrograd.rewind.walk.recompute import Code
from retrograd.rewind.walk.recorded import given_code, recorded_code, setup_code
from retrograd.rewind.walk.sections import document_of

if TYPE_CHECKING:
    from retrograd.rewind.trace import Trace

LARGEST = 32 * 2**20  # bytes of numbers


def write_notebook(trace: "Trace", path: str | PathLike) -> None:
    """Write the notebook of a trace; whole, or not at all.

    It holds what the step started from, bit for bit, and the recorded numbers; it computes every
    line of the walk in NumPy and asserts that the result is the recorded one.

    Parameters
    ----------
    trace : Trace
    path : path
        Of the file, as a rule ``….ipynb``; a notebook that is there is replaced.

    Raises
    ------
    ValueError
        If the trace holds more than 32 MB of numbers.
    OSError
        If the file cannot be written, or one is there that is no notebook.
    """
    n_bytes = numbers_in(trace)
    if n_bytes > LARGEST:
        raise ValueError(
            f"this trace holds {n_bytes / 2**20:.0f} MB of numbers, a notebook takes at most "
            f"{LARGEST // 2**20} MB: trace fewer rows or a smaller network, or use to_dict()"
        )
    text = json.dumps(notebook_of(trace), indent=1, ensure_ascii=False) + "\n"
    write_whole(Path(path), text.encode(), "notebook")


def numbers_in(trace: "Trace") -> int:
    """Count the bytes of all numbers that a notebook of this trace has to hold or make."""
    n_rows, n_in = trace.layers[0].input.shape
    of_units = sum(layer.z.nbytes + layer.a.nbytes + layer.delta.nbytes for layer in trace.layers)
    of_parameters = 5 * trace.theta.nbytes + 2 * trace.slots.nbytes
    return n_rows * n_in * trace.theta.itemsize + of_units + of_parameters + trace.y.nbytes


def notebook_of(trace: "Trace") -> dict:
    """Make the notebook as plain data, in the format that Jupyter calls nbformat 4.5."""
    document, code = document_of(trace), Code(trace)
    cells = [
        _markdown("\n\n".join([f"# {document.title}", *document.introduction, _how(trace)])),
        _code(setup_code(trace)),
        _markdown("## Given\n\nWhat the step started from, bit for bit."),
        _code(given_code(trace)),
        _markdown(
            "## Recorded\n\nWhat the training's own kernels made of it. (Arrays of more than 200 "
            "numbers stand here as the bytes they are.)"
        ),
        _code(recorded_code(trace)),
    ]
    for section in document.sections:
        cells.append(_markdown(_told(section)))
        source = code.of(section.key)
        if source:
            cells.append(_code(source))
    cells.append(_markdown("Every number of this step is what NumPy makes of it, too."))
    for place, cell in enumerate(cells):
        cell["id"] = f"cell-{place}"
    return {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _how(trace: "Trace") -> str:
    """Say what is compared how closely, and why not bit by bit."""
    single = trace.theta.dtype == np.float32
    text = (
        "Each line below is computed anew in NumPy, from the recorded numbers of the lines before "
        "it, and compared with the recorded one. NumPy adds up in another order than the kernels, "
        "and its exp rounds otherwise, so the last digits may differ: allowed is `rtol` of each "
        "number, plus `rtol` of the largest sum of the absolute values that were added up (where "
        "large numbers cancel, what is left has their rounding errors). Where nothing is added up "
        "in another order, as in `W + W_update`, the bits must be the same. Training takes numbers "
        "below `least_normal` for 0, since processors are slow at them; a sum may lose as much "
        "for each of its terms."
    )
    if single:
        text += " The network is in single precision, which has about seven digits."
    if trace.trouble is not None:
        text += f" In this step NaN or infinity arose, first in {trace.trouble}."
    return text


def _told(section: Section) -> str:
    """A section in Markdown: formulas, shapes and remarks; the numbers come from the code."""
    parts = [f"## {section.title}"]
    if section.remark:
        parts.append(_plain(section.remark))
    for line in section.lines:
        if line.symbol.text and line.formula is not None:
            parts.append(_formula(line))
        elif isinstance(line.value, np.ndarray | Entries):
            parts.append(f"${line.symbol.latex}$ of shape `{line.shapes}` is given.")
        if line.remark:
            parts.append(f"> {_plain(line.remark)}")
    return "\n\n".join(parts)


def _formula(line: Line) -> str:
    assert line.formula is not None
    shapes = f"  `{line.shapes}`" if line.shapes else ""
    return f"${line.symbol.latex} = {number(line.formula.latex)}${shapes}"


def _plain(text: str) -> str:
    """Plain text in Markdown: its stars and underscores are no marks."""
    return re.sub(r"([\\*_`$<>#|])", r"\\\1", text)


def _markdown(text: str) -> dict:
    return {"cell_type": "markdown", "metadata": {}, "source": text.splitlines(keepends=True)}


def _code(text: str) -> dict:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": text.splitlines(keepends=True),
    }
