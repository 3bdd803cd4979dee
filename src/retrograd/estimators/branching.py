"""Branching: another future of a recorded training, from any of its moments."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from retrograd.engine.course import Course, Shuffled
from retrograd.engine.divergence import DivergenceError
from retrograd.engine.network import Network
from retrograd.engine.notes import warn
from retrograd.engine.trainer import State, Trainer
from retrograd.estimators.editing import edited, told
from retrograd.estimators.fitting import Training, batch_size_of
from retrograd.estimators.notebook_runs import begin_notebooks, is_notebooks
from retrograd.estimators.rebuilding import as_of, describe, keep_best, parameters_of, rows_kept
from retrograd.maths.activations import activations_of
from retrograd.rewind.header import Header, course_numbers
from retrograd.rewind.recording import Recording
from retrograd.rewind.run import Run

# Parameters that would make another network, or other data, of a run: a branch cannot change them.
FIXED = {
    "hidden_layer_sizes", "loss", "quantile", "huber_delta", "init", "early_stopping",
    "validation_fraction", "warm_start", "max_fun",
}  # fmt: skip


def branch(
    run: Run, step: int, changes: dict[str, Any], edit: Mapping[str, Any] | None = None
) -> Run:
    """Train on from a moment, otherwise, as a run of its own in the same file; see ``Run.branch``.

    Raises
    ------
    ValueError
        If a parameter is unknown, of no use, or none that a branch can change; if there is no
        epoch left to train; or if an edit is of nothing that there is.
    """
    number, train = begin(run, step, changes, edit)
    train()
    return Run(run.store, number, run.door, None if run.header.data["kept"] else run.data)


def begin(
    run: Run,
    step: int,
    changes: dict[str, Any],
    edit: Mapping[str, Any] | None = None,
    on_steps: Callable[[], None] | None = None,
) -> tuple[int, Callable[[], None]]:
    """Begin a branch: its number, under which it is in the file, and what trains it.

    Parameters
    ----------
    run : Run
    step : int
    changes, edit : dict
        See ``Run.branch``.
    on_steps : callable, optional
        Called while it trains, some ten times a second; a KeyboardInterrupt that it raises ends
        the training.
    """
    if is_notebooks(run):
        return begin_notebooks(run, step, changes, edit, on_steps)
    _check_names(run, changes)
    state = run.replay.state(step)
    model, stopping, _ = as_of(run, state, step, changes)
    n_epochs = model.max_iter - model.n_iter_
    if n_epochs <= 0:
        raise ValueError(
            f"{model.n_iter_} of max_iter={model.max_iter} epochs are over at step {step}: branch "
            "with a larger max_iter, or from an earlier step"
        )
    optimizer = model._make_optimizer()
    network = _network(run, model)
    model._network = network
    state = _state(run, state, optimizer, changes, rows_behind(run, step))
    state.theta, data = edited(run, state.theta, edit)
    model._state = state
    model._bind(network, state.theta)
    course = _course(run, step, model, optimizer, state)
    trainer = Trainer(network, optimizer, data, course.batch_size, state)
    estimator = describe(model) | ({"edit": told(edit)} if edit else {})
    header = Header(
        network, optimizer, run.header.dtype, course_numbers(course, state.memory_start), {},
        estimator, parent=[run.number, step], budget=run.header.budget, facts=run.header.facts,
    )  # fmt: skip
    keep_best(run, stopping, state)
    training = Training(model, trainer, course, stopping, rows_kept(run, "validation"))
    extras = {
        name: run.store.array(run.header.data[name])
        for name in ("train", "validation")
        if name in run.header.data
    }
    if course.skipped is not None:
        extras["skipped"] = course.skipped
    if stopping.has_best:
        extras["best"] = stopping.best
    recording = Recording(run.store, header, data, extras, state, bool(run.header.data["kept"]))
    training.recordings = [recording]

    def train() -> None:
        try:
            told = training.run(n_epochs, on_steps=on_steps)
        except DivergenceError as error:  # which the branch's own record tells
            told = [UserWarning(f"the branch diverged, too: {error}")]
        for warning in told:
            warn(warning)

    return recording.run, train


def _check_names(run: Run, changes: dict[str, Any]) -> None:
    if changes.get("solver") == "lbfgs":
        raise ValueError("lbfgs takes no steps that could be recorded: choose another solver")
    known = parameters_of(run)
    if not isinstance(changes.get("random_state", 0), int | np.integer):
        raise ValueError(
            "random_state must be a whole number: it decides on the order of rows from the "
            "branch's begin on"
        )
    for name in changes:
        if name not in known:
            raise ValueError(f"unknown parameter {name!r}; known are {', '.join(sorted(known))}")
        if name in FIXED:
            raise ValueError(
                f"a branch goes on with the same network and rows: {name} cannot be changed"
            )


def _network(run: Run, model: Any) -> Network:
    """The run's network, with the activations that its parameters now name."""
    network = run.header.network
    names = activations_of(model.activation, len(network.activations))
    return replace(network, activations=names)


def rows_behind(run: Run, step: int) -> int:
    """Rows of a moment's epoch that were already learned from."""
    course = run.replay.course
    epoch, within = course.place(step)
    behind = int(course.epoch(epoch, 0.0).bounds[within]) if within else 0
    return behind + (course.skip if epoch == course.first_epoch else 0)


def _state(run: Run, state: State, optimizer: Any, changes: dict[str, Any], behind: int) -> State:
    """State to branch from: with a memory that fits the optimizer, and its learning rate.

    An epoch's rate is that of its begin, so many rows before.
    """
    fresh, memory_start = State.start(state.theta, optimizer), state.step
    if run.header.optimizer.solver == optimizer.solver and fresh.slots.shape == state.slots.shape:
        fresh.slots[:], memory_start = state.slots, state.memory_start
    rate, seen = state.learning_rate, state.samples_seen - behind
    if changes.keys() & {"learning_rate_init", "learning_rate", "power_t"}:
        rate = optimizer.learning_rate_init
        rate = optimizer.rate_after_epoch(rate, seen) if seen else rate
    return replace(
        state, theta=fresh.theta, slots=fresh.slots, learning_rate=rate, memory_start=memory_start
    )


def _course(run: Run, step: int, model: Any, optimizer: Any, state: State) -> Course:
    """Course from the moment on: behind the rows of its epoch that were already learned from."""
    old = run.replay.course
    epoch, _ = old.place(step)
    skip = rows_behind(run, step)
    skipped = _skipped(run, step) if skip else None
    seed = model._seed
    if isinstance(model.random_state, int | np.integer):
        seed = int(model.random_state)
    order = Shuffled(old.order.n_rows, seed, model.shuffle, rows_kept(run, "train"))
    if skip and (seed, model.shuffle) != (old.order.seed, old.order.shuffle):
        raise ValueError(
            f"step {step} is amid an epoch, whose order of rows random_state and shuffle "
            f"decide: branch from its begin, step {old.begin_of(epoch)}, to change them"
        )
    model._seed = seed
    batch_size = batch_size_of(model.batch_size, order.n_rows)
    return Course(
        optimizer, order, batch_size, model.max_iter, state.step, epoch, skip,
        state.schedule_start, skipped,
    )  # fmt: skip


def _skipped(run: Run, step: int) -> np.ndarray | None:
    """Loss times rows of every step of a moment's epoch that was taken before it.

    None where the run itself begins behind some, and does not know of them.
    """
    course = run.replay.course
    epoch, within = course.place(step)
    bounds = course.epoch(epoch, 0.0).bounds[: within + 1]
    parts = [losses for _, losses, _ in run.replay.stretches(step - within, step)]
    here = np.concatenate([np.empty(0), *parts]) * (bounds[1:] - bounds[:-1])
    if epoch != course.first_epoch or not course.skip:
        return here
    return None if course.skipped is None else np.concatenate([course.skipped, here])
