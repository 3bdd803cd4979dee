"""Turns errors that a user can mend into one line and exit code 1."""

import sys
from contextlib import contextmanager
from pathlib import Path
from shlex import quote

import typer


class Stopped(Exception):  # noqa: N818 - nothing has gone wrong
    """Ctrl-C, with a word on what is kept; a plain one is told as if nothing were."""


@contextmanager
def mendable(recorded: Path | None = None):
    """Print an error about the data or the model as one line, and end with exit code 1.

    Parameters
    ----------
    recorded : path, optional
        Where a training that diverges can be looked into.

    Examples
    --------
    >>> with mendable():
    ...     print("nothing to mend")
    nothing to mend
    """
    from retrograd.engine.divergence import DivergenceError
    from retrograd.export.container import ModelFileError
    from retrograd.rewind.store import RunFileError
    from retrograd.tables.errors import TableError

    try:
        yield
    except (TableError, ModelFileError, RunFileError) as error:
        message = str(error)
    except DivergenceError as error:
        lower = f"--lr {error.learning_rate / 10:g}, or " if error.learning_rate else ""
        message = (
            f"training diverged at step {error.step} (epoch {error.epoch}), first in "
            f"{error.place}; try {lower}--solver adam"
        )
        if recorded is not None:
            message += f"; retrograd debug {quote(str(recorded))} shows how it came to that"
    except MemoryError as error:
        message = f"out of memory ({error}): try a smaller --hidden, or fewer rows"
    else:
        return
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    raise typer.Exit(1)
