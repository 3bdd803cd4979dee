"""``retrograd train``: a network on a table, beside the models that it should beat."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from retrograd.engine.optimizers import SOLVERS as OPTIMIZERS
from retrograd.faces.cli.errors import Stopped, mendable
from retrograd.faces.cli.output import print_json
from retrograd.faces.hints import quoted
from retrograd.maths.activations import ACTIVATIONS, ALIASES

# A layer wider than this is a slip of the finger, and its network too large to be counted.
WIDEST = 10_000_000
SOLVERS = (*OPTIMIZERS, "lbfgs")
# One of several names: in double quotes, with two of them for one, or up to the next comma.
NAME = re.compile(r'\s*(?:"((?:[^"]|"")*)"\s*(?:,|$)|([^,]*)(?:,|$))')
ACTIVATION_NAMES = (*ACTIVATIONS, *ALIASES)


def parse_hidden(text: str) -> tuple[int, ...]:
    """Read layer widths such as ``64,32``; ``none`` for no hidden layer.

    Examples
    --------
    >>> parse_hidden("64,32"), parse_hidden("none")
    ((64, 32), ())
    """
    if text.strip().lower() in ("none", ""):
        return ()
    try:
        widths = tuple(int(part) for part in text.split(","))
    except ValueError:
        widths = (0,)
    if min(widths) < 1 or max(widths) > WIDEST:
        raise typer.BadParameter(f"{text!r} is not a list of layer widths such as 64,32, or 'none'")
    return widths


def _one_of(names):
    """Check an option against a list of names."""

    def check(value: str) -> str:
        if value not in names:
            raise typer.BadParameter(f"{value!r} is not one of {', '.join(names)}")
        return value

    return check


def _between(value: float, low: float, high: float) -> float:
    """Check that a number lies strictly between two."""
    if not low < value < high:
        raise typer.BadParameter(f"{value:g} is not between {low:g} and {high:g}")
    return value


def _share(value: float) -> float:
    return _between(value, 0.0, 1.0)


def _penalty(value: float) -> float:
    if not 0.0 <= value < float("inf"):
        raise typer.BadParameter(f"{value:g} is not a number from 0 on")
    return value


def _positive(value: float | None) -> float | None:
    return value if value is None else _between(value, 0.0, float("inf"))


def train(
    file: Annotated[Path, typer.Argument(help="The table: .csv, .tsv, .txt or .parquet.")],
    target: Annotated[str, typer.Option(help="The column to learn.")],
    task: Annotated[
        Literal["auto", "classification", "regression"],
        typer.Option(
            help="auto: text, booleans and few whole numbers (10 at most, each in 5 rows on "
            "average) are classes."
        ),
    ] = "auto",
    hidden: Annotated[str, typer.Option(help="Widths of the hidden layers, or 'none'.")] = "64,32",
    activation: Annotated[
        str,
        typer.Option(callback=_one_of(ACTIVATION_NAMES), help=f"{', '.join(ACTIVATION_NAMES)}."),
    ] = "relu",
    solver: Annotated[
        str, typer.Option(callback=_one_of(SOLVERS), help=f"{', '.join(SOLVERS)}.")
    ] = "adam",
    lr: Annotated[
        float | None,
        typer.Option(callback=_positive, help="Learning rate; by default 0.001, for sgd 0.01."),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs at most.")] = 200,
    batch: Annotated[
        int | None, typer.Option(min=1, help="Rows in a batch; by default 16 to 256, by the rows.")
    ] = None,
    alpha: Annotated[
        float, typer.Option(callback=_penalty, help="Strength of the L2 penalty.")
    ] = 1e-4,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Same seed, same result.")] = 0,
    test_size: Annotated[
        float, typer.Option(callback=_share, help="Share of the rows to hold out.")
    ] = 0.2,
    drop: Annotated[
        str,
        typer.Option(
            help="Columns to leave out, separated by commas; a name with a comma in double quotes."
        ),
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option(help="Where to save; by default the table's name, here, with .safetensors."),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(help="Record every step to this file of runs, to go back to it."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document and nothing else.")
    ] = False,
) -> None:
    """Train a network on a table, and compare it with simpler models on rows held out.

    Every kind of column is encoded by itself; the model is saved as one data-only file.
    """
    widths = parse_hidden(hidden)
    if record is not None and solver == "lbfgs":
        raise typer.BadParameter("lbfgs takes no steps that could be recorded: leave out --record")
    smaller = "a smaller --hidden, or fewer rows"
    out = out or Path(f"{file.stem}.safetensors")
    with mendable(record, solver, smaller), told_if_stopped(record, out):
        from retrograd.faces.experiment import Options

        options = Options(
            hidden=widths, activation=activation, solver=solver, lr=lr, epochs=epochs, batch=batch,
            alpha=alpha, seed=seed, test_size=test_size,
        )  # fmt: skip
        report = _train(file, target, task, _names(drop), options, out, record, quiet=as_json)
    if as_json:
        print_json(report)


def _names(text: str) -> list[str]:
    """Names separated by commas, as a table's first line has them.

    Examples
    --------
    >>> _names('year, "height, m",')
    ['year', 'height, m']
    """
    names = [
        quoted.replace('""', '"') if plain is None else plain
        for quoted, plain in (part.groups() for part in NAME.finditer(text))
    ]
    return [name.strip() for name in names if name.strip()]


def _train(file, target, task, drop, options, out, record, quiet: bool) -> dict:
    """Read, train, score, save; draw each as it comes unless quiet."""
    from retrograd.estimators.recorder import Recorder
    from retrograd.export.container import ModelFileError
    from retrograd.faces import report as reports
    from retrograd.faces import text
    from retrograd.faces.experiment import build_network, fit, prepare
    from retrograd.faces.models import save_model
    from retrograd.faces.progress import CtrlC, LiveProgress
    from retrograd.faces.table_runs import numbering_of
    from retrograd.tables.reading import read_table
    from retrograd.tables.task import pose

    replaced = check_place(out)
    check_record(record, out, file)
    console, live = text.stdout_console(), text.stderr_console()
    console.quiet = quiet
    with live.status("Reading the table"):
        table = read_table(file)
        experiment = prepare(pose(table.frame, target, task, drop), options)
        network = build_network(experiment, options)
        report = reports.report_table(file.name, table, experiment, network, options)
    text.draw_table(console, report)
    recorder = None
    if record is not None:
        recorder = Recorder(record, facts=_facts(experiment, report, out))
    with CtrlC() as ctrl_c:
        fitted = fit(experiment, network, LiveProgress(live, ctrl_c), recorder)
    with live.status("Fitting simpler models to compare with"):
        report = reports.report_results(report, experiment, fitted)
    text.draw_results(console, report)
    try:
        save_model(fitted.model, out, facts=reports.training_facts(report))
    except ModelFileError as error:
        if quiet:  # how good it was is not lost with it
            print_json(report | {"saved": None, "path": str(file)})
        if not fitted.is_recorded:
            raise
        raise ModelFileError(
            f"{error}; the run is kept: retrograd resume {quoted(record)} --out FILE saves it "
            "elsewhere"
        ) from None
    report |= {"saved": str(out), "replaced": replaced, "path": str(file)}
    text.draw_end(console, report)
    if record is not None:
        report["recorded"] = str(record) if fitted.is_recorded else None
    if recorder is not None and fitted.is_recorded:
        text.say(console, f"retrograd debug {quoted(record)}", indent=2)
        text.say(console, f"there {numbering_of(recorder.facts)}", indent=4)
    return report


def _facts(experiment, report: dict, out: Path) -> dict:
    """Choose what the run is to remember, to end with a model if it is broken off."""
    from sklearn.preprocessing import StandardScaler

    from retrograd.faces.report import facts_of_table
    from retrograd.faces.table_runs import remember

    scaler = None
    if experiment.problem.task == "regression":
        scaler = StandardScaler().fit(experiment.y_train.reshape(-1, 1))
    return remember(experiment.encoder, scaler, facts_of_table(report), str(out))


def check_place(out: Path) -> bool:
    """Check, before any work, that a model can be saved there; tell whether it replaces one.

    Raises
    ------
    ModelFileError
        If the folder does not exist, or the file that is there is no model, or it cannot be
        written.
    """
    from retrograd.export.container import ModelFileError
    from retrograd.export.model_file import read_facts
    from retrograd.rewind.files import check_writable

    if not out.parent.is_dir():
        raise ModelFileError(f"folder {out.parent} does not exist: --out needs one that does")
    is_there = out.exists()
    try:
        if is_there:
            read_facts(out)
    except ModelFileError:
        raise ModelFileError(
            f"{out} exists and is not a retrograd model: name another file with --out"
        ) from None
    try:
        check_writable(out)
    except OSError as error:
        raise ModelFileError(
            f"{out} cannot be written: {error.strerror}; name another file with --out"
        ) from None
    return is_there


def check_record(record: Path | None, out: Path, table: Path) -> None:
    """Check, before any work, that a training can be recorded there.

    Raises
    ------
    RunFileError
        If the folder does not exist, or the file that is there is no file of runs, or other files
        of this training are to be there.
    """
    if record is None:
        return
    from retrograd.estimators.rewinding import open_runs
    from retrograd.rewind.store import RunFileError

    if not record.parent.is_dir():
        raise RunFileError(f"folder {record.parent} does not exist: --record needs one that does")
    if record.resolve() in (out.resolve(), table.resolve()):
        raise RunFileError(
            f"--record {record} is the file of the model or of the table: choose another name"
        )
    if record.exists() and record.stat().st_size > 0:
        open_runs(record).close()


@contextmanager
def told_if_stopped(record: Path | None, out: Path) -> Iterator[None]:
    """Say on Ctrl-C what became of the record, if there is one."""
    before = _n_runs(record)
    try:
        yield
    except KeyboardInterrupt:
        number = _n_runs(record)
        if record is None or number == before:  # it was stopped before its first step
            raise
        from retrograd.faces.table_runs import is_followed

        name, which = quoted(record), f" --run {number}" if number > 1 else ""
        which += "" if is_followed(str(out)) else f" --out {quoted(out)}"
        raise Stopped(
            f"no model was saved, but the run is kept: retrograd resume {name}{which} goes on with "
            f"it and saves the model, retrograd debug {name} looks into it"
        ) from None


def _n_runs(record: Path | None) -> int:
    """Count the runs of a file, which may not be one."""
    if record is None:
        return 0
    from retrograd.estimators.rewinding import open_runs
    from retrograd.rewind.store import RunFileError

    try:
        with open_runs(record) as runs:
            return len(runs)
    except RunFileError:
        return 0
