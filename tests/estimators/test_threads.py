"""Estimators with any number of threads: the same bits, and the caller's settings left alone."""

import signal
import threading

import numpy as np
import pytest
import scipy.sparse
from joblib import Parallel, delayed
from threadpoolctl import threadpool_info, threadpool_limits

from bits import becomes_true, share_all
from retrograd.engine.divergence import DivergenceError
from retrograd.engine.objective import Objective
from retrograd.engine.threads import n_workers_for
from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.regressor import MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SETTINGS = {"hidden_layer_sizes": (100,), "max_iter": 4, "random_state": 0}
N_ROWS, N_FEATURES = 600, 30


@pytest.fixture(autouse=True)
def all_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all threads share however little work there is."""
    share_all(monkeypatch)


def table(dtype: type = np.float64) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """X, half of it 0, classes, numbers and weights."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_ROWS, N_FEATURES)) * (rng.random((N_ROWS, N_FEATURES)) < 0.5)
    scores = X @ rng.normal(size=(N_FEATURES, 3))
    return X.astype(dtype), scores.argmax(axis=1), np.sin(scores), rng.uniform(0.5, 2.0, N_ROWS)


def seen(model, X) -> dict[str, bytes]:
    """All numbers that a user can see of a fitted model and its predictions, as bytes."""
    numbers = {f"coefs {i}": W for i, W in enumerate(model.coefs_)}
    numbers |= {f"intercepts {i}": b for i, b in enumerate(model.intercepts_)}
    for name in ("loss_curve_", "validation_scores_", "loss_", "best_loss_"):
        value = getattr(model, name, None)
        numbers[name] = np.array([] if value is None else value, dtype=np.float64)
    probabilities = getattr(model, "predict_proba", None)
    numbers["outputs"] = model.predict(X) if probabilities is None else probabilities(X)
    return {name: np.ascontiguousarray(array).tobytes() for name, array in numbers.items()}


def with_threads(limit: int, fit, X) -> dict[str, bytes]:
    """Fit and predict with so many threads, and look."""
    with threadpool_limits(limit, user_api="blas"):
        before = threadpool_info()
        assert n_workers_for(1 << 40) == limit, "the test must really use that many"
        result = seen(fit(), X)
        assert threadpool_info() == before
    return result


PARAMETERS = {
    "plain": {},
    "early stopping": {"early_stopping": True},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "momentum": 0.5},
    "two layers": {"hidden_layer_sizes": (100, 40), "activation": "tanh"},
    # SciPy's part calls the BLAS, which shares sums of more than 10,000 terms.
    "lbfgs": {"solver": "lbfgs", "hidden_layer_sizes": (400,)},
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("make", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("case", PARAMETERS)
def test_fit(case: str, make: type, weighted: bool) -> None:
    """Parameters, curves, scores, predictions: dense and sparse, in either precision."""
    for dtype in (np.float64, np.float32):
        X, classes, numbers, weights = table(dtype)
        y = classes if make is MLPClassifier else numbers.astype(dtype)
        for rows in (X, scipy.sparse.csr_array(X)):

            def fit(rows=rows, y=y, weights=weights):
                model = make(**{**SETTINGS, **PARAMETERS[case]})
                return model.fit(rows, y, sample_weight=weights if weighted else None)

            alone = with_threads(1, fit, rows)
            for limit in (2, 8):
                assert with_threads(limit, fit, rows) == alone


@pytest.mark.parametrize("make", [MLPClassifier, MLPRegressor])
def test_partial_fit(make: type) -> None:
    """Each call with another number of threads."""
    X, classes, numbers, weights = table()
    y = classes if make is MLPClassifier else numbers
    results = []
    for limits in [(1, 1, 1), (2, 2, 2), (8, 1, 3)]:
        model = make(**SETTINGS)
        for call, limit in enumerate(limits):
            part = slice(100 * call, 100 * call + 400)
            more = {"classes": [0, 1, 2]} if make is MLPClassifier and call == 0 else {}
            with threadpool_limits(limit, user_api="blas"):
                model.partial_fit(X[part], y[part], sample_weight=weights[part], **more)
        results.append(seen(model, X))
    assert results[1] == results[0]
    assert results[2] == results[0]


@pytest.mark.parametrize("n_jobs", [2, 3])
def test_in_workers_of_joblib(n_jobs: int) -> None:
    """Two fits at once, in processes that have fewer threads than this one."""
    X, classes, numbers, weights = table()
    tasks = [(MLPClassifier(**SETTINGS), classes), (MLPRegressor(**SETTINGS), numbers)]
    fitted = Parallel(n_jobs=n_jobs)(delayed(model.fit)(X, y, weights) for model, y in tasks)
    for (model, y), other in zip(tasks, fitted, strict=True):
        for limit in (1, 3):
            here = with_threads(limit, lambda model=model, y=y: model.fit(X, y, weights), X)
            assert seen(other, X) == here


class Interruption:
    """A callback in whose hands Ctrl-C is pressed after the second epoch."""

    def __init__(self):
        self.epochs = 0

    def setup(self, estimator, context):
        """Start."""

    def teardown(self, estimator, context):
        """End."""

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        """Begin."""

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        """Count, and press."""
        self.epochs += 1
        if self.epochs == 2:
            raise KeyboardInterrupt


@pytest.fixture
def settings_stay():
    """Other numbers of threads than usual; the fixture gives a check that they are still set."""
    with threadpool_limits({"libscipy_openblas": 3, "openmp": 2}):
        before, handler = threadpool_info(), signal.getsignal(signal.SIGINT)

        def check() -> None:
            assert threadpool_info() == before
            assert signal.getsignal(signal.SIGINT) is handler

        yield check


def test_settings_after_a_fit_that_raises_or_is_interrupted(settings_stay) -> None:
    """The caller's threads are as before; after a fit that returns, see ``with_threads``."""
    X, classes, _, _ = table()
    diverging = MLPClassifier(**SETTINGS, solver="sgd", learning_rate_init=1e300)
    with pytest.raises(DivergenceError):
        diverging.fit(X, classes)
    settings_stay()
    with pytest.raises(ValueError, match="NaN"):
        MLPClassifier(**SETTINGS).fit(np.full_like(X, np.nan), classes)
    settings_stay()
    interrupted = MLPClassifier(**SETTINGS).set_callbacks(Interruption())
    with pytest.warns(UserWarning, match="interrupted by user"):
        interrupted.fit(X, classes)
    assert interrupted.n_iter_ == 2
    settings_stay()


def test_settings_after_lbfgs(settings_stay, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds the BLAS meanwhile: two of them side by side, one that is interrupted, or fails."""
    X, classes, _, _ = table()
    fits = [
        threading.Thread(
            target=MLPClassifier(**{**SETTINGS, "max_iter": n}, solver="lbfgs").fit,
            args=(X, classes),
            daemon=True,
        )
        for n in (3, 30)
    ]
    for fit in fits:
        fit.start()
    assert becomes_true(lambda: not any(fit.is_alive() for fit in fits))
    settings_stay()
    for error in (KeyboardInterrupt, MemoryError):

        def fail(objective, theta, error=error):
            settings = {i["num_threads"] for i in threadpool_info() if i["user_api"] == "blas"}
            assert settings == {1}
            raise error

        monkeypatch.setattr(Objective, "__call__", fail)
        with pytest.raises(error):
            MLPClassifier(**SETTINGS, solver="lbfgs").fit(X, classes)
        settings_stay()
