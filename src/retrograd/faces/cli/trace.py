"""``retrograd trace``: every number of one step of a recorded training."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrograd.faces.cli.debug import DATA, FILE, RUN
from retrograd.faces.cli.errors import mendable
from retrograd.faces.cli.output import print_json

if TYPE_CHECKING:
    from retrograd.rewind.run import Run
    from retrograd.rewind.trace import Trace


def trace(
    file: Annotated[Path, FILE],
    step: Annotated[
        int | None, typer.Option(min=0, help="The step: how many were taken before it.")
    ] = None,
    epoch: Annotated[int | None, typer.Option(min=0, help="Its first step, instead.")] = None,
    run: Annotated[int | None, RUN] = None,
    data: Annotated[Path | None, DATA] = None,
    full: Annotated[bool, typer.Option("--full", help="All numbers, with all digits.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    notebook: Annotated[
        Path | None,
        typer.Option(help="Write a Jupyter notebook that computes every number anew, instead."),
    ] = None,
) -> None:
    """Print every number of one step: forward, loss, backward, update."""
    if (step is None) == (epoch is None):
        raise typer.BadParameter("say which step, by --step or by --epoch")
    with mendable():
        from retrograd.faces.runs import choose_run

        traced = _trace(choose_run(file, run, data=data), step, epoch)
        if notebook is not None:
            _write_notebook(traced, notebook, file)
            print(f"Wrote {notebook}")
        elif as_json:
            print_json(traced.to_dict(), indent=None)
        else:
            traced.show(full=full)


def _trace(run: "Run", step: int | None, epoch: int | None) -> "Trace":
    from retrograd.rewind.store import RunFileError

    try:
        moment = run.at(step, epoch=epoch)
    except IndexError as error:
        raise RunFileError(str(error)) from None
    if moment.step == len(run) and run.status != "diverged":
        raise RunFileError(f"step {moment.step} is the run's end: no step was taken from there")
    return moment.trace()


def _write_notebook(trace: "Trace", out: Path, file: Path) -> None:
    from retrograd.rewind.store import RunFileError

    if out.exists() and out.samefile(file):
        raise RunFileError(f"--notebook {out} would overwrite {file}: choose another name")
    try:
        trace.to_notebook(out)
    except OSError as error:
        raise RunFileError(f"{out} cannot be written: {error.strerror}") from None
    except ValueError as error:  # too many numbers
        raise RunFileError(str(error)) from None
