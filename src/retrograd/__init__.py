"""retrograd: neural networks you can rewind."""

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.notebook import MLP, sigmoid, sigmoid_deriv
from retrograd.estimators.regressor import MLPRegressor

__version__ = "0.1.0"
__all__ = ["MLP", "MLPClassifier", "MLPRegressor", "sigmoid", "sigmoid_deriv"]
