"""What predictions know of an estimator never goes stale; rows of no use are refused."""

import copy
import gc
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import sklearn
from tasks import make_task, pair

from retrograd.estimators import parameters as parameters_module
from retrograd.estimators import predicting
from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.regressor import MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SMALL = {"hidden_layer_sizes": (4,), "activation": "tanh", "max_iter": 5, "random_state": 0}


def fitted(task="multiclass", dtype=np.float64, **parameters):
    """A fitted model of ours that has predicted before, and its table."""
    X, y = make_task(task)
    X = X.astype(dtype)
    model = pair(task, **{**SMALL, **parameters})[0].fit(X, y)
    model.predict(X)
    return model, X, y


def fresh(model):
    """A model that knows nothing but the numbers of another one."""
    made = MLPClassifier(**SMALL)
    for name in ("out_activation_", "n_outputs_", "classes_", "n_features_in_", "n_layers_"):
        setattr(made, name, getattr(model, name))
    made.coefs_ = [np.array(coef) for coef in model.coefs_]
    made.intercepts_ = [np.array(intercept) for intercept in model.intercepts_]
    return made


def edit(model):
    model.coefs_[0][1] += 1.0


def edit_the_memory(model):
    model.coefs_[0].base[:] *= 2.0


def replace_one(model):
    model.coefs_[1] = model.coefs_[1] * 2


def replace_lists(model):
    model.coefs_ = [coef * 3 for coef in model.coefs_]


def swap_for_an_equal_view(model):
    model.intercepts_[0] = model.intercepts_[0].view()
    model.intercepts_[0][:] = 2.0


def transpose(model):
    model.coefs_[0] = model.coefs_[0].T


def turn(model):
    model.intercepts_[1] = model.intercepts_[1][::-1]


def tuples(model):
    model.coefs_, model.intercepts_ = tuple(model.coefs_), tuple(model.intercepts_)
    model.coefs_[0][:] -= 1.0


def narrow(model):
    model.coefs_ = [model.coefs_[0][:, :2], model.coefs_[1][:2]]
    model.intercepts_ = [model.intercepts_[0][:2], model.intercepts_[1]]


CHANGES = [
    edit, edit_the_memory, replace_one, replace_lists, swap_for_an_equal_view,
    transpose, turn, tuples, narrow,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_never_stale(change):
    """Whatever is changed, and changed again, between two predictions."""
    model, X, _ = fitted()
    for step in (change, edit, replace_lists, edit, replace_one):
        step(model)
        for rows in (X, X[:1]):
            np.testing.assert_allclose(
                model.predict_proba(rows), fresh(model).predict_proba(rows), rtol=1e-13
            )


@pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")
def test_another_form_of_the_same_array():
    """An array can be given another shape in place: then it is the same one, but does not fit."""
    model, X, _ = fitted(hidden_layer_sizes=(2,))
    model.coefs_[0].shape = (2, 4)
    with pytest.raises(ValueError, match="do not fit together"):
        model.predict(X)
    model.coefs_[0].shape = (4, 2)
    model.predict(X)


def test_after_another_fit():
    """Of the same estimator: on other rows, in another precision, with another network."""
    model, X, y = fitted()
    for rows, parameters in [
        (X * 2, {}),
        (X.astype(np.float32), {}),
        (X, {"hidden_layer_sizes": (3, 3)}),
        (X, {"activation": "relu"}),
    ]:
        model.set_params(**parameters).fit(rows, y)
        twin = sklearn.clone(model).fit(rows, y)
        np.testing.assert_array_equal(model.predict_proba(rows), twin.predict_proba(rows))
        model.partial_fit(rows, y)
        twin.partial_fit(rows, y)
        np.testing.assert_array_equal(model.predict_proba(rows), twin.predict_proba(rows))


def test_copies_know_their_own():
    """A copy's predictions follow the copy's parameters."""
    model, X, _ = fitted()
    before = model.predict_proba(X)
    twin = copy.deepcopy(model)
    twin.predict(X)
    twin.coefs_[0][:] = 0.0
    assert np.ptp(twin.predict_proba(X), axis=0).max() < 1e-12
    np.testing.assert_array_equal(model.predict_proba(X), before)


def test_nothing_is_kept_alive():
    """What is known of an estimator goes when it goes, and is not among its attributes."""
    model, X, _ = fitted()
    before = dict(vars(model))
    key = id(model)
    assert key in predicting._ready
    model.predict(X)
    assert vars(model) == before
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
    assert key not in predicting._ready


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_nan_and_infinity_are_refused(task, bad, dtype):
    """In a single row or among many, in scikit-learn's words; unless it is told not to look."""
    model, X, _ = fitted(task, dtype)
    what = "NaN" if np.isnan(bad) else "infinity"
    for rows in (X[:1].copy(), X.copy(), np.asfortranarray(X)):
        rows[-1, -1] = bad
        with np.errstate(all="ignore"):  # interpreted kernels warn, as NumPy does
            with pytest.raises(ValueError, match=f"contains {what}"):
                model.predict(rows)
            with sklearn.config_context(assume_finite=True):
                assert len(model.predict(rows)) == len(rows)


def test_rows_of_the_wrong_shape_are_refused():
    """As scikit-learn does."""
    model, X, _ = fitted()
    for rows, message in [
        (X[:, :3], "X has 3 features, but MLPClassifier is expecting 4"),
        (X[0], "Expected 2D array, got 1D array"),
        (X[:0], "Found array with 0 sample"),
        (X.astype(object).astype(str), "dtype='numeric' is not compatible|could not convert"),
    ]:
        if rows.dtype.kind == "U":
            rows[0, 0] = "red"
        with pytest.raises(ValueError, match=message):
            model.predict(rows)


def test_names_are_checked():
    """A model fitted on a frame warns of rows without names, and refuses other names."""
    X, y = make_task("multiclass")
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = MLPClassifier(**SMALL).fit(frame, y)
    expected = model.predict_proba(frame)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        np.testing.assert_array_equal(model.predict_proba(X), expected)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame.rename(columns={"a": "z"}))


def test_in_many_threads():
    """One estimator asked by several threads at once: no buffer is shared between them."""
    model, X, _ = fitted()
    expected = model.predict_proba(X)

    def ask(row):
        answers = [model.predict_proba(X[row : row + 1]) for _ in range(200)]
        return np.abs(np.concatenate(answers) - expected[row]).max()

    with ThreadPoolExecutor(6) as pool:
        assert max(pool.map(ask, range(6))) < 1e-12


@pytest.mark.parametrize("where", ["widths", "vector"])
def test_while_another_thread_fits(where, monkeypatch):
    """Prediction is that of one moment's parameters, and of the network that they are of."""
    model, X, y = fitted()
    expected, function = model.predict_proba(X), getattr(parameters_module, where)
    # With another array, what was ready for the last prediction is of no use.
    model.intercepts_[0] = model.intercepts_[0].copy()

    def overtaken(coefs, intercepts):
        monkeypatch.undo()
        model.set_params(hidden_layer_sizes=(9, 7), activation="relu").fit(X, y)
        return function(coefs, intercepts)

    monkeypatch.setattr(parameters_module, where, overtaken)
    assert np.array_equal(model.predict_proba(X), expected)
    assert not np.array_equal(model.predict_proba(X), expected)
    assert model.coefs_[1].shape == (9, 7)


@pytest.mark.parametrize("hashed", [False, True])
def test_estimators_that_say_they_are_equal(hashed):
    """Neither one without a hash nor one that equals another takes the other's parameters."""

    class Equal(MLPClassifier):
        def __eq__(self, other):
            return type(self) is type(other)

        __hash__ = (lambda self: 1) if hashed else None

    X, y = make_task("multiclass")
    one, other = Equal(**SMALL).fit(X, y), Equal(**{**SMALL, "random_state": 1}).fit(X, y)
    assert one == other
    for _ in range(2):
        for model in (one, other):
            expected = fresh(model).predict_proba(X)
            np.testing.assert_array_equal(model.predict_proba(X), expected, strict=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_predictions_that_overflow_are_told(dtype):
    """As scikit-learn's are, by NumPy; with how many they are and the first of them."""
    X, y = make_task("multiclass")
    model = MLPClassifier((5,), activation="identity", max_iter=3, random_state=0)
    model.fit(X.astype(dtype), y)
    far = X.astype(dtype)
    far[20:] = np.finfo(dtype).max * np.sign(far[20:])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = np.flatnonzero(~np.isfinite(model.predict_proba(far)).all(axis=1))
    assert rows.size > 5
    told = f"infinite in {rows.size} of {len(X)} rows, row {rows[0]} .* overflow {far.dtype}"
    for ask in (model.predict, model.predict_proba):
        with pytest.warns(RuntimeWarning, match=told) as caught:
            ask(far)
        assert caught[0].filename == __file__
    with pytest.warns(RuntimeWarning, match="predictions are NaN or infinite in"):
        model.predict(scipy.sparse.csr_array(np.abs(far)))
    model.predict(X.astype(dtype))


@pytest.mark.parametrize("kind", ["M8[D]", "m8[s]"])
def test_times_are_no_numbers(kind):
    """Whose unit nobody would know of; alone or as a frame."""
    X, y = make_task("multiclass")
    times = (100 * X).astype(np.int64).astype(kind)
    model = MLPClassifier((5,), max_iter=3, random_state=0)
    for one in (times, pd.DataFrame(times)):
        with pytest.raises(ValueError, match="X holds .*: make numbers of it"):
            model.fit(one, y)
    model.fit(X, y)
    for one in (times, pd.DataFrame(times)):
        with pytest.raises(ValueError, match="X holds .*: make numbers of it"):
            model.predict(one)
    with pytest.raises(ValueError, match="not compatible with arrays of bytes/strings"):
        model.predict(X.astype(str))


@pytest.mark.parametrize("weight", [np.nan, np.inf])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_weights_are_looked_at_whatever_is_assumed(weight, solver):
    """Of a batch that weighs NaN nothing would be learned."""
    X, y = make_task("multiclass")
    weights = np.ones(len(X))
    weights[3] = weight
    with (
        sklearn.config_context(assume_finite=True),
        pytest.raises(ValueError, match="contains NaN or inf"),
    ):
        MLPClassifier((5,), solver=solver).fit(X, y, weights)


def test_an_object_that_is_no_table():
    """Refused in scikit-learn's words."""
    for one in (np.array({}, dtype=object), np.array(1.5, dtype=object)):
        with pytest.raises((TypeError, ValueError), match="got scalar array|must be a string or"):
            MLPClassifier().fit(one, [0])


def test_times_in_any_container():
    """A polars frame, a list, an array of objects; and of a frame one column is enough."""
    X, y = make_task("multiclass")
    moments = (100 * X[:, 0]).astype(np.int64).astype("M8[us]")
    frame = pl.DataFrame({"a": X[:, 0], "t": moments})
    rows = [[value, moment] for value, moment in zip(X[:, 0], moments, strict=True)]
    objects = np.array(rows, dtype=object)
    date, duration = pl.col("t").cast(pl.Date), pl.col("t") - pl.col("t").min()
    for one in (frame, frame.with_columns(date), frame.with_columns(duration), rows, objects):
        with pytest.raises(ValueError, match="X holds .*: make numbers of it"):
            MLPClassifier((5,), max_iter=3, random_state=0).fit(one, y)


def test_a_series_is_told_as_scikit_learn_tells_it():
    """What comes of forgotten brackets, and of one row by ``iloc``."""
    X, y = make_task("regression")
    frame = pd.DataFrame(X[:, :2], columns=["a", "b"])
    model = MLPRegressor(hidden_layer_sizes=(3,), max_iter=2, random_state=0).fit(frame, y)
    with pytest.raises(ValueError, match="Expected a 2-dimensional container"):
        model.fit(frame["a"], y)
    with (
        pytest.warns(UserWarning, match="feature names"),
        pytest.raises(ValueError, match="Expected a 2-dimensional container"),
    ):
        model.predict(frame.iloc[0])


@pytest.mark.parametrize("dtype", [np.float16, np.int8, np.int16, bool])
def test_narrow_rows_are_predicted_in_the_networks_precision(dtype):
    """As NumPy's products have it: float32 and what is narrower are float32."""
    X, y = make_task("multiclass")
    model = MLPClassifier((5,), max_iter=3, random_state=0).fit(X.astype(np.float32), y)
    narrow = X.astype(dtype)
    predicted = model.predict_proba(narrow)
    assert predicted.dtype == np.float32
    np.testing.assert_array_equal(predicted, model.predict_proba(narrow.astype(np.float32)))


def test_sparse_weights_are_refused_in_words():
    X, y = make_task("multiclass")
    model = MLPClassifier((5,), max_iter=3, random_state=0).fit(X, y)
    model.coefs_[0] = scipy.sparse.csr_array(model.coefs_[0])
    with pytest.raises(ValueError, match="must be dense arrays"):
        model.predict(X)
