"""Inside scikit-learn's machinery, in other processes, and with data frames."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_predict,
    cross_validate,
    learning_curve,
)
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tasks import make_task, same_bits

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.regressor import MLPRegressor
from retrograd.estimators.rewinding import open_run

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SMALL = {"hidden_layer_sizes": (5,), "max_iter": 40, "learning_rate_init": 0.03, "random_state": 0}


def classifier(**parameters):
    """Build a small classifier."""
    return MLPClassifier(**{**SMALL, **parameters})


def test_pipeline():
    """The last step of a pipeline, its parameters set and its weights passed through it."""
    X, y = make_task("multiclass")
    model = make_pipeline(StandardScaler(), classifier()).set_params(mlpclassifier__alpha=0.1)
    model.fit(X, y, mlpclassifier__sample_weight=np.ones(len(X)))
    alone = classifier(alpha=0.1).fit(StandardScaler().fit_transform(X), y)
    np.testing.assert_allclose(model[-1].coefs_[0], alone.coefs_[0], rtol=1e-9)
    assert model.score(X, y) > 0.8


@pytest.mark.compiled
def test_grid_search_in_two_processes():
    """Workers find the same scores as one process does."""
    X, y = make_task("multiclass")
    grid = {"alpha": [0.01, 10.0], "hidden_layer_sizes": [(3,), (4, 3)]}
    searches = [
        GridSearchCV(classifier(), grid, cv=3, n_jobs=n_jobs).fit(X, y) for n_jobs in (1, 2)
    ]
    scores = [search.cv_results_["mean_test_score"] for search in searches]
    np.testing.assert_array_equal(*scores)
    same_bits(*(search.best_estimator_ for search in searches))


@pytest.mark.compiled
def test_fitted_estimator_in_other_processes():
    """A fitted estimator goes to workers, which predict with it and train it on alike."""
    X, y = make_task("multiclass")
    model = classifier().fit(X, y)
    outputs = Parallel(n_jobs=2)(delayed(model.predict_proba)(part) for part in (X[:20], X[20:]))
    np.testing.assert_array_equal(np.vstack(outputs), model.predict_proba(X))
    trained = Parallel(n_jobs=2)(delayed(model.partial_fit)(X, y) for _ in range(2))
    model.partial_fit(X, y)
    for other in trained:
        same_bits(model, other)


def test_cross_validation():
    """cross_validate, cross_val_predict and learning_curve, early stopping included."""
    X, y = make_task("multiclass")
    scores = cross_validate(classifier(), X, y, cv=3, return_train_score=True)
    assert scores["test_score"].mean() > 0.6
    proba = cross_val_predict(classifier(early_stopping=True), X, y, cv=3, method="predict_proba")
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    sizes, _, _ = learning_curve(classifier(), X, y, cv=3, train_sizes=[0.7, 1.0])
    assert sizes.tolist() == [21, 31]


def test_clone():
    """A clone has the parameters, not what was learned, and learns the same again."""
    X, y = make_task("multiclass")
    model = classifier(activation=["tanh"], hidden_layer_sizes=[5]).fit(X, y)
    twin = clone(model)
    assert twin.get_params() == model.get_params()
    assert not hasattr(twin, "coefs_")
    same_bits(model, twin.fit(X, y))


def test_calibration_voting_bagging_and_many_outputs():
    """Estimators that hold others."""
    X, y = make_task("multiclass")
    weight = np.linspace(0.5, 2.0, len(X))
    calibrated = CalibratedClassifierCV(classifier(), cv=3).fit(X, y, sample_weight=weight)
    voting = VotingClassifier(
        [("net", classifier()), ("line", LogisticRegression())], voting="soft"
    )
    bagging = BaggingClassifier(classifier(), n_estimators=3, random_state=0)
    for model in (calibrated, voting.fit(X, y), bagging.fit(X, y)):
        assert model.score(X, y) > 0.7
    _, labels = make_task("multilabel")
    assert MultiOutputClassifier(classifier()).fit(X, labels).predict(X).shape == labels.shape


def test_transformed_target_and_importance():
    """A regressor whose target is scaled, and the features that matter to it."""
    X, y = make_task("regression")
    model = TransformedTargetRegressor(MLPRegressor(**SMALL), transformer=StandardScaler())
    model.fit(X, 1000 * y)
    assert model.score(X, 1000 * y) > 0.5
    importance = permutation_importance(model, X, 1000 * y, n_repeats=2, random_state=0)
    assert importance.importances_mean.max() > 0.1


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_data_frames(make):
    """Column names are remembered, and others refused."""
    X, y = make_task("multiclass")
    names = ["a", "b", "c", "d"]
    frame = make(dict(zip(names, X.T, strict=True)))
    model = classifier().fit(frame, y)
    assert model.feature_names_in_.tolist() == names
    same_bits(model, classifier().fit(X, y))
    np.testing.assert_array_equal(model.predict(frame), classifier().fit(X, y).predict(X))
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(make(dict(zip("abdc", X.T, strict=True))))
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        model.predict(X)


def test_series_as_targets_and_weights():
    """Targets and weights come as series of either library, categories included."""
    X, y = make_task("binary")
    expected = classifier().fit(X, y, np.arange(47.0))
    for series in (pd.Series, pl.Series):
        same_bits(expected, classifier().fit(X, series(y), series(np.arange(47.0))))
    model = classifier().fit(X, pd.Series(y, dtype="category"))
    assert model.classes_.tolist() == ["no", "yes"]


def test_float32_frame():
    """A frame of float32 columns is trained on in float32."""
    X, y = make_task("multiclass")
    assert classifier().fit(pd.DataFrame(X, dtype="float32"), y).coefs_[0].dtype == np.float32


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_set_output(library):
    """After transformers that give frames, the names of their columns arrive."""
    X, y = make_task("multiclass")
    frame = pd.DataFrame(X, columns=list("abcd"))
    scale = ColumnTransformer([("scale", StandardScaler(), ["a", "b"])], remainder="passthrough")
    model = make_pipeline(scale, classifier()).set_output(transform=library)
    model.fit(frame, y)
    expected = ["scale__a", "scale__b", "remainder__c", "remainder__d"]
    assert model[-1].feature_names_in_.tolist() == expected


def test_metadata_routing():
    """Requested weights reach fit and score through a pipeline in a search."""
    X, y = make_task("multiclass")
    weight = np.random.default_rng(0).integers(0, 3, len(X)).astype(float)
    with sklearn.config_context(enable_metadata_routing=True):
        model = classifier().set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        search = GridSearchCV(make_pipeline(scaler, model), {}, cv=3)
        search.fit(X, y, sample_weight=weight)
    expected = classifier().fit(StandardScaler().fit_transform(X), y, weight)
    same_bits(search.best_estimator_[-1], expected)


def test_warnings_name_the_line_that_led_to_them(tmp_path):
    """That of a fit, alone, in a pipeline or a search; of a branch."""
    X, y = make_task("multiclass")
    path = tmp_path / "a.retro"
    model = MLPClassifier((3,), max_iter=2, random_state=0)
    for led in (
        lambda: clone(model).fit(X, y),
        lambda: make_pipeline(StandardScaler(), clone(model)).fit(X, y),
        lambda: GridSearchCV(clone(model), {"alpha": [0.1]}, cv=2).fit(X, y),
        lambda: clone(model).set_callbacks(Recorder(path)).fit(X, y),
        lambda: open_run(path).branch(2, max_iter=3),
    ):
        with pytest.warns(ConvergenceWarning) as caught:
            led()
        assert {one.filename for one in caught} == {__file__}
        assert {one.lineno for one in caught} == {led.__code__.co_firstlineno}
