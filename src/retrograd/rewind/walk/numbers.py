"""Numbers as they are written: in one format for a whole array, large arrays abridged."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from retrograd.rewind.walk.document import Entries

MORE_DOWN, MORE_ACROSS, MORE_BOTH = "⋮", "…", "⋱"


class Cells(NamedTuple):
    """An array written down: rows of cells, and a word on what was left out."""

    cells: list[list[str]]
    left_out: str = ""


def numeral(value: float) -> str:
    """Write one number with six digits that count.

    Examples
    --------
    >>> numeral(0.86465913), numeral(3.0), numeral(1e-08), numeral(float("nan"))
    ('0.864659', '3', '1e-08', 'nan')
    """
    return f"{value:.6g}"


def exact(value: float) -> str:
    """Write a number with as many digits as tell it from all others.

    Examples
    --------
    >>> exact(np.float32(0.1)), exact(np.float64(0.1) * 3)
    ('0.1', '0.30000000000000004')
    """
    return str(value)


def writer(array: np.ndarray) -> Callable[[float], str]:
    """Choose one format for all numbers of an array, so that its columns can be read down.

    Examples
    --------
    >>> array = np.array([-1.43018493, -0.04636256, 12.0])
    >>> [writer(array)(value) for value in array]
    ['-1.43018', '-0.04636', '12.00000']
    >>> array = np.array([0.25, 0.0])  # what is exactly 0 is seen to be
    >>> [writer(array)(value) for value in array]
    ['0.250000', '0']
    >>> array = np.array([1e-9, 0.5])
    >>> [writer(array)(value) for value in array]
    ['1.0000e-09', '5.0000e-01']
    """
    finite = np.abs(array[np.isfinite(array)].astype(np.float64))
    largest = finite.max(initial=0.0)
    if np.all(finite == np.floor(finite)) and largest < 1e7:
        return lambda value: f"{value + 0.0:.0f}"  # no -0
    places = int(np.clip(6 - max(0, np.floor(np.log10(largest))), 0, 6))
    smallest = finite.min(where=finite > 0.0, initial=largest)
    # Small ones among large ones keep at least two digits that count, or all are written with e.
    if largest >= 1e7 or largest < 1e-3 or smallest < 10.0 ** (1 - places):
        return lambda value: f"{value:.4e}" if value else "0"
    return lambda value: f"{value:.{places}f}" if value else "0"


def summary(array: np.ndarray) -> str:
    """Say how the numbers of an array lie, those that are numbers.

    Examples
    --------
    >>> summary(np.array([1.0, 2.0, 6.0]))
    'min 1, mean 3, max 6'
    >>> summary(np.array([1.0, np.nan, np.inf]))
    '1 NaN, 1 infinite, of the others: min 1, mean 1, max 1'
    """
    n_nan, n_infinite = int(np.isnan(array).sum()), int(np.isinf(array).sum())
    finite = array[np.isfinite(array)].astype(np.float64)
    said = [f"{n_nan:,} NaN"] if n_nan else []
    said += [f"{n_infinite:,} infinite"] if n_infinite else []
    if finite.size:
        mean = float(np.sum(finite / finite.size))
        span = f"min {finite.min():.4g}, mean {mean:.4g}, max {finite.max():.4g}"
        said.append(f"of the others: {span}" if said else span)
    return ", ".join(said)


def shown(n: int, most: int) -> tuple[list[int], int | None]:
    """Which of n to show, and before which of those the gap is, if not all are shown.

    Examples
    --------
    >>> shown(4, 7), shown(100, 7)
    (([0, 1, 2, 3], None), ([0, 1, 2, 97, 98, 99], 3))
    """
    if n <= most:
        return list(range(n)), None
    first = most // 2
    last = max(1, most - 1 - first)
    return [*range(first), *range(n - last, n)], first


def grid(array: np.ndarray, most_rows: int, most_columns: int) -> Cells:
    """Write an array of one or two axes as cells, a vector as one row.

    Examples
    --------
    >>> grid(np.arange(12.0).reshape(2, 6), 7, 3)
    Cells(cells=[['0', '…', '5'], ['6', '…', '11']], left_out='min 0, mean 5.5, max 11')
    """
    matrix = np.atleast_2d(array)
    rows, row_gap = shown(matrix.shape[0], most_rows)
    columns, column_gap = shown(matrix.shape[1], most_columns)
    corner = matrix[np.ix_(rows, columns)]
    write = writer(corner)
    cells = [[write(value) for value in row] for row in corner]
    if column_gap is not None:
        for row in cells:
            row.insert(column_gap, MORE_ACROSS)
    if row_gap is not None:
        between = [MORE_DOWN] * len(cells[0])
        if column_gap is not None:
            between[column_gap] = MORE_BOTH
        cells.insert(row_gap, between)
    whole = row_gap is None and column_gap is None
    return Cells(cells, "" if whole else summary(matrix))


def entry_grid(entries: Entries, most: int) -> Cells:
    """Write the entries of a sparse matrix, one a row: row number, column number, value.

    Examples
    --------
    >>> entries = Entries((9, 99), np.array([2]), np.array([50]), np.array([0.5]))
    >>> entry_grid(entries, 7).cells
    [['row', 'column', 'value'], ['2', '50', '0.500000']]
    """
    places, gap = shown(entries.values.size, most)
    write = writer(entries.values[places])
    cells = [
        [str(entries.rows[k]), str(entries.columns[k]), write(entries.values[k])] for k in places
    ]
    if gap is not None:
        cells.insert(gap, [MORE_DOWN] * 3)
    n, (n_rows, n_columns) = entries.values.size, entries.shape
    share = f"{n:,} of {n_rows * n_columns:,} entries are there, the others are 0"
    left_out = f"{share}; {summary(entries.values)}" if n else share
    return Cells([["row", "column", "value"], *cells], left_out)
