"""What a file of runs looks like: an SQLite database, open to any SQL client.

Every row carries a digest of all its other columns, since SQLite itself does not notice a flipped
byte. Numbers in blobs are little-endian.
"""

import hashlib
import json

import numpy as np

# "Retr", for programs that tell files by it (SQLite's application id), and the format's version.
APPLICATION_ID = 0x52657472
VERSION = 1

TABLES = {
    # One row a run. header: JSON, see ``header``.
    "runs": "run INTEGER PRIMARY KEY, header TEXT NOT NULL",
    # How far a run has come as of the last commit. status: running, ended, interrupted, diverged or
    # failed; the note says where it diverged, or of what it failed.
    "progress": (
        "run INTEGER PRIMARY KEY, status TEXT NOT NULL, note TEXT NOT NULL, "
        "steps INTEGER NOT NULL, seconds REAL NOT NULL"
    ),
    # Whole states. The blob is the parameters (P,), then the optimizer's slots (n_slots, P).
    "checkpoints": (
        "run INTEGER NOT NULL, step INTEGER NOT NULL, epoch INTEGER NOT NULL, "
        "learning_rate REAL NOT NULL, samples_seen INTEGER NOT NULL, state BLOB NOT NULL"
    ),
    # One row an epoch: the step it ended at, its mean loss, its validation score if there is one,
    # and the learning rate of the epoch after it.
    "epochs": (
        "run INTEGER NOT NULL, epoch INTEGER NOT NULL, step INTEGER NOT NULL, loss REAL, "
        "score REAL, learning_rate REAL NOT NULL"
    ),
    # Losses of the steps from ``step`` on, every stride-th of them; the blob is float64. The
    # gradient's norm is that of the last of the steps.
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
KEYS = {"checkpoints": "run, step", "epochs": "run, epoch", "losses": "run, step"}


def statements() -> list[str]:
    """SQL that makes an empty file."""
    made = [
        f"CREATE TABLE {table} ({columns}, digest TEXT NOT NULL)"
        for table, columns in TABLES.items()
    ]
    made += [
        f"CREATE UNIQUE INDEX {table}_by_step ON {table} ({key})" for table, key in KEYS.items()
    ]
    return [*made, f"PRAGMA application_id = {APPLICATION_ID}", f"PRAGMA user_version = {VERSION}"]


def row_digest(table: str, row: tuple) -> str:
    """Digest of a row's columns, but for the digest itself.

    Examples
    --------
    >>> row_digest("progress", (1, "ended", "", 20, 0.5))
    'b35c3913dafea3a2c7385b0a8eda7ed7'
    """
    digest = hashlib.sha256(table.encode())
    if table == "arrays":  # whose name is a digest of the rest
        row = row[:1]
    # A text's repr ends where it ends, and a number's has all of its digits.
    blobs = [value for value in row if isinstance(value, bytes | memoryview)]
    plain = [value for value in row if not isinstance(value, bytes | memoryview)] if blobs else row
    digest.update(repr(tuple(plain)).encode("utf-8", "backslashreplace"))
    for blob in blobs:
        digest.update(f"|{len(blob)}|".encode())
        digest.update(blob)
    return digest.hexdigest()[:32]


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
    """JSON in one form, for headers."""
    return json.dumps(document, sort_keys=True, ensure_ascii=False, allow_nan=False)
