"""The process that trains for the playground: the engine has it to itself, whatever a page asks.

It is told what to do through a pipe, and tells how that went; every step is in the file of runs.
"""

import os
import queue
import signal
import threading
import time
import warnings
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from retrograd.faces.page.control import Control, Controlled, what_diverged

# What a first training would wait for.
SLOW_TO_LOAD = (
    "retrograd.engine.trainer", "retrograd.estimators.rebuilding", "sklearn.metrics",
    "sklearn.model_selection",
)  # fmt: skip


def work(pipe: Connection, path: Path) -> None:
    """Train what the pipe asks for, one after the other, until it is closed.

    Parameters
    ----------
    pipe : Connection
        Gives dicts with ``do``: 'train' (with ``job``, ``kind``, ``parameters``, ``X``, ``y``,
        ``names``, ``facts``, ``stop``), 'go on' (with ``job``, ``run``, ``stop``), 'pause' (with
        ``job``), 'pace' (with ``pace``), or 'end'.
    path : Path
        The file of runs to record to.
    """
    jobs: queue.SimpleQueue = queue.SimpleQueue()
    worker = _Worker(pipe, path)

    def end(*_: object) -> None:
        threading.Thread(target=worker.end, args=(jobs,), daemon=True).start()

    with suppress(ValueError):
        # They reach the whole group of processes; the one that serves says what is to happen.
        for name in ("SIGINT", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_IGN)
        signal.signal(signal.SIGTERM, end)
    threading.Thread(target=worker.listen, args=(jobs,), daemon=True).start()
    while (job := jobs.get()) is not None:
        worker.do(job)
    pipe.close()


class _Worker:
    def __init__(self, pipe: Connection, path: Path) -> None:
        self.pipe, self.path = pipe, path
        self.control: Control | None = None
        self.pace = 0.0
        self.lock = threading.Lock()
        self.skip_to = 0

    def listen(self, jobs: queue.SimpleQueue) -> None:
        """Take what comes: jobs into the queue, the rest to the training that is under way."""
        with suppress(EOFError, OSError):
            while (told := self.pipe.recv())["do"] != "end":
                if told["do"] in ("train", "go on"):
                    jobs.put(told)
                    continue
                with self.lock:
                    if told["do"] == "pause":
                        self.skip_to = max(self.skip_to, told["job"])
                        if self.control is not None:
                            self.control.pausing.set()
                    else:
                        self.pace = told["pace"]
                        if self.control is not None:
                            self.control.pace = self.pace
        # Whoever served is gone, or has enough.
        self.end(jobs)

    def end(self, jobs: queue.SimpleQueue) -> None:
        """Break off the training that is under way, and take no other."""
        with self.lock:
            self.skip_to = 1 << 62
            if self.control is not None:
                self.control.pausing.set()
        jobs.put(None)

    def do(self, job: dict) -> None:
        """Train once, and say how it went."""
        from retrograd.engine import jit
        from retrograd.engine.divergence import DivergenceError
        from retrograd.rewind.expressions import Expression

        control = Control(Expression(job["stop"]) if job["stop"] else None, self.pace)
        with self.lock:
            skipped = job["job"] <= self.skip_to
            self.control = None if skipped else control
        if skipped:
            state = "paused" if job["do"] == "go on" else "none"
            self._tell({"job": job["job"], "state": state, "message": ""})
            return
        told: dict[str, Any] = {"job": job["job"], "state": "ended", "message": ""}
        jit.on_compiling[:] = [
            lambda: self._tell({"job": job["job"], "compiling": jit.is_compiling()})
        ]
        begin = time.perf_counter()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                (self._train if job["do"] == "train" else self._go_on)(job, control)
            except DivergenceError as error:
                told |= what_diverged(error.step, error.epoch, error.place, error.learning_rate)
            except KeyboardInterrupt:
                pass
            except Exception as error:
                text = " ".join(str(error).split())
                told |= {"state": "failed", "message": text or type(error).__name__}
        if told["state"] == "ended" and control.broken:
            # With early stopping it ends all the same, at its best.
            told |= control.broken
            told["message"] += "; the parameters with the best validation score are kept"
        elif told["state"] == "ended" and control.stopped:
            told["message"] = control.stopped
        elif control.status == "interrupted":
            told["state"] = "paused"
        told["seconds"] = time.perf_counter() - begin
        told["remarks"] = _remarks(caught)
        with self.lock:
            self.control = None
        self._tell(told)

    def _train(self, job: dict, control: Control) -> None:
        import polars as pl

        from retrograd.estimators.kinds import ESTIMATORS
        from retrograd.estimators.recorder import Recorder

        begun = self._begun

        class Controlling(Recorder):
            """Records, and lets the reader in on it."""

            def record(self, network: Any, *others: Any, **options: Any) -> Any:
                recording = super().record(network, *others, **options)
                begun(job["job"], recording.run)
                return Controlled(recording, network, control)

        X = job["X"]
        if job["names"] is not None:
            X = pl.DataFrame(X, schema=job["names"])
        model = ESTIMATORS[job["kind"]](**job["parameters"])
        model.set_callbacks(Controlling(self.path, facts=job["facts"])).fit(X, job["y"])

    def _go_on(self, job: dict, control: Control) -> None:
        from retrograd.estimators.rewinding import EstimatorDoor
        from retrograd.rewind.run import Run
        from retrograd.rewind.store import Store

        class ControllingDoor(EstimatorDoor):
            """Goes on with a run, and lets the reader in on it."""

            def _recording(self, run: Any, state: Any) -> Any:
                recording = super()._recording(run, state)
                return Controlled(recording, run.header.network, control)

        store = Store(self.path)
        try:
            self._begun(job["job"], job["run"])
            Run(store, job["run"], ControllingDoor()).resume()
        finally:
            store.close()

    def _begun(self, job: int, run: int) -> None:
        self._tell({"job": job, "state": "running", "run": run, "message": ""})

    def _tell(self, told: dict) -> None:
        with suppress(OSError):
            self.pipe.send(told)


def _remarks(caught: list) -> list[str]:
    """Warnings that a reader wants to see: not that all epochs were taken, or that it paused."""
    from sklearn.exceptions import ConvergenceWarning

    texts = [
        " ".join(str(warning.message).split())
        for warning in caught
        if not issubclass(warning.category, ConvergenceWarning)
        and "interrupted by user" not in str(warning.message)
    ]
    return list(dict.fromkeys(texts))


def warm_up() -> None:
    """Load what a training needs, before one is asked for."""
    with suppress(ImportError):
        for module in SLOW_TO_LOAD:
            import_module(module)


def main(pipe: Connection, path: Path) -> None:
    """Be that process."""
    threading.Thread(target=warm_up, daemon=True).start()
    try:
        work(pipe, path)
    finally:
        os._exit(0)  # without waiting for whatever a library has left running
