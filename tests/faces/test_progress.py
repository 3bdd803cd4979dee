"""The live line: what it shows, and that Ctrl-C is never swallowed."""

import io
import os
import signal
import warnings

import pytest
from rich.console import Console
from sklearn.datasets import load_iris

from retrograd.estimators.classifier import MLPClassifier
from retrograd.faces.progress import CtrlC, LiveProgress


def train(console, solver="adam"):
    X, y = load_iris(return_X_y=True)
    network = MLPClassifier(
        hidden_layer_sizes=(8,),
        solver=solver,
        max_iter=30,
        batch_size=10,
        early_stopping=solver != "lbfgs",
        n_iter_no_change=30,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return network.set_callbacks(LiveProgress(console, CtrlC())).fit(X, y)


def test_a_terminal_shows_the_training(monkeypatch):
    monkeypatch.setattr("retrograd.faces.progress.SECONDS_BETWEEN_DRAWINGS", 0)
    console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    train(console)
    shown = console.file.getvalue()
    for piece in ("epoch 30/30", "loss 0.", "val 0.", "left", "steps/s"):
        assert piece in shown


def test_lbfgs_shows_a_spinner():
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    train(console, "lbfgs")
    assert "starting" in console.file.getvalue()


def test_no_terminal_shows_nothing():
    console = Console(file=io.StringIO(), force_terminal=False)
    train(console)
    assert console.file.getvalue() == ""


@pytest.mark.parametrize("width", [20, 40, 80, 120])
def test_the_line_fits_the_terminal(width):
    progress = LiveProgress(Console(width=width), CtrlC())
    line = progress.facts(epoch=10, epochs=2000, loss=0.123, score=0.5, steps=99999, seconds=9.0)
    assert len(line) < width
    assert line.startswith("epoch 10/2000")
    assert ("steps/s" in line) == (width >= 80)


def test_steps_are_batches_the_last_of_an_epoch_cut_short():
    """Of 47 rows in batches of 10 they are five an epoch."""
    progress = LiveProgress(Console(width=100), CtrlC())
    network = MLPClassifier(batch_size=10, max_iter=9)
    network.n_iter_, network.t_, network.loss_curve_ = 3, 3 * 47, [1.0, 0.5, 0.25]
    assert progress._facts_of(network, 3.0) == ("epoch 3/9  loss 0.2500  ≤ 0:06 left  5 steps/s")


def swallow_ctrl_c():
    """Press Ctrl-C, swallow it as a network does, and ask the callback whether to go on."""
    with CtrlC() as ctrl_c:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            while not ctrl_c.pressed:
                pass
        except KeyboardInterrupt:
            pass
        progress = LiveProgress(Console(file=io.StringIO()), ctrl_c)
        progress.setup(None, None)
        assert progress.on_fit_task_end(None, None) is True


def test_ctrl_c_is_told_even_if_it_was_swallowed():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        swallow_ctrl_c()
    assert signal.getsignal(signal.SIGINT) is before
