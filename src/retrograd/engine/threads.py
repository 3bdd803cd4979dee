"""Threads: how many there are to use, and how they work side by side.

Their number is the one that the process's BLAS would use, so ``OMP_NUM_THREADS``, ``threadpoolctl``
and joblib's workers say how many, as they do for scikit-learn; where threadpoolctl knows no BLAS,
as on a Mac, it is that of scikit-learn's OpenMP. The BLAS itself is called by SciPy's L-BFGS only,
which is held to one thread: a sum that threads share is another sum.
"""

import ctypes
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar, cast

import numpy as np
import scipy.linalg.cython_blas  # noqa: F401 - the BLAS must be loaded before it can be asked
from threadpoolctl import LibController, ThreadpoolController

Result = TypeVar("Result")

# What workers meet by: places in an array, each in a cache line of its own. From NEXT on there is
# one for each worker.
APART = 8
ARRIVED, ROUND, GAVE_UP, NEXT = 0, APART, 2 * APART, 3 * APART
# Multiplications that a worker must have between two meetings to be worth the meeting, and that
# there must be in all to be worth the making of workers.
MEET_FROM, SHARE_FROM = 1 << 19, 1 << 26
# The former while all processors are in use: at a meeting one worker may then wait for another that
# waits for a processor.
MEET_FROM_BUSY = 1 << 23


@cache
def _blas() -> list[LibController]:
    """Find the BLAS libraries of this process, once; SciPy's is among them."""
    return ThreadpoolController().select(user_api="blas").lib_controllers


@cache
def _openmp() -> list[LibController]:
    """Find the OpenMP libraries of this process, once; scikit-learn's is among them."""
    return ThreadpoolController().select(user_api="openmp").lib_controllers


def _limits_threads(library: LibController) -> bool:
    """Whether a limit is that of the thread that sets it, as OpenMP has it; else the process's."""
    return getattr(library, "threading_layer", None) == "openmp"


def _limit(libraries: list[LibController], limits: list[int | None]) -> None:
    for library, n_threads in zip(libraries, limits, strict=True):
        # threadpoolctl heeds only the thread that first set a limit, until it is told to forget it:
        # whoever comes is to be heard here, and others after us.
        forget = getattr(library, "clear_controlling_thread", lambda force: None)
        forget(force=True)
        library.set_num_threads(n_threads)
        forget(force=True)


class _Hold:
    """Keeps BLAS libraries at one thread while anyone needs it so; the last one out restores it.

    Where the limit is the process's, two fits in two threads must share it: if each restored what
    it had found, the later one would restore the earlier one's limit.

    Parameters
    ----------
    of_thread : bool
        Whether it is of the libraries that have a limit for each thread.
    """

    def __init__(self, of_thread: bool) -> None:
        self.of_thread = of_thread
        self.lock = threading.Lock()
        self.n_holders = 0
        self.before: list[int | None] = []

    def libraries(self) -> list[LibController]:
        """What is held."""
        return [library for library in _blas() if _limits_threads(library) == self.of_thread]

    def limits(self) -> list[int | None]:
        """Threads of each library, if they were not held."""
        return self.before or [library.num_threads for library in self.libraries()]

    def take(self) -> None:
        """Limit the BLAS."""
        with self.lock:
            if self.n_holders == 0:
                libraries = self.libraries()
                self.before = [library.num_threads for library in libraries]
                _limit(libraries, [1] * len(libraries))
            self.n_holders += 1

    def leave(self) -> None:
        """Give the BLAS its threads back, if nobody else needs it held."""
        with self.lock:
            self.n_holders = max(0, self.n_holders - 1)
            if self.n_holders == 0:
                self.restore()

    def restore(self) -> None:
        """Give the BLAS its threads back, if it was held."""
        # Else nothing is asked: a child that was just forked off has no time to look for a BLAS.
        if self.before:
            _limit(self.libraries(), self.before)
            self.before = []

    def after_fork(self) -> None:
        """Forget the holders: a forked child has none of the threads that they were in."""
        self.lock = threading.Lock()
        self.n_holders = 0
        self.restore()


class _Own(threading.local):
    def __init__(self) -> None:
        self.hold = _Hold(of_thread=True)


_hold, _own = _Hold(of_thread=False), _Own()
# What hears of Ctrl-C else, while the main thread is within a block that holds it: one within that
# has nothing to do.
_heard_by: Any = None


def _after_fork() -> None:
    """Forget who held what: a forked child has one thread, and that is within no block."""
    global _heard_by
    if _heard_by is not None:
        signal.signal(signal.SIGINT, _heard_by)
        _heard_by = None
    for hold in (_hold, _own.hold):
        hold.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold the BLAS to one thread, so that its bits don't depend on their number."""
    held: list[_Hold] = []
    try:
        with interrupts_held():
            for hold in (_hold, _own.hold):
                hold.take()
                held.append(hold)
        yield
    finally:
        with interrupts_held():
            for hold in held:
                hold.leave()


def available_threads() -> int:
    """Threads that there are to use: as many as the BLAS would use if not held, at least 1.

    Of a BLAS that nobody can ask, as many as OpenMP would use; else there are the cores.
    """
    limits = [*_hold.limits(), *_own.hold.limits()]
    limits = limits or [library.num_threads for library in _openmp()] or [os.cpu_count()]
    return max(limit or 1 for limit in limits)


def _is_busy() -> bool:
    """Whether more threads run right now than the machine has processors, where it tells."""
    try:
        with open("/proc/loadavg") as file:
            running = int(file.read().split()[3].partition("/")[0])
        return running > os.sysconf("SC_NPROCESSORS_ONLN")
    except (OSError, IndexError, ValueError):
        return False


def n_workers_for(n_multiplications: int, n_meetings: int = 1) -> int:
    """Workers for some work: as many threads as are worth it, fewer while the machine is busy.

    Parameters
    ----------
    n_multiplications : int
        How much is to be done between two meetings of the workers.
    n_meetings : int, default=1
        How often that comes before the workers, who are made anew each time, are let go.

    Examples
    --------
    >>> n_workers_for(1000, 1000)
    1
    """
    worth_it = n_multiplications // MEET_FROM
    if worth_it <= 1 or n_multiplications * n_meetings < SHARE_FROM:
        return 1
    if _is_busy():
        worth_it = max(1, n_multiplications // MEET_FROM_BUSY)
    from retrograd.engine.jit import COMPILED  # loads the compiler: not before it is needed

    # Interpreted kernels run in one thread.
    return min(available_threads(), worth_it) if COMPILED else 1


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Keep Ctrl-C waiting till the block's end: what belongs together is done together.

    Python delivers it to the main thread, between any two instructions; a step would be taken but
    not counted, or workers would wait for one that was never started.
    """
    global _heard_by
    in_main = _heard_by is None and threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT) if in_main else None
    if before is None:
        yield
        return
    pressed: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    _heard_by = before
    try:
        yield
    finally:
        _heard_by = None
        signal.signal(signal.SIGINT, before)
        if pressed:
            signal.raise_signal(signal.SIGINT)


def make_crew(n_workers: int) -> np.ndarray:
    """Counters that workers meet by: see ``native.wait_for_all`` and ``native.next_task``."""
    return np.zeros(NEXT + n_workers * APART, np.int64)


@cache
def _processor_asker() -> Callable[[], int] | None:
    """What tells a thread the processor that it runs on, where threads may be moved, too."""
    try:
        with open("/proc/self/status") as file:
            # Under a filter of system calls, as services and containers have, one that it does
            # not allow may end the process.
            is_filtered = "\nSeccomp:\t0\n" not in file.read()
    except (OSError, ValueError):
        return None
    return None if is_filtered else getattr(ctypes.CDLL(None), "sched_getcpu", None)


def _settle(worker: int, taken: dict[int, int]) -> None:
    """Have no two workers of a crew on one processor: ``taken`` has each one's, and its thread.

    On a machine that was idle a thread starts, or wakes, where another one runs, and they share
    that processor for some 10 ms: as long as many a call takes.
    """
    ask = _processor_asker()
    if ask is None:
        return
    here, thread = ask(), threading.get_native_id()
    if here in taken:
        # Worker 0 is the caller's thread, which is not ours to move; the others soon end.
        moved = taken[here] if worker == 0 else thread
        try:
            if free := os.sched_getaffinity(moved).difference(taken):
                os.sched_setaffinity(moved, free)
        except OSError:
            pass  # forbidden, or it has ended: the system moves it in its own time
    taken[ask()] = thread


def run_workers(n_workers: int, crew: np.ndarray, work: Callable[[int], Result]) -> Result:
    """Call work(0) here and work(1) to work(n_workers - 1) in threads; return what work(0) gives.

    ``work`` must not hold the interpreter's lock for long: compiled kernels let go of it. If one
    of them raises, the others no longer wait for it, and the error is raised here.
    """
    if n_workers == 1:
        return work(0)
    errors: list[BaseException] = []
    taken: dict[int, int] = {}

    def guarded(worker: int) -> Result | None:
        try:
            _settle(worker, taken)
            return work(worker)
        except BaseException as error:
            errors.append(error)
            crew[GAVE_UP] = 1
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
            crew[GAVE_UP] = 1
            raise
        finally:
            for thread in threads:
                thread.join()
    if errors:
        raise errors[0]
    return cast(Result, result)
