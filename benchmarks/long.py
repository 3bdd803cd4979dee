"""Whether the steps of a long training take longer than its first ones.

Weights and moments of features that are always 0 fade under penalty and momentum until they are
too small to be normal numbers, which processors compute with slowly.
"""

import time
import warnings
from statistics import median

from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from benchmarks.contenders import load, sklearn
from benchmarks.turns import progress
from benchmarks.workloads import BUSY_WORKLOADS

# The digits have features that are always 0. A block is so many epochs, and fit goes on from block
# to block; in so many blocks what fades has faded.
WORKLOAD, BLOCK, BLOCKS = "digits", 200, 18
ESTIMATORS = ("retrograd", "sklearn")
# What "no longer" leaves to the noise of the clock.
MOST = 1.1


def long(names):
    """Train each estimator for long on one thread; return records of seconds of a step by block."""
    workload = BUSY_WORKLOADS[WORKLOAD]
    data = workload.data()
    modules = {name: module for name, module in load(ESTIMATORS).items() if name in names}
    settings = sklearn.settings(workload, BLOCK) | {"warm_start": True}
    models = {name: module.MLPClassifier(**settings) for name, module in modules.items()}
    steps = BLOCK * workload.steps // workload.epochs
    seconds = {name: [] for name in models}
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for block in range(BLOCKS + 1):
            progress(f"long training, block {block} of {BLOCKS}")
            for name, model in models.items():
                started = time.perf_counter()
                model.fit(data.X, data.y)
                seconds[name].append((time.perf_counter() - started) / steps)
    return [
        {"contender": modules[name].TITLE, "steps": steps * len(blocks), "seconds": blocks}
        for name, blocks in seconds.items()
    ]


def early_and_late(record):
    """Return the seconds of a step in three early blocks and in the last three, medians.

    The very first one has compiled and warmed up.
    """
    return median(record["seconds"][1:4]), median(record["seconds"][-3:])
