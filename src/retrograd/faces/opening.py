"""Opening runs, with what this room can draw of them: ``view``, and ``Run.to_html``."""

from os import PathLike
from typing import TYPE_CHECKING

from retrograd.estimators.recorder import Recorder
from retrograd.estimators.rewinding import open_run, open_runs
from retrograd.rewind import run as rewind_run
from retrograd.rewind.moment import Moment
from retrograd.rewind.run import Run, Runs

if TYPE_CHECKING:
    from retrograd.faces.page.widget import Widget

__all__ = ["open_run", "open_runs", "view"]


def view(run: "Run | Moment | Runs | Recorder | str | PathLike") -> "Widget":
    """Show a recorded training in a notebook: drag it to any step, and see every number of it.

    Exported to HTML, the notebook keeps a still page of some of the steps.

    Parameters
    ----------
    run : Run, Moment, Runs, Recorder, str or path
        What to show: a run, that of a moment, or the last one of several.

    Returns
    -------
    Widget

    Raises
    ------
    RunFileError
        If the file is no file of runs, or damaged, or has none.
    TypeError
        If it is nothing of these.
    ImportError
        If anywidget is not installed.

    Examples
    --------
    >>> view("nowhere.retro")
    Traceback (most recent call last):
    retrograd.rewind.connection.RunFileError: nowhere.retro does not exist
    """
    try:
        from retrograd.faces.page.widget import make_widget
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("anywidget", "latex2mathml"):
            raise
        raise ImportError(
            f'a widget needs {error.name}: pip install "retrograd[notebook]"'
        ) from None

    return make_widget(run)


def _to_html(run: Run, path: "str | PathLike", budget: int) -> None:
    from retrograd.faces.page.still import write_html

    write_html(run, path, budget)


# A run is of a lower floor: it is told here who draws it.
rewind_run.drawing["html"] = _to_html
