"""``retrograd runs``: what a file of runs holds."""

from pathlib import Path
from typing import Annotated

import typer

from retrograd.faces.cli.debug import FILE
from retrograd.faces.cli.errors import mendable
from retrograd.faces.cli.output import print_json


def runs(
    file: Annotated[Path, FILE],
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
) -> None:
    """List the runs of a file: what was trained, how far it came, how it ended."""
    with mendable():
        from retrograd.estimators.rewinding import open_runs
        from retrograd.faces.runs import describe_runs, rows_of_runs
        from retrograd.faces.text import draw_rows, say, stdout_console

        described = describe_runs(open_runs(file))
        if as_json:
            print_json(described)
            return
        console = stdout_console()
        if described:
            draw_rows(console, *rows_of_runs(described))
        else:
            say(console, f"{file.name} has no runs")
