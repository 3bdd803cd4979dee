"""Small tables for the tests of the estimators, one for each kind of target."""

import numpy as np
from sklearn import neural_network as theirs

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.regressor import MLPRegressor

N_ROWS, N_FEATURES = 47, 4


def rows(n: int = N_ROWS, d: int = N_FEATURES, seed: int = 0) -> np.ndarray:
    """Normal numbers, 40 % of them 0 so that sparse storage means something; shape (n, d)."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) * (rng.random((n, d)) < 0.6)


def make_task(task: str) -> tuple[np.ndarray, np.ndarray]:
    """X of shape (47, 4), and targets that depend on it with some noise."""
    X = rows()
    rng = np.random.default_rng(1)
    score = X @ rng.normal(size=(N_FEATURES, 3)) + 0.3 * rng.normal(size=(N_ROWS, 3))
    targets = {
        "binary": np.where(score[:, 0] > 0, "yes", "no"),
        "multiclass": np.array([5, 2, 9])[score.argmax(axis=1)],
        "multilabel": (score > 0).astype(int),
        "regression": np.sin(score[:, 0]),
        "regression 3": np.sin(score),
        "poisson": rng.poisson(np.exp(0.5 * score[:, 0])),
    }
    return X, targets[task]


def pair(task: str, **parameters) -> tuple:
    """Our estimator for a task, and scikit-learn's with the same parameters."""
    if task in ("binary", "multiclass", "multilabel"):
        classes = MLPClassifier, theirs.MLPClassifier
    else:
        classes = MLPRegressor, theirs.MLPRegressor
        parameters["loss"] = "poisson" if task == "poisson" else "squared_error"
    ours, reference = (make(**parameters) for make in classes)
    return ours, reference


def assert_close(ours: list, reference: list, tolerance: float) -> None:
    """Two lists of arrays equal, relative to the largest entry of each array."""
    assert len(ours) == len(reference)
    for i, (mine, other) in enumerate(zip(ours, reference, strict=True)):
        assert mine.shape == other.shape
        worst = np.abs(mine - other).max() / np.abs(other).max()
        assert worst <= tolerance, f"array {i} is off by {worst:.2g}"


def same_bits(one, other) -> None:
    """Two fitted estimators have the same parameters, to the last bit."""
    for a, b in zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True):
        np.testing.assert_array_equal(a, b, strict=True)
