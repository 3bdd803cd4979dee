"""Two moments, of one run or of two, side by side: what differs between them."""

from typing import Any

import numpy as np

from retrograd.estimators.rebuilding import parameters_of
from retrograd.faces.page.answers.network import picture
from retrograd.faces.page.answers.rows import (
    Rows,
    choose_rows,
    decide,
    losses_of,
    mean_loss,
    outputs_of,
    score_of,
    task_of,
    truth,
    weights_of,
)
from retrograd.faces.page.viewer import QuestionError, Viewer
from retrograd.rewind.comparing import first_divergence
from retrograd.rewind.header import DATA_PARTS
from retrograd.rewind.moment import Moment
from retrograd.rewind.run import Run
from retrograd.rewind.vocabulary import norm

# Rows that are listed.
LISTED = 40


def compare(
    viewer: Viewer, run: int, step: int, other: int, other_step: int, on: str, patient: bool
) -> dict:
    """Compare a moment with another one, on the same rows.

    Returns
    -------
    dict
        ``sides``, what there is to say of each, the moment's first; ``layers``, the difference
        of the moment's weights from the other's, pictures of shape (I, O), or None where the widths
        differ; ``parameters`` and ``rows`` that differ, the latter None where the data do.

    Raises
    ------
    QuestionError
        If a run has no such rows.
    """
    pair = viewer.moment(run, step), viewer.moment(other, other_step)
    networks = [moment.run.header.network for moment in pair]
    told: dict[str, Any] = {
        "parameters": _parameters(pair[0].run, pair[1].run),
        "layers": None,
        "rows": None,
        "comparable": networks[0].widths == networks[1].widths,
    }
    same_data = _same_data(pair[0].run, pair[1].run)
    rows = choose_rows(pair[0].run, on, patient)
    theirs = rows if same_data else choose_rows(pair[1].run, on, patient)
    outputs = [
        outputs_of(moment, some.data, some.numbers.size)
        for moment, some in zip(pair, (rows, theirs), strict=True)
    ]
    told["sides"] = [
        _side(viewer, moment, some, made)
        for moment, some, made in zip(pair, (rows, theirs), outputs, strict=True)
    ]
    told["same_data"], told["seen"], told["all"] = same_data, rows.numbers.size, rows.n_all
    if told["comparable"]:
        told["layers"] = [
            _layer(*arrays)
            for arrays in zip(
                pair[0].coefs, pair[1].coefs, pair[0].intercepts, pair[1].intercepts, strict=True
            )
        ]
    if same_data and outputs[0].shape == outputs[1].shape:
        told["rows"] = _rows(pair[0], rows, outputs)
    return told


def _side(viewer: Viewer, moment: Moment, rows: Rows, outputs: np.ndarray) -> dict:
    network, number = moment.run.header.network, moment.run.number
    weights = weights_of(rows)
    trace = moment.trace() if viewer.has_step(number, moment.step) else None
    return {
        "run": number,
        "step": moment.step,
        "epoch": moment.epoch,
        "batch_loss": trace.loss if trace else None,
        "learning_rate": trace.learning_rate if trace else None,
        "loss": mean_loss(losses_of(moment, rows, outputs), weights),
        "score": score_of(network, truth(network, rows.data), outputs, weights),
        "exact": moment.exact,
    }


def _layer(W: np.ndarray, W_other: np.ndarray, b: np.ndarray, b_other: np.ndarray) -> dict:
    """Difference of a layer's weights, and its norm beside that of the weights themselves."""
    difference = W - W_other
    return {
        "difference": picture(difference),
        "norm": float(norm(difference)),
        "of": float(norm(W_other)),
        "biases": float(norm(b - b_other)),
        "changed": int(np.count_nonzero(difference)),
    }


def _rows(moment: Moment, rows: Rows, outputs: list[np.ndarray]) -> dict:
    """Rows that are predicted otherwise, those first whose outputs moved most."""
    network = moment.run.header.network
    apart = np.abs(outputs[0].astype(float) - outputs[1]).max(axis=1)
    ours, theirs = (decide(network, made) for made in outputs)
    differ = apart > 0 if task_of(network) == "numbers" else ours != theirs
    differ = differ if differ.ndim == 1 else differ.any(axis=1)
    places = np.flatnonzero(differ)
    places = places[np.argsort(-apart[places], kind="stable")]
    shown = places[:LISTED]
    true = truth(network, rows.data)
    told = {"task": task_of(network), "count": places.size, "rows": rows.numbers[shown],
            "true": true[shown], "ours": ours[shown], "theirs": theirs[shown]}  # fmt: skip
    if told["task"] == "classes":
        told["gained"] = int(np.count_nonzero((ours == true) & (theirs != true)))
        told["lost"] = int(np.count_nonzero((ours != true) & (theirs == true)))
    return told


def _same_data(one: Run, other: Run) -> bool:
    """Whether two runs learn from the same rows, with the same targets, held out alike."""
    parts = (*DATA_PARTS, "train", "validation")
    ours, theirs = one.header.data, other.header.data
    return all(ours.get(part) == theirs.get(part) for part in parts)


def _parameters(one: Run, other: Run) -> list[dict]:
    """Parameters of the estimators that differ."""
    found = [parameters_of(run) for run in (one, other)]
    return [
        {"name": name, "ours": _plain(found[0].get(name)), "theirs": _plain(found[1].get(name))}
        for name in sorted({*found[0], *found[1]})
        if found[0].get(name) != found[1].get(name)
    ]


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def parting(viewer: Viewer, run: int, other: int) -> dict:
    """Find the first step after which two runs differ.

    Returns
    -------
    dict
        ``parted``: its ``step``, counted over the whole training, which is ``here`` in the run;
        ``parameter``, the first that differs, and its two ``values``. None if they never part.

    Raises
    ------
    QuestionError
        If they are the same run.
    ValueError
        If they are of different networks, or have no step in common.
    """
    if run == other:
        raise QuestionError("a run does not part from itself")
    ours = viewer.run(run)
    found = first_divergence(ours, viewer.run(other))
    if found is None:
        return {"parted": None}
    begin = ours.header.course["first_step"]
    return {
        "parted": {
            "step": found.step,
            "here": found.step - begin,
            "layer": found.layer,
            "unit": found.unit,
            "parameter": found.parameter,
            "values": list(found.values),
        }
    }
