"""Questions to the past: the first or last moment at which something holds, series, print lines.

Each is answered by replay, whatever was thought of when the run was recorded.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from retrograd.rewind.expressions import Expression
from retrograd.rewind.scan import BEFORE, StepValues, scan
from retrograd.rewind.stretches import Stretch, are_kept, stepwise, stretches
from retrograd.rewind.syntax import ExpressionError

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
    with closing(hits(run, condition, after, last_moment(run, condition) + 1)) as found:
        for step in found:
            return run.at(step)
    return None


def last(run: "Run", condition: Condition, before: int | None = None) -> "Moment | None":
    """Last moment before ``before`` at which the condition holds; see ``Run.last``."""
    end = _end(last_moment(run, condition) + 1, "before", before)
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
    parameters are can still be asked, and so can a function, of the moment.
    """
    if run.status == "diverged" or not isinstance(condition, str | Expression):
        return len(run)
    return len(run) if _expression(condition).names <= BEFORE else len(run) - 1


def hits(run: "Run", condition: Condition, begin: int, end: int) -> Generator[int]:
    """Steps from ``begin`` to before ``end`` at which the condition holds, by replay."""
    if not isinstance(condition, str | Expression):
        if not callable(condition):
            raise TypeError(
                f'a condition is an expression, as "loss > 2", or a function of a moment, not '
                f"{condition!r}"
            )
        yield from (step for step in range(begin, end) if condition(run.at(step)))
        return
    expression = _expression(condition)
    together = stepwise(expression)
    for part in _parts(run, expression.names, begin, end):
        if isinstance(part, Stretch) and together is not None:
            holds = together.holds_at_each(part.values, part.losses.size)
            if holds is not None:
                yield from (part.step + np.flatnonzero(holds)).tolist()
                continue
        with _let_go(part):
            yield from (step for step, values in part if expression.holds(values))


def _parts(
    run: "Run", names: frozenset[str], begin: int, end: int, every: int = 1
) -> Iterator[Stretch | Iterator[tuple[int, StepValues]]]:
    """Steps with the values that are named: in stretches where these have them, else one by one."""
    if every == 1 and are_kept(names, run.header.network):
        # From the last moment of a run that went well no step is taken.
        taken = min(end, len(run) + (run.status == "diverged"))
        yield from stretches(run.replay, begin, taken, names)
        begin = max(begin, taken)
    if begin < end:
        yield scan(run.replay, begin, end, names, every)


def watch(
    run: "Run",
    expression: str | Expression,
    start: int = 0,
    stop: int | None = None,
    every: int = 1,
) -> Series:
    """Value of an expression at every n-th step; see ``Run.watch``."""
    read = _expression(expression)
    together = stepwise(read)
    steps, values = [np.empty(0, np.int64)], []  # type: tuple[list[np.ndarray], list[np.ndarray]]
    for part in _asked(run, [read], start, stop, every):
        if isinstance(part, Stretch) and together is not None:
            found = together.value_at_each(part.values, part.losses.size)
            if found is not None:
                steps.append(np.arange(part.step, part.end))
                values.append(found)
                continue
        with _let_go(part):
            pairs = [(step, read.value(of_step)) for step, of_step in part]
        steps.append(np.array([step for step, _ in pairs], np.int64))
        values.append(_as_one(read, pairs))
    return Series(np.concatenate(steps), np.concatenate(values) if values else np.empty(0))


def _as_one(expression: Expression, pairs: list[tuple[int, Any]]) -> np.ndarray:
    """Values of some steps as one array."""
    shape = np.shape(pairs[0][1]) if pairs else ()
    for step, value in pairs:
        if np.shape(value) != shape:
            raise ExpressionError(
                f"{expression.text} is of shape {shape} at step {pairs[0][0]}, and of "
                f"{np.shape(value)} at step {step}: watch a number of it, as in "
                f"mean({expression.text})"
            )
    return np.array([value for _, value in pairs])


def log(
    run: "Run",
    expressions: tuple[str | Expression, ...],
    start: int = 0,
    stop: int | None = None,
    every: int = 1,
) -> None:
    """Print expressions as the training would have printed them; see ``Run.log``."""
    read = [_expression(expression) for expression in expressions]
    for part in _asked(run, read, start, stop, every):
        with _let_go(part):
            for step, values in part:
                shown = "  ".join(f"{e.text} = {_brief(e.value(values))}" for e in read)
                print(f"step {step:,}  {shown}")


@contextmanager
def _let_go(part: Stretch | Iterator[tuple[int, StepValues]]) -> Iterator[None]:
    """Let go of the replay when a part is done with, even if an error keeps its frames alive."""
    try:
        yield
    finally:
        if isinstance(part, Generator):
            part.close()


def _asked(
    run: "Run", expressions: list[Expression], start: int, stop: int | None, every: int
) -> Iterator[Stretch | Iterator[tuple[int, StepValues]]]:
    """Steps with the values that the expressions ask for."""
    if isinstance(every, bool) or not isinstance(every, int | np.integer) or every < 1:
        raise ValueError(f"every must be a whole number, at least 1, got {every!r}")
    if not expressions:
        raise ValueError("give at least one expression, such as 'loss'")
    names = frozenset().union(*(expression.names for expression in expressions))
    last = min(last_moment(run, expression) for expression in expressions)
    end = _end(last + 1, "stop", stop)
    return _parts(run, names, run.at(start).step, end, every)


def _end(end: int, name: str, step: int | None) -> int:
    """The step to stop before, which may be named; what is none is refused."""
    if step is None:
        return end
    if isinstance(step, bool) or not isinstance(step, int | np.integer):
        raise TypeError(f"{name} is a step, a whole number, not {step!r}")
    if step < 0:
        raise IndexError(f"{name}={step} is no step: they count from 0, the run's start")
    return min(end, int(step))


def _expression(condition: str | Expression) -> Expression:
    if not isinstance(condition, str | Expression):
        raise TypeError(
            f"an expression is a text such as 'loss', not {condition!r}: a function can be asked "
            "by first and last, or of moments, as in [f(run[k]) for k in range(9)]"
        )
    return condition if isinstance(condition, Expression) else Expression(condition)


def _brief(value: Any) -> str:
    """A number in six digits; an array with few of its entries."""
    if np.ndim(value) == 0:
        return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)
    return np.array2string(value, precision=4, threshold=8, edgeitems=2).replace("\n", "")
