"""Files that are written whole or not at all."""

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# How some mounts say that they have no fsync: object stores, folders that a virtual machine shares.
WITHOUT_FSYNC = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
# How the files begin that may take each other's place, by what they are called.
BEGINNINGS = {"notebook": b"{", "page": b"<"}


def write_whole(path: Path, content: bytes, kind: str = "") -> None:
    """Write beside the target and rename, so that an interruption leaves nothing half-written.

    A pipe or a device, such as a terminal, is written to: it is not to become a file. A file that
    is replaced hands on who may read and write it.

    Parameters
    ----------
    path : Path
    content : bytes
    kind : {'', 'notebook', 'page', 'table'}
        What a file that is there must be, if not anything.

    Raises
    ------
    OSError
        If it cannot be written, or another kind of file is there, which is somebody's work; what
        was there before is then still there.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    if kind and path.exists():
        _check_is(path, kind)
    _replace(path, content)


def _check_is(path: Path, kind: str) -> None:
    with path.open("rb") as file:
        head = file.read(1024).removeprefix(b"\xef\xbb\xbf").lstrip()
    # A table is text: neither a run, nor a model, nor a workbook.
    is_one = b"\0" not in head if kind == "table" else head.startswith(BEGINNINGS[kind])
    if head and not is_one:
        raise FileExistsError(errno.EEXIST, f"a file that is no {kind} is there", str(path))


def check_writable(path: Path) -> None:
    """Check that a file can be written there, by beginning to: rights alone do not tell.

    Raises
    ------
    OSError
        If it cannot be; what is there stays as it is.
    """
    if not path.exists() or path.is_file():
        _replace(path, None)


def may_write(place: Path) -> bool:
    """Whether this process has the right to write to a file or a folder."""
    return os.access(place, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Make an empty file beside another, to take its place; removed in the end, if still there."""
    # Not by that one's name, which may be as long as a name can be.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".retrograd.", suffix=".part")
    os.close(handle)
    try:
        # mkstemp makes private files: what is to replace another one stays so until it is written.
        if not path.exists():
            _give_mode(name, _new_mode())
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _replace(path: Path, content: bytes | None) -> None:
    """Write a file anew; with no content, go only so far as to see that it can be done."""
    try:
        # Where links lead, such as that to a standard output that is a file.
        target = Path(os.path.realpath(path))
        replaced = target.stat() if target.exists() else None
        # The folder's rights are enough to put another file in its place, but not to want that.
        if replaced is not None and not may_write(target):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        with beside(target) as other:
            with other.open("wb") as file:
                file.write(b"?" if content is None else content)
                file.flush()
                _sync(file.fileno())
            if content is None:
                return
            if replaced is not None:
                _give_mode(other, stat.S_IMODE(replaced.st_mode))
            os.replace(other, target)
    except OSError as error:
        if error.errno is None:
            raise
        # Of the file that was asked for, not of the one beside it.
        raise OSError(error.errno, error.strerror, str(path)) from None


def _sync(handle: int) -> None:
    """Have it on the disk before it is renamed, where the file system can tell."""
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in WITHOUT_FSYNC:
            raise


def _give_mode(path: str | Path, mode: int) -> None:
    """Give a file its rights, but on mounts that give all of their files the same."""
    with suppress(OSError):
        os.chmod(path, mode)


def _new_mode() -> int:
    """Rights that any other new file has."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
