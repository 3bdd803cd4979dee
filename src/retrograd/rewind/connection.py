"""A connection to a file of runs: opened with suspicion, and safe where a process forks."""

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from typing import cast
from urllib.parse import quote

from retrograd.rewind.files import beside
from retrograd.rewind.schema import APPLICATION_ID, SCHEMAS, VERSION, statements

# Seconds to wait while another process writes to the file.
PATIENCE = 30.0
# Bytes of SQLite's pages, by the rows that they are for: large ones take large rows in less time,
# but every commit writes some of them whole, and small ones make small files.
PAGE, LARGE_PAGE, HUGE_PAGE = 4096, 16384, 65536
LARGE_ROW, HUGE_ROW = 1 << 18, 1 << 22
# Memory in which SQLite gathers a commit of huge rows, where it else would write pages twice.
HUGE_CACHE = -65536
MAGIC = b"SQLite format 3\x00"
# What ANALYZE, which a user may have run, leaves in a file.
STATISTICS = ("sqlite_stat1", "sqlite_stat4")


class RunFileError(ValueError):
    """A run cannot be written to, or read from, a file; the message says why."""


class Connection:
    """A connection to SQLite whose every error is a ``RunFileError``.

    Parameters
    ----------
    path : path or None
        None is a database in memory.
    writable : bool
        Whether to write to it; a file that does not exist is then made.
    row_bytes : int
        Size of the rows that it will mostly be of, if it is made.

    Raises
    ------
    RunFileError
        If there is no such file, or it is no file of runs, or of a newer format, or damaged.
    """

    def __init__(self, path: Path | None, writable: bool, row_bytes: int) -> None:
        self._row_bytes = row_bytes
        self.path, self.writable = path, writable or path is None
        self.name = "the recorder" if path is None else path.name
        self._lock = threading.RLock()
        self._sqlite: sqlite3.Connection | None = None
        self._process = os.getpid()
        if path is not None:
            check_kind(path, writable)
        _all.add(self)
        try:
            self._open()
            self._check_format()
        except BaseException:
            self.close()
            raise

    def run(self, sql: str, values: tuple = ()) -> list[tuple]:
        """Run a statement; all the rows that it gives."""
        with self._at_work() as sqlite:
            return sqlite.execute(sql, values).fetchall()

    def run_filling(
        self, sql: str, values: tuple, table: str, column: str, blob: memoryview
    ) -> None:
        """Run a statement that inserts a row whose column holds zeros, and put a blob there.

        SQLite copies what it is given as a value twice before it comes to its page.
        """
        with self._at_work() as sqlite:
            rowid = cast(int, sqlite.execute(sql, values).lastrowid)
            with sqlite.blobopen(table, column, rowid) as zeros:
                zeros.write(blob)

    @contextmanager
    def _at_work(self) -> Iterator[sqlite3.Connection]:
        """SQLite's connection, for this thread alone; its complaints become our error."""
        with self._lock:
            if self._process != os.getpid() and self.path is not None:
                # Forked off: the connection is the parent's, and left alone.
                _inherited.append(self._sqlite)
                self._open()
            if self._sqlite is None:
                raise RunFileError(f"{self.name} was closed")
            with self._told():
                yield self._sqlite

    @contextmanager
    def at_once(self, write: bool = False) -> Iterator[None]:
        """Read several things as of one moment, or write all of them or nothing."""
        with self._lock:
            if self._sqlite is not None and self._sqlite.in_transaction and not write:
                yield  # within another one
                return
            self.run("BEGIN IMMEDIATE" if write else "BEGIN")
            try:
                yield
                self.run("COMMIT")
            except BaseException:
                if self._sqlite is not None and self._sqlite.in_transaction:
                    with suppress(RunFileError):
                        self.run("ROLLBACK")
                raise

    @property
    def total_changes(self) -> int:
        """Rows that were written through this connection."""
        return 0 if self._sqlite is None else self._sqlite.total_changes

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._sqlite is not None and self._process == os.getpid():
                if self.writable and self.path is not None:
                    self._delete_journal(self.path)
                self._sqlite.close()
            elif self._sqlite is not None:
                _inherited.append(self._sqlite)
            self._sqlite = None

    def _delete_journal(self, path: Path) -> None:
        """Leave one file; if another process is writing to it, that will do so."""
        with suppress(RunFileError):
            self.run("PRAGMA busy_timeout = 0")
            self.run("PRAGMA journal_mode = DELETE")
        with suppress(OSError):
            if not path.exists():  # moved or deleted: SQLite then leaves its journal behind
                Path(f"{path}-journal").unlink(missing_ok=True)

    def __del__(self) -> None:
        """Let go of the file, too."""
        self.close()

    def _open(self) -> None:
        options: dict = {
            "timeout": PATIENCE, "isolation_level": None, "check_same_thread": False,
            "cached_statements": 32,
        }  # fmt: skip
        where = ":memory:"
        if self.path is not None:
            if self.writable and not self.path.exists():
                _begin(self.path, self._row_bytes)
            where = f"{_uri(self.path.absolute())}?mode={'rwc' if self.writable else 'rw'}"
        with self._told():
            self._sqlite = sqlite3.connect(where, uri=True, **options)
        self._process = os.getpid()
        # A file may be forged: none of its functions is to run.
        self.run("PRAGMA trusted_schema = OFF")
        self.run("PRAGMA cell_size_check = ON")
        # States come at the file's end, so that hardly anything is written twice. But to make and
        # delete a journal at every commit costs a training as much as a third of the rest.
        self.run(f"PRAGMA journal_mode = {'PERSIST' if self.writable else 'DELETE'}")
        self.run("PRAGMA synchronous = NORMAL")
        if self.writable:
            self._make()

    def _make(self) -> None:
        """Make the file if there is nothing in it; if there is, see that it can be written to."""
        page = LARGE_PAGE if self._row_bytes > LARGE_ROW else PAGE
        if self._row_bytes > HUGE_ROW:
            page = HUGE_PAGE
            self.run(f"PRAGMA cache_size = {HUGE_CACHE}")
        self.run(f"PRAGMA page_size = {page}")
        with self.at_once(write=True):
            # Asked only now: another process may have been faster.
            ((application,),) = self.run("PRAGMA application_id")
            if application == 0 and not self.run("SELECT 1 FROM sqlite_master"):
                for statement in statements():
                    self.run(statement)

    def _check_format(self) -> None:
        ((application,),) = self.run("PRAGMA application_id")
        ((version,),) = self.run("PRAGMA user_version")
        ((n_pages,),) = self.run("PRAGMA page_count")
        found = self.run("SELECT type, name, sql FROM sqlite_master")
        if n_pages == 0:
            raise RunFileError(f"{self.name} is empty: no run was ever begun in it")
        if application != APPLICATION_ID:
            raise RunFileError(f"{self.name} is an SQLite file, but no file of runs of retrograd's")
        if version not in SCHEMAS:
            raise RunFileError(
                f"{self.name} is of format {version}; this version of retrograd reads formats up "
                f"to {VERSION}: a newer one may read it"
            )
        # The index of a text key, which SQLite makes of itself, has no SQL.
        made = {name: sql for _, name, sql in found if sql and name not in STATISTICS}
        for name, sql in SCHEMAS[version].items():
            if made.pop(name, None) != sql:
                raise RunFileError(f"{self.name} is damaged: its {name!r} is not as it was made")
        if made:
            raise RunFileError(f"{self.name} has a {min(made)!r}, which no file of runs has")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what SQLite complains about into our error."""
        try:
            yield
        except (sqlite3.Error, UnicodeError) as error:
            raise RunFileError(_explain(self.name, error)) from None
        except OverflowError:
            raise RunFileError(f"{self.name} holds no number that large") from None


# A process may fork while one of its threads reads or writes. The child has that thread's locks but
# not the thread, so forks wait until no connection is at work; and a connection is never used by
# two processes, nor closed by the one that did not open it.
_all: "weakref.WeakSet[Connection]" = weakref.WeakSet()
_inherited: list[sqlite3.Connection | None] = []
_forking = threading.RLock()
_waiting: list[Connection] = []


def _before_fork() -> None:
    _forking.acquire()
    _waiting.extend(_all)
    for connection in _waiting:
        connection._lock.acquire()


def _after_fork() -> None:
    for connection in _waiting:
        connection._lock.release()
    _waiting.clear()
    _forking.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork
    )


def _uri(path: PurePath) -> str:
    r"""A file's address for SQLite, which knows of no host: a Windows share is a path, too.

    Examples
    --------
    >>> from pathlib import PureWindowsPath
    >>> _uri(PurePath("/some/a b.retro"))
    'file:///some/a%20b.retro'
    >>> _uri(PureWindowsPath(r"C:\a.retro")), _uri(PureWindowsPath(r"\\nas\of us\a.retro"))
    ('file:///C:/a.retro', 'file:////nas/of%20us/a.retro')
    """
    text = path.as_posix()
    return "file://" + "/" * (not text.startswith("/")) + quote(os.fsencode(text), safe="/:")


def check_kind(path: Path, writable: bool = False) -> None:
    """Check, before SQLite looks at it, that this may be a file of runs.

    Raises
    ------
    RunFileError
        If it is a folder, or no ordinary file, or begins as no SQLite file does; if it does not
        exist or is empty, unless it is to be written to.
    """
    try:
        if writable and not path.exists():
            if not path.parent.is_dir():
                raise RunFileError(f"{path} cannot be made: its folder does not exist")
            return
        if path.is_dir():
            raise RunFileError(f"{path} is a folder, not a file of runs")
        if not path.exists():
            raise RunFileError(f"{path} does not exist")
        if not path.is_file():
            raise RunFileError(f"{path} is no ordinary file")
        with path.open("rb") as file:
            magic = file.read(len(MAGIC))
    except (OSError, ValueError) as error:
        if isinstance(error, RunFileError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise RunFileError(f"{path} cannot be read: {reason}") from None
    if not magic and not writable:
        raise RunFileError(f"{path.name} is empty: no run was ever begun in it")
    if magic and magic != MAGIC:
        raise RunFileError(f"{path.name} is no file of runs: it is not an SQLite file")


def _begin(path: Path, row_bytes: int) -> None:
    """Make a file without runs, whole from the first on: a process may be killed at any moment.

    Where that cannot be done, it is left to SQLite, whose file is empty until its first commit.
    """
    with suppress(OSError, RunFileError), beside(path) as other:
        Connection(other, writable=True, row_bytes=row_bytes).close()
        os.link(other, path)  # which never takes the place of what another process has made


def _explain(name: str, error: Exception) -> str:
    text = " ".join(str(error).split())[:200]
    # The other one is what an open journal makes of the same.
    if getattr(error, "sqlite_errorname", "") in ("SQLITE_READONLY_DBMOVED", "SQLITE_IOERR_FSTAT"):
        return f"{name} was moved or deleted while it was being written to"
    if "locked" in text or "busy" in text:
        return (
            f"{name} is in use: another process has been writing to it for {PATIENCE:.0f} s. If "
            "there is none, its folder is on a network that has no locks: use it in a local one"
        )
    if "readonly" in text or "unable to open" in text:
        return f"{name} cannot be opened or written to: see the rights of the file and its folder"
    if "full" in text:
        return f"{name} cannot be written to: the disk is full"
    if "I/O error" in text:
        return f"{name} cannot be read or written to: SQLite says {text!r}"
    return f"{name} is damaged: SQLite says {text!r}"
