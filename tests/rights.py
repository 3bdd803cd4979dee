"""A folder that nobody may write in, also where the tests run as root."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

needs_rights = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="rights of another kind")


@contextmanager
def open_folder() -> Iterator[Path]:
    """Make a folder that others may enter, as pytest's own may not be; it goes afterwards."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def unprivileged(folder: Path, rights: int = 0o555) -> Iterator[None]:
    """Have no right to write to the files of a folder, nor, with these rights, in the folder."""
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(rights)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
