"""retrograd: neural networks you can rewind."""

from retrograd.engine.divergence import DivergenceError
from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.notebook import MLP, sigmoid, sigmoid_deriv
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.regressor import MLPRegressor
from retrograd.estimators.rewinding import open_run, open_runs
from retrograd.estimators.tracing import check_gradients, trace
from retrograd.faces.models import load_model, save_model
from retrograd.rewind.comparing import first_divergence
from retrograd.tables.encoder import TableEncoder

__version__ = "0.1.0"
__all__ = [
    "MLP",
    "DivergenceError",
    "MLPClassifier",
    "MLPRegressor",
    "Recorder",
    "TableEncoder",
    "check_gradients",
    "first_divergence",
    "load_model",
    "open_run",
    "open_runs",
    "save_model",
    "sigmoid",
    "sigmoid_deriv",
    "trace",
]
