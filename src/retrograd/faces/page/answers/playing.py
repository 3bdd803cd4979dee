"""What a page may ask of a playground: what there is to choose, and trainings."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from retrograd.engine.network import Network
from retrograd.engine.notes import counted
from retrograd.engine.optimizers import SOLVERS
from retrograd.faces.page.answers import runs
from retrograd.faces.page.answers.table import ANSWERS
from retrograd.faces.page.datasets import DATASETS, DataSet, Sample
from retrograd.faces.page.playground import Playground
from retrograd.faces.page.settings import (
    ENDS,
    MOST_LAYERS,
    MOST_ROWS,
    MOST_UNITS,
    START,
    STOP_NAMES,
    TABLE,
    FieldError,
    check_network,
    try_stop,
)
from retrograd.faces.page.tabling import MOST_UPLOADED, read_uploaded
from retrograd.faces.page.viewer import once
from retrograd.maths.activations import ACTIVATIONS
from retrograd.tables.reading import PARQUET_SUFFIXES, TEXT_SUFFIXES

# Points of a data set that its small picture has.
MOST_POINTS = 400
# Epochs a second, by what they are called.
PACES = {
    "full speed": 0.0, "100 epochs/s": 100.0, "20 epochs/s": 20.0, "5 epochs/s": 5.0,
    "1 epoch/s": 1.0,
}  # fmt: skip


def playground(viewer: Playground) -> dict:
    """Tell what there is to choose from, and what is chosen."""
    own = {} if viewer.table is None else {TABLE: DataSet(Path(viewer.file).name, "table")}
    return {
        "datasets": [
            {
                "name": name,
                "title": known.title,
                "task": known.task,
                "rows": known.rows,
                "noise": known.noise,
                "columns": viewer.columns(name),
            }
            for name, known in (own | DATASETS).items()
        ],
        "activations": list(ACTIVATIONS),
        "solvers": list(SOLVERS),
        "ends": ENDS,
        "paces": PACES,
        "pace": viewer.trainings.pace,
        "stop_names": sorted(STOP_NAMES),
        "suffixes": TEXT_SUFFIXES + PARQUET_SUFFIXES,
        "most": {"layers": MOST_LAYERS, "units": MOST_UNITS, "uploaded": MOST_UPLOADED},
        "settings": viewer.settings,
        "training": training(viewer),
    }


def data(viewer: Playground, settings: dict) -> dict:
    """Tell of the data that the fields ask for; or what is wrong with the fields.

    Returns
    -------
    dict
        ``wrong``, messages by field; if there are none ``words``, ``remarks``, ``task``, and, where
        there are two features, ``points`` and ``values`` to draw.
    """
    try:
        drawn = viewer.drawn(settings)
    except FieldError as error:
        return {"wrong": error.fields}
    rows, features = drawn.X.shape
    points = DATASETS.get(settings["data"], DATASETS["digits"]).make is not None
    words = [] if points else [counted(rows, "row"), counted(features, "feature")]
    values = drawn.y
    if drawn.task == "classification":
        classes, values = np.unique(drawn.y, return_inverse=True)
        words += [] if points else [counted(len(classes), "class")]
    elif not points:
        words.append("regression")
    told = {"wrong": {}, "words": ", ".join(words), "remarks": drawn.notes, "task": drawn.task,
            "widths": [features, _n_outputs(drawn)]}  # fmt: skip
    if features == 2:
        few = slice(None, None, -(-rows // MOST_POINTS))
        told |= {"points": drawn.X[few], "values": np.asarray(values[few], float)}
    return told


def _n_outputs(drawn: Sample) -> int:
    n_classes = len(np.unique(drawn.y)) if drawn.task == "classification" else 1
    return n_classes if n_classes > 2 else 1


@once
def build(viewer: Playground, settings: dict) -> dict:
    """Train a network as the fields say, as a run of its own; or tell what is wrong with them.

    Returns
    -------
    dict
        ``wrong``, messages by field; and if there are none how the ``training`` stands.
    """
    wrong: dict[str, str] = {}
    drawn = None
    try:
        drawn = viewer.drawn(settings)
    except FieldError as error:
        wrong |= error.fields
    try:
        rows, early = (MOST_ROWS, True) if drawn is None else (len(drawn.y), _can_validate(drawn))
        plan = check_network(settings, rows, early)
        if drawn is not None and plan.stop:
            widths = (drawn.X.shape[1], *plan.parameters["hidden_layer_sizes"], _n_outputs(drawn))
            hidden = ("relu",) * (len(widths) - 2)
            try_stop(plan.stop, Network(widths, hidden, "identity", "squared_error"))
    except FieldError as error:
        wrong |= error.fields
    if wrong or drawn is None:
        return {"wrong": wrong}
    viewer.settings = {name: settings.get(name, START[name]) for name in START}
    kind = "MLPClassifier" if drawn.task == "classification" else "MLPRegressor"
    viewer.train(kind, plan, drawn)
    return {"wrong": {}, "training": training(viewer)}


def _can_validate(drawn: Sample) -> bool:
    """Whether every class has rows to train on and to validate on."""
    if drawn.task == "regression":
        return True
    return bool(np.unique(drawn.y, return_counts=True)[1].min() >= 2)


def training(viewer: Playground) -> dict:
    """Tell how the last training stands, and how many runs there are."""
    viewer.look_again()
    last = viewer.trainings.last
    return last | {"pace": viewer.trainings.pace, "runs": len(viewer.runs)}


@once
def pause(viewer: Playground) -> dict:
    """Break off the training that is under way."""
    viewer.trainings.pause()
    return training(viewer)


@once
def go_on(viewer: Playground, run: int) -> dict:
    """Go on with a run that was broken off, to the end that it would have had, bit for bit."""
    found = viewer.run(run).refresh()
    if found.status not in ("interrupted", "running", "failed"):
        raise ValueError(f"run {run} has {found.status}: there is nothing to go on with")
    last = viewer.trainings.last
    if not (viewer.trainings.is_active and last["run"] == run):
        viewer.trainings.go_on(run, viewer.stops.get(run, ""))
    return training(viewer)


def pace(viewer: Playground, pace: float) -> dict:
    """Train so many epochs a second at most; 0 is as fast as it goes."""
    if pace not in PACES.values():
        raise ValueError(f"a pace is one of {', '.join(PACES)}")
    viewer.trainings.set_pace(pace)
    return training(viewer)


def upload(viewer: Playground, name: str, content: bytes) -> dict:
    """Take a reader's table; what there is to choose from then."""
    table = read_uploaded(name, content)
    viewer.take(table, name)
    return playground(viewer)


def run(viewer: Playground, run: int) -> dict:
    """As of any run; but one that was broken off can go on here: until then it is paused.

    One that has just gone on is running, though its file does not yet say so.
    """
    told = runs.run(viewer, run)
    if viewer.trainings.is_active and viewer.trainings.last["run"] == run:
        told["status"] = "running"
    elif told["status"] == "interrupted":
        told["status"] = "paused"
    return told


PLAY_ANSWERS: dict[str, Callable[..., Any]] = ANSWERS | {
    "playground": playground,
    "data": data,
    "build": build,
    "training": training,
    "pause": pause,
    "go_on": go_on,
    "pace": pace,
    "upload": upload,
    "run": run,
}
