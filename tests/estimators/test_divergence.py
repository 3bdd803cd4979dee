"""NaN and infinity stop a fit, which says where; the estimator is then as it was before."""

import copy
import pickle
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from tasks import make_task, pair, same_bits

from retrograd.engine.divergence import DivergenceError
from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.regressor import MLPRegressor

# Interpreted kernels warn on the way, as NumPy's scalars do.
pytestmark = pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered")

SETTINGS = {"hidden_layer_sizes": (4,), "max_iter": 5, "random_state": 0}
ignore_unconverged = pytest.mark.filterwarnings(
    "ignore:.*before it converged:sklearn.exceptions.ConvergenceWarning"
)


def snapshot(model) -> bytes:
    """All that an estimator is."""
    return pickle.dumps(vars(copy.deepcopy(model)))


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_unfitted_stays_unfitted(solver):
    """Nothing is left of a fit that diverged, however far it came."""
    X, y = make_task("regression")
    model = MLPRegressor(**SETTINGS, solver=solver)
    before = snapshot(model)
    with pytest.raises(DivergenceError, match="Solver produced non-finite parameter weights"):
        model.fit(X, y * 1e200)
    assert snapshot(model) == before
    assert not hasattr(model, "n_features_in_")


@ignore_unconverged
@pytest.mark.parametrize("method", ["fit", "partial_fit", "warm start"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_fitted_stays_as_it_was(method, early_stopping):
    """Parameters, curves and counters; and it can be trained on as if nothing had been."""
    X, y = make_task("regression")
    model = MLPRegressor(**SETTINGS, early_stopping=early_stopping).fit(X, y)
    if method == "partial_fit":
        model.set_params(early_stopping=False)
    model.set_params(warm_start=method == "warm start", early_stopping=False)
    before, twin = snapshot(model), copy.deepcopy(model)
    with pytest.raises(DivergenceError):
        getattr(model, "partial_fit" if method == "partial_fit" else "fit")(X, y * 1e200)
    assert snapshot(model) == before
    same_bits(model.partial_fit(X, y), twin.partial_fit(X, y))


def test_the_error_names_the_place():
    """Step, epoch, layer, kind of array, learning rate, and what helps; it crosses processes."""
    X, y = make_task("regression")
    model = MLPRegressor(
        activation="identity", solver="sgd", learning_rate_init=1e200, random_state=0
    )
    with pytest.raises(DivergenceError) as caught:
        model.fit(X, y)
    error = caught.value
    assert isinstance(error, ValueError)
    assert error.learning_rate == 1e200
    assert (error.step, error.epoch) == (1, 1)
    assert error.place == "the loss" or "[" in error.place
    for part in (f"step {error.step}", error.place, "1e+200", "StandardScaler"):
        assert part in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_bad_input_is_refused_at_the_door(task, bad):
    """It is no divergence, and the estimator stays unfitted."""
    X, y = make_task(task)
    broken = X.copy()
    broken[3, 1] = bad
    model = pair(task, **SETTINGS)[0]
    before = snapshot(model)
    with pytest.raises(ValueError, match="Input X contains"):
        model.fit(broken, y)
    if task == "regression":
        with pytest.raises(ValueError, match="Input y contains"):
            model.fit(X, np.where(y > 0, bad, y))
    with pytest.raises(ValueError, match="Input sample_weight contains"):
        model.fit(X, y, np.where(X[:, 0] > 0, bad, 1.0))
    assert snapshot(model) == before


def test_targets_too_large_for_float32():
    """Rounded to the type of X they would be infinite."""
    X, y = make_task("regression")
    with pytest.raises(ValueError, match="y has values too large for the float32 of X"):
        MLPRegressor(**SETTINGS).fit(X.astype(np.float32), y * 1e39)


def growing(**parameters):
    """A regressor whose parameters grow a little with every step, until they overflow."""
    return MLPRegressor(
        hidden_layer_sizes=(), solver="sgd", momentum=0.0, learning_rate_init=8.0, tol=0.0,
        batch_size=30, max_iter=2000, n_iter_no_change=np.inf, random_state=0, **parameters,
    )  # fmt: skip


def test_early_stopping_keeps_the_best():
    """With parameters to go back to, divergence is a warning, and the model is usable."""
    X, y = make_task("regression")
    with pytest.raises(DivergenceError):
        growing().fit(X, y)
    model = growing(early_stopping=True, validation_fraction=0.2)
    with pytest.warns(ConvergenceWarning, match="best validation score are kept"):
        model.fit(X, y)
    assert 10 < model.n_iter_ < 2000
    assert np.isnan(model.loss_curve_[-1])
    assert np.isnan(model.validation_scores_[-1])
    assert len(model.loss_curve_) == len(model.validation_scores_) == model.n_iter_
    assert model.best_validation_score_ == np.nanmax(model.validation_scores_)
    best = growing(early_stopping=True, validation_fraction=0.2)
    n_best = int(np.nanargmax(model.validation_scores_)) + 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        best.set_params(max_iter=n_best).fit(X, y)
    same_bits(model, best)


def test_training_on_after_a_kept_best():
    """The optimizer's memory, NaN by then, is not taken along."""
    X, y = make_task("regression")
    model = growing(early_stopping=True, validation_fraction=0.2).set_params(momentum=0.5)
    with pytest.warns(ConvergenceWarning, match="best validation score are kept"):
        model.fit(X, y)
    model.set_params(early_stopping=False, learning_rate_init=0.01)
    assert np.isfinite(model.partial_fit(X, y).predict(X)).all()


def test_adam_begins_anew_after_a_kept_best():
    """Its first steps are then as long as the rate: the correction is that of a new memory."""
    X, y = make_task("regression")
    model = MLPRegressor(
        hidden_layer_sizes=(8,), early_stopping=True, warm_start=True, max_iter=100, tol=0.0,
        n_iter_no_change=np.inf, random_state=0, batch_size=10,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y).set_params(learning_rate_init=1e200, max_iter=5).fit(X, y)
    assert np.isnan(model.loss_curve_[-1])
    model.set_params(early_stopping=False, learning_rate_init=1e-3, batch_size=len(X))
    for _ in range(3):
        before = model._state.theta.copy()
        model.partial_fit(X, y)
        assert 0.9e-3 < np.abs(model._state.theta - before).max() < 1.2e-3


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_weights_that_no_row_can_be_learned_from(task):
    """Negative, all zero, or zero on one side of the split."""
    X, y = make_task(task)
    model = pair(task, **SETTINGS)[0]
    n = len(X)
    with pytest.raises(ValueError, match="Negative values in data passed to `sample_weight`"):
        model.fit(X, y, np.full(n, -1.0))
    with pytest.raises(ValueError, match="at least one non-zero"):
        model.fit(X, y, np.zeros(n))
    model.set_params(early_stopping=True)
    for only_one in np.eye(n):  # which is now on this side, now on that
        with pytest.raises(ValueError, match="only rows of weight 0 to train or to validate on"):
            model.fit(X, y, only_one)
    with pytest.raises(ValueError, match=r"sample_weight\.shape"):
        model.fit(X, y, np.ones(3))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_weight_of_zero_is_an_absent_row(solver):
    """And a weight of 2 is the row twice; in one batch, where order plays no part."""
    X, y = make_task("regression")
    weight = np.random.default_rng(0).integers(0, 3, len(X))
    settings = {**SETTINGS, "solver": solver, "batch_size": 60, "max_iter": 30}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the batch is larger than the rows
        weighted = MLPRegressor(**settings).fit(X, y, weight)
        repeated = MLPRegressor(**settings).fit(X.repeat(weight, 0), y.repeat(weight))
    np.testing.assert_allclose(weighted.coefs_[0], repeated.coefs_[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("build", "parameters", "cure"),
    [
        (MLPClassifier, {}, "scale X with StandardScaler, or lower learning_rate_init."),
        (
            MLPClassifier, {"solver": "sgd"},
            "scale X with StandardScaler, lower learning_rate_init, or take solver='adam'.",
        ),
        (MLPRegressor, {}, "scale X and y with StandardScaler, or lower learning_rate_init."),
        (
            MLPRegressor, {"loss": "poisson"},
            "scale X with StandardScaler, or lower learning_rate_init.",
        ),
        (MLPRegressor, {"solver": "lbfgs"}, "scale X and y with StandardScaler."),
    ],
)  # fmt: skip
def test_the_cure_is_none_that_is_in_use(build, parameters, cure):
    """Counts and labels cannot be scaled, and who has Adam need not take it."""
    X, _ = make_task("binary")
    model = build(learning_rate_init=1e200, random_state=0, **parameters)
    with pytest.raises(DivergenceError) as caught:
        model.fit(X * (1e200 if model.solver == "lbfgs" else 1.0), np.arange(len(X)) % 2)
    assert str(caught.value).endswith(f"What usually helps: {cure}")
