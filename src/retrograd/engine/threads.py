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
from typing import TypeVar

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
        self.release_all()

    def release_all(self) -> None:
        """Forget the holders, without restoring anything."""
        self.lock = threading.Lock()
        self.n_holders = 0
        self.before: list[int | None] = []

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
                for library, n_threads in zip(_blas(), self.before, strict=True):
                    library.set_num_threads(n_threads)


_hold = _Hold()
# A child forked while another thread is in a fit has no such thread, and would wait for it.
os.register_at_fork(after_in_child=_hold.release_all)


@contextmanager
def single_threaded_blas() -> Iterator[int]:
    """Hold the BLAS to one thread; gives the number of threads that there are to use instead."""
    with _hold as n_threads:
        yield n_threads


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Keep Ctrl-C waiting: workers that wait for one that was never started would wait for ever."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def run_workers(n_workers: int, work: Callable[[int], Result]) -> Result:
    """Call work(0) here and work(1) to work(n_workers - 1) in threads; return what work(0) gives.

    ``work`` must not hold the interpreter's lock for long: compiled kernels let go of it.
    """
    if n_workers == 1:
        return work(0)
    with _interrupts_held():
        threads = [threading.Thread(target=work, args=(i,)) for i in range(1, n_workers)]
        for thread in threads:
            thread.start()
        try:
            return work(0)
        finally:
            for thread in threads:
                thread.join()
