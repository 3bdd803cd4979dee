"""The outcome: what the network of a moment predicts, and how well."""

from collections.abc import Callable
from typing import Any

import numpy as np

from retrograd.faces.page.answers.rows import (
    Rows,
    choose_rows,
    decide,
    features_of,
    few,
    losses_of,
    mean_loss,
    outputs_of,
    probabilities,
    score_of,
    task_of,
    truth,
    weights_of,
)
from retrograd.faces.page.answers.runs import MOST_CLASSES, image_shape
from retrograd.faces.page.answers.surface import surface_of
from retrograd.faces.page.viewer import QuestionError, Viewer
from retrograd.rewind.moment import Moment

# Rows that are listed, drawn in a scatter plot; bins of a reliability curve.
LISTED, OF_CELL, DRAWN, BINS = 12, 60, 1500, 10


def outcome(
    viewer: Viewer, run: int, step: int, on: str, tab: str, f0: int, f1: int, target: int,
    patient: bool,
) -> dict:  # fmt: skip
    """Predict the training or validation rows, and tell of it what one tab shows.

    Returns
    -------
    dict
        ``loss``, the mean of the rows' own, without the penalty, and ``score``, over ``seen`` of
        ``all`` rows, ``weighted`` or each counting once; and what the tab shows, under its name.

    Raises
    ------
    QuestionError
        If there is no such tab, or not for such a network; or if the run has no such rows.
    """
    if tab not in TABS:
        raise QuestionError(f"the outcome has no part {tab!r}")
    moment = viewer.moment(run, step)
    network = moment.run.header.network
    rows = choose_rows(moment.run, on, patient)
    outputs = outputs_of(moment, rows.data, rows.numbers.size)
    losses = losses_of(moment, rows, outputs)
    true, weights = truth(network, rows.data), weights_of(rows)
    view = Outcome(moment, rows, outputs, losses, true, f0, f1, target)
    return {
        "run": run,
        "step": step,
        "on": on,
        "tab": tab,
        "task": task_of(network),
        "loss": mean_loss(losses, weights),
        "score": score_of(network, true, outputs, weights),
        "weighted": weights is not None,
        "seen": rows.numbers.size,
        "all": rows.n_all,
        tab: TABS[tab](view),
    }


class Outcome:
    """A moment's predictions, and what of them the reader has chosen to see."""

    def __init__(
        self, moment: Moment, rows: Rows, outputs: np.ndarray, losses: np.ndarray,
        true: np.ndarray, f0: int = 0, f1: int = 1, target: int = 0,
    ) -> None:  # fmt: skip
        self.moment, self.rows, self.outputs, self.losses = moment, rows, outputs, losses
        self.true, self.f0, self.f1, self.target = true, f0, f1, target
        self.network = moment.run.header.network
        self.task = task_of(self.network)

    def needs(self, task: str, what: str) -> None:
        """Refuse what such a network has not."""
        if self.task != task:
            raise QuestionError(f"there is no {what} for a network that predicts {self.task}")

    def needs_target(self) -> None:
        """Refuse a target that there is not."""
        n_targets = self.outputs.shape[1]
        if not 0 <= self.target < n_targets:
            raise QuestionError(f"the targets are 0 to {n_targets - 1}")


def _surface(view: Outcome) -> dict:
    if view.task == "numbers":
        view.needs_target()
    return surface_of(view.moment, view.rows, view.outputs, view.f0, view.f1, view.target)


def _confusion(view: Outcome) -> dict:
    """Count the rows of each class that were taken for each, whatever they weigh."""
    view.needs("classes", "confusion matrix")
    n = probabilities(view.network, view.outputs[:1]).shape[1]
    if n > MOST_CLASSES:
        raise QuestionError(f"a confusion matrix of {n} classes would have no room")
    taken = decide(view.network, view.outputs)
    counts = np.bincount(view.true * n + taken, minlength=n * n).reshape(n, n)
    return {"counts": counts}


def _residuals(view: Outcome) -> dict:
    """Set what was predicted against what is true, for one target."""
    view.needs("numbers", "residual")
    view.needs_target()
    drawn = few(view.rows.numbers.size, DRAWN)
    return {
        "target": view.target,
        "targets": view.outputs.shape[1],
        "rows": view.rows.numbers[drawn],
        "true": view.true[drawn, view.target],
        "predicted": view.outputs[drawn, view.target],
    }


def _calibration(view: Outcome) -> dict:
    """Set how sure the network was against how often it was right, rows counting by their weights.

    Of two classes it is the second one's probability, of several labels any one's; of more
    classes, that of the one predicted.
    """
    if view.task == "numbers":
        raise QuestionError("there is no calibration for a network that predicts numbers")
    if view.network.output == "softmax":
        sure = view.outputs.max(axis=1)
        right = decide(view.network, view.outputs) == view.true
    else:
        sure, right = view.outputs.ravel(), view.true.ravel() == 1
    weights = weights_of(view.rows)
    if weights is None:
        weights = np.ones(len(view.true))
    weights = np.repeat(weights, sure.size // weights.size)
    counting = np.isfinite(sure) & (weights > 0)
    sure, right, weights = sure[counting].astype(float), right[counting], weights[counting]
    which = np.minimum((sure * BINS).astype(int), BINS - 1)
    counts = np.bincount(which, minlength=BINS)
    filled = np.flatnonzero(counts)
    sums = np.bincount(which, weights, BINS)[filled]
    return {
        "counts": counts[filled],
        "sure": np.bincount(which, sure * weights, BINS)[filled] / sums,
        "right": np.bincount(which, right * weights, BINS)[filled] / sums,
    }


def _worst(view: Outcome) -> dict:
    """List the rows of the largest loss."""
    return listed(view, _worst_first(view.losses)[:LISTED])


def _worst_first(losses: np.ndarray) -> np.ndarray:
    """Order of losses from the largest one down; NaN is as bad as infinity."""
    ranked = np.where(np.isnan(losses), np.inf, losses)
    return np.argsort(-ranked, kind="stable")


def listed(view: Outcome, places: np.ndarray) -> dict:
    """Tell of some rows, by their places among those chosen, all that a list shows."""
    numbers = view.rows.numbers[places]
    outputs = view.outputs[places]
    told: dict[str, Any] = {
        "rows": numbers,
        "true": view.true[places],
        "predicted": decide(view.network, outputs),
        "loss": view.losses[places],
    }
    if view.task == "classes":
        given = probabilities(view.network, outputs)
        told["probability"] = given[np.arange(len(places)), view.true[places]]
    if image_shape(view.moment.run):
        told["images"] = features_of(view.moment.run, numbers)
    return told


def confused(
    viewer: Viewer, run: int, step: int, on: str, true: int, predicted: int, patient: bool
) -> dict:
    """List rows of one class that were taken for another, the worst first.

    Returns
    -------
    dict
        ``cell``, the two classes; ``count``, of how many rows; and of the first of them ``rows``,
        their numbers, ``true``, ``predicted``, ``loss`` and ``probability`` (of the true class),
        each of shape (B,), with ``images`` of shape (B, I) if they are some.

    Raises
    ------
    QuestionError
        If the network predicts no classes, or the run has no such rows.
    """
    moment = viewer.moment(run, step)
    network = moment.run.header.network
    rows = choose_rows(moment.run, on, patient)
    outputs = outputs_of(moment, rows.data, rows.numbers.size)
    losses, is_true = losses_of(moment, rows, outputs), truth(network, rows.data)
    view = Outcome(moment, rows, outputs, losses, is_true)
    view.needs("classes", "confusion matrix")
    places = np.flatnonzero((is_true == true) & (decide(network, outputs) == predicted))
    places = places[_worst_first(losses[places])]
    cell = {"cell": [true, predicted], "count": places.size}
    return cell | listed(view, places[:OF_CELL])


TABS: dict[str, Callable[[Outcome], dict]] = {
    "surface": _surface,
    "confusion": _confusion,
    "residuals": _residuals,
    "calibration": _calibration,
    "worst": _worst,
}
