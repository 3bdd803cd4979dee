"""How far a fit raises the resident memory above the data it is given, each in a fresh process."""

import ctypes
import gc
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

from benchmarks.contenders import load
from benchmarks.turns import progress
from benchmarks.workloads import WORKLOADS

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_PEAK = "5"
# Rows of the tables; large enough that what a fit copies of its data shows.
TABLES = {"784-100-10": 60_000, "54-256-256-7": 200_000}
ESTIMATORS = ("retrograd", "sklearn")


def peaks(names, workloads, repeats):
    """Measure each estimator on each table; return records of bytes over the data."""
    if not CLEAR.exists():
        progress("skipped memory: only Linux tells and resets a process's peak")
        return []
    records = []
    for workload, rows in TABLES.items():
        if workload not in workloads:
            continue
        large = replace(WORKLOADS[workload], rows=rows - rows % WORKLOADS[workload].batch)
        over = {name: [] for name in ESTIMATORS if name in names}
        for _ in range(repeats):
            for name in over:
                progress(f"memory {workload}, {rows:,} rows: {name}")
                with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                    title, data, peak = pool.submit(peak_over_data, name, large).result()
                over[name].append((title, data, peak))
        for runs in over.values():
            title, data, _ = runs[0]
            peak = [run[2] for run in runs]
            record = {"workload": workload, "rows": large.rows, "contender": title}
            records.append(record | {"data": data, "peak": peak})
    return records


def peak_over_data(name, workload):
    """Fit for one epoch; return title, bytes of the data and bytes of the peak over them.

    A fit on a few rows comes first, so that loaded code, threads and their buffers don't count.
    """
    module = load([name])[name]
    few = replace(workload, rows=2 * workload.batch)
    module.trainer(few, few.data(), 1).train()
    data = workload.data()
    train = module.trainer(workload, data, 1).train
    gc.collect()
    _give_freed_memory_back()
    before = _resident("VmRSS")
    CLEAR.write_text(RESET_PEAK)
    train()
    return module.TITLE, data.X.nbytes + data.y.nbytes, _resident("VmHWM") - before


def _give_freed_memory_back():
    """Return freed pages to the system, where that can be asked for; reused ones would not show."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


def _resident(which):
    line = next(s for s in STATUS.read_text().splitlines() if s.startswith(which))
    return int(line.split()[1]) * 1024
