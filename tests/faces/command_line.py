"""What the tests of the command line share: how one is run, and a small recorded training."""

import re
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


# What a command that is watched says once it is where it is to be.
UNDER_WAY = "under way"
WATCHED = """
from importlib import import_module
from retrograd.faces.cli import main

owner, name, left = getattr(import_module({module!r}), {owner!r}), {name!r}, {times}
function = getattr(owner, name)

def watched(*arguments, **options):
    global left
    left -= 1
    if left == 0:
        print({said!r}, flush=True)
    return function(*arguments, **options)

setattr(owner, name, watched)
main()
"""


def watching(place, times):
    """Begin of a command that says so when it calls what is at a place for the n-th time."""
    module, owner, name = place.rsplit(".", 2)
    code = WATCHED.format(module=module, owner=owner, name=name, times=times, said=UNDER_WAY)
    return [sys.executable, "-c", code]


def run(*args, code=0, typed=""):
    """Run a command line; return what it printed, and what it complained of."""
    result = CliRunner().invoke(app, [str(arg) for arg in args], input=typed)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout, without_compiling(result.stderr)


def without_compiling(complaint):
    """What a command complains of, but for the kernels that a machine's first ones compile."""
    return re.sub(r"retrograd: compiling .*\n", "", complaint)


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
