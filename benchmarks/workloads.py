"""What is trained: five networks, their data, and the loss that tells whether contenders agree."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

SEED = 7


@dataclass(frozen=True)
class Data:
    """Rows ``X`` of shape (n, I) and integer classes ``y`` of shape (n,)."""

    X: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Workload:
    """One network and how it is trained; the same for every contender.

    Parameters
    ----------
    name : str
        Widths as people write them; two classes are one logistic output unit.
    widths : tuple of int
        Units from the input layer to the output layer.
    classes, batch, rows, epochs : int
        ``rows`` is a multiple of ``batch``, so that no contender has a ragged last batch.
    solver, activation : str
        In scikit-learn's words; SGD is plain, without momentum.
    learning_rate : float
    long : bool
        Too long for contenders that run each step from Python. It shows the others' time for a
        step where a fit of bearable length shows mostly what they pay once.
    """

    name: str
    widths: tuple[int, ...]
    classes: int
    batch: int
    rows: int
    epochs: int
    solver: str = "adam"
    activation: str = "relu"
    learning_rate: float = 1e-3
    long: bool = False

    @property
    def one_example(self) -> bool:
        """Whether this is the notebook's rule: one example a step, drawn with replacement."""
        return self.batch == 1

    def quick(self) -> "Workload":
        """Return the same work, some four times shorter."""
        if self.epochs == 1:
            return replace(self, rows=self.rows // 4)
        return replace(self, epochs=max(1, self.epochs // 4))

    def data(self, dtype, rows=None) -> Data:
        """Draw normal rows, labelled by a random linear teacher with some noise."""
        rows = rows or self.rows
        rng = np.random.default_rng(SEED)
        features = rng.standard_normal((rows, self.widths[0]))
        scores = features @ rng.standard_normal((self.widths[0], self.classes))
        scores += 0.5 * np.sqrt(self.widths[0]) * rng.standard_normal(scores.shape)
        return Data(features.astype(dtype), scores.argmax(axis=1))

    def start(self, dtype) -> list[tuple[np.ndarray, np.ndarray]]:
        """Draw the parameters that training starts from, a pair (W, b) for each layer.

        They are those that scikit-learn draws for ``random_state=SEED``; for one-example SGD
        those that the notebook draws after ``np.random.seed(SEED)``.
        """
        generator = np.random.RandomState(SEED)
        if self.one_example:
            return _notebook_start(self.widths, generator, dtype)
        layers = []
        for n_in, n_out in pairwise(self.widths):
            bound = np.sqrt(6.0 / (n_in + n_out))
            weights = generator.uniform(-bound, bound, (n_in, n_out))
            biases = generator.uniform(-bound, bound, n_out)
            layers.append((weights.astype(dtype), biases.astype(dtype)))
        return layers

    def order(self, epochs) -> np.ndarray:
        """Return the row numbers of an unshuffled run, shape (epochs, rows).

        For one-example SGD these are the notebook's draws after its starting parameters.
        """
        if not self.one_example:
            return np.tile(np.arange(self.rows), (epochs, 1))
        generator = np.random.RandomState(SEED)
        _notebook_start(self.widths, generator, float)
        return generator.randint(0, self.rows, size=(epochs, self.rows))

    def loss(self, layers, data) -> float:
        """Return the mean log loss of given parameters over the data, in float64."""
        a = data.X.astype(float)
        for number, (weights, biases) in enumerate(layers):
            a = a @ np.asarray(weights, float) + np.asarray(biases, float)
            if number < len(layers) - 1 and self.activation == "relu":
                a = np.maximum(a, 0.0)
        if self.classes == 2:
            z = a[:, 0]
            return float(np.mean(np.logaddexp(0.0, z) - data.y * z))
        peak = a.max(axis=1, keepdims=True)
        log_total = peak[:, 0] + np.log(np.exp(a - peak).sum(axis=1))
        return float(np.mean(log_total - a[np.arange(len(a)), data.y]))


def _notebook_start(widths, generator, dtype):
    layers = []
    for n_in, n_out in pairwise(widths):
        # The notebook keeps the bias in column 0 and one row for each unit.
        drawn = generator.randn(n_out, n_in + 1) * np.sqrt(1 / n_in)
        layers.append((drawn[:, 1:].T.astype(dtype), drawn[:, 0].astype(dtype)))
    return layers


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("2-2-1", (2, 2, 1), 2, 1, 20_000, 1, "sgd", "identity", 1e-2),
        Workload("2-2-1-long", (2, 2, 1), 2, 1, 20_000, 50, "sgd", "identity", 1e-2, long=True),
        Workload("20-64-2", (20, 64, 1), 2, 32, 3_200, 40),
        Workload("784-100-10", (784, 100, 10), 10, 200, 6_000, 12),
        Workload("54-256-256-7", (54, 256, 256, 7), 7, 256, 10_240, 8),
        Workload("784-1024-1024-10", (784, 1024, 1024, 10), 10, 512, 4_096, 2),
    )
}
