"""Stretches: many steps of a run at once, with the few numbers of each that a kernel can keep.

A small network's step takes far less time than Python needs to look at it. So the kernel writes
down the parameters before each step and the gradient that moved them, and a question is put to all
steps of a stretch together: it is asked of arrays whose last axis counts the steps.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from retrograd.engine.kernels.data import History
from retrograd.engine.network import Network
from retrograd.rewind.expressions import Expression
from retrograd.rewind.scan import StepValues
from retrograd.rewind.syntax import ExpressionError
from retrograd.rewind.vocabulary import FUNCTIONS, norm

if TYPE_CHECKING:
    from retrograd.rewind.replay import Replay

CURVES = {"loss", "step", "epoch", "learning_rate"}
THETAS, GRADIENTS = {"coefs", "intercepts"}, {"dW", "db", "gradient_norm"}
# Parameters of a network whose steps are worth keeping: of larger ones they take longer anyway.
MOST_PARAMETERS = 1 << 16


class Stretch:
    """Steps of a run that follow each other, S of them.

    Parameters
    ----------
    replay : Replay
    step : int
        The first of them, counted from the run's begin.
    losses : ndarray of shape (S,)
    history : History
        Of these steps, or empty where no question is about it.
    """

    def __init__(self, replay: "Replay", step: int, losses: np.ndarray, history: History) -> None:
        self.replay, self.step, self.losses, self.history = replay, step, losses, history
        self.values = StepValues(
            loss=losses,
            step=np.arange(step, self.end),
            epoch=self._epochs,
            learning_rate=lambda: replay.course.between(step, self.end, replay.rate_of).rates,
            gradient_norm=lambda: np.array([norm(gradient) for gradient in history.gradients]),
            **self._layers(history.thetas.T, history.gradients.T),
        )

    @property
    def end(self) -> int:
        """The step after the last one."""
        return self.step + self.losses.size

    def __iter__(self) -> Iterator[tuple[int, StepValues]]:
        """Steps one by one, with their values."""
        thetas, gradients = self.history
        for k in range(self.losses.size):
            known = {name: self.values[name][k] for name in CURVES}
            if len(gradients):
                known["gradient_norm"] = self.values["gradient_norm"][k]
            layers = self._layers(thetas[k : k + 1].reshape(-1), gradients[k : k + 1].reshape(-1))
            yield self.step + k, StepValues(**known, **layers)

    def _layers(self, theta: np.ndarray, gradient: np.ndarray) -> dict[str, Callable[[], Any]]:
        network = self.replay.header.network
        return {
            "coefs": lambda: network.layers(theta)[0],
            "intercepts": lambda: network.layers(theta)[1],
            "dW": lambda: network.layers(gradient)[0],
            "db": lambda: network.layers(gradient)[1],
        }

    def _epochs(self) -> np.ndarray:
        parts, here, course = [np.empty(0, np.int64)], self.step, self.replay.course
        while here < self.end:
            epoch, _ = course.place(here)
            stop = min(self.end, course.begin_of(epoch + 1))
            parts.append(np.full(stop - here, epoch))
            here = stop
        return np.concatenate(parts)


def stretches(
    replay: "Replay", begin: int, end: int, names: frozenset[str] | set[str]
) -> Iterator[Stretch]:
    """Steps from ``begin`` to before ``end``, some at a time, with what is named.

    At training speed. A step that diverges is the last.
    """
    found = replay.stretches(begin, end, bool(names & THETAS), bool(names & GRADIENTS))
    return (Stretch(replay, step, losses, history) for step, losses, history in found)


def are_kept(names: frozenset[str], network: Network) -> bool:
    """Whether stretches have all that is named."""
    if network.n_parameters > MOST_PARAMETERS:
        return names <= CURVES
    return names <= CURVES | THETAS | GRADIENTS


class NotStepwiseError(Exception):
    """An expression can be asked of one step at a time only."""


def _of_entries(function: Callable[..., Any]) -> Callable[[Any], Any]:
    """Apply a function to all axes but the last, which counts the steps."""

    def compute(array: Any) -> Any:
        if 0 in np.shape(array):
            raise ValueError("there is nothing in this array")
        return function(array, axis=tuple(range(np.ndim(array) - 1)))

    return compute


# Sums are not among them: added in another order, they could be other numbers.
STEPWISE = {name: _of_entries(getattr(np, name)) for name in ("any", "all", "max", "min")} | {
    name: FUNCTIONS[name].compute
    for name in ("isnan", "isfinite", "isinf", "abs", "sqrt", "exp", "log", "sign")
}


class Stepwise(Expression):
    """An expression about many steps at once; gives for each what it would give for that alone.

    Raises
    ------
    NotStepwiseError
        If it has functions that are not known for many steps.

    Examples
    --------
    >>> values = {"coefs": [np.array([[[1.0, -3.0, 2.0]]])]}  # (I, O, S)
    >>> Stepwise("abs(coefs[0][0, 0]) > 1").holds_at_each(values, 3)
    array([False,  True,  True])
    """

    def holds_at_each(self, values: Mapping[str, Any], n_steps: int) -> np.ndarray | None:
        """Whether it holds, of shape (S,); None if of some step it cannot be said."""
        try:
            return np.broadcast_to(self._truth(self._tree, self._answer(values)), n_steps)
        except ExpressionError:
            return None

    def value_at_each(self, values: Mapping[str, Any], n_steps: int) -> np.ndarray | None:
        """Its value, of shape (S, ...); None if of some step there is none."""
        try:
            value = np.asarray(self._answer(values))
        except ExpressionError:
            return None
        if value.ndim == 0:
            return np.full(n_steps, value)
        return np.array(np.moveaxis(value, -1, 0))

    def _function(self, name: str) -> Callable[..., Any]:
        if name not in STEPWISE:
            raise NotStepwiseError
        return STEPWISE[name]

    def _entry(self, index: Any, array: Any) -> Any:
        parts = index if isinstance(index, tuple) else (index,)
        return np.asarray(array)[(*parts, ..., slice(None))]

    def _join(self, op: ast.boolop, truths: Iterator[Any]) -> Any:
        return reduce(np.logical_and if isinstance(op, ast.And) else np.logical_or, truths)

    def _truth(self, node: ast.expr, result: Any) -> Any:
        if np.ndim(result) > 1 and np.size(result) == np.shape(result)[-1]:
            result = np.reshape(result, -1)
        if np.ndim(result) > 1 or np.asarray(result).dtype != np.bool_:
            self._fail(node, "no truth value")
        return result


def stepwise(expression: Expression) -> Stepwise | None:
    """The same expression for many steps at once, None if there is no such."""
    try:
        return Stepwise(expression.text)
    except NotStepwiseError:
        return None
