"""What a file of runs looks like: an SQLite database, open to any SQL client.

Every row carries a digest of all its other columns, since SQLite itself does not notice a flipped
byte; a blob is in it by its length and CRC-32. Numbers in blobs are little-endian.

In format 2 the digest is a row's first column and a large blob its last one: SQLite can then write
the blob in place, where it else copies it. Format 1 had the digest last, and is the same otherwise.
"""

import hashlib
import json
import zlib
from typing import Any

import numpy as np

# "Retr", for programs that tell files by it (SQLite's application id), and the format's version.
APPLICATION_ID = 0x52657472
VERSION = 2
# Bytes that the checkpoints of a run may take, if nothing else is said.
BUDGET = 256 << 20

TABLES = {
    # One row a run. header: JSON, see ``header``.
    "runs": "run INTEGER PRIMARY KEY, header TEXT NOT NULL",
    # How far a run has come as of the last commit, and how many rows of the other tables are its:
    # without these numbers nobody would miss one. status: running, ended, interrupted, diverged or
    # failed; the note says where it diverged, or of what it failed.
    "progress": (
        "run INTEGER PRIMARY KEY, status TEXT NOT NULL, note TEXT NOT NULL, "
        "steps INTEGER NOT NULL, epochs INTEGER NOT NULL, checkpoints INTEGER NOT NULL, "
        "seconds REAL NOT NULL"
    ),
    # Whole states. The blob is the parameters (P,), then the optimizer's slots (n_slots, P); the
    # parameters alone at the step where the optimizer's memory begins, and is 0.
    "checkpoints": (
        "run INTEGER NOT NULL, step INTEGER NOT NULL, epoch INTEGER NOT NULL, "
        "learning_rate REAL NOT NULL, samples_seen INTEGER NOT NULL, state BLOB NOT NULL"
    ),
    # Epochs from ``epoch`` on, as many as the blob has rows. It is float64 of shape (epochs, 3): an
    # epoch's mean loss, its validation score (NaN if there is none), and the learning rate of the
    # epoch after it. The rows of a run lie end to end.
    "epochs": "run INTEGER NOT NULL, epoch INTEGER NOT NULL, numbers BLOB NOT NULL",
    # Losses of the steps from ``step`` on, every stride-th of them; the blob is float64. The rows
    # of a run lie end to end. The gradient's norm is that of the last of a row's steps.
    "losses": (
        "run INTEGER NOT NULL, step INTEGER NOT NULL, stride INTEGER NOT NULL, "
        "steps INTEGER NOT NULL, losses BLOB NOT NULL, gradient_norm REAL"
    ),
    # The training data, each array once however many runs share it; name is its own digest.
    "arrays": "name TEXT PRIMARY KEY, dtype TEXT NOT NULL, shape TEXT NOT NULL, data BLOB NOT NULL",
}
COLUMNS = {
    table: tuple(column.split()[0] for column in columns.split(", "))
    for table, columns in TABLES.items()
}
# What SQLite hands out for a column: it would keep anything in any.
TYPES: dict[str, type] = {"INTEGER": int, "REAL": float, "TEXT": str, "BLOB": bytes}
COLUMN_TYPES = {
    table: tuple(
        (TYPES[column.split()[1]],) + (() if column.endswith(("NULL", "KEY")) else (type(None),))
        for column in columns.split(", ")
    )
    for table, columns in TABLES.items()
}
KEYS = {"checkpoints": "run, step", "epochs": "run, epoch", "losses": "run, step"}
# The whole of a file's schema in each format, by name: the SQL that makes each part of it.
_TABLE_OF = {
    1: "CREATE TABLE {} ({}, digest TEXT NOT NULL)",
    2: "CREATE TABLE {} (digest TEXT NOT NULL, {})",
}
SCHEMAS = {
    version: {table: text.format(table, columns) for table, columns in TABLES.items()}
    | {
        f"{table}_by_step": f"CREATE UNIQUE INDEX {table}_by_step ON {table} ({key})"
        for table, key in KEYS.items()
    }
    for version, text in _TABLE_OF.items()
}


def statements(version: int = VERSION) -> list[str]:
    """SQL that makes an empty file."""
    marks = [f"PRAGMA application_id = {APPLICATION_ID}", f"PRAGMA user_version = {version}"]
    return [*SCHEMAS[version].values(), *marks]


def row_digest(table: str, row: tuple) -> str:
    """Digest of a row's columns, but for the digest itself.

    Examples
    --------
    >>> row_digest("progress", (1, "ended", "", 20, 4, 2, 0.5))
    '42f3101038adb1ffe8049bb8c42959e1'
    """
    if table == "arrays":  # whose name is a digest of the rest
        row = row[:1]
    # CRC-32 takes a third of the time of SHA-256 or less, and is to find damage, not a forger.
    plain = tuple(
        ("blob", len(value), zlib.crc32(value)) if isinstance(value, bytes | memoryview) else value
        for value in row
    )
    # A text's repr ends where it ends, and a number's has all of its digits.
    text = repr((table, *plain)).encode("utf-8", "backslashreplace")
    return hashlib.sha256(text).hexdigest()[:32]


def array_name(array: np.ndarray) -> str:
    """Digest of an array's type, shape and bytes: its name in a file.

    Examples
    --------
    >>> one, other = array_name(np.zeros(2)), array_name(np.zeros((2, 1)))
    >>> one == array_name(np.zeros(2)), one == other
    (True, False)
    """
    digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def canonical(document: dict) -> str:
    """JSON in one form, for headers; ASCII, since half a surrogate pair would have no bytes."""
    return json.dumps(document, sort_keys=True, allow_nan=False, default=plain_scalar)


def parsed(text: str) -> Any:
    """Read JSON that a file holds, and nothing but JSON; no number is beyond all bounds.

    Raises
    ------
    ValueError, OverflowError

    Examples
    --------
    >>> parsed('{"a": NaN}')
    Traceback (most recent call last):
    ValueError: NaN is no number
    """
    return json.loads(text, parse_constant=_refuse, parse_int=_whole)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def _whole(digits: str) -> int:
    number = int(digits)
    float(number)  # with which it may be computed: an OverflowError if that cannot be
    return number


def plain_scalar(value: Any) -> Any:
    """A NumPy scalar, as parameter grids have them, as Python's own: for ``json.dumps``.

    Examples
    --------
    >>> json.dumps({"alpha": np.float64(0.1)}, default=plain_scalar)
    '{"alpha": 0.1}'
    """
    if isinstance(value, np.floating):
        return float(value)  # also of longdouble, which has no item of Python's
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{value!r} is no plain data")
