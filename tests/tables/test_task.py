"""What is to be learned: the automatic choice of task, and targets that cannot be learned."""

import datetime
import re

import numpy as np
import polars as pl
import pytest

from retrograd.tables.encoder import TableEncoder
from retrograd.tables.errors import TableError
from retrograd.tables.kinds import settle_kinds
from retrograd.tables.reading import read_table
from retrograd.tables.task import choose_task, pose


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b"] * 10, "classification"),
        ([True, False] * 10, "classification"),
        ([0, 1] * 10, "classification"),
        ([1.0, 2.0, 3.0] * 10, "classification"),
        (list(range(10)) * 5, "classification"),
        (list(range(11)) * 5, "regression"),
        (list(range(10)) * 4, "regression"),
        ([0.5, 1.5] * 10, "regression"),
        (list(range(20)), "regression"),
    ],
)
def test_automatic_task(values, task):
    assert choose_task(pl.Series("y", values))[0] == task


def frame(y):
    return pl.DataFrame({"x": range(len(y)), "y": y}, strict=False)


@pytest.mark.parametrize(
    ("y", "task", "kind"),
    [
        (["a", "b"] * 6, "auto", "U"),
        ([True, False] * 6, "auto", "b"),
        ([1, 2] * 6, "auto", "i"),
        ([1.0, 2.0] * 6, "auto", "i"),
        ([0.5, 1.5] * 6, "classification", "U"),
        ([1, 2] * 6, "regression", "f"),
    ],
)
def test_target_has_the_type_of_its_task(y, task, kind):
    assert pose(frame(y), "y", task).y.dtype.kind == kind


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (["$1,234.50", "$999.99"] * 8, r"'.1,234.50' in row 0 .* without '.' and ','"),
        (["12 %", "7 %"] * 8, "'12 %' in row 0 .* without '%'"),
        (["102.5 kg", "99 kg"] * 8, "without 'kg'"),
        (["12,486", "7,000"] * 8, "without ','"),
        (["2021-01-01", "2021-01-02"] * 8 + ["unknown"], "'unknown' in row 16 .* is no date, 16"),
        (["1.5", "2.5"] * 8 + ["x" * 300], "'x{40}…' in row 16 .* is no number, 16"),
        ([*map(str, range(16)), *["-"] * 9], "'-' in row 16 .* 8 more cells are no numbers, 16"),
        (["1,5", "2,25"] * 8 + ["n/v"], "'n/v' in row 16 .* is no number, 16"),
        (["−1.5", "2.25"] * 8 + ["n/v"], "'n/v' in row 16 .* is no number, 16"),
        (["31.12.2024", "30.12.2024"] * 8 + ["31.02.2024"], "'31.02.2024' in row 16 .* is no date"),
    ],
)  # fmt: skip
def test_what_keeps_a_column_from_being_numbers_or_dates_is_said(cells, says):
    x = pl.DataFrame({"x": cells, "y": np.arange(len(cells)) / 7})
    (note,) = pose(x, "y").notes
    assert re.search(f"column 'x' is taken for text: .*{says}", note)


@pytest.mark.parametrize(
    "cells",
    [["P1", "P2"], ["12a", "7b"], ["1-2", "3-4"], ["1,2", "3,4"], ["007", "1"], ["0", "1", "4+"]],
)
def test_codes_are_no_numbers_in_disguise(cells):
    assert pose(pl.DataFrame({"x": cells * 8, "y": np.arange(8 * len(cells)) / 7}), "y").notes == []


def test_rows_without_target_are_left_out_and_said():
    problem = pose(frame([1.5, None, float("nan"), *range(10)]), "y", "regression")
    assert problem.rows.tolist() == [0, *range(3, 13)]
    assert problem.features["x"].to_list() == problem.rows.tolist()
    assert np.isfinite(problem.y).all()
    assert problem.notes == ["2 rows left out: their 'y' is missing"]


def test_cells_of_rows_that_are_left_out_do_not_matter():
    """As in a line of sums below the table."""
    cells = [*(f"{k}.5" for k in range(15)), "Total"]
    table = pl.DataFrame({"x": cells, "y": [*(0.5 * k for k in range(15)), None]})
    problem = pose(table, "y")
    assert problem.notes == ["1 row left out: their 'y' is missing"]
    assert problem.features["x"].to_list() == cells[:15]
    assert problem.features["x"].dtype == pl.String  # numbers, to the encoder
    settled, _ = settle_kinds(table.select("x"), problem.rows)
    assert settled["x"].to_list() == [*cells[:15], None]


def test_rows_that_are_missing_are_told_with_what_is_wrong_with_the_others():
    with pytest.raises(TableError, match="is Some in every row: nothing to learn; 4 rows left out"):
        pose(frame(["Some"] * 12 + [None] * 4), "y")


def test_columns_can_be_dropped():
    table = frame(["a", "b"] * 6).with_columns(z=pl.lit(1))
    assert pose(table, "y", drop=["x"]).features.columns == ["z"]


@pytest.mark.parametrize("task", ["auto", "classification"])
def test_large_whole_numbers_are_classes_as_they_are(task):
    problem = pose(frame([10**17, 10**17 + 1] * 6), "y", task)
    assert problem.task == "classification"
    assert problem.y.tolist() == [10**17, 10**17 + 1] * 6


def test_whole_numbers_that_no_machine_number_holds(tmp_path):
    """Three classes stay three; of a column it is not said that it is always the same."""
    numbers = [10**20, 10**20 + 1, 5] * 6
    text = "x,y\n" + "".join(f"{10**25 + k},{n}\n" for k, n in enumerate(numbers))
    (tmp_path / "t.csv").write_text(text)
    table = read_table(tmp_path / "t.csv").frame
    problem = pose(table, "y", "classification")
    assert sorted(set(problem.y.tolist())) == [
        "100000000000000000000",
        "100000000000000000001",
        "5",
    ]
    assert pose(table, "y").task == "classification"
    encoder = TableEncoder()
    with pytest.raises(TableError, match="column 'x': differs too little for its size"):
        encoder.fit(table.select("x"))
    large = pl.DataFrame({"y": pl.Series([2**63, 2**63 + 1] * 6, dtype=pl.UInt64), "x": range(12)})
    assert set(pose(large, "y").y.tolist()) == {"9223372036854775808", "9223372036854775809"}


def test_cells_that_keep_a_target_from_being_numbers_are_named():
    cells = [str(k) for k in range(30)]
    cells[7] = "1,5"
    table = pl.DataFrame({"x": range(31), "y": [None, *cells]})
    slip = r"'1,5' in row 8 \(counting from 0\) is no number, 29 others are"
    with pytest.raises(TableError, match=f"30 different values in 30 rows, .* text: {slip}"):
        pose(table, "y")
    with pytest.raises(TableError, match=f"holds text: {slip}"):
        pose(table, "y", "regression")
    few = frame(["0", "1"] * 15 + ["O"])
    assert pose(few, "y").notes == [
        "target 'y' is taken for text: 'O' in row 30 (counting from 0) is no number, 30 others are"
    ]


@pytest.mark.parametrize("infinite", [float("inf"), "1e999"])
def test_infinite_numbers_are_named_by_their_row_in_the_table(infinite):
    cells = [infinite if k == 9 else type(infinite)(k) for k in range(20)]
    table = pl.DataFrame({"x": cells, "y": [None] * 5 + [0.5 * k for k in range(15)]})
    with pytest.raises(TableError, match=r"column 'x' is infinite in row 9 \(counting from 0\)"):
        pose(table, "y")
    # A row that is not used does no harm.
    pose(table.with_columns(y=pl.Series([None] * 10 + [0.5 * k for k in range(10)])), "y")
    with pytest.raises(TableError, match=r"target 'z' is infinite in row 9 \(counting from 0\)"):
        pose(table.with_columns(z=pl.col("x").cast(pl.Float64)), "z", drop=["x"])


def test_numbers_written_as_text_and_names_stay_what_they_are():
    table = pl.DataFrame({
        "x": [f"{k}.5" for k in range(12)], "c": [*"abcdef"] * 2, "t": [0.5, 1.5] * 6,
        "k": ["1", "2", "u", "v"] * 3, "few": [*"12345678901", "u"],
    })  # fmt: skip
    problem = pose(table, "t")
    assert problem.features.equals(table.drop("t").cast(
        dict.fromkeys(("c", "k", "few"), pl.Categorical)
    ))  # fmt: skip
    assert [note.split(":")[0] for note in problem.notes] == ["column 'few' is taken for text"]


@pytest.mark.parametrize(
    ("y", "target", "task", "drop", "message"),
    [
        (["a", "b"] * 6, "Y", "auto", [], "no column 'Y'; there are 'x', 'y'"),
        (["a", "b"] * 6, "y", "auto", ["q"], "no column 'q'"),
        (["a", "b"] * 6, "y", "auto", ["y"], "is the target: it cannot be dropped"),
        (["a", "b"] * 6, "y", "auto", ["x"], "no column is left"),
        (["a", "b"] * 4, "y", "auto", [], "8 rows with a 'y': too few"),
        ([None] * 12, "y", "auto", [], "no row with a 'y': too few"),
        (["a"] * 12, "y", "auto", [], "is a in every row: nothing to learn"),
        ([3.5] * 12, "y", "regression", [], "is 3.5 in every row: nothing to learn"),
        ([f"n{i}" for i in range(12)], "y", "auto", [], "12 different values in 12 rows"),
        (list(range(12)), "y", "classification", [], "try --task regression"),
        (["a", "b"] * 6, "y", "regression", [], "holds text: regression needs numbers"),
        ([True, False] * 6, "y", "regression", [], "holds yes or no: regression needs numbers"),
        ([1.0, float("inf")] * 6, "y", "regression", [], r"is infinite in row 1 \(counting"),
        ([k * 1e160 for k in range(12)], "y", "auto", [], "to 1.1e.161: .* divide it by a power"),
        ([k * 1e-300 for k in range(12)], "y", "auto", [], "to 1.1e-299: .* multiply it by a"),
        ([10**18] * 12, "y", "regression", [], "is 1000000000000000000 in every row"),
        ([10**18 + k for k in range(12)], "y", "auto", [], "too little for its size: subtract 10"),
        ([1e15 + k / 8 for k in range(12)], "y", "auto", [], "too little for its size: subtract 1"),
        ([datetime.date(2024, 1, d) for d in range(1, 13)], "y", "auto", [], "holds dates"),
    ],
)
def test_targets_that_cannot_be_learned(y, target, task, drop, message):
    with pytest.raises(TableError, match=message):
        pose(frame(y), target, task, drop)
