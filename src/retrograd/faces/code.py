"""Code that makes a recorded training again, in scikit-learn's style."""

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

from retrograd.engine.notes import counted
from retrograd.estimators.editing import is_left_out
from retrograd.estimators.notebook_runs import is_notebooks
from retrograd.estimators.rebuilding import parameters_of
from retrograd.rewind.run import Run
from retrograd.rewind.store import RunFileError


def code_of(run: Run, runs: Any, source: str | None = None) -> str:
    """Write Python that makes a run's training; it runs as it is, and records itself.

    Parameters
    ----------
    run : Run
    runs : sequence of Run
        All of its file, among them those that it branches off.
    source : str, optional
        Lines of Python that make X and y.

    Returns
    -------
    str
        Without a source, where the file keeps the rows, the code reads them from there; otherwise
        it makes up some, of the same shape, and says so.
    """
    way = [run]
    while way[0].header.parent is not None:
        way.insert(0, runs[runs.numbers.index(way[0].header.parent[0])])
    notebooks = is_notebooks(run)
    lines = [f"# The training that is recorded as run {run.number} of {run.store.name!r}."]
    lines += [f"# {note}" for note in _notes(way)]
    data = _data(way[0], notebooks) if source is None else source.rstrip().split("\n")
    body = [*data, "", *(_notebooks if notebooks else _fit)(way[0])]
    body += _branches(way)
    return "\n".join([*lines, "", *_imports("\n".join(body)), "", *body]) + "\n"


def _notes(way: list[Run]) -> list[str]:
    """What the reader of the code has to know of the training."""
    run, notes = way[-1], []
    if run.status == "diverged":
        notes.append(f"It diverged ({run.note!r}), and will again: fit then raises or warns.")
    elif run.status != "ended":
        notes.append(
            f"The record was broken off after {counted(len(run), 'step')}; this goes on to the end."
        )
    return notes


def _imports(body: str) -> list[str]:
    """Import what the code mentions, and does not itself."""
    lines = []
    if "np." in body:
        lines.append("import numpy as np")
    if "pl." in body:
        lines.append("import polars as pl")
    if "csr_array(" in body:
        lines.append("from scipy.sparse import csr_array")
    lines = [line for line in lines if line not in body.split("\n")]
    names = ["MLP", "MLPClassifier", "MLPRegressor", "Recorder", "open_run"]
    used = [name for name in names if f"{name}(" in body]
    return [*lines, *([""] if lines else []), f"from retrograd import {', '.join(used)}"]


def _data(run: Run, notebooks: bool) -> list[str]:
    """Rows and targets: the record's own, or made up."""
    weighted = _is_weighted(run)
    if run.store.path is None or not run.header.data["kept"]:
        return _made_up(run, weighted)
    path = str(Path(run.store.path).absolute())
    lines = [
        "# The rows that it learned from, as its file keeps them.",
        f"run = open_run({path!r}, run={run.number})",
    ]
    X = "run.data.X"
    if run.data.row_starts.size:
        lines.append("parts = run.data.values, run.data.columns, run.data.row_starts")
        X = f"csr_array(parts, shape=({run.data.row_starts.size - 1}, {run.data.X.shape[1]}))"
    elif run.header.estimator.get("feature_names") and run.header.dtype == "float64":
        # Of a frame scikit-learn may make float64, whatever it holds.
        X = 'pl.DataFrame(run.data.X, schema=run.header.estimator["feature_names"])'
    y = "run.data.y.ravel()" if run.data.y.shape[1] == 1 else "run.data.y"
    if run.header.estimator["kind"] == "MLPClassifier":
        y = "run[0].estimator().classes_[run.data.y[:, 0].astype(int)]"
        if run.data.y.shape[1] > 1:
            y = "run.data.y.astype(int)"
    elif notebooks:
        y = "run.data.y.ravel().astype(int)"
    lines += [f"X = {X}", f"y = {y}"]
    return [*lines, "sample_weight = run.data.sample_weight"] if weighted else lines


def _is_weighted(run: Run) -> bool:
    """Whether the rows have weights; those that are not kept are taken to have none."""
    return bool(run.header.data["kept"]) and run.data.sample_weight.size > 0


def _made_up(run: Run, weighted: bool) -> list[str]:
    """Rows of the right shape, where the record's own cannot be read again."""
    network, n = run.header.network, run.header.course["n_rows"]
    n_in, n_out = network.widths[0], network.widths[-1]
    shape = f"{n}" if n_out == 1 else f"({n}, {n_out})"
    y = f"rng.poisson(1.0, {shape})" if network.loss == "poisson" else (
        f"rng.standard_normal({shape})"
    )  # fmt: skip
    if network.output == "softmax":
        y = f"np.arange({n}) % {n_out}"
    elif network.output == "logistic":
        y = f"np.arange({n}) % 2" if n_out == 1 else f"rng.integers(0, 2, {shape})"
    single = ".astype(np.float32)" if run.header.dtype == "float32" else ""
    lines = [
        "# The rows are in no file: put your own X and y in the place of these, which are noise.",
        "rng = np.random.default_rng(0)",
        f"X = rng.standard_normal(({n}, {n_in})){single}",
        f"y = {y}",
    ]
    return [*lines, f"sample_weight = np.ones({n})"] if weighted else lines


def _fit(run: Run) -> list[str]:
    """The estimator with what is not its default, and its fit."""
    model = run.at(0).estimator()
    lines, method = [], "fit"
    if run.header.course["first_step"] and run.store.path is not None:
        lines = ["# It went on from an earlier training, whose end is this run's beginning."]
        lines.append("model = run[0].estimator()")
        method = "fit" if model.warm_start else "partial_fit"
    else:
        if model.random_state is None:
            lines = [
                "# random_state was None, so that every training is another one. This very one",
                "# comes again, bit for bit, with open_run(…).branch(at=0).",
            ]
        lines.append(f"model = {type(model).__name__}(")
        lines += [f"    {name}={literal(value)}," for name, value in _chosen(model)]
        lines.append(")")
    weights = ", sample_weight" if _is_weighted(run) else ""
    lines += [
        f"recorder = Recorder({_again(run)!r})",
        f"model.set_callbacks(recorder).{method}(X, y{weights})",
        'print(f"score on these rows: {model.score(X, y):.4f}")',
    ]
    return lines


def _notebooks(run: Run) -> list[str]:
    """The notebook's class."""
    parameters = run.header.estimator["parameters"]
    chosen = ", ".join(
        f"{name}={literal(parameters[name])}" for name in ("hidden_units", "lr", "epochs")
    )
    return [
        "# Its draws come from NumPy's global generator: the seed that was set is in no record.",
        "np.random.seed(0)",
        f"model = MLP({chosen})",
        f"model.fit(X, y, Recorder({_again(run)!r}))",
        'print(f"share of these rows that it gets right: {(model.predict(X) == y).mean():.4f}")',
    ]


def _branches(way: list[Run]) -> list[str]:
    """From the first run by way of its branches to the last."""
    if len(way) == 1:
        return []
    lines = ["", "# From there it branched off."]
    lines.append(f"again = open_run({_again(way[0])!r}, run=1)")
    for parent, child in pairwise(way):
        before, after = parameters_of(parent), parameters_of(child)
        changes = [
            f", {name}={literal(value)}" for name, value in after.items()
            if literal(value) != literal(before.get(name))
        ]  # fmt: skip
        edit = child.header.estimator.get("edit") or {}
        if any(is_left_out(value) for value in edit.values()):
            lines.append(
                "# Of what was put in here the record has the shape only: put it in again."
            )
        if edit:
            pairs = (f"{literal(name)}: {literal(value)}" for name, value in edit.items())
            changes.append(f", edit={{{', '.join(pairs)}}}")
        assert child.header.parent is not None
        lines.append(f"again = again.branch(at={child.header.parent[1]}{''.join(changes)})")
    return [*lines, "model = again.estimator()"]


def _again(run: Run) -> str:
    """Name of the file that the code records to."""
    stem = Path(run.store.path).stem if run.store.path is not None else "training"
    return f"{stem}-again.retro"


def _chosen(model: Any) -> list[tuple[str, Any]]:
    """Parameters that differ from their defaults, in the order of the signature."""
    defaults = type(model)().get_params(deep=False)
    order = list(type(model).__init__.__annotations__)
    chosen = [
        (name, value) for name, value in model.get_params(deep=False).items()
        if literal(value) != literal(defaults[name])
    ]  # fmt: skip
    return sorted(chosen, key=lambda pair: order.index(pair[0]))


def literal(value: Any) -> str:
    """Write a parameter as code.

    Examples
    --------
    >>> literal((8, 4)), literal("tanh"), literal(float("inf"))
    ('(8, 4)', '"tanh"', 'float("inf")')
    """
    if isinstance(value, str) and value.isprintable() and '"' not in value and "\\" not in value:
        return f'"{value}"'
    if isinstance(value, float) and math.isinf(value):
        return 'float("inf")' if value > 0 else 'float("-inf")'
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))}{',' if len(value) == 1 else ''})"
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)
    raise RunFileError(f"{value!r} cannot be written as code")
