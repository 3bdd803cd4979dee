"""A recording: writes a run while it happens, beside the training and hardly in its way."""

import math
import queue
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

import numpy as np

from retrograd.engine.kernels.data import Data
from retrograd.engine.notes import warn
from retrograd.engine.trainer import State
from retrograd.rewind.header import DATA_PARTS, Header
from retrograd.rewind.schema import array_name
from retrograd.rewind.store import RunFileError, Store
from retrograd.rewind.vocabulary import norm

# Seconds of training between checkpoints, at least: what a replay from one of them may take.
SPACING = 0.16
# And at least so many times what the last one has cost: that leaves half a per cent of the two that
# a recording may cost for what it costs once.
COST_FACTOR = 70
# Seconds that one costs beside what our threads can see of it: the system takes data to the disk,
# and workers who were pushed aside must find each other again. As measured, within 0.5 to 4 ms.
UNSEEN = 0.0015
# Commits that may wait for the disk; beyond that, checkpoints are left out.
WAITING = 2
# Losses of single steps kept of a commit, and, of all so far, after which only every other one is.
LOSSES_A_COMMIT, LOSSES_DENSE = 4096, 1 << 19
# SQLite's own limit is a billion bytes.
LARGEST_BLOB = 900_000_000
# Characters of an error's message.
LONGEST_NOTE = 1000


class RecordingWarning(UserWarning):
    """The record of a training lacks something; the message says what."""


class RecordingLostWarning(RecordingWarning):
    """A training goes on, but its recording does not."""


class Recording:
    """One run on its way into a store.

    Parameters
    ----------
    store : Store
    header : Header
        Its data's names are filled in here.
    data : Data
    extras : dict of ndarray
        Other arrays that a replay or the estimator needs, such as the rows that are trained on.
    state : State
        Before the first step.
    keep_data : bool
    number : int, optional
        A run to go on with, instead of a new one.
    owns_store : bool, default=False
        Whether to close the store at the end.

    Raises
    ------
    RunFileError
        If the state is too large for a file, or the file cannot be written to.
    """

    def __init__(
        self,
        store: Store,
        header: Header,
        data: Data,
        extras: dict[str, np.ndarray],
        state: State,
        keep_data: bool,
        number: int | None = None,
        owns_store: bool = False,
    ) -> None:
        self.store, self._owns_store = store, owns_store
        self.budget = header.budget
        self.first_step = header.course["first_step"]
        self.first_epoch = header.course["first_epoch"]
        self._steps = state.step - self.first_step
        self._gave_up = False
        self.state_bytes = state.theta.nbytes + state.slots.nbytes
        if self.state_bytes > LARGEST_BLOB:
            raise RunFileError(
                f"a state of this network takes {self.state_bytes:,} bytes; a run file holds "
                f"states of up to {LARGEST_BLOB:,}"
            )
        self._losses: list[np.ndarray] = []
        self._n_losses = self._n_since = 0
        self._stride = 1
        self._gradient_norm: float | None = None
        self._epochs: list[float] = []
        self._n_epochs = 0
        self._kept: list[int] = []
        self._committed = 0
        self._spacing = SPACING
        self._seconds, self._began = 0.0, time.perf_counter()
        if number is None:
            names, arrays = _name(data, extras, keep_data)
            header.data = names
            text = header.text()
            store.check_writable()
            self._writer = _Writer(store)
            # Runs of one search share theirs. Whoever is killed before the rest has begun no run.
            self._writer.put({"arrays": [row for row in arrays if not store.has_array(row[0])]})
            self._kept.append(0)
            first = {"checkpoints": [self._row_of(state)], "progress": [self._progress()]}
            self._run = self._writer.begin(text, first)
        else:
            self._run = Future()
            self._run.set_result(number)
            with store.at_once():
                self._kept = store.steps_of(number)
                ((_, _, _, self._steps, self._n_epochs, _, self._seconds),) = store.rows(
                    "progress", "run = ?", number
                )
            if self._n_epochs and state.epoch != self.first_epoch + self._n_epochs:
                raise RunFileError(f"run {number} of {store.name} is being recorded elsewhere")
            # What it goes over again, up to there, is in the file.
            self._committed = self._steps
            self._writer = _Writer(store)
        # When the last checkpoint was handed to the writer, and what that took.
        self._told = self._handed_over = time.perf_counter()
        self._handing_over = 0.0

    @property
    def run(self) -> int:
        """The run's number, which it gets with its first commit."""
        return self._run.result()

    @property
    def _due(self) -> float:
        """When the next checkpoint is: the more the last one has cost, the later."""
        # What the writer takes of a core, workers that meet at every step wait for.
        cost = self._handing_over + self._writer.seconds + UNSEEN
        return self._handed_over + max(self._spacing, COST_FACTOR * cost)

    @property
    def seconds_left(self) -> float:
        """Until the next checkpoint is due."""
        return math.inf if self._gave_up else max(0.0, self._due - time.perf_counter())

    def after_steps(self, state: State, losses: np.ndarray, gradient: np.ndarray | None) -> None:
        """Take note of steps that were just taken, and perhaps of the last one's gradient.

        The gradient is None if the step after them has diverged: the state then holds that one's
        numbers, and is no checkpoint.
        """
        fresh = state.step - self.first_step - self._steps
        if self._gave_up or fresh <= 0:
            return
        if fresh > losses.size:
            self._give_up(RunFileError("it was not told of every step"))
            return
        self._keep(losses[-fresh:])
        self._steps += fresh
        now = time.perf_counter()
        since, self._told = now - self._told, now
        # When it is due or, if we are to be told more too late for that, now.
        if gradient is not None and now + since / 2 >= self._due:
            self._gradient_norm = _finite(norm(gradient))
            self._checkpoint(state)

    def after_epoch(self, state: State, loss: float, score: float | None) -> None:
        """Take note of an epoch that has ended; the state is as the next one begins."""
        if not self._gave_up:
            self._epochs.extend((loss, math.nan if score is None else score, state.learning_rate))

    def end(self, state: State | None, status: str, note: str = "") -> None:
        """Write what is left, and let go of the store; the state is None if it is of no use."""
        if not self._gave_up:
            self._checkpoint(state, status, note)
        try:
            self._writer.close()
        except Exception as error:
            self._give_up(error)
        if self._owns_store:
            self.store.close()

    def _checkpoint(self, state: State | None, status: str = "running", note: str = "") -> None:
        """Hand the state, and all that was noted, to the writer."""
        begin = time.perf_counter()
        try:
            is_late = not self._writer.is_free
        except Exception as error:
            return self._give_up(error)
        if is_late and status == "running":
            # The disk is slower than the training: this one is left out.
            self._handed_over = begin
            return None
        rows: dict[str, list[tuple]] = {"losses": self._losses_so_far()}
        if self._epochs:
            numbers = np.array(self._epochs, float).reshape(-1, 3)
            rows["epochs"] = [(self.first_epoch + self._n_epochs, numbers)]
            self._n_epochs += len(numbers)
            self._epochs = []
        dropped: list[int] = []
        # One that goes over steps again, and is broken off there, has its checkpoints already.
        here = None if state is None else state.step - self.first_step
        if state is not None and here == self._steps and here not in self._kept:
            rows["checkpoints"] = [self._row_of(state)]
            dropped = self._make_room()
        rows["progress"] = [self._progress(status, note)]
        self._writer.go_on(self._run, rows, dropped, self._committed)
        self._committed = self._steps
        self._handed_over = time.perf_counter()
        self._handing_over = self._handed_over - begin
        return None

    def _row_of(self, state: State) -> tuple:
        """A checkpoint's row but for the run; its copy of the state may go into spare memory."""
        # A memory that no step has written to is all 0.
        parts = [state.theta, *(() if state.step == state.memory_start else state.slots)]
        try:
            whole = self._writer.spare.pop()
        except IndexError:
            whole = np.empty(state.theta.size + state.slots.size, state.theta.dtype)
        copied = np.concatenate(parts, out=whole[: sum(part.size for part in parts)])
        rate = float(state.learning_rate)
        return self._steps, state.epoch, rate, state.samples_seen, copied

    def _make_room(self) -> list[int]:
        """Count a new checkpoint; the steps of old ones that are to go for it."""
        self._kept.append(self._steps)
        if len(self._kept) * self.state_bytes <= self.budget or len(self._kept) <= 3:
            return []
        # Every other one, but never the first or the last; and from now on half as many.
        dropped = self._kept[1:-1:2]
        self._kept = sorted(set(self._kept) - set(dropped))
        self._spacing *= 2
        return dropped

    def _give_up(self, error: Exception) -> None:
        """Let the training go on unrecorded: it is worth more than its record."""
        if not self._gave_up:
            self._gave_up = True
            warn(
                f"this training is recorded no further, though it goes on: {error}",
                RecordingLostWarning,
            )

    def _progress(self, status: str = "running", note: str = "") -> tuple:
        seconds = self._seconds + time.perf_counter() - self._began
        # SQLite has no half surrogate pairs, which an error's message may have.
        note = note[:LONGEST_NOTE].encode("utf-8", "backslashreplace").decode()
        counts = self._steps, self._n_epochs, len(self._kept)
        return status, note, *counts, seconds

    def _keep(self, losses: np.ndarray) -> None:
        """Keep the losses of steps just taken, every stride-th of all since the last commit."""
        self._losses.append(losses[-self._n_since % self._stride :: self._stride].copy())
        self._n_since += losses.size
        while self._n_since > 2 * LOSSES_A_COMMIT * self._stride:
            self._losses = [np.concatenate(self._losses)[::2]]
            self._stride *= 2

    def _losses_so_far(self) -> list[tuple]:
        """Losses of the steps since the last commit, thinned where they are many."""
        if not self._losses:
            return []
        losses, n, stride = np.concatenate(self._losses), self._n_since, self._stride
        self._losses, self._n_since = [], 0
        self._n_losses += losses.size
        norm, self._gradient_norm = self._gradient_norm, None
        # The next commit's steps may be fewer; but of a long training there are to be few.
        self._stride = max(stride // 2, 1 << (self._n_losses // LOSSES_DENSE))
        return [(self._steps - n, stride, n, losses, norm)]


def _finite(number: float | None) -> float | None:
    """Number for SQLite, which has neither NaN nor a negative zero."""
    return None if number is None or math.isnan(number) else float(number) + 0.0


class _Writer:
    """A thread that writes to a store, so that a training does not wait for the disk.

    Attributes
    ----------
    seconds : float
        What a commit takes of a processor core, as the last one did.
    error : Exception or None
        What a commit has failed of.
    spare : list of ndarray
        Memory for whole states, of those that are written.
    """

    def __init__(self, store: Store) -> None:
        self.seconds = 0.0
        self.spare: list[np.ndarray] = []
        self._queue: queue.SimpleQueue = queue.SimpleQueue()
        self._store = store
        self.error: Exception | None = None
        self._n_put = self._n_written = 0
        # A training that is given up unheard does not keep its thread: the thread knows no owner.
        self._thread = threading.Thread(
            target=_write_all, args=(self._queue, weakref.ref(self)), daemon=True
        )
        weakref.finalize(self, self._queue.put, None).atexit = False
        self._thread.start()

    @property
    def is_free(self) -> bool:
        """Whether the disk keeps up; raises what a commit has failed of."""
        if self.error is not None:
            raise self.error
        return self._n_put - self._n_written < WAITING

    def put(self, rows: dict[str, list[tuple]]) -> None:
        """Hand over what belongs into one commit, see ``Store.write``."""
        self._hand_over(rows, partial(self._store.write, rows))

    def begin(self, header: str, rows: dict[str, list[tuple]]) -> "Future[int]":
        """Hand over a run's begin, see ``Store.begin_run``; its number, once it has one."""
        return self._hand_over(rows, partial(self._store.begin_run, header, rows))

    def go_on(
        self,
        run: "Future[int]",
        rows: dict[str, list[tuple]],
        dropped: list[int],
        steps_before: int,
    ) -> None:
        """Hand over what a run has come to, and the checkpoints to go, see ``Store.continue_run``.

        Its number is asked for in the thread: nobody waits until its data are written.
        """
        store = self._store

        def write() -> None:
            store.continue_run(run.result(), rows, dropped, steps_before)

        self._hand_over(rows, write)

    def _hand_over(self, rows: dict[str, list[tuple]], write: Callable[[], Any]) -> Future:
        self._n_put += 1
        done: Future = Future()
        self._queue.put((rows, write, done))
        return done

    def wrote(self, rows: dict, seconds: float, error: Exception | None) -> None:
        """Take note, in the thread, that a commit is through, or what it failed of."""
        for *_, copied in rows.get("checkpoints", ()):
            # The start has no slots, all others will. Memory is dear when it is first touched: not
            # in the training.
            seconds *= copied.base.size / copied.size
            copied.base[copied.size :] = 0
            self.spare.append(copied.base)
        self.seconds = seconds
        self._n_written += 1
        self.error = self.error or error

    def close(self) -> None:
        """Wait until all is written; raises what it has failed of."""
        self._queue.put(None)
        self._thread.join()
        if self.error is not None:
            raise self.error


def _write_all(work: queue.SimpleQueue, writer: Any) -> None:
    while (job := work.get()) is not None:
        if (owner := writer()) is None:
            return
        rows, write, done = job
        begin = time.thread_time()
        # Nothing is written after what could not be: a record has no holes.
        error = owner.error
        if error is None:
            try:
                done.set_result(write())
            except Exception as raised:
                error = raised
        if error is not None:
            done.set_exception(error)
        owner.wrote(rows, time.thread_time() - begin, error)
        del job, rows, write, owner


def _name(data: Data, extras: dict[str, np.ndarray], keep_data: bool) -> tuple[dict, list]:
    """Names of a run's arrays, and the rows of those that are to be kept."""
    arrays = {part: getattr(data, part) for part in DATA_PARTS}
    names: dict[str, Any] = {part: array_name(array) for part, array in (arrays | extras).items()}
    kept = arrays | extras if keep_data else extras
    for part, array in kept.items():
        if array.nbytes > LARGEST_BLOB:
            raise RunFileError(
                f"{part} of the training data takes {array.nbytes:,} bytes; a run file holds "
                f"arrays of up to {LARGEST_BLOB:,}: keep_data=False leaves the data out"
            )
    rows = [
        (names[part], array.dtype.str, ",".join(map(str, array.shape)), array)
        for part, array in kept.items()
    ]
    return {**names, "kept": keep_data}, rows
