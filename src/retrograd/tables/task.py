"""Decides what is to be learned from a table: which column, and as classes or as a quantity."""

from difflib import get_close_matches
from typing import NamedTuple

import numpy as np
import polars as pl

from retrograd.engine.notes import counted
from retrograd.tables.errors import TableError, listed
from retrograd.tables.kinds import settle_kinds, slips
from retrograd.tables.plain import Plain, plain_series

# Whole numbers with at most so many different values, each in five rows on average, are classes.
MOST_NUMBER_CLASSES = 10
ROWS_PER_CLASS = 5
FEWEST_ROWS = 10
# Quantities are standardised and scored by the squares of their differences, which float64 has only
# for numbers between these, with room for the sum over many rows.
LARGEST, LEAST_SPREAD = 1e140, 1e-140


class Problem(NamedTuple):
    """What is to be learned, from what; ``rows`` are the places in the table, from 0."""

    features: pl.DataFrame
    y: np.ndarray
    rows: np.ndarray
    target: str
    task: str
    reason: str
    notes: list[str]


def find_column(frame: pl.DataFrame, name: str) -> str:
    """Check that a table has a column, and suggest the likely one if not.

    Raises
    ------
    TableError
        If there is no such column.

    Examples
    --------
    >>> find_column(pl.DataFrame({"species": [1]}), "specis")
    Traceback (most recent call last):
    retrograd.tables.errors.TableError: no column 'specis'; did you mean 'species'?
    """
    if name in frame.columns:
        return name
    close = get_close_matches(name, frame.columns, n=1, cutoff=0.6)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {listed(frame.columns, 12)}"
    raise TableError(f"no column {name!r}; {hint}")


def choose_task(y: pl.Series) -> tuple[str, str]:
    """Choose between classification and regression by the target alone.

    Text, categories and booleans are classes. Numbers are classes if they are whole, at most 10
    different ones, and occur 5 times each on average; else they are a quantity.

    Parameters
    ----------
    y : polars.Series without nulls, length B

    Returns
    -------
    task : {"classification", "regression"}
    reason : str

    Examples
    --------
    >>> choose_task(pl.Series(["a", "b"]))
    ('classification', 'it holds text')
    >>> choose_task(pl.Series([1.5, 2.5]))
    ('regression', 'it holds numbers')
    """
    found = plain_series(y)
    if found.kind in ("text", "boolean"):
        return "classification", f"it holds {'text' if found.kind == 'text' else 'yes or no'}"
    if found.kind == "date":
        raise TableError(f"target {y.name!r} holds dates, which are neither classes nor numbers")
    distinct = np.unique(_numbers(y, found))
    few = len(distinct) <= min(MOST_NUMBER_CLASSES, len(y) / ROWS_PER_CLASS)
    if few and _are_whole(distinct):
        return "classification", f"it holds only {len(distinct)} different whole numbers"
    return "regression", "it holds numbers"


def pose(frame: pl.DataFrame, target: str, task: str = "auto", drop=()) -> Problem:
    """Take the target out of a table and say what is to be learned.

    Rows whose target is missing are left out, and said.

    Parameters
    ----------
    frame : polars.DataFrame
    target : str
    task : {"auto", "classification", "regression"}, default="auto"
    drop : iterable of str, optional
        Columns to leave out.

    Returns
    -------
    Problem

    Raises
    ------
    TableError
        If a column does not exist, or the target cannot be learned that way.

    Examples
    --------
    >>> frame = pl.DataFrame({"x": range(18), "y": ["a", "b", None] * 6})
    >>> problem = pose(frame, "y")
    >>> problem.task, len(problem.y), problem.notes
    ('classification', 12, ["6 rows left out: their 'y' is missing"])
    """
    find_column(frame, target)
    drop = [find_column(frame, name) for name in dict.fromkeys(drop)]
    if target in drop:
        raise TableError(f"column {target!r} is the target: it cannot be dropped")
    rows = np.flatnonzero(~_missing(frame[target]).to_numpy())
    present = frame[rows]
    gone = frame.height - present.height
    notes = [f"{counted(gone, 'row')} left out: their {target!r} is missing"] if gone else []
    if present.height < FEWEST_ROWS:
        rows_with = counted(present.height, "row") if present.height else "no row"
        raise TableError(
            f"{rows_with} with a {target!r}: too few to learn from and to "
            f"test on, it takes {FEWEST_ROWS}"
        )
    features = frame.drop(target, *drop)
    if not features.columns:
        raise TableError(f"no column is left to learn {target!r} from")
    features, noticed = settle_kinds(features, rows)
    y, reason = present[target], "as asked"
    if task == "auto":
        task, reason = choose_task(y)
    slip = slips(plain_series(y), rows)
    try:
        values = _classes(y, slip) if task == "classification" else _quantity(y, slip, rows)
    except TableError as error:
        raise TableError("; ".join([str(error), *notes])) from None
    noticed += [f"target {target!r} is taken for text: {slip}"] if slip else []
    return Problem(features[rows], values, rows, target, task, reason, notes + noticed)


def _missing(column: pl.Series) -> pl.Series:
    """Tell null and NaN."""
    missing = column.is_null()
    return missing | column.is_nan().fill_null(False) if column.dtype.is_float() else missing


def _numbers(y: pl.Series, found: Plain) -> np.ndarray:
    """Take whole numbers as they are: float64 would take some beyond 2**53 for the same.

    Those that no integer of NumPy's holds are text.
    """
    if not y.dtype.is_integer():
        return found.values
    whole = y.cast(pl.Int64, strict=False)
    return np.array(y.cast(pl.String).to_list()) if whole.null_count() else whole.to_numpy()


def _are_whole(numbers: np.ndarray) -> bool:
    """Whether numbers, or large whole ones as text, are whole."""
    return numbers.dtype.kind == "U" or np.array_equal(numbers, np.round(numbers))


def _nothing_to_learn(y: pl.Series) -> TableError:
    """Say that a target is constant, or as good as that in float64."""
    if y.n_unique() == 1:
        return TableError(f"target {y.name!r} is {y[0]} in every row: nothing to learn")
    return TableError(
        f"target {y.name!r} differs too little for its size: subtract {y.sort()[0]} from it"
    )


def _classes(y: pl.Series, slip: str) -> np.ndarray:
    """Hand out the target as class labels: text, whole numbers or booleans; fractions as text."""
    found = plain_series(y)
    if found.kind == "date":
        raise TableError(f"target {y.name!r} holds dates: classes are text, numbers or booleans")
    if found.kind == "text":
        labels = np.array(list(found.values), dtype=str)
    elif found.kind == "boolean":
        labels = found.values.astype(bool)
    else:
        labels = _numbers(y, found)
        if labels.dtype.kind == "f" and _are_whole(labels) and np.abs(labels).max() < 2**53:
            labels = labels.astype(np.int64)
        if labels.dtype.kind == "f":  # which scikit-learn takes for quantities
            labels = np.array([str(label) for label in labels.tolist()])
    distinct = len(np.unique(labels))
    if distinct < 2:
        raise _nothing_to_learn(y)
    if distinct > len(labels) / 2:
        way_out = "try --task regression" if found.kind == "number" else "is it the right column?"
        way_out = f"it is taken for text: {slip}" if slip else way_out
        raise TableError(
            f"target {y.name!r} has {distinct:,} different values in {len(labels):,} rows, "
            f"too many for classes; {way_out}"
        )
    return labels


def _quantity(y: pl.Series, slip: str, rows: np.ndarray) -> np.ndarray:
    """Hand out the target as numbers."""
    found = plain_series(y)
    if found.kind not in ("number", "duration"):
        words = {"text": "text", "boolean": "yes or no", "date": "dates"}[found.kind]
        why = slip or "regression needs numbers"
        raise TableError(f"target {y.name!r} holds {words}: {why}")
    infinite = np.flatnonzero(np.isinf(found.values))
    if infinite.size:
        raise TableError(
            f"target {y.name!r} is infinite in row {rows[infinite[0]]} (counting from 0): "
            "drop it or make it missing"
        )
    low, high = float(found.values.min()), float(found.values.max())
    size = max(abs(low), abs(high))
    if size > LARGEST or 0 < high - low < LEAST_SPREAD:
        raise TableError(
            f"target {y.name!r} goes from {low:g} to {high:g}: squares of such numbers are none; "
            f"{'divide' if size > LARGEST else 'multiply'} it by a power of ten"
        )
    # What StandardScaler takes for a constant, it does not scale.
    noise = len(y) * np.finfo(np.float64).eps * abs(found.values.mean())
    if found.values.std() <= noise:
        raise _nothing_to_learn(y)
    return found.values
