"""Reading tables from files: types, customs, and one clear line for each way a file can be bad."""

import csv
import datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrograd.tables.errors import TableError
from retrograd.tables.reading import read_table

PENGUINS = Path(__file__).parents[2] / "examples" / "penguins.csv"


def read(tmp_path, content, name="t.csv", **options):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path, **options)


def test_penguins():
    frame = read_table(PENGUINS).frame
    assert frame.shape == (344, 8)
    assert frame["species"].dtype == pl.String
    assert frame["bill_length_mm"].dtype == pl.Float64
    assert frame["body_mass_g"].dtype == pl.Int64
    assert frame.null_count().row(0) == (0, 0, 2, 2, 2, 2, 11, 0)


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1", "-2", "+3"], [1, -2, 3]),
        (["1", ".5", "2e-3"], [1.0, 0.5, 0.002]),
        (["true", "FALSE", "True"], [True, False, True]),
        (["007", "008", "1"], ["007", "008", "1"]),
        (["99999999999999999999", "1", "2"], [99999999999999999999, 1, 2]),
        (["1e40", "1", "2"], [1e40, 1.0, 2.0]),
        (["9" * 50, "1", "2"], [1e50, 1.0, 2.0]),
        (["2024-02-29", "NA", "2023-01-01"],
         [datetime.date(2024, 2, 29), None, datetime.date(2023, 1, 1)]),
        (["31.12.2024", "01.02.2024", ""],
         [datetime.date(2024, 12, 31), datetime.date(2024, 2, 1), None]),
        (["31/12/2024", "01/02/2024", "NA"],
         [datetime.date(2024, 12, 31), datetime.date(2024, 2, 1), None]),
        (["12/31/2024", "01/02/2024", "NA"],
         [datetime.date(2024, 12, 31), datetime.date(2024, 1, 2), None]),
        (["2024-01-01 10:30", "2024-01-02 11:00", "NA"],
         [datetime.datetime(2024, 1, 1, 10, 30), datetime.datetime(2024, 1, 2, 11), None]),
        (["31-12-2024", "01-02-2024", "NA"],
         [datetime.date(2024, 12, 31), datetime.date(2024, 2, 1), None]),
        (["31-Dec-2024", "01-feb-2024", "NA"],
         [datetime.date(2024, 12, 31), datetime.date(2024, 2, 1), None]),
        (["12/31/2024 10:30", "01/02/2024 11:00", "NA"],
         [datetime.datetime(2024, 12, 31, 10, 30), datetime.datetime(2024, 1, 2, 11), None]),
        # Two digits are a year of this century or of the last one, never of the first.
        (["12/31/24", "01/02/69", "NA"],
         [datetime.date(2024, 12, 31), datetime.date(1969, 1, 2), None]),
        (["31.12.68", "01.02.24", ""],
         [datetime.date(2068, 12, 31), datetime.date(2024, 2, 1), None]),
        (["1/13/2024 1:05 PM", "10/3/2024 12:00:30 am", "NA"],
         ["1/13/2024 1:05 PM", "10/3/2024 12:00:30 am", None]),
        (["1/13/2024 1:05 PM", "10/3/2024 12:30 AM", ""],
         [datetime.datetime(2024, 1, 13, 13, 5), datetime.datetime(2024, 10, 3, 0, 30), None]),
        (["12/31/24", "12/31/2024", "NA"], ["12/31/24", "12/31/2024", None]),
        (["24-12-31", "24-01-02", "NA"], ["24-12-31", "24-01-02", None]),
        (['5" x', '6"', "7"], ['5" x', '6"', "7"]),
        (["2024-13-45", "a", "b"], ["2024-13-45", "a", "b"]),
        (["yes", "no", "?"], ["yes", "no", None]),
        (["é", "日本", "🐧"], ["é", "日本", "🐧"]),
    ],
)  # fmt: skip
def test_types(tmp_path, cells, values):
    table = read(tmp_path, "x,k\n" + "".join(f"{cell},1\n" for cell in cells))
    assert table.frame["x"].to_list() == values


@pytest.mark.parametrize("missing", ["", "NA", "N/A", "NaN", "null", "None", "?", "  NA "])
def test_missing_markers(tmp_path, missing):
    assert read(tmp_path, f"x,k\n1,1\n{missing},1\n").frame["x"].to_list() == [1, None]


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,x\n2,y\n",
        b"\xef\xbb\xbfa,b\n1,x\n2,y\n",
        b"a,b\r\n1,x\r\n2,y\r\n",
        b"a,b\r1,x\r2,y\r",
        b"a,b\n1,x\n2,y",
        b"a, b\n1, x\n 2,y \n",
        b"a;b\n1;x\n2;y\n",
        b"a\tb\n1\tx\n2\ty\n",
        b"a|b\n1|x\n2|y\n",
        b'"a","b"\n"1","x"\n"2","y"\n',
        b"\n\na,b\n\n1,x\n2,y\n\n\n",
    ],
)
def test_customs_of_writing(tmp_path, content):
    frame = read(tmp_path, content).frame
    assert frame.columns == ["a", "b"]
    assert frame.rows() == [(1, "x"), (2, "y")]


def test_a_cell_may_be_longer_than_pythons_reader_likes(tmp_path):
    """Among the first rows, too; and what others have set the reader to stays."""
    before = csv.field_size_limit()
    frame = read(tmp_path, f"a,b\n{'x' * 200_000},1\n").frame
    assert [len(frame["a"][0]), frame["b"][0]] == [200_000, 1]
    assert csv.field_size_limit() == before


def test_quoted_cells_may_hold_anything(tmp_path):
    frame = read(tmp_path, 'a,b\n"x,\ny","p""q"\n\n"u","v"\n').frame
    assert frame.rows() == [("x,\ny", 'p"q'), ("u", "v")]


def test_what_was_found_out_of_dates_is_known_of_the_next_table(tmp_path):
    """Whose few rows may not tell; where they tell otherwise, they are believed."""
    table = read(tmp_path, "d,k\n01/31/2024,1\n02/01/2024,2\n")
    assert table.customs == {"d": "month/day"}
    few = "d,k\n01/02/2024,1\n03/04/2024,2\n"
    assert read(tmp_path, few).frame["d"].dtype == pl.String
    again = read(tmp_path, few, customs=table.customs)
    assert again.frame["d"].to_list() == [datetime.date(2024, 1, 2), datetime.date(2024, 3, 4)]
    other = read(tmp_path, "d,k\n31/01/2024,1\n", customs=table.customs)
    assert other.frame["d"].to_list() == [datetime.date(2024, 1, 31)]
    assert read(tmp_path, few, customs={"d": "nonsense"}).frame["d"].dtype == pl.String


def test_commas_that_may_be_between_thousands_are_told(tmp_path):
    notes = read(tmp_path, "v;y\n1,504;2\n759;3\n").notes
    assert "column 'v': commas are taken for decimal ones, '1,504' for 1.504" in notes[1]
    assert len(read(tmp_path, "v;y\n1,504;2\n75,9;3\n").notes) == 1


def test_decimal_commas_go_with_semicolons(tmp_path):
    table = read(tmp_path, "a;b\n1,5;2\n2,25;3\n")
    assert table.frame.rows() == [(1.5, 2), (2.25, 3)]
    assert table.notes == ["columns are separated by semicolon"]


@pytest.mark.parametrize("separator", ["\t", "|"])
def test_decimal_commas_that_are_none_between_thousands(separator, tmp_path):
    """One column with such a comma tells what all commas of the file are."""
    lines = ["a b", "1,250 2,5", "2,125 3"]
    text = "\n".join(line.replace(" ", separator) for line in lines)
    assert read(tmp_path, text).frame.rows() == [(1.25, 2.5), (2.125, 3.0)]
    unsure = read(tmp_path, text.replace("2,5", "2"))
    assert unsure.frame.rows() == [("1,250", 2), ("2,125", 3)]


def test_points_between_thousands_go_with_decimal_commas(tmp_path):
    """Where a column has commas that is sure; where it has none it is told what points are."""
    table = read(tmp_path, "a;b;c\n1.234,5;1.504;0.125\n-12.345.678;759;2.250\n")
    assert table.frame.rows() == [(1234.5, 1504, 0.125), (-12345678.0, 759, 2.25)]
    (note,) = table.notes[1:]
    assert "column 'b': points are taken to be between thousands, '1.504' for 1504" in note
    tabs = read(tmp_path, "a\tb\n0,5\t1.900\n")  # whose commas may be lists'
    assert tabs.frame.rows() == [(0.5, 1.9)]
    assert "column 'b': points are taken for decimal ones, as in '1.900'" in tabs.notes[1]
    assert read(tmp_path, "a;b\n1.23,5;1\n").frame["a"].to_list() == ["1.23,5"]
    assert read(tmp_path, "a;b\n1.234;1\n1.234.567;2\n").frame["a"].to_list() == [1234, 1234567]
    unsure = read(tmp_path, "a;b\n1.504;1,250\n759;2\n")
    assert unsure.frame.rows() == [(1.504, 1.25), (759.0, 2.0)]
    points, commas = unsure.notes[1:]
    assert "column 'a': points are taken for decimal ones, as in '1.504'; if" in points
    assert "column 'b': commas are taken for decimal ones, '1,250' for 1.250; if" in commas


def test_a_typographers_minus(tmp_path):
    frame = read(tmp_path, "a,b\n−1.5,−\n2,3−4\n").frame
    assert frame.rows() == [(-1.5, "−"), (2.0, "3−4")]


def test_commas_in_names_do_not_separate_what_semicolons_do(tmp_path):
    frame = read(tmp_path, "Temp, °C;Druck, hPa\n21,5;1013,2\n19,0;998,1\n").frame
    assert frame.columns == ["Temp, °C", "Druck, hPa"]
    assert frame.rows() == [(21.5, 1013.2), (19.0, 998.1)]
    for text, columns in {
        "a;b,c\n1;2,3\n1,2\n": ["a;b", "c"],
        "id,lat|lon,y\n1,48.1|11.5,yes\n": ["id", "lat|lon", "y"],
        'id,"min;max",y\n1,"3;4",yes\n': ["id", "min;max", "y"],
        "a;b;c\n1;x, y;2\n3;u, v;4\n": ["a", "b", "c"],
    }.items():
        assert read(tmp_path, text).frame.columns == columns


def test_a_comma_in_quotes_is_no_decimal_one(tmp_path):
    assert read(tmp_path, 'a,b\n"1,5",2\n"3",4\n').frame.rows() == [("1,5", 2), ("3", 4)]


def test_columns_can_be_kept_as_text(tmp_path):
    assert read(tmp_path, "a,b\n1,2\n", text_columns=["a"]).frame.rows() == [("1", 2)]


def test_what_was_noticed_is_said(tmp_path):
    notes = read(tmp_path, ",d\n1,01/02/2024\n\n2,02/03/2024\n").notes
    assert notes[0] == "column 1 has no name: called 'column_1'"
    assert notes[1] == "1 blank line skipped"
    assert "may be day/month or month/day" in notes[2]
    assert "numbers only" in read(tmp_path, "1,2\n3,4\n").notes[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "t.csv is empty"),
        (b"\n \n", "t.csv is empty"),
        (b"a,b\n", "t.csv has a header but no rows"),
        (b"a,b\n1,2\n3\n", "t.csv, line 3: 1 cell, the header has 2"),
        (b"a,b\n1,2\n3,4,5\n", "t.csv, line 3: 3 cells, the header has 2"),
        (b"a,a\n1,2\n", "more than one column is called 'a'"),
        (b"a,b\n1,caf\xe9\n", "t.csv, line 2: byte 0xe9 is not UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "t.csv is UTF-16: save it as UTF-8"),
        ("a,b\n1,2\n".encode("utf-32"), "t.csv is UTF-32: save it as UTF-8"),
        (b"a,b\n1,\0\n", "t.csv is not text"),
        (b'a,b\n1,"2\n', "t.csv, line 2: unexpected end of data"),
        (b"sep=;\r\na;b\r\n1;2\r\n", "t.csv, line 1: 'sep=;' is meant for Excel alone: delete"),
        (b'"SEP=,"\na,b\n1,2\n', "t.csv, line 1: 'SEP=,' is meant for Excel alone: delete"),
    ],
)
def test_bad_files(tmp_path, content, message):
    with pytest.raises(TableError) as caught:
        read(tmp_path, content)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_text_are_told_by_what_they_are(tmp_path):
    import bz2
    import gzip
    import lzma
    import sqlite3
    import zipfile

    text = "a,b\n1,caf\u00e9\n".encode() * 40
    pl.read_csv(text).write_parquet(tmp_path / "parquet")
    pl.read_csv(text).write_ipc(tmp_path / "arrow")
    with zipfile.ZipFile(tmp_path / "zip", "w") as archive:
        archive.writestr("t.csv", text)
    with sqlite3.connect(tmp_path / "sqlite") as database:
        database.execute("CREATE TABLE t (a, b)")
    database.close()
    found = {name: (tmp_path / name).read_bytes() for name in ("parquet", "arrow", "zip", "sqlite")}
    for what, content in {
        "compressed by gzip: decompress it first": gzip.compress(text),
        "compressed by bzip2: decompress it first": bz2.compress(text),
        "compressed by xz: decompress it first": lzma.compress(text),
        "a ZIP archive or a workbook": found["zip"],
        "a Parquet file: let its name end in .parquet": found["parquet"],
        "an Arrow file": found["arrow"],
        "an SQLite database": found["sqlite"],
    }.items():
        with pytest.raises(TableError, match=rf"^t\.csv is {what}"):
            read(tmp_path, content)
    # Text that only begins as one of them does.
    with pytest.raises(TableError, match="is not UTF-8"):
        read(tmp_path, b"PKW,a\n1,caf\xe9\n")
    assert read(tmp_path, "PAR1,a\n1,2\n").frame.columns == ["PAR1", "a"]


def test_bad_paths(tmp_path):
    with pytest.raises(TableError, match="does not exist"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(TableError, match="is an address: download the table first"):
        read_table("https://example.org/table.csv")
    with pytest.raises(TableError, match="is a folder"):
        read_table(tmp_path)
    with pytest.raises(TableError, match=r"ends in '.xlsx'; tables are read from .csv"):
        read_table(tmp_path / "t.xlsx")
    with pytest.raises(TableError, match="has no ending"):
        read_table(tmp_path / "t")


def test_parquet(tmp_path):
    frame = pl.DataFrame({"a": [1, None], "d": [datetime.date(2024, 1, 1), None]})
    frame.write_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").frame.equals(frame)
    content = (tmp_path / "t.parquet").read_bytes()
    for bad in (b"", content[:-20], b"a,b\n1,2\n"):
        with pytest.raises(TableError, match=r"t\.parquet is"):
            read(tmp_path, bad, name="t.parquet")


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1, max_size=6))
def test_written_cells_come_back(tmp_path_factory, rows):
    """What polars writes is what read_table reads, up to blanks around it and missing markers."""
    path = tmp_path_factory.mktemp("reading") / "t.csv"
    frame = pl.DataFrame(rows, schema=["first", "second"], orient="row")
    frame.write_csv(path, quote_style="always")
    back = read_table(path, text_columns=["first", "second"]).frame
    assert back.height == len(rows)
    for before, after in zip(frame["first"], back["first"], strict=True):
        assert after is None or after == before.strip() or after == before.strip("\r\n \t")
