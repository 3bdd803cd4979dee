"""Files of runs that are none, or damaged: the original's numbers, or one clear error."""

import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from small_runs import contents, same, sql

from retrograd.estimators.recorder import Recorder
from retrograd.estimators.rewinding import open_run, open_runs
from retrograd.rewind.schema import TABLES, VERSION
from retrograd.rewind.store import RunFileError

LONGEST_MESSAGE = 600


def refusal(path: Path) -> str:
    """The one error that reading all of a file raises: a line that begins with the file's name."""
    with pytest.raises(RunFileError) as caught:
        contents(path)
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message
    assert len(message) < LONGEST_MESSAGE
    return message


def is_whole_or_refused(path: Path, original: list) -> bool:
    """Whether reading all of a file is refused; if not, it has given the original's numbers."""
    try:
        found = contents(path)
    except RunFileError:
        return True
    assert same(found, original), "the file gives other numbers, and does not say so"
    return False


def test_the_file_is_good(path, whole):
    """Undamaged, it gives the same numbers every time; so the tests below say something."""
    assert same(contents(path), whole[1])
    assert [run.status for run in open_runs(path)] == ["ended"] * 3
    assert all(run.verify() is None for run in open_runs(path))
    assert len(open_run(path, 1).store.steps_of(1)) > 5


def test_what_is_no_file_of_runs(tmp_path, path):
    """Each has its own sentence."""
    text = tmp_path / "notes.txt"
    text.write_text("SQLite is what I should look into\n" * 100)
    empty = tmp_path / "empty.retro"
    empty.touch()
    other = tmp_path / "other.db"
    sql(other, "CREATE TABLE friends (name)", "INSERT INTO friends VALUES ('Ada')")
    named = tmp_path / "named.db"
    sql(named, "PRAGMA user_version = 1", f"CREATE TABLE {next(iter(TABLES))} (run, header)")
    assert "does not exist" in refusal(tmp_path / "nowhere.retro")
    assert "is a folder" in refusal(tmp_path)
    assert "not an SQLite file" in refusal(text)
    assert "is empty" in refusal(empty)
    assert "no file of runs of retrograd's" in refusal(other)
    assert "no file of runs of retrograd's" in refusal(named)
    with pytest.raises(RunFileError, match="has no run 7"):
        open_run(path, 7)
    with pytest.raises(RunFileError, match="has 3 runs: name one"):
        open_run(path)
    with pytest.raises(RunFileError, match="holds no number that large"):
        open_run(path, 1 << 70)


def test_a_pipe_does_not_hang(tmp_path):
    """It is no ordinary file."""
    pipe = tmp_path / "pipe.retro"
    os.mkfifo(pipe)
    assert "no ordinary file" in refusal(pipe)


def test_a_recorder_tells_a_files_faults_at_once(tmp_path):
    """Not after the training; and it touches nothing."""
    text = tmp_path / "notes.txt"
    text.write_text("precious")
    with pytest.raises(RunFileError, match="not an SQLite file"):
        Recorder(text)
    assert text.read_text() == "precious"
    with pytest.raises(RunFileError, match="its folder does not exist"):
        Recorder(tmp_path / "nowhere" / "some.retro")
    with pytest.raises(RunFileError, match="is a folder"):
        Recorder(tmp_path)


@pytest.mark.parametrize("version", [VERSION + 1, 0])
def test_another_format(path, version):
    """It says which, and what to do."""
    sql(path, f"PRAGMA user_version = {version}")
    message = refusal(path)
    assert f"of format {version}" in message
    assert "a newer one may read it" in message
    with pytest.raises(RunFileError, match="a newer one may read it"):
        Recorder(path)


@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_missing(path, table):
    """Each of them is missed."""
    sql(path, f"DROP TABLE {table}")
    assert table in refusal(path)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON progress BEGIN DELETE FROM runs; END",
        "CREATE VIEW v AS SELECT * FROM runs",
        "CREATE TABLE friends (name)",
        "CREATE VIRTUAL TABLE words USING fts5(word)",
        "CREATE INDEX i ON runs (length(header))",
        "ALTER TABLE runs ADD COLUMN evil TEXT GENERATED ALWAYS AS (hex(header))",
        "ALTER TABLE epochs RENAME COLUMN numbers TO curves",
        "DROP INDEX checkpoints_by_step",
    ],
)
def test_a_schema_of_another_hand(path, statement):
    """No trigger, view or function of a file is run, since such a file is not opened."""
    sql(path, statement)
    refusal(path)
    with pytest.raises(RunFileError):
        Recorder(path)


def test_views_in_the_place_of_tables(path):
    """A view that answers like a table is none."""
    sql(path, "ALTER TABLE runs RENAME TO old", "CREATE VIEW runs AS SELECT * FROM old")
    assert "'runs'" in refusal(path)


def test_what_sqlite_itself_may_leave(path, whole):
    """ANALYZE and VACUUM are a user's right."""
    sql(path, "ANALYZE", "VACUUM")
    assert same(contents(path), whole[1])


@pytest.mark.parametrize(
    ("table", "where", "missing"),
    [
        ("runs", "run = 1", "a run is missing"),
        ("runs", "run = 2", "a run is missing"),
        ("runs", "run = 3", "a run is missing"),
        ("progress", "run = 2", "how far a run has come is missing"),
        ("checkpoints", "run = 1 AND step = 0", "a checkpoint is missing"),
        ("checkpoints", "run = 1 AND step = (SELECT step FROM checkpoints LIMIT 1 OFFSET 2)",
         "a checkpoint is missing"),
        ("checkpoints", "run = 1 AND step = 24", "a checkpoint is missing"),
        ("checkpoints", "run = 3", "a checkpoint is missing"),
        ("epochs", "run = 1 AND epoch = 0", "an epoch is missing"),
        ("epochs", "run = 1 AND epoch = 3", "an epoch is missing"),
        ("epochs", "run = 2 AND epoch = 3", "an epoch is missing"),
        ("losses", "run = 1 AND step = 0", "losses are missing"),
        ("losses", "run = 1 AND step = 8", "losses are missing"),
        ("losses", "run = 1 AND step = (SELECT max(step) FROM losses WHERE run = 1)",
         "losses are missing"),
    ],
)  # fmt: skip
def test_rows_are_missing(path, table, where, missing):
    """Nobody can take a row away unseen: first, last or in the middle."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        assert connection.execute(f"DELETE FROM {table} WHERE {where}").rowcount >= 1
    assert missing in refusal(path)


def test_every_array_is_missed(path, whole):
    """Of the data, the row numbers and the generator's state."""
    with closing(sqlite3.connect(path)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM arrays")]
    assert len(names) > 8
    for name in names:
        path.write_bytes(whole[0])
        sql(path, f"DELETE FROM arrays WHERE name = '{name}'")
        assert "an array of its data is missing" in refusal(path)


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE progress SET steps = steps - 1 WHERE run = 1", "a row of progress"),
        ("UPDATE checkpoints SET state = zeroblob(length(state)) WHERE step = 0",
         "a row of checkpoints"),
        ("UPDATE epochs SET numbers = zeroblob(length(numbers)) WHERE epoch = 2",
         "a row of epochs"),
        ("UPDATE epochs SET run = 1, epoch = 6 WHERE run = 2 AND epoch = 3",
         "a row of epochs"),
        ("UPDATE losses SET stride = 2 WHERE step = 0", "a row of losses"),
        ("UPDATE runs SET header = replace(header, 'relu', 'tanh')", "a row of runs"),
        ("UPDATE arrays SET data = zeroblob(length(data)) WHERE length(data) > 0", "an array"),
        ("UPDATE progress SET seconds = 'long'", "a row of progress"),
    ],
)  # fmt: skip
def test_a_change_by_hand(path, statement, what):
    """A digest does not let it pass."""
    sql(path, statement)
    assert what in refusal(path)


def test_rows_exchanged(path):
    """Two rows that are good, each in the other's place."""
    columns = "learning_rate = {0}.learning_rate, state = {0}.state, digest = {0}.digest"
    sql(
        path,
        "CREATE TABLE held AS SELECT * FROM checkpoints WHERE run = 1 AND step IN (4, 8)",
        f"UPDATE checkpoints SET {columns.format('held')} FROM held "
        "WHERE checkpoints.run = 1 AND checkpoints.step IN (4, 8) AND held.step = "
        "12 - checkpoints.step",
        "DROP TABLE held",
    )
    assert "a row of checkpoints" in refusal(path)


def test_cut_off(path, whole):
    """At any length: all of it or an error; never a part of it."""
    raw, original = whole
    lengths = {0, 1, 15, 16, 17, 99, 100, 101, len(raw) - 1, *range(0, len(raw), 1500)}
    refused = 0
    for length in sorted(lengths):
        path.write_bytes(raw[:length])
        refused += is_whole_or_refused(path, original)
    assert refused == len(lengths)
    path.write_bytes(raw + bytes(5000))
    is_whole_or_refused(path, original)


def flips(raw: bytes, seed: int) -> list[tuple[int, int]]:
    """Offset and bit of several flips in every page, and more where SQLite keeps its own."""
    rng = random.Random(seed)
    page = int.from_bytes(raw[16:18], "big")
    places = [(rng.randrange(at, at + page), rng.randrange(8))
              for at in range(0, len(raw), page) for _ in range(8)]  # fmt: skip
    places += [(at + rng.randrange(24), rng.randrange(8))
               for at in range(0, len(raw), page) for _ in range(3)]  # fmt: skip
    return places + [(at, rng.randrange(8)) for at in range(100)]


def test_a_flipped_bit_in_every_page(path, whole):
    """Either it does not matter, and all numbers are the original's, or it is told."""
    raw, original = whole
    places = flips(raw, seed=0)
    refused = 0
    for at, bit in places:
        flipped = bytearray(raw)
        flipped[at] ^= 1 << bit
        path.write_bytes(flipped)
        refused += is_whole_or_refused(path, original)
    assert 0.2 < refused / len(places) < 0.9  # many hit what is no longer, or not yet, in use


def test_worse_than_a_flip(path, whole):
    """Zeros, noise, a page in another's place: the like."""
    raw, original = whole
    rng = random.Random(1)
    refused = 0
    harms: list[Callable[[bytearray, int], None]] = [
        lambda b, at: b.__setitem__(slice(at, at + 64), bytes(64)),
        lambda b, at: b.__setitem__(slice(at, at + 8), rng.randbytes(8)),
        lambda b, at: b.__setitem__(
            slice(at // 4096 * 4096, at // 4096 * 4096 + 4096), raw[4096 : 2 * 4096]
        ),
    ]
    for k in range(120):
        harmed = bytearray(raw)
        harms[k % len(harms)](harmed, rng.randrange(len(raw) - 64))
        path.write_bytes(harmed[: len(raw)])
        refused += is_whole_or_refused(path, original)
    assert refused > 40


def test_reading_leaves_a_file_as_it_is(path, whole):
    """To the last byte, and nothing beside it."""
    contents(path)
    assert path.read_bytes() == whole[0]
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_copy_is_as_good(path, whole, tmp_path):
    """A run is one file."""
    other = tmp_path / "copied.retro"
    shutil.copy(path, other)
    assert same(contents(other), whole[1])
