"""Files that are written whole or not at all."""

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write beside the target and rename, so that an interruption leaves nothing half-written.

    A pipe or a device, such as a terminal, is written to: it is not to become a file.

    Raises
    ------
    OSError
        If it cannot be written; what was there before is then still there.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    try:
        # Where links lead, such as that to a standard output that is a file.
        _replace(Path(os.path.realpath(path)), content)
    except OSError as error:
        if error.errno is None:
            raise
        # Of the file that was asked for, not of the one beside it.
        raise OSError(error.errno, error.strerror, str(path)) from None


def _replace(path: Path, content: bytes) -> None:
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes private files; this one is as readable as any other new file.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(beside, 0o666 & ~mask)
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
