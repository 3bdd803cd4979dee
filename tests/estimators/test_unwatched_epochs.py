"""Epochs of small networks are trained without a look between them: nobody can tell."""

import math

import numpy as np
import pytest
from tasks import make_task, pair

from retrograd import Recorder, open_run
from retrograd.engine.divergence import DivergenceError
from retrograd.engine.trainer import STEP_WORK, Trainer
from retrograd.estimators import fitting
from retrograd.rewind import recording

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

WAYS = {
    "to the end": {"max_iter": 23, "n_iter_no_change": 100},
    "one epoch": {"max_iter": 1},
    "until it stalls": {"max_iter": 300, "n_iter_no_change": 3, "tol": 0.01},
    "stalls at once": {"max_iter": 300, "n_iter_no_change": 1, "tol": 10.0},
    "adaptive": {"max_iter": 60, "solver": "sgd", "learning_rate": "adaptive", "tol": 0.05,
                 "n_iter_no_change": 2},
    "invscaling": {"max_iter": 15, "solver": "sgd", "learning_rate": "invscaling"},
    "cosine": {"max_iter": 15, "learning_rate": "cosine"},
    "one cycle, stalls after it": {"max_iter": 40, "learning_rate": "one_cycle", "tol": 10.0,
                                   "n_iter_no_change": 2},
    "in order": {"max_iter": 15, "shuffle": False},
}  # fmt: skip


@pytest.fixture
def planned(monkeypatch):
    """How many epochs are trained together, time after time."""
    epochs, numbers = Trainer.epochs, []

    def seen(self, course, n):
        numbers.append(n)
        return epochs(self, course, n)

    monkeypatch.setattr(Trainer, "epochs", seen)
    return numbers


def fitted(task, **parameters):
    """Estimator, fitted twice: the second time it goes on from where it was."""
    model, _ = pair(task, hidden_layer_sizes=(6,), batch_size=16, random_state=0, warm_start=True,
                    **parameters)  # fmt: skip
    X, y = make_task(task)
    numbers = []
    for _ in range(2):
        model.fit(X, y)
        parts = [part.tobytes() for part in model.coefs_ + model.intercepts_]
        numbers.append((parts, model.loss_curve_, model.best_loss_, model.n_iter_, model.t_))
    return numbers


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_same_bits(task, way, monkeypatch):
    """Parameters, curve, counts and the epoch it stops at are those of one epoch after another."""
    unwatched = fitted(task, **WAYS[way])
    planned = []
    monkeypatch.setattr(fitting, "UNWATCHED_WORK", 0)
    monkeypatch.setattr(fitting.Training, "_note", noted(planned, fitting.Training._note))
    assert fitted(task, **WAYS[way]) == unwatched
    assert len(planned) == sum(n_iter for *_, n_iter, _ in unwatched)


def noted(planned, note):
    """``note``, which also counts its calls."""

    def count(self, loss, epoch):
        planned.append(loss)
        return note(self, loss, epoch)

    return count


def test_divergence_names_its_epoch(monkeypatch):
    """Amid epochs that were planned together, too."""
    told = []
    for work in (fitting.UNWATCHED_WORK, 0):
        monkeypatch.setattr(fitting, "UNWATCHED_WORK", work)
        with pytest.raises(DivergenceError) as raised:
            fitted("binary", solver="sgd", learning_rate_init=60.0, alpha=10.0,
                   activation="identity", max_iter=400, n_iter_no_change=400)  # fmt: skip
        told.append((raised.value.step, raised.value.epoch, raised.value.place, str(raised.value)))
    assert told[0] == told[1]
    assert told[0][1] > 1


@pytest.mark.parametrize("way", WAYS)
def test_recorded_as_one_by_one(way, monkeypatch):
    """A recording has the same epochs, losses and end, and what it keeps fits together."""
    told = []
    for work in (fitting.UNWATCHED_WORK, 0):
        monkeypatch.setattr(fitting, "UNWATCHED_WORK", work)
        recorder = Recorder()
        model, _ = pair("binary", hidden_layer_sizes=(6,), batch_size=16, random_state=0,
                        **WAYS[way])  # fmt: skip
        model.set_callbacks(recorder).fit(*make_task("binary"))
        run = open_run(recorder)
        assert run.verify() is None
        assert np.concatenate([part.ravel() for part in model.coefs_]).tobytes() == (
            np.concatenate([part.ravel() for part in run[-1].coefs]).tobytes()
        )
        told.append((len(run), run.status, run.epochs, run.losses[1].tobytes()))
    assert told[0] == told[1]


def test_a_recorded_divergence(monkeypatch):
    """It ends at the step that diverged, the epochs before it are there, and rows count once."""
    monkeypatch.setattr(recording, "SPACING", 0.0)
    monkeypatch.setattr(recording, "COST_FACTOR", 0)
    recorder = Recorder()
    model, _ = pair("binary", hidden_layer_sizes=(6,), batch_size=16, random_state=0, solver="sgd",
                    learning_rate_init=60.0, alpha=10.0, activation="identity", max_iter=400,
                    n_iter_no_change=400)  # fmt: skip
    with pytest.raises(DivergenceError) as raised:
        model.set_callbacks(recorder).fit(*make_task("binary"))
    run = open_run(recorder)
    assert (run.status, len(run)) == ("diverged", raised.value.step)
    assert len(run.epochs) == raised.value.epoch > 1
    assert run[-1].trace().trouble == raised.value.place
    for epoch in range(len(run.epochs)):
        assert run.at(epoch=epoch).state().samples_seen == 47 * epoch


def test_who_watches_is_told_of_every_epoch(capsys):
    """``verbose`` prints them all, in their order."""
    fitted("binary", max_iter=5, verbose=True)
    lines = [line for line in capsys.readouterr().out.splitlines() if "loss" in line]
    assert [line.split(",")[0] for line in lines] == [f"Iteration {n}" for n in (1, 2, 3, 4, 5)] * 2


def test_epochs_that_take_long_are_looked_at(planned, monkeypatch):
    """Ctrl-C is not to wait for many of them."""
    X = np.random.default_rng(0).normal(size=(300, 4))
    an_epoch = 3 * 300 * 61 + STEP_WORK  # one step of 300 rows, 61 parameters
    # What an epoch takes is known once one was trained.
    for work, seconds, expected in (
        (100 * an_epoch, 1e9, [1, 7]), (3 * an_epoch, 1e9, [1, 3, 3, 1]), (0, 1e9, [1] * 8),
        (100 * an_epoch, 0.0, [1] * 8),
    ):  # fmt: skip
        monkeypatch.setattr(fitting, "UNWATCHED_WORK", work)
        monkeypatch.setattr(fitting, "UNWATCHED_SECONDS", seconds)
        planned.clear()
        model, _ = pair("regression", hidden_layer_sizes=(10,), batch_size=300, max_iter=8,
                        n_iter_no_change=20)  # fmt: skip
        model.fit(X, X[:, 0])
        assert planned == expected


def test_recorded_epochs_end_when_a_checkpoint_is_due(planned, monkeypatch):
    """Together they take as long as is left until then, or equal parts of it if that is long."""
    always = property(lambda self: 0.01, lambda self, seconds: None)
    monkeypatch.setattr(fitting.Training, "_seconds_an_epoch", always, raising=False)
    monkeypatch.setattr(fitting, "UNWATCHED_SECONDS", 0.2)
    for left, expected in (
        (0.0, [1] * 40), (0.05, [5] * 8), (0.25, [25, 15]), (0.32, [16, 16, 8]), (9.0, [20, 20]),
        (math.inf, [20, 20]),  # of one that was given up
    ):  # fmt: skip
        due = property(lambda self, left=left: left)
        monkeypatch.setattr(recording.Recording, "seconds_left", due)
        planned.clear()
        model, _ = pair("binary", hidden_layer_sizes=(6,), random_state=0, max_iter=40,
                        n_iter_no_change=400)  # fmt: skip
        model.set_callbacks(Recorder()).fit(*make_task("binary"))
        assert planned == expected
