"""Interleaved timing of what happens inside a process: training, agreement, prediction.

Contenders take turns, each round starting with another one, so that whatever else the machine
does falls on all of them alike; what is compared is the median of the rounds.
"""

import gc
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context

import numpy as np

from benchmarks.contenders import load

# Idle BLAS and OpenMP threads spin for some milliseconds after their work. The pause keeps one
# contender's spinning out of the next one's time.
PAUSE = 0.05
AGREE = {"float32": 1e-3, "float64": 1e-8}
# Rows predicted at a time, how often in one round, and with probabilities or only the class.
PREDICTIONS = (
    ("20-64-2", "float64", 1, 200, True),
    ("54-256-256-7", "float32", 10_000, 3, False),
    ("784-100-10", "float32", 10_000, 3, False),
)


def in_own_process(function, threads, *arguments):
    """Call a function in a new process in which JAX, too, finds so many threads.

    JAX sizes its thread pool once, when it starts, from the variable NPROC; hence one process
    for each number of threads, with all contenders in it.
    """
    kept = os.environ.get("NPROC")
    os.environ["NPROC"] = str(threads)
    try:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            return pool.submit(function, threads, *arguments).result()
    finally:
        if kept is None:
            del os.environ["NPROC"]
        else:
            os.environ["NPROC"] = kept


def training(threads, names, workloads, dtypes, repeats):
    """Time fits of every contender on every workload; return records and versions."""
    contenders = load(names, say=_progress)
    records = []
    for dtype in dtypes:
        for workload in workloads:
            data = workload.data(dtype)
            jobs = {
                name: (contender, contender.trainer(workload, data, workload.epochs).train)
                for name, contender in _entrants(contenders, workload, dtype).items()
            }
            if not jobs:
                continue
            _progress(f"training {workload.name} {dtype}, {threads} thread(s): {', '.join(jobs)}")
            for name, (wall, cpu) in interleaved(jobs, threads, repeats).items():
                records.append(
                    {
                        "workload": workload.name,
                        "dtype": dtype,
                        "threads": threads,
                        "contender": contenders[name].TITLE,
                        "epochs": workload.epochs,
                        "steps": workload.epochs * workload.rows // workload.batch,
                        "wall": wall,
                        "cpu": cpu,
                    }
                )
    return records, _versions(contenders)


def agreement(threads, names, workloads, dtypes):
    """Train without shuffling from the same parameters; return the final losses."""
    contenders = load(names, say=_progress)
    records = []
    for dtype in dtypes:
        for workload in workloads:
            data = workload.data(dtype)
            epochs = min(2, workload.epochs)
            order = workload.order(epochs)
            losses = {}
            for name, contender in _entrants(contenders, workload, dtype).items():
                _progress(f"agreement {workload.name} {dtype}: {name}")
                with contender.limited(threads):
                    trainer = contender.trainer(workload, data, epochs, order)
                    layers = trainer.parameters(trainer.train())
                losses[contender.TITLE] = workload.loss(layers, data)
            if not losses:
                continue
            spread = (max(losses.values()) - min(losses.values())) / min(losses.values())
            records.append(
                {
                    "workload": workload.name,
                    "dtype": dtype,
                    "before": workload.loss(workload.start(dtype), data),
                    "losses": losses,
                    "spread": spread,
                    "agrees": len(losses) < 2 or spread <= AGREE[dtype],
                }
            )
    return records, _versions(contenders)


def prediction(threads, names, workloads, repeats):
    """Time predictions: one row through the estimators, many rows through every contender."""
    contenders = load(names, say=_progress)
    by_name = {workload.name: workload for workload in workloads}
    records = []
    for work_name, dtype, rows, calls, proba in PREDICTIONS:
        if work_name not in by_name:
            continue
        workload = by_name[work_name]
        data = workload.data(dtype)
        asked = workload.data(dtype, rows).X
        jobs = {}
        for name, contender in _entrants(contenders, workload, dtype).items():
            if hasattr(contender, "predictor"):
                predict = contender.predictor(workload, data, proba)
                jobs[name] = contender, _repeat(predict, asked, calls)
        if not jobs:
            continue
        _progress(f"prediction {work_name}, {rows} row(s), {threads} thread(s): {', '.join(jobs)}")
        for name, (wall, cpu) in interleaved(jobs, threads, repeats).items():
            records.append(
                {
                    "workload": work_name,
                    "dtype": dtype,
                    "threads": threads,
                    "rows": rows,
                    "what": "predict_proba" if proba else "predict",
                    "contender": contenders[name].TITLE,
                    "wall": [seconds / calls for seconds in wall],
                    "cpu": [seconds / calls for seconds in cpu],
                }
            )
    return records, _versions(contenders)


def interleaved(jobs, threads, repeats):
    """Call jobs in turns; return for each name its wall and processor seconds.

    Each job, a pair (contender, function), is called once before, untimed: that compiles.
    """
    seconds = {name: ([], []) for name in jobs}
    names = list(jobs)
    for turn in range(repeats + 1):
        first = turn % max(1, len(names))
        for name in names[first:] + names[:first]:
            contender, job = jobs[name]
            with ExitStack() as stack:
                stack.enter_context(contender.limited(threads))
                gc.collect()
                time.sleep(PAUSE)
                cpu, wall = time.process_time(), time.perf_counter()
                job()
                wall = time.perf_counter() - wall
                cpu = time.process_time() - cpu
            if turn > 0:
                seconds[name][0].append(wall)
                seconds[name][1].append(cpu)
    return seconds


def _entrants(contenders, workload, dtype):
    dtype = np.dtype(dtype)
    return {n: module for n, module in contenders.items() if module.takes(workload, dtype)}


def _versions(contenders):
    return {name: module.version() for name, module in contenders.items()}


def _repeat(predict, rows, calls):
    def job():
        for _ in range(calls):
            predict(rows)

    return job


def _progress(line):
    print(line, file=sys.stderr, flush=True)
