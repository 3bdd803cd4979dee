"""Tables with next to nothing in them, labels of every kind, and rows in odd shapes."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn import neural_network
from sklearn.exceptions import DataConversionWarning
from tasks import make_task, pair

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.regressor import MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SMALL = {"hidden_layer_sizes": (5,), "max_iter": 60, "learning_rate_init": 0.05, "random_state": 0}
SOLVERS = ["sgd", "adam", "lbfgs"]


@pytest.mark.parametrize("solver", SOLVERS)
def test_one_row(solver):
    """It is learned by heart."""
    model = MLPRegressor(**{**SMALL, "max_iter": 300, "solver": solver, "tol": 0.0})
    assert model.fit([[1.0, 2.0]], [3.0]).predict([[1.0, 2.0]]) == pytest.approx(3.0, abs=0.1)
    assert MLPClassifier(**SMALL, solver=solver).fit([[1.0]], ["a"]).predict([[7.0]]) == ["a"]


@pytest.mark.parametrize("solver", SOLVERS)
def test_one_feature_or_a_constant_one(solver):
    """A constant column says nothing; one column is enough."""
    x = np.linspace(-1, 1, 40)[:, None]
    model = MLPRegressor(**SMALL, solver=solver)
    assert model.fit(x, 2 * x[:, 0]).score(x, 2 * x[:, 0]) > 0.9
    constant = np.ones((40, 3))
    prediction = model.fit(constant, x[:, 0]).predict(constant)
    assert np.ptp(prediction) < 1e-12
    sparse = model.fit(scipy.sparse.csr_array((40, 3)), x[:, 0] + 1)
    assert np.isfinite(sparse.predict(scipy.sparse.csr_array((2, 3)))).all()


@pytest.mark.parametrize("solver", SOLVERS)
def test_one_class(solver):
    """There is one answer; probabilities have two columns, as scikit-learn's have."""
    X, _ = make_task("binary")
    model = MLPClassifier(**SMALL, solver=solver).fit(X, np.full(len(X), "only"))
    assert set(model.predict(X)) == {"only"}
    assert model.predict_proba(X).shape == (len(X), 2)
    labels = np.zeros((len(X), 2), int)
    np.testing.assert_array_equal(
        MLPClassifier(**SMALL, solver=solver).fit(X, labels).predict(X), labels
    )


def test_one_class_is_the_answer_whatever_comes_out():
    """Also where the only output is large: there is no second class that it could stand for."""
    X, _ = make_task("binary")
    model = MLPClassifier(**SMALL).fit(X, np.full(len(X), "only"))
    model.intercepts_[-1][:] = 50.0
    assert model.predict_proba(X)[0, 1] > 0.99
    assert set(model.predict(X)) == {"only"}


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_a_tie_goes_to_the_first_class(task):
    """As scikit-learn has it; a label that is as likely as not is left out."""
    X, y = make_task(task)
    for model in pair(task, **SMALL):
        model.fit(X, y)
        for part in (*model.coefs_, *model.intercepts_):
            part[...] = 0.0
        first = np.zeros((len(X), 3)) if task == "multilabel" else np.unique(y)[:1]
        assert (model.predict(X) == first).all()


LABELS = {
    "strings": np.array(["b", "a", "c"]),
    "long strings": np.array(["first", "second one", "x"]),
    "objects": np.array(["b", "a", "c"], dtype=object),
    "integers": np.array([10, -3, 7]),
    "unsigned": np.array([200, 3, 7], dtype=np.uint8),
    "whole floats": np.array([1.0, -1.0, 0.0]),
    "booleans": np.array([True, False, True]),
    "dates": np.array(["2020-01-01", "1999-12-31", "2024-02-29"], dtype="datetime64[D]"),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels(name):
    """Sorted in classes_, and given back in their own type."""
    labels = LABELS[name]
    X, _ = make_task("multiclass")
    y = labels[X[:, :3].argmax(axis=1)]
    ours, reference = (
        maker(**{**SMALL, "max_iter": 100}).fit(X, y)
        for maker in (MLPClassifier, neural_network.MLPClassifier)
    )
    np.testing.assert_array_equal(ours.classes_, reference.classes_, strict=True)
    assert ours.predict(X).dtype == reference.predict(X).dtype
    assert ours.score(X, y) > 0.8
    proba = ours.predict_proba(X)
    np.testing.assert_array_equal(ours.classes_[proba.argmax(axis=1)], ours.predict(X))
    np.testing.assert_allclose(np.exp(ours.predict_log_proba(X)), proba)


def test_the_order_of_classes_given_first_does_not_matter():
    """partial_fit sorts them, as fit does."""
    X, y = make_task("multiclass")
    one = MLPClassifier(**SMALL).partial_fit(X, y, classes=[9, 2, 5])
    two = MLPClassifier(**SMALL).partial_fit(X, y, classes=[2, 5, 9])
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))


def test_partial_fit_names_unknown_labels():
    """The label, and where it should have been named."""
    X, y = make_task("multiclass")
    model = MLPClassifier(**SMALL)
    with pytest.raises(ValueError, match=r"classes_ has not: \[9\]; .* it named \[2, 5\]"):
        model.partial_fit(X, y, classes=[2, 5])
    assert not hasattr(model, "classes_")
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(X, y)
    with pytest.raises(ValueError, match="y has labels that classes_ has not"):
        model.partial_fit(X, y, classes=[2, 5])
    assert not hasattr(model, "classes_"), "what failed leaves nothing behind"
    model.partial_fit(X, y, classes=[2, 5, 9])
    with pytest.raises(ValueError, match="not the same as on last call"):
        model.partial_fit(X, y, classes=[1, 2])
    with pytest.raises(ValueError, match="does not support early_stopping"):
        model.set_params(early_stopping=True).partial_fit(X, y)


def test_warm_start_needs_the_same_classes():
    """More or fewer are refused, and the estimator stays fitted."""
    X, y = make_task("multiclass")
    model = MLPClassifier(**SMALL, warm_start=True).fit(X, y)
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match="warm_start can only be used where `y` has the same"):
        model.fit(X, np.where(y == 9, 5, y))
    np.testing.assert_array_equal(model.predict_proba(X), before)


def test_many_classes():
    """More classes than rows in a batch, one row each."""
    X = np.random.default_rng(0).normal(size=(700, 3))
    model = MLPClassifier((8,), max_iter=3, random_state=0).fit(X, np.arange(700))
    assert model.predict_proba(X[:2]).shape == (2, 700)
    assert set(model.predict(X)) <= set(range(700))


def test_sparse_and_boolean_indicators():
    """Labels come back sparse if they came so."""
    X, labels = make_task("multilabel")
    dense = MLPClassifier(**SMALL).fit(X, labels)
    sparse = MLPClassifier(**SMALL).fit(X, scipy.sparse.csr_matrix(labels))
    assert scipy.sparse.issparse(sparse.predict(X))
    np.testing.assert_array_equal(sparse.predict(X).toarray(), dense.predict(X))
    boolean = MLPClassifier(**SMALL).fit(X, labels.astype(bool))
    np.testing.assert_array_equal(boolean.predict(X), dense.predict(X))
    assert sparse.score(X, scipy.sparse.csr_matrix(labels)) == dense.score(X, labels)


def test_sparse_rows_with_repeated_and_unsorted_entries():
    """Two entries for one place add up; 64-bit indices are taken."""
    for index in (np.int32, np.int64):
        X = scipy.sparse.csr_array(
            (np.array([1.0, 2.0, 3.0, 4.0]), np.array([2, 2, 1, 0], index),
             np.array([0, 2, 4], index)), shape=(2, 3),
        )  # fmt: skip
        models = [MLPRegressor(**SMALL).fit(rows, [1.0, 2.0]) for rows in (X, X.toarray())]
        np.testing.assert_allclose(models[0].coefs_[0], models[1].coefs_[0], rtol=1e-12)


def test_a_column_as_target():
    """It is taken for the vector that it stands for, with scikit-learn's warning."""
    for task in ("multiclass", "regression"):
        X, y = make_task(task)
        model = pair(task, **SMALL)[0]
        with pytest.warns(DataConversionWarning, match="column-vector y"):
            model.fit(X, y[:, None])
        assert model.predict(X).shape == y.shape


def test_targets_of_no_use_are_refused():
    """Each by what is wrong with it."""
    X, y = make_task("regression")
    wrong = [
        (MLPClassifier(), y, "Unknown label type"),
        (MLPClassifier(), np.arange(94).reshape(47, 2) % 5, "Multioutput target"),
        (MLPClassifier(), None, "requires y to be passed"),
        (MLPRegressor(), np.where(y > 0, "yes", "no"), "y must be numbers, it is of dtype <U3"),
        (MLPRegressor(), y[:9], "inconsistent numbers of samples"),
        (MLPRegressor(), np.zeros((47, 2, 2)), "dim 3"),
        (MLPRegressor(), scipy.sparse.csr_array(np.eye(47)), "y is sparse"),
    ]
    for model, target, message in wrong:
        with pytest.raises(ValueError, match=message):
            model.fit(X, target)
        assert not hasattr(model, "coefs_")


def test_rows_of_no_use_are_refused():
    """No columns, no rows, one dimension, text, complex numbers; the wrong number to predict."""
    y = np.arange(3.0)
    wrong = [
        (np.zeros((3, 0)), "0 feature"), (np.zeros((0, 3)), "0 sample"),
        (np.zeros(3), "Expected 2D array"), ([["a"], ["b"], ["c"]], "could not convert"),
        (np.zeros((3, 1)) + 1j, "Complex data not supported"),
        (pd.DataFrame({"a": ["x", "y", "z"]}), "could not convert"),
    ]  # fmt: skip
    for X, message in wrong:
        with pytest.raises(ValueError, match=message):
            MLPRegressor(**SMALL).fit(X, y)
    model = MLPRegressor(**SMALL).fit(np.zeros((3, 2)), y)
    with pytest.raises(ValueError, match="X has 3 features"):
        model.predict(np.zeros((3, 3)))
    with pytest.raises(ValueError, match="contains NaN"):
        model.predict(np.full((3, 2), np.nan))


def test_too_few_rows_for_validation():
    """Said with what to do."""
    X, y = make_task("regression")
    with pytest.raises(ValueError, match="The validation set is too small: 1 of 47 rows"):
        MLPRegressor(early_stopping=True, validation_fraction=0.01).fit(X, y)


def test_log_of_a_probability_of_zero():
    """It is minus infinity, without a warning."""
    model = MLPClassifier(**SMALL).fit([[0.0], [1.0]], [0, 1])
    model.coefs_[-1][:] = 0.0
    model.intercepts_[-1][:] = 800.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(model.predict_log_proba([[0.0]]), [[-np.inf, 0.0]])


def test_one_class_is_right_on_every_validation_row():
    X = np.random.default_rng(0).normal(size=(40, 3))
    model = MLPClassifier((3,), max_iter=4, early_stopping=True, random_state=0)
    model.fit(X, ["a"] * 40)
    assert model.validation_scores_ == [1.0] * model.n_iter_ == [model.best_validation_score_] * 4


def test_the_labels_given_first_are_kept():
    """Of several labels a row, too: scikit-learn asks for the same ones at each call."""
    X = np.random.default_rng(0).normal(size=(20, 3))
    y = (X > 0).astype(int)
    model = MLPClassifier((3,), random_state=0)
    for _ in range(2):
        model.partial_fit(X, y, classes=[0, 1, 2, 3])
    assert model.classes_.tolist() == [0, 1, 2, 3]
    assert model.predict(X).shape == (20, 3)
    with pytest.raises(ValueError, match=r"labels that classes_ has not: \[2\]"):
        MLPClassifier((3,)).partial_fit(X, y, classes=[0, 1])


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("dtype", ["datetime64[s]", "timedelta64[s]", "U"])
def test_targets_that_are_no_numbers(dtype, loss):
    y = np.arange(20).astype(dtype)
    with pytest.raises(ValueError, match="y must be numbers, it is of dtype"):
        MLPRegressor(loss, hidden_layer_sizes=(3,)).fit(np.ones((20, 1)), y)
