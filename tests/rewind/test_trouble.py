"""Trouble while a training is recorded, or read: what is told, and what is left."""

import math
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from small_runs import (
    classifier,
    contents,
    model_numbers,
    often,
    record,
    record_all,
    regressor,
    same,
    table,
)

from retrograd.estimators.notebook import MLP
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.rewinding import open_run, open_runs
from retrograd.rewind import recording
from retrograd.rewind.recording import Recording, RecordingWarning
from retrograd.rewind.store import RunFileError, Store
from rights import needs_rights, open_folder, unprivileged

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class AtEpoch:
    """A callback that raises something at the end of an epoch."""

    def __init__(self, epoch: int, what: Any) -> None:
        self.epoch, self.what = epoch, what

    def setup(self, estimator, context):
        """Start."""

    def teardown(self, estimator, context):
        """End."""

    def on_fit_task_begin(self, estimator, context):
        """Nothing."""

    def on_fit_task_end(self, estimator, context):
        """Raise, if it is time."""
        if estimator.n_iter_ == self.epoch and context.task_name == "epoch":
            raise self.what
        return False


@contextmanager
def disk_of(pages: int) -> Iterator[None]:
    """A disk with room for so many pages of a file: SQLite's own limit gives SQLite's own error."""
    make = Store.__init__

    def made(self: Store, *arguments: Any, **options: Any) -> None:
        make(self, *arguments, **options)
        self._connection.run(f"PRAGMA max_page_count = {pages}")

    Store.__init__ = made  # type: ignore[method-assign]
    try:
        yield
    finally:
        Store.__init__ = make  # type: ignore[method-assign]


@pytest.mark.parametrize("kind", ["classifier", "notebook"])
def test_a_full_disk(tmp_path, kind):
    """The training goes on, one warning says so, and all up to the last commit is there."""
    X, y = table()
    path = tmp_path / "some.retro"

    def fit(recorder: Any) -> Any:
        if kind == "classifier":
            model = classifier(max_iter=100, tol=0.0, n_iter_no_change=1000)
            return model.set_callbacks(*([recorder] if recorder else [])).fit(X, y)
        np.random.seed(0)
        return MLP(epochs=3000).fit(X, (y > 0).astype(int), recorder=recorder)

    with (
        often(),
        disk_of(24 if kind == "classifier" else 80),
        warnings.catch_warnings(record=True) as told,
    ):
        warnings.simplefilter("always", RecordingWarning)
        model = fit(Recorder(path))
    (warning,) = [one for one in told if issubclass(one.category, RecordingWarning)]
    assert "recorded no further" in str(warning.message)
    assert "the disk is full" in str(warning.message)
    assert same(model_numbers(model), model_numbers(fit(None)))
    run = open_run(path)
    assert run.status == "running"
    assert 0 < len(run) < (400 if kind == "classifier" else 180_000)
    assert run.verify() is None
    assert len(run.losses[0]) > 0
    assert not list(tmp_path.glob("*-journal")) or os.path.getsize(f"{path}-journal") == 0
    assert same(model_numbers(run.resume()), model_numbers(model))


def test_a_disk_that_is_full_from_the_start(tmp_path):
    """Nothing is lost yet: the fit says so, instead of training unrecorded for hours."""
    path = tmp_path / "some.retro"
    record(path, classifier(), *table())
    before = path.read_bytes()
    pages = int.from_bytes(before[28:32], "big")
    with disk_of(pages), warnings.catch_warnings():
        warnings.simplefilter("ignore", RecordingWarning)
        model = classifier(random_state=1).set_callbacks(Recorder(path))
        with suppress(RunFileError):
            model.fit(*table())
    assert open_runs(path)[0].verify() is None


def test_an_error_of_another_kind(tmp_path, monkeypatch):
    """Whatever goes wrong in the writer, the training is not its victim."""
    write = Store.write
    calls = []

    def fails(self: Store, *arguments: Any, **named: Any) -> bool:
        calls.append(1)
        if len(calls) > 5:
            raise MemoryError("no room")
        return write(self, *arguments, **named)

    monkeypatch.setattr(Store, "write", fails)
    give_up, given_up = Recording._give_up, []
    monkeypatch.setattr(
        Recording, "_give_up", lambda self, error: (given_up.append(self), give_up(self, error))
    )
    model = classifier(max_iter=30)
    with often(), pytest.warns(RecordingWarning, match="no room"):
        model.set_callbacks(Recorder(tmp_path / "some.retro")).fit(*table())
    assert model.n_iter_ == 30
    assert given_up[0].seconds_left == math.inf  # nothing is due any more
    assert open_run(tmp_path / "some.retro").verify() is None


class DoneAtEpoch(AtEpoch):
    """A callback that does something at the end of an epoch."""

    def on_fit_task_end(self, estimator, context):
        """Do it, if it is time."""
        if estimator.n_iter_ == self.epoch and context.task_name == "epoch":
            self.what()
        return False


@pytest.mark.skipif(os.name == "nt", reason="Windows lets no open file go")
@pytest.mark.parametrize("spacing", [0.0, 1e6])
@pytest.mark.parametrize("to", [None, "elsewhere.retro"])
def test_a_file_that_goes_away(tmp_path, to, spacing):
    """Moved or deleted amid the training, at a checkpoint or only at the end: it is told."""
    path = tmp_path / "some.retro"
    vanish = DoneAtEpoch(10, (lambda: path.rename(tmp_path / to)) if to else path.unlink)
    model = classifier(max_iter=30)
    with (
        often(spacing),
        pytest.warns(RecordingWarning, match=r"some\.retro was moved or deleted while"),
    ):
        model.set_callbacks(Recorder(path), vanish).fit(*table())
    assert model.n_iter_ == 30
    assert [one.name for one in tmp_path.iterdir()] == ([to] if to else [])
    if to:  # whether or not its first commit came in time
        assert len(open_runs(tmp_path / to)) <= 1


@needs_rights
def test_without_the_right_to_write():
    """A file can be read without it; a recorder says at once that it lacks it."""
    with open_folder() as folder:
        path = folder / "some.retro"
        record_all(path)
        expected = contents(path)
        with unprivileged(folder):
            assert same(contents(path), expected)
            for place in (path, folder / "new.retro"):
                with pytest.raises(RunFileError, match="no right"):
                    Recorder(place)
            with pytest.raises(RunFileError, match="see the rights of the file and its folder"):
                open_run(path, 1).branch(at=3, alpha=0.1)


def test_an_error_in_another_callback(tmp_path):
    """The run has failed, its note says of what, and it can be gone on with."""
    path = tmp_path / "some.retro"
    model = classifier().set_callbacks(Recorder(path), AtEpoch(4, RuntimeError("en\nough \udc80")))
    with pytest.raises(RuntimeError, match="ough"):
        model.fit(*table())
    run = open_run(path)
    assert (run.status, run.note) == ("failed", "RuntimeError: en\nough \\udc80")
    assert (len(run), len(run.epochs), run.verify()) == (16, 4, None)
    assert same(model_numbers(run.resume()), model_numbers(classifier().fit(*table())))
    assert open_run(path).status == "ended"


def test_an_interrupt_by_a_callback(tmp_path):
    """Ctrl-C: what was learned stays, the run is resumable, and ends as if nothing had been."""
    path = tmp_path / "some.retro"
    model = classifier(early_stopping=True, n_iter_no_change=20)
    model.set_callbacks(Recorder(path), AtEpoch(3, KeyboardInterrupt()))
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model.fit(*table())
    run = open_run(path)
    assert (run.status, len(run.epochs), run.verify()) == ("interrupted", 3, None)
    assert same(model_numbers(run.estimator()), model_numbers(model))
    alone = classifier(early_stopping=True, n_iter_no_change=20).fit(*table())
    assert same(model_numbers(run.resume()), model_numbers(alone))


def lines_of(work: Callable[..., Any], *arguments: Any, last: int = -1) -> int:
    """Lines of Python that some work runs; at the one of this number Ctrl-C is pressed."""
    n, before = 0, sys.gettrace()

    def count(*event: Any) -> Any:
        nonlocal n
        n += 1
        if n == last:
            signal.raise_signal(signal.SIGINT)
        return count

    sys.settrace(count)
    try:
        work(*arguments)
    finally:
        sys.settrace(before)
    return n


@pytest.mark.compiled
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_interrupts_at_any_moment(tmp_path):
    """Between any two lines: a state is never written under another one's step."""
    X, y = table()
    options: dict = dict(max_iter=40, tol=0.0, n_iter_no_change=1000)
    alone = model_numbers(classifier(**options).fit(X, y))
    with often():
        record(tmp_path / "first.retro", classifier(**options), X, y)  # which loads modules, too
        n_lines = lines_of(record, tmp_path / "whole.retro", classifier(**options), X, y)
    rng = np.random.default_rng(0)
    statuses = []
    for k in range(25):
        path = tmp_path / f"{k}.retro"
        model = classifier(**options).set_callbacks(Recorder(path))
        with often(), warnings.catch_warnings(), suppress(KeyboardInterrupt):
            warnings.simplefilter("ignore")
            lines_of(model.fit, X, y, last=int(rng.integers(n_lines)))
        try:
            run = open_runs(path)[0]
        except (RunFileError, IndexError):  # before anything, or all, was written
            continue
        statuses.append(run.status)
        assert run.verify() is None
        assert len(run.losses[0]) > 0 or len(run) == 0
        assert same(model_numbers(run.resume()), alone)
        assert open_run(path).verify() is None
    assert statuses.count("interrupted") > 5


def test_other_data_than_recorded(tmp_path):
    """Refused, and it says which part; the recorded ones, however they come, are welcome."""
    X, y = table()
    labels, weight = np.array(["no", "perhaps", "yes"])[y], np.linspace(0.5, 1.0, len(y))
    path = tmp_path / "some.retro"
    recorder = Recorder(path, keep_data=False)
    classifier().set_callbacks(recorder).fit(X, labels, weight)
    other, relabelled = X.copy(), labels.copy()
    other[7, 1] += 1e-12
    relabelled[3] = "no" if labels[3] != "no" else "yes"
    for data, told in [
        ((other, labels, weight), "X is not what run 1"),
        ((X, relabelled, weight), "y is not what run 1"),
        ((X, labels, weight + 1e-9), "sample_weight is not what run 1"),
        ((X, labels), "sample_weight is not what run 1"),
        ((X[:-1], labels[:-1], weight[:-1]), "X is not what"),
        ((X[:, :2], labels, weight), "features"),
        ((X, y, weight), "y"),
        ((X, labels[:-1], weight), "inconsistent numbers of samples"),
        ((X.astype(np.float32), labels, weight), "X is not what"),
        ((np.where(X > 2, np.nan, X), labels, weight), "NaN"),
        ((X, labels, weight[:-1]), "sample weights were expected"),
        ((scipy.sparse.csr_array(X), labels, weight), "X is not what"),
        ((X,), "must be"),
        ("Xy", "must be"),
        ((None, labels, weight), "data"),
    ]:
        with pytest.raises(RunFileError, match=told):
            open_run(path, data=data)
    run = open_run(path, data=(X.tolist(), labels.tolist(), weight.tolist()))
    assert run.verify() is None


def test_data_are_not_kept(tmp_path):
    """What needs none goes without; the rest says what to do, and then it works."""
    X, _ = table()
    path = tmp_path / "some.retro"
    with often():
        model = regressor()
        record(path, model, X, X[:, 0], keep_data=False)
    run = open_run(path)
    assert (run.status, len(run), len(run.epochs)) == ("ended", 12, 4)
    assert same(model_numbers(run.estimator()), model_numbers(model))
    assert run.at(6).coefs[0].shape == (3, 3)  # a checkpoint
    assert len(run.losses[0]) == 12
    advice = r"pass them, as open_run\(path, data=\(X, y\)\)"
    for question in (lambda: run.at(5).coefs, lambda: run.at(6).trace(), run.verify,
                     lambda: run.at(7).exact, lambda: run.first("loss > 0"),
                     lambda: run.branch(at=3, alpha=0.1)):  # fmt: skip
        with pytest.raises(RunFileError, match=advice):
            question()
    given = open_run(path, data=(X, X[:, 0]))
    assert given.verify() is None
    assert given.at(5).trace().loss > 0
    with pytest.warns(UserWarning, match="Maximum iterations"):
        assert given.branch(at=3, alpha=0.1).verify() is None


def test_data_too_large_for_a_row(tmp_path, monkeypatch):
    """It is told at the begin, with the way out."""
    monkeypatch.setattr(recording, "LARGEST_BLOB", 1000)
    with pytest.raises(RunFileError, match="keep_data=False leaves the data out"):
        record(tmp_path / "some.retro", classifier(), *table(), keep_data=True)
    monkeypatch.setattr(recording, "LARGEST_BLOB", 100)
    with pytest.raises(RunFileError, match="a state of this network takes"):
        record(tmp_path / "some.retro", classifier(), *table(), keep_data=False)


def test_a_training_that_diverges(tmp_path):
    """The run says where; there is nothing to resume, and it says what to do instead."""
    path = tmp_path / "some.retro"
    X, _ = table()
    model = regressor(learning_rate_init=1e6, activation="identity", max_iter=200)
    with often(), np.errstate(all="ignore"), pytest.raises(ValueError, match="NaN or infinity"):
        record(path, model, X, 1e3 * X[:, 0])
    run = open_run(path)
    assert (run.status, run.verify()) == ("diverged", None)
    assert run.note
    with pytest.raises(RunFileError, match=r"train on otherwise with run\.branch"):
        run.resume()
    assert len(run.losses[0]) == len(run)


@pytest.mark.parametrize("budget", [0, 1, 2000])
def test_a_tiny_budget(tmp_path, budget):
    """Every other checkpoint goes, never the first or the last; every step can be reached."""
    X, y = table()
    path = tmp_path / "some.retro"
    model = classifier(max_iter=40, tol=0.0, n_iter_no_change=100)
    with often():
        record(path, model, X, y, budget=budget)
    run = open_run(path)
    steps = run.store.steps_of(1)
    state = (steps and run.replay.checkpoint(0).theta.nbytes) * 3  # two slots of Adam's
    assert steps[0] == 0
    assert steps[-1] == len(run) == 160
    assert len(steps) <= max(3, budget // state)
    with often():
        branch = run.branch(8)
    assert len(branch.store.steps_of(branch.number)) <= max(3, budget // state)
    assert run.verify() is None
    reached = classifier(max_iter=1, warm_start=True, tol=0.0, n_iter_no_change=100)
    for epoch in range(40):
        reached.fit(X, y)
        np.testing.assert_array_equal(run.at(epoch=epoch + 1).coefs[0] if epoch < 39
                                      else run[-1].coefs[0], reached.coefs_[0])  # fmt: skip
