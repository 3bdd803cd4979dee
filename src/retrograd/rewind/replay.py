"""Replay: the state after any step of a run, from the checkpoint before it, by training on."""

import threading
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from retrograd.engine.course import Course
from retrograd.engine.divergence import DivergenceError
from retrograd.engine.kernels.data import Data
from retrograd.engine.trainer import STEP_WORK, State, Trainer
from retrograd.rewind.header import Header
from retrograd.rewind.store import RunFileError, Store
from retrograd.rewind.trace import Trace, trace_step

# Multiplications between two looks at what a search has found.
CALL_WORK = 1 << 31
# Rows planned at once.
PLANNED_ROWS = 1 << 22


class ReplayWarning(UserWarning):
    """A replay on this machine, or with these versions, does not give the recorded bits."""


@dataclass(frozen=True)
class Difference:
    """Where a replay first left the record.

    Attributes
    ----------
    begin, step : int
        The checkpoint that was replayed from, and the one that then was not met.
    largest : float
        Largest difference of a parameter.
    """

    begin: int
    step: int
    largest: float


class Replay:
    """Goes to any step of one run; keeps where it was last, so that neighbours are near.

    Parameters
    ----------
    store : Store
    run : int
        The run's number in the store.
    header : Header
    course : Course
    data : callable
        Hands out the training data, once they are needed.
    rates : callable
        Rate of an epoch, before any schedule by step.
    """

    def __init__(
        self,
        store: Store,
        run: int,
        header: Header,
        course: Course,
        data: Callable[[], Data],
        rates: Callable[[int], float],
    ) -> None:
        self.store, self.run, self.header, self.course = store, run, header, course
        self.data = data
        self.rate_of = rates
        self.difference: Difference | None = None
        self._verified: set[int] = set()
        self._met: set[int] = {0}
        self.lock = threading.RLock()
        self._trainer: Trainer | None = None

    def state(self, step: int) -> State:
        """State after so many steps of the run; one of a checkpoint needs no data."""
        with self.lock:
            if step in self.store.steps_of(self.run):
                return self.checkpoint(step)
            return self.at(step).state.copy()

    def trace(self, step: int) -> Trace:
        """Trace of the step taken then."""
        with self.lock:
            state = self.at(step).state
            steps = self.course.between(step, step + 1, self.rate_of)
            return trace_step(
                self.header.network, self.header.optimizer, self.data(), state, steps.rows,
                float(steps.rates[0]),
            )  # fmt: skip

    def losses(self, begin: int, end: int) -> Iterator[tuple[int, np.ndarray]]:
        """Losses of the steps from ``begin`` to before ``end``, some at a time: (step, losses).

        At training speed. A step that diverges has the loss that it came to, and is the last.
        """
        step, checkpoints = begin, self.store.steps_of(self.run)
        work = 3 * self.header.network.n_parameters * self.course.batch_size + STEP_WORK
        while step < end:
            n = min(end - step, max(1, CALL_WORK // work))
            after = bisect_right(checkpoints, step)
            if after < len(checkpoints):  # which is then compared
                n = min(n, checkpoints[after] - step)
            with self.lock:
                losses, diverged = self.advance(self.at(step), step + n)
            yield step, losses
            if diverged:
                return
            step += n

    def checkpoint(self, step: int) -> State:
        """State that the file holds."""
        found = self.store.rows("checkpoints", "run = ? AND step = ?", self.run, step)
        if not found:
            raise RunFileError(
                f"{self.store.name} is damaged: the checkpoint of step {step} is gone"
            )
        _, _, epoch, rate, samples_seen, blob = found[0]
        header, numbers = self.header, self.header.course
        n, n_slots = header.network.n_parameters, header.optimizer.n_slots
        dtype = np.dtype(header.dtype)
        if len(blob) != n * (1 + n_slots) * dtype.itemsize:
            raise RunFileError(
                f"{self.store.name} is damaged: the checkpoint of step {step} has not the "
                "network's size"
            )
        whole = np.frombuffer(blob, dtype).reshape(1 + n_slots, n)
        state = State(
            whole[0].copy(), whole[1:].copy(), rate, numbers["first_step"] + step, epoch,
            samples_seen, numbers["schedule_start"],
        )  # fmt: skip
        # One at an epoch's last step was taken before the epoch was counted.
        self.count_epochs(state)
        return state

    def verify(self) -> Difference | None:
        """Replay the whole run, checkpoint to checkpoint; where it first left the record."""
        steps = self.store.steps_of(self.run)
        for begin in steps[:-1]:
            self._verify(begin, steps)
        return self.difference

    def at(self, step: int) -> Trainer:
        """Trainer whose state is as after so many steps."""
        steps = self.store.steps_of(self.run)
        if not steps or steps[0] != 0:
            raise RunFileError(f"{self.store.name} is damaged: the run's start is gone")
        before = steps[bisect_right(steps, step) - 1]
        if not self.header.is_from_here:
            self._verify(before, steps)
        trainer, here = self._trainer, -1
        if trainer is not None:
            here = trainer.state.step - self.course.first_step
            if here == before and before not in self._met:
                self._meet(trainer.state, before, steps)
        if trainer is None or not before <= here <= step:
            trainer, here = self._enter(before), before
        self.forget()  # should what follows be interrupted
        self.advance(trainer, step, good=True)
        self._trainer = trainer
        self.count_epochs(trainer.state)
        return trainer

    def forget(self) -> None:
        """Let go of the trainer, whose state is of no more use."""
        self._trainer = None

    def _enter(self, checkpoint: int) -> Trainer:
        """Trainer at a checkpoint."""
        state, old = self.checkpoint(checkpoint), self._trainer
        if old is not None:
            old.state = state
            return old
        return Trainer(
            self.header.network, self.header.optimizer, self.data(), self.course.batch_size, state
        )

    def advance(self, trainer: Trainer, end: int, good: bool = False) -> tuple[np.ndarray, bool]:
        """Train on to a step; the losses on the way, and whether it diverged instead."""
        state, parts = trainer.state, [np.empty(0)]
        while (here := state.step - self.course.first_step) < end:
            stop = min(end, here + max(1, PLANNED_ROWS // self.course.batch_size))
            try:
                parts.append(trainer.run(*self.course.between(here, stop, self.rate_of)))
            except DivergenceError as error:
                if good:
                    raise
                self.forget()
                parts.append(error.losses)
                return np.concatenate(parts), True
            self.count_epochs(state)
        return np.concatenate(parts), False

    def count_epochs(self, state: State) -> None:
        """Give a state the epoch and the rate that its step is in."""
        epoch, _ = self.course.place(state.step - self.course.first_step)
        if epoch != state.epoch:
            state.epoch, state.learning_rate = epoch, self.rate_of(epoch)

    def _verify(self, begin: int, steps: list[int]) -> None:
        """Compare a replay from one checkpoint to the next with the latter; once."""
        at = steps.index(begin)
        if begin in self._verified or at + 1 == len(steps):
            return
        self._verified.add(begin)
        end = steps[at + 1]
        trainer = Trainer(
            self.header.network, self.header.optimizer, self.data(), self.course.batch_size,
            self.checkpoint(begin),
        )  # fmt: skip
        self.advance(trainer, end, good=True)
        self._meet(trainer.state, end, steps)

    def _meet(self, state: State, checkpoint: int, steps: list[int]) -> None:
        """Compare a state that a replay has come to with the checkpoint there."""
        self._met.add(checkpoint)
        there, begin = self.checkpoint(checkpoint), steps[steps.index(checkpoint) - 1]
        if same_bits(state, there) or (self.difference and self.difference.begin <= begin):
            return
        largest = float(np.abs(state.theta - there.theta).max())
        first, self.difference = self.difference is None, Difference(begin, checkpoint, largest)
        if first:
            warnings.warn(
                f"{self.store.name}: replaying steps {begin} to {checkpoint} here does not give "
                f"the recorded bits; parameters differ by up to {largest:.3g}. The run was made by "
                f"{_listed(self.header.made_by)}, {_listed(self.header.machine)}. Moments that are "
                "not checkpoints are an approximation of it: their `exact` is False",
                ReplayWarning,
                stacklevel=5,
            )

    def is_exact(self, step: int) -> bool:
        """Whether a step's state is known to be the recorded one, bit for bit."""
        if self.difference is None:
            return True
        return step in self.store.steps_of(self.run)


def same_bits(one: State, other: State) -> bool:
    """Whether two states have the same parameters and slots, NaN being NaN."""
    return (
        one.theta.tobytes() == other.theta.tobytes()
        and one.slots.tobytes() == other.slots.tobytes()
    )


def _listed(facts: dict) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items())
