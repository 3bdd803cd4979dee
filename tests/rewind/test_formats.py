"""Files of earlier formats: opened, replayed and gone on with, as those of today's are."""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from small_runs import classifier, contents, often, record, same, table

from retrograd.estimators.recorder import Recorder
from retrograd.estimators.rewinding import open_runs
from retrograd.rewind.connection import PAGE
from retrograd.rewind.schema import COLUMNS, SCHEMAS, TABLES, VERSION, statements
from retrograd.rewind.store import LARGE_BLOB, Store

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
EARLIER = sorted(SCHEMAS.keys() - {VERSION})


def rewritten(path: Path, version: int) -> Path:
    """Write the rows of a file down once more, in another format."""
    other = path.with_name(f"format_{version}.retro")
    with closing(sqlite3.connect(other, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {PAGE}")
        for statement in statements(version):
            connection.execute(statement)
        connection.execute("ATTACH ? AS today", (str(path),))
        for name in TABLES:
            columns = ", ".join((*COLUMNS[name], "digest"))
            connection.execute(f"INSERT INTO {name} ({columns}) SELECT {columns} FROM today.{name}")
    return other


def version_of(path: Path) -> int:
    """Format of a file."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


@pytest.mark.parametrize("version", EARLIER)
def test_an_earlier_format(tmp_path, version):
    """It says the same, replays, and takes on more runs without becoming another."""
    X, y = table()
    with often():
        record(tmp_path / "today.retro", classifier(), X, y)
        earlier = rewritten(tmp_path / "today.retro", version)
        assert same(contents(earlier), contents(tmp_path / "today.retro"))
        record(earlier, classifier(hidden_layer_sizes=(600,), random_state=1), X, y)
        open_runs(earlier)[0].branch(at=5, learning_rate_init=0.01)
        runs = open_runs(earlier)
        assert [run.verify() for run in runs] == [None, None, None]
        assert version_of(earlier) == version
        record(
            tmp_path / "today.retro", classifier(hidden_layer_sizes=(600,), random_state=1), X, y
        )
    np.testing.assert_array_equal(
        runs[1][-1].coefs[0], open_runs(tmp_path / "today.retro")[1][-1].coefs[0]
    )


@pytest.mark.parametrize("version", [*EARLIER, VERSION])
def test_blobs_of_any_size(tmp_path, version):
    """Small ones are given to SQLite, large ones put in place; both come back as they went."""
    Recorder(tmp_path / "empty.retro")
    Store(tmp_path / "empty.retro", writable=True).close()
    path = rewritten(tmp_path / "empty.retro", version)
    store = Store(path, writable=True)
    sizes = [0, 1, LARGE_BLOB // 8 - 1, LARGE_BLOB // 8, LARGE_BLOB // 8 + 1, LARGE_BLOB]
    states = [np.random.default_rng(size).normal(size=size) for size in sizes]
    rows = [(1, step, 0, 0.1, step, state) for step, state in enumerate(states)]
    store.write({"checkpoints": rows})
    store.write({"checkpoints": [(1, 0, 0, 0.1, 0, states[-1])]})  # in the place of another
    store.close()
    store = Store(path)
    found = [np.frombuffer(row[-1]) for row in store.rows("checkpoints", order="step")]
    assert [state.tobytes() for state in found] == [
        state.tobytes() for state in [states[-1], *states[1:]]
    ]
