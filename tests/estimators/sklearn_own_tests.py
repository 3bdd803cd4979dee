"""Run scikit-learn's own tests of its MLPs with our classes standing in for theirs.

    python tests/estimators/sklearn_own_tests.py [pytest options]

The names are replaced before the test module is imported, so nothing of it is copied. Left out
are the tests that look at private attributes of scikit-learn's classes.
"""

import os
import sys

import pytest
import sklearn.neural_network

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.regressor import MLPRegressor

PRIVATE = {
    "test_gradient": "_loss_grad_lbfgs",
    "test_learning_rate_warmstart": "_optimizer",
    "test_adaptive_learning_rate": "_optimizer",
}


class LeaveOutPrivate:
    """A pytest plugin that deselects them."""

    @staticmethod
    def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
        private = [item for item in items if item.name in PRIVATE]
        items[:] = [item for item in items if item.name not in PRIVATE]
        config.hook.pytest_deselected(items=private)


if __name__ == "__main__":
    sklearn.neural_network.MLPClassifier = MLPClassifier
    sklearn.neural_network.MLPRegressor = MLPRegressor
    options = ["--pyargs", "sklearn.neural_network.tests.test_mlp", "-c", os.devnull]
    sys.exit(pytest.main([*options, *sys.argv[1:]], plugins=[LeaveOutPrivate()]))
