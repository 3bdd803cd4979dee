"""coefs_ and intercepts_ that a user has changed are what predicts and what is trained on."""

import copy

import numpy as np
import pytest
from tasks import make_task, pair, same_bits

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.regressor import MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SMALL = {"hidden_layer_sizes": (4,), "activation": "tanh", "max_iter": 5, "random_state": 0}


def fitted(task="multiclass", **parameters):
    """A fitted model of ours, with as many hidden units as features, and its table."""
    X, y = make_task(task)
    return pair(task, **{**SMALL, **parameters})[0].fit(X, y), X, y


def by_hand(model, X):
    """The probabilities, in plain NumPy."""
    hidden = np.tanh(X @ model.coefs_[0] + model.intercepts_[0])
    scores = hidden @ model.coefs_[1] + model.intercepts_[1]
    return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)


def double(model):
    """Replace an array by another."""
    model.coefs_[1] = model.coefs_[1] * 2


def transpose(model):
    """Put another view of the same memory in place of an array."""
    model.coefs_[0] = model.coefs_[0].T


def turn(model):
    """The same memory, backwards."""
    model.intercepts_[0] = model.intercepts_[0][::-1]


def edit(model):
    """Change numbers in place."""
    model.coefs_[0][1] += 1.0
    model.intercepts_[1][:] = [3.0, 2.0, 1.0]


def renew(model):
    """New lists, of integers."""
    model.coefs_ = [np.eye(4, dtype=int), np.arange(12).reshape(4, 3) % 3]
    model.intercepts_ = [np.zeros(4, int), np.ones(3, int)]


def narrow(model):
    """Another number of hidden units."""
    model.coefs_ = [model.coefs_[0][:, :2], model.coefs_[1][:2]]
    model.intercepts_[0] = model.intercepts_[0][:2]


def plain(model):
    """Lists of lists."""
    model.coefs_ = [coef.tolist() for coef in model.coefs_]


CHANGES = [double, transpose, turn, edit, renew, narrow, plain]


@pytest.mark.parametrize("change", CHANGES)
def test_predictions_follow(change):
    """What is there is what predicts."""
    model, X, _ = fitted()
    before = model.predict_proba(X)
    change(model)
    np.testing.assert_allclose(model.predict_proba(X), by_hand(model, X), rtol=1e-12)
    assert (np.abs(model.predict_proba(X) - before).max() > 1e-3) == (change is not plain)


def test_parameters_alone_are_enough():
    """As in scikit-learn: an estimator that was never fitted, given what a prediction needs."""
    model, X, _ = fitted()
    bare = MLPClassifier(**SMALL)
    for name in ("coefs_", "intercepts_", "out_activation_", "n_outputs_", "n_layers_"):
        setattr(bare, name, getattr(model, name))
    np.testing.assert_array_equal(bare.predict_proba(X), model.predict_proba(X))


def test_a_tuple_of_arrays_will_do():
    """Before the first prediction, too."""
    model, X, _ = fitted()
    before = copy.deepcopy(model).predict_proba(X)
    model.coefs_ = tuple(model.coefs_)
    np.testing.assert_array_equal(model.predict_proba(X), before)


@pytest.mark.parametrize("change", [double, transpose, turn, edit, renew, plain])
def test_training_goes_on_from_there(change):
    """The next epoch starts at the user's parameters, without Adam's memory in its way."""
    model, X, y = fitted(solver="sgd", momentum=0.0, shuffle=False, learning_rate_init=0.1)
    change(model)
    theirs = pair("multiclass", **{**SMALL, **{
        "solver": "sgd", "momentum": 0.0, "shuffle": False, "learning_rate_init": 0.1,
    }})[1].fit(X, y)  # fmt: skip
    theirs.coefs_ = [np.array(coef, float) for coef in model.coefs_]
    theirs.intercepts_ = [np.array(bias, float) for bias in model.intercepts_]
    del theirs._optimizer  # which holds on to the old arrays
    model.partial_fit(X, y)
    theirs.partial_fit(X, y)
    for mine, other in zip(model.coefs_, theirs.coefs_, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-9)
    assert model.coefs_[0].dtype == np.float64


def test_arrays_that_do_not_fit_are_refused():
    """With their shapes, and before anything is read."""
    model, X, y = fitted()
    wrong = {
        "intercepts_": [np.zeros(2), np.zeros(3)],
        "coefs_": [np.zeros((4, 4)), np.zeros((5, 3))],
    }
    for name, value in wrong.items():
        broken = copy.deepcopy(model)
        setattr(broken, name, value)
        for use in (broken.predict, lambda rows, broken=broken: broken.partial_fit(rows, y)):
            with pytest.raises(ValueError, match="do not fit together"):
                use(X)
    model.coefs_[0] = np.zeros((7, 4))
    with pytest.raises(ValueError, match="X has 4 features"):
        model.predict(X)
    with pytest.raises(ValueError, match="cannot go on training"):
        model.partial_fit(X, y)


def test_going_on_as_another_network_is_refused():
    """Other widths, or targets of another kind."""
    model, X, y = fitted()
    with pytest.raises(ValueError, match=r"fitted network has widths \(4, 4, 3\)"):
        copy.deepcopy(model).set_params(hidden_layer_sizes=(9,)).partial_fit(X, y)
    labels = make_task("multilabel")[1]
    numbered = MLPClassifier(**SMALL).fit(X, labels.argmax(axis=1))
    with pytest.raises(ValueError, match="softmax outputs, .* logistic outputs"):
        numbered.partial_fit(X, labels)
    regressor, _, counts = fitted("poisson")
    with pytest.raises(ValueError, match="exp outputs, .* identity outputs"):
        regressor.set_params(loss="squared_error").partial_fit(X, counts)


def test_later_parameters_do_not_change_a_fitted_network():
    """Setting parameters is for the next fit; scikit-learn would predict with the new ones."""
    model, X, _ = fitted()
    before = model.predict_proba(X)
    model.set_params(activation="relu", hidden_layer_sizes=(9, 9))
    np.testing.assert_array_equal(model.predict_proba(X), before)


def test_an_estimator_made_by_hand():
    """Fitted attributes alone are enough to predict."""
    model, X, _ = fitted()
    made = MLPClassifier(**SMALL)
    for name in ("coefs_", "intercepts_", "out_activation_", "n_outputs_", "classes_",
                 "n_features_in_", "n_layers_"):  # fmt: skip
        setattr(made, name, getattr(model, name))
    np.testing.assert_array_equal(made.predict_proba(X), model.predict_proba(X))
    same_bits(made, model)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int32, bool, object])
@pytest.mark.parametrize("trained_in", [np.float32, np.float64])
def test_rows_of_any_type_predict(trained_in, dtype):
    """Whatever it was trained on; the answer is in double precision as soon as anything is."""
    X, y = make_task("multiclass")
    X = np.round(X)
    model = MLPClassifier(**SMALL).fit(X.astype(trained_in), y)
    rows = X.astype(dtype)
    outputs = model.predict_proba(rows)
    single = trained_in == np.float32 and dtype in (np.float16, np.float32, bool)
    assert outputs.dtype == (np.float32 if single else np.float64)
    expected = model.predict_proba(rows.astype(trained_in))
    np.testing.assert_allclose(outputs, expected, rtol=1e-5)


def test_the_output_set_by_hand():
    """As scikit-learn reads it at every prediction: logits, say, of a network that has softmax."""
    X, y = make_task("multiclass")
    model = MLPClassifier(**SMALL).fit(X, y)
    proba, labels = model.predict_proba(X), model.predict(X)
    model.out_activation_ = "identity"
    logits = model.predict_proba(X)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(powers / powers.sum(axis=1, keepdims=True), proba, rtol=1e-12)
    assert (model.predict(X) == labels).all()
    model.set_params(activation="logistic")  # which is for the next fit
    np.testing.assert_array_equal(model.predict_proba(X), logits)
    model.out_activation_ = "softmax"
    assert (model.predict_proba(X) == proba).all()
    bounded = MLPRegressor(**SMALL).fit(X, X[:, 0])
    plain = bounded.predict(X)
    bounded.out_activation_ = "logistic"
    np.testing.assert_allclose(bounded.predict(X), 1 / (1 + np.exp(-plain)), rtol=1e-12)
