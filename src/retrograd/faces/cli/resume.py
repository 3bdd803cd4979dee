"""``retrograd resume``: go on with a training that was broken off."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrograd.faces.cli.debug import DATA, FILE, RUN
from retrograd.faces.cli.errors import Stopped, mendable
from retrograd.faces.hints import quoted

if TYPE_CHECKING:
    from retrograd.rewind.run import Run


def resume(
    file: Annotated[Path, FILE],
    run: Annotated[int | None, RUN] = None,
    data: Annotated[Path | None, DATA] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Where to save the model, also of a run that has ended; by default where train "
            "would have saved it."
        ),
    ] = None,
) -> None:
    """Go on with a recorded training that was killed or interrupted, to the end it would have had.

    Its numbers are those of a training that was never broken off, bit for bit.
    """
    with mendable():
        from retrograd.engine.notes import counted
        from retrograd.faces.runs import choose_run
        from retrograd.faces.table_runs import is_followed, place_of_model
        from retrograd.rewind.store import RunFileError

        chosen = choose_run(file, run, data=data)
        if chosen.status == "diverged":
            raise RunFileError(_diverged(chosen, file))
        steps = counted(len(chosen), "step")
        place = place_of_model(chosen)
        is_saved = place is None or Path(place).exists()
        if chosen.status == "ended" and out is None and is_saved:
            print(
                f"{_name(chosen)} had ended, after {steps}: nothing is left to do "
                "(--out saves its model)"
            )
            return
        if out is None and place is not None:
            if not is_followed(place):
                raise RunFileError(
                    f"{file} says that its model is to be saved to {place}, outside of this folder "
                    f"or by another ending than .safetensors: confirm it by --out {quoted(place)}, "
                    "or name another file"
                )
            out = Path(place)
        replaced = _check_out(chosen, out)
        if chosen.status == "ended":
            print(f"{_name(chosen)} had ended, after {steps}", flush=True)
            _save(chosen, chosen.estimator(), out, replaced)
            return
        _ = chosen.data  # which says now if they are not at hand
        print(f"{_name(chosen)} was broken off after {steps}; it goes on", flush=True)
        network, is_stopped = _resume(chosen, file)
        if is_stopped:
            raise Stopped(
                f"run {chosen.number} is kept up to step {len(chosen):,}: "
                f"retrograd resume {quoted(file)} goes on"
            )
        steps = counted(len(chosen), "step")
        is_whole = chosen.status == "ended"
        if is_whole:
            loss = f", loss {chosen.epochs[-1].loss:.6g}" if chosen.epochs else ""
            epochs = counted(chosen.n_epochs, "epoch")
            print(f"It has ended, after {steps} and {epochs}{loss}")
        else:  # its recording gave up
            print(f"It was trained to its end, but the file has {steps} of it only")
        _save(chosen, network, out, replaced)
        if is_whole:
            print(f"To look into it: retrograd debug {quoted(file)}")


def _check_out(run: "Run", out: Path | None) -> bool:
    """Check, before any work, that the model can be saved there; whether it replaces one."""
    from retrograd.estimators.notebook_runs import is_notebooks
    from retrograd.export.container import ModelFileError
    from retrograd.faces.cli.train import check_place

    if out is not None and is_notebooks(run):
        raise ModelFileError(f"{_name(run)} is of the notebook's MLP, which no model file holds")
    return out is not None and check_place(out)


def _save(run: "Run", network: Any, out: Path | None, replaced: bool) -> None:
    from retrograd.faces.models import save_model
    from retrograd.faces.table_runs import whole_model
    from retrograd.faces.text import printable

    if out is None:
        return
    model, facts = whole_model(run, network)
    save_model(model, out, facts=facts)
    print(f"Saved to {printable(str(out))}{', which it replaced' if replaced else ''}")


def _name(run: "Run") -> str:
    return f"Run {run.number} of {run.store.name}"


def _diverged(run: "Run", file: Path) -> str:
    return (
        f"run {run.number} of {run.store.name} diverged at step {len(run):,}: retrograd debug "
        f"{quoted(file)} --run {run.number} shows how, and branches off before it"
    )


def _resume(run: "Run", file: Path) -> tuple[Any, bool]:
    """Train on, and tell what was warned of; the network, and whether Ctrl-C has stopped it."""
    from retrograd.engine.divergence import DivergenceError
    from retrograd.faces.text import printable
    from retrograd.rewind.store import RunFileError

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            network = run.resume()
        except DivergenceError:
            raise RunFileError(_diverged(run.refresh(), file)) from None
    run.refresh()
    messages = list(dict.fromkeys(str(warning.message) for warning in caught))
    # Not by the run's status: if it is recorded no further, that is of before.
    is_stopped = any("interrupted by user" in message for message in messages)
    if not is_stopped:
        for message in messages:
            print(f"note: {printable(' '.join(message.split()))}")
    return network, is_stopped
