"""The trainings of a playground: one at a time, in a process beside the one that serves."""

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

from retrograd.faces.page.worker import main

# Seconds that a training has to end in once everything ends; and a process that has none.
PATIENCE, SHORT = 5.0, 0.5
NOTHING: dict[str, Any] = {
    "run": None, "message": "", "remarks": [], "seconds": None, "way_out": None,
    "compiling": False,
}  # fmt: skip


class Trainings:
    """Begins, pauses and paces trainings, and knows how the last one went.

    Parameters
    ----------
    path : Path
        The file of runs that they are recorded to.
    begun : callable
        Told the numbers of a job and of its run, in a thread of ours, once that is in the file.

    Attributes
    ----------
    last : dict
        ``job`` (its number), ``state`` ('none', 'starting', 'running', 'paused', 'ended',
        'diverged' or 'failed'), ``run``, ``message``, ``remarks``, ``seconds``, ``way_out``, a
        lower learning rate, where it diverged, and ``compiling``, whether it waits for that.
    pace : float
        Epochs a second; 0 is as fast as it goes.
    """

    def __init__(self, path: Path, begun: Callable[[int, int], None]) -> None:
        self.path, self.begun, self.pace = path, begun, 0.0
        self.last: dict[str, Any] = NOTHING | {"job": 0, "state": "none"}
        self._lock = threading.Lock()
        self._process: Any = None
        self._pipe: Any = None
        self._start()

    @property
    def is_active(self) -> bool:
        """Whether a training is under way."""
        return self.last["state"] in ("starting", "running")

    def train(self, kind: str, parameters: dict, drawn: Any, stop: str) -> int:
        """Begin a new run; the number of the job."""
        return self._begin(
            {
                "do": "train", "kind": kind, "parameters": parameters, "stop": stop,
                "X": drawn.X, "y": drawn.y, "names": drawn.names,
                "facts": drawn.facts,
            },
            None,
        )  # fmt: skip

    def go_on(self, run: int, stop: str) -> int:
        """Go on with a run that was paused; the number of the job."""
        return self._begin({"do": "go on", "run": run, "stop": stop}, run)

    def _begin(self, job: dict, run: int | None) -> int:
        self.pause()
        with self._lock:
            if not self._process.is_alive():
                self._start()
            number = self.last["job"] + 1
            self.last = NOTHING | {"job": number, "state": "starting", "run": run}
            self._send(job | {"job": number})
        return number

    def pause(self) -> None:
        """Break off the training that is under way, so that it can go on later."""
        with self._lock:
            if self.is_active:
                self._send({"do": "pause", "job": self.last["job"]})

    def set_pace(self, pace: float) -> None:
        """Train so many epochs a second at most; 0 is as fast as it goes."""
        with self._lock:
            self.pace = pace
            self._send({"do": "pace", "pace": pace})

    def end(self) -> None:
        """End everything."""
        with self._lock:
            self._send({"do": "end"})
            running = self.last["state"] == "running"
        self._process.join(PATIENCE if running else SHORT)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(PATIENCE)

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=main, args=(theirs, self.path), daemon=True)
        with _without_ctrl_c():
            self._process.start()
        theirs.close()
        if self.pace:
            self._send({"do": "pace", "pace": self.pace})
        threading.Thread(target=self._listen, args=(self._pipe,), daemon=True).start()

    def _send(self, told: dict) -> None:
        with suppress(OSError):  # the listener notices that it is gone
            self._pipe.send(told)

    def _listen(self, pipe: Any) -> None:
        with suppress(EOFError, OSError):
            while True:
                told = pipe.recv()
                if told.get("state") == "running":
                    self.begun(told["job"], told["run"])
                with self._lock:
                    if told["job"] == self.last["job"]:
                        self.last = self.last | told
        with self._lock:
            if pipe is self._pipe and self.is_active:
                gone = "the process that trains has ended: perhaps there was not enough memory"
                self.last = self.last | {"state": "failed", "message": gone}


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Start a process that no Ctrl-C reaches: it would die of one while it is still importing.

    What is blocked here is blocked there, too, for good; where signals cannot be blocked, the
    process ignores them once it is up.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # It would be started on the way, and lifts the block when it is.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
