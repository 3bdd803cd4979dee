"""The store: reads and writes the rows of a file of runs, or of one that is in memory only."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np

from retrograd.rewind.connection import Connection, RunFileError
from retrograd.rewind.schema import COLUMN_TYPES, COLUMNS, array_name, row_digest

# The types that arrays of training data have; no other is read.
ARRAY_TYPES = ("<f4", "<f8", "<i4", "<i8")
# Bytes of a row's last blob from which on it is written in place.
LARGE_BLOB = 1 << 16


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
    >>> _ = store.write({"progress": [(1, "ended", "", 20, 4, 2, 0.5)]})
    >>> store.rows("progress", "run = ?", 1)
    [(1, 'ended', '', 20, 4, 2, 0.5)]
    """

    def __init__(self, path: Path | None, writable: bool = False, row_bytes: int = 0) -> None:
        self.path = path
        self._connection = Connection(path, writable, row_bytes)
        self.name = self._connection.name

    def rows(self, table: str, where: str = "1", *values: Any, order: str = "1") -> list[tuple]:
        """Rows of a table, checked; without their digests."""
        columns = ", ".join(COLUMNS[table])
        found = self._connection.run(
            f"SELECT {columns}, digest FROM {table} WHERE {where} ORDER BY {order}", values
        )
        types = COLUMN_TYPES[table]
        for *row, digest in found:
            fits = all(type(value) in kinds for value, kinds in zip(row, types, strict=True))
            if not fits or row_digest(table, tuple(row)) != digest:
                raise RunFileError(
                    f"{self.name} is damaged: a row of {table} ({_which(table, row)}) is not as it "
                    "was written"
                )
        return [tuple(row) for *row, _ in found]

    def steps_of(self, run: int) -> list[int]:
        """Steps of a run's checkpoints, without reading these."""
        found = self._connection.run(
            "SELECT step FROM checkpoints WHERE run = ? ORDER BY step", (run,)
        )
        steps = [step for (step,) in found]
        if not all(type(step) is int for step in steps):
            raise RunFileError(f"{self.name} is damaged: a checkpoint's step is no number")
        return steps

    def n_runs(self) -> int:
        """How many runs have been begun, without reading them."""
        return self._connection.run("SELECT count(*) FROM runs")[0][0]

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Read several things as they are at one moment, whatever others write meanwhile."""
        with self._connection.at_once():
            yield

    def changes(self) -> tuple:
        """Something that differs once anybody has written to the file."""
        return self._connection.run("PRAGMA data_version")[0][0], self._connection.total_changes

    def write(
        self,
        tables: Mapping[str, Sequence[tuple]],
        dropped: Iterable[tuple[int, int]] = (),
        after: tuple[int, int] | None = None,
        begins: int | None = None,
    ) -> bool:
        """Write rows, replacing those of the same key, and delete some, all of it or nothing.

        Parameters
        ----------
        tables : mapping of table names to lists of rows
            Numbers, texts and contiguous arrays; no NaN.
        dropped : iterable of (run, step), of checkpoints
        after : tuple of run and its steps, optional
            How far a run must have come.
        begins : int, optional
            A run that these rows begin, and that nobody must have begun yet.

        Returns
        -------
        Whether it was written: not if the run to begin was there already.

        Raises
        ------
        RunFileError
            If it cannot be written to, or the run has come elsewhere: two record it at once.
        """
        # Before the file is locked: the digests take as long as the writing.
        sealed = {
            table: [(row_digest(table, row), *row) for row in map(_bytes, rows)]
            for table, rows in tables.items()
        }
        run = self._connection.run
        with self._connection.at_once(write=True):
            if begins is not None and self._next_run() != begins:
                return False
            here = "SELECT steps FROM progress WHERE run = ?"
            if after is not None and run(here, after[:1]) != [after[1:]]:
                raise RunFileError(
                    f"run {after[0]} of {self.name} is being recorded elsewhere, too"
                )
            for table, rows in sealed.items():
                self._insert(table, rows)
            for checkpoint in dropped:
                run("DELETE FROM checkpoints WHERE run = ? AND step = ?", checkpoint)
        return True

    def _insert(self, table: str, rows: list[tuple]) -> None:
        """Insert rows, their digests first."""
        columns = "digest", *COLUMNS[table]
        into = f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) VALUES"
        marks = ", ".join("?" * len(COLUMNS[table]))  # of all but the last
        for *values, last in rows:
            if isinstance(last, memoryview) and len(last) >= LARGE_BLOB:
                self._connection.run_filling(
                    f"{into} ({marks}, zeroblob(?))", (*values, len(last)), table, columns[-1], last
                )
            else:
                self._connection.run(f"{into} ({marks}, ?)", (*values, last))

    def begin_run(self, header: str, tables: Mapping[str, Sequence[tuple]]) -> int:
        """Write a run's header and its first rows, all of it or nothing; the run's number.

        Parameters
        ----------
        header : str
        tables : mapping of table names to lists of rows
            Without the run, which is the first of a row's values.
        """
        while True:
            number = self._next_run()
            rows = {"runs": [(number, header)], **_numbered(number, tables)}
            # Two may begin at once: who comes second looks again.
            if self.write(rows, begins=number):
                return number

    def continue_run(
        self,
        number: int,
        tables: Mapping[str, Sequence[tuple]],
        dropped: Iterable[int],
        steps_before: int,
    ) -> None:
        """Write what a run has come to from so many steps on, all of it or nothing.

        Parameters
        ----------
        number : int
        tables : mapping of table names to lists of rows
            Without the run, which is the first of a row's values.
        dropped : iterable of int
            Steps of checkpoints to delete.
        steps_before : int
        """
        self.write(
            _numbered(number, tables), [(number, step) for step in dropped], (number, steps_before)
        )

    def _next_run(self) -> int:
        return self._connection.run("SELECT coalesce(max(run), 0) + 1 FROM runs")[0][0]

    def check_writable(self) -> None:
        """Check that it can be written to now.

        Raises
        ------
        RunFileError
            If not.
        """
        with self._connection.at_once(write=True):
            pass

    def has_array(self, name: str) -> bool:
        """Whether an array is kept."""
        return bool(self._connection.run("SELECT 1 FROM arrays WHERE name = ?", (name,)))

    def array(self, name: str) -> np.ndarray:
        """An array that is kept, read-only."""
        found = self.rows("arrays", "name = ?", name)
        if not found:
            raise RunFileError(f"{self.name} is damaged: an array of its data is missing")
        _, dtype, shape, data = found[0]
        try:
            if dtype not in ARRAY_TYPES:
                raise ValueError(f"its type is {dtype[:20]!r}")
            dims = tuple(int(n) for n in shape.split(",")) if shape else ()
            if any(n < 0 for n in dims):
                raise ValueError(f"its shape is {dims}")
            array = np.frombuffer(data, dtype=dtype).reshape(dims)
        except (ValueError, OverflowError) as error:
            raise RunFileError(f"{self.name} is damaged: an array has no form ({error})") from None
        if array_name(array) != name:
            raise RunFileError(f"{self.name} is damaged: an array is not as it was written")
        return array

    def __getstate__(self) -> dict:
        """What goes into a copy or a pickle: nothing, since it stands for an open file."""
        raise TypeError(
            f"what is opened from {self.name} cannot be copied or pickled: open it again, as "
            "retrograd.open_run(path, number) does"
        )

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


class Opened:
    """What is opened from a store, until it is closed; as by the end of a ``with``."""

    store: Store

    def close(self) -> None:
        """Let go of the file, which Windows neither deletes nor moves before.

        All that came of it is closed with it, such as moments and branches: what they then need of
        the file is a ``RunFileError``. A recorder that has no file keeps its runs.
        """
        if self.store.path is not None:
            self.store.close()

    def __enter__(self) -> Self:
        """Hand on itself."""
        return self

    def __exit__(self, *raised: object) -> None:
        """Close it."""
        self.close()


def _which(table: str, row: list) -> str:
    """Name a row by its numbers."""
    named = zip(COLUMNS[table], row, strict=True)
    return (
        ", ".join(f"{column} {value}" for column, value in named if isinstance(value, int)) or "?"
    )


def _numbered(run: int, tables: Mapping[str, Sequence[tuple]]) -> dict[str, list[tuple]]:
    """Rows that belong to a run, with its number before all else."""
    return {name: [(run, *row) for row in rows] for name, rows in tables.items()}


def _bytes(row: tuple) -> tuple:
    """Row with the memory of its arrays in their place."""
    if isinstance(row[-1], np.ndarray) or isinstance(row[-2], np.ndarray):
        return tuple(
            value.reshape(-1).view(np.uint8).data if isinstance(value, np.ndarray) else value
            for value in row
        )
    return row
