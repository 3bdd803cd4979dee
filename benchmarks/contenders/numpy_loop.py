"""The notebook's own loop in plain NumPy: one example a step, bias in column 0.

Its one bug is mended: the bias of the hidden layer is inserted without an axis.
"""

from contextlib import nullcontext

import numpy as np

from benchmarks.contenders import Trainer
from benchmarks.workloads import SEED

TITLE = "notebook's NumPy loop"


def version():
    """Return NumPy's version."""
    return f"NumPy {np.__version__}"


def limited(threads):
    """Return an empty context: products this small use one thread anyway."""
    return nullcontext()


def takes(workload):
    """Tell whether this is the notebook's own kind of work."""
    return workload.one_example and not workload.long


def trainer(workload, data, epochs, order=None):
    """Prepare the notebook's ``fit``; ``order`` is what its generator draws in any case."""
    hidden = workload.widths[1]
    rate = workload.learning_rate

    def train():
        np.random.seed(SEED)  # noqa: NPY002 - the notebook's generator is the legacy one
        return _fit(data.X, data.y, hidden, rate, epochs)

    def parameters(state):
        return [(columns[:, 1:].T, columns[:, 0]) for columns in state]

    return Trainer(train, parameters)


def _sigmoid(z):
    return 1 / (1 + np.exp(-z))


def _fit(rows, labels, h, lr, epochs):
    n, d = rows.shape
    w1 = np.random.randn(h, d + 1) * np.sqrt(1 / d)  # noqa: NPY002
    w2 = np.random.randn(1, h + 1) * np.sqrt(1 / h)  # noqa: NPY002
    for _ in range(epochs):
        for _ in range(n):
            r = np.random.randint(0, n)  # noqa: NPY002

            x = np.insert(rows[r], 0, 1)
            a1 = w1 @ x
            a1b = np.insert(a1, 0, 1)
            z2 = w2 @ a1b
            y_pred = _sigmoid(z2)

            error = y_pred - labels[r]
            dw2 = error * a1b
            d_hidden = (w2[:, 1:].T * error).flatten()
            dw1 = d_hidden[:, None] @ x[None, :]

            w2 -= lr * dw2
            w1 -= lr * dw1
    return w1, w2
