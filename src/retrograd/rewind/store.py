"""The store: opens, checks, reads and writes a file of runs, or one that is in memory only."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from retrograd.rewind.schema import (
    APPLICATION_ID,
    COLUMNS,
    TABLES,
    VERSION,
    array_name,
    row_digest,
    statements,
)

# Seconds to wait while another process writes to the file.
PATIENCE = 30.0
# Bytes of SQLite's pages: large ones take large rows in half the time, small ones make small files.
PAGE, LARGE_PAGE, LARGE_ROW = 4096, 65536, 1 << 18
# Memory in which SQLite gathers a commit of huge rows, where it else would write pages twice.
HUGE_ROW, HUGE_CACHE = 1 << 22, -65536
MAGIC = b"SQLite format 3\x00"


class RunFileError(ValueError):
    """A run cannot be written to, or read from, a file; the message says why."""


class Store:
    """A file of runs; whatever is read from it has been checked against its digest.

    Parameters
    ----------
    path : path or None
        None is a store in memory, which lives as long as this object.
    writable : bool, default=False
        Whether to write to it; a file that does not exist is then made.
    row_bytes : int, default=0
        Size of the rows that it will mostly be of, if it is made.

    Raises
    ------
    RunFileError
        If there is no such file, or it is no file of runs, or of a newer format, or damaged.

    Examples
    --------
    >>> store = Store(None)
    >>> store.write({"progress": [(1, "ended", "", 20, 0.5)]})
    >>> store.rows("progress", "run = ?", 1)
    [(1, 'ended', '', 20, 0.5)]
    """

    def __init__(self, path: Path | None, writable: bool = False, row_bytes: int = 0) -> None:
        self.path = path
        self.name = "the recorder" if path is None else path.name
        self._lock = threading.RLock()
        new = path is None or (writable and (not path.exists() or path.stat().st_size == 0))
        if path is not None and not new:
            _check_kind(path)
        with self._told():
            self._connection = self._connect(path, writable)
            if row_bytes > HUGE_ROW:
                self._connection.execute(f"PRAGMA cache_size = {HUGE_CACHE}")
            if new:
                self._make(LARGE_PAGE if row_bytes > LARGE_ROW else PAGE)
        try:
            self._check_format()
        except RunFileError:
            self.close()
            raise

    def _connect(self, path: Path | None, writable: bool) -> sqlite3.Connection:
        # Cursors are not shared between threads, the connection is, under the lock.
        options: dict = {
            "timeout": PATIENCE, "isolation_level": None, "check_same_thread": False,
            "cached_statements": 32,
        }  # fmt: skip
        if path is None:
            return sqlite3.connect(":memory:", **options)
        mode = "rwc" if writable else "rw"
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, **options)
        # A file may be forged: none of its triggers, views or functions is to run.
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        # A run is one file, but for the moment of a commit; states come at its end, so that hardly
        # anything is written twice.
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def _make(self, page_bytes: int) -> None:
        run = self._connection.execute
        run(f"PRAGMA page_size = {page_bytes}")
        run("BEGIN IMMEDIATE")
        try:
            # Another process may have been faster.
            if not run("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                for statement in statements():
                    run(statement)
            run("COMMIT")
        except BaseException:
            run("ROLLBACK")
            raise

    def _check_format(self) -> None:
        with self._told():
            run = self._connection.execute
            application = run("PRAGMA application_id").fetchone()[0]
            version = run("PRAGMA user_version").fetchone()[0]
            found = {
                name: kind for name, kind in run("SELECT name, type FROM sqlite_master").fetchall()
            }
        if application != APPLICATION_ID:
            raise RunFileError(f"{self.name} is an SQLite file, but no file of runs of retrograd's")
        if version != VERSION:
            raise RunFileError(
                f"{self.name} is of format {version}; this version of retrograd reads format "
                f"{VERSION}: a newer one may read it"
            )
        for table in TABLES:
            if found.get(table) != "table":
                raise RunFileError(f"{self.name} is damaged: it has no table {table!r}")
        if odd := sorted(set(found.values()) - {"table", "index"}):
            raise RunFileError(f"{self.name} has a {odd[0]}, which no file of runs has")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what SQLite complains about into our error, one operation at a time."""
        with self._lock:
            try:
                yield
            except sqlite3.Error as error:
                raise RunFileError(_explain(self.name, error)) from None

    def rows(self, table: str, where: str = "1", *values: Any, order: str = "1") -> list[tuple]:
        """Rows of a table, checked; without their digests."""
        columns = ", ".join(COLUMNS[table])
        with self._told():
            found = self._connection.execute(
                f"SELECT {columns}, digest FROM {table} WHERE {where} ORDER BY {order}", values
            ).fetchall()
        for *row, digest in found:
            if row_digest(table, tuple(row)) != digest:
                raise RunFileError(
                    f"{self.name} is damaged: a row of {table} ({_which(table, row)}) is not as it "
                    "was written"
                )
        return [tuple(row) for *row, _ in found]

    def steps_of(self, run: int) -> list[int]:
        """Steps of a run's checkpoints, without reading these."""
        with self._told():
            found = self._connection.execute(
                "SELECT step FROM checkpoints WHERE run = ? ORDER BY step", (run,)
            ).fetchall()
        return [step for (step,) in found]

    def changes(self) -> tuple:
        """Something that differs once anybody has written to the file."""
        with self._told():
            version = self._connection.execute("PRAGMA data_version").fetchone()[0]
            return version, self._connection.total_changes

    def write(
        self,
        tables: Mapping[str, Sequence[tuple]],
        deletions: Iterable[tuple[str, tuple]] = (),
    ) -> None:
        """Write rows, replacing those of the same key, and delete some, all of it or nothing.

        Parameters
        ----------
        tables : mapping of table names to lists of rows
            Numbers, texts and contiguous arrays; no NaN.
        deletions : iterable of (condition, values), of checkpoints
        """
        # Before the file is locked: the digests take as long as the writing.
        sealed = {
            table: [(*row, row_digest(table, row)) for row in map(_bytes, rows)]
            for table, rows in tables.items()
        }
        with self._told():
            run = self._connection.execute
            run("BEGIN IMMEDIATE")
            try:
                for table, rows in sealed.items():
                    marks = ", ".join("?" * (len(COLUMNS[table]) + 1))
                    self._connection.executemany(
                        f"INSERT OR REPLACE INTO {table} VALUES ({marks})", rows
                    )
                for condition, values in deletions:
                    run(f"DELETE FROM checkpoints WHERE {condition}", values)
                run("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    run("ROLLBACK")
                raise

    def new_run(self, header: str) -> int:
        """Write a run's header; its number."""
        with self._told():
            run = self._connection.execute
            run("BEGIN IMMEDIATE")
            try:
                number = run("SELECT coalesce(max(run), 0) + 1 FROM runs").fetchone()[0]
                row = (number, header)
                run("INSERT INTO runs VALUES (?, ?, ?)", (*row, row_digest("runs", row)))
                run("COMMIT")
            except BaseException:
                run("ROLLBACK")
                raise
        return number

    def has_array(self, name: str) -> bool:
        """Whether an array is kept."""
        with self._told():
            return bool(
                self._connection.execute("SELECT 1 FROM arrays WHERE name = ?", (name,)).fetchone()
            )

    def array(self, name: str) -> np.ndarray:
        """An array that is kept, read-only."""
        found = self.rows("arrays", "name = ?", name)
        if not found:
            raise RunFileError(f"{self.name} is damaged: an array of its data is missing")
        _, dtype, shape, data = found[0]
        try:
            dims = tuple(int(n) for n in shape.split(",")) if shape else ()
            array = np.frombuffer(data, dtype=np.dtype(dtype)).reshape(dims)
        except (TypeError, ValueError) as error:
            raise RunFileError(f"{self.name} is damaged: an array has no form ({error})") from None
        if array.dtype.hasobject or array_name(array) != name:
            raise RunFileError(f"{self.name} is damaged: an array is not as it was written")
        return array

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()


def _check_kind(path: Path) -> None:
    """Check, before SQLite looks at it, that this may be a file of runs."""
    if path.is_dir():
        raise RunFileError(f"{path} is a folder, not a file of runs")
    if not path.exists():
        raise RunFileError(f"{path} does not exist")
    try:
        with path.open("rb") as file:
            magic = file.read(len(MAGIC))
    except OSError as error:
        raise RunFileError(f"{path} cannot be read: {error.strerror}") from None
    if magic != MAGIC:
        raise RunFileError(f"{path.name} is no file of runs: it is not an SQLite file")


def _explain(name: str, error: sqlite3.Error) -> str:
    text = str(error)
    if "locked" in text or "busy" in text:
        return f"{name} is in use: another process has been writing to it for {PATIENCE:.0f} s"
    if "readonly" in text or "unable to open" in text:
        return f"{name} cannot be opened or written to: see the rights of the file and its folder"
    if "full" in text:
        return f"{name} cannot be written to: the disk is full"
    return f"{name} is damaged: SQLite says {text!r}"


def _which(table: str, row: list) -> str:
    """Name a row by its numbers."""
    named = zip(COLUMNS[table], row, strict=True)
    return (
        ", ".join(f"{column} {value}" for column, value in named if isinstance(value, int)) or "?"
    )


def _bytes(row: tuple) -> tuple:
    """Row with the memory of its arrays in their place."""
    if isinstance(row[-1], np.ndarray) or isinstance(row[-2], np.ndarray):
        return tuple(
            value.reshape(-1).view(np.uint8).data if isinstance(value, np.ndarray) else value
            for value in row
        )
    return row
