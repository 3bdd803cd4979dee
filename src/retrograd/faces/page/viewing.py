"""Viewing a file of runs on a page of its own, which is there before the engine is."""

import os
import threading
import traceback
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrograd.faces.complaining import complain
from retrograd.faces.page.serving import Serving, ended_by_signals, open_browser, signals_kept
from retrograd.rewind.connection import Connection, RunFileError

if TYPE_CHECKING:
    from retrograd.faces.page.viewer import Viewer


# Who looks at a training is not to hold it up; with more, a busy machine would never show the page.
# A playground is not nice: what trains for it would be, too, and could never be less so.
NICENESS = 5
# Seconds that the end waits for a viewer that is being made.
PATIENCE = 10.0


class Opening:
    """A viewer that is being made; whoever asks it waits until it is.

    The engine takes a second to import. The page's own files are served meanwhile.

    Parameters
    ----------
    make : callable
        Imports what it needs, and makes the viewer; called in a thread.
    """

    def __init__(self, make: "Callable[[], Viewer]") -> None:
        self._make = make
        self._viewer: Viewer | None = None
        self._error: Exception | None = None
        self._opened = threading.Event()
        threading.Thread(target=self._open, daemon=True).start()

    def answer(self, name: str, arguments: dict[str, Any]) -> Any:
        """Answer a question; see ``Viewer.answer``."""
        self._opened.wait()
        if self._viewer is None:
            raise ValueError(str(self._error))
        return self._viewer.answer(name, arguments)

    def tell(self) -> None:
        """Wait until the viewer is made, and tell the terminal, too, if it cannot be."""
        self._opened.wait()
        if isinstance(self._error, ValueError | OSError | MemoryError):
            complain(str(self._error) or type(self._error).__name__)
        elif self._error is not None:  # a fault of ours: where it is, too
            traceback.print_exception(self._error)

    def close(self) -> None:
        """End what the viewer has under way."""
        self._opened.wait(PATIENCE)
        if self._viewer is not None:
            self._viewer.close()

    def _open(self) -> None:
        try:
            self._viewer = self._make()
        except Exception as error:  # whatever it is, the page that waits is told
            self._error = error
        finally:
            self._opened.set()


def view_file(path: Path, run: int | None, data: Path | None, port: int, browser: bool) -> None:
    """Serve a page that shows a file's runs, until Ctrl-C.

    Raises
    ------
    RunFileError
        If the file is no file of runs, or damaged, as far as can be told at once; or if the data
        are not those of the run, or of the last one.
    PortError
        If the port is taken.
    """

    def make() -> "Viewer":
        from retrograd.estimators.rewinding import open_runs
        from retrograd.faces.page.answers.table import ANSWERS
        from retrograd.faces.page.viewer import Viewer

        viewer = Viewer(open_runs(path), ANSWERS)
        if given is not None:
            viewer.adopt(given)
        return viewer

    given = None
    if data is not None:
        from retrograd.faces.runs import choose_run

        given = choose_run(path, run, last=True, data=data)
    with closing(Connection(path, writable=False, row_bytes=0)) as connection:
        # Of a file that has no run yet the first is waited for.
        ((n_runs,),) = connection.run("SELECT count(*) FROM runs")
        if run is not None and n_runs and not 1 <= run <= n_runs:
            raise RunFileError(f"{path.name} has no run {run}: the last one is {n_runs}")
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    with ended_by_signals():
        serve(make, port, browser, f"run={run}" if run else "")


def serve(make: "Callable[[], Viewer]", port: int, browser: bool, place: str = "") -> None:
    """Serve the page of a viewer that is made meanwhile, say where, and open it."""
    with signals_kept() as let_go, ExitStack() as stack:
        opening = stack.enter_context(closing(Opening(make)))
        serving = Serving(opening.answer, port)
        address = f"{serving.address}#{place}" if place else serving.address
        if browser:
            stack.callback(open_browser(address))
        print(f"Serving at {address}\nCtrl-C ends it.", flush=True)
        threading.Thread(target=opening.tell, daemon=True).start()
        serving.run(let_go)
