"""``retrograd resume``: go on with a training that was broken off."""

import warnings
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

from retrograd.faces.cli.debug import FILE, RUN
from retrograd.faces.cli.errors import Stopped, mendable

if TYPE_CHECKING:
    from retrograd.rewind.run import Run


def resume(
    file: Annotated[Path, FILE],
    run: Annotated[int | None, RUN] = None,
) -> None:
    """Go on with a recorded training that was killed or interrupted, to the end it would have had.

    Its numbers are those of a training that was never broken off, bit for bit.
    """
    with mendable():
        from retrograd.faces.runs import choose_run
        from retrograd.rewind.store import RunFileError

        chosen = choose_run(file, run)
        if chosen.status == "ended":
            print(f"{_name(chosen)} had ended, after {len(chosen):,} steps: nothing is left to do")
            return
        if chosen.status == "diverged":
            raise RunFileError(_diverged(chosen, file))
        print(f"{_name(chosen)} was broken off after {len(chosen):,} steps; it goes on", flush=True)
        _resume(chosen, file)
        if chosen.status == "interrupted":
            raise Stopped(
                f"run {chosen.number} is kept up to step {len(chosen):,}: "
                f"retrograd resume {quote(str(file))} goes on"
            )
        loss = f", loss {chosen.epochs[-1].loss:.6g}" if chosen.epochs else ""
        print(f"It has ended, after {len(chosen):,} steps and {len(chosen.epochs):,} epochs{loss}")
        print(f"To look into it: retrograd debug {quote(str(file))}")


def _name(run: "Run") -> str:
    return f"Run {run.number} of {run.store.name}"


def _diverged(run: "Run", file: Path) -> str:
    return (
        f"run {run.number} of {run.store.name} diverged at step {len(run):,}: retrograd debug "
        f"{quote(str(file))} --run {run.number} shows how, and branches off before it"
    )


def _resume(run: "Run", file: Path) -> None:
    from retrograd.engine.divergence import DivergenceError
    from retrograd.rewind.store import RunFileError

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            run.resume()
        except DivergenceError:
            raise RunFileError(_diverged(run.refresh(), file)) from None
    run.refresh()
    for message in dict.fromkeys(str(warning.message) for warning in caught):
        if run.status != "interrupted":
            print(f"note: {' '.join(message.split())}")
