"""What a fit and a prediction take beside the rows themselves, counted by tracemalloc."""

import tracemalloc

import numpy as np
import pytest

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.regressor import MLPRegressor

pytestmark = [
    pytest.mark.compiled,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
N_ROWS, N_FEATURES = 20_000, 60


def peak(work):
    """Most bytes that were held at once during work, of those asked for in it."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def table(dtype, make):
    """Rows in one piece, and targets."""
    X = np.random.default_rng(0).normal(size=(N_ROWS, N_FEATURES)).astype(dtype)
    return X, (np.arange(N_ROWS) % 3 if make is MLPClassifier else X[:, 0].copy())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("make", [MLPClassifier, MLPRegressor])
def test_a_fit_copies_no_rows(make, dtype):
    """A few numbers for each row: targets, the order of an epoch; for validation its own rows."""
    X, y = table(dtype, make)
    for early_stopping, limit in ((False, 40 * N_ROWS), (True, 60 * N_ROWS + 0.1 * X.nbytes)):
        model = make(
            hidden_layer_sizes=(8,), max_iter=1, batch_size=100, random_state=0,
            early_stopping=early_stopping,
        )  # fmt: skip
        model.fit(X[:200], y[:200])  # imports and compiles
        assert peak(lambda model=model: model.fit(X, y)) < limit


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_prediction_copies_no_rows(dtype):
    """Neither the rows nor a mask of them; units only of a panel at a time."""
    X, y = table(dtype, MLPRegressor)
    model = MLPRegressor(hidden_layer_sizes=(8,), max_iter=1, random_state=0).fit(X[:200], y[:200])
    model.predict(X[:200])  # imports and compiles
    assert peak(lambda: model.predict(X)) < 16 * N_ROWS
