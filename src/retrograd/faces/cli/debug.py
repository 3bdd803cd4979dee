"""``retrograd debug``: go through a recorded training, forward and back."""

from pathlib import Path
from typing import Annotated

import typer

from retrograd.faces.cli.errors import Stopped, mendable

FILE = typer.Argument(help="A file of runs, as train --record and Recorder write them.")
RUN = typer.Option(min=1, help="Number of the run; retrograd runs lists them.")
DATA = typer.Option(
    help="What it was trained on, if FILE does not keep it: X, y (and sample_weight), as "
    "np.savez writes them."
)


def debug(
    file: Annotated[Path, FILE],
    run: Annotated[int | None, RUN] = None,
    data: Annotated[Path | None, DATA] = None,
) -> None:
    """Go through a recorded training step by step, forward and back; help lists the commands.

    Commands may also come through a pipe. Without --run it begins with the last run.
    """
    with mendable():
        from retrograd.faces.debugging import debug
        from retrograd.faces.runs import choose_run

        chosen = choose_run(file, run, last=True, data=data)
        try:
            debug(chosen)
        except KeyboardInterrupt:
            raise Stopped("the file keeps its runs") from None
