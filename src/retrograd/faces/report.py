"""The one document of a training: plain data, from which the terminal and JSON are drawn."""

from dataclasses import asdict

import numpy as np

from retrograd.faces.advice import advise
from retrograd.faces.experiment import (
    VALIDATION_SHARE,
    Experiment,
    Fitted,
    Options,
)
from retrograd.faces.scoring import confusion, residuals, score_all
from retrograd.tables.columns import (
    BooleanColumn,
    CategoryColumn,
    IgnoredColumn,
    NumberColumn,
    as_numbers,
)
from retrograd.tables.encoder import TableEncoder
from retrograd.tables.errors import shortened, told_apart
from retrograd.tables.frames import plain_columns
from retrograd.tables.learning import Column
from retrograd.tables.plain import Plain, is_missing
from retrograd.tables.reading import Table
from retrograd.tables.task import Problem

REPORT_VERSION = 1


def report_table(
    name: str, table: Table, experiment: Experiment, network, options: Options
) -> dict:
    """Report what is known before the training.

    Parameters
    ----------
    name : str
        The table's file name.
    table : Table
        As it was read.
    experiment : Experiment
    network : MLPClassifier or MLPRegressor
        Not yet trained.
    options : Options

    Returns
    -------
    dict
    """
    problem = experiment.problem
    rows = {
        "table": len(problem.y),
        "train": len(experiment.train),
        "validation": 0,
        "test": len(experiment.test),
    }
    if network.early_stopping:
        # As train_test_split rounds it.
        rows["validation"] = int(np.ceil(VALIDATION_SHARE * rows["train"]))
        rows["train"] -= rows["validation"]
    return {
        "report": REPORT_VERSION,
        "file": name,
        "target": {"name": problem.target, **_describe_target(experiment)},
        "task": problem.task,
        "task_reason": problem.reason,
        "columns": describe_columns(problem, experiment.encoder),
        "features": len(experiment.encoder.get_feature_names_out()),
        "customs": dict(table.customs),
        "rows": rows,
        "notes": [*table.notes, *problem.notes, *experiment.notes, *_unused(options)],
        "options": {
            **asdict(options),
            "hidden": list(options.hidden),
            "lr": network.learning_rate_init,
            "batch": network.batch_size,
        },
    }


def _unused(options: Options) -> list[str]:
    """Tell of options that L-BFGS, which has no steps and no batches, does not look at."""
    given = [f"--{name}" for name in ("lr", "batch") if getattr(options, name) is not None]
    if options.solver != "lbfgs" or not given:
        return []
    return [f"no effect with --solver lbfgs: {', '.join(given)}"]


def describe_columns(problem: Problem, encoder: TableEncoder) -> list[dict]:
    """Say of every column what it is and what it holds.

    Returns
    -------
    list of dict
        ``name``, ``kind``, ``missing`` (rows), ``holds`` (text).
    """
    found = plain_columns(problem.features)
    return [
        {
            "name": column.name,
            "kind": column.kind,
            "missing": int(is_missing(found[column.name].values).sum()),
            "holds": _holds(column, found[column.name]),
        }
        for column in encoder.columns_
    ]


def _holds(column: Column, found: Plain) -> str:
    """Say what one column holds."""
    if isinstance(column, IgnoredColumn):
        return f"left out: {column.reason}"
    if isinstance(column, CategoryColumn):
        shown = ", ".join(map(shortened, column.categories[:4]))
        rest = len(column.categories) + len(column.rare) - 4
        return f"{shown}, {rest} more" if rest > 0 else shown
    if isinstance(column, NumberColumn):
        values = as_numbers(column.name, found, kind=column.kind)
        low, middle, high = told_apart(*np.nanquantile(values, [0, 0.5, 1]).tolist())
        return f"{low} to {high}, median {middle}"
    present = found.values[~is_missing(found.values)]
    if isinstance(column, BooleanColumn):
        return f"true in {100 * present.mean():.0f} %"
    ends, units = np.array([present.min(), present.max()]), ("M8[D]", "M8[s]", "M8[us]")
    first, last = next(told for unit in units if ((told := ends.astype(unit)) == ends).all())
    return f"{first} to {last}"


def _describe_target(experiment: Experiment) -> dict:
    """Say what the target holds: rows of each class, or the range."""
    y = experiment.problem.y
    if experiment.problem.task == "classification":
        labels, counts = np.unique(y, return_counts=True)
        return {"classes": {str(k): int(n) for k, n in zip(labels, counts, strict=True)}}
    return {"min": float(y.min()), "median": float(np.median(y)), "max": float(y.max())}


def report_results(report: dict, experiment: Experiment, fitted: Fitted) -> dict:
    """Add what came of the training.

    Returns
    -------
    dict
        ``report`` with ``network``, ``training``, ``scores``, ``confusion`` or ``residuals``, and
        ``next``.
    """
    network = fitted.network
    widths = [len(network.coefs_[0]), *(len(biases) for biases in network.intercepts_)]
    scores, notes = score_all(experiment, fitted)
    validation = getattr(network, "validation_scores_", None) or []
    best = int(np.nanargmax(validation)) if validation else None
    report = report | {
        "network": {
            "widths": widths,
            "activation": network.activation,
            "output": network.out_activation_,
            "parameters": sum(array.size for array in (*network.coefs_, *network.intercepts_)),
        },
        "training": {
            "epochs": int(network.n_iter_),
            "ended": fitted.ended,
            "loss": float(network.loss_),
            "best_validation_score": None if best is None else float(validation[best]),
            "best_epoch": None if best is None else best + 1,
            "seconds": fitted.seconds,
            "seconds_of_compiling": fitted.compiling,
            "notes": fitted.notes + notes,
        },
        "scores": scores,
    }
    if experiment.problem.task == "classification":
        report["confusion"] = confusion(experiment, fitted)
    else:
        report["residuals"] = residuals(experiment, fitted)
    report["next"] = advise(report)
    return report


def training_facts(report: dict) -> dict:
    """Choose what a model file remembers: no timings, so that equal trainings give equal files.

    Returns
    -------
    dict
    """
    timed = "seconds", "seconds_of_compiling"
    training = {key: value for key, value in report["training"].items() if key not in timed}
    return facts_of_table(report) | {"scores": report["scores"], "training": training}


def facts_of_table(report: dict) -> dict:
    """Choose what a model file remembers that is known before the training.

    Returns
    -------
    dict
    """
    kept = ("file", "target", "task", "rows", "columns", "customs", "options")
    return {key: report[key] for key in kept}
