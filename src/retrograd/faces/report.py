"""The one document of a training: plain data, from which the terminal and JSON are drawn."""

from dataclasses import asdict

import numpy as np

from retrograd.faces.advice import advise
from retrograd.faces.experiment import (
    VALIDATION_SHARE,
    Experiment,
    Fitted,
    Options,
    describe_columns,
)
from retrograd.faces.scoring import confusion, residuals, score_all

REPORT_VERSION = 1


def report_table(
    name: str, notes: list[str], experiment: Experiment, network, options: Options
) -> dict:
    """Report what is known before the training.

    Parameters
    ----------
    name : str
        The table's file name.
    notes : list of str
        What was noticed while reading it.
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
        "columns": describe_columns(problem.features, experiment.encoder),
        "features": len(experiment.encoder.get_feature_names_out()),
        "rows": rows,
        "notes": [*notes, *problem.notes, *experiment.notes],
        "options": {
            **asdict(options),
            "hidden": list(options.hidden),
            "lr": network.learning_rate_init,
            "batch": network.batch_size,
        },
    }


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
    validation = getattr(network, "validation_scores_", None)
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
    kept = ("file", "target", "task", "rows", "columns", "options", "scores")
    facts = {key: report[key] for key in kept}
    facts["training"] = {
        key: value for key, value in report["training"].items() if key != "seconds"
    }
    return facts
