"""Any frame as a dictionary of plain columns."""

import narwhals as nw

from retrograd.tables.errors import TableError, listed
from retrograd.tables.plain import Plain, plain


def _frame(table) -> nw.DataFrame:
    """Wrap a frame, or say what was given instead."""
    try:
        frame = nw.from_native(table, eager_only=True)
    except TypeError:
        kind = type(table).__name__
        if kind == "LazyFrame":
            raise TableError("the frame is lazy: collect it first") from None
        raise TableError(f"needs a pandas or polars DataFrame, got {kind}") from None
    except ValueError as error:
        # Frames with two columns of one name are refused there.
        raise TableError(" ".join(str(error).split())) from None
    odd = [name for name in frame.columns if not isinstance(name, str)]
    if odd:
        raise TableError(f"column names must be text, got {listed(odd)}: rename the columns")
    return frame


def column_names(table) -> list[str]:
    """Names of the columns of a frame, in its order.

    Raises
    ------
    TableError
        If it is not a frame, or its names are not text or not unique.

    Examples
    --------
    >>> import polars as pl
    >>> column_names(pl.DataFrame({"b": [1], "a": [2]}))
    ['b', 'a']
    """
    return list(_frame(table).columns)


def plain_columns(table, wanted: list[str] | None = None) -> dict[str, Plain]:
    """Take plain values out of a frame.

    Parameters
    ----------
    table : pandas or polars DataFrame with B rows
    wanted : list of str, optional
        The columns to take; all of them by default.

    Returns
    -------
    dict of Plain

    Raises
    ------
    TableError
        If the frame has no row, lacks wanted columns, or some have types without an encoding;
        all of them are named.

    Examples
    --------
    >>> import polars as pl
    >>> plain_columns(pl.DataFrame({"b": [1], "a": [2]}), ["a"])["a"].values
    array([2.])
    """
    frame = _frame(table)
    if wanted is not None:
        there = set(frame.columns)
        missing = [name for name in wanted if name not in there]
        if missing:
            raise TableError(f"{columns_called(missing)} missing from the table")
    if len(frame) == 0:
        raise TableError("the table has no rows")
    columns, wrong = {}, []
    for name in frame.columns if wanted is None else wanted:
        try:
            columns[name] = plain(frame.get_column(name))
        except TableError as error:
            wrong.append(str(error))
    if wrong:
        raise TableError("; ".join(wrong))
    return columns


def not_looked_at(target: str) -> str:
    """Say of a column why its values play no part.

    Examples
    --------
    >>> not_looked_at("species")
    "column 'species' is what the model predicts: not looked at"
    """
    return f"column {target!r} is what the model predicts: not looked at"


def columns_called(names: list[str]) -> str:
    """Start a sentence about columns, verb included.

    Examples
    --------
    >>> columns_called(["a"]), columns_called(["a", "b"])
    ("column 'a' is", "columns 'a', 'b' are")
    """
    return f"column {names[0]!r} is" if len(names) == 1 else f"columns {listed(names)} are"
