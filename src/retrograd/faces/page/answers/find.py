"""Finding: the next or the last moment at which a condition holds, a slice of time at a time.

Nothing of a search is kept here but where its replay has come to. A page asks for slice after
slice, and ends a search by asking for no other.
"""

import threading
import time
from typing import Any

import numpy as np

from retrograd.faces.page.answers.timeline import gradient_norms
from retrograd.faces.page.viewer import Viewer, apart
from retrograd.rewind.expressions import Expression
from retrograd.rewind.questions import hits, last_moment
from retrograd.rewind.run import Run
from retrograd.rewind.syntax import MAX_CHARACTERS, ExpressionError
from retrograd.rewind.vocabulary import CONSTANTS, FUNCTIONS, LAYERED, NAMES

# Seconds of a slice, and hits that are told of at most.
SLICE = 0.2
MOST_HITS = 200
# A layer of so many units at most is asked about unit by unit.
MOST_UNITS = 24


@apart
def find(
    viewer: Viewer, run: int, condition: str, backward: bool, most: int, at: int, end: int, hit: int
) -> dict:
    """Search on for a slice of time.

    Forward, steps from ``at`` on are looked at. Backward, those before ``end``, from checkpoint to
    checkpoint, each stretch from its begin: ``at`` is where in it we are, -1 before it, and ``hit``
    the last hit in it, -1 if there was none.

    Returns
    -------
    dict
        ``hits`` found (no more than ``most``), ``done``, and ``at``, ``end``, ``hit`` to go on
        with; or ``error`` with its ``reason``, and ``start`` and ``end`` of the mistake.
    """
    try:
        expression = Expression(condition)
        with viewer.lock:
            searching = viewer.kept.setdefault("searching", threading.Lock())
        with searching:
            found = _searched(viewer, run)
            last = last_moment(found, expression) + 1
            until = time.monotonic() + SLICE
            if backward:
                return _back(
                    found, expression, until, at, min(end, last) if end >= 0 else last, hit
                )
            return _on(found, expression, until, at, last, most)
    except ExpressionError as error:
        return {"error": {"reason": error.reason, "start": error.start, "end": error.end}}


def _searched(viewer: Viewer, number: int) -> Run:
    """The run that searches go through; it is kept, so that its replay need not begin anew."""
    kept = viewer.kept.get("searched")
    if kept is None or kept.number != number:
        if kept is not None:
            viewer.close_apart(viewer.kept.pop("searched"))
        kept = viewer.kept["searched"] = viewer.opened_apart(number)
    return kept.refresh() if kept.status == "running" else kept


def _on(run: Run, expression: Expression, until: float, at: int, last: int, most: int) -> dict:
    found: list[int] = []
    most = max(1, min(most, MOST_HITS))
    at = max(0, at)
    for begin, end in _stretches(at, last, until):
        found += hits(run, expression, begin, end)
        at = end
        if len(found) >= most:
            return _told(found[:most], True, found[most - 1] + 1)
    return _told(found, at >= last, at)


def _back(run: Run, expression: Expression, until: float, at: int, end: int, hit: int) -> dict:
    marks = run.store.steps_of(run.number)
    while end > 0:
        begin = max(mark for mark in marks if mark < end)
        at = min(max(at, begin), end)
        for start, stop in _stretches(at, end, until):
            hit = max([hit, *hits(run, expression, start, stop)])
            at = stop
        if at < end:
            return _told([], False, at, end, hit)
        if hit >= 0:
            return _told([hit], True)
        at, end = -1, begin
        if time.monotonic() > until:
            return _told([], end == 0, at, end)
    return _told([], True)


def _stretches(begin: int, end: int, until: float) -> Any:
    """Stretches of steps, as long as there is time: short ones first, then as the time allows."""
    n, before = 4, time.monotonic()
    while begin < end:
        stop = min(end, begin + n)
        yield begin, stop
        begin, now = stop, time.monotonic()
        if now > until:
            return
        n = max(1, min(2 * n, int(n * (until - now) / max(now - before, 1e-6))))
        before = now


def _told(found: list[int], done: bool, at: int = -1, end: int = -1, hit: int = -1) -> dict:
    return {"hits": found, "done": done, "at": at, "end": end, "hit": hit}


def words(viewer: Viewer, run: int) -> dict:
    """List the words of conditions, with what each of them is; and the run's layers.

    Returns
    -------
    dict
        ``words``, each with its ``kind`` and what it ``says``; ``layers``, L lines of text;
        ``widths``, L + 1 numbers.
    """
    network = viewer.run(run).header.network
    activations = [*network.activations, network.output]
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("number", CONSTANTS),
        ("name", NAMES),
        ("function", FUNCTIONS),
    ]
    found = [
        {"word": word, "kind": "layers" if word in LAYERED else kind, "says": _says(word)}
        for kind, table in kinds
        for word in table
    ]
    layers = [
        f"{network.widths[k]} → {network.widths[k + 1]}, {activation}"
        for k, activation in enumerate(activations)
    ]
    return {"words": found, "layers": layers, "widths": list(network.widths)}


def _says(word: str) -> str:
    if word in FUNCTIONS:
        return FUNCTIONS[word].says
    return NAMES.get(word, {"nan": "not a number", "inf": "infinity"}.get(word, ""))


def conditions(viewer: Viewer, run: int) -> dict:
    """Suggest ``conditions`` that make sense of this run: ``text``, and a ``title`` for it."""
    found = viewer.run(run)
    network = found.header.network
    _, losses = found.losses
    losses = losses[np.isfinite(losses)]
    _, norms = gradient_norms(found)
    norms = norms[np.isfinite(norms)]
    told = [("the loss is not finite", "not isfinite(loss)")]
    if losses.size:
        told.append(("the smallest loss that was kept", f"loss <= {float(losses.min())!r}"))
        told.append(("loss above twice its mean", f"loss > {_round(2 * losses.mean())}"))
    if norms.size:
        told.append(("the gradient is ten times its usual size",
                     f"gradient_norm > {_round(10 * float(np.median(norms)))}"))  # fmt: skip
    for layer, (width, activation) in enumerate(
        zip(network.widths[1:-1], network.activations, strict=True)
    ):
        text = " or ".join(f"dead({layer}, {unit})" for unit in range(width))
        if activation == "relu" and width <= MOST_UNITS and len(text) <= MAX_CHARACTERS:
            told.append((f"a dead unit in layer {layer}", text))
    told += [
        (f"a weight of layer {layer} beyond ±10", f"max(abs(coefs[{layer}])) > 10")
        for layer in sorted({0, network.n_layers - 1})
    ]
    told.append(("a pre-activation beyond ±100", f"max(abs(z[{network.n_layers - 1}])) > 100"))
    return {"conditions": [{"title": title, "text": text} for title, text in told]}


def _round(value: float) -> str:
    return f"{float(value):.4g}"
