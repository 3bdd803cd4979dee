"""scikit-learn's callbacks: told of every epoch, and able to stop the training."""

import numpy as np
import pytest
from sklearn.base import is_classifier
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tasks import make_task, pair, same_bits

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SMALL = {"hidden_layer_sizes": (4,), "max_iter": 8, "random_state": 0, "learning_rate_init": 0.05}


class Watcher:
    """A callback that notes what it is told, and may stop or break off after some epochs."""

    def __init__(self, stop_after=None, error=None):
        self.stop_after = stop_after
        self.error = error
        self.told = []
        self.models = []

    def setup(self, estimator, context):
        """Start."""
        self.told.append("setup")

    def teardown(self, estimator, context):
        """End, whatever happened."""
        self.told.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        """Note the beginning."""
        self.told.append(f"{context.task_name} begins")

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        """Note the end, keep the model, stop if it is time."""
        self.told.append(f"{context.task_name} ends")
        self.models.append(fitted_estimator)
        if len(self.models) == self.stop_after:
            if self.error is not None:
                raise self.error
            return True
        return False


def watched(task="multiclass", stop_after=None, error=None, **parameters):
    """An estimator with a watcher, and the watcher."""
    watcher = Watcher(stop_after, error)
    model, _ = pair(task, **{**SMALL, **parameters})
    return model.set_callbacks(watcher), watcher


def test_every_epoch_is_told():
    """Begin and end of the fit and of every epoch, in order."""
    model, watcher = watched(max_iter=3)
    model.fit(*make_task("multiclass"))
    epochs = ["epoch begins", "epoch ends"] * 3
    assert watcher.told == ["setup", "fit begins", *epochs, "fit ends", "teardown"]


def test_the_epoch_that_is_the_last_one_is_told_to_its_end():
    """Also where the training stops by itself."""
    model, watcher = watched(tol=10.0, n_iter_no_change=2, max_iter=50)
    model.fit(*make_task("multiclass"))
    assert model.n_iter_ < 50
    assert watcher.told.count("epoch begins") == model.n_iter_
    assert watcher.told.count("epoch ends") == model.n_iter_


def test_a_callback_stops_the_training():
    """After three epochs the model is what three epochs make, and no warning is given."""
    X, y = make_task("multiclass")
    model, _ = watched(stop_after=3, max_iter=50)
    model.fit(X, y)
    assert model.n_iter_ == len(model.loss_curve_) == 3
    same_bits(model, pair("multiclass", **{**SMALL, "max_iter": 3})[0].fit(X, y))


@pytest.mark.parametrize("task", ["multilabel", "regression"])
def test_models_of_each_epoch(task):
    """A model handed to a callback stays as it was, predicts, and can be trained on."""
    X, y = make_task(task)
    model, watcher = watched(task, max_iter=4)
    model.fit(X, y)
    for epochs, kept in enumerate(watcher.models[:-1], start=1):
        expected = pair(task, **{**SMALL, "max_iter": epochs})[0].fit(X, y)
        np.testing.assert_array_equal(kept.predict(X), expected.predict(X))
        same_bits(kept.partial_fit(X, y), expected.partial_fit(X, y))


def test_lbfgs_tells_of_the_fit_only():
    """It has no epochs."""
    model, watcher = watched(solver="lbfgs", max_iter=500)
    model.fit(*make_task("multiclass"))
    assert watcher.told == ["setup", "fit begins", "fit ends", "teardown"]
    same_bits(watcher.models[0], model)


def test_an_error_in_a_callback_leaves_nothing_behind():
    """The error arrives, the callback is torn down, the estimator is unfitted as before."""
    model, watcher = watched(stop_after=2, error=RuntimeError("enough"))
    before = set(vars(model))
    with pytest.raises(RuntimeError, match="enough"):
        model.fit(*make_task("multiclass"))
    assert watcher.told[-1] == "teardown"
    assert set(vars(model)) == before


def test_an_interrupt_leaves_a_usable_model():
    """Ctrl-C ends the training with a warning, and what was learned stays."""
    X, y = make_task("multiclass")
    model, _ = watched(stop_after=2, error=KeyboardInterrupt(), max_iter=50)
    with pytest.warns(UserWarning, match=r"Training interrupted by user\."):
        model.fit(X, y)
    assert model.n_iter_ == 2
    same_bits(model, pair("multiclass", **{**SMALL, "max_iter": 2})[0].fit(X, y))
    model.set_callbacks().partial_fit(X, y).predict(X)


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "regression 3", "poisson"])
def test_scoring_monitor(task):
    """A score after every epoch, and at the end that of the model itself."""
    X, y = make_task(task)
    model, _ = pair(task, **SMALL)
    name = "accuracy" if is_classifier(model) else "r2"
    monitor = ScoringMonitor(scoring=name)
    weight = np.linspace(0.5, 2.0, len(X))
    model.set_callbacks(monitor).fit(X, y, weight)
    scores = [row[name] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(scores) == 8
    assert len(set(scores)) > 1
    assert scores[-1] == pytest.approx(model.score(X, y, weight))


def test_progress_bar(capsys):
    """One bar, full at the end."""
    model, _ = pair("binary", **SMALL)
    model.set_callbacks(ProgressBar()).fit(*make_task("binary"))
    out = capsys.readouterr().out
    assert "MLPClassifier - fit" in out
    assert "100%" in out


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.compiled)])
def test_callbacks_through_a_search_over_pipelines(n_jobs, capsys):
    """A bar set on the search shows the network's fits; a monitor in it scores each epoch."""
    X, y = make_task("multiclass")
    monitor = ScoringMonitor(scoring="accuracy")
    model, _ = pair("multiclass", **SMALL)
    pipeline = make_pipeline(StandardScaler(), model.set_callbacks(monitor))
    search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [0.0, 1.0]}, cv=2, n_jobs=n_jobs)
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, y)
    out = capsys.readouterr().out
    assert "GridSearchCV - fit" in out
    assert "MLPClassifier - fit" in out
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(rows) == 5 * 8  # two candidates on two splits, and the refit
