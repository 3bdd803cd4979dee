"""Vowpal Wabbit: ``--nn`` with as many hidden units, plain SGD, from its own cache file.

It has the same layers, loss and learning rate, but **not the same arithmetic**: its hidden units
are an approximate tanh (they can't be linear), it computes in float32, clips its predictions and
draws its own starting weights. It is shown beside the others and enters no ratio to the fastest
peer. Reading its cache was its fastest way: some 0.8 µs an example (50 passes) where ``learn`` on
parsed examples from Python took 1.0.
"""

import tempfile
from contextlib import nullcontext
from pathlib import Path

import vowpalwabbit
from vowpalwabbit import Workspace

from benchmarks.contenders import OTHER_ARITHMETIC, Trainer
from benchmarks.workloads import SEED

TITLE = "Vowpal Wabbit (tanh)"
ROLE = OTHER_ARITHMETIC


def version():
    """Return Vowpal Wabbit's version."""
    return f"Vowpal Wabbit {vowpalwabbit.__version__}"


def limited(threads):
    """Return an empty context: it learns in one thread and reads in another."""
    return nullcontext()


def takes(workload):
    """Tell that only one-example SGD is its kind of work."""
    return workload.one_example


def trainer(workload, data, epochs, order=None):
    """Prepare passes over a cache of the examples, which are read in their order."""
    folder = tempfile.TemporaryDirectory(prefix="retrograd-benchmarks-")
    text, cache = Path(folder.name, "examples.txt"), Path(folder.name, "examples.cache")
    with text.open("w") as file:
        for row, label in zip(data.X.tolist(), data.y.tolist(), strict=True):
            features = " ".join(f"{column}:{value:.9g}" for column, value in enumerate(row))
            file.write(f"{1 if label else -1} | {features}\n")
    options = (
        f"-d {text} --cache_file {cache} --holdout_off --nn {workload.widths[1]} -b 8 --quiet "
        f"--loss_function logistic --sgd --power_t 0 -l {workload.learning_rate} "
        f"--random_seed {SEED} --passes "
    )

    def train():
        # The name keeps the folder alive as long as the training.
        assert folder.name
        model = Workspace(options + str(epochs))
        model.finish()
        return model

    train()  # Fills the cache.
    return Trainer(train)
