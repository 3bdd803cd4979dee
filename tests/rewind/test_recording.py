"""What a recording leaves out where there is much: losses and checkpoints, each in its own way."""

import threading

import numpy as np
import pytest
from small_runs import classifier, often, record, table

from retrograd.estimators.rewinding import open_run
from retrograd.rewind import recording
from retrograd.rewind.store import Store

AT_THE_END_ALONE = 1e9


@pytest.mark.parametrize("spacing", [0.0, AT_THE_END_ALONE], ids=["each epoch", "at the end"])
@pytest.mark.parametrize("batch_size", [4, 7], ids=["15 steps an epoch", "9 steps an epoch"])
def test_losses_left_are_those_of_their_steps(tmp_path, monkeypatch, spacing, batch_size):
    """Of many, every second, fourth, ... from a commit's first on; each as the step had it."""
    monkeypatch.setattr(recording, "LOSSES_A_COMMIT", 4)
    monkeypatch.setattr(recording, "LOSSES_DENSE", 40)
    with often(spacing):
        model = classifier(max_iter=11, batch_size=batch_size)
        record(tmp_path / "some.retro", model, *table())
    run = open_run(tmp_path / "some.retro")
    steps, losses = run.losses
    np.testing.assert_array_equal(losses, run.watch("loss").values[steps])
    assert (np.diff(steps) > 0).all()
    assert len(steps) < len(run) / 1.5
    commits = run.store.rows("losses", "run = ?", 1, order="step")
    assert len(commits) == (11 if spacing == 0.0 else 1)
    n_steps = 0
    for _, first, stride, n, *_ in commits:
        assert first == n_steps
        here = steps[(steps >= first) & (steps < first + n)]
        assert here.tolist() == list(range(first, first + n, stride))
        assert len(here) <= 2 * 4 + 1
        # Of a long training there are to be few, even if the commit is a short one.
        assert stride >= 1 << ((steps < first).sum() // 40)
        n_steps += n
    assert n_steps == len(run)


@pytest.mark.parametrize("most", [3, 6])
@pytest.mark.parametrize("epochs", range(2, 12))
def test_checkpoints_left_within_a_budget(tmp_path, monkeypatch, epochs, most):
    """The first and the newest are there after each commit, and no more than fit."""
    state = 3 * 31 * np.dtype(float).itemsize  # parameters of 3-4-3, and Adam's two moments
    write, after_commits = Store.write, []

    def write_and_look(store, *arguments, **options):
        written = write(store, *arguments, **options)
        after_commits.append(store.steps_of(1))
        return written

    monkeypatch.setattr(Store, "write", write_and_look)
    with often():
        record(tmp_path / "some.retro", classifier(max_iter=epochs), *table(), budget=most * state)
    run = open_run(tmp_path / "some.retro")
    steps = run.store.steps_of(1)
    assert steps[0] == 0
    assert steps[-1] == len(run) == 4 * epochs
    newest = [steps[-1] for steps in after_commits if steps]
    assert newest == [*range(0, 4 * epochs + 1, 4), 4 * epochs]
    assert all(steps[0] == 0 and len(steps) <= most for steps in after_commits if steps)
    # Each time that they are too many, every other one goes.
    assert min(most, 1 + epochs) / 2 < len(steps) <= most
    assert all(run.at(step).exact for step in steps)


def test_training_does_not_wait_for_its_runs_begin(tmp_path, monkeypatch):
    """The data may take long to write: their run begins while epochs go by, and has them all."""
    trained, begin_run = threading.Event(), Store.begin_run

    def late(self, header, tables):
        assert trained.wait(30), "the training waits for its run"
        return begin_run(self, header, tables)

    def after_steps(self, state, losses, gradient):
        told(self, state, losses, gradient)
        if state.epoch == 4:
            trained.set()

    told = recording.Recording.after_steps
    monkeypatch.setattr(Store, "begin_run", late)
    monkeypatch.setattr(recording.Recording, "after_steps", after_steps)
    path, (X, y) = tmp_path / "some.retro", table()
    with often():
        record(path, classifier(), X, y)
    run = open_run(path)
    assert (run.status, len(run.epochs)) == ("ended", 6)
    assert len(run.store.steps_of(run.number)) == 7
    assert run.verify() is None
