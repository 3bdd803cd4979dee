"""The estimators that can be written down and built again, by name."""

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.regressor import MLPRegressor

ESTIMATORS = {"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor}
