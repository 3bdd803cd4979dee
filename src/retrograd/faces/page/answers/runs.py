"""Which runs there are, and what one of them is a run of."""

from typing import Any

import numpy as np

from retrograd.engine.network import Network
from retrograd.estimators.notebook_runs import is_notebooks
from retrograd.estimators.rebuilding import parameters_of
from retrograd.estimators.regressor import AIM_AT_THE_MEAN
from retrograd.faces.page.answers.rows import task_of
from retrograd.faces.page.viewer import Viewer
from retrograd.faces.runs import describe_runs, doubt_of
from retrograd.faces.table_runs import numbering_of
from retrograd.rewind.run import Run
from retrograd.rewind.store import RunFileError
from retrograd.rewind.syntax import MAX_CHARACTERS

# Classes that a confusion matrix has room for.
MOST_CLASSES = 40


def runs(viewer: Viewer) -> dict:
    """List the runs of the file.

    Returns
    -------
    dict
        ``name`` of the file, and whether there is one (``filed``); ``runs``, each as
        ``describe_runs`` has it, and of those that are not damaged ``data`` and ``changed``: what
        they were ``trained_on``, and ``changes``.
    """
    viewer.look_again()
    described = describe_runs(viewer.runs)
    for told in described:
        if "steps" in told:
            found = viewer.run(told["run"])
            told |= {"data": trained_on(found), "changed": changes(viewer, found)}
    store = viewer.runs.store
    return {"name": store.name, "filed": store.path is not None, "runs": described}


def trained_on(run: Run) -> dict | None:
    """What a playground's run says of its data; None if it says nothing, or is no playground's.

    Returns
    -------
    dict or None
        ``title``, and as far as the data have these, ``rows``, ``noise`` and ``data_seed``, or
        ``target``.
    """
    told = run.facts.get("playground")
    if not isinstance(told, dict) or not isinstance(told.get("title"), str):
        return None
    return {
        name: told[name]
        for name in ("title", "rows", "noise", "data_seed", "target")
        if isinstance(told.get(name), str | int | float)
    }


def changes(viewer: Viewer, run: Run) -> list[dict[str, str]]:
    """What a branch has otherwise than its parent, in words.

    Returns
    -------
    list of dict
        Of a parameter its ``name``, and what it ``was`` and ``is``; of a weight, a bias or a target
        only what it ``is``.
    """
    if run.header.parent is None:
        return []
    try:
        there = parameters_of(viewer.run(run.header.parent[0]))
    except RunFileError:  # of a damaged parent nothing is known
        there = None
    here = parameters_of(run)
    told = [
        {"name": name, "was": _words(there.get(name)), "is": _words(value)}
        for name, value in here.items()
        if there is not None and value != there.get(name)
    ]
    edit = run.header.estimator.get("edit", {})
    return told + [{"name": text, "is": _words(value)} for text, value in edit.items()]


def _words(value: Any) -> str:
    """Write a parameter's value; a tuple as a list."""
    return ", ".join(map(_words, value)) if isinstance(value, list | tuple) else str(value)


def n_runs(viewer: Viewer) -> dict:
    """Count the ``runs`` of the file: others may be begun while it is looked at."""
    return {"runs": viewer.runs.store.n_runs()}


def run(viewer: Viewer, run: int) -> dict:
    """Say what a run is a run of, and how far it has come; it may be growing.

    Returns
    -------
    dict
        Of lists, ``widths`` has L + 1 entries, ``activations`` L, the last one the output's,
        ``features`` I of the first layer, ``branches`` a ``run`` and ``step`` each; ``parent`` is
        (run, step) or None; ``task`` is as ``task_of`` has it; ``most``, how many ``classes`` a
        confusion matrix has and how many ``characters`` a condition, at most; ``doubt`` says what
        speaks against its running, if it does; ``data`` says whether they are at hand, and if they
        are not ``held`` at which steps the network is known all the same; ``scored_by`` is what a
        validation score is; ``has_model`` says whether a model file can hold the network (the
        notebook's class has none); ``numbering`` says how rows and targets are to be read, where
        that is not plain.
    """
    found = viewer.run(run).refresh()
    header = found.header
    network = header.network
    return {
        "run": run,
        "steps": len(found),
        "status": found.status,
        "note": found.note,
        "doubt": doubt_of(found),
        "parent": header.parent,
        "branches": branches_of(viewer, run),
        "widths": list(network.widths),
        "activations": [*network.activations, network.output],
        "task": task_of(network),
        "most": {"classes": MOST_CLASSES, "characters": MAX_CHARACTERS},
        "solver": header.optimizer.solver,
        "dtype": header.dtype,
        "n_parameters": network.n_parameters,
        "n_rows": header.course["n_rows"],
        "first_step": header.course["first_step"],
        "epochs": found.n_epochs,
        "best_epoch": _best(found),
        "scored_by": _scored_by(network),
        "features": feature_names(found),
        "classes": class_names(found),
        "image": image_shape(found),
        "data": found.has_data,
        "held": None if found.has_data else found.store.steps_of(run),
        "validation": "validation" in header.data,
        "has_model": not is_notebooks(found),
        "numbering": numbering_of(found.facts),
    }


def branches_of(viewer: Viewer, run: int) -> list[dict]:
    """Runs that branch off a run, and where."""
    found = []
    for number in viewer.runs.numbers:
        try:
            parent = viewer.run(number).header.parent
        except RunFileError:  # a damaged one is none to go to
            continue
        if parent is not None and parent[0] == run:
            found.append({"run": number, "step": parent[1]})
    return found


def _best(run: Run) -> dict | None:
    """Epoch of the best score, or where there is none of the smallest loss, and where it ends."""
    if not run.epochs:
        return None
    losses, scores = run.curves[:, 1], run.curves[:, 2]
    by_score = not np.isnan(scores).all()
    finite = np.where(np.isfinite(losses), losses, np.inf)
    best = int(np.nanargmax(scores) if by_score else np.argmin(finite))
    by = "validation score" if by_score else "loss"
    return {"epoch": best, "step": run.epochs[best].step, "by": by}


def _scored_by(network: Network) -> str:
    """What a training's validation score is: not R², as ``score`` is, where that would mislead."""
    if network.loss == "log_loss":
        return "accuracy"
    return "R²" if network.loss in AIM_AT_THE_MEAN else "D²"


def feature_names(run: Run) -> list[str]:
    """Names of the features; x0, x1 … if they have none."""
    return _given_names(run) or [f"x{k}" for k in range(run.header.network.widths[0])]


def _given_names(run: Run) -> list[str] | None:
    """Names of the features, from the estimator or the table that it was trained on."""
    table = run.facts.get("table")
    names = run.header.estimator.get("feature_names")
    if names is None and isinstance(table, dict):
        names = table.get("features")
    if isinstance(names, list) and len(names) == run.header.network.widths[0]:
        return [str(name) for name in names]
    return None


def class_names(run: Run) -> list[str] | None:
    """Names of the classes; None for a regression."""
    if run.header.estimator.get("kind") != "MLPClassifier":
        return ["0", "1"] if run.header.network.output == "logistic" else None
    classes = run.header.estimator.get("classes")
    labels = classes.get("labels") if isinstance(classes, dict) else None
    if isinstance(labels, list) and all(isinstance(label, str | int) for label in labels):
        return [str(label) for label in labels]  # without scikit-learn, which takes a second
    return [str(name) for name in run.at(0).estimator().classes_]


def image_shape(run: Run) -> list[int] | None:
    """Height and width, if the features without names are as many as a square image has pixels."""
    n_in = run.header.network.widths[0]
    side = int(np.sqrt(n_in))
    is_square = side * side == n_in and side >= 4
    return [side, side] if is_square and _given_names(run) is None else None
