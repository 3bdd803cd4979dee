"""Warnings that a user has turned into errors: what was trained is there all the same."""

import time
import warnings

import pytest
from sklearn.exceptions import ConvergenceWarning
from tasks import make_task, pair, same_bits

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.rewinding import open_run

SMALL = {"hidden_layer_sizes": (4,), "max_iter": 5, "random_state": 0}


def fit(model, X, y, action):
    """Fit, with all warnings ignored, or as errors."""
    with warnings.catch_warnings():
        warnings.simplefilter(action)
        return model.fit(X, y)


@pytest.mark.parametrize("options", [{}, {"solver": "lbfgs"}, {"early_stopping": True}], ids=str)
def test_a_fit_that_has_not_converged(options):
    """It can predict, as scikit-learn's can: many find out in this way whether it has."""
    X, y = make_task("multiclass")
    model, reference = pair("multiclass", **SMALL, **options)
    for one in (model, reference):
        with pytest.raises(ConvergenceWarning):
            fit(one, X, y, "error")
        assert one.predict(X).shape == y.shape
    plain = fit(MLPClassifier(**SMALL, **options), X, y, "ignore")
    same_bits(model, plain)
    assert vars(model).keys() == vars(plain).keys()


def test_an_interrupted_fit(monkeypatch):
    """After two epochs; its record says that it was interrupted."""
    X, y = make_task("multiclass")
    recorder = Recorder()
    model = MLPClassifier(**SMALL, early_stopping=True).set_callbacks(recorder)
    plain = MLPClassifier(**{**SMALL, "max_iter": 3}, early_stopping=True)
    score = MLPClassifier._validation_score

    def press(estimator, *rows):
        if estimator.n_iter_ == 3:
            raise KeyboardInterrupt
        return score(estimator, *rows)

    fit(plain, X, y, "ignore")
    monkeypatch.setattr(MLPClassifier, "_validation_score", press)
    with pytest.raises(UserWarning, match=r"Training interrupted by user\."):
        fit(model, X, y, "error")
    assert model.n_iter_ == 3
    assert model.validation_scores_ == plain.validation_scores_[:2]
    assert open_run(recorder).status == "interrupted"


def test_the_record_has_ended():
    """Before there is a word of warning."""
    recorder = Recorder()
    with pytest.raises(ConvergenceWarning):
        fit(MLPClassifier(**SMALL).set_callbacks(recorder), *make_task("multiclass"), "error")
    assert open_run(recorder).status == "ended"
    assert open_run(recorder).n_epochs == 5


def test_what_is_warned_of_before_anything_is_trained():
    """Then nothing is."""
    model = MLPClassifier(**SMALL, batch_size=10_000)
    with pytest.raises(UserWarning, match="larger than the 47 training rows"):
        fit(model, *make_task("multiclass"), "error")
    assert not hasattr(model, "coefs_")


@pytest.mark.parametrize("recorded", [False, True])
def test_a_clock_that_stands_still(recorded, monkeypatch):
    """As tests have it which have frozen it."""
    X, y = make_task("multiclass")
    model, plain = (MLPClassifier(**{**SMALL, "max_iter": 40}) for _ in "ab")
    fit(plain, X, y, "ignore")
    model.set_callbacks(*([Recorder()] if recorded else []))
    for name in ("time", "perf_counter", "monotonic", "thread_time"):
        monkeypatch.setattr(time, name, lambda: 1.0)
    same_bits(fit(model, X, y, "ignore"), plain)
