"""What is trained: the networks, their data, and the loss that tells whether contenders agree."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy import sparse

SEED = 7
BAG_OF_WORDS, DIGITS = "bag of words", "digits"
# Of a bag of words' cells, the part that is not zero.
FILLED = 0.01


@dataclass(frozen=True)
class Data:
    """Rows ``X`` of shape (n, I), dense or CSR, and integer classes ``y`` of shape (n,)."""

    X: np.ndarray | sparse.csr_array
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
    learning_rate, alpha : float
        ``alpha`` is scikit-learn's L2 penalty: alpha / 2B times the sum of squared weights.
    dtype : str
    source : str
        Where the rows come from: ``"normal"``, ``BAG_OF_WORDS`` or ``DIGITS``.
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
    alpha: float = 0.0
    dtype: str = "float32"
    source: str = "normal"
    long: bool = False

    @property
    def one_example(self) -> bool:
        """Whether this is the notebook's rule: one example a step, drawn with replacement."""
        return self.batch == 1

    @property
    def dense(self) -> bool:
        """Whether the rows are an ordinary array."""
        return self.source != BAG_OF_WORDS

    @property
    def steps(self) -> int:
        """Steps of the whole fit."""
        return self.epochs * self.rows // self.batch

    @property
    def flops(self) -> int:
        """Operations of one step's matrix products: forward, dW and, above the first, delta."""
        cells = [n_in * n_out for n_in, n_out in pairwise(self.widths)]
        return 2 * self.batch * (2 * sum(cells) + sum(cells[1:]))

    def quick(self) -> "Workload":
        """Return the same work, some four times shorter."""
        if self.epochs == 1:
            return replace(self, rows=self.rows // 4)
        return replace(self, epochs=max(1, self.epochs // 4))

    def data(self, rows=None) -> Data:
        """Draw the rows, labelled by a random linear teacher with some noise; or load them."""
        rows = rows or self.rows
        rng = np.random.default_rng(SEED)
        if self.source == DIGITS:
            return _digits(rows, self.dtype)
        if self.source == BAG_OF_WORDS:
            features = _bag_of_words(rows, self.widths[0], rng)
            noise = 0.5
        else:
            features = rng.standard_normal((rows, self.widths[0]))
            noise = 0.5 * np.sqrt(self.widths[0])
        scores = features @ rng.standard_normal((self.widths[0], self.classes))
        scores += noise * rng.standard_normal(scores.shape)
        return Data(features.astype(self.dtype), scores.argmax(axis=1))

    def start(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Draw the parameters that training starts from, a pair (W, b) for each layer.

        They are those that scikit-learn draws for ``random_state=SEED``; for one-example SGD
        those that the notebook draws after ``np.random.seed(SEED)``.
        """
        generator = np.random.RandomState(SEED)
        if self.one_example:
            return _notebook_start(self.widths, generator, self.dtype)
        layers = []
        for n_in, n_out in pairwise(self.widths):
            bound = np.sqrt(6.0 / (n_in + n_out))
            weights = generator.uniform(-bound, bound, (n_in, n_out))
            biases = generator.uniform(-bound, bound, n_out)
            layers.append((weights.astype(self.dtype), biases.astype(self.dtype)))
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


def _bag_of_words(rows, columns, rng):
    """Return CSR rows of unit length with the same number of words each, word counts 1 to 3."""
    words = round(FILLED * columns)
    drawn = [np.sort(rng.choice(columns, words, replace=False)) for _ in range(rows)]
    counts = rng.integers(1, 4, size=(rows, words)).astype(float)
    counts /= np.linalg.norm(counts, axis=1, keepdims=True)
    ends = np.arange(0, rows * words + 1, words)
    return sparse.csr_array((counts.ravel(), np.concatenate(drawn), ends), shape=(rows, columns))


def _digits(rows, dtype):
    from sklearn.datasets import load_digits

    digits = load_digits()
    return Data((digits.data[:rows] / 16).astype(dtype), digits.target[:rows])


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("2-2-1", (2, 2, 1), 2, 1, 20_000, 1, "sgd", "identity", 1e-2),
        Workload("2-2-1-long", (2, 2, 1), 2, 1, 20_000, 50, "sgd", "identity", 1e-2, long=True),
        Workload("20-64-2", (20, 64, 1), 2, 32, 3_200, 20),
        Workload("30-100-2", (30, 100, 1), 2, 200, 10_000, 12, alpha=1e-4, dtype="float64"),
        Workload("784-100-10", (784, 100, 10), 10, 200, 6_000, 8),
        Workload("54-256-256-7", (54, 256, 256, 7), 7, 256, 10_240, 4),
        Workload("784-1024-1024-10", (784, 1024, 1024, 10), 10, 512, 4_096, 2),
        Workload("20000-100-2", (20_000, 100, 1), 2, 200, 2_000, 2, source=BAG_OF_WORDS),
    )
}
# The first 1,600 of the 1,797 digits: eight whole batches of scikit-learn's default size.
BUSY_WORKLOADS = {
    "digits": Workload("digits", (64, 100, 10), 10, 200, 1_600, 8, alpha=1e-4, source=DIGITS),
    "54-256-256-7": replace(WORKLOADS["54-256-256-7"], epochs=1),
}
