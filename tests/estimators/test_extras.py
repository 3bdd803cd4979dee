"""What scikit-learn's estimators have not, or have and do not act on."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import d2_pinball_score
from tasks import make_task, pair, same_bits

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.regressor import MLPRegressor
from retrograd.maths.activations import ACTIVATIONS
from retrograd.maths.initializers import INITIALIZERS
from retrograd.maths.schedules import SCHEDULES, WARM_UPS

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SMALL = {"hidden_layer_sizes": (5,), "max_iter": 30, "learning_rate_init": 0.03, "random_state": 0}


def build(task="multiclass", **parameters):
    """One of our estimators."""
    return pair(task, **SMALL)[0].set_params(**parameters)


def test_partial_fit_is_not_offered_with_lbfgs():
    """Not even as an attribute, by either estimator, and the error says why."""
    X, y = make_task("binary")
    for model in (MLPClassifier(solver="lbfgs"), MLPRegressor(solver="lbfgs")):
        assert not hasattr(model, "partial_fit")
        with pytest.raises(AttributeError) as caught:
            model.partial_fit(X, y)
        assert "stochastic solver" in str(caught.value.__cause__)
        assert hasattr(model.set_params(solver="adam"), "partial_fit")


def test_learning_rate_acts_with_adam():
    """scikit-learn ignores it; here each schedule ends elsewhere, for every stochastic solver."""
    X, y = make_task("multiclass")
    for solver in ("sgd", "adam", "adamw", "rmsprop"):
        ends = [
            build(solver=solver, learning_rate=name, tol=0.02, n_iter_no_change=2).fit(X, y)
            for name in SCHEDULES
        ]
        different = {end.coefs_[0].tobytes() for end in ends}
        assert len(different) == len(SCHEDULES), solver


def test_learning_rate_and_early_stopping_warn_with_lbfgs():
    """There they can do nothing, and that is said."""
    X, y = make_task("multiclass")
    for name, value in (("learning_rate", "cosine"), ("early_stopping", True)):
        with pytest.warns(UserWarning, match=f"{name}=.* has no effect with solver='lbfgs'"):
            build(solver="lbfgs", **{name: value}).fit(X, y)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_every_activation_learns(task, activation):
    """By epochs and by L-BFGS."""
    X, y = make_task(task)
    for solver in ("adam", "lbfgs"):
        model = build(task, activation=activation, solver=solver, max_iter=150).fit(X, y)
        assert model.score(X, y) > 0.5


def test_one_activation_a_layer():
    """A sequence of names; the same name twice is that name alone."""
    X, y = make_task("multiclass")
    layers = {"hidden_layer_sizes": (5, 4)}
    mixed = build(activation=["tanh", "gelu"], **layers).fit(X, y)
    assert mixed.score(X, y) > 0.6
    same_bits(
        build(activation=("tanh", "tanh"), **layers).fit(X, y),
        build(activation="tanh", **layers).fit(X, y),
    )
    swapped = build(activation=["gelu", "tanh"], **layers).fit(X, y)
    assert not np.array_equal(mixed.coefs_[0], swapped.coefs_[0])


def test_swish_is_silu():
    """Two names of one function, alone and in a list."""
    X, y = make_task("multiclass")
    silu = build(activation="silu").fit(X, y)
    same_bits(silu, build(activation="swish").fit(X, y))
    same_bits(silu, build(activation=["swish"]).fit(X, y))


def test_adamw_decays_the_weights_themselves():
    """With α = 0 it is Adam; with much of it the weights shrink, not the gradients."""
    X, y = make_task("multiclass")
    same_bits(build(solver="adamw", alpha=0.0).fit(X, y), build(solver="adam", alpha=0.0).fit(X, y))
    norms = [
        np.linalg.norm(build(solver="adamw", alpha=alpha, max_iter=200).fit(X, y).coefs_[0])
        for alpha in (0.0, 0.1, 3.0)
    ]
    assert norms[0] > norms[1] > norms[2]


def test_no_hidden_layer_is_a_linear_model():
    """The prediction is the sum of the features, weighted."""
    X, y = make_task("regression 3")
    model = build("regression 3", hidden_layer_sizes=()).fit(X, y)
    assert (model.n_layers_, len(model.coefs_)) == (2, 1)
    np.testing.assert_allclose(model.predict(X), X @ model.coefs_[0] + model.intercepts_[0])


@pytest.mark.parametrize("init", INITIALIZERS)
def test_init(init):
    """Each is drawn from the seed alone, and is where the training starts."""
    X, y = make_task("regression")
    start = build("regression", init=init, learning_rate_init=1e-12, max_iter=1).fit(X, y)
    again = build("regression", init=init, learning_rate_init=1e-12, max_iter=1).fit(X, y)
    same_bits(start, again)
    spread = np.abs(start.coefs_[0]).max()
    assert spread < 1e-9 if init == "zeros" else 0.1 < spread < 5
    assert np.abs(start.intercepts_[0]).max() < 1e-9 or init == "glorot_uniform"


CONSTANTS = {
    "squared_error": ({}, np.mean),
    "poisson": ({}, np.mean),
    "absolute_error": ({}, np.median),
    "huber": ({"huber_delta": 1e-3}, np.median),
    "huber, wide": ({"loss": "huber", "huber_delta": 1e3}, np.mean),
    "quantile": ({"quantile": 0.2}, lambda y: np.quantile(y, 0.2)),
    "high quantile": ({"loss": "quantile", "quantile": 0.9}, lambda y: np.quantile(y, 0.9)),
}


@pytest.mark.parametrize("name", CONSTANTS)
def test_every_loss_has_its_optimum(name):
    """With features that say nothing, the best prediction is the loss's own middle of y."""
    parameters, middle = CONSTANTS[name]
    y = np.random.default_rng(0).exponential(size=301)
    model = MLPRegressor(
        parameters.get("loss", name), hidden_layer_sizes=(), learning_rate_init=0.05, alpha=0.0,
        learning_rate="cosine", max_iter=300, n_iter_no_change=np.inf, batch_size=301,
        random_state=0,
    ).set_params(**parameters)  # fmt: skip
    X = np.zeros((301, 1))
    prediction = model.fit(X, y).predict(X)
    assert np.ptp(prediction) == 0.0
    assert prediction[0] == pytest.approx(middle(y), abs=0.02)


REFUSED = {
    "activation": ["softmax", None, ["relu", "tanh"], [None]],
    "solver": ["newton", "Adam"],
    "learning_rate": ["linear"],
    "init": ["glorot"],
    "hidden_layer_sizes": [0, (-1,), (5.5,), "5", [[5]], None, (True,)],
    "alpha": [-1.0, np.inf, np.nan, "1"],
    "learning_rate_init": [0.0, -1.0],
    "max_iter": [0, 1.5],
    "batch_size": [0, "all"],
    "random_state": [-1, "seed"],
    "momentum": [1.1],
    "validation_fraction": [1.0],
    "n_iter_no_change": [0],
    "beta_1": [1.0],
    "epsilon": [0.0],
    "verbose": ["yes"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name in REFUSED for value in REFUSED[name]]
)
def test_illegal_values_are_refused(name, value):
    """The error names the parameter or what it does; nothing is fitted."""
    X, y = make_task("multiclass")
    model = build().set_params(**{name: value})
    with pytest.raises(ValueError, match=rf"(?i){name}|activation"):
        model.fit(X, y)
    assert not hasattr(model, "coefs_")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("momentum", 0), ("momentum", 1.0), ("alpha", 0), ("tol", 0), ("power_t", 0.0),
        ("beta_1", 0.0), ("beta_2", 0.0), ("n_iter_no_change", np.inf), ("max_iter", 1),
    ],
)  # fmt: skip
def test_the_ends_of_what_is_legal(name, value):
    """As scikit-learn has them."""
    X, y = make_task("multiclass")
    for model in pair("multiclass", max_iter=1, solver="sgd", random_state=0):
        assert model.set_params(**{name: value}).fit(X, y).n_iter_ == 1


def test_losses_parameters_are_checked():
    """Of the regressor alone."""
    X, y = make_task("regression")
    for wrong in ({"loss": "log_loss"}, {"quantile": 0.0}, {"quantile": 1.0}, {"huber_delta": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            MLPRegressor(**wrong).fit(X, y)
    with pytest.raises(ValueError, match="loss='poisson' needs y >= 0; .* at row"):
        MLPRegressor("poisson").fit(X, y)


def test_verbose(capsys):
    """Loss of every epoch, validation scores, and why it stopped."""
    X, y = make_task("multiclass")
    build(verbose=True, max_iter=2).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["Iteration 1", "Iteration 2"]
    model = build(verbose=1, early_stopping=True, validation_fraction=0.3, tol=1.0,
                  n_iter_no_change=2).fit(X, y)  # fmt: skip
    out = capsys.readouterr().out
    assert out.count("Validation score: ") == model.n_iter_
    assert "Validation score did not improve" in out
    assert out.rstrip().endswith("Stopping.")
    build(verbose=True, learning_rate="adaptive", solver="sgd", tol=1.0, n_iter_no_change=2,
          max_iter=8).fit(X, y)  # fmt: skip
    assert "Setting learning rate to 0.006" in capsys.readouterr().out
    model = build(verbose=True, solver="lbfgs").fit(X, y)
    assert f"Iteration {model.n_iter_}, loss = {model.loss_:.8f}" in capsys.readouterr().out
    build(max_iter=2).fit(X, y)
    assert capsys.readouterr().out == ""


def test_warnings_say_what_to_do():
    """Not converged; a batch larger than the table."""
    X, y = make_task("multiclass")
    with pytest.warns(ConvergenceWarning, match="raise max_iter"):
        build(max_iter=2).fit(X, y)
    with pytest.warns(UserWarning, match="`batch_size` 100, larger than the 47 training rows"):
        build(batch_size=100).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build(max_iter=300, tol=0.1, n_iter_no_change=2).fit(X, y)
        build().partial_fit(X, y, classes=[2, 5, 9])


@pytest.mark.parametrize("q", [0.05, 0.5, 0.95])
def test_early_stopping_watches_the_loss_that_is_learned(q):
    """R² is best where the mean is: it would stop a quantile's training near there."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (4000, 1))
    y = 2 * X[:, 0] + rng.exponential(1.0, 4000)
    losses = ["quantile"] + (["absolute_error", "huber"] if q == 0.5 else [])
    for loss in losses:
        model = MLPRegressor(loss=loss, quantile=q, huber_delta=0.01, early_stopping=True,
                             random_state=0).fit(X, y)  # fmt: skip
        assert np.mean(y <= model.predict(X)) == pytest.approx(q, abs=0.05), loss


def test_the_score_of_a_quantile():
    """scikit-learn's D² of the pinball loss; a weight of 2 is the row twice."""
    X, y = make_task("regression")
    model = MLPRegressor(loss="quantile", quantile=0.3, max_iter=5, random_state=0).fit(X, y)
    score, targets = model._validation_score, y.reshape(-1, 1)
    assert score(X, targets, np.full(len(y), 2.0)) == score(X, targets, None)
    assert score(X, np.ones_like(targets), None) == 0.0
    assert score(X, model.predict(X).reshape(-1, 1), None) == 1.0
    for weight in (None, np.linspace(0.0, 2.0, len(y)), np.arange(len(y)) % 2.0):
        theirs = d2_pinball_score(y, model.predict(X), alpha=0.3, sample_weight=weight)
        assert score(X, targets, weight) == pytest.approx(theirs, rel=1e-12)
    # Of several quantities, their mean: the largest does not outweigh the others.
    Y = np.column_stack([y, 1000.0 * y[::-1]])
    model.fit(X, Y)
    theirs = d2_pinball_score(Y, model.predict(X), alpha=0.3)
    assert model._validation_score(X, Y, None) == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "quantile"])
def test_rows_of_no_weight_do_not_decide_when_it_stops(loss):
    """Whatever their targets are: masked ones often are some number far off."""
    X, y = make_task("regression")
    weight = np.arange(len(y)) % 2.0
    masked = np.where(weight > 0.0, y, y + 1000.0)
    fits = [
        MLPRegressor(loss=loss, hidden_layer_sizes=(8,), early_stopping=True, random_state=0,
                     n_iter_no_change=5, max_iter=60).fit(X, targets, weight)
        for targets in (y, masked)
    ]  # fmt: skip
    assert fits[0].validation_scores_ == fits[1].validation_scores_
    assert fits[0].n_iter_ == fits[1].n_iter_


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_warm_up_is_no_standstill(schedule, early_stopping):
    """However small its steps, patience is not counted before the rate is at its top."""
    X, y = make_task("multiclass")
    warm_up = round(400 * WARM_UPS[schedule])
    model = build(learning_rate=schedule, early_stopping=early_stopping, max_iter=400,
                  learning_rate_init=1e-6, n_iter_no_change=3).fit(X, y)  # fmt: skip
    assert model.n_iter_ == warm_up + 3, "and then it stands still"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_too_small_to_count_with(dtype):
    """Products with them would be 0, and nothing would be learned."""
    X, y = make_task("multiclass")
    X, facts = X.astype(dtype), np.finfo(dtype)
    with pytest.raises(ValueError, match="multiply them, and alpha, by one number"):
        build().fit(X, y, sample_weight=np.full(len(y), facts.tiny))
    some = np.full(len(y), 2.0**10 * facts.tiny / facts.eps)
    light = build(alpha=0.0).fit(X, y, sample_weight=some)
    plain = build(alpha=0.0).fit(X, y, sample_weight=np.full(len(y), 2.0**-20))
    assert light.score(X, y) == plain.score(X, y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_weights_too_large_to_count_with(dtype, solver):
    """Their gradients' sums would be infinite, all of them or those of a few rows."""
    X, y = make_task("multiclass")
    X, most = X.astype(dtype), np.finfo(dtype).max * np.finfo(dtype).eps
    few = np.ones(len(y))
    few[3] = 2.0 * most
    for weight in (few, np.full(len(y), most)):
        with pytest.raises(ValueError, match="divide them, and alpha, by one number"):
            build(solver=solver).fit(X, y, sample_weight=weight)
    heavy, plain = (
        build(solver=solver, alpha=0.0).fit(X, y, sample_weight=np.full(len(y), weight))
        for weight in (2.0 ** int(np.log2(most / len(y))), 1.0)
    )
    assert heavy.score(X, y) == plain.score(X, y)
    assert heavy.loss_ == pytest.approx(plain.loss_, rel=1e-4)


def test_what_converters_of_models_look_for():
    """scikit-learn's private label binarizer."""
    for task in ("binary", "multiclass", "multilabel"):
        X, y = make_task(task)
        ours, theirs = pair(task, **SMALL)
        one, other = (model.fit(X, y)._label_binarizer for model in (ours, theirs))
        assert np.array_equal(one.classes_, other.classes_)
        assert one.y_type_ == other.y_type_
        assert np.array_equal(one.transform(y), other.transform(y))


def test_the_loss_is_an_attribute_of_both():
    """As in scikit-learn, fitted or not; of the classifier it is no parameter."""
    for task in ("binary", "regression"):
        ours, theirs = pair(task, **SMALL)
        assert ours.loss == theirs.loss
        assert ("loss" in ours.get_params()) == ("loss" in theirs.get_params())
