"""``retrograd play``: build a network on a page, and watch it learn."""

from pathlib import Path
from typing import Annotated

import typer

from retrograd.faces.cli.errors import Stopped, mendable, served
from retrograd.faces.cli.view import NO_BROWSER, PORT
from retrograd.faces.hints import quoted

FILE = typer.Argument(help="A table of your own: CSV or Parquet. Without one, data sets to try.")
TARGET = typer.Option(help="Column of the table to learn; without it the page asks for one.")
RECORD = typer.Option(help="Keep the trainings in this file of runs; else they go with the page.")


def play(
    file: Annotated[Path | None, FILE] = None,
    target: Annotated[str | None, TARGET] = None,
    record: Annotated[Path | None, RECORD] = None,
    port: Annotated[int, PORT] = 0,
    no_browser: Annotated[bool, NO_BROWSER] = False,
) -> None:
    """Play: choose data, build a network by clicking, train it, and drag it back in time.

    The page is served to this machine only, at an address with a secret, until Ctrl-C.
    """
    if target is not None and file is None:
        raise typer.BadParameter("--target is a column of FILE: name the file, too")
    with mendable(), served():
        from retrograd.faces.page.playing import play

        try:
            play(file, target, record, port, browser=not no_browser)
        except KeyboardInterrupt:
            raise Stopped(_kept(record)) from None


def _kept(record: Path | None) -> str:
    if record is None:
        return "the trainings went with the page; --record FILE keeps them"
    return f"the trainings are kept: retrograd view {quoted(record)} shows them"
