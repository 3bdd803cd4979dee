"""What a column is taken for, at the edges; and how cells and objects are read there."""

import csv
import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from retrograd.tables.encoder import TableEncoder
from retrograd.tables.errors import TableError, TableWarning
from retrograd.tables.parsing import parse
from retrograd.tables.reading import read_table
from retrograd.tables.task import pose


def test_which_of_equally_frequent_names_are_kept_does_not_hang_on_the_order_of_rows():
    names = [*"dbca"] * 3 + ["e"] * 4
    for cells in (names, names[::-1], sorted(names)):
        encoder = TableEncoder(max_categories=3).fit(pl.DataFrame({"x": cells}))
        assert encoder.columns_[0].categories == ("a", "b", "e")
        assert encoder.columns_[0].rare == ("c", "d")


@pytest.mark.parametrize(("step", "noticed"), [(1, True), (2, True), (3, False)])
def test_numbers_that_may_count_rows(step, noticed):
    """Whole, all different, and at least half of those between the least and the largest."""
    encoder = TableEncoder().fit(pl.DataFrame({"x": np.arange(0, 30 * step, step)}))
    assert any("looks like a row number" in note for note in encoder.notes_) is noticed


def test_truths_among_numbers_are_no_numbers():
    frame = pd.DataFrame({"x": np.array([True, 2, 3.5], dtype=object)})
    with pytest.raises(TableError, match="column 'x' holds objects of type bool, float, int"):
        TableEncoder().fit(frame)


@pytest.mark.parametrize("values", [[1, 2, 3], [10**17, 10**17 + 1, 5], [1.0, 2.5, 3.0]])
def test_categories_that_are_numbers_are_the_same_where_one_is_missing(values):
    whole = pd.DataFrame({"k": pd.Series(values * 10).astype("category"), "z": [*range(30)]})
    holed = whole.copy()
    holed.loc[4, "k"] = np.nan
    encoder = TableEncoder(min_count=1).fit(whole)
    assert len(encoder.columns_[0].categories) == 3
    with pytest.warns(TableWarning, match="'k': missing in 1 row, never in training"):
        found = encoder.transform(holed)
    kept = np.arange(30) != 4
    np.testing.assert_array_equal(found[kept], encoder.transform(whole)[kept])
    assert not found[4, :3].any()
    again = TableEncoder(min_count=1).fit(holed)
    assert again.columns_[0].categories == encoder.columns_[0].categories


def test_days_of_arrow_may_be_missing():
    days = [datetime.date(2024, 1, 31), None, datetime.date(2024, 3, 1)]
    arrow = pd.DataFrame({"x": pd.array(days, dtype=pd.ArrowDtype(pa.date32()))})
    encoder = TableEncoder().fit(arrow)
    assert encoder.columns_ == TableEncoder().fit(pl.DataFrame({"x": days})).columns_
    assert encoder.columns_[0].kind == "date"


def test_durations_are_counted_in_seconds():
    spans = [datetime.timedelta(minutes=n) for n in (1, 2, 3, 4)]
    for unit in ("ms", "us", "ns"):
        frame = pl.DataFrame({"x": pl.Series(spans).cast(pl.Duration(unit))})
        assert TableEncoder().fit(frame).columns_[0].centre == 150.0


def test_a_date_that_is_the_same_either_way_is_no_riddle():
    parsed, notes = parse(pl.Series("when", ["03/03/2024", "12/12/2024"]))
    assert parsed.to_list() == [datetime.date(2024, 3, 3), datetime.date(2024, 12, 12)]
    assert notes == []


def test_the_longest_cell_that_python_reads_is_as_before(tmp_path):
    before = csv.field_size_limit()
    (tmp_path / "t.csv").write_text("x,y\n1," + "z" * (2 * before) + "\n2,b\n")
    assert len(read_table(tmp_path / "t.csv").frame["y"][0]) == 2 * before
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(("classes", "too_many"), [(5, False), (6, True)])
def test_classes_have_two_rows_on_average(classes, too_many):
    frame = pl.DataFrame({"x": np.arange(10), "y": [f"c{k % classes}" for k in range(10)]})
    if too_many:
        with pytest.raises(TableError, match="has 6 different values in 10 rows, too many"):
            pose(frame, "y")
    else:
        assert pose(frame, "y").task == "classification"
