"""What recording costs, and how long it takes to reach any step of what was recorded.

A long fit with and without a ``Recorder`` take turns, in pairs; what counts is the median of the
pairs' ratios. Fits of one epoch take turns, too: what these differ by is paid once a fit, for the
data and for the first and the last checkpoint, and is told apart from what a longer fit goes on
paying. Then the last run is opened, and asked for a few dozen random steps: what it has come by it
may keep in memory, so that of a wide network the first are the slowest.
"""

import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.contenders import sklearn
from benchmarks.turns import progress, rest
from benchmarks.workloads import BUSY_WORKLOADS, SEED, WORKLOADS
from retrograd import MLP, MLPClassifier, Recorder, open_run

# Of fits much shorter most is what a recording costs once, at its begin and end.
SECONDS = 10.0
STEPS_ASKED = 40
NETWORKS = {**BUSY_WORKLOADS, **WORKLOADS}


def recording(workloads, repeats, seconds=SECONDS):
    """Measure the chosen networks; return records of the pairs, of steps reached, of bytes."""
    chosen = [name for name in NETWORKS if name in workloads and not NETWORKS[name].long]
    return [_measured(NETWORKS[name], repeats, seconds) for name in chosen]


def _measured(workload, repeats, seconds):
    data = workload.data()
    fit = _notebooks if workload.one_example else _classifiers
    epochs = workload.epochs
    fit(workload, data, epochs, None)
    # Twice: the first estimate is of a fit that may be all beginning.
    for _ in range(2):
        took = _timed(fit, workload, data, epochs, None)
        epochs = max(1, round(epochs * seconds / took))
    pairs, short, sizes, reached = [], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(repeats):
            progress(f"recording {workload.name}, {epochs} epochs: pair {turn + 1} of {repeats}")
            path = Path(folder) / f"{turn}.retro"
            first = Path(folder) / f"{turn}-short.retro"
            short.append(_pair(fit, workload, data, 1, first, turn))
            pairs.append(_pair(fit, workload, data, epochs, path, turn))
            sizes.append(path.stat().st_size)
        run = open_run(path)
        steps = np.random.default_rng(SEED).integers(0, len(run) + 1, STEPS_ASKED)
        run.at(int(steps[0])).coefs  # noqa: B018 - loads what the first replay loads
        for step in steps:
            started = time.perf_counter()
            run.at(int(step)).coefs  # noqa: B018 - the state is made when it is asked for
            reached.append(time.perf_counter() - started)
    return {
        "workload": workload.name,
        "epochs": epochs,
        "steps": len(run),
        "pairs": pairs,
        "once": median(recorded - plain for plain, recorded in short),
        "bytes": sizes,
        "reached": reached,
        "checkpoints": len(run.store.steps_of(run.number)),
        "step": median(plain for plain, _ in pairs) / len(run),
    }


def _pair(fit, workload, data, epochs, path, turn):
    """Seconds of a fit without and with a recorder, which take turns in being the first."""
    order = [None, Recorder(path)]
    took = {
        recorder is not None: _timed(fit, workload, data, epochs, recorder)
        for recorder in (order if turn % 2 else reversed(order))
    }
    return took[False], took[True]


def _timed(fit, *arguments):
    rest()
    started = time.perf_counter()
    fit(*arguments)
    return time.perf_counter() - started


def _classifiers(workload, data, epochs, recorder):
    def made(**parameters):
        model = MLPClassifier(**parameters)
        return model if recorder is None else model.set_callbacks(recorder)

    sklearn.fit(made, workload, data, epochs)


def _notebooks(workload, data, epochs, recorder):
    np.random.seed(SEED)  # noqa: NPY002 - the notebook's generator is the legacy one
    model = MLP(hidden_units=workload.widths[1], lr=workload.learning_rate, epochs=epochs)
    model.fit(data.X, data.y, recorder)
