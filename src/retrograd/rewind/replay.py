"""Replay: the state after any step of a run, from the checkpoint before it, by training on."""

import math
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from retrograd.engine.course import Course
from retrograd.engine.divergence import DivergenceError
from retrograd.engine.kernels.data import Data, History
from retrograd.engine.notes import warn
from retrograd.engine.trainer import STEP_WORK, State, Trainer
from retrograd.rewind.header import Header
from retrograd.rewind.store import RunFileError, Store
from retrograd.rewind.trace import Trace, trace_step
from retrograd.rewind.waypoints import Waypoints

# Multiplications between two looks at what a search has found.
CALL_WORK = 1 << 31
# Numbers of a history that are held at once.
HISTORY_NUMBERS = 1 << 20
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
        Largest difference of a parameter, or of the optimizer's memory of one.
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
        # Checkpoints as of the last look; those that a replay has come to, and came to otherwise.
        self._steps: list[int] = []
        self._met: set[int] = {0}
        self._missed: set[int] = set()
        self.lock = threading.RLock()
        self._trainer: Trainer | None = None
        n_parameters = header.network.n_parameters
        state_bytes = (
            (1 + header.optimizer.n_slots) * n_parameters * np.dtype(header.dtype).itemsize
        )
        # Steps between two looks at what a search has found.
        self._stride = max(1, CALL_WORK // (3 * n_parameters * course.batch_size + STEP_WORK))
        self._waypoints = Waypoints(state_bytes, self._stride)

    def state(self, step: int) -> State:
        """State after so many steps of the run; one of a checkpoint needs no data."""
        with self.lock:
            return self._kept(step) or self.at(step).state.copy()

    def trace(self, step: int, state: State | None = None) -> Trace:
        """Trace of the step taken then, from its state if that is at hand."""
        with self.lock:
            if state is None:
                state = self.at(step).state
            steps = self.course.between(step, step + 1, self.rate_of)
            return trace_step(
                self.header.network, self.header.optimizer, self.data(), state, steps.rows,
                float(steps.rates[0]),
            )  # fmt: skip

    def after(self, state: State, trace: Trace) -> State | None:
        """State to which a traced step leads; None where the record is to be asked.

        That is at its checkpoints, and wherever bits cannot be trusted to be its.
        """
        step = state.step + 1 - self.course.first_step
        with self.lock:
            if not self.header.is_from_here or step in self.store.steps_of(self.run):
                return None
            after = replace(
                state, theta=trace.theta_after, slots=trace.slots_after, step=state.step + 1,
                samples_seen=state.samples_seen + trace.rows.size,
            )  # fmt: skip
            self.count_epochs(after)
            return after

    def stretches(
        self, begin: int, end: int, thetas: bool = False, gradients: bool = False
    ) -> Iterator[tuple[int, np.ndarray, History]]:
        """Go from ``begin`` to before ``end``, some steps at a time, at training speed.

        Yields
        ------
        step, losses, history
            The first of them, the loss of each of S, shape (S,), and, where they are asked for, the
            parameters before each of them and their mean gradients, (S, P). A step that diverges
            has what it came to, and is the last.
        """
        step, most = begin, self._stride
        if thetas or gradients:
            most = max(1, min(most, HISTORY_NUMBERS // self.header.network.n_parameters))
        while step < end:
            n = min(end - step, most)
            with self.lock:
                trainer = self.at(step)
                history = History.of(n, trainer.state.theta, thetas, gradients)
                losses, diverged = self.advance(trainer, step + n, history=history)
            yield step, losses, history.part(0, losses.size)
            if diverged:
                return
            step += n

    def _kept(self, step: int) -> State | None:
        """State that the file holds, None if it holds none of that step."""
        with self.store.at_once():
            return self.checkpoint(step) if step in self.store.steps_of(self.run) else None

    def _kept_before(self, step: int) -> State:
        """Last checkpoint that is no later than a step."""
        # At once, since whoever records may be thinning them out.
        with self.store.at_once():
            return self.checkpoint(self._last_before(step))

    def _last_before(self, step: int) -> int:
        self._steps = steps = self.store.steps_of(self.run)
        if not steps or steps[0] != 0:
            raise RunFileError(f"{self.store.name} is damaged: the run's start is gone")
        return steps[bisect_right(steps, step) - 1]

    def checkpoint(self, step: int) -> State:
        """State that the file holds."""
        found = self.store.rows("checkpoints", "run = ? AND step = ?", self.run, step)
        if not found or found[0][:2] != (self.run, step):
            raise RunFileError(
                f"{self.store.name} is damaged: the checkpoint of step {step} is gone"
            )
        _, _, epoch, rate, samples_seen, blob = found[0]
        if not (epoch >= 0 and samples_seen >= 0 and math.isfinite(rate)):
            raise RunFileError(
                f"{self.store.name} is damaged: the checkpoint of step {step} is impossible"
            )
        header, numbers = self.header, self.header.course
        n, n_slots = header.network.n_parameters, header.optimizer.n_slots
        dtype = np.dtype(header.dtype)
        is_fresh = numbers["first_step"] + step == numbers["memory_start"]
        if len(blob) != n * (1 if is_fresh else 1 + n_slots) * dtype.itemsize:
            raise RunFileError(
                f"{self.store.name} is damaged: the checkpoint of step {step} has not the "
                "network's size"
            )
        whole = np.frombuffer(blob, dtype).reshape(-1, n)
        state = State(
            whole[0], np.zeros((n_slots, n), dtype) if is_fresh else whole[1:], rate,
            numbers["first_step"] + step, epoch, samples_seen, numbers["schedule_start"],
            numbers["memory_start"], is_start=is_fresh,
        )  # fmt: skip
        # One at an epoch's last step was taken before the epoch was counted, or in between.
        state.epoch, _ = self.course.place(step)
        if step:
            state.learning_rate = self.rate_of(state.epoch)
        return state

    def verify(self) -> Difference | None:
        """Replay the whole run, checkpoint to checkpoint; where it first left the record."""
        with self.lock:
            for step in self.store.steps_of(self.run):
                self._verify(step)
            return self.difference

    def at(self, step: int) -> Trainer:
        """Trainer whose state is as after so many steps."""
        before = self._last_before(step)
        if not self.header.is_from_here:
            self._verify(before)
        near, trainer = self._waypoints.last(before, step), self._trainer
        first = before if near is None else self._step_of(near)
        if trainer is None or not first <= self._step_of(trainer.state) <= step:
            trainer = self._enter(near or self._kept_before(step))
        self.forget()  # should what follows be interrupted
        ends = self._steps[bisect_right(self._steps, before) :]
        for stop in self._waypoints.between(before, ends[0] if ends else step):
            if self._step_of(trainer.state) < stop <= step:
                self.advance(trainer, stop, good=True)
                self._waypoints.keep(stop, trainer.state)
        self.advance(trainer, step, good=True)
        self._trainer = trainer
        self.count_epochs(trainer.state)
        return trainer

    def forget(self) -> None:
        """Let go of the trainer, whose state is of no more use."""
        self._trainer = None

    def _enter(self, state: State) -> Trainer:
        """Trainer at a state."""
        if self._trainer is not None:
            self._trainer.state = state
            return self._trainer
        return Trainer(
            self.header.network, self.header.optimizer, self.data(), self.course.batch_size, state
        )

    def advance(
        self, trainer: Trainer, end: int, good: bool = False, history: History | None = None
    ) -> tuple[np.ndarray, bool]:
        """Train on to a step; the losses on the way, and whether it diverged instead.

        It is held to every checkpoint on the way. One that is ``good`` must not diverge. A history
        has room for all steps from here on.
        """
        state, parts = trainer.state, [np.empty(0)]
        begin = self._step_of(state)
        while (here := self._step_of(state)) < end:
            stop = min(end, here + max(1, PLANNED_ROWS // self.course.batch_size))
            after = bisect_right(self._steps, here)
            stop = min([stop, *self._steps[after : after + 1]])
            try:
                part = history and history.part(here - begin, stop - begin)
                parts.append(trainer.run(*self.course.between(here, stop, self.rate_of), part))
            except DivergenceError as error:
                self.forget()
                if good:
                    raise RunFileError(
                        f"{self.store.name}: steps {here} to {stop} of run {self.run} cannot be "
                        f"taken again here, though the record goes on: {error.place} diverges"
                    ) from None
                parts.append(error.losses)
                return np.concatenate(parts), True
            self.count_epochs(state)
            self.meet(state)
        return np.concatenate(parts), False

    def _step_of(self, state: State) -> int:
        """A state's step, counted from the run's begin."""
        return state.step - self.course.first_step

    def count_epochs(self, state: State) -> None:
        """Give a state the epoch and the rate that its step is in."""
        epoch, _ = self.course.place(self._step_of(state))
        if epoch != state.epoch:
            state.epoch, state.learning_rate = epoch, self.rate_of(epoch)

    def _verify(self, step: int) -> None:
        """Replay, once, from the checkpoint before a step to the one after it.

        Of steps behind the last checkpoint, the stretch that leads to that one.
        """
        with self.store.at_once():
            self._last_before(step)
            after = min(bisect_right(self._steps, step), len(self._steps) - 1)
            if self._steps[after] in self._met:
                return
            state = self.checkpoint(self._steps[after - 1])
        trainer = Trainer(
            self.header.network, self.header.optimizer, self.data(), self.course.batch_size, state
        )
        self.advance(trainer, self._steps[after], good=True)

    def meet(self, state: State) -> None:
        """Compare a state that a replay has come to with the checkpoint there, if there is one.

        From one that differs it is the record's that the replay goes on from.
        """
        step = self._step_of(state)
        at = bisect_right(self._steps, step) - 1
        if at < 0 or self._steps[at] != step or step in self._met - self._missed:
            return
        there = self._kept(step)
        if there is None:  # thinned out meanwhile
            return
        self._met.add(step)
        if same_bits(state, there):
            return
        self._missed.add(step)
        largest = max(
            float(np.abs(mine - theirs).max(initial=0.0))
            for mine, theirs in ((state.theta, there.theta), (state.slots, there.slots))
        )
        state.theta[:], state.slots[:] = there.theta, there.slots
        begin = self._steps[at - 1]
        if self.difference is not None and self.difference.begin <= begin:
            return
        first, self.difference = self.difference is None, Difference(begin, step, largest)
        if first:
            warn(
                f"{self.store.name}: replaying steps {begin} to {step} here does not give the "
                f"recorded bits; they differ by up to {largest:.3g}. The run was made by "
                f"{_listed(self.header.made_by)}, {_listed(self.header.machine)}. Moments of such "
                "steps are an approximation of it: their `exact` is False",
                ReplayWarning,
            )

    def is_exact(self, step: int) -> bool:
        """Whether a step's state is the recorded one, bit for bit.

        A replay to the next checkpoint proves it. Behind the last one nothing does: there it counts
        that no checkpoint was missed, and the last one met or the run made here.
        """
        with self.lock:
            if step in self.store.steps_of(self.run):
                return True
            self._verify(step)
            after = bisect_right(self._steps, step)
            if after < len(self._steps):
                return self._steps[after] not in self._missed
            return self.difference is None and (after > 1 or self.header.is_from_here)


def same_bits(one: State, other: State) -> bool:
    """Whether two states have the same parameters and slots, NaN being NaN."""
    return (
        one.theta.tobytes() == other.theta.tobytes()
        and one.slots.tobytes() == other.slots.tobytes()
    )


def _listed(facts: dict) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items())
