"""TableEncoder: a frame in, a matrix of floats out, and nothing hidden in between."""

from dataclasses import asdict
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from retrograd.engine.notes import warn
from retrograd.tables.columns import ColumnSettings, IgnoredColumn
from retrograd.tables.errors import TableError, TableWarning
from retrograd.tables.frames import column_names, columns_called, not_looked_at, plain_columns
from retrograd.tables.learning import LearnedColumn, learn_column
from retrograd.tables.state import columns_from_state, parameters_from_state

# Of so many columns that cannot be used it is told why, of others only that.
WRONG_TOLD = 4


class TableEncoder(TransformerMixin, BaseEstimator):
    """Turn a pandas or polars frame into a matrix of floats that a network can learn from.

    Numbers are centred on their median and divided by a robust spread; text and categories become
    one feature per frequent value and one for all others; booleans become 0 or 1; dates become
    their year and a point on a circle for month, day, weekday and hour. Text that is all
    numbers, or all dates, is read as such, unless it is declared categorical. A column with missing
    values in fit gets one more feature that is 1 where it is missing. A column that tells nothing
    (constant, all missing, an identifier) is left out, with a :class:`TableWarning` that says so.

    At transform, columns are found by name. A missing column or one of another kind is an error, a
    surplus column and a value never seen in fit are a warning.

    Parameters
    ----------
    dtype : {"float32", "float64"}, default="float32"
        Type of the matrix.
    max_categories : int, default=20
        At most so many values of a text column get a feature of their own.
    min_count : int, default=2
        A value in fewer rows than this belongs to 'other'.
    clip : float or None, default=5.0
        Scaled numbers are squashed smoothly into (-clip, clip); None leaves them as they are.

    Attributes
    ----------
    columns_ : list of columns
        What was learned about each column, in the order of the frame.
    notes_ : list of str
        What was noticed in fit.
    feature_names_in_ : object array (n_features_in_,)
    n_features_in_ : int
    target_ : str or None
        What the model predicts, if y had a name in fit or a model file has: among the columns of a
        frame it is no surprise.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"mass": [1.0, None, 3.0], "colour": ["red", "blue", "red"]})
    >>> encoder = TableEncoder(min_count=1).fit(frame)
    >>> encoder.get_feature_names_out().tolist()
    ['mass', 'mass=(missing)', 'colour=blue', 'colour=red']
    >>> encoder.transform(frame)[1]
    array([0., 1., 1., 0.], dtype=float32)
    """

    _parameter_constraints: ClassVar[dict] = {
        "dtype": [StrOptions({"float32", "float64"})],
        "max_categories": [Interval(Integral, 1, None, closed="left")],
        "min_count": [Interval(Integral, 1, None, closed="left")],
        "clip": [Interval(Real, 0, None, closed="neither"), None],
    }

    def __init__(self, *, dtype="float32", max_categories=20, min_count=2, clip=5.0):
        self.dtype = dtype
        self.max_categories = max_categories
        self.min_count = min_count
        self.clip = clip

    def fit(self, X, y=None):
        """Learn from a frame.

        Parameters
        ----------
        X : pandas or polars DataFrame with B rows
        y : array, optional
            Only its name is looked at, if it has one.

        Returns
        -------
        self

        Raises
        ------
        TableError
            If X is not a frame, has no row, has columns without a proper name, or no column that
            tells anything.

        Examples
        --------
        >>> import polars as pl
        >>> TableEncoder().fit(pl.DataFrame({"x": [1, 2]})).n_features_in_
        1
        """
        self._validate_params()
        frame = plain_columns(X)
        learned = [learn_column(name, values, self._settings()) for name, values in frame.items()]
        columns = [column for column, _ in learned]
        ignored = [column for column in columns if isinstance(column, IgnoredColumn)]
        left_out = "; ".join(f"column {column.name!r}: {column.reason}" for column in ignored)
        if len(ignored) == len(columns):
            raise TableError(f"no column to learn from: {left_out or 'the table has none'}")
        if ignored:
            warn(f"left out: {left_out}", TableWarning)
        self.columns_ = columns
        self.notes_ = [f"left out: {left_out}"] * bool(ignored)
        self.notes_ += [note for _, notes in learned for note in notes]
        self.feature_names_in_ = np.array(list(frame), dtype=object)
        self.n_features_in_ = len(columns)
        name = getattr(y, "name", None)
        self.target_ = name if isinstance(name, str) and name else None
        return self

    def transform(self, X):
        """Encode a frame.

        Parameters
        ----------
        X : pandas or polars DataFrame with B rows
            Has every column that was used in fit; the order does not matter.

        Returns
        -------
        array (B, number of features), of type ``dtype``

        Raises
        ------
        TableError
            If columns are missing or of another kind than in fit; the message lists them all.

        Examples
        --------
        >>> import polars as pl
        >>> encoder = TableEncoder(clip=None).fit(pl.DataFrame({"x": [1, 2, 3, 4]}))
        >>> encoder.transform(pl.DataFrame({"x": [2.5]}))
        array([[0.]], dtype=float32)
        """
        check_is_fitted(self)
        frame = plain_columns(X, wanted=[column.name for column in self._used()])
        known = set(self.feature_names_in_)
        surplus = [name for name in column_names(X) if name not in known]
        notes = []
        if self.target_ is not None and self.target_ in surplus:
            surplus.remove(self.target_)
            notes.append(not_looked_at(self.target_))
        if surplus:
            notes.append(f"{columns_called(surplus)} unknown to the model: ignored")
        blocks, wrong = [], []
        for column in self._used():
            try:
                block, news = column.encode(frame[column.name], self._settings())
            except TableError as error:
                wrong.append((column.name, str(error)))
            else:
                blocks.append(block.astype(self.dtype))
                notes += news
        if wrong:
            told = [message for _, message in wrong[:WRONG_TOLD]]
            if rest := [name for name, _ in wrong[WRONG_TOLD:]]:
                told.append(f"{columns_called(rest)} not as in training, either")
            raise TableError("; ".join(told))
        for note in notes:
            warn(note, TableWarning)
        return np.hstack(blocks)

    def get_feature_names_out(self, input_features=None):
        """Name the columns of the matrix.

        Parameters
        ----------
        input_features : ignored
            Names come from the frame seen in fit.

        Returns
        -------
        object array (number of features,)

        Examples
        --------
        >>> import polars as pl
        >>> TableEncoder().fit(pl.DataFrame({"x": [True, False]})).get_feature_names_out()
        array(['x'], dtype=object)
        """
        check_is_fitted(self)
        names: list[str] = []
        taken: set[str] = set()
        for column in self._used():
            for name in column.features():
                # Two columns may spell the same feature, such as 'a=b'.
                while name in taken:
                    name += "'"
                taken.add(name)
                names.append(name)
        return np.array(names, dtype=object)

    def to_state(self) -> tuple[dict[str, np.ndarray], dict]:
        """Hand out all that was learned as arrays, strings and numbers.

        Returns
        -------
        arrays : dict of float64 arrays (number of columns,)
            ``centre`` and ``scale`` of each column, 0 for a column that has none.
        facts : dict
            Plain lists, strings, booleans and numbers, fit for JSON.

        Examples
        --------
        >>> import polars as pl
        >>> arrays, facts = TableEncoder().fit(pl.DataFrame({"x": [1, 2, 3, 4]})).to_state()
        >>> arrays["centre"]
        array([2.5])
        >>> facts["columns"]
        [{'name': 'x', 'missing': False, 'kind': 'number'}]
        """
        check_is_fitted(self)
        columns = [asdict(column) | {"kind": column.kind} for column in self.columns_]
        arrays = {
            key: np.array([column.pop(key, 0.0) for column in columns], dtype=np.float64)
            for key in ("centre", "scale")
        }
        for column in columns:
            if not column.get("custom", True):  # few have one
                del column["custom"]
            column.update({k: list(v) for k, v in column.items() if isinstance(v, tuple)})
        parameters = {  # a search over np.arange gives numbers that JSON does not have
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in self.get_params().items()
        }
        return arrays, {"parameters": parameters, "columns": columns, "notes": list(self.notes_)}

    @classmethod
    def from_state(cls, arrays: dict[str, np.ndarray], facts: dict) -> "TableEncoder":
        """Build a fitted encoder from what :meth:`to_state` handed out.

        Parameters
        ----------
        arrays, facts : dict

        Returns
        -------
        TableEncoder

        Raises
        ------
        ValueError
            If anything is missing, of the wrong type, or contradicts something else.

        Examples
        --------
        >>> import polars as pl
        >>> frame = pl.DataFrame({"x": [1, 2, 3, 4]})
        >>> state = TableEncoder().fit(frame).to_state()
        >>> TableEncoder.from_state(*state).get_feature_names_out().tolist()
        ['x']
        """
        encoder = cls(**parameters_from_state(facts, set(cls().get_params())))
        encoder._validate_params()
        encoder.columns_ = columns_from_state(arrays, facts)
        encoder.notes_ = list(facts.get("notes", []))
        names = [column.name for column in encoder.columns_]
        encoder.feature_names_in_ = np.array(names, dtype=object)
        encoder.n_features_in_ = len(names)
        encoder.target_ = None
        return encoder

    def _settings(self) -> ColumnSettings:
        """Gather what the columns need to know of the parameters."""
        return ColumnSettings(self.max_categories, self.min_count, self.clip)

    def _used(self) -> list[LearnedColumn]:
        """List the columns that have features."""
        return [column for column in self.columns_ if not isinstance(column, IgnoredColumn)]

    def __sklearn_tags__(self):
        """Say what this transformer takes: missing values and text, in frames."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = []
        tags.no_validation = True
        return tags
