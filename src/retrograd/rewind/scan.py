"""A scan: goes through the steps of a run one by one, with all the numbers of each."""

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse

from retrograd.engine.divergence import DivergenceError
from retrograd.engine.trainer import Trainer
from retrograd.engine.work import PANEL_ROWS
from retrograd.rewind.trace import LayerTrace, Trace, layers_of, trace_step
from retrograd.rewind.vocabulary import MAX_ENTRIES, TooLargeError, norm

if TYPE_CHECKING:
    from retrograd.rewind.replay import Replay

# What is known before a step is taken; what only a whole trace has.
BEFORE = {"coefs", "intercepts", "step", "epoch", "learning_rate"}
WHOLE = {"penalty", "loss_per_row"}


class StepValues(Mapping):
    """Numbers of one step by the names that expressions have for them, made when asked for.

    Parameters
    ----------
    **known
        Numbers, or functions without arguments that make them.
    """

    def __init__(self, **known: Any) -> None:
        self._known = known

    def __getitem__(self, name: str) -> Any:
        value = self._known[name]
        if callable(value):
            value = self._known[name] = value()
        return value

    def __contains__(self, name: object) -> bool:
        return name in self._known  # without making it

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def values_of(trace: Trace, step: int) -> StepValues:
    """Values of a step that was traced, the step being counted from its run's begin."""
    return StepValues(
        penalty=trace.penalty,
        loss_per_row=trace.loss_per_row,
        **_values(trace.layers, trace.gradient, trace.y, step, trace.epoch, trace.loss,
                  trace.learning_rate),
    )  # fmt: skip


def _values(
    layers: tuple[LayerTrace, ...],
    gradient: np.ndarray,
    y: Any,
    step: int,
    epoch: int,
    loss: float,
    learning_rate: float,
) -> dict[str, Any]:
    return {
        "loss": loss,
        "learning_rate": learning_rate,
        "step": step,
        "epoch": epoch,
        "gradient_norm": lambda: norm(gradient),
        "x": lambda: _dense(layers[0].input),
        "y": y,
        "y_pred": layers[-1].a,
        "coefs": [layer.W for layer in layers],
        "intercepts": [layer.b for layer in layers],
        "dW": [layer.dW for layer in layers],
        "db": [layer.db for layer in layers],
        "z": [layer.z for layer in layers],
        "a": [layer.a for layer in layers],
        "delta": [layer.delta for layer in layers],
    }


def _dense(X: Any) -> np.ndarray:
    if not scipy.sparse.issparse(X):
        return X
    if (n_entries := math.prod(X.shape)) > MAX_ENTRIES:
        raise TooLargeError(f"{n_entries:,} entries, with the zeros: too many")
    return X.toarray()


def scan(
    replay: "Replay", begin: int, end: int, names: frozenset[str] | set[str], every: int = 1
) -> Iterator[tuple[int, StepValues]]:
    """Steps from ``begin`` to before ``end``, with the values that are asked for.

    Values are good until the next step is taken. A step that diverges is the last.

    Parameters
    ----------
    replay : Replay
    begin, end : int
        Counted from the run's begin.
    names : set of str
        Keys of ``vocabulary.NAMES``.
    every : int
        Look at every n-th step only.
    """
    with replay.lock:
        trainer = replay.at(begin)
        step = begin
        while step < end:
            stop = min(step + every, end)
            if names <= BEFORE:
                yield step, _before(replay, trainer, step)
                if replay.advance(trainer, stop)[1]:
                    return
            else:
                values, diverged = _take(replay, trainer, step, names)
                yield step, values
                if diverged or replay.advance(trainer, stop)[1]:
                    return
            step = stop


def _before(replay: "Replay", trainer: Trainer, step: int) -> StepValues:
    """Values that are known before a step is taken."""
    theta, network = trainer.state.theta, trainer.network
    return StepValues(
        step=step,
        epoch=replay.course.place(step)[0],
        learning_rate=lambda: float(replay.course.between(step, step + 1, replay.rate_of).rates[0]),
        coefs=lambda: network.layers(theta)[0],
        intercepts=lambda: network.layers(theta)[1],
    )


def _take(
    replay: "Replay", trainer: Trainer, step: int, names: frozenset[str] | set[str]
) -> tuple[StepValues, bool]:
    """Take a step; its values, and whether it diverged."""
    course, state = replay.course, trainer.state
    steps = course.between(step, step + 1, replay.rate_of)
    rate, epoch = float(steps.rates[0]), course.place(step)[0]
    # Of large batches only the last rows' units are still there.
    if names & WHOLE or steps.rows.size > PANEL_ROWS:
        trace = trace_step(
            trainer.network, trainer.optimizer, trainer.data, state, steps.rows, rate
        )
        if trace.trouble is None:
            replay.advance(trainer, step + 1)
        return values_of(trace, step), trace.trouble is not None
    theta = state.theta.copy()
    diverged = False
    try:
        loss = float(trainer.run(*steps)[0])
        replay.count_epochs(state)
        replay.meet(state)
    except DivergenceError as error:
        replay.forget()
        diverged, loss = True, float(error.losses[-1])
    known = _values(
        layers_of(trainer, steps.rows, theta, theta, theta), trainer.work.gradient,
        trainer.data.y[steps.rows], step, epoch, loss, rate,
    )  # fmt: skip
    return StepValues(**known), diverged
