"""Training while other processes burn every core, and while the machine is idle, in turns."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager, nullcontext

from benchmarks.measure import training_jobs
from benchmarks.turns import DEFAULT, Workers, progress
from benchmarks.workloads import BUSY_WORKLOADS

# A plain loop; it ends by itself when the process that started it is gone.
BURN = """
import os
parent = os.getppid()
while os.getppid() == parent:
    for _ in range(1_000_000):
        pass
"""
STARTED = 0.3


def busy(names, workloads, repeats):
    """Train in turns, idle and busy, by default and with one thread; return records, skipped."""
    records = []
    with Workers([DEFAULT, 1]) as workers:
        for name in (name for name in BUSY_WORKLOADS if name in workloads):
            progress(f"busy {name}")
            conditions = {"idle": nullcontext, "busy": burning}
            work = (names, BUSY_WORKLOADS[name])
            records += workers.interleaved(training_jobs, work, repeats, conditions)
    return records, workers.skipped


@contextmanager
def burning():
    """Keep as many processes busy as there are cores, two at least."""
    count = max(2, os.cpu_count() or 2)
    command = [sys.executable, "-c", BURN]
    processes = [subprocess.Popen(command) for _ in range(count)]
    try:
        time.sleep(STARTED)
        yield
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()
