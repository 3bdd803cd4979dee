"""Runs of the notebook's MLP: told from others, rebuilt, resumed and branched."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from retrograd.engine.notes import warn
from retrograd.estimators.editing import edited, told

if TYPE_CHECKING:
    from retrograd.engine.kernels.data import Data
    from retrograd.rewind.recording import Recording
    from retrograd.rewind.run import Run


def is_notebooks(run: "Run") -> bool:
    """Whether a run is one of the notebook's MLP."""
    return run.header.estimator.get("kind") == "MLP"


def rebuild_notebooks(run: "Run", theta: np.ndarray) -> Any:
    """The notebook's MLP with the weights of a parameter vector."""
    from retrograd.estimators.notebook import MLP
    from retrograd.estimators.rebuilding import cannot_be_rebuilt

    network = run.header.network
    try:
        parameters = run.header.estimator["parameters"]
        mlp = MLP(**{name: parameters[name] for name in ("hidden_units", "lr", "epochs")})
        if len(parameters) > 3:
            raise ValueError("it has more parameters")
        mlp._check_parameters()
        if network != mlp._network(network.widths[0], mlp.hidden_units):
            raise ValueError("its parameters make another network")
        if "generator" not in run.header.data:
            raise ValueError("it draws no rows")
    except (KeyError, TypeError, ValueError) as error:
        raise cannot_be_rebuilt(run, error) from None
    mlp.W1, mlp.W2 = mlp._unpack(run.header.network, theta)
    return mlp


def resume_notebooks(run: "Run", begin: Callable[[Any], "Recording"]) -> None:
    """Go on to the end that a run would have had; ``begin`` begins to record, from a state."""
    header, state = run.header, run.replay.state(len(run))
    n_steps = rebuild_notebooks(run, state.theta).epochs * header.course["n_rows"]
    n_steps -= header.course["first_step"]
    _train(run, run.replay.course, header.optimizer, state, n_steps - len(run), begin(state))


def begin_notebooks(
    run: "Run",
    step: int,
    changes: dict[str, Any],
    edit: Mapping[str, Any] | None,
    on_steps: Callable[[], None] | None,
) -> tuple[int, Callable[[], None]]:
    """Begin a branch of the notebook's own training, of which ``lr`` and ``epochs`` can change.

    As ``branching.begin``.
    """
    from retrograd.engine.course import Course
    from retrograd.engine.divergence import DivergenceError
    from retrograd.rewind.header import Header, course_numbers
    from retrograd.rewind.recording import Recording

    for name in changes:
        if name not in ("lr", "epochs"):
            raise ValueError(f"a branch of the notebook's MLP takes lr and epochs, not {name!r}")
    estimator = copy.deepcopy(run.header.estimator)
    estimator["parameters"] |= changes
    mlp = run.door.estimator(run.at(0))
    mlp.lr, mlp.epochs = estimator["parameters"]["lr"], estimator["parameters"]["epochs"]
    mlp._check_parameters()
    old, state = run.replay.course, run.replay.state(step)
    n_steps = mlp.epochs * old.order.n_rows - state.step
    if n_steps <= 0:
        raise ValueError(
            f"all {mlp.epochs} epochs are over at step {step}: branch with more epochs"
        )
    optimizer = replace(run.header.optimizer, learning_rate_init=float(mlp.lr))
    epoch, within = old.place(step)
    skip = within + (old.skip if epoch == old.first_epoch else 0)
    course = Course(optimizer, old.order, 1, mlp.epochs, state.step, epoch, skip)
    state.learning_rate = float(mlp.lr)
    state.theta, data = edited(run, state.theta, edit)
    estimator.pop("edit", None)
    if edit:
        estimator["edit"] = told(edit)
    header = Header(
        run.header.network, optimizer, run.header.dtype, course_numbers(course), {}, estimator,
        parent=[run.number, step], budget=run.header.budget, facts=run.header.facts,
    )  # fmt: skip
    extras = {"generator": run.store.array(run.header.data["generator"])}
    recording = Recording(run.store, header, data, extras, state, bool(run.header.data["kept"]))

    def train() -> None:
        try:
            _train(run, course, optimizer, state, n_steps, recording, data, on_steps)
        except DivergenceError as error:  # which the branch's own record tells
            warn(f"the branch diverged, too: {error}")

    return recording.run, train


def _train(
    run: "Run",
    course: Any,
    optimizer: Any,
    state: Any,
    n_steps: int,
    recording: Any,
    data: "Data | None" = None,
    on_steps: Callable[[], None] | None = None,
) -> None:
    """Take so many steps of the notebook's training on, recorded."""
    from retrograd.engine.divergence import DivergenceError
    from retrograd.engine.trainer import Trainer
    from retrograd.estimators.notebook import CURE, DRAWN_AT_ONCE
    from retrograd.estimators.stopping import recordings_ended

    trainer = Trainer(run.header.network, optimizer, data or run.data, 1, state)

    def after_call(losses: np.ndarray, gradient: np.ndarray | None) -> None:
        recording.after_steps(state, losses, gradient)
        if on_steps is not None:
            on_steps()

    trainer.after_call = after_call
    here = state.step - course.first_step
    end = here + n_steps
    try:
        with recordings_ended([recording], state):
            while here < end:
                stop = min(end, here + DRAWN_AT_ONCE)
                trainer.run(*course.between(here, stop, lambda epoch: state.learning_rate))
                here = stop
    except DivergenceError as error:
        raise error.but(cure=CURE) from None
