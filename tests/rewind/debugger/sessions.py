"""What the tests of the debugger share: a small training, and lines typed into a session."""

import warnings

import numpy as np
import pytest

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.recorder import Recorder
from retrograd.rewind.debugger.track import DebuggerError

X = np.random.default_rng(0).normal(size=(10, 2))
Y = (X[:, 0] > 0).astype(int)
# Steps of 4, 4 and 2 rows: 12 steps.
EPOCHS, STEPS = 4, 12
PHASES = ["forward 0", "forward 1", "loss", "backward 1", "backward 0", "update"]


def record():
    """Record a small training, in memory."""
    recorder = Recorder()
    model = MLPClassifier((3,), activation="tanh", solver="sgd", batch_size=4, max_iter=EPOCHS,
                          learning_rate_init=0.1, random_state=0)  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.set_callbacks(recorder).fit(X, Y)
    return recorder


def texts(session, line):
    """Follow a line; return what it told."""
    return [told.text for told in session.execute(line)]


def place(session, *lines):
    """Follow lines; return where that has led."""
    for line in lines:
        list(session.execute(line))
    return str(session.debugger.here)


def complaint(session, line):
    """Follow a line that cannot be followed; return what it says, having moved nothing."""
    before = session.debugger.here
    with pytest.raises(DebuggerError) as caught:
        list(session.execute(line))
    assert session.debugger.here == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def losses(session):
    """Loss of every step of the run."""
    return [session.debugger.run.at(step).loss for step in range(STEPS)]
