"""Threads: how many, and the BLAS held to one while the slices run side by side.

The number of threads is the one that SciPy's BLAS would use, so ``OMP_NUM_THREADS``,
``threadpoolctl`` and joblib's workers say how many, as they do for scikit-learn.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TypeVar, cast

import numpy as np
import scipy.linalg.cython_blas  # noqa: F401 - the BLAS must be loaded before it can be limited
from threadpoolctl import LibController, ThreadpoolController

Result = TypeVar("Result")


@cache
def _blas() -> list[LibController]:
    """Find the BLAS libraries of this process, once; SciPy's is among them."""
    return ThreadpoolController().select(user_api="blas").lib_controllers


class _Hold:
    """Keeps the BLAS at one thread while any fit is under way; the last one out restores it.

    The limit is the process's, so two fits in two threads must share it: if each restored what it
    had found, the later one would restore the earlier one's limit.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.n_holders = 0
        self.before: list[int | None] = []

    def restore(self) -> None:
        """Give the BLAS its threads back."""
        for library, n_threads in zip(_blas(), self.before, strict=False):
            library.set_num_threads(n_threads)
        self.before = []

    def after_fork(self) -> None:
        """Forget the holders: a forked child has none of the threads that they were in."""
        self.lock = threading.Lock()
        self.n_holders = 0
        self.restore()

    def __enter__(self) -> int:
        """Limit the BLAS; return how many threads it was allowed before."""
        with self.lock:
            if self.n_holders == 0:
                self.before = [library.num_threads for library in _blas()]
                for library in _blas():
                    library.set_num_threads(1)
            self.n_holders += 1
            return max([n for n in self.before if n], default=1)

    def __exit__(self, *exception: object) -> None:
        with self.lock:
            self.n_holders -= 1
            if self.n_holders == 0:
                self.restore()


_hold = _Hold()
os.register_at_fork(after_in_child=_hold.after_fork)


@contextmanager
def single_threaded_blas() -> Iterator[int]:
    """Hold the BLAS to one thread; gives the number of threads that there are to use instead."""
    with _hold as n_threads:
        yield n_threads


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Keep Ctrl-C waiting till the block's end: what belongs together is done together.

    Python delivers it to the main thread, between any two instructions; a step would be taken but
    not counted, or workers would wait for one that was never started.
    """
    in_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT) if in_main else None
    if before is None:
        yield
        return
    pressed = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: pressed.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if pressed.is_set():
            signal.raise_signal(signal.SIGINT)


def make_barrier() -> np.ndarray:
    """Counters that workers meet by: how many have come, how many rounds, whether one gave up."""
    return np.zeros(3, np.int64)


def run_workers(n_workers: int, barrier: np.ndarray, work: Callable[[int], Result]) -> Result:
    """Call work(0) here and work(1) to work(n_workers - 1) in threads; return what work(0) gives.

    ``work`` must not hold the interpreter's lock for long: compiled kernels let go of it. If one
    of them raises, the others no longer wait for it, and the error is raised here.
    """
    if n_workers == 1:
        return work(0)
    errors: list[BaseException] = []

    def guarded(worker: int) -> Result | None:
        try:
            return work(worker)
        except BaseException as error:
            errors.append(error)
            barrier[2] = 1
            return None

    with interrupts_held():
        threads: list[threading.Thread] = []
        try:
            for worker in range(1, n_workers):
                thread = threading.Thread(target=guarded, args=(worker,))
                thread.start()
                threads.append(thread)
            result = guarded(0)
        except BaseException:
            barrier[2] = 1
            raise
        finally:
            for thread in threads:
                thread.join()
    if errors:
        raise errors[0]
    return cast(Result, result)
