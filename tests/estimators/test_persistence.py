"""Pickled, copied, dumped and mapped, an estimator stays what it is and can go on training."""

import copy
import pickle

import joblib
import numpy as np
import pytest
from tasks import make_task, pair, same_bits

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.rewinding import open_runs

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SMALL = {"hidden_layer_sizes": (4, 3), "max_iter": 6, "random_state": 0}
WAYS = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "old pickle": lambda model: pickle.loads(pickle.dumps(model, protocol=2)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


def fitted(task="multiclass", **parameters):
    """A fitted model of ours, and its table."""
    X, y = make_task(task)
    return pair(task, **{**SMALL, **parameters})[0].fit(X, y), X, y


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("task", ["multiclass", "multilabel", "regression 3"])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_copy_is_the_same(way, task, solver):
    """Predictions, attributes, and what further training makes of it, bit for bit."""
    model, X, y = fitted(task, solver=solver)
    twin = way(model)
    same_bits(model, twin)
    np.testing.assert_array_equal(model.predict(X), twin.predict(X))
    assert twin.get_params() == model.get_params()
    names = {name for name in vars(model) if name.endswith("_")}
    assert names == {name for name in vars(twin) if name.endswith("_")}
    if solver != "lbfgs":
        same_bits(model.partial_fit(X, y), twin.partial_fit(X, y))
        assert twin.loss_curve_ == model.loss_curve_


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_training_a_copy_leaves_the_first_alone(way):
    """Not even its curve grows."""
    model, X, y = fitted()
    before = copy.deepcopy(model)
    way(model).partial_fit(X, y)
    same_bits(model, before)
    assert model.loss_curve_ == before.loss_curve_
    same_bits(model.partial_fit(X, y), before.partial_fit(X, y))


@pytest.mark.parametrize("edit", ["in place", "replaced"])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_parameters_set_by_hand_are_kept(way, edit):
    """Whether edited in place or replaced by other arrays."""
    model, X, y = fitted()
    if edit == "in place":
        model.coefs_[0] *= 2.0
    else:
        model.coefs_[0] = model.coefs_[0] * 2.0
    twin = way(model)
    np.testing.assert_array_equal(model.predict_proba(X), twin.predict_proba(X))
    same_bits(model.partial_fit(X, y), twin.partial_fit(X, y))


def test_views_survive():
    """After loading, too, coefs_ are the parameters themselves: an edit in place is seen."""
    for solver in ("adam", "lbfgs"):
        model, X, _ = fitted(solver=solver)
        twin = pickle.loads(pickle.dumps(model))
        twin.coefs_[0][:] = 0.0
        twin.intercepts_[0][:] = 0.0
        proba = twin.predict_proba(X)
        assert np.ptp(proba, axis=0).max() < 1e-12
        assert np.ptp(model.predict_proba(X), axis=0).max() > 0.01


def test_parameters_are_stored_once():
    """A large network's file is its parameters and Adam's two moments, and little else."""
    for solver, copies in (("adam", 3), ("sgd", 2), ("lbfgs", 1)):
        model, _, _ = fitted(solver=solver, hidden_layer_sizes=(60, 60), max_iter=1)
        n_bytes = sum(array.nbytes for array in model.coefs_ + model.intercepts_)
        assert len(pickle.dumps(model)) < copies * n_bytes + 4000


@pytest.mark.parametrize("mmap_mode", [None, "r", "c"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_joblib(solver, mmap_mode, tmp_path):
    """Dumped and loaded, also as a read-only map of the file, which training then copies."""
    model, X, y = fitted(solver=solver)
    joblib.dump(model, tmp_path / "model.joblib")
    twin = joblib.load(tmp_path / "model.joblib", mmap_mode=mmap_mode)
    assert isinstance(twin.coefs_[0], np.memmap) == (mmap_mode is not None)
    same_bits(model, twin)
    np.testing.assert_array_equal(model.predict_proba(X), twin.predict_proba(X))
    if solver == "adam":
        same_bits(model.partial_fit(X, y), twin.partial_fit(X, y))


def test_unfitted():
    """An unfitted estimator travels too."""
    X, y = make_task("multiclass")
    model = MLPClassifier(**SMALL)
    twin = pickle.loads(pickle.dumps(model))
    assert not hasattr(twin, "coefs_")
    same_bits(model.fit(X, y), twin.fit(X, y))


def test_a_model_with_callbacks(tmp_path):
    """The callbacks go along, since they are part of how it is set up."""
    model, X, y = fitted()
    recorder = Recorder(tmp_path / "runs.retro")
    twin = pickle.loads(pickle.dumps(model.set_callbacks(recorder)))
    same_bits(model.fit(X, y), twin.fit(X, y))
    assert [run.n_epochs for run in open_runs(recorder)] == [model.n_iter_] * 2
