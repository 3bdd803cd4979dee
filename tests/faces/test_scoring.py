"""What is told of a network on the rows held out, from predictions that are known."""

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from retrograd.faces.experiment import Options, build_network, fit, prepare
from retrograd.faces.scoring import confusion, residuals, score_all
from retrograd.tables.task import pose


class Known:
    """A model whose predictions are given."""

    def __init__(self, *predicted) -> None:
        self.predicted = np.array(predicted)

    def predict(self, rows):
        """Hand them out."""
        assert len(rows) == len(self.predicted)
        return self.predicted


def told(function, y, predicted, rows=None):
    """Apply a function to an experiment of which all rows but the first are held out."""
    y = np.array(y)
    problem = SimpleNamespace(y=y, rows=np.arange(len(y)) if rows is None else np.array(rows))
    experiment = SimpleNamespace(
        problem=problem, test=np.arange(1, len(y)), y_test=y[1:], x_test=np.zeros((len(y) - 1, 1))
    )
    return function(experiment, SimpleNamespace(model=[Known(*predicted)]))


def test_a_confusion_has_a_row_for_each_true_class():
    found = told(confusion, ["d", *"aaabbc"], "abbbba")
    assert found["labels"] == ["a", "b", "c", "d"]
    assert found["counts"] == [[1, 2, 0, 0], [0, 2, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert found["most"] == [["a", "b", 2], ["c", "a", 1]]


def test_residuals_are_true_minus_predicted_and_rows_are_those_of_the_table():
    """Of which those without a target, here the first and the fourth, were left out."""
    found = told(residuals, [9, 1, 2, 3, 4], [1, 5, 3, 3.5], rows=[1, 2, 4, 5, 6])
    expected = {"5": -2.55, "25": -0.75, "50": 0.0, "75": 0.125, "95": 0.425}
    assert found["quantiles"] == pytest.approx(expected)
    assert found["worst"][:2] == [
        {"row": 4, "true": 2.0, "predicted": 5.0}, {"row": 6, "true": 4.0, "predicted": 3.5}
    ]  # fmt: skip


def scored(y, seed=0, **columns):
    """Scores of a network of no use, on a table of noise."""
    noise = np.random.default_rng(0).normal(size=len(y))
    options = Options(hidden=(3,), epochs=2, seed=seed)
    prepared = prepare(pose(pl.DataFrame({"x": noise, **columns, "y": y}), "y"), options)
    fitted = fit(prepared, build_network(prepared, options), None)
    return prepared, fitted, score_all(prepared, fitted)[0]


def test_a_class_that_was_never_seen_has_no_log_loss():
    """Of a dozen classes of two rows each both may be held out: no model has a probability."""
    y = np.repeat([f"c{k}" for k in range(12)], 2)
    unseen = []
    for seed in range(12):
        prepared, _, scores = scored(y, seed)
        unseen.append(not {*prepared.y_test} <= {*prepared.y_train})
        for score in scores:
            assert ("log loss" in score) is not unseen[-1]
            assert 0.0 <= score["accuracy"] <= 1.0
    assert {*unseen} == {True, False}


@pytest.mark.parametrize(("rare", "imbalanced"), [(25, False), (24, True)])
def test_classes_of_very_different_sizes_are_scored_alike_too(rare, imbalanced):
    """Where one has more than three times the rows of another."""
    _, _, scores = scored(["a"] * 75 + ["b"] * rare)
    assert all(("balanced accuracy" in score) is imbalanced for score in scores)
    if imbalanced:
        assert scores[2]["balanced accuracy"] == 0.5


def test_the_training_score_is_that_of_the_rows_learned_from():
    prepared, fitted, scores = scored(np.random.default_rng(1).choice([*"ab"], 60))
    predicted = fitted.model[-1].predict(prepared.x_train)
    assert scores[0]["training"] == np.mean(predicted == prepared.y_train) < 1.0
    assert "training" not in scores[1]
