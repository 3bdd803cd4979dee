"""Training that stops and goes on is the training that never stopped, bit for bit."""

import numpy as np
import pytest
import scipy.sparse
from sklearn.exceptions import ConvergenceWarning
from tasks import make_task, pair, same_bits

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.regressor import MLPRegressor
from retrograd.estimators.rewinding import open_runs

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SETTINGS = {
    "hidden_layer_sizes": (5,), "batch_size": 10, "random_state": 4, "tol": 0.0,
    "n_iter_no_change": np.inf, "learning_rate_init": 0.02,
}  # fmt: skip
SOLVERS = ["sgd", "adam", "adamw", "rmsprop"]


def build(task="multiclass", **parameters):
    """One of our estimators."""
    return pair(task, **{**SETTINGS, **parameters})[0]


@pytest.mark.parametrize("learning_rate", ["constant", "invscaling", "adaptive"])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_warm_start_goes_on(task, solver, learning_rate):
    """10 epochs and 10 more are 20: momentum, Adam's memory, orders and rates are kept."""
    X, y = make_task(task)
    options = {"solver": solver, "learning_rate": learning_rate, "power_t": 0.1}
    whole = build(task, max_iter=20, **options).fit(X, y)
    parts = build(task, max_iter=10, warm_start=True, **options).fit(X, y).fit(X, y)
    same_bits(whole, parts)
    assert parts.loss_curve_ == whole.loss_curve_
    assert (parts.t_, parts.n_iter_) == (whole.t_, 10)
    assert parts.best_loss_ == whole.best_loss_


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("task", ["multiclass", "multilabel", "poisson"])
def test_partial_fit_is_an_epoch(task, solver, shuffle):
    """N calls of partial_fit are fit with N epochs."""
    X, y = make_task(task)
    weight = np.linspace(0.5, 2.0, len(X))
    whole = build(task, max_iter=6, solver=solver, shuffle=shuffle).fit(X, y, weight)
    parts = build(task, solver=solver, shuffle=shuffle)
    classes = {"classes": np.unique(y)} if task == "multiclass" else {}
    if task == "multilabel":
        classes = {"classes": [0, 1, 2]}
    for _ in range(6):
        parts.partial_fit(X, y, weight, **classes)
    same_bits(whole, parts)
    assert parts.loss_curve_ == whole.loss_curve_
    assert (parts.n_iter_, parts.t_) == (1, whole.t_)


@pytest.mark.parametrize("learning_rate", ["constant", "invscaling", "adaptive"])
def test_another_rate_acts_from_the_next_call_on(learning_rate):
    """An adaptive one stays divided as often as it was."""
    X, y = make_task("regression")
    model = build("regression", solver="sgd", learning_rate=learning_rate).partial_fit(X, y)
    if learning_rate == "adaptive":
        model._state.learning_rate /= 25  # as two standstills do
    before, rate = model.coefs_[0].copy(), model._state.learning_rate
    model.set_params(learning_rate_init=SETTINGS["learning_rate_init"] / 1e9, momentum=0.0)
    model.partial_fit(X, y)
    assert 0 < np.abs(model.coefs_[0] - before).max() < 1e-6
    if learning_rate == "adaptive":
        np.testing.assert_allclose(model._state.learning_rate, rate / 1e9)


def test_warm_starts_share_their_patience():
    """As scikit-learn's: what stood still before a warm start counts in it."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 4)), rng.integers(0, 3, 120)
    parameters = {"hidden_layer_sizes": (5,), "random_state": 0, "shuffle": False, "tol": 0.003,
                  "n_iter_no_change": 4}  # fmt: skip
    one = MLPClassifier(max_iter=60, **parameters).fit(X, y)
    assert one.n_iter_ < 60
    two = MLPClassifier(max_iter=one.n_iter_ - 2, warm_start=True, **parameters).fit(X, y)
    two.set_params(max_iter=60).fit(X, y)
    assert two.loss_curve_ == one.loss_curve_
    same_bits(one, two)


def test_a_warm_start_begins_an_adaptive_rate_anew():
    """It is cut by five whenever the loss stalls, in the second fit as in the first."""
    X, y = make_task("regression")
    recorder = Recorder()
    model = build("regression", solver="sgd", learning_rate="adaptive", tol=10.0, max_iter=6,
                  n_iter_no_change=1, warm_start=True)  # fmt: skip
    model.set_callbacks(recorder).fit(X, y).fit(X, y)
    one, two = ([epoch.learning_rate for epoch in run.epochs] for run in open_runs(recorder))
    assert one == pytest.approx([0.02, 0.02, 0.02, 0.004, 0.004, 0.0008], rel=1e-12)
    assert two == pytest.approx([0.02, 0.02, 0.004, 0.004, 0.0008, 0.0008], rel=1e-12)


@pytest.mark.parametrize("learning_rate", ["cosine", "one_cycle"])
def test_a_warm_start_begins_a_schedule_by_step_anew(learning_rate):
    """Its second fit has the rates of the first; partial_fit would be at the schedule's end."""
    X, y = make_task("regression")
    recorder = Recorder()
    model = build("regression", learning_rate=learning_rate, max_iter=6, warm_start=True)
    model.set_callbacks(recorder).fit(X, y).fit(X, y)
    one, two = ([epoch.learning_rate for epoch in run.epochs] for run in open_runs(recorder))
    assert one == two
    assert max(one) > 4 * one[-1]


def test_fit_then_partial_fit():
    """The two kinds of call may follow each other."""
    X, y = make_task("regression")
    whole = build("regression", max_iter=8).fit(X, y)
    parts = build("regression", max_iter=7).fit(X, y).partial_fit(X, y)
    same_bits(whole, parts)


def test_without_warm_start_fit_begins_anew():
    """Nothing of an earlier fit remains."""
    X, y = make_task("multiclass")
    model = build(max_iter=5).fit(*make_task("binary")).fit(X, y)
    fresh = build(max_iter=5).fit(X, y)
    same_bits(model, fresh)
    assert model.loss_curve_ == fresh.loss_curve_
    assert vars(model).keys() == vars(fresh).keys()


@pytest.mark.parametrize("early_stopping", [False, True])
def test_nor_does_its_patience(early_stopping):
    """What an earlier table was learned to says nothing of how well this one is."""
    X, y = make_task("regression")
    options = {"max_iter": 30, "n_iter_no_change": 3, "early_stopping": early_stopping}
    fresh = build("regression", **options).fit(X, y)
    model = build("regression", **options).fit(X, np.zeros(len(y))).fit(X, y)
    assert model.n_iter_ == fresh.n_iter_
    assert model.best_loss_ == fresh.best_loss_
    assert model.best_validation_score_ == fresh.best_validation_score_


def test_each_fit_without_a_seed_has_its_own_orders():
    """From the same parameters, all 0, two fits of one estimator end elsewhere."""
    X, y = make_task("regression")
    model = build("regression", random_state=None, hidden_layer_sizes=(), max_iter=2)
    model.set_params(init="zeros")
    first = model.fit(X, y).coefs_[0].copy()
    assert not np.array_equal(first, model.fit(X, y).coefs_[0])


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_rows_in_double_precision_for_a_network_in_single(method):
    """It goes on in single precision, whatever the later rows are."""
    X, y = make_task("multiclass")
    models = [build(max_iter=2, warm_start=method == "fit").fit(X.astype(np.float32), y)
              for _ in range(2)]  # fmt: skip
    for model, rows in zip(models, (X, X.astype(np.float32)), strict=True):
        getattr(model, method)(rows, y)
    assert models[0].coefs_[0].dtype == np.float32
    same_bits(*models)


def test_no_seed_no_repetition():
    """Without a seed two trainings differ; each goes on with its own orders."""
    X, y = make_task("multiclass")
    one, two = (build(random_state=None, max_iter=3, warm_start=True) for _ in range(2))
    assert not np.array_equal(one.fit(X, y).coefs_[0], two.fit(X, y).coefs_[0])
    assert len(one.fit(X, y).loss_curve_) == 6


@pytest.mark.parametrize("make", [lambda: 11, lambda: np.int64(11), lambda: None,
                                  lambda: np.random.RandomState(11)])  # fmt: skip
def test_seeds(make):
    """The same state of the same generator gives the same bits; an integer is used afresh."""
    X, y = make_task("multiclass")
    models = []
    for _ in range(2):
        np.random.seed(5)  # what None stands for
        models.append(build(random_state=make(), max_iter=3, early_stopping=True).fit(X, y))
    same_bits(*models)
    if isinstance(models[0].random_state, np.random.RandomState):
        first = models[0].coefs_[0].copy()
        assert not np.array_equal(first, models[0].fit(X, y).coefs_[0]), "it has moved on"


@pytest.mark.compiled
def test_same_bits_in_another_process():
    """Nothing of a process's own gets in."""
    import subprocess
    import sys

    program = """
import warnings
import numpy as np
from retrograd.estimators.classifier import MLPClassifier
warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
X, y = rng.normal(size=(300, 20)), rng.integers(0, 3, 300)
model = MLPClassifier((30, 20), max_iter=3, random_state=1, early_stopping=True).fit(X, y)
print(np.concatenate([a.ravel() for a in model.coefs_]).tobytes().hex()[::97])
"""
    outputs = [
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]
    assert outputs[0] == outputs[1]
    assert len(outputs[0]) > 50


def test_rows_in_any_storage():
    """C or Fortran order, views, read-only, swapped bytes, lists: the same numbers, the same bits.

    Sparse rows differ from dense ones only in the order of their sums.
    """
    X, y = make_task("multiclass")
    expected = build(max_iter=4).fit(X, y)
    frozen = X.copy()
    frozen.flags.writeable = False
    wide = np.zeros((2 * len(X), 9))
    wide[::2, ::2][:, :4] = X
    for rows in (np.asfortranarray(X), frozen, wide[::2, ::2][:, :4], X.astype(">f8"), X.tolist()):
        same_bits(expected, build(max_iter=4).fit(rows, y))
        np.testing.assert_array_equal(expected.predict_proba(rows), expected.predict_proba(X))
    formats = (scipy.sparse.csr_array, scipy.sparse.csc_matrix, scipy.sparse.coo_array,
               scipy.sparse.lil_matrix)  # fmt: skip
    for storage in formats:
        model = build(max_iter=4).fit(storage(X), y)
        np.testing.assert_allclose(model.coefs_[0], expected.coefs_[0], rtol=1e-10)
        np.testing.assert_allclose(model.predict_proba(storage(X)), expected.predict_proba(X))


def test_mapped_rows(tmp_path):
    """Rows read from a file that is mapped, not loaded."""
    X, y = make_task("multiclass")
    np.save(tmp_path / "rows.npy", X)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    same_bits(build(max_iter=3).fit(X, y), build(max_iter=3).fit(mapped, y))


def test_warm_start_with_early_stopping_keeps_the_best_of_all():
    """The best score so far, and its parameters, outlive a fit that finds nothing better."""
    X, y = make_task("multiclass")
    model = build(
        early_stopping=True, validation_fraction=0.3, max_iter=30, learning_rate_init=0.05,
        warm_start=True,
    ).fit(X, y)  # fmt: skip
    best, score = [coef.copy() for coef in model.coefs_], model.best_validation_score_
    model.set_params(solver="sgd", learning_rate_init=3.0, max_iter=5).fit(X, y)
    assert score == model.best_validation_score_ == max(model.validation_scores_)
    assert len(model.validation_scores_) == 35
    for before, after in zip(best, model.coefs_, strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_batch_of_weight_zero_teaches_nothing():
    """Its rows count for nothing, so the penalty is not divided by nothing either."""
    X, y = make_task("regression")
    n = len(X) // 2
    settings = {"hidden_layer_sizes": (3,), "solver": "sgd", "momentum": 0.0, "alpha": 10.0,
                "batch_size": n, "shuffle": False, "max_iter": 5, "random_state": 0}  # fmt: skip
    weight = np.repeat([1.0, 0.0], n)
    with pytest.warns(ConvergenceWarning):
        both = MLPRegressor(**settings).fit(X[: 2 * n], y[: 2 * n], sample_weight=weight)
    with pytest.warns(ConvergenceWarning):
        alone = MLPRegressor(**settings).fit(X[:n], y[:n])
    for mine, other in zip(both.coefs_, alone.coefs_, strict=True):
        np.testing.assert_array_equal(mine, other)
