"""Viewing a file of runs on a page of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from retrograd.estimators.rewinding import open_runs
from retrograd.faces.page.answers.table import ANSWERS
from retrograd.faces.page.serving import Serving, open_browser
from retrograd.faces.page.viewer import Viewer


def view_file(path: Path, run: int | None, port: int, browser: bool) -> None:
    """Serve a page that shows a file's runs, until Ctrl-C.

    Raises
    ------
    RunFileError
        If the file is no file of runs, or damaged.
    OSError
        If the port is taken.
    """
    viewer = Viewer(open_runs(path), ANSWERS)
    serve(viewer.answer, port, browser, f"run={run}" if run else "")


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
