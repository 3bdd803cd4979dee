"""The timeline: losses, score, gradient norm and learning rate over all steps, in so many bins."""

from typing import Any

import numpy as np

from retrograd.faces.page.answers.replayed import is_more, points_at_hand, replay_more
from retrograd.faces.page.viewer import Viewer, apart
from retrograd.rewind.run import Run

MOST_BINS = 4096


@apart
def timeline(viewer: Viewer, run: int, begin: int, end: int, bins: int, patient: bool) -> dict:
    """Draw the curves of steps from ``begin`` to before ``end``.

    Who is patient waits for a slice of replay, by which more points of some curves are had.

    Returns
    -------
    dict
        Of ``loss`` and others, each with ``steps``, ``low``, ``high`` and ``mean``, of shape (as
        many bins as have a value,), and ``broken``, steps that are not finite; of ``epochs``, the
        steps at which they end; and ``more``, whether who is patient will see more.
    """
    if patient:
        replay_more(viewer, run)
    with viewer.lock:
        return _curves(viewer, run, begin, end, bins)


def _curves(viewer: Viewer, run: int, begin: int, end: int, bins: int) -> dict:
    found, bins = viewer.run(run), max(1, min(bins, MOST_BINS))
    asked = {"begin": begin, "end": end}
    begin, end = (int(max(0, min(step, len(found)))) for step in (begin, end))
    steps, losses = found.losses
    ends, epoch_losses, scores, rates = found.curves.T
    ends = ends.astype(np.int64)
    scored = slice(None) if "validation" in found.header.data else slice(0)
    among = ends[(ends >= begin) & (ends <= end)]

    def curve(steps: np.ndarray, values: np.ndarray) -> dict:
        return binned(steps, values, begin, end, bins)

    norms, validation = points_at_hand(viewer, run)
    norms |= dict(zip(*(part.tolist() for part in gradient_norms(found)), strict=True))
    return asked | {
        "loss": curve(steps, losses),
        "epoch_loss": curve(ends, epoch_losses),
        "validation_loss": curve(*_in_order(validation)),
        "score": curve(ends[scored], scores[scored]),
        "learning_rate": curve(ends, rates),
        "gradient_norm": curve(*_in_order(norms)),
        "epochs": among if among.size <= bins else among[:0],
        "more": is_more(viewer, run),
    }


def _in_order(points: dict[int, float]) -> tuple[np.ndarray, np.ndarray]:
    steps = sorted(points)
    return np.array(steps, np.int64), np.array([points[step] for step in steps], float)


def gradient_norms(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Norms of the gradient that the record has, and the steps that they are of."""
    found = run.store.rows("losses", "run = ?", run.number, order="step")
    kept = [(row[1] + row[3] - 1, row[5]) for row in found if row[5] is not None]
    steps, norms = zip(*kept, strict=True) if kept else ((), ())
    return np.array(steps, np.int64), np.array(norms, float)


def binned(steps: np.ndarray, values: np.ndarray, begin: int, end: int, bins: int) -> dict:
    """Put values into bins of steps: the lowest, the highest and the mean of each that has any.

    The steps are in their order. Those whose value is not finite are left out, and told as
    ``broken``.

    Examples
    --------
    >>> found = binned(np.arange(4), np.array([1.0, 3.0, 2.0, np.nan]), 0, 3, 2)
    >>> found["mean"], found["high"], found["broken"]
    (array([2., 2.]), array([3., 2.]), array([3]))
    """
    inside = slice(np.searchsorted(steps, begin), np.searchsorted(steps, end, side="right"))
    steps, values = steps[inside], values[inside]
    finite = np.isfinite(values)
    broken = steps[~finite][:MOST_BINS]
    if broken.size:
        steps, values = steps[finite], values[finite]
    if steps.size <= bins:
        return {"steps": steps, "low": values, "high": values, "mean": values, "broken": broken}
    which = (steps - begin) * bins // max(1, end - begin + 1)
    starts = np.flatnonzero(np.diff(which, prepend=-1))
    counts = np.diff(np.append(starts, steps.size))
    return {
        "steps": steps[starts],
        "low": np.minimum.reduceat(values, starts),
        "high": np.maximum.reduceat(values, starts),
        "mean": np.add.reduceat(values, starts) / counts,
        "broken": broken,
    }


def losses(viewer: Viewer, run: int, step: int) -> dict:
    """Tell of one step its exact loss, by replay; and of the last epoch before it the score.

    Returns
    -------
    dict
        ``epoch`` of the step, ``loss``, None at the run's end; ``score`` and the epoch that it is
        of, ``scored``, both None before the first.
    """
    found = viewer.run(run)
    moment = found.at(step)
    told: dict[str, Any] = {"epoch": moment.epoch, "loss": None, "score": None, "scored": None}
    if viewer.has_step(run, step):
        for _, values, _ in found.replay.stretches(step, step + 1):
            told["loss"] = float(values[0])
    n_over = int(np.searchsorted(found.curves[:, 0], step, side="right"))
    if n_over:
        last = found.epochs[n_over - 1]
        told |= {"score": last.score, "scored": None if last.score is None else last.epoch}
    return told
