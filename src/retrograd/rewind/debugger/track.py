"""A track: the phases of all steps of a run, one after the other, and what is known at each."""

from retrograd.rewind.debugger.places import END, Place, phases_of
from retrograd.rewind.moment import Moment
from retrograd.rewind.run import Run
from retrograd.rewind.scan import StepValues, values_of
from retrograd.rewind.trace import Trace


class DebuggerError(ValueError):
    """A command that cannot be followed; the message says why, in one line."""


class Track:
    """A run as a line of numbered places: the phases of step 0, those of step 1, and the end.

    A step that diverged has its phases, though no state came of it, and nothing is behind them.

    Parameters
    ----------
    run : Run

    Attributes
    ----------
    phases : list of Phase
        Of every step.
    n : int
        How many they are.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.phases = phases_of(run.header.network.n_layers)
        self.n = len(self.phases)
        self._moment: Moment | None = None

    @property
    def diverged(self) -> bool:
        """Whether the run ends with a step that diverged."""
        return self.run.status == "diverged"

    @property
    def last(self) -> int:
        """The last place."""
        return self.n * len(self.run) + (self.n - 1 if self.diverged else 0)

    def is_end(self, at: int) -> bool:
        """Whether no step is taken from there any more."""
        return at == self.n * len(self.run) and not self.diverged

    def place(self, at: int) -> Place:
        """Step and phase of a place."""
        step, k = divmod(at, self.n)
        return Place(step, END if self.is_end(at) else self.phases[k])

    def moment(self, at: int) -> Moment:
        """The run before the step of a place; kept, since one stays in a step for a while."""
        step = at // self.n
        if self._moment is None or self._moment.step != step:
            self._moment = self.run.at(step)
        return self._moment

    def trace(self, at: int) -> Trace:
        """Every number of the step of a place.

        Raises
        ------
        DebuggerError
            At the run's end, from which no step is taken.
        """
        if self.is_end(at):
            raise DebuggerError("the run ends here: no step is taken any more (try back, or goto)")
        return self.moment(at).trace()

    def values(self, at: int) -> StepValues:
        """What expressions may ask for at a place."""
        if not self.is_end(at):
            return values_of(self.trace(at), at // self.n)
        moment = self.moment(at)
        return StepValues(
            step=moment.step,
            epoch=moment.epoch,
            learning_rate=lambda: moment.learning_rate,
            coefs=moment.coefs,
            intercepts=moment.intercepts,
        )
