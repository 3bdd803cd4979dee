"""Builds an encoder's columns from plain data, trusting none of it."""

from dataclasses import fields
from typing import get_type_hints

import numpy as np

from retrograd.tables.columns import CategoryColumn
from retrograd.tables.dates import CYCLES, DateColumn
from retrograd.tables.learning import KINDS, Column


def parameters_from_state(facts: dict, known: set[str]) -> dict:
    """Take the constructor's parameters out of a state.

    Parameters
    ----------
    facts : dict
    known : set of str
        The parameters there must be.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If they are not exactly the known ones.

    Examples
    --------
    >>> parameters_from_state({"parameters": {"clip": 5.0}}, {"clip"})
    {'clip': 5.0}
    """
    parameters = facts.get("parameters") if isinstance(facts, dict) else None
    if not isinstance(parameters, dict) or set(parameters) != known:
        raise ValueError("the encoder's parameters are not those of this version")
    return parameters


def columns_from_state(arrays: dict[str, np.ndarray], facts: dict) -> list[Column]:
    """Build the columns of an encoder.

    Parameters
    ----------
    arrays : dict of float64 arrays (number of columns,)
        ``centre`` and ``scale``.
    facts : dict
        ``columns``: one dictionary a column.

    Returns
    -------
    list of columns

    Raises
    ------
    ValueError
        If anything is missing, of the wrong type, or contradicts something else.

    Examples
    --------
    >>> arrays = {"centre": np.array([2.0]), "scale": np.array([1.5])}
    >>> facts = {"columns": [{"kind": "number", "name": "x", "missing": False}], "notes": []}
    >>> columns_from_state(arrays, facts)
    [NumberColumn(name='x', centre=2.0, scale=1.5, missing=False)]
    """
    entries = facts.get("columns")
    if not isinstance(entries, list) or not entries:
        raise ValueError("the encoder has no columns")
    for key in ("centre", "scale"):
        array = arrays.get(key)
        if array is None or array.shape != (len(entries),) or array.dtype != np.float64:
            raise ValueError(f"the encoder's {key!r} does not match its {len(entries)} columns")
    columns = [
        _column(entry, float(centre), float(scale))
        for entry, centre, scale in zip(entries, arrays["centre"], arrays["scale"], strict=True)
    ]
    if len({column.name for column in columns}) < len(columns):
        raise ValueError("the encoder has two columns of one name")
    if all(column.kind == "ignored" for column in columns):
        raise ValueError("the encoder has no column to use")
    notes = facts.get("notes")
    if not isinstance(notes, list) or not all(isinstance(note, str) for note in notes):
        raise ValueError("the encoder's notes are not a list of texts")
    return columns


def _column(entry, centre: float, scale: float) -> Column:
    """Build one column."""
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise ValueError("an encoder's column has no name")
    name, given = entry["name"], dict(entry)
    kind = KINDS.get(str(given.pop("kind", None)))
    if kind is None:
        raise ValueError(f"the encoder's column {name!r} is of no known kind")
    wanted = [field.name for field in fields(kind)]
    if "centre" in wanted:
        if not (np.isfinite(centre) and np.isfinite(scale) and scale >= 0):
            raise ValueError(f"the encoder's column {name!r} has no usable centre and scale")
        given |= {"centre": centre, "scale": scale}
    if kind is DateColumn:
        given.setdefault("custom", "")
    if set(given) != set(wanted):
        raise ValueError(f"the encoder's column {name!r} has not the facts of its kind")
    hints = get_type_hints(kind)
    for key, value in given.items():
        given[key] = _checked(name, key, value, hints[key])
    column = kind(**given)
    _check_sense(column)
    return column


def _checked(name: str, key: str, value, hint):
    """Check a fact's type; lists of strings become tuples."""
    if hint in (str, bool, float):
        if type(value) is hint:
            return value
    elif isinstance(value, list) and all(isinstance(item, str) for item in value):
        without_doubles = tuple(dict.fromkeys(value))
        if len(without_doubles) == len(value):
            return without_doubles
    raise ValueError(f"the encoder's column {name!r} has a {key!r} of the wrong type")


def _check_sense(column: Column) -> None:
    """Check what the types alone do not say."""
    if isinstance(column, DateColumn) and not set(column.parts) <= {"year", *CYCLES}:
        raise ValueError(f"the encoder's column {column.name!r} has unknown parts of dates")
    if isinstance(column, DateColumn) and "year" in column.parts and column.scale == 0:
        raise ValueError(f"the encoder's column {column.name!r} has no scale for its year")
    if isinstance(column, DateColumn) and column.custom:
        from retrograd.tables.parsing import CUSTOMS  # polars need not be there before

        if column.custom not in CUSTOMS:
            raise ValueError(f"the encoder's column {column.name!r} has unknown customs of dates")
    if isinstance(column, CategoryColumn) and set(column.categories) & set(column.rare):
        raise ValueError(f"the encoder's column {column.name!r} knows a value twice")
    if column.kind != "ignored" and not column.features():
        raise ValueError(f"the encoder's column {column.name!r} has no feature")
