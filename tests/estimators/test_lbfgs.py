"""L-BFGS: the losses that scikit-learn reaches, and the right ones where it is wrong."""

import warnings

import numpy as np
import pytest
import scipy.sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from tasks import make_task, pair, same_bits

from retrograd.engine.objective import Objective
from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.regressor import MLPRegressor

SETTINGS = {
    "solver": "lbfgs", "hidden_layer_sizes": (5,), "random_state": 3, "max_iter": 2000,
    "tol": 1e-5, "alpha": 0.5,
}  # fmt: skip


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("activation", ["tanh", "logistic"])
@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "regression", "poisson"])
def test_losses_agree_with_scikit_learns(task, activation, weighted):
    """From the same first parameters to the same loss."""
    X, y = make_task(task)
    weight = np.random.default_rng(2).uniform(0.2, 3.0, len(X)) if weighted else None
    ours, reference = pair(task, activation=activation, **SETTINGS)
    for model in (ours, reference):
        model.fit(X, y, sample_weight=weight)
    assert ours.loss_ == pytest.approx(reference.loss_, rel=0.02)
    assert ours.n_iter_ > 1
    for name in ("loss_curve_", "best_loss_", "t_"):
        assert hasattr(ours, name) == hasattr(reference, name), name


def test_the_path_is_scikit_learns_with_one_output():
    """The same function handed to the same optimizer: the same parameters, not only the loss."""
    X, y = make_task("regression")
    ours, reference = pair("regression", activation="tanh", **SETTINGS | {"max_iter": 20})
    for model in (ours, reference):
        with pytest.warns(ConvergenceWarning):
            model.fit(X, y)
    assert ours.n_iter_ == reference.n_iter_ == 20
    for mine, other in zip(ours.coefs_, reference.coefs_, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-6)


@pytest.mark.parametrize("alpha", [0.0, 2.0])
def test_several_outputs_reach_the_minimum(alpha):
    """With k outputs and no hidden layer it is ridge's, which sums over the outputs too.

    scikit-learn gives L-BFGS the mean over the outputs with the gradient of their sum (its issue
    8349), so that its line search is misled.
    """
    X, Y = make_task("regression 3")
    settings = {**SETTINGS, "hidden_layer_sizes": (), "alpha": alpha, "tol": 1e-9}
    ours, reference = pair("regression 3", **settings)
    ours.fit(X, Y)
    exact = Ridge(alpha=alpha).fit(X, Y)
    np.testing.assert_allclose(ours.coefs_[0], exact.coef_.T, atol=1e-5)
    np.testing.assert_allclose(ours.intercepts_[0], exact.intercept_, atol=1e-5)
    loss = 0.5 * ((exact.predict(X) - Y) ** 2).mean() + alpha * (exact.coef_**2).sum() / 2 / len(X)
    assert ours.loss_ == pytest.approx(loss)
    with warnings.catch_warnings():
        # Misled, its line search gives up with some BLAS kernels, though near enough.
        warnings.simplefilter("ignore", ConvergenceWarning)
        reference.fit(X, Y)
    assert ours.loss_ == pytest.approx(reference.loss_, rel=0.02)


@pytest.mark.parametrize("alpha", [0.0, 2.0])
@pytest.mark.parametrize("loss", ["squared_error", "huber"])
def test_every_solver_has_the_same_minimum(loss, alpha):
    """Adam, given time and all rows at once, ends where L-BFGS does."""
    X, Y = make_task("regression 3")
    settings = {**SETTINGS, "hidden_layer_sizes": (), "alpha": alpha, "tol": 1e-9}
    exact = MLPRegressor(loss, **settings).fit(X, Y)
    settings |= {"solver": "adam", "learning_rate": "cosine", "learning_rate_init": 0.05,
                 "n_iter_no_change": np.inf, "max_iter": 1000, "batch_size": len(X)}  # fmt: skip
    with pytest.warns(ConvergenceWarning):
        model = MLPRegressor(loss, **settings).fit(X, Y)
    np.testing.assert_allclose(model.coefs_[0], exact.coefs_[0], atol=1e-4)
    assert model.loss_curve_[-1] == pytest.approx(exact.loss_, rel=1e-4)


def test_the_logistic_minimum():
    """Two classes and no hidden layer: scikit-learn's logistic regression."""
    X, y = make_task("binary")
    settings = {**SETTINGS, "hidden_layer_sizes": (), "alpha": 1.0, "tol": 1e-9}
    model = MLPClassifier(**settings).fit(X, y)
    exact = LogisticRegression(C=1.0, tol=1e-10).fit(X, y)
    np.testing.assert_allclose(model.coefs_[0].T, exact.coef_, atol=1e-5)


def test_the_poisson_minimum():
    """Counts and no hidden layer: scikit-learn's Poisson regression, whose penalty is a mean's."""
    X, y = make_task("poisson")
    settings = {**SETTINGS, "hidden_layer_sizes": (), "alpha": 1.0, "tol": 1e-9}
    model = MLPRegressor("poisson", **settings).fit(X, y)
    exact = PoissonRegressor(alpha=1.0 / len(X), tol=1e-10).fit(X, y)
    np.testing.assert_allclose(model.coefs_[0][:, 0], exact.coef_, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("storage", [np.asarray, scipy.sparse.csr_array])
def test_every_dtype_and_storage_reaches_the_same_loss(storage, dtype):
    """float32 rows cost only precision, sparse ones nothing."""
    X, y = make_task("multiclass")
    settings = {**SETTINGS, "activation": "tanh", "alpha": 1.0, "tol": 1e-4}
    model = MLPClassifier(**settings).fit(storage(X.astype(dtype)), y)
    exact = MLPClassifier(**settings).fit(X, y)
    assert model.loss_ == pytest.approx(exact.loss_, rel=0.02)
    assert model.coefs_[0].dtype == dtype


def test_max_iter_and_max_fun_are_kept():
    """Each ends the fit, and says so."""
    X, y = make_task("regression")
    for limit in ({"max_iter": 3}, {"max_fun": 3}):
        model = MLPRegressor(**{**SETTINGS, "tol": 0.0, **limit})
        with pytest.warns(ConvergenceWarning, match="max_iter or max_fun"):
            model.fit(X, y)
        assert model.n_iter_ <= 3


def test_an_overflow_ends_nothing():
    """Where a trial's loss is infinite it begins anew, and comes to the loss of other seeds."""
    rng = np.random.RandomState(5)
    X, y = rng.randn(50, 3) * 20, rng.poisson(3, 50).astype(float)
    model = MLPRegressor(loss="poisson", hidden_layer_sizes=(10,), solver="lbfgs", random_state=5)
    with pytest.warns(ConvergenceWarning, match="after 200 iterations and .* evaluations"):
        model.fit(X, y)
    assert model.n_iter_ == 200
    assert model.loss_ < 0.5
    with pytest.warns(ConvergenceWarning, match="after 40 iterations"):
        model.set_params(max_iter=40).fit(X, y)
    assert model.n_iter_ == 40


def test_an_overflow_all_around_is_told(monkeypatch):
    """Where no step can be taken it stays, has not converged, and says so."""
    X, y = np.array([[1.0], [2.0], [3.0]]), np.array([2.0, 5.0, 20.0])
    model = MLPRegressor(loss="poisson", hidden_layer_sizes=(), solver="lbfgs", random_state=0)
    seen = []

    def blocked(self, theta):
        seen.append(theta.copy())
        return (1.0 if np.array_equal(theta, seen[0]) else np.inf), np.ones_like(theta)

    monkeypatch.setattr(Objective, "__call__", blocked)
    with pytest.warns(
        ConvergenceWarning, match=r"evaluations \(the loss overflows nearby\): raise"
    ):
        model.fit(X, y)
    assert len(seen) > 1
    np.testing.assert_array_equal([*model.coefs_[0][0], *model.intercepts_[0]], seen[0])


def test_the_memory_of_steps_before_it_is_gone():
    """Who trains on by steps begins as one that has the same parameters by other means."""
    X, y = make_task("multiclass")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = MLPClassifier((5,), random_state=3, max_iter=3, warm_start=True).fit(X, y)
        model.set_params(solver="lbfgs").fit(X, y).set_params(solver="adam")
        other = MLPClassifier((5,), random_state=3, max_iter=3, solver="lbfgs").fit(X, y)
    for mine, its in zip([*model.coefs_, *model.intercepts_], [*other.coefs_, *other.intercepts_],
                         strict=True):  # fmt: skip
        its[...] = mine
    same_bits(model.partial_fit(X, y), other.set_params(solver="adam").partial_fit(X, y))
