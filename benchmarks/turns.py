"""Taking turns: whatever else the machine does falls on all contenders alike.

There is one process for each number of threads, with all contenders in it, since JAX sizes its
thread pool once, when it starts. The processes take turns, and inside each its contenders do; each
round starts with another one. What is compared is the median of the rounds.
"""

import gc
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from multiprocessing import get_context

# Seconds between two looks whether this process's threads have come to rest, and at most so many
# looks.
LOOK, LOOKS = 0.05, 20
# What is shorter is called again till so many seconds have passed: one interrupt weighs too much
# in a single millisecond.
TURN = 0.1
DEFAULT = "default"


@dataclass
class Job:
    """What is timed: ``call``, inside the context that ``limited`` makes; ``facts`` name it."""

    facts: dict
    limited: Callable
    call: Callable


class Workers:
    """One process for each number of threads (or ``DEFAULT``), all for rows of one precision."""

    def __init__(self, settings, dtype="float32"):
        self.pools = {threads: _pool(threads, dtype) for threads in settings}
        self.skipped = []

    def __enter__(self):
        """Return itself; the processes have started."""
        return self

    def __exit__(self, *exception):
        """End the processes."""
        for pool in self.pools.values():
            pool.shutdown()

    def call(self, threads, function, *arguments):
        """Call a function in the process that has so many threads."""
        return self.pools[threads].submit(function, *arguments).result()

    def interleaved(self, build, arguments, repeats, conditions=None):
        """Time the jobs that ``build(*arguments)`` makes in each process; return their records.

        ``conditions`` maps a name to what makes a context; each round goes through all of them.
        A record is a job's facts, "threads", "condition", and lists "wall" and "cpu" of seconds.
        """
        conditions = conditions or {"idle": nullcontext}
        records = {}
        for threads in self.pools:
            prepared, skipped = self.call(threads, _prepare, build, threads, arguments)
            self.skipped += skipped
            for number, facts in enumerate(prepared):
                for condition in conditions:
                    record = {"threads": threads, "condition": condition, "wall": [], "cpu": []}
                    records[threads, condition, number] = facts | record
        for turn in range(repeats):
            for condition, context in rotated(list(conditions.items()), turn):
                with context():
                    for threads in rotated(list(self.pools), turn):
                        seconds = self.call(threads, _take_turn, threads, turn)
                        for number, (wall, cpu) in enumerate(seconds):
                            records[threads, condition, number]["wall"].append(wall)
                            records[threads, condition, number]["cpu"].append(cpu)
        return list(records.values())


def rotated(things, turn):
    """Return the things in their order, another one first each turn."""
    first = turn % max(1, len(things))
    return things[first:] + things[:first]


def rest():
    """Wait until no thread of this process is at work any more, a second at most.

    Idle BLAS threads spin after their work, OpenBLAS's for a seventh of a second: nobody's time is
    to have another's spinning in it.
    """
    for _ in range(LOOKS):
        cpu = time.process_time()
        time.sleep(LOOK)
        if time.process_time() - cpu < 0.1 * LOOK:
            return
    progress("a thread goes on spinning, into the next one's time")


def progress(line):
    """Say what is going on, apart from the report."""
    print(line, file=sys.stderr, flush=True)


# The jobs of this process, if it is a worker.
_jobs: list[Job] = []


def _prepare(build, threads, arguments):
    """Make the jobs and call each once, which compiles it; drop, aloud, what fails."""
    _jobs.clear()
    skipped = []
    for job in build(*arguments):
        try:
            _timed(job, threads)
            _jobs.append(job)
        except Exception as error:
            about = " ".join(str(job.facts[f]) for f in ("contender", "workload") if f in job.facts)
            skipped.append(f"{about}: {type(error).__name__}: {error}")
            progress(f"skipped {skipped[-1]}")
    return [job.facts for job in _jobs], skipped


def _take_turn(threads, turn):
    seconds = dict(rotated(list(enumerate(_jobs)), turn))
    seconds = {number: _timed(job, threads) for number, job in seconds.items()}
    return [seconds[number] for number in range(len(_jobs))]


def _timed(job, threads):
    """Return wall and processor seconds of a call, the mean of as many as fit into a turn."""
    with ExitStack() as stack:
        if threads != DEFAULT:
            stack.enter_context(job.limited(threads))
        gc.collect()
        rest()
        calls, cpu, started = 0, time.process_time(), time.perf_counter()
        while calls == 0 or time.perf_counter() - started < TURN:
            job.call()
            calls += 1
        wall = time.perf_counter() - started
        cpu = time.process_time() - cpu
    return wall / calls, cpu / calls


def _pool(threads, dtype):
    """Start a process in which JAX, too, finds so many threads and the precision."""
    changes = {"JAX_ENABLE_X64": "1" if dtype == "float64" else None}
    if threads != DEFAULT:
        changes["NPROC"] = str(threads)
    with _environment(changes):
        pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
        pool.submit(os.getpid).result()
    return pool


@contextmanager
def _environment(changes):
    before = {name: os.environ.get(name) for name in changes}
    _set(changes)
    try:
        yield
    finally:
        _set(before)


def _set(variables):
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
