"""retrograd: ``MLPClassifier.fit``, and the notebook's ``MLP`` for one-example SGD."""

import numpy as np

import retrograd
from benchmarks.contenders import Trainer, sklearn
from benchmarks.workloads import SEED
from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.notebook import MLP

TITLE = "retrograd"
limited = sklearn.limited


def version():
    """Return retrograd's version."""
    return f"retrograd {getattr(retrograd, '__version__', '?')}"


def takes(workload):
    """Tell that every work is taken."""
    return True


def trainer(workload, data, epochs, order=None):
    """Prepare ``fit``; with an ``order`` given, without shuffling."""
    if workload.one_example:
        return _notebook(workload, data, epochs)

    def train():
        return sklearn.fit(MLPClassifier, workload, data, epochs, shuffle=order is None)

    return Trainer(train, sklearn.parameters)


def predictor(workload, data, proba=False):
    """Fit for one epoch and return the estimator's own ``predict`` or ``predict_proba``."""
    estimator = sklearn.fit(MLPClassifier, workload, data, 1)
    return estimator.predict_proba if proba else estimator.predict


def _notebook(workload, data, epochs):
    """Prepare the notebook's class, which draws rows as the notebook does."""

    def train():
        np.random.seed(SEED)  # noqa: NPY002 - the notebook's generator is the legacy one
        model = MLP(hidden_units=workload.widths[1], lr=workload.learning_rate, epochs=epochs)
        return model.fit(data.X, data.y)

    def parameters(model):
        return [(columns[:, 1:].T, columns[:, 0]) for columns in (model.W1, model.W2)]

    return Trainer(train, parameters)
