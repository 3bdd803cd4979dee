"""scikit-learn: ``MLPClassifier.fit``, threads held by threadpoolctl."""

import warnings

import numpy as np
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from benchmarks.contenders import Trainer
from benchmarks.workloads import SEED

TITLE = "scikit-learn"


def version():
    """Return scikit-learn's version."""
    return f"scikit-learn {sklearn.__version__}"


def limited(threads):
    """Hold the BLAS that NumPy and SciPy use to so many threads."""
    return threadpool_limits(threads)


def takes(workload):
    """Tell that all but the long work is taken; one-example SGD is without replacement here."""
    return not workload.long


def trainer(workload, data, epochs, order=None):
    """Prepare ``fit``; with an ``order`` given, without shuffling."""
    if workload.one_example and order is not None:
        return _given_draws(workload, data, order)

    def train():
        return fit(MLPClassifier, workload, data, epochs, shuffle=order is None)

    return Trainer(train, parameters)


def fit(classifier, workload, data, epochs, shuffle=True):
    """Fit a classifier with scikit-learn's parameters, without an early stop."""
    estimator = classifier(**settings(workload, epochs, shuffle))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(data.X, data.y)


def parameters(estimator):
    """Return the pairs (W, b) of a fitted estimator."""
    return list(zip(estimator.coefs_, estimator.intercepts_, strict=True))


def predictor(workload, data, proba=False):
    """Fit for one epoch and return the estimator's own ``predict`` or ``predict_proba``."""
    estimator = fit(MLPClassifier, workload, data, 1)
    return estimator.predict_proba if proba else estimator.predict


def settings(workload, epochs, shuffle=True):
    """Return the constructor's arguments for a work."""
    return {
        "hidden_layer_sizes": workload.widths[1:-1],
        "activation": workload.activation,
        "solver": workload.solver,
        "alpha": workload.alpha,
        "batch_size": workload.batch,
        "learning_rate_init": workload.learning_rate,
        "momentum": 0.0,
        "max_iter": epochs,
        "shuffle": shuffle,
        "random_state": SEED,
        "tol": 0.0,
        "n_iter_no_change": np.inf,
    }


def _given_draws(workload, data, order):
    """Prepare training on rows drawn beforehand, from the notebook's starting parameters."""

    def train():
        estimator = MLPClassifier(**settings(workload, 1, shuffle=False))
        # The first call only makes the arrays; without momentum it leaves nothing behind.
        estimator.partial_fit(data.X[:1], data.y[:1], classes=[0, 1])
        start = workload.start()
        for layer, (weights, biases) in enumerate(start):
            estimator.coefs_[layer][...] = weights
            estimator.intercepts_[layer][...] = biases
        drawn = order.ravel()
        return estimator.partial_fit(data.X[drawn], data.y[drawn])

    return Trainer(train, parameters)
