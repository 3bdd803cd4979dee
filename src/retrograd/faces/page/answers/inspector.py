"""What is selected: a unit, a link, or a row and its way through the network."""

from typing import Any

import numpy as np
import scipy.sparse

from retrograd.engine.batches import rows_of
from retrograd.engine.prediction import Predictor
from retrograd.faces.page.answers.network import units_of
from retrograd.faces.page.answers.rows import (
    choose_rows,
    decide,
    few,
    probabilities,
    task_of,
    truth,
)
from retrograd.faces.page.answers.surface import grid_of
from retrograd.faces.page.viewer import Viewer
from retrograd.rewind.moment import Moment
from retrograd.rewind.run import Run
from retrograd.rewind.trace import LayerTrace, Trace, trace_step

# Links of a unit that are listed; rows, features and units that are sent.
LISTED, MOST_ROWS, MOST_FEATURES, MOST_UNITS = 8, 2000, 4096, 4096
# Moments of a history, and multiplications that a replay for it may take.
MOMENTS, REPLAY_WORK = 240, 1 << 34


def unit(viewer: Viewer, run: int, step: int, layer: int, unit: int, f0: int, f1: int) -> dict:
    """Tell of a unit: its bias, how it fares on a batch, its largest links, what it responds to.

    Returns
    -------
    dict
        ``over`` says whose ``a``, of shape (B,), it is: 'batch', the next step's rows, which have
        ``z``, too; or, at the end, the 'training' rows. ``incoming`` has the largest of I weights,
        ``outgoing`` those of the next layer's O. ``response`` is a over a grid of features f0 and
        f1, of shape (side, side).

    Raises
    ------
    IndexError
        If there is no such unit.
    QuestionError
        If f0 and f1 are not two of the features.
    """
    moment = viewer.moment(run, step)
    W, b = _layer(moment, layer, unit)
    told: dict[str, Any] = {
        "run": run, "step": step, "layer": layer, "unit": unit,
        "bias": b[unit : unit + 1],
        "incoming": _largest(W[:, unit]),
        "outgoing": _largest(moment.coefs[layer + 1][unit]) if layer + 1 < len(moment.coefs)
        else None,
        "response": _response(moment, layer, unit, f0, f1),
    }  # fmt: skip
    if not viewer.has_step(run, step):
        rows = choose_rows(moment.run, "training", False)
        predictor = Predictor(moment.run.header.network, moment.theta)
        a = predictor.activations(rows.data, rows.numbers.size, layer)[:, unit]
        return told | {"over": "training", "n_rows": a.size, "a": a[few(a.size, MOST_ROWS)]}
    trace = moment.trace()
    part = trace.layers[layer]
    drawn = few(trace.rows.size, MOST_ROWS)
    states = units_of(part, is_output=layer + 1 == len(moment.coefs))
    return told | {
        "over": "batch",
        "n_rows": trace.rows.size,
        "rows": trace.rows[drawn],
        "z": part.z[drawn, unit],
        "a": part.a[drawn, unit],
        "gradient": part.db[unit : unit + 1],
        "update": part.b_update[unit : unit + 1],
        "dead": bool(states["dead"][unit]) and layer + 1 < len(moment.coefs),
        "saturated": "saturated" in states and bool(states["saturated"][unit]),
    }


def _layer(moment: Moment, layer: int, unit: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights and biases of a layer that has such a unit."""
    n = len(moment.coefs)
    if not 0 <= layer < n:
        raise IndexError(f"the layers are 0 to {n - 1}")
    W, b = moment.coefs[layer], moment.intercepts[layer]
    if not 0 <= unit < b.size:
        raise IndexError(f"layer {layer} has units 0 to {b.size - 1}")
    return W, b


def _largest(weights: np.ndarray) -> dict:
    """Largest links of all, and all where a picture can be made of them."""
    order = np.argsort(-np.abs(weights), kind="stable")[:LISTED]
    told = {"of": order, "weights": weights[order], "count": weights.size}
    if weights.size <= MOST_FEATURES:
        told["all"] = weights
    return told


def _response(moment: Moment, layer: int, unit: int, f0: int, f1: int) -> dict | None:
    """Give a unit's a over a grid; None where there are no two features."""
    if moment.run.header.network.widths[0] < 2:
        return None
    grid = grid_of(moment.run, f0, f1)
    predictor = Predictor(moment.run.header.network, moment.theta)
    a = predictor.activations(grid.data, grid.side**2, layer)[:, unit]
    return {**grid.facts(), "values": a.reshape(grid.side, grid.side)}


def link(viewer: Viewer, run: int, step: int, layer: int, i: int, o: int) -> dict:
    """Tell of a weight: its value, and what the coming step does to it.

    Returns
    -------
    dict
        ``weight``, ``last``, what the step before changed, and ``gradient``, ``decay`` (AdamW's),
        ``update`` and ``after`` of the coming one, each of shape (1,) and there if the step is;
        ``rank`` of its magnitude among the ``count`` of the layer, from 0.

    Raises
    ------
    IndexError
        If there is no such weight.
    """
    moment = viewer.moment(run, step)
    W, _ = _layer(moment, layer, o)
    if not 0 <= i < len(W):
        raise IndexError(f"layer {layer} has inputs 0 to {len(W) - 1}")
    told: dict[str, Any] = {
        "run": run, "step": step, "layer": layer, "i": i, "o": o,
        "weight": W[i, o : o + 1],
        "rank": int(np.count_nonzero(np.abs(W) > abs(W[i, o]))),
        "count": W.size,
    }  # fmt: skip
    if step:
        before = viewer.moment(run, step - 1).coefs[layer][i, o]
        told["last"] = np.asarray(W[i, o] - before).reshape(1)
    if viewer.has_step(run, step):
        part = moment.trace().layers[layer]
        told |= {
            "gradient": part.dW[i, o : o + 1],
            "update": part.W_update[i, o : o + 1],
            "after": part.W_after[i, o : o + 1],
        }
        if moment.run.header.optimizer.solver == "adamw":
            told["decay"] = part.W_decayed[i, o : o + 1] - W[i, o : o + 1]
    return told


def history(viewer: Viewer, run: int, layer: int, i: int, o: int) -> dict:
    """Tell a weight's values over the run, or a bias's if i is -1.

    They are found by replay, or where that would take long, at the checkpoints only.

    Returns
    -------
    dict
        ``name``, ``steps`` and ``values``, both of shape (S,); ``of``, 'replay' or 'checkpoints'.

    Raises
    ------
    IndexError
        If there is no such parameter.
    """
    found = viewer.run(run)
    W, _ = _layer(viewer.moment(run, 0), layer, o)
    if not -1 <= i < len(W):
        raise IndexError(f"layer {layer} has inputs 0 to {len(W) - 1}")
    name = f"coefs[{layer}][{i}, {o}]" if i >= 0 else f"intercepts[{layer}][{o}]"
    work = 3 * found.header.network.n_parameters * found.header.course["batch_size"] + (1 << 16)
    if len(found) * work <= REPLAY_WORK:
        every = max(1, len(found) // MOMENTS)
        series = found.watch(name, every=every)
        return {"name": name, "of": "replay", "every": every,
                "steps": series.steps, "values": series.values}  # fmt: skip
    steps = found.store.steps_of(run)
    kept = [steps[k] for k in few(len(steps), 24)]
    part = found.header.network.weights if i >= 0 else found.header.network.biases
    place = (i, o) if i >= 0 else (o,)
    values = [part(found.replay.state(step).theta, layer)[place] for step in kept]
    return {"name": name, "of": "checkpoints", "every": 0,
            "steps": np.array(kept), "values": np.array(values)}  # fmt: skip


def row(viewer: Viewer, run: int, step: int, row: int) -> dict:
    """Send one row through the network and back.

    Returns
    -------
    dict
        ``layers``, each with ``z``, ``a`` and ``delta`` of shape (1, O), no more than are sent;
        ``features``, those of the row; ``outputs`` of shape (O,) of the last layer, what is
        ``predicted`` and what is ``true``; ``loss``, unweighted and without the penalty.

    Raises
    ------
    IndexError
        If the data have no such row.
    """
    moment = viewer.moment(run, step)
    found, network = moment.run, moment.run.header.network
    n = found.data.y.shape[0]
    if not 0 <= row < n:
        raise IndexError(f"the data have rows 0 to {n - 1}")
    trace = _trace_of(moment, row)
    batch = moment.rows if viewer.has_step(run, step) else np.empty(0, np.int64)
    told: dict[str, Any] = {
        "run": run, "step": step, "row": row, "count": n,
        "features": _features(found, row),
        "layers": [_way(part) for part in trace.layers],
        "outputs": trace.y_pred[0],
        "predicted": decide(network, trace.y_pred)[0],
        "true": truth(network, found.data._replace(y=trace.y))[0],
        "task": task_of(network),
        "loss": float(trace.loss_per_row[0]),
        "in_batch": bool(np.any(batch == row)),
        "held_out": _held_out(found, row),
        "weight": None if trace.sample_weight is None else float(trace.sample_weight[0]),
    }  # fmt: skip
    if told["task"] == "classes":
        told["probabilities"] = probabilities(network, trace.y_pred)[0]
    return told


def _trace_of(moment: Moment, row: int) -> Trace:
    """Trace of a step taken with one row only, at a rate that is of no matter."""
    header = moment.run.header
    return trace_step(
        header.network, header.optimizer, moment.run.data, moment.state(), np.array([row]), 0.0
    )


def _features(run: Run, row: int) -> dict:
    """Features of a row; of sparse ones, or of very many, those that are not 0."""
    x: Any = rows_of(run.data)[[row]]
    n = x.shape[1]
    if scipy.sparse.issparse(x):
        x.sum_duplicates()
        return {"count": n, "of": x.indices[:MOST_FEATURES], "values": x.data[:MOST_FEATURES]}
    if n <= MOST_FEATURES:
        return {"count": n, "of": None, "values": x[0]}
    of = np.flatnonzero(x[0])[:MOST_FEATURES]
    return {"count": n, "of": of, "values": x[0, of]}


def _way(part: LayerTrace) -> dict:
    return {
        "activation": part.activation,
        "count": part.a.shape[1],
        "z": part.z[:, :MOST_UNITS], "a": part.a[:, :MOST_UNITS],
        "delta": part.delta[:, :MOST_UNITS],
    }  # fmt: skip


def _held_out(run: Run, row: int) -> bool:
    """Whether a row is kept for validation."""
    names = run.header.data
    return "validation" in names and bool(np.any(run.store.array(names["validation"]) == row))
