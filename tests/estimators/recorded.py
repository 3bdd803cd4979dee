"""Recorded trainings of every kind, and the same ones unrecorded, for the tests of rewinding."""

import warnings
from functools import cache

import numpy as np
import scipy.sparse
from sklearn.exceptions import ConvergenceWarning
from tasks import make_task, pair

from retrograd.estimators.recorder import Recorder
from retrograd.estimators.rewinding import open_run
from retrograd.rewind.run import Run

SMALL = {"hidden_layer_sizes": (5, 3), "max_iter": 9, "batch_size": 10, "random_state": 0,
         "learning_rate_init": 0.03, "tol": 0.0, "n_iter_no_change": 100}  # fmt: skip
# Name: task, parameters. Between them every solver, schedule, loss and way to end.
KINDS = {
    "adam": ("multiclass", {}),
    "adamw, cosine": ("binary", {"solver": "adamw", "learning_rate": "cosine"}),
    "rmsprop, one cycle": ("regression", {"solver": "rmsprop", "learning_rate": "one_cycle"}),
    "sgd, invscaling": ("multilabel", {"solver": "sgd", "learning_rate": "invscaling"}),
    "sgd, adaptive": (
        "regression 3",
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 1.0, "n_iter_no_change": 1},
    ),
    "plain sgd, one example": (
        "binary",
        {"solver": "sgd", "momentum": 0.0, "alpha": 0.0, "batch_size": 1, "max_iter": 3,
         "hidden_layer_sizes": (4,), "activation": "identity"},
    ),
    "early stopping": (
        "multiclass",
        {"early_stopping": True, "n_iter_no_change": 2, "max_iter": 40, "validation_fraction": 0.3},
    ),
    "converged": ("binary", {"tol": 0.05, "n_iter_no_change": 1, "max_iter": 60}),
    "in order": ("poisson", {"shuffle": False, "learning_rate_init": 0.003}),
    "no hidden layer": ("binary", {"hidden_layer_sizes": (), "solver": "sgd"}),
    "full batch": ("regression", {"batch_size": 1000, "max_iter": 6}),
}  # fmt: skip


def data_of(task: str, storage: str = "dense", dtype: type = np.float64) -> tuple:
    """X, y, and weights that differ."""
    X, y = make_task(task)
    X = X.astype(dtype)
    if storage == "csr":
        X = scipy.sparse.csr_matrix(X)
    return X, y, np.linspace(0.5, 2.0, X.shape[0])


def fitted(kind: str, *callbacks, storage: str = "dense", dtype: type = np.float64, **changes):
    """Estimator of that kind, fitted."""
    task, parameters = KINDS[kind]
    model, _ = pair(task, **{**SMALL, **parameters, **changes})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", UserWarning)  # of batches larger than the data
        return model.set_callbacks(*callbacks).fit(*data_of(task, storage, dtype))


@cache
def recorded(kind: str, storage: str = "dense", dtype: type = np.float64) -> tuple:
    """Run of that kind, and the estimator whose fit was recorded; not to be changed."""
    recorder = Recorder()
    model = fitted(kind, recorder, storage=storage, dtype=dtype)
    return open_run(recorder), model


def theta_of(model) -> np.ndarray:
    """All parameters as one vector."""
    return np.concatenate([part.ravel() for part in model.coefs_ + model.intercepts_])


def moments_theta(run: Run, step: int) -> np.ndarray:
    """All parameters at a moment as one vector."""
    moment = run.at(step)
    return np.concatenate([part.ravel() for part in moment.coefs + moment.intercepts])
