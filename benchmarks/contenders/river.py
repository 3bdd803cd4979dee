"""river: logistic regression, ``learn_one`` on one example after another.

river has no neural network (its ``neural_net`` module is gone from the versions of today), so this
is **not the same arithmetic**: three parameters instead of nine and no hidden layer, that is, less
work. It is shown beside the others and enters no ratio to the fastest peer.
"""

from contextlib import nullcontext

import numpy as np
import river
from river import linear_model, optim

from benchmarks.contenders import OTHER_ARITHMETIC, Trainer
from benchmarks.workloads import SEED

TITLE = "river (logistic regression)"
ROLE = OTHER_ARITHMETIC


def version():
    """Return river's version."""
    return f"river {river.__version__}"


def limited(threads):
    """Return an empty context: it uses one thread."""
    return nullcontext()


def takes(workload):
    """Tell that only one-example SGD is its kind of work."""
    return workload.one_example and not workload.long


def trainer(workload, data, epochs, order=None):
    """Prepare the loop; the rows are river's dictionaries before it starts."""
    rows = [dict(enumerate(row)) for row in data.X.tolist()]
    labels = [bool(label) for label in data.y]

    def train():
        rng = np.random.default_rng(SEED)
        rate = workload.learning_rate
        model = linear_model.LogisticRegression(optim.SGD(rate), intercept_lr=rate)
        for _ in range(epochs):
            for row in rng.integers(len(rows), size=len(rows)).tolist():
                model.learn_one(rows[row], labels[row])
        return model

    return Trainer(train)
