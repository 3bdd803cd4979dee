"""Branching: another future from a moment, trained while the page goes on."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np

from retrograd.engine.notes import hearing
from retrograd.estimators.branching import begin
from retrograd.estimators.editing import classes_of, read_target, value_at
from retrograd.estimators.notebook_runs import is_notebooks
from retrograd.faces.page.answers.runs import changes
from retrograd.faces.page.viewer import QuestionError, Viewer, apart, once
from retrograd.maths.activations import ACTIVATIONS
from retrograd.rewind.recording import RecordingWarning
from retrograd.rewind.run import Run
from retrograd.rewind.syntax import ExpressionError

# Branches at once.
MOST_TRAININGS = 4
# Seconds that they have to end in once everything ends.
PATIENCE = 5.0
# Parameters that a page offers to change, and the solvers that read them; None is all of them.
OFFERED: dict[str, tuple[str, ...] | None] = {
    "learning_rate_init": None,
    "lr": None,
    "momentum": ("sgd",),
    "beta_1": ("adam", "adamw"),
    "beta_2": ("adam", "adamw", "rmsprop"),
    "alpha": None,
    "max_iter": None,
    "epochs": None,
}


class Branches:
    """Branches that are being trained, by the numbers of their runs."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.stops: dict[int, threading.Event] = {}
        self.threads: dict[int, threading.Thread] = {}

    @property
    def n(self) -> int:
        """How many are being trained."""
        return sum(thread.is_alive() for thread in self.threads.values())

    def end(self) -> None:
        """Break all of them off, so that they can be resumed."""
        for stop in self.stops.values():
            stop.set()
        end = time.monotonic() + PATIENCE
        for thread in self.threads.values():
            thread.join(max(0.0, end - time.monotonic()))


def _branches(viewer: Viewer) -> Branches:
    with viewer.lock:
        if "trainings" not in viewer.kept:
            viewer.kept["trainings"] = Branches()
            viewer.endings.callback(viewer.kept["trainings"].end)
        return viewer.kept["trainings"]


@once
@apart
def branch(viewer: Viewer, run: int, step: int, parameters: dict, edit: dict) -> dict:
    """Begin a branch; it trains on by itself, and is a run that grows like any other.

    Parameters
    ----------
    parameters : dict
        Parameters of the estimator.
    edit : dict
        Weights, biases and targets by name; classes as they are written.

    Returns
    -------
    dict
        ``run``, its number.
    """
    trainings = _branches(viewer)
    with trainings.lock:
        if trainings.n >= MOST_TRAININGS:
            raise QuestionError(f"{MOST_TRAININGS} branches are being trained: stop one, or wait")
        stop = threading.Event()

        def on_steps() -> None:
            if stop.is_set():
                raise KeyboardInterrupt

        with ExitStack() as stack:
            parent = viewer.opened_apart(run)
            stack.callback(viewer.close_apart, parent)
            parent.at(step)
            edit = {text: _meant(parent, text, value) for text, value in edit.items()}
            try:
                number, train = begin(parent, step, parameters, edit, on_steps)
            except (TypeError, OverflowError) as error:  # of parameters that no page would send
                raise QuestionError(str(error)) from None
            arguments = viewer, number, train, stack.pop_all()
        thread = threading.Thread(target=_train, args=arguments, daemon=True)
        trainings.stops[number], trainings.threads[number] = stop, thread
        thread.start()
    return {"run": number}


def _train(viewer: Viewer, number: int, train: Callable[[], None], opened: ExitStack) -> None:
    """Train a branch; what its record does not tell, the page's next answer does."""
    with opened, hearing() as heard:
        try:
            train()
        except KeyboardInterrupt:
            pass
        except Exception as error:
            viewer.news.append(f"run {number} ended early: {error}")
    viewer.news += [f"run {number}: {one}" for one in heard if isinstance(one, RecordingWarning)]


def _meant(run: Run, text: str, value: Any) -> Any:
    """Value that a page means: of a class it knows how it is written."""
    if read_target(text).name != "y" or not isinstance(value, str):
        return value
    named = {str(one): one for one in classes_of(run) or []}
    return named.get(value, value)


def stop_branch(viewer: Viewer, run: int) -> dict:
    """End the training of a branch; what it has come to is kept."""
    stop = _branches(viewer).stops.get(run)
    if stop is None:
        raise QuestionError(f"run {run} is not trained by this page")
    stop.set()
    return {}


def branch_facts(viewer: Viewer, run: int) -> dict:
    """Say what of a run a branch can change, as it is, and what it changed if it is one itself.

    Returns
    -------
    dict
        ``parameters``, each with its value; ``activations`` of the hidden layers, none if they
        cannot be changed, and those ``known``; ``classes``, None for a regression; ``targets``, how
        many a row has; ``keeps_data``, without which there is no branch; ``changed``, its
        ``changes``.
    """
    found = viewer.run(run)
    header = found.header
    known = header.estimator.get("parameters", {})
    solver = header.optimizer.solver
    offered = {
        name: known[name]
        for name, solvers in OFFERED.items()
        if name in known and (solvers is None or solver in solvers)
    }
    return {
        "run": run,
        "parameters": offered,
        "activations": [] if is_notebooks(found) else list(header.network.activations),
        "known": sorted(ACTIVATIONS),
        "classes": [str(one) for one in classes_of(found) or []] or None,
        "targets": header.network.target_width,
        "keeps_data": header.data["kept"],
        "changed": changes(viewer, found),
    }


def edit_now(viewer: Viewer, run: int, step: int, text: str) -> dict:
    """Say what some weights, biases or targets are now, or what is wrong with their name."""
    try:
        found = value_at(viewer.run(run).at(step).run, step, text)
    except ExpressionError as error:
        return {"error": {"reason": error.reason, "start": error.start, "end": error.end}}
    except ValueError as error:
        return {"error": {"reason": str(error).partition(": ")[2] or str(error), "start": 0,
                          "end": len(text)}}  # fmt: skip
    if np.ndim(found):
        return {"shape": list(np.shape(found))}
    return {"value": str(found) if isinstance(found, str) else np.asarray(found).item(),
            "text": str(found)}  # fmt: skip
