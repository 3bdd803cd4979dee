"""Dates that a frame holds as text: they are what they would be in a CSV file."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest

from retrograd.tables.encoder import TableEncoder
from retrograd.tables.errors import TableError, TableWarning
from retrograd.tables.reading import read_table

DAYS = [datetime.date(2023, 11, 20) + datetime.timedelta(9 * k) for k in range(24)]
FRAMES = {
    "polars": pl.DataFrame,
    "pandas": pd.DataFrame,
    "object": lambda data: pd.DataFrame(data, dtype=object),
    "string": lambda data: pd.DataFrame(data, dtype="string"),
    "arrow": lambda data: pd.DataFrame(data, dtype="string[pyarrow]"),
}
# All ways of CSV are in test_reading; here are those that say something of their own.
CUSTOMS = {
    "%Y-%m-%d": "", "%d.%m.%y": "", "%Y-%m-%d %H:%M": "", "%Y-%m-%dT%H:%M:%SZ": "",
    "%d/%m/%Y": "day/month", "%m/%d/%Y": "month/day",
}  # fmt: skip


def typed(cells):
    """What a model learns of dates that are dates."""
    return TableEncoder().fit(pl.DataFrame({"d": cells}))


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("way", CUSTOMS)
def test_text_is_read_as_in_csv(tmp_path, make, way):
    cells = [f"{day:{way}}" for day in DAYS]
    (tmp_path / "t.csv").write_text("\n".join(["d", *cells]))
    table = read_table(tmp_path / "t.csv")
    as_csv, encoder = typed(table.frame["d"]), TableEncoder().fit(make({"d": cells}))
    (column,) = encoder.columns_
    assert column.custom == CUSTOMS[way] == table.customs.get("d", "")
    assert (column.parts, column.centre, column.scale, column.time_zone) == (
        as_csv.columns_[0].parts, as_csv.columns_[0].centre, as_csv.columns_[0].scale,
        as_csv.columns_[0].time_zone,
    )  # fmt: skip
    notes = ["column 'd' holds dates written as text: read as dates", *table.notes]
    assert encoder.notes_ == notes
    expected = as_csv.transform(table.frame)
    few = make({"d": cells[13:]})
    for model in (encoder, TableEncoder.from_state(*encoder.to_state())):
        if table.notes:
            with pytest.warns(TableWarning, match="years of two digits"):
                encoded = model.transform(few)
        else:
            encoded = model.transform(few)
        np.testing.assert_array_equal(encoded, expected[13:])


@pytest.mark.parametrize("custom", ["day/month", "month/day"])
def test_day_and_month_are_in_the_order_that_was_learned(custom):
    """Where a later table does not tell; where it does, it is believed, as in CSV."""
    way, other = ("%d/%m/%Y", "%m/%d/%Y")[:: 1 if custom == "day/month" else -1]
    encoder = TableEncoder().fit(pl.DataFrame({"d": [f"{day:{way}}" for day in DAYS]}))
    encoder = TableEncoder.from_state(*encoder.to_state())
    for days, written in (
        ([datetime.date(2024, 2, 3)], way),
        ([datetime.date(2024, 2, 13)], other),
    ):
        expected = encoder.transform(pl.DataFrame({"d": days}))
        text = pl.DataFrame({"d": [f"{day:{written}}" for day in days]})
        np.testing.assert_array_equal(encoder.transform(text), expected)


def test_an_order_that_nobody_told_is_not_guessed():
    riddle = pl.DataFrame({"d": ["01/02/2024", "03/04/2024", "01/02/2024"]})
    encoder = TableEncoder(min_count=1).fit(riddle)
    assert encoder.columns_[0].kind == "category"
    assert "'01/02/2024' may be day/month or month/day: left as text" in encoder.notes_[0]
    with pytest.raises(TableError) as caught:
        typed(DAYS).transform(riddle)
    assert str(caught.value) == (
        "column 'd' should hold dates, found text such as '01/02/2024' in row 0 (counting from 0), "
        "which may be day/month or month/day: write dates as 2024-12-31"
    )


@pytest.mark.parametrize("odd", ["soon", "2024-02-30", "31.01.2024", "2024", "\ud800"])
def test_text_that_is_no_date_is_named(odd):
    frame = pd.DataFrame({"d": pd.Series(["2024-01-31", " NA ", odd], dtype=object)})
    with pytest.raises(TableError) as caught:
        typed(DAYS).transform(frame)
    assert str(caught.value) == (
        f"column 'd' should hold dates, found text such as {odd!r} in row 2 (counting from 0): "
        "write dates as 2024-12-31"
    )
    assert TableEncoder(min_count=1).fit(frame).columns_[0].kind == "category"


def test_what_means_missing_in_csv_is_a_missing_date():
    gaps = [" 2024-01-31", "NA", "", None, "2024-02-02 "]
    days = [datetime.date(2024, 1, 31), None, None, None, datetime.date(2024, 2, 2)]
    as_dates = typed(days)
    encoder = TableEncoder().fit(pl.DataFrame({"d": gaps}))
    assert encoder.columns_ == as_dates.columns_
    np.testing.assert_array_equal(
        as_dates.transform(pl.DataFrame({"d": gaps})), as_dates.transform(pl.DataFrame({"d": days}))
    )
    holes = as_dates.transform(pl.DataFrame({"d": ["?", "null"]}))
    np.testing.assert_array_equal(holes[:, -1], [1, 1])


def test_what_is_declared_to_be_names_stays_names():
    cells = ["2024-01-31", "2024-02-29"] * 3
    for frame in (
        pd.DataFrame({"d": pd.Categorical(cells)}),
        pl.DataFrame({"d": pl.Series(cells, dtype=pl.Categorical)}),
        pl.DataFrame({"d": pl.Series(cells, dtype=pl.Enum(cells[:2]))}),
    ):
        assert TableEncoder().fit(frame).columns_[0].kind == "category"


def test_a_model_that_learned_names_takes_them_as_such():
    cells = ["2024-01-31", "soon"] * 3
    encoder = TableEncoder().fit(pl.DataFrame({"d": cells}))
    np.testing.assert_array_equal(encoder.transform(pl.DataFrame({"d": cells[:1]})), [[1, 0]])


def test_a_state_says_the_order_only_if_there_is_one():
    """So that models of tables whose dates are dates are the files that they were."""
    arrays, facts = typed(DAYS).to_state()
    assert "custom" not in facts["columns"][0]
    assert TableEncoder.from_state(arrays, facts).columns_ == typed(DAYS).columns_
    facts["columns"][0]["custom"] = "year/day"
    with pytest.raises(ValueError, match="column 'd' has unknown customs of dates"):
        TableEncoder.from_state(arrays, facts)


def test_parquet_is_read_as_csv(tmp_path):
    frame = pl.DataFrame({
        "us": [f"{day:%m/%d/%Y}" for day in DAYS], "n": ["1"] * 24, "na": ["NA", " x"] * 12,
        "odd": ["2024-01-31"] * 23 + ["soon"], "kept": ["2024-01-31"] * 24,
        "names": pl.Series(["2024-01-31"] * 24, dtype=pl.Categorical),
    })  # fmt: skip
    frame.write_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet", text_columns=["kept"])
    assert table.frame.equals(frame.with_columns(us=pl.Series(DAYS)))
    assert (table.customs, table.notes) == ({"us": "month/day"}, [])
    few = pl.DataFrame({"us": ["01/04/2024"]})
    few.write_parquet(tmp_path / "few.parquet")
    unsure = read_table(tmp_path / "few.parquet")
    assert unsure.frame.equals(few)
    assert "'01/04/2024' may be day/month or month/day: left as text" in unsure.notes[0]
    told = read_table(tmp_path / "few.parquet", customs=table.customs)
    assert told.frame["us"].to_list() == [datetime.date(2024, 1, 4)]
