"""``retrograd view``: a recorded training on a page in the browser."""

from pathlib import Path
from typing import Annotated

import typer

from retrograd.faces.cli.debug import DATA
from retrograd.faces.cli.errors import Stopped, mendable, served

FILE = typer.Argument(help="A file of runs, as train --record and Recorder write them.")
RUN = typer.Option(min=1, help="Number of the run to begin with; the last one if not given.")
PORT = typer.Option(min=0, max=65535, help="Port to serve at; any free one if not given.")
NO_BROWSER = typer.Option("--no-browser", help="Print the address, and open nothing.")


def view(
    file: Annotated[Path, FILE],
    run: Annotated[int | None, RUN] = None,
    data: Annotated[Path | None, DATA] = None,
    port: Annotated[int, PORT] = 0,
    no_browser: Annotated[bool, NO_BROWSER] = False,
) -> None:
    """Show a recorded training on a page: drag it to any step, and see every number of it.

    The page is served to this machine only, at an address with a secret, until Ctrl-C.
    """
    with mendable(), served():
        from retrograd.faces.page.viewing import view_file

        try:
            view_file(file, run, data, port, browser=not no_browser)
        except KeyboardInterrupt:
            raise Stopped("the file keeps its runs") from None
