"""The viewer: one file of runs, opened once, that answers what a page asks of it."""

import inspect
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import ExitStack, closing, nullcontext, suppress
from typing import Any, TypeVar

import numpy as np

from retrograd.engine.notes import hearing
from retrograd.rewind.moment import Moment
from retrograd.rewind.run import Run, Runs
from retrograd.rewind.store import RunFileError, Store

# Bytes of states, and of traces beside them, that are kept at hand.
KEPT_BYTES = 256 << 20
# Moments before the one gone back to whose states are kept, too.
LONGEST_WAY = 32
# Answers that are given once more to who asks once more.
MOST_DONE = 100


class QuestionError(ValueError):
    """A page asked for what there is not."""


Answer = TypeVar("Answer", bound=Callable[..., Any])


def apart(function: Answer) -> Answer:
    """Mark an answer that holds up no other: it must go through runs ``opened_apart`` only."""
    function.is_apart = True  # type: ignore[attr-defined]
    return function


def once(function: Answer) -> Answer:
    """Mark an answer that has something done: it is done once for a ``key``, and told again.

    A page whose connection drops before it is answered asks again with the same one.
    """
    function.is_once = True  # type: ignore[attr-defined]
    return function


class Viewer:
    """Answers questions of a page about the runs of one file.

    It may be asked from several threads; one question is answered at a time, but for those whose
    answers are marked as ``apart``.

    Parameters
    ----------
    runs : Runs
        As from ``open_runs``.
    answers : dict
        The function that answers, by the name of the question; see ``answers/``.
    """

    def __init__(self, runs: Runs, answers: dict[str, Callable[..., Any]]) -> None:
        self.runs, self.answers = runs, answers
        self.lock = threading.RLock()
        self._runs: dict[int, Run] = {}
        self._moments: OrderedDict[tuple[int, int], Moment] = OrderedDict()
        self._acting = threading.Lock()
        self._done: OrderedDict[str, dict] = OrderedDict()
        # What the answers that are apart keep, each under its own name.
        self.kept: dict[str, Any] = {}
        # What the next answer, whatever is asked, says beside it.
        self.news: list[str] = []
        # What is to be done in the end, the last first; and whether it has come.
        self.endings = ExitStack()
        self.is_over = False
        self._place = _place_of(runs.store)

    def answer(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Answer one question: plain data and arrays; what it warned of stands under ``notes``.

        Raises
        ------
        QuestionError
            If there is no such question, or it has not these arguments.
        ValueError, IndexError
            If it cannot be answered; the message is for the reader of the page.
        """
        if name not in self.answers:
            raise QuestionError(f"a page cannot ask {name!r}")
        has_key = isinstance(arguments, dict) and "key" in arguments
        if not (has_key and getattr(self.answers[name], "is_once", False)):
            return self._answer(name, arguments)
        key, asked = str(arguments["key"]), {k: arguments[k] for k in arguments if k != "key"}
        with self._acting:
            if key not in self._done:
                self._done[key] = self._answer(name, asked)
            if len(self._done) > MOST_DONE:
                self._done.popitem(last=False)
            return self._done[key]

    def _answer(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        function = self.answers[name]
        _check(function, name, arguments)
        is_apart = getattr(function, "is_apart", False)
        with hearing() as heard, nullcontext() if is_apart else self.lock:
            if self.is_over:  # by the time that those before were answered
                raise QuestionError("retrograd has ended")
            try:
                found = function(self, **arguments)
            except RunFileError:
                if not self._is_written_over():
                    raise
                raise RunFileError(
                    f"{self.runs.store.name} was written over while it was open: what was in it is "
                    "gone; what is there now another retrograd view shows"
                ) from None
        notes = [str(one) for one in heard]
        if self._place != _place_of(self.runs.store):
            notes.append(
                f"{self.runs.store.name} was deleted, moved or replaced: this is what was in it; "
                "what is there now another retrograd view shows"
            )
        while self.news:
            notes.append(self.news.pop(0))
        return found | {"notes": list(dict.fromkeys(notes))} if notes else found

    def run(self, number: int) -> Run:
        """Run of a number, as it was when last looked at; ``refresh`` looks again."""
        if number not in self._runs:
            if number not in self.runs.numbers:
                self.look_again()
            if number not in self.runs.numbers:
                raise QuestionError(f"{self.runs.store.name} has no run {number}")
            self._runs[number] = self.runs[self.runs.numbers.index(number)]
        return self._runs[number]

    def forget(self) -> None:
        """Let go of the moments that are kept at hand, unless they are being asked for."""
        if self.lock.acquire(blocking=False):
            self._moments.clear()
            self.lock.release()

    def opened_apart(self, number: int) -> Run:
        """Run of a number, opened once more: whatever is done with it holds up no other.

        ``close_apart`` lets go of it.
        """
        with self.lock:
            store, data = self.runs.store, self.run(number).data
        if store.path is not None:
            store = Store(store.path)
        return Run(store, number, self.runs.door, data)

    def close_apart(self, run: Run) -> None:
        """Let go of a run that was opened apart."""
        if run.store is not self.runs.store:
            run.store.close()

    def adopt(self, run: Run) -> None:
        """Take a run that is open already, which may have been given its data."""
        self._runs[run.number] = run

    def source_of(self, run: Run) -> str | None:
        """Lines of Python that make X and y of a run, if its file is not where they come from."""
        return None

    def look_again(self) -> None:
        """See which runs have been begun meanwhile."""
        self.runs = Runs(self.runs.store, self.runs.door)

    def has_step(self, number: int, step: int) -> bool:
        """Whether a step was taken from a moment; none was from the last, unless it diverged."""
        run = self.run(number)
        return step < len(run) or run.status == "diverged"

    def moment(self, number: int, step: int) -> Moment:
        """Moment of a run, kept at hand with its state and its trace once these were asked for.

        Who goes one step will go another. On the way forward the trace at hand leads to the next
        state; on the way back the states that a replay passes are kept, too.
        """
        run = self.run(number)
        wanted = run.at(step)
        if (number, step) not in self._moments:
            if (number, step - 1) in self._moments:
                wanted = self._moments[number, step - 1].next()
                wanted.keep_state()
            elif (number, step + 1) in self._moments:
                self._keep_way_to(run, step)
            self._moments.setdefault((number, step), wanted)
        self._moments.move_to_end((number, step))
        held = sum(moment.held_bytes for moment in self._moments.values())
        while held > KEPT_BYTES and len(self._moments) > 1:
            held -= self._moments.popitem(last=False)[1].held_bytes
        return self._moments[number, step]

    def close(self) -> None:
        """End what is under way, and let go of the file; nothing is answered any more."""
        self.is_over = True
        self.endings.close()
        if "searched" in self.kept:
            self.close_apart(self.kept.pop("searched"))
        self.runs.store.close()

    def _is_written_over(self) -> bool:
        """Whether the file is sound, but a run in it is not the one that it was."""
        if self.runs.store.path is None:
            return False
        with suppress(RunFileError, OSError), closing(Store(self.runs.store.path)) as store:
            numbers = Runs(store, self.runs.door).numbers
            return any(
                number not in numbers or Run(store, number, self.runs.door).header != run.header
                for number, run in [*self._runs.items()]
            )
        return False

    def _keep_way_to(self, run: Run, step: int) -> None:
        header = run.header
        size = header.network.n_parameters * (1 + header.optimizer.n_slots)
        room = KEPT_BYTES // 2 // (size * np.dtype(header.dtype).itemsize)
        before = max(mark for mark in run.store.steps_of(run.number) if mark <= step)
        for passed in range(max(before, step - min(room, LONGEST_WAY)), step + 1):
            moment = run.at(passed)
            moment.keep_state()
            self._moments[run.number, passed] = moment


def _place_of(store: Store) -> tuple[int, int] | None:
    """Where a store's file is on the disk; None if there is none."""
    try:
        found = store.path.stat() if store.path else None
    except OSError:
        return None
    return found and (found.st_dev, found.st_ino)


def _check(function: Callable, name: str, arguments: Any) -> None:
    """Hold a question to the parameters of the function that answers it."""
    if not isinstance(arguments, dict) or not all(isinstance(key, str) for key in arguments):
        raise QuestionError(f"{name} is asked with named arguments")
    signature = inspect.signature(function)
    try:
        bound = signature.bind(None, **arguments)
    except TypeError as error:
        raise QuestionError(f"{name}: {error}") from None
    for key, value in list(bound.arguments.items())[1:]:
        kind = signature.parameters[key].annotation
        if kind is int and isinstance(value, float) and value.is_integer():
            arguments[key] = int(value)
        elif kind is float and type(value) is int:
            arguments[key] = float(value)
        elif kind is not Any and (not isinstance(value, kind) or (
            isinstance(value, bool) and kind is not bool
        )):  # fmt: skip
            raise QuestionError(f"{name}: {key} is {value!r}, no {getattr(kind, '__name__', kind)}")
