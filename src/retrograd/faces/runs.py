"""The runs of a file, for the command line: choosing one, and the table of all."""

import math
import re
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from retrograd.estimators.rebuilding import parameters_of
from retrograd.estimators.rewinding import open_run, open_runs
from retrograd.faces.hints import quoted
from retrograd.faces.text import Justify
from retrograd.rewind.store import RunFileError

if TYPE_CHECKING:
    from retrograd.rewind.run import Run, Runs

# What NumPy's and Python's readers say of a damaged file of arrays.
UNREADABLE = (OSError, ValueError, EOFError, BadZipFile, zlib.error, NotImplementedError, KeyError)
# Seconds without a word from a training after which it may be no more; and how many times as long
# as it was from one of its checkpoints to the next.
SILENCE, LONGER = 300.0, 4
# Tasks of searches and pipelines that every fit within them stands in.
SAME_FOR_ALL = r" (search 0|fit-final-estimator \d+)$"


def choose_run(
    path: Path, number: int | None, last: bool = False, data: Path | None = None
) -> "Run":
    """Open the run of a number; without one the only one, or, if so wished, the last one.

    Parameters
    ----------
    path : Path
    number : int or None
    last : bool
    data : Path, optional
        A file of arrays X, y and perhaps sample_weight, as ``np.savez`` writes it: what the run was
        trained on, if its file does not keep it.

    Raises
    ------
    RunFileError
        If there are several and none is named, or no such run; if the data cannot be read, or are
        not the run's.
    """
    runs = open_runs(path)
    if not runs.numbers:
        raise RunFileError(f"{path.name} has no runs")
    if number is None and len(runs) > 1 and not last:
        raise RunFileError(
            f"{path.name} has {len(runs)} runs: name one, as in --run {runs.numbers[-1]} "
            f"(retrograd runs {quoted(path)} lists them)"
        )
    wanted = runs.numbers[-1] if number is None else number
    if wanted not in runs.numbers:
        raise RunFileError(
            f"{path.name} has no run {wanted}: it has {', '.join(map(str, runs.numbers))}"
        )
    if data is not None:
        return open_run(path, wanted, data=_read_arrays(data))
    return runs[runs.numbers.index(wanted)]


def _read_arrays(path: Path) -> tuple:
    """X, y and the weights of a file that ``np.savez`` has written; nothing in it is executed."""
    try:
        with path.open("rb") as file:
            read = np.load(file, allow_pickle=False)
            found = {name: read[name] for name in getattr(read, "files", ())}
    except UNREADABLE as error:
        reason = getattr(error, "strerror", None) or "it is no file of arrays, as np.savez makes it"
        if "Object arrays" in str(error):
            reason = (
                "an array in it holds Python objects, which are not opened: save text as "
                "y.astype(str); a sparse X can be passed in Python, to open_run"
            )
        raise RunFileError(f"{path} cannot be read: {reason}") from None
    odd = found.keys() - {"X", "y", "sample_weight"}
    if odd or not {"X", "y"} <= found.keys():
        held = ", ".join(sorted(found)) or "nothing"
        raise RunFileError(f"{path} must hold X, y and perhaps sample_weight; it holds {held}")
    return found["X"], found["y"], found.get("sample_weight")


def describe_runs(runs: "Runs") -> list[dict]:
    """Say of every run what it is and how it went, as plain data.

    Returns
    -------
    list of dict
        NaN and infinity, which JSON has not, are None. ``differing`` are a run's parameters
        that others have otherwise, as in a search.
    """
    described = [_describe(runs, k) for k in range(len(runs))]
    first: dict[str, Any] = {}
    differing = {
        name
        for run in described
        for name, value in run.get("parameters", {}).items()
        if first.setdefault(name, value) != value
    }
    for run in described:
        if "parameters" in run:
            run["differing"] = {
                name: value for name, value in run["parameters"].items() if name in differing
            }
    return described


def _describe(runs: "Runs", k: int) -> dict[str, Any]:
    try:
        run = runs[k]
        parameters = parameters_of(run)
    except RunFileError as error:
        return {"run": runs.numbers[k], "status": "damaged", "note": str(error)}
    header, epochs = run.header, run.epochs
    scores = [epoch.score for epoch in epochs if epoch.score is not None]
    return {
        "run": run.number,
        "place": short_place(header.place),
        "estimator": header.estimator.get("kind", ""),
        "widths": list(header.network.widths),
        "activations": list(header.network.activations),
        "solver": header.optimizer.solver,
        "parameters": {name: _plain(value) for name, value in parameters.items()},
        "steps": len(run),
        "epochs": run.n_epochs,
        "status": run.status,
        "note": run.note,
        "doubt": doubt_of(run),
        "loss": _finite(epochs[-1].loss) if epochs else None,
        "best_score": _finite(max(scores)) if scores else None,
        "parent": header.parent,
        "started": header.started,
        "seconds": run.seconds,
    }


def doubt_of(run: "Run") -> str:
    """What speaks against a 'running' run, which one that was killed is for ever; '' if nothing.

    There is but its file to ask: who trains it may be anywhere.
    """
    path = run.store.path
    if run.status != "running" or path is None:
        return ""
    try:
        silent = time.time() - path.stat().st_mtime
    except OSError:
        return ""
    between = run.seconds / max(1, len(run.store.steps_of(run.number)))
    if silent < max(SILENCE, LONGER * between):
        return ""
    sizes = {"day": 86400, "hour": 3600, "minute": 60}
    unit = next(name for name, size in sizes.items() if silent >= 2 * size)
    return f"or broken off: nothing new for {int(silent / sizes[unit])} {unit}s"


def _plain(value: Any) -> Any:
    """Write a parameter as JSON has it: a tuple as a list, infinity as a text."""
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def short_place(place: str) -> str:
    """Leave out of a fit's place in a search what is the same for all.

    Examples
    --------
    >>> short_place("GridSearchCV fit 0 > GridSearchCV search 0 > GridSearchCV candidate 2 fold 1")
    'GridSearchCV candidate 2 fold 1'
    >>> short_place("GridSearchCV fit 0 > Pipeline fit 1 > Pipeline fit-final-estimator 2")
    'GridSearchCV > Pipeline fit 1'
    """
    parts = [part for part in place.split(" > ") if not re.search(SAME_FOR_ALL, part)]
    if len(parts) > 1:
        outermost = parts[0].split(" ")[0]
        parts = parts[1:] if parts[1].startswith(outermost) else [outermost, *parts[1:]]
    return " > ".join(parts)


COLUMNS: dict[str, Justify] = {
    "run": "right", "place": "left", "differing": "left", "estimator": "left", "network": "left",
    "solver": "left", "steps": "right", "epochs": "right", "status": "left", "loss": "right",
    "best score": "right", "branched off": "left",
}  # fmt: skip


def rows_of_runs(described: list[dict]) -> tuple[list[tuple[str, Justify]], list[list[str]]]:
    """Make the table of runs: columns with their justification, and rows; no empty columns."""
    rows = [[_cell(run, name) for name in COLUMNS] for run in described]
    used = [k for k in range(len(COLUMNS)) if any(row[k] for row in rows)]
    columns = [list(COLUMNS.items())[k] for k in used]
    return columns, [[row[k] for k in used] for row in rows]


def _cell(run: dict, name: str) -> str:
    """Write one cell."""
    if name == "network":
        return " → ".join(map(str, run.get("widths", [])))
    if name == "differing":
        return ", ".join(f"{key}={value}" for key, value in run.get("differing", {}).items())
    if name == "branched off" and run.get("parent"):
        return f"run {run['parent'][0]}, step {run['parent'][1]:,}"
    if name == "status" and run.get("doubt"):
        return f"{run['status']}, {run['doubt']}"
    if name == "status" and run.get("note") and run["status"] != "diverged":
        return f"{run['status']}: {run['note']}"
    value = run.get(name.replace(" ", "_"))
    if value is None:
        return ""
    return (
        f"{value:.6g}"
        if isinstance(value, float)
        else f"{value:,}"
        if type(value) is int
        else value
    )
