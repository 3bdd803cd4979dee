from .engine.divergence import DivergenceError
from .estimators.classifier import MLPClassifier
from .estimators.notebook import MLP, sigmoid, sigmoid_deriv
from .estimators.recorder import Recorder
from .estimators.regressor import MLPRegressor
from .estimators.tracing import check_gradients, trace
from .faces.models import load_model, save_model
from .faces.opening import open_run, open_runs, view
from .rewind.comparing import first_divergence
from .tables.encoder import TableEncoder

__version__: str
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
    "view",
]
