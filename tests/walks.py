"""Traces for the tests of the walk."""

import re
from dataclasses import fields, replace
from typing import Any

import numpy as np

from problems import OPTIMIZERS, make_problem
from retrograd.engine.batches import make_data
from retrograd.engine.optimizers import Optimizer
from retrograd.engine.trainer import State, Trainer
from retrograd.rewind.trace import LayerTrace, Trace, trace_step

LOGISTIC, SOFTMAX = ("log_loss", "logistic"), ("log_loss", "softmax")
SQUARED = ("squared_error", "identity")
POISSON = ("poisson", "exp")
PLAIN = Optimizer("sgd", momentum=0.0)


def make_trace(
    widths: tuple[int, ...],
    activation: str,
    pair: tuple[str, str],
    n_rows: int = 5,
    optimizer: Optimizer | str = PLAIN,
    *,
    storage: str = "dense",
    dtype: type = np.float64,
    weights: bool = False,
    steps: int = 1,
    scale: float = 1.0,
) -> Trace:
    """Trace the step after some steps on all rows of a problem."""
    problem = make_problem(widths, activation, pair, n_rows)
    problem.X *= scale
    if not weights:
        problem.weight = None
    if isinstance(optimizer, str):
        optimizer = OPTIMIZERS[optimizer]
    data, rows = problem.data(storage, dtype), np.arange(n_rows)
    state = State.start(problem.theta.astype(dtype), optimizer)
    if steps:
        trainer = Trainer(problem.network, optimizer, data, n_rows, state)
        trainer.run(np.tile(rows, steps), np.arange(steps + 1) * n_rows, np.full(steps, 0.07))
    return trace_step(problem.network, optimizer, data, state, rows, 0.07)


def weightless_trace(optimizer: str) -> Trace:
    """Trace a step on one row that weighs 0, with a memory that would move it if it could."""
    before = make_trace((2, 3, 1), "tanh", SQUARED, optimizer=optimizer)
    data = make_data(before.network, np.ones((1, 2)), np.ones(1), np.zeros(1))
    state = State.start(before.theta.copy(), before.optimizer)
    state.slots[:] = before.slots_after
    return trace_step(before.network, before.optimizer, data, state, np.array([0]), 0.1)


def fading_trace(
    widths: tuple[int, ...], pair: tuple[str, str], optimizer: str, times: float, dtype: type
) -> Trace:
    """Trace a step whose hidden units are dead, their numbers ``times`` the least normal one."""
    problem = make_problem(widths, "relu", pair, 5)
    problem.X, problem.weight = np.abs(problem.X), None
    small = dtype(times) * np.finfo(dtype).tiny
    state = State.start(np.full(problem.theta.size, -small, dtype), OPTIMIZERS[optimizer])
    state.slots[:] = small
    data, rows = problem.data("dense", dtype), np.arange(5)
    return trace_step(problem.network, OPTIMIZERS[optimizer], data, state, rows, 0.07)


def tampered(trace: Trace, name: str, layer: int | None = None) -> Trace:
    """The same trace with one number, the largest of an array, off by a millionth part."""
    held: Any = trace if layer is None else trace.layers[layer]
    value = getattr(held, name)
    if isinstance(value, float):
        changed: Any = value * (1.0 + 1e-6)
    else:
        changed = value.copy()
        place = np.unravel_index(np.abs(changed).argmax(), changed.shape)
        assert changed[place] != 0.0, f"{name} has nothing to tamper with"
        changed[place] *= 1.0 + 1e-6
    if layer is None:
        return replace(trace, **{name: changed})
    layers = list(trace.layers)
    layers[layer] = replace(layers[layer], **{name: changed})
    return replace(trace, layers=tuple(layers))


# Those of a step without decoupled decay.
LAYER_ARRAYS = [field.name for field in fields(LayerTrace)][2:]
LAYER_ARRAYS.remove("W_decayed")


CASES = {
    "the notebook's": lambda: make_trace((2, 2, 1), "identity", LOGISTIC, 1),
    "adam": lambda: make_trace((4, 7, 5, 3), "relu", SOFTMAX, 5, "adam"),
    "huber": lambda: make_trace(
        (4, 5, 2), "tanh", ("huber", "identity"), 6, "sgd with Nesterov", weights=True
    ),
    "sparse": lambda: make_trace((40, 5, 1), "gelu", POISSON, 12, "adamw", storage="csr"),
    "wide": lambda: make_trace((60, 30, 10), "mish", SOFTMAX, 20, "rmsprop", weights=True),
}  # fmt: skip


def values_of(trace: Trace) -> dict[str, object]:
    """All lines of a walk that have numbers, by symbol."""
    lines = [line for section in trace.document().sections for line in section.lines]
    return {line.symbol.text: line.value for line in lines if line.value is not None}


def unwrapped(trace: Trace) -> str:
    """The text, its lines joined where they were wrapped, without the marks of remarks."""
    return re.sub(r"\n +# |(?<=\S)\n(?=\S)", " ", str(trace))
