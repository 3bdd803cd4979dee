"""A run: a recorded training, as a sequence of moments; and the runs of a file."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike
from typing import Any, Protocol

import numpy as np

from retrograd.engine.kernels.data import Data
from retrograd.engine.notes import counted
from retrograd.rewind import questions
from retrograd.rewind.moment import Moment
from retrograd.rewind.questions import Condition, Series
from retrograd.rewind.recorded import Recorded
from retrograd.rewind.replay import Difference
from retrograd.rewind.store import Opened, RunFileError, Store
from retrograd.rewind.why import Why, why

# What draws a run, by the kind of file; the faces, which are above us, put themselves here.
drawing: dict[str, Callable[..., None]] = {}


class Door(Protocol):
    """What only the estimators' room can do with a run."""

    def estimator(self, moment: Moment) -> Any:
        """Fitted estimator as of a moment."""

    def result(self, run: "Run") -> Any:
        """Fitted estimator as ``fit`` has left it."""

    def resume(self, run: "Run") -> Any:
        """Go on with an interrupted run to its end; the fitted estimator."""

    def branch(self, run: "Run", step: int, changes: dict, edit: Any = None) -> "Run":
        """Train on from a moment, otherwise, as a run of its own."""


class Run(Recorded):
    """A recorded training.

    Moment k is the state after k steps, 0 ≤ k ≤ len(run); its trace is the step taken from it.

    Parameters
    ----------
    store : Store
    number : int
        The run's number in the store.
    door : Door
    data : Data, optional
        The training data, if the store does not keep them.

    Attributes
    ----------
    status : {'running', 'ended', 'interrupted', 'diverged', 'failed'}
        How it ended; a run that was killed is 'running' for ever, until it is resumed.
    note : str
        Where it diverged, or why it failed.

    Raises
    ------
    RunFileError
        If the store has no such run, or it is damaged, or the data are other than was recorded.
    """

    def __init__(self, store: Store, number: int, door: Door, data: Data | None = None) -> None:
        super().__init__(store, number, data)
        self.door = door

    def __getitem__(self, step: int) -> Moment:
        """Moment after so many steps; negative from the end, which -1 is."""
        if isinstance(step, slice):
            raise TypeError("a run is no list of moments: ask for one, as in run[10]")
        if isinstance(step, int | np.integer) and -len(self) - 1 <= step < 0:
            step = len(self) + 1 + step
        return self.at(step)

    def __iter__(self) -> Iterator[Moment]:
        """All moments, from the start to the end."""
        return (self.at(step) for step in range(len(self) + 1))

    def __reversed__(self) -> Iterator[Moment]:
        """All moments, from the end to the start."""
        return (self.at(step) for step in range(len(self), -1, -1))

    def __bool__(self) -> bool:
        """Return True: a run without a step has a start."""
        return True

    def at(self, step: int | None = None, *, epoch: int | None = None) -> Moment:
        """Moment after so many steps, or before the first step of an epoch.

        Raises
        ------
        IndexError
            If the run did not come there.
        """
        if (step is None) == (epoch is None):
            raise TypeError("at() takes a step or an epoch: not both, and not neither")
        if epoch is not None:
            return self.at(self._step_of(epoch))
        if isinstance(step, bool) or not isinstance(step, int | np.integer):
            raise TypeError(f"a step is a whole number, not {step!r}")
        if not 0 <= step <= len(self):
            raise IndexError(
                f"step {step} is not in the run, which has steps 0 to {len(self)} (the last is its "
                "end)"
            )
        return Moment(self, int(step))

    def _step_of(self, epoch: int) -> int:
        if isinstance(epoch, bool) or not isinstance(epoch, int | np.integer):
            raise TypeError(f"an epoch is a whole number, not {epoch!r}")
        first = self.header.course["first_epoch"]
        last, _ = self.replay.course.place(len(self))
        if not first <= epoch <= last:
            raise IndexError(f"epoch {epoch} is not in the run, which has epochs {first} to {last}")
        return self.replay.course.begin_of(epoch)

    def estimator(self) -> Any:
        """Fitted estimator as ``fit`` has left it: with ``early_stopping``, at its best."""
        return self.door.result(self)

    def verify(self) -> Difference | None:
        """Replay all of it against its checkpoints; None if every one was met, bit for bit."""
        return self.replay.verify()

    def first(self, condition: Condition, after: int = 0) -> Moment | None:
        """First moment at which a condition holds, found by replay.

        Parameters
        ----------
        condition : str or callable
            Text such as ``"loss > 2"``, ``"any(isnan(dW[1]))"`` or ``"dead(1, 7)"``, of the names
            and functions of ``rewind.vocabulary``; it is asked of each moment and of the step
            taken from it. Or a function of a moment, which is asked of the last one, too.
        after : int, default=0
            The first step to look at.

        Returns
        -------
        Moment, or None if there is none.

        Raises
        ------
        ExpressionError
            If the text is no condition.
        """
        return questions.first(self, condition, self.at(after).step)

    def last(self, condition: Condition, before: int | None = None) -> Moment | None:
        """Last moment, before some step, at which a condition holds; as ``first``.

        Raises
        ------
        ExpressionError
            If the text is no condition.
        IndexError
            If ``before`` is negative.
        """
        return questions.last(self, condition, before)

    def watch(
        self, expression: str, start: int = 0, stop: int | None = None, every: int = 1
    ) -> Series:
        """Value of an expression, such as ``"coefs[0][3, 2]"``, at every n-th step.

        Returns
        -------
        Series
            Of ``steps`` and ``values``, from ``start`` to before ``stop``.

        Raises
        ------
        ExpressionError
            If the text is no expression.
        IndexError
            If ``start`` is not in the run, or ``stop`` negative.
        """
        return questions.watch(self, expression, start, stop, every)

    def log(
        self, *expressions: str, start: int = 0, stop: int | None = None, every: int = 1
    ) -> None:
        """Print expressions at every n-th step, as if the training had done so."""
        questions.log(self, expressions, start, stop, every)

    def why(self, layer: int, i: int | None, o: int, step: int) -> Why:
        """Which rows, and what else, moved ``coefs[layer][i, o]`` (a bias if i is None) in a step.

        At the run's end it is the step that was not taken any more, as ``Moment.trace`` has it.

        Returns
        -------
        Why
            ``print`` it; its shares sum to the update.
        """
        return why(self.at(step).trace(), layer, i, o)

    def resume(self) -> Any:
        """Go on with a run that was killed or interrupted, to the end that it would have had.

        Returns
        -------
        The fitted estimator.
        """
        return self.door.resume(self)

    def branch(self, at: int, edit: Mapping[str, Any] | None = None, **changes: Any) -> "Run":
        """Train on from a moment, otherwise: a run of its own, in the same file.

        Parameters
        ----------
        at : int
            The step to begin at.
        edit : mapping of str to values, optional
            Weights, biases and targets to begin with, by name: ``{"coefs[0][3, 2]": 0.5,
            "intercepts[1][0]": 0.0, "y[17]": "virginica"}``, also of slices, as in
            ``"coefs[0][:, 2]"``. Rows of y count from 0, as they were passed to ``fit``; a
            classifier's are named by class. The optimizer keeps its memory.
        **changes
            Parameters of the estimator, such as ``learning_rate_init=0.01``.

        Raises
        ------
        ValueError
            If a parameter or an edit is of nothing that a branch can change, or there is no epoch
            left to train.
        """
        return self.door.branch(self, self.at(at).step, changes, edit)

    def to_html(self, path: str | PathLike, budget: int = 5_000_000) -> None:
        """Draw it as a page in one file, which needs neither a server nor a network.

        It has as many of the moments as find room, the first, the last and the best among them.

        Parameters
        ----------
        path : str or path
            The file to write.
        budget : int, default=5_000_000
            Bytes that it may take.

        Raises
        ------
        ValueError
            If not even one moment finds room.
        OSError
            If the file cannot be written, or one is there that is no page.
        """
        if "html" not in drawing:
            raise RuntimeError("no page is at hand: open the run with retrograd.open_run")
        drawing["html"](self, path, budget)

    def __repr__(self) -> str:
        """One line."""
        place = f", {self.header.place}" if self.header.place else ""
        steps = counted(len(self), "step")
        return f"<Run {self.number} of {self.store.name}{place}: {steps}, {self.status}>"


class Runs(Opened, Sequence):
    """The runs of a file, in the order in which they were begun.

    Parameters
    ----------
    store : Store
    door : Door
    """

    def __init__(self, store: Store, door: Door) -> None:
        self.store, self.door = store, door
        with store.at_once():
            self.numbers = [number for number, _ in store.rows("runs", order="run")]
            begun = [row[0] for row in store.rows("progress", order="run")]
        # Runs are counted from 1, and never go.
        if self.numbers != list(range(1, len(self.numbers) + 1)) or {*begun} - {*self.numbers}:
            raise RunFileError(f"{store.name} is damaged: a run is missing")

    def __len__(self) -> int:
        """How many there are."""
        return len(self.numbers)

    def __getitem__(self, index: Any) -> Any:
        """One, or a list of those of a slice."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return Run(self.store, self.numbers[index], self.door)

    def __repr__(self) -> str:
        """One line for each."""
        lines = []
        for index in range(len(self)):
            try:
                lines.append(repr(self[index]))
            except RunFileError as error:
                lines.append(f"<{error}>")
        return "\n".join(lines) or f"<{self.store.name} has no runs>"
