"""TableEncoder: what becomes of each kind of column, and how it fits into scikit-learn."""

import datetime
import pickle
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import Pipeline

from retrograd.tables.encoder import TableEncoder
from retrograd.tables.errors import TableError, TableWarning

PENGUINS = Path(__file__).parents[2] / "examples" / "penguins.csv"
FRAMES = [pl.DataFrame, pd.DataFrame]


def encode(data, **parameters):
    """Fit and transform a dictionary of columns; return names to columns of the matrix."""
    frame = data if isinstance(data, (pl.DataFrame, pd.DataFrame)) else pl.DataFrame(data)
    encoder = TableEncoder(dtype="float64", **parameters).fit(frame)
    return dict(zip(encoder.get_feature_names_out(), encoder.transform(frame).T, strict=True))


@pytest.mark.parametrize("make", FRAMES)
def test_number_is_scaled_by_median_and_interquartile_range(make):
    out = encode(make({"x": [1.0, 2.0, 3.0, 4.0, 5.0]}), clip=None)
    np.testing.assert_allclose(out["x"], (np.arange(1, 6) - 3) / (2 / 1.3489795), rtol=1e-7)


@pytest.mark.parametrize("make", FRAMES)
def test_missing_number_is_the_median_and_has_a_flag(make):
    out = encode(make({"x": [1.0, None, 3.0, float("nan"), 5.0]}))
    assert out["x=(missing)"].tolist() == [0, 1, 0, 1, 0]
    assert out["x"][1] == out["x"][3] == out["x"][2] == 0


def test_mostly_equal_numbers_are_scaled_by_their_standard_deviation():
    x = np.array([0.0] * 9 + [10.0])
    np.testing.assert_allclose(encode({"x": x}, clip=None)["x"], x / x.std())


def test_clip_bounds_outliers_and_keeps_order():
    x = encode({"x": [1.0, 2.0, 3.0, 4.0, 1e300, 1e305]}, clip=5.0)["x"]
    assert np.all(np.diff(x[:5]) > 0)
    assert np.abs(x).max() <= 5.0


@pytest.mark.parametrize(
    "x",
    [
        10**14 + np.array([0, 1, 0]),
        10**14 + np.array([0.0, 1.0, 0.0]),
        10**18 + 1000 * np.array([0, 1, 2]),
        2**53 + 2 * np.arange(5),
        np.array([-1.7e308, 1.7e308, 1.7e308]),
    ],
)
def test_numbers_that_differ_little_for_their_size_are_told_apart(x):
    out = encode({"x": x})["x"]
    assert np.isfinite(out).all()
    assert np.array_equal(np.argsort(out, kind="stable"), np.argsort(x, kind="stable"))
    assert len(np.unique(out)) == len(np.unique(x))
    assert np.ptp(out) > 1


def test_constant_number_with_missing_values_keeps_only_the_flag():
    assert list(encode({"x": [7, None, 7]})) == ["x=(missing)"]


def test_text_has_one_feature_for_each_frequent_value_and_one_for_the_others():
    out = encode({"c": ["a", "a", "b", "b", "c", None]})
    assert list(out) == ["c=a", "c=b", "c=(other)", "c=(missing)"]
    assert out["c=(other)"].tolist() == [0, 0, 0, 0, 1, 0]
    assert np.all(sum(out.values()) == 1)


def test_categories_are_limited_to_the_most_frequent_ones_and_that_is_noted():
    frame = pl.DataFrame({"c": ["a"] * 4 + ["b"] * 3 + ["c"] * 2})
    encoder = TableEncoder(max_categories=2).fit(frame)
    assert encoder.get_feature_names_out().tolist() == ["c=a", "c=b", "c=(other)"]
    assert "'c' has 3 different values" in encoder.notes_[0]


def test_unseen_category_goes_to_other_with_one_line_that_says_so():
    encoder = TableEncoder().fit(pl.DataFrame({"c": ["a", "a", "b", "b", "rare"]}))
    new = pl.DataFrame({"c": ["a", "z", "y", "z", "rare"]})
    with pytest.warns(TableWarning) as caught:
        out = encoder.transform(new)
    assert [str(w.message) for w in caught] == [
        "column 'c': 3 rows with a value never seen in training ('y', 'z'); treated as 'other'"
    ]
    assert out[:, 2].tolist() == [0, 1, 1, 1, 1]


def test_unseen_category_without_an_other_bucket_is_zero_everywhere():
    encoder = TableEncoder().fit(pl.DataFrame({"c": ["a", "a", "b", "b"]}))
    with pytest.warns(TableWarning, match="none of the known ones"):
        assert encoder.transform(pl.DataFrame({"c": ["z"]})).tolist() == [[0, 0]]


@pytest.mark.parametrize("make", FRAMES)
def test_booleans(make):
    out = encode(make({"b": [True, False, True]}))
    assert out["b"].tolist() == [1, 0, 1]


def test_missing_boolean_is_the_usual_one_with_a_flag():
    for frame in (
        pl.DataFrame({"b": [True, False, True, None]}),
        pd.DataFrame({"b": pd.array([True, False, True, None], dtype="boolean")}),
        pd.DataFrame({"b": np.array([True, False, True, None], dtype=object)}),
    ):
        out = encode(frame)
        assert out["b"].tolist() == [1, 0, 1, 1]
        assert out["b=(missing)"].tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("make", FRAMES)
def test_dates_become_year_and_cycles(make):
    days = [datetime.datetime(2023, 1, 2, 0), datetime.datetime(2024, 7, 4, 6), None]
    out = encode(make({"d": days}), clip=None)
    assert list(out) == [
        "d.year", "d.month.sin", "d.month.cos", "d.day.sin", "d.day.cos",
        "d.weekday.sin", "d.weekday.cos", "d.hour.sin", "d.hour.cos", "d=(missing)",
    ]  # fmt: skip
    np.testing.assert_allclose(out["d.month.cos"], [1, -1, 0], atol=1e-12)
    np.testing.assert_allclose(out["d.hour.sin"], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(out["d.weekday.sin"][1], np.sin(2 * np.pi * 3 / 7))
    assert out["d.year"][1] > 0 > out["d.year"][0]


def test_parts_of_dates_that_never_vary_are_left_out():
    days = [datetime.date(2024, 3, 4), datetime.date(2024, 3, 11)]
    assert list(encode({"d": days})) == ["d.year", "d.day.sin", "d.day.cos"]


def test_time_zones_must_agree():
    berlin = pl.Series("t", ["2024-01-01T05:00", "2024-06-01T07:00"]).str.to_datetime()
    frame = pl.DataFrame([berlin.dt.replace_time_zone("Europe/Berlin")])
    encoder = TableEncoder().fit(frame)
    with pytest.raises(TableError, match="is in time zone none, in training it was in Europe"):
        encoder.transform(pl.DataFrame([berlin]))


def test_numbers_written_as_text_are_numbers_and_that_is_noted():
    frame = pl.DataFrame({"x": ["1", "2.5", None, "1e3"]})
    encoder = TableEncoder().fit(frame)
    assert encoder.columns_[0].kind == "number"
    assert "numbers written as text" in encoder.notes_[0]


def test_digits_declared_categorical_are_names():
    frame = pd.DataFrame({"zip": pd.Categorical(["8001", "8002", "8001", "8002"])})
    assert list(encode(frame)) == ["zip=8001", "zip=8002"]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([None, None, None], "every value is missing"),
        ([3, 3, 3], "the same value in every row"),
        (["a", "a", "a"], "the same value in every row"),
        ([True, True, True], "the same value in every row"),
        ([datetime.date(2024, 1, 1)] * 3, "the same value in every row"),
        ([0.3, 0.1 + 0.2, 0.3], "differs too little for its size"),
        ([10**18, 10**18 + 1, 10**18], "differs too little for its size"),
        (["a", "b", "c"], "no value occurs often enough"),
    ],
)
def test_columns_that_tell_nothing_are_left_out_with_a_warning(values, reason):
    frame = pl.DataFrame({"useful": [1, 2, 3], "useless": values})
    with pytest.warns(TableWarning, match=f"left out: column 'useless': {reason}"):
        encoder = TableEncoder().fit(frame)
    assert encoder.get_feature_names_out().tolist() == ["useful"]
    # What is not used need not be there.
    assert encoder.transform(frame.drop("useless")).shape == (3, 1)


def test_identifier_is_left_out():
    frame = pl.DataFrame({"id": [f"u{i}" for i in range(30)], "x": range(30)})
    with pytest.warns(TableWarning, match="30 different values in 30 rows, like a name or id"):
        encoder = TableEncoder().fit(frame)
    assert "looks like a row number" in encoder.notes_[1]


def test_table_without_any_useful_column_is_an_error():
    with pytest.raises(TableError, match="no column to learn from: column 'a': the same value"):
        TableEncoder().fit(pl.DataFrame({"a": [1, 1]}))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.zeros((2, 2)), "needs a pandas or polars DataFrame, got ndarray"),
        (pl.LazyFrame({"a": [1]}), "the frame is lazy: collect it first"),
        (pl.DataFrame({"a": []}), "the table has no rows"),
        (pd.DataFrame({0: [1, 2]}), "column names must be text, got 0"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "(?i)unique|duplicate"),
        (pl.DataFrame({"a": [[1], [2]]}), "column 'a' is of type List.*drop it"),
        (pd.DataFrame({"a": [1, "x"]}, dtype=object), "holds objects of type int, str"),
        (pl.DataFrame({"a": [1.0, float("inf")]}), "column 'a' is infinite in row 1"),
        (pd.DataFrame({"a": [1, -(10**400)]}, dtype=object), "whole number too large for float64"),
    ],
)
def test_bad_tables_are_refused_in_one_clear_line(table, message):
    with pytest.raises(TableError, match=message) as caught:
        TableEncoder().fit(table)
    assert "\n" not in str(caught.value)


def test_missing_and_wrong_columns_are_all_named():
    encoder = TableEncoder().fit(pl.DataFrame({"a": [1, 2], "b": [True, False], "c": [3, 4]}))
    with pytest.raises(TableError, match="columns 'a', 'c' are missing from the table"):
        encoder.transform(pl.DataFrame({"b": [True]}))
    with pytest.raises(TableError) as caught:
        encoder.transform(pl.DataFrame({"a": ["1", "two"], "b": [1, 0], "c": [3, 4]}))
    assert str(caught.value) == (
        "column 'a' should hold numbers, found text such as 'two' in row 1 (counting from 0); "
        "column 'b' should hold booleans, found numbers"
    )


@pytest.mark.parametrize("make", FRAMES)
def test_the_cell_that_makes_a_column_another_kind_is_named(make):
    days = [datetime.datetime(2024, 1, 1 + k, 10 + k) for k in range(4)]
    fitted = pl.DataFrame({
        "x": [1.5, 2.5, 3.5, 5.0], "b": [True, False] * 2, "d": days, "c": ["u", "v"] * 2,
        "y": [1, 2, 4, 9], "z": [3, 2, 4, 9],
    })  # fmt: skip
    encoder = TableEncoder().fit(fitted)
    written = {
        "x": ["1", None, "1,5", "2"], "b": [None, "True", "FALSE", "maybe"],
        "d": ["2024-01-31 10:00", "2024-13-45 10:00", None, "2024-02-01 11:30"], "c": [1, 2, 3, 4],
        "y": ["1", "2", "3", "IV"], "z": ["x", "2", "3", "4"],
    }  # fmt: skip
    with pytest.raises(TableError) as caught:
        encoder.transform(make(written))
    assert str(caught.value) == (
        "column 'x' should hold numbers, found text such as '1,5' in row 2 (counting from 0); "
        "column 'b' should hold booleans, found text such as 'maybe' in row 3 (counting from 0); "
        "column 'd' should hold dates, found text such as '2024-13-45 10:00' in row 1 (counting "
        "from 0): write dates as 2024-12-31; column 'c' should hold text, found numbers; "
        "columns 'y', 'z' are not as in training, either"
    )
    # Text that says yes or no is text all the same, in a frame.
    with pytest.raises(TableError, match="column 'b' .* such as 'True' in row 1 "):
        encoder.transform(fitted.with_columns(b=pl.Series([None, "True", "False", "True"])))


def test_durations_are_seconds_whatever_their_unit():
    """And no numbers, in either direction: nobody knows of what unit these would be."""
    hours = np.arange(60)
    encoder = TableEncoder(clip=None).fit(pd.DataFrame({"k": pd.to_timedelta(hours, unit="h")}))
    learned = encoder.transform(pd.DataFrame({"k": pd.to_timedelta(hours, unit="h")}))
    minutes = pl.DataFrame({"k": pl.Series(60 * hours).cast(pl.Duration("ms")) * 60_000})
    np.testing.assert_array_equal(encoder.transform(minutes), learned)
    numbers = pd.DataFrame({"k": hours.astype(float)})
    with pytest.raises(TableError, match="column 'k' should hold durations, found numbers"):
        encoder.transform(numbers)
    with pytest.raises(TableError, match="column 'k' should hold numbers, found durations"):
        TableEncoder().fit(numbers).transform(minutes)
    again = TableEncoder.from_state(*encoder.to_state())
    np.testing.assert_array_equal(again.transform(minutes), learned)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_durations_of_nanoseconds_are_told_apart(frame):
    """Laps of a benchmark, say: seconds in float64 have the digits."""
    laps = np.array([100, 500, 900, 2000, "NaT"], "timedelta64[ns]")
    encoder = TableEncoder(dtype="float64", clip=None).fit(frame({"t": laps}))
    found = np.asarray(encoder.transform(frame({"t": laps})))[:4, 0]
    steps = np.diff(found) / (found[1] - found[0])
    np.testing.assert_allclose(steps, [1.0, 1.0, 2.75], rtol=1e-12)


def test_categories_of_whole_numbers_are_the_same_as_fractions():
    """Which pandas makes of them once one is missing."""
    k = np.arange(60) % 3
    encoder = TableEncoder().fit(pd.DataFrame({"k": pd.Categorical(k)}))
    learned = encoder.transform(pd.DataFrame({"k": pd.Categorical(k)}))
    fractions = pd.DataFrame({"k": pd.Categorical(-k.astype(float) * -1.0)})
    np.testing.assert_array_equal(encoder.transform(fractions), learned)


def test_sparse_columns_of_pandas_are_columns():
    dense = pd.DataFrame({"a": np.arange(30.0) % 4, "b": np.arange(30.0)[::-1]})
    sparse = dense.astype(pd.SparseDtype(float, 0.0))
    encoder = TableEncoder().fit(sparse)
    np.testing.assert_array_equal(encoder.transform(dense), encoder.transform(sparse))
    with pytest.raises(TableError, match="column 'a' is of type complex128, which has no"):
        TableEncoder().fit(pd.DataFrame({"a": [1j, 2j]}))


@pytest.mark.parametrize(
    "values",
    [
        pd.date_range("2020", periods=60, freq="7ns").astype("datetime64[ns]"),
        pd.Series([10**30 + i for i in range(60)], dtype=object),
    ],
)
def test_what_differs_is_not_called_the_same(values):
    with pytest.warns(TableWarning, match="column 'k': differs too little for its size"):
        TableEncoder().fit(pd.DataFrame({"a": np.arange(60.0) ** 2, "k": values}))


def test_columns_are_matched_by_name_and_surplus_ones_ignored_with_a_warning():
    frame = pl.DataFrame({"a": [1, 2], "b": [5, 9]})
    encoder = TableEncoder().fit(frame)
    swapped = frame.select("b", "a").with_columns(z=pl.lit(0))
    with pytest.warns(TableWarning, match="column 'z' is unknown to the model: ignored"):
        np.testing.assert_array_equal(encoder.transform(swapped), encoder.transform(frame))


def test_what_is_predicted_is_no_surprise():
    frame = pl.DataFrame({"a": [1, 2], "y": [5, 9]})
    encoder = TableEncoder().fit(frame.select("a"), frame["y"])
    with pytest.warns(TableWarning) as caught:
        encoder.transform(frame.with_columns(z=0))
    assert [str(warning.message) for warning in caught] == [
        "column 'y' is what the model predicts: not looked at",
        "column 'z' is unknown to the model: ignored",
    ]


def test_missing_value_never_seen_in_training_is_said():
    encoder = TableEncoder().fit(pl.DataFrame({"a": [1.0, 2.0]}))
    with pytest.warns(TableWarning, match="missing in 1 row, never in training; the median"):
        assert encoder.transform(pl.DataFrame({"a": [None]})).tolist() == [[0.0]]


def test_pandas_and_polars_give_the_same_matrix():
    frame = pl.read_csv(PENGUINS, null_values="NA")
    polars, pandas = TableEncoder(), TableEncoder()
    np.testing.assert_array_equal(
        polars.fit_transform(frame), pandas.fit_transform(frame.to_pandas())
    )
    assert polars.get_feature_names_out().tolist() == pandas.get_feature_names_out().tolist()


def test_dtype_and_order_of_rows_do_not_change_what_is_learned():
    frame = pl.read_csv(PENGUINS, null_values="NA")
    encoder = TableEncoder().fit(frame)
    assert encoder.transform(frame).dtype == np.float32
    assert TableEncoder(dtype="float64").fit_transform(frame).dtype == np.float64
    assert TableEncoder().fit(frame[::-1]).columns_ == encoder.columns_


def test_fits_into_scikit_learn():
    frame = pd.read_csv(PENGUINS)
    y = frame.pop("species")
    model = Pipeline([("table", TableEncoder()), ("linear", LogisticRegression(max_iter=500))])
    scores = cross_validate(model, frame, y, cv=3)["test_score"]
    assert scores.min() > 0.95
    search = GridSearchCV(model, {"table__clip": [None, 3.0]}, cv=2).fit(frame, y)
    assert search.best_score_ > 0.95
    assert clone(TableEncoder(clip=None)).clip is None
    encoder = TableEncoder().fit(frame)
    again = pickle.loads(pickle.dumps(encoder))
    np.testing.assert_array_equal(again.transform(frame), encoder.transform(frame))
    with pytest.raises(NotFittedError):
        TableEncoder().transform(frame)
    with pytest.raises(ValueError, match="max_categories"):
        TableEncoder(max_categories=0).fit(frame)


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_set_output(container):
    frame = pd.DataFrame({"a": [1, 2, 4], "c": ["x", "x", "y"]}, index=[7, 8, 9])
    out = TableEncoder().set_output(transform=container).fit_transform(frame)
    assert list(out.columns) == ["a", "c=x", "c=(other)"]
    if container == "pandas":
        assert out.index.tolist() == [7, 8, 9]


def test_features_that_would_share_a_name_get_different_ones():
    frame = pl.DataFrame({"a": ["b", "b", "c", "c"], "a=b": [1, 2, 3, 4]})
    names = TableEncoder().fit(frame).get_feature_names_out().tolist()
    assert names == ["a=b", "a=c", "a=b'"]


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
VALUES = st.one_of(
    st.lists(st.none() | st.floats(allow_infinity=False), min_size=6, max_size=6),
    st.lists(st.none() | st.integers(-(2**62), 2**62), min_size=6, max_size=6),
    st.lists(st.none() | st.booleans(), min_size=6, max_size=6),
    st.lists(st.none() | NAMES | st.sampled_from(["a", "b"]), min_size=6, max_size=6),
    st.lists(
        st.none() | st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2200, 1, 1)),
        min_size=6,
        max_size=6,
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=4), st.integers(1, 6))
def test_any_table_gives_a_finite_matrix_or_one_clear_error(columns, rows):
    frame = pl.DataFrame({name: values[:rows] for name, values in columns.items()}, strict=False)
    encoder = TableEncoder()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TableWarning)
        try:
            matrix = encoder.fit_transform(frame)
        except TableError as error:
            event = str(error)
            matrix = None
        if matrix is None:
            assert "no column to learn from" in event
            return
        names = encoder.get_feature_names_out()
        assert matrix.shape == (rows, len(names))
        assert len(set(names)) == len(names)
        assert np.isfinite(matrix).all()
        again = TableEncoder.from_state(*encoder.to_state())
        np.testing.assert_array_equal(again.transform(frame), matrix)
        # A row is encoded by itself, whatever the rows around it.
        np.testing.assert_array_equal(encoder.transform(frame[:1]), matrix[:1])


def test_state_is_plain_data():
    frame = pl.read_csv(PENGUINS, null_values="NA")
    arrays, facts = TableEncoder().fit(frame).to_state()

    def check(value):
        if isinstance(value, dict):
            assert all(type(key) is str for key in value)
            value = list(value.values())
        if type(value) is list:
            for item in value:
                check(item)
        else:
            assert value is None or type(value) in (str, int, float, bool)

    check(facts)
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.float64)}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda a, f: f["parameters"].pop("clip"), "parameters"),
        (lambda a, f: f["parameters"].update(dtype="object"), "dtype"),
        (lambda a, f: f.update(columns=[]), "no columns"),
        (lambda a, f: f["columns"].pop(), "does not match"),
        (lambda a, f: f["columns"][0].update(kind="code"), "no known kind"),
        (lambda a, f: f["columns"][0].update(missing="yes"), "wrong type"),
        (lambda a, f: f["columns"][0].update(name=f["columns"][1]["name"]), "facts|one name"),
        (lambda a, f: f["columns"][1].update(categories=["a", "a"]), "wrong type"),
        (lambda a, f: f["columns"][1].update(rare=["u"]), "knows a value twice"),
        (lambda a, f: f["columns"][2].update(parts=["century"]), "unknown parts"),
        (lambda a, f: a["scale"].__setitem__(0, np.nan), "no usable centre"),
        (lambda a, f: a["scale"].__setitem__(0, -1.0), "no usable centre"),
        (lambda a, f: a.pop("centre"), "does not match"),
        (lambda a, f: f.update(notes="none"), "notes"),
    ],
)
def test_damaged_state_is_refused(damage, message):
    days = [datetime.date(2024, 1, day) for day in (1, 2, 3, 4)]
    frame = pl.DataFrame({"x": [1, 2, 3, 4], "c": ["u", "u", "v", "v"], "d": days})
    arrays, facts = TableEncoder().fit(frame).to_state()
    damage(arrays, facts)
    with pytest.raises(ValueError, match=message):
        TableEncoder.from_state(arrays, facts)
