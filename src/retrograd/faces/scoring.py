"""How good the network is on rows it never saw, beside two models that anyone should beat."""

import warnings

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    log_loss,
    mean_absolute_error,
    r2_score,
    recall_score,
)
from threadpoolctl import threadpool_limits

from retrograd.faces.experiment import Experiment, Fitted
from retrograd.tables.errors import shortened, told_apart

# The largest class has more than so many times the rows of the smallest: accuracy alone misleads.
IMBALANCED = 3.0
# Confusions that are listed, the most frequent.
MOST_CONFUSED = 8
LINEAR_STEPS = 1000


def score_all(experiment: Experiment, fitted: Fitted) -> tuple[list[dict], list[str]]:
    """Score the network, a linear model and a constant on the held-out rows.

    Returns
    -------
    scores : list of dict
        One a model: ``model``, and its scores by name; ``training`` has the network's main score
        on the rows it learned from.
    notes : list of str
    """
    score = _class_scores if experiment.problem.task == "classification" else _number_scores
    linear, linear_name, constant, constant_name = _rivals(experiment)
    notes = []
    # One BLAS thread: problems this small lose by more, and the result depends on their number.
    with threadpool_limits(1, "blas"), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        linear.fit(experiment.x_train, experiment.y_train)
    if any(issubclass(warning.category, ConvergenceWarning) for warning in caught):
        notes.append(f"{linear_name} had not converged after {LINEAR_STEPS:,} steps")
    constant.fit(experiment.x_train, experiment.y_train)
    predictor = fitted.model[-1]
    scores = [
        {"model": "network", **score(predictor, experiment)},
        {"model": linear_name, **score(linear, experiment)},
        {"model": constant_name, **score(constant, experiment)},
    ]
    train = predictor.predict(experiment.x_train)
    metric = accuracy_score if score is _class_scores else r2_score
    scores[0]["training"] = float(metric(experiment.y_train, train))
    return scores, notes


def _rivals(experiment: Experiment):
    """Build the linear model and the constant, with their names."""
    y = experiment.y_train
    if experiment.problem.task == "classification":
        labels, counts = np.unique(y, return_counts=True)
        usual = shortened(str(labels[counts.argmax()]))
        linear = LogisticRegression(max_iter=LINEAR_STEPS)
        return linear, "logistic regression", DummyClassifier(strategy="prior"), f"always {usual}"
    mean, *_ = told_apart(y.mean(), y.min(), y.max(), digits=4)
    return Ridge(), "ridge regression", DummyRegressor(), f"always {mean} (mean)"


def _class_scores(predictor, experiment: Experiment) -> dict:
    """Score a classifier."""
    x, y = experiment.x_test, experiment.y_test
    predicted = predictor.predict(x)
    scores = {"accuracy": float(accuracy_score(y, predicted))}
    _, counts = np.unique(experiment.problem.y, return_counts=True)
    if counts.max() > IMBALANCED * counts.min():
        recalls = recall_score(y, predicted, labels=np.unique(y), average="macro", zero_division=0)
        scores["balanced accuracy"] = float(recalls)
    if np.isin(y, predictor.classes_).all():
        probabilities = np.asarray(predictor.predict_proba(x), dtype=np.float64)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        scores["log loss"] = float(log_loss(y, probabilities, labels=predictor.classes_))
    return scores


def _number_scores(predictor, experiment: Experiment) -> dict:
    """Score a regressor."""
    predicted = predictor.predict(experiment.x_test)
    return {
        "R2": float(r2_score(experiment.y_test, predicted)),
        "mean absolute error": float(mean_absolute_error(experiment.y_test, predicted)),
    }


def confusion(experiment: Experiment, fitted: Fitted) -> dict:
    """Count which class was taken for which, on the held-out rows.

    Returns
    -------
    dict
        ``labels`` (text), ``counts`` (a row for each true class), and ``most`` (the most frequent
        confusions: true, predicted, rows).
    """
    labels = np.unique(experiment.problem.y)
    predicted = fitted.model[-1].predict(experiment.x_test)
    counts = confusion_matrix(experiment.y_test, predicted, labels=labels)
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_CONFUSED]
    places = [np.unravel_index(place, wrong.shape) for place in order]
    most = [
        [str(labels[true]), str(labels[taken]), int(wrong[true, taken])]
        for true, taken in places
        if wrong[true, taken]
    ]
    return {"labels": [str(label) for label in labels], "counts": counts.tolist(), "most": most}


def residuals(experiment: Experiment, fitted: Fitted) -> dict:
    """Summarise how far off the predictions are, on the held-out rows.

    Returns
    -------
    dict
        ``quantiles`` of true minus predicted (by percent), and ``worst``: the largest misses
        (row of the table, counted from 0, true, predicted).
    """
    y = experiment.y_test
    predicted = np.asarray(fitted.model[-1].predict(experiment.x_test), dtype=np.float64)
    off = y - predicted
    percents = (5, 25, 50, 75, 95)
    worst = np.argsort(-np.abs(off), kind="stable")[:3]
    return {
        "quantiles": {
            str(p): float(q) for p, q in zip(percents, np.percentile(off, percents), strict=True)
        },
        "worst": [
            {
                "row": int(experiment.problem.rows[experiment.test[i]]),
                "true": float(y[i]),
                "predicted": float(predicted[i]),
            }
            for i in worst
        ],
    }
