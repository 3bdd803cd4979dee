"""Turns errors that a user can mend into one line and exit code 1."""

from contextlib import contextmanager
from pathlib import Path

import typer

from retrograd.faces.complaining import complain
from retrograd.faces.hints import calmer_rate, quoted


class Stopped(Exception):  # noqa: N818 - nothing has gone wrong
    """Ctrl-C, with a word on what is kept; a plain one is told as if nothing were."""


@contextmanager
def mendable(recorded: Path | None = None, solver: str = "sgd", smaller: str = ""):
    """Print an error about the data or the model as one line, and end with exit code 1.

    Parameters
    ----------
    recorded : path, optional
        Where a training that diverges can be looked into.
    solver : str
        What it trains with, so that nobody is advised to take it.
    smaller : str
        What would need less memory, as far as there is a choice.

    Examples
    --------
    >>> with mendable():
    ...     print("nothing to mend")
    nothing to mend
    """
    try:
        yield
    except (ValueError, MemoryError) as error:
        message = _explain(error, recorded, solver, smaller)
        if message is None:
            raise
    else:
        return
    complain(message)
    raise typer.Exit(1)


@contextmanager
def served():
    """Tell in one line what keeps a page from being served.

    Examples
    --------
    >>> with served():
    ...     print("served")
    served
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("starlette", "uvicorn", "websockets"):
            raise
        message = f'a page needs {error.name}: pip install "retrograd[page]"'
    except OSError as error:
        from retrograd.faces.page.serving import PortError

        if not isinstance(error, PortError):
            raise
        message = str(error)
    else:
        return
    complain(message)
    raise typer.Exit(1)


def _explain(error: Exception, recorded: Path | None, solver: str, smaller: str) -> str | None:
    """What to tell of an error; None if it is not the user's to mend.

    The errors' own modules are imported only now: a page is to be there before they are.
    """
    from retrograd.engine.divergence import DivergenceError
    from retrograd.export.container import ModelFileError
    from retrograd.rewind.store import RunFileError
    from retrograd.tables.errors import TableError

    if isinstance(error, TableError | ModelFileError | RunFileError):
        return str(error)
    if isinstance(error, MemoryError):
        return f"out of memory ({error})" + (f": try {smaller}" if smaller else "")
    if not isinstance(error, DivergenceError):
        return None
    ways = []
    if error.learning_rate:
        ways.append(f"--lr {calmer_rate(error.learning_rate):g}")
    if solver != "adam":
        ways.append("--solver adam")
    message = (
        f"training diverged at step {error.step} (epoch {error.epoch}), first in {error.place}; "
        f"try {', or '.join([*ways, 'a smaller --alpha'][:2])}"
    )
    if recorded is not None and _has_diverged(recorded):
        message += f"; retrograd debug {quoted(recorded)} shows how it came to that"
    return message


def _has_diverged(recorded: Path) -> bool:
    """Whether the file has a training's divergence: a recording that gave up has not."""
    from retrograd.estimators.rewinding import open_runs
    from retrograd.rewind.store import RunFileError

    try:
        with open_runs(recorded) as runs:
            return bool(runs) and runs[-1].status == "diverged"
    except RunFileError:
        return False
