"""Viewing a file of runs on a page of its own, which is there before the engine is."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrograd.faces.page.serving import Serving, open_browser
from retrograd.rewind.connection import Connection

if TYPE_CHECKING:
    from retrograd.faces.page.viewer import Viewer


class Opening:
    """A file of runs that is being opened; whoever asks about it waits until it is.

    The engine takes a second to import. The page's own files are served meanwhile.

    Parameters
    ----------
    path : Path

    Raises
    ------
    RunFileError
        If the file is no file of runs, or damaged, as far as can be told at once.
    """

    def __init__(self, path: Path) -> None:
        Connection(path, writable=False, row_bytes=0).close()
        self._path = path
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

    def _open(self) -> None:
        try:
            from retrograd.estimators.rewinding import open_runs
            from retrograd.faces.page.answers.table import ANSWERS
            from retrograd.faces.page.viewer import Viewer

            self._viewer = Viewer(open_runs(self._path), ANSWERS)
        except Exception as error:  # whatever it is, the page that waits is told
            self._error = error
        finally:
            self._opened.set()


def view_file(path: Path, run: int | None, port: int, browser: bool) -> None:
    """Serve a page that shows a file's runs, until Ctrl-C.

    Raises
    ------
    RunFileError
        If the file is no file of runs, or damaged.
    OSError
        If the port is taken.
    """
    serve(Opening(path).answer, port, browser, f"run={run}" if run else "")


def serve(answering: Callable[..., Any], port: int, browser: bool, place: str = "") -> None:
    """Serve a page, say where, and open it."""
    serving = Serving(answering, port)
    address = f"{serving.address}#{place}" if place else serving.address
    print(f"Serving at {address}\nCtrl-C ends it.", flush=True)
    clean = open_browser(address) if browser else None
    try:
        serving.run()
    finally:
        if clean:
            clean()
