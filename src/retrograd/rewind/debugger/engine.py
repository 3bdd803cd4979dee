"""The debugger's engine: a place in a run, breakpoints and watches, and moving to and fro."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from retrograd.rewind.debugger.places import Phase, Place, read_phase
from retrograd.rewind.debugger.search import Breakpoint, holding, last_place, next_place
from retrograd.rewind.debugger.track import DebuggerError, Track
from retrograd.rewind.debugger.watches import Watch, Watched
from retrograd.rewind.expressions import Expression
from retrograd.rewind.run import Run
from retrograd.rewind.syntax import ExpressionError
from retrograd.rewind.trace import Trace
from retrograd.rewind.why import Why, why

# Values that are worked out at once for a log: an interrupt comes behind lines that are there.
LOGGED_AT_ONCE = 16
BEGIN = "the run begins here"


class Stop(NamedTuple):
    """Where the debugger has come to a stop.

    Attributes
    ----------
    place : Place
    reasons : tuple of str
        Why there; empty if it was told to go there.
    watched : tuple of Watched
    """

    place: Place
    reasons: tuple[str, ...] = ()
    watched: tuple[Watched, ...] = ()


class Debugger:
    """Goes through a recorded run, phase by phase, forward and back; knows no terminal.

    Whatever fails or is interrupted on the way leaves it where it was.

    Parameters
    ----------
    run : Run

    Attributes
    ----------
    run : Run
    breakpoints : list of Breakpoint
    watches : list of Watch

    Examples
    --------
    >>> import numpy as np
    >>> from retrograd.estimators.notebook import MLP
    >>> from retrograd.estimators.recorder import Recorder
    >>> from retrograd.estimators.rewinding import open_run
    >>> recorder = Recorder()
    >>> _ = MLP(2, 0.1, 3).fit(np.eye(2), np.array([0, 1]), recorder)
    >>> debugger = Debugger(open_run(recorder))
    >>> str(debugger.here), str(debugger.step().place), str(debugger.next().place)
    ('0 forward 0', '0 forward 1', '1 forward 0')
    >>> print(debugger.back().place)
    0 update
    """

    def __init__(self, run: Run) -> None:
        self.breakpoints: list[Breakpoint] = []
        self.watches: list[Watch] = []
        self._track = Track(run)
        self._at, self._numbers = 0, 0
        self._left: dict[int, int] = {}

    @property
    def run(self) -> Run:
        """The run that it is in."""
        return self._track.run

    @property
    def phases(self) -> list[Phase]:
        """Phases of a step of this run."""
        return self._track.phases

    @property
    def here(self) -> Place:
        """Step and phase."""
        return self._track.place(self._at)

    @property
    def at_end(self) -> bool:
        """Whether no step is taken from here any more."""
        return self._track.is_end(self._at)

    @property
    def trace(self) -> Trace:
        """Every number of this step; a DebuggerError at the run's end."""
        return self._track.trace(self._at)

    @property
    def epoch(self) -> int:
        """Epochs that are over."""
        return self._track.moment(self._at).epoch

    @property
    def numbers(self) -> list[str]:
        """Numbers of the breakpoints and watches."""
        set_up = [one.number for one in self.breakpoints] + [one.number for one in self.watches]
        return [str(number) for number in sorted(set_up)]

    # Moving.

    def step(self, n: int = 1) -> Stop:
        """Go on by so many phases."""
        return self._go(self._at + n)

    def back(self, n: int = 1) -> Stop:
        """Go back by so many phases."""
        return self._go(self._at - n)

    def next(self, n: int = 1) -> Stop:
        """Go on by so many steps, to the first phase."""
        whole = self._at // self._track.n
        return self._go((whole + n) * self._track.n)

    def previous(self, n: int = 1) -> Stop:
        """Go back by so many steps; the begin of this one, if it is another place, is the first."""
        whole = -(-self._at // self._track.n)
        return self._go((whole - n) * self._track.n)

    def goto(
        self, step: int | None = None, phase: Phase | None = None, *, epoch: int | None = None
    ) -> Stop:
        """Go to a step of this run, or the first one of an epoch, or a phase of this step.

        Raises
        ------
        DebuggerError
            If the run did not come there.
        """
        if step is None and epoch is None:
            step = self.here.step
        try:
            step = self.run.at(step, epoch=epoch).step
        except IndexError as error:
            raise DebuggerError(str(error)) from None
        there = step * self._track.n + (self.phases.index(phase) if phase else 0)
        if there > self._track.last:
            raise DebuggerError(f"step {step} is the run's end: no step is taken from it")
        return self._go(there)

    def goto_end(self) -> Stop:
        """Go to the run's end; if it diverged, to the step at which it did."""
        return self.goto(len(self.run))

    def look(self, *reasons: str) -> Stop:
        """Stop where it is."""
        return self._go(self._at, *reasons)

    def _go(self, at: int, *reasons: str) -> Stop:
        there, origin = min(max(at, 0), self._track.last), self._at
        if there != at:
            reasons = (self._ending() if at > 0 else BEGIN,)
        try:
            self._at = there
            return Stop(self.here, reasons, tuple(map(self._look, self.watches)))
        except BaseException:
            self._at = origin
            raise

    def _ending(self) -> str:
        if self._track.diverged:
            return f"the run ends here: step {len(self.run):,} diverged"
        return "the run ends here"

    # Breakpoints.

    def add_breakpoint(self, text: str) -> Breakpoint:
        """Stop at moments at which a condition holds, or at a phase such as ``backward 1``.

        Raises
        ------
        DebuggerError
            If it is neither.
        """
        phase, condition = read_phase(text, self.run.header.network.n_layers), None
        if phase is None:
            condition = self._read(text)
            self._answer(condition, condition.holds)
        self.breakpoints.append(Breakpoint(self._number(), phase, condition))
        return self.breakpoints[-1]

    def delete(self, number: int) -> None:
        """Delete a breakpoint or a watch; a DebuggerError if there is none of that number."""
        kept = len(self.breakpoints) + len(self.watches)
        self.breakpoints = [one for one in self.breakpoints if one.number != number]
        self.watches = [one for one in self.watches if one.number != number]
        if kept == len(self.breakpoints) + len(self.watches):
            raise DebuggerError(f"there is no breakpoint or watch {number} (info shows them)")

    def go_on(self) -> Stop:
        """Go to the next place at which a breakpoint holds, or to the run's end."""
        return self._search(next_place, self._track.last, self._ending())

    def go_back(self) -> Stop:
        """Go to the last place before this one at which a breakpoint held, or to the begin."""
        return self._search(last_place, 0, BEGIN)

    def _search(self, find: Callable[..., int | None], otherwise: int, there: str) -> Stop:
        try:
            found = find(self.breakpoints, self._track, self._at)
            if found is not None:
                hits = holding(self.breakpoints, self._track, found)
                return self._go(found, *(f"breakpoint {one.number}: {one.text}" for one in hits))
        except ExpressionError as error:
            raise DebuggerError(f"a breakpoint has no answer: {first_line(error)}") from None
        none = "" if self.breakpoints else " (there is no breakpoint)"
        return self._go(otherwise, there + none)

    # Questions.

    def evaluate(self, text: str) -> Any:
        """Value of an expression here."""
        expression = self._read(text)
        try:
            return expression.value(self._track.values(self._at))
        except ExpressionError as error:
            raise DebuggerError(self._explain(error)) from None

    def add_watch(self, text: str) -> Watched:
        """Show an expression's value at every stop from here on."""
        expression = self._read(text)
        self._answer(expression, expression.value)
        self.watches.append(Watch(self._number(), expression))
        return self._look(self.watches[-1])

    def _look(self, watch: Watch) -> Watched:
        return watch.look(self._track.values(self._at))

    def log(self, text: str, start: int, stop: int, every: int) -> Iterator[tuple[int, Any]]:
        """Steps from ``start`` to before ``stop`` with the value of an expression at each."""
        expression = self._read(text)
        if every < 1:
            raise DebuggerError(f"every must be at least 1, not {every}")
        some = LOGGED_AT_ONCE * every
        for begin in range(start, stop, some):
            try:
                series = self.run.watch(expression.text, begin, min(stop, begin + some), every)
            except ExpressionError as error:
                raise DebuggerError(self._explain(error)) from None
            yield from zip(series.steps.tolist(), series.values, strict=True)

    def why(self, layer: int, i: int | None, o: int) -> Why:
        """Why a weight, or a bias if i is None, moves in this step."""
        trace = self.trace
        try:
            return why(trace, layer, i, o)
        except IndexError as error:
            raise DebuggerError(str(error)) from None

    def _read(self, text: str) -> Expression:
        try:
            return Expression(text)
        except ExpressionError as error:
            raise DebuggerError(self._explain(error)) from None

    def _answer(self, expression: Expression, ask: Callable[[Any], Any]) -> None:
        """Ask an expression, to see that it has an answer; at the end it may have none."""
        values = self._track.values(self._at)
        if self.at_end and not expression.names <= {*values}:
            return
        try:
            ask(values)
        except ExpressionError as error:
            raise DebuggerError(self._explain(error)) from None

    def _explain(self, error: ExpressionError) -> str:
        if self.at_end and error.reason == "not known at this step":
            return f"{first_line(error)}: it is the run's end, and none is taken any more"
        return first_line(error)

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    # Other runs.

    def branch(self, changes: dict[str, Any]) -> Run:
        """Train on from this step, otherwise: a run of its own; stays in this one.

        Parameters
        ----------
        changes : dict
            Parameters, and weights, biases or targets, see ``Run.branch``; these have brackets.
        """
        edit = {name: value for name, value in changes.items() if "[" in name}
        others = {name: value for name, value in changes.items() if "[" not in name}
        if "at" in others:  # as it is said in Python
            raise DebuggerError(
                "branch begins at the step where you are: first goto another, and leave out at="
            )
        try:
            # Not by ``Run.branch``, whose other arguments are no parameters.
            return self.run.door.branch(self.run, self.here.step, others, edit)
        except (ValueError, TypeError) as error:
            raise DebuggerError(" ".join(str(error).split())) from None

    def go_to_run(self, run: Run) -> Stop:
        """Go to another run: to where it was left, or else to its begin."""
        track, at, values = self._track, self._at, [watch.value for watch in self.watches]
        self._left[self.run.number] = at
        self._track, self._at = Track(run), 0
        for watch in self.watches:
            watch.value = None
        try:
            return self._go(self._left.get(run.number, 0))
        except BaseException:
            self._track, self._at = track, at
            for watch, value in zip(self.watches, values, strict=True):
                watch.value = value
            raise


def first_line(error: ExpressionError) -> str:
    """Say where in an expression what is wrong, without the picture of it."""
    return str(error).partition("\n")[0]
