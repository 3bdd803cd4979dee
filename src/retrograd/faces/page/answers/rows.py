"""Rows of a run's data, and what the network of a moment makes of them."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import scipy.sparse

from retrograd.engine.batches import make_data, rows_of
from retrograd.engine.kernels.data import Data
from retrograd.engine.network import Network
from retrograd.engine.objective import row_losses
from retrograd.engine.prediction import Predictor
from retrograd.faces.page.viewer import QuestionError
from retrograd.rewind.moment import Moment
from retrograd.rewind.run import Run

# Multiplications of a prediction, and its rows: at every step, and once the reader stays at one.
QUICK_WORK, QUICK_ROWS = 1 << 29, 20_000
PATIENT_WORK, PATIENT_ROWS = 1 << 36, 1_000_000
KINDS = ("training", "validation")

_chosen: "WeakKeyDictionary[Run, dict[tuple, Rows]]" = WeakKeyDictionary()


@dataclass(frozen=True)
class Rows:
    """Some rows of a run's data.

    Attributes
    ----------
    numbers : ndarray of shape (B,), int64
        Which they are.
    data : Data
        These rows only.
    n_all : int
        How many there would have been.
    """

    numbers: np.ndarray
    data: Data
    n_all: int


def choose_rows(run: Run, on: str, patient: bool) -> Rows:
    """Choose training or validation rows; where they are too many, always the same ones of them.

    Raises
    ------
    QuestionError
        If ``on`` is neither, or the run has no rows for validation.
    """
    kept = _chosen.setdefault(run, {})
    if (on, patient) not in kept:
        kept[on, patient] = _choose(run, on, patient)
    return kept[on, patient]


def _choose(run: Run, on: str, patient: bool) -> Rows:
    if on not in KINDS or (on == "validation" and on not in run.header.data):
        raise QuestionError(f"the run has no {on} rows")
    name = "train" if on == "training" else on
    n_all = run.data.y.shape[0]
    numbers = np.arange(n_all)
    if name in run.header.data:
        numbers = np.sort(run.store.array(run.header.data[name]))
    n_all = numbers.size
    work, most = (PATIENT_WORK, PATIENT_ROWS) if patient else (QUICK_WORK, QUICK_ROWS)
    most = max(1, min(most, work // run.header.network.n_parameters))
    if most < n_all:
        numbers = np.sort(np.random.default_rng(0).choice(numbers, most, replace=False))
    if numbers.size == run.data.y.shape[0]:
        return Rows(numbers, run.data, n_all)
    return Rows(numbers, data_of(run, numbers), n_all)


def data_of(run: Run, numbers: np.ndarray) -> Data:
    """Some rows as the engine reads them."""
    data = run.data
    weights = data.sample_weight[numbers] if data.sample_weight.size else None
    return make_data(run.header.network, rows_of(data)[numbers], data.y[numbers], weights)


def outputs_of(moment: Moment, data: Data, n_rows: int) -> np.ndarray:
    """Outputs of shape (n, O) for rows, by the network of a moment."""
    return Predictor(moment.run.header.network, moment.theta).predict(data, n_rows)[0]


def losses_of(moment: Moment, rows: Rows, outputs: np.ndarray) -> np.ndarray:
    """Loss of each row, of shape (B,), unweighted and without the penalty."""
    return row_losses(moment.run.header.network, rows.data, np.arange(rows.numbers.size), outputs)


def task_of(network: Network) -> str:
    """What is predicted: 'classes', several 'labels' at once, or 'numbers'.

    Examples
    --------
    >>> task_of(Network((4, 3), (), "softmax", "log_loss"))
    'classes'
    """
    if network.output == "softmax" or (network.output == "logistic" and network.widths[-1] == 1):
        return "classes"
    return "labels" if network.output == "logistic" else "numbers"


def probabilities(network: Network, outputs: np.ndarray) -> np.ndarray:
    """Probabilities of shape (n, classes) for outputs; of two classes there is one output."""
    if network.output == "softmax":
        return outputs
    return np.concatenate([1 - outputs, outputs], axis=1)


def decide(network: Network, outputs: np.ndarray) -> np.ndarray:
    """Prediction of each row as estimators make it: a class's number, labels, or numbers."""
    if network.output == "softmax":
        return outputs.argmax(axis=1)
    if task_of(network) == "classes":
        return (outputs[:, 0] > 0.5).astype(np.int64)
    return (outputs > 0.5).astype(np.int64) if network.output == "logistic" else outputs


def truth(network: Network, data: Data) -> np.ndarray:
    """What is true of each row, in the form of ``decide``."""
    if task_of(network) == "classes":
        return (data.y[:, 0] if network.output == "softmax" else data.y[:, 0] > 0.5).astype(
            np.int64
        )
    return (data.y > 0.5).astype(np.int64) if network.output == "logistic" else data.y


def weights_of(rows: Rows) -> np.ndarray | None:
    """Weights by which the rows count in what is told of all of them; None if all count alike."""
    weights = rows.data.sample_weight
    return weights.astype(float) if weights.size and weights.sum() > 0.0 else None


def mean_loss(losses: np.ndarray, weights: np.ndarray | None) -> float:
    """Mean of the rows' losses, each as often as it weighs."""
    return float(np.average(losses, weights=weights))


def score_of(
    network: Network, true: np.ndarray, outputs: np.ndarray, weights: np.ndarray | None
) -> float | None:
    """Accuracy, or R², as ``score`` has it; None where it is not defined."""
    if task_of(network) == "numbers":
        from sklearn.metrics import r2_score  # slow to import

        if len(true) < 2 or not np.isfinite(outputs).all():
            return None
        return float(r2_score(true, outputs, sample_weight=weights))
    right = decide(network, outputs) == true
    right = right if right.ndim == 1 else right.all(axis=1)
    return float(np.average(right, weights=weights))


def features_of(run: Run, numbers: np.ndarray) -> np.ndarray:
    """Features of some rows, of shape (B, I), all entries there."""
    X: Any = rows_of(run.data)[numbers]
    return X.toarray() if scipy.sparse.issparse(X) else X


@lru_cache(maxsize=8)
def few(n: int, most: int) -> np.ndarray:
    """Places of at most so many of n, always the same ones, in order."""
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, most, replace=False))
