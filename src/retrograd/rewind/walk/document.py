"""The plain document that a trace is told in; text, LaTeX and HTML are drawn from it."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

# Sparse rows of at most so many entries, zeros included, are shown as the matrix they stand for.
DENSE_UP_TO = 200


class Formula(NamedTuple):
    """One formula twice: as code reads, and as LaTeX."""

    text: str
    latex: str


class Entries(NamedTuple):
    """The entries of a sparse matrix that are there, in the order of its rows."""

    shape: tuple[int, int]
    rows: np.ndarray
    columns: np.ndarray
    values: np.ndarray


Value = np.ndarray | Entries | float | int | None


@dataclass(frozen=True, eq=False)
class Line:
    """One line of a walk: a symbol, how it comes about, its shapes, its numbers.

    Attributes
    ----------
    symbol : Formula
        What the numbers are called; empty for a line that is a remark only.
    formula : Formula or None
        What they are made of; None for what is given.
    shapes : str
        As in ``"(1, 2) @ (2, 3) + (3,) → (1, 3)"``; empty for a number.
    value : ndarray, Entries, float, int or None
        The numbers themselves; None where the formula says it all.
    remark : str
        Why, where learners stumble; otherwise empty.
    """

    symbol: Formula
    formula: Formula | None = None
    shapes: str = ""
    value: Value = None
    remark: str = ""


@dataclass(frozen=True, eq=False)
class Section:
    """Lines under one title, perhaps with a remark before them.

    ``key`` says what it tells of: ``"place"``, ``"forward[0]"``, ``"regression"``, ``"loss"``,
    ``"backward[0]"``, ``"rate"`` or ``"update[0]"``.
    """

    title: str
    lines: tuple[Line, ...]
    remark: str = ""
    key: str = ""


@dataclass(frozen=True, eq=False)
class Document:
    """A whole walk: a title, some sentences to begin with, and the sections."""

    title: str
    introduction: tuple[str, ...]
    sections: tuple[Section, ...]


def shape_of(value: Value) -> str:
    """Write the shape of an array as NumPy does.

    Examples
    --------
    >>> shape_of(np.zeros((2, 3))), shape_of(1.5)
    ('(2, 3)', '')
    """
    return str(tuple(value.shape)) if isinstance(value, np.ndarray | Entries) else ""


def entries_or_array(array: Any) -> np.ndarray | Entries:
    """Leave an array as it is; make a small sparse matrix dense, a larger one its entries.

    Examples
    --------
    >>> entries_or_array(scipy.sparse.csr_array(np.eye(2)))
    array([[1., 0.],
           [0., 1.]])
    >>> entries_or_array(scipy.sparse.csr_array(np.eye(20))).columns[:3]
    array([0, 1, 2], dtype=int32)
    """
    if not scipy.sparse.issparse(array):
        return np.asarray(array)
    if array.shape[0] * array.shape[1] <= DENSE_UP_TO:
        return array.toarray()
    rows = np.repeat(np.arange(array.shape[0]), np.diff(array.indptr))
    return Entries(array.shape, rows, array.indices, array.data)
