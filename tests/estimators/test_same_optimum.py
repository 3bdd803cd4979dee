"""With the same random_state and without shuffling, we end where scikit-learn ends."""

import numpy as np
import pytest
import scipy.sparse
from tasks import assert_close, make_task, pair

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

TASKS = ("binary", "multiclass", "multilabel", "regression", "regression 3", "poisson")
ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
SGD = {
    "constant": {"learning_rate_init": 0.05},
    "plain": {"learning_rate_init": 0.1, "momentum": 0.0},
    "no Nesterov": {"learning_rate_init": 0.05, "nesterovs_momentum": False},
    "invscaling": {"learning_rate": "invscaling", "learning_rate_init": 0.5, "power_t": 0.3},
    "adaptive": {"learning_rate": "adaptive", "learning_rate_init": 0.1, "tol": 1e-2,
                 "n_iter_no_change": 2},
    "adaptive, no Nesterov": {"learning_rate": "adaptive", "learning_rate_init": 0.1, "tol": 1e-2,
                              "n_iter_no_change": 1, "nesterovs_momentum": False},
}  # fmt: skip
ADAM = {
    "default": {"learning_rate_init": 0.01},
    "other betas": {"learning_rate_init": 0.02, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-4},
}
OPTIMIZERS = {
    **{f"sgd {name}": {"solver": "sgd", **options} for name, options in SGD.items()},
    **{f"adam {name}": {"solver": "adam", **options} for name, options in ADAM.items()},
}
SHAPES = {
    "no hidden layer": {"hidden_layer_sizes": ()},
    "an integer": {"hidden_layer_sizes": 7},
    "three hidden layers": {"hidden_layer_sizes": (6, 5, 4)},
    "one unit": {"hidden_layer_sizes": (1,)},
}
OTHERS = {
    "one batch": {"batch_size": 47},
    "one row a batch": {"batch_size": 1, "learning_rate_init": 0.002},
    "alpha large": {"alpha": 20.0},
    "alpha 0": {"alpha": 0.0},
    "stops early": {"tol": 0.5, "n_iter_no_change": 3},
    "never stops": {"tol": 0.5, "n_iter_no_change": np.inf},
}
BASE = {
    "hidden_layer_sizes": (6,), "batch_size": 10, "max_iter": 50, "shuffle": False, "tol": 0.0,
    "random_state": 3, "alpha": 0.1,
}  # fmt: skip


def assert_same_training(ours, reference, tolerance=1e-8):
    """All that two estimators learned and remember of it is the same."""
    assert_close(
        ours.coefs_ + ours.intercepts_, reference.coefs_ + reference.intercepts_, tolerance
    )
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(reference, name), name
    assert len(ours.loss_curve_) == len(reference.loss_curve_)
    for name in ("loss_", "loss_curve_", "best_loss_", "validation_scores_",
                 "best_validation_score_"):  # fmt: skip
        mine, other = getattr(ours, name), getattr(reference, name)
        if other is None:
            assert mine is None, name
        else:
            np.testing.assert_allclose(mine, other, rtol=tolerance, atol=1e-13, err_msg=name)


def check(task, X=None, weight=None, tolerance=1e-8, dtype=np.float64, **parameters):
    """Fit both on a task and compare them, and what they predict."""
    dense, y = make_task(task)
    X = dense.astype(dtype) if X is None else X
    ours, reference = pair(task, **{**BASE, **parameters})
    for model in (ours, reference):
        model.fit(X, y, sample_weight=weight)
    assert_same_training(ours, reference, tolerance)
    predict = "predict_proba" if hasattr(reference, "predict_proba") else "predict"
    outputs, expected = getattr(ours, predict)(X), getattr(reference, predict)(X)
    assert outputs.dtype == expected.dtype
    np.testing.assert_allclose(outputs, expected, rtol=10 * tolerance, atol=tolerance)
    if dtype is np.float64:
        np.testing.assert_array_equal(ours.predict(X) == y, reference.predict(X) == y)
        assert ours.score(X, y, weight) == pytest.approx(reference.score(X, y, weight))
    return ours, reference


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("options", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_every_optimizer_on_every_task(options, task):
    """Constant, invscaling and adaptive rates, momentum of each kind, Adam; a last part batch."""
    check(task, **{**options, "activation": "tanh"})


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_every_activation(task, solver, activation):
    """The four activations that scikit-learn has."""
    check(task, solver=solver, activation=activation, learning_rate_init=0.02)


@pytest.mark.parametrize("options", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("activation", ["logistic", "relu"])
@pytest.mark.parametrize("task", ["binary", "regression 3"])
def test_every_depth(task, activation, options):
    """From no hidden layer to three; with none, 'logistic' still shrinks the first draw."""
    check(task, activation=activation, learning_rate_init=0.01, **options)


@pytest.mark.parametrize("options", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("task", ["multilabel", "poisson"])
def test_batches_penalties_and_stopping(task, options):
    """The rest of the parameters that change the training."""
    ours, _ = check(task, **{"solver": "sgd", "learning_rate_init": 0.01, **options})
    if "tol" in options:
        assert (ours.n_iter_ < 50) == (options["n_iter_no_change"] == 3)


@pytest.mark.parametrize("storage", [scipy.sparse.csr_array, scipy.sparse.csc_matrix])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_sparse_rows(task, solver, storage):
    """Sparse X, in both formats that the estimators take."""
    X, _ = make_task(task)
    check(task, X=storage(X), solver=solver, learning_rate_init=0.02)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("task", TASKS)
def test_sample_weights(task, solver):
    """Weights in the loss, in the gradient, in the penalty's divisor, and in the loss's mean."""
    weight = np.random.default_rng(2).uniform(0.2, 3.0, 47)
    weight[5] = 0.0
    check(task, weight=weight, solver=solver, learning_rate_init=0.02, alpha=1.0)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("task", TASKS)
def test_early_stopping(task, weighted):
    """The same rows are kept for validation, give the same scores, and the best returns."""
    weight = np.random.default_rng(2).uniform(0.2, 3.0, 47) if weighted else None
    ours, _ = check(
        task, weight=weight, early_stopping=True, validation_fraction=0.3, learning_rate_init=0.02
    )
    assert len(ours.validation_scores_) == ours.n_iter_


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_early_stopping_with_adaptive_rate(task):
    """A stalling validation score cuts the rate, and in the end stops."""
    ours, _ = check(
        task, solver="sgd", learning_rate="adaptive", early_stopping=True, tol=0.01,
        validation_fraction=0.3, n_iter_no_change=1, learning_rate_init=0.1,
    )  # fmt: skip
    assert ours.n_iter_ < 50


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression 3", "poisson"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_float32(task, solver):
    """float32 rows are trained on in float32; the two drift apart only by rounding."""
    ours, _ = check(
        task, dtype=np.float32, solver=solver, activation="tanh", learning_rate_init=0.01,
        tolerance=2e-3,
    )  # fmt: skip
    assert {array.dtype for array in ours.coefs_ + ours.intercepts_} == {np.dtype(np.float32)}


@pytest.mark.parametrize("task", ["multiclass", "regression"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_partial_fit(task, solver):
    """Call by call, batch by batch of a stream."""
    X, y = make_task(task)
    ours, reference = pair(task, **{**BASE, "solver": solver, "learning_rate_init": 0.02})
    first = {"classes": [2, 5, 9]} if task == "multiclass" else {}
    for step in range(30):
        part = slice(step % 3 * 15, step % 3 * 15 + 17)
        for model in (ours, reference):
            model.partial_fit(X[part], y[part], **(first if step == 0 else {}))
    assert_same_training(ours, reference)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("tol", [0.0, 1e-300])
def test_a_loss_that_stays_the_same(tol, early_stopping):
    """Is no worse, which is enough if tol is 0; by any other it has not improved."""
    X, y = make_task("multiclass")
    models = pair("multiclass", tol=tol, n_iter_no_change=2, max_iter=9, shuffle=False,
                  learning_rate_init=1e-300, early_stopping=early_stopping,
                  random_state=0)  # fmt: skip
    ours, reference = (model.fit(X, y).n_iter_ for model in models)
    assert ours == reference


def test_the_largest_learning_rate_may_be_an_integer():
    """Numbers of any kind are taken for what they are worth."""
    check("regression", solver="sgd", learning_rate_init=np.float32(0.0625), alpha=1, momentum=0)


@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_warm_start(solver):
    """A second fit with warm_start goes on from the parameters of the first."""
    X, y = make_task("multiclass")
    ours, reference = pair(
        "multiclass", **{**BASE, "solver": solver, "momentum": 0.0, "warm_start": True}
    )
    for model in (ours, reference):
        model.fit(X, y).fit(X, y)
    if solver == "sgd":
        assert_same_training(ours, reference)
    assert ours.loss_ == pytest.approx(reference.loss_, rel=0.02)
