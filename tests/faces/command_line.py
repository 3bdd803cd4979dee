"""What the tests of the command line share: how one is run, and a small recorded training."""

import sys
import warnings
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.recorder import Recorder
from retrograd.faces.cli import app

PENGUINS = Path(__file__).parents[2] / "examples" / "penguins.csv"
COMMAND = [sys.executable, "-m", "retrograd"]
X = np.random.default_rng(0).normal(size=(10, 2))
Y = (X[:, 0] > 0).astype(int)


def run(*args, code=0, typed=""):
    """Run a command line; return what it printed, and what it complained of."""
    result = CliRunner().invoke(app, [str(arg) for arg in args], input=typed)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout, result.stderr


def fail(*args, code=1):
    """Run a command line that fails; return its one line of complaint."""
    out, complaint = run(*args, code=code)
    assert out == ""
    assert complaint.startswith("error: ")
    assert complaint.count("\n") == 1
    return complaint


def record(path, **parameters):
    """Record a small training: 12 steps, unless it diverges."""
    parameters = {
        "activation": "tanh", "solver": "sgd", "batch_size": 4, "max_iter": 4,
        "learning_rate_init": 0.1, "random_state": 0,
    } | parameters  # fmt: skip
    model = MLPClassifier((3,), **parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.set_callbacks(Recorder(path)).fit(X, Y)
