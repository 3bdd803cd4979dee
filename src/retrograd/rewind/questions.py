"""Questions to the past: the first or last moment at which something holds, series, print lines.

Each is answered by replay, whatever was thought of when the run was recorded.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from retrograd.rewind.expressions import Expression
from retrograd.rewind.scan import BEFORE, CURVES, loss_values, scan

if TYPE_CHECKING:
    from retrograd.rewind.run import Moment, Run

Condition = str | Expression | Callable[["Moment"], Any]


class Series(NamedTuple):
    """An expression's value at some steps.

    Attributes
    ----------
    steps : ndarray of shape (S,), int64
        Steps of the run.
    values : ndarray of shape (S,), or (S, ...) where the values are arrays
    """

    steps: np.ndarray
    values: np.ndarray


def first(run: "Run", condition: Condition, after: int = 0) -> "Moment | None":
    """First moment from ``after`` on at which the condition holds; see ``Run.first``."""
    for step in hits(run, condition, after, last_moment(run, condition) + 1):
        return run.at(step)
    return None


def last(run: "Run", condition: Condition, before: int | None = None) -> "Moment | None":
    """Last moment before ``before`` at which the condition holds; see ``Run.last``."""
    end = last_moment(run, condition) + 1
    end = end if before is None else min(end, before)
    # Backwards from checkpoint to checkpoint, within each of them forwards.
    for begin in reversed(run.store.steps_of(run.number)):
        if begin >= end:
            continue
        hit = None
        for step in hits(run, condition, begin, end):
            hit = step
        if hit is not None:
            return run.at(hit)
        end = begin
    return None


def last_moment(run: "Run", condition: Condition) -> int:
    """Last moment that a condition can be asked of.

    At the end of a run no step is taken any more, unless it was one that diverged; what the
    parameters are can still be asked.
    """
    if run.status == "diverged":
        return len(run)
    if isinstance(condition, str | Expression) and _expression(condition).names <= BEFORE:
        return len(run)
    return len(run) - 1


def hits(run: "Run", condition: Condition, begin: int, end: int) -> Iterator[int]:
    """Steps from ``begin`` to before ``end`` at which the condition holds, by replay."""
    if not isinstance(condition, str | Expression):
        yield from (step for step in range(begin, end) if condition(run.at(step)))
        return
    expression = _expression(condition)
    if expression.names <= CURVES and "loss" in expression.names:
        yield from _hits_of_curves(run, expression, begin, end)
        return
    for step, values in scan(run.replay, begin, end, expression.names):
        if expression.holds(values):
            yield step


def _hits_of_curves(run: "Run", expression: Expression, begin: int, end: int) -> Iterator[int]:
    """Steps at which a condition holds that asks for a step's loss, at training speed."""
    for step, losses in run.replay.losses(begin, end):
        values = loss_values(run.replay, step, losses)
        if expression.is_elementwise:
            holds = np.broadcast_to(expression.value(values), losses.shape)
            if holds.dtype != bool:
                expression.holds(loss_values(run.replay, step, losses[:1]))  # which says why not
            yield from (step + np.flatnonzero(holds)).tolist()
            continue
        for k in range(losses.size):
            names = {name: values[name][k] for name in expression.names}
            if expression.holds(names):
                yield step + k


def watch(
    run: "Run",
    expression: str | Expression,
    start: int = 0,
    stop: int | None = None,
    every: int = 1,
) -> Series:
    """Value of an expression at every so-manieth step; see ``Run.watch``."""
    (series,) = _watch_all(run, [_expression(expression)], start, stop, every)
    return series


def log(
    run: "Run",
    expressions: tuple[str | Expression, ...],
    start: int = 0,
    stop: int | None = None,
    every: int = 1,
) -> None:
    """Print expressions as the training would have printed them; see ``Run.log``."""
    read = [_expression(expression) for expression in expressions]
    for step, values in _values(run, read, start, stop, every):
        shown = "  ".join(f"{e.text} = {_brief(e.value(values))}" for e in read)
        print(f"step {step:,}  {shown}")


def _watch_all(
    run: "Run", expressions: list[Expression], start: int, stop: int | None, every: int
) -> list[Series]:
    steps, found = [], [[] for _ in expressions]  # type: tuple[list[int], list[list[Any]]]
    for step, values in _values(run, expressions, start, stop, every):
        steps.append(step)
        for expression, series in zip(expressions, found, strict=True):
            series.append(expression.value(values))
    return [Series(np.array(steps, np.int64), np.array(values)) for values in found]


def _values(
    run: "Run", expressions: list[Expression], start: int, stop: int | None, every: int
) -> Iterator[tuple[int, Any]]:
    """Steps with the values that the expressions ask for."""
    if every < 1:
        raise ValueError(f"every must be at least 1, got {every}")
    if not expressions:
        raise ValueError("give at least one expression, such as 'loss'")
    names = frozenset().union(*(expression.names for expression in expressions))
    end = 1 + min(last_moment(run, expression) for expression in expressions)
    end = end if stop is None else min(end, stop)
    return scan(run.replay, run.at(start).step, end, names, every)


def _expression(condition: str | Expression) -> Expression:
    return condition if isinstance(condition, Expression) else Expression(condition)


def _brief(value: Any) -> str:
    """A number in six digits; an array with few of its entries."""
    if np.ndim(value) == 0:
        return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)
    return np.array2string(value, precision=4, threshold=8, edgeitems=2).replace("\n", "")
