"""Looks at one column in fit and decides what it is and what there is to say about it."""

from collections import Counter

import numpy as np

from retrograd.engine.notes import counted
from retrograd.tables.columns import (
    BooleanColumn,
    CategoryColumn,
    ColumnSettings,
    DurationColumn,
    IgnoredColumn,
    NumberColumn,
    as_numbers,
    centre_and_scale,
)
from retrograd.tables.dates import DateColumn, learn_dates
from retrograd.tables.plain import Plain, numbers_in_text

LearnedColumn = NumberColumn | BooleanColumn | CategoryColumn | DateColumn
Column = LearnedColumn | IgnoredColumn

KINDS: dict[str, type] = {
    kind.kind: kind
    for kind in (
        NumberColumn,
        DurationColumn,
        BooleanColumn,
        CategoryColumn,
        DateColumn,
        IgnoredColumn,
    )
}

CONSTANT = "the same value in every row"
NEARLY_CONSTANT = "differs too little for its size"
# From this many rows on, a column may be suspected of being an identifier.
ENOUGH_TO_SUSPECT = 20


def learn_column(name: str, found: Plain, settings: ColumnSettings) -> tuple[Column, list[str]]:
    """Learn one column.

    Parameters
    ----------
    name : str
    found : Plain
        The column's values, B of them.
    settings : ColumnSettings

    Returns
    -------
    column : Column
        What was learned; an :class:`IgnoredColumn` if the column tells nothing.
    notes : list of str
        What the user may want to know.

    Raises
    ------
    TableError
        If a number is infinite.

    Examples
    --------
    >>> texts = np.array(["a", "b", "a", "b", "c"], dtype=object)
    >>> column, notes = learn_column("letter", Plain("text", texts), ColumnSettings())
    >>> column.features(), notes
    (['letter=a', 'letter=b', 'letter=(other)'], [])
    """
    if found.kind == "empty":
        return IgnoredColumn(name, "every value is missing"), []
    if found.kind in ("number", "duration"):
        return _learn_number(name, found)
    if found.kind == "boolean":
        return _learn_boolean(name, found.values)
    if found.kind == "date":
        return _learn_date(name, found), []
    return _learn_text(name, found, settings)


def _learn_text(name: str, found: Plain, settings: ColumnSettings) -> tuple[Column, list[str]]:
    """Learn what the text of a frame says; declared names are names, whatever they look like."""
    if found.declared:
        return _learn_category(name, found.values, settings)
    numbers = numbers_in_text(found.values)
    if numbers is not None:
        column, notes = _learn_number(name, Plain("number", numbers))
        return column, [f"column {name!r} holds numbers written as text: read as numbers", *notes]
    from retrograd.tables.parsing import dates_in_text  # polars need not be there before

    dates, custom, news = dates_in_text(name, found.values)
    if dates is not None and dates.kind == "date":
        read = f"column {name!r} holds dates written as text: read as dates"
        return _learn_date(name, dates, custom), [read, *news]
    column, notes = _learn_category(name, found.values, settings)
    return column, [*news, *notes]


def _learn_date(name: str, found: Plain, custom: str = "") -> Column:
    """Learn a date or moment."""
    same = NEARLY_CONSTANT if found.differs else CONSTANT
    return learn_dates(name, found, custom) or IgnoredColumn(name, same)


def _learn_number(name: str, found: Plain) -> tuple[Column, list[str]]:
    """Learn a quantity."""
    values = as_numbers(name, found, kind=found.kind)
    hole = np.isnan(values)
    centre, scale = centre_and_scale(values)
    if scale == 0 and not hole.any():
        differs = found.differs or values.max() > values.min()
        return IgnoredColumn(name, NEARLY_CONSTANT if differs else CONSTANT), []
    notes = []
    if _counts_rows(values):
        notes.append(f"column {name!r} looks like a row number: drop it if it is one")
    kind = DurationColumn if found.kind == "duration" else NumberColumn
    return kind(name, centre, scale, bool(hole.any())), notes


def _counts_rows(values: np.ndarray) -> bool:
    """Tell whole numbers that are all different and fill at least half of their range."""
    if len(values) < ENOUGH_TO_SUSPECT or np.isnan(values).any():
        return False
    spread = values.max() / 2 - values.min() / 2  # which is finite
    whole = spread < len(values) and np.array_equal(values, np.round(values))
    return bool(whole and len(np.unique(values)) == len(values))


def _learn_boolean(name: str, values: np.ndarray) -> tuple[Column, list[str]]:
    """Learn a yes or no."""
    hole = np.isnan(values)
    share = float(values[~hole].mean())
    constant = share in (0.0, 1.0)
    if constant and not hole.any():
        return IgnoredColumn(name, CONSTANT), []
    return BooleanColumn(name, share >= 0.5, constant, bool(hole.any())), []


def _learn_category(
    name: str, texts: np.ndarray, settings: ColumnSettings
) -> tuple[Column, list[str]]:
    """Learn a name: keep the most frequent, pool the rest."""
    counts = Counter(text for text in texts if text is not None)
    present = sum(counts.values())
    missing = present < len(texts)
    if len(counts) == 1 and not missing:
        return IgnoredColumn(name, CONSTANT), []
    if present >= ENOUGH_TO_SUSPECT and len(counts) > 0.9 * present:
        reason = f"{len(counts):,} different values in {counted(present, 'row')}, like a name or id"
        return IgnoredColumn(name, reason), []
    # Ties go by name, so that the order of rows changes nothing.
    ranked = sorted(counts, key=lambda text: (-counts[text], text))
    kept = [text for text in ranked if counts[text] >= settings.min_count]
    kept = kept[: settings.max_categories]
    rare = sorted(set(ranked) - set(kept))
    if not kept and not missing:
        return IgnoredColumn(name, "no value occurs often enough to learn from"), []
    column = CategoryColumn(name, tuple(sorted(kept)), tuple(rare), missing)
    pooled_many = len(ranked) > settings.max_categories
    note = (
        f"column {name!r} has {len(ranked):,} different values: the {len(kept)} most frequent "
        "are kept, the others are one"
    )
    return column, [note] if pooled_many else []
