"""Recording in company: in searches, threads, other processes; copied, pickled, read meanwhile."""

import copy
import os
import pickle
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from killing import forked
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from small_runs import classifier, model_numbers, often, record, same, table

from retrograd.engine import trainer
from retrograd.estimators.notebook import MLP
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.rewinding import open_run, open_runs
from retrograd.rewind import recorded
from retrograd.rewind.store import RunFileError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")


def in_child(work: Callable[[], Any]) -> int:
    """Let a forked child do some work, whether it converges or not; its number."""

    def quietly() -> None:
        warnings.simplefilter("ignore", ConvergenceWarning)
        work()

    return forked(quietly)


def ended_well(pid: int) -> bool:
    """Wait for a child; whether it did its work."""
    return os.waitpid(pid, 0)[1] == 0


def assert_whole(path: Any, n_runs: int) -> list:
    """Every run of a file has ended, and replays to its own bits."""
    runs = list(open_runs(path))
    assert len(runs) == n_runs
    for run in runs:
        assert (run.status, run.verify()) == ("ended", None)
        assert len(run.losses[0]) == len(run)
    return runs


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.compiled)])
def test_a_search_over_pipelines(tmp_path, n_jobs):
    """Every fit is a run with its parameters and its place, and the models are the unrecorded."""
    X, y = table()
    grid = {"mlpclassifier__alpha": [0.0, 1.0], "mlpclassifier__max_iter": [2, 3]}

    def search() -> GridSearchCV:
        return GridSearchCV(
            make_pipeline(StandardScaler(), classifier()), grid, cv=2, n_jobs=n_jobs
        )

    path = tmp_path / "search.retro"
    recorded = search().set_callbacks(Recorder(path)).fit(X, y)
    plain = search().fit(X, y)
    np.testing.assert_array_equal(
        recorded.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"]
    )
    best = recorded.best_estimator_[-1]
    assert same(model_numbers(best), model_numbers(plain.best_estimator_[-1]))
    runs = assert_whole(path, 4 * 2 + 1)
    assert same(model_numbers(runs[-1].estimator()), model_numbers(best))
    # Processes begin in any order; the refit, which is the last, stands in no fold.
    found = sorted(
        (run.header.place, *(run.header.estimator["parameters"][name] for name in
                             ("alpha", "max_iter"))) for run in runs[:-1]
    )  # fmt: skip
    assert [place.split(" > ")[2] for place, *_ in found] == [
        f"GridSearchCV candidate {candidate} fold {fold}"
        for candidate in range(4) for fold in range(2)
    ]  # fmt: skip
    assert all(place.startswith("GridSearchCV fit") for place, *_ in found)
    asked = [(alpha, n) for alpha in (0.0, 1.0) for n in (2, 3) for _ in range(2)]
    assert [tuple(parameters) for _, *parameters in found] == asked
    assert runs[-1].header.place.startswith("GridSearchCV fit")
    with pytest.raises(ValueError, match="has 9 runs: name one") as caught:
        open_run(path)
    assert runs[3].header.place in str(caught.value)


def test_a_search_in_a_search():
    """Each numbers its own candidates and folds."""
    X, y = table()
    inner = GridSearchCV(classifier(), {"alpha": [0.0, 1.0]}, cv=3)
    outer = GridSearchCV(inner, {"estimator__max_iter": [2, 3]}, cv=2)
    outer.set_callbacks(recorder := Recorder()).fit(X, y)
    places = [run.header.place.split(" > ")[2:] for run in open_runs(recorder)]
    name = "GridSearchCV candidate {} fold {}"
    assert [place for place in places if len(place) == 3][:24] == [
        [name.format(c, f), "GridSearchCV search 0", name.format(k, g)]
        for c in range(2) for f in range(2) for k in range(2) for g in range(3)
    ][:24]  # fmt: skip
    assert len(places) == 5 * 7


def test_a_pipeline_hands_it_down(tmp_path):
    """From the pipeline to the network; on the network inside it, scikit-learn refuses it."""
    X, y = table()
    recorder = Recorder(tmp_path / "pipe.retro")
    model = make_pipeline(StandardScaler(), classifier()).set_callbacks(recorder).fit(X, y)
    (run,) = assert_whole(recorder, 1)
    assert same(model_numbers(run.estimator()), model_numbers(model[-1]))
    assert "Pipeline" in run.header.place
    inside = make_pipeline(StandardScaler(), classifier().set_callbacks(recorder))
    with pytest.raises(TypeError, match="Register them directly on the meta-estimator"):
        inside.fit(X, y)


@pytest.mark.compiled
def test_memory_does_not_go_to_other_processes():
    """And says what does."""
    X, y = table()
    search = GridSearchCV(classifier(), {"alpha": [0.0, 1.0]}, cv=2, n_jobs=2)
    with pytest.raises(pickle.PicklingError) as caught:
        search.set_callbacks(Recorder()).fit(X, y)
    told = "".join(traceback.format_exception(caught.value))
    assert "give it a path, as in Recorder('search.retro')" in told
    search.set_params(n_jobs=1).set_callbacks(recorder := Recorder()).fit(X, y)
    assert_whole(recorder, 5)


def test_memory_serves_many_fits():
    """One recorder without a path, used again: a run each."""
    recorder = Recorder()
    models = [record_with(recorder, classifier(alpha=alpha)) for alpha in (0.0, 0.1)]
    for run, model in zip(assert_whole(recorder, 2), models, strict=True):
        assert same(model_numbers(run.estimator()), model_numbers(model))


def record_with(recorder: Recorder, model: Any) -> Any:
    """Fit a model, recorded by a recorder that is there."""
    return model.set_callbacks(recorder).fit(*table())


@pytest.mark.parametrize("where", ["file", "memory"])
def test_two_threads_into_one_file(tmp_path, where):
    """Each run is as if it had been alone."""
    recorder = Recorder(tmp_path / "two.retro" if where == "file" else None)
    models = [classifier(random_state=seed, max_iter=40) for seed in range(3)]
    with often():
        threads = [threading.Thread(target=record_with, args=(recorder, m)) for m in models]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    runs = {run.header.estimator["seed"]: run for run in assert_whole(recorder, 3)}
    for seed, model in enumerate(models):
        alone = classifier(random_state=seed, max_iter=40).fit(*table())
        assert same(model_numbers(runs[seed].estimator()), model_numbers(model))
        assert same(model_numbers(model), model_numbers(alone))


@needs_fork
@pytest.mark.compiled
def test_forks_while_the_file_is_read_and_written(tmp_path):
    """Children record into a file that their parent has open, and is writing to in a thread."""
    path = tmp_path / "family.retro"
    record(path, classifier(), *table())
    mine = open_run(path)
    before = model_numbers(mine.at(7).estimator())

    def child() -> None:
        record(path, classifier(random_state=1, max_iter=30), *table())
        # What it has inherited it can read, by a connection of its own.
        assert same(model_numbers(mine.at(7).estimator()), before)
        assert mine.refresh().verify() is None

    with often():
        long = classifier(random_state=2, max_iter=300, tol=0.0)
        thread = threading.Thread(target=record, args=(path, long, *table()))
        thread.start()
        children = []
        for _ in range(4):
            children.append(in_child(child))
            time.sleep(0.01)
        thread.join()
        assert all([ended_well(pid) for pid in children])
    assert_whole(path, 6)
    assert same(model_numbers(mine.at(7).estimator()), before)


N_PAUSES = 5


class Pausing:
    """A callback that at the end of some epochs says so through a pipe, and waits for an answer."""

    def __init__(self, epochs: list[int], says: int, hears: int) -> None:
        self.epochs, self.says, self.hears = epochs, says, hears

    def setup(self, estimator, context):
        """Start."""

    def teardown(self, estimator, context):
        """End."""

    def on_fit_task_begin(self, estimator, context):
        """Nothing."""

    def on_fit_task_end(self, estimator, context):
        """Wait, if it is time."""
        if context.task_name == "epoch" and estimator.n_iter_ in self.epochs:
            os.write(self.says, b"!")
            os.read(self.hears, 1)
        return False


@needs_fork
@pytest.mark.compiled
def test_reading_while_another_process_records(tmp_path, monkeypatch):
    """The number of steps grows, all that is read is right, though checkpoints are thinned out."""
    monkeypatch.setattr(trainer, "CALL_WORK", 1 << 16)
    path = tmp_path / "growing.retro"
    X, y = table(400)
    options: dict = dict(max_iter=3000, tol=0.0, n_iter_no_change=5000, random_state=4)

    (pauses, says), (hears, goes_on) = os.pipe(), os.pipe()

    def train() -> None:
        recorder = Recorder(path, budget=4000)
        pausing = Pausing([100 * (k + 1) for k in range(N_PAUSES)], says, hears)
        with often(0.002):
            classifier(**options).set_callbacks(recorder, pausing).fit(X, y)

    child = in_child(train)
    os.close(says)
    lengths, kept, run = [], set(), None
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        # At first a look while it pauses, and one while it goes on, by turns; then as they come.
        if len(lengths) < 2 * N_PAUSES:
            os.write(goes_on, b"!") if len(lengths) % 2 else os.read(pauses, 1)
        run = run.refresh() if run is not None and len(lengths) % 5 else open_run(path)
        lengths.append(len(run))
        kept.add(len(run.store.steps_of(1)))
        assert run.at(len(run) // 3).exact
        assert len(run.losses[0]) > 0 or len(run) == 0
        if len(lengths) % 10 == 0:
            assert run.verify() is None
        if run.status == "ended":
            break
    assert ended_well(child)
    assert run.status == "ended"
    assert lengths == sorted(lengths)
    assert len(set(lengths[::2])) >= N_PAUSES
    assert max(kept) <= 4000 // 500 + 3
    record(None, alone := classifier(**options), X, y)
    assert same(model_numbers(run.estimator()), model_numbers(alone))


def test_looking_again_by_two_threads(tmp_path, monkeypatch):
    """They learn of the new epochs once, in their order, though each comes amid the other."""
    path = tmp_path / "grown.retro"
    with often():
        record(path, classifier(max_iter=9, tol=0.0, early_stopping=True), *table())
    whole, run = open_run(path), open_run(path)
    run.epochs, run.curves = run.epochs[:3], run.curves[:3]
    join = recorded.join_epochs
    monkeypatch.setattr(recorded, "join_epochs", lambda *given: (time.sleep(0.05), join(*given))[1])
    threads = [threading.Thread(target=run.refresh) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert run.epochs == whole.epochs
    assert len(run.epochs) == 9
    told = [(epoch.step, epoch.loss, epoch.score, epoch.learning_rate) for epoch in whole.epochs]
    assert np.array_equal(run.curves, np.array(told))
    assert np.array_equal(whole.curves, np.array(told))


def test_the_same_run_recorded_twice_at_once(tmp_path):
    """Whoever resumes a run that is still being recorded does it no harm."""
    path = tmp_path / "alive.retro"
    model = classifier(max_iter=12, tol=0.0, n_iter_no_change=100)
    resumed = []

    class Meddler:
        """A callback that resumes the run which it is in."""

        def setup(self, estimator, context):
            """Start."""

        def teardown(self, estimator, context):
            """End."""

        def on_fit_task_begin(self, estimator, context):
            """Nothing."""

        def on_fit_task_end(self, estimator, context):
            """Once, after some epochs."""
            if estimator.n_iter_ == 6 and not resumed:
                wait_for(path, 20)
                resumed.append(open_run(path).resume())
            return False

    with often(), pytest.warns(UserWarning, match="is being recorded elsewhere, too"):
        model.set_callbacks(Recorder(path), Meddler()).fit(*table())
    assert same(model_numbers(resumed[0]), model_numbers(model))
    (run,) = assert_whole(path, 1)
    assert same(model_numbers(run.estimator()), model_numbers(model))


def wait_for(path: Path, steps: int) -> None:
    """Until so many steps are committed."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(RunFileError):  # not begun
            if len(open_run(path)) >= steps:
                return
        time.sleep(0.001)


def test_set_twice(tmp_path):
    """It is recorded twice, and whole both times."""
    recorder = Recorder(tmp_path / "twice.retro")
    model = classifier().set_callbacks(recorder, Recorder(recorder.path)).fit(*table())
    for run in assert_whole(recorder, 2):
        assert same(model_numbers(run.estimator()), model_numbers(model))


def test_warm_starts(tmp_path):
    """Each fit is a run, which goes on where the last one has ended."""
    X, y = table()
    model = classifier(warm_start=True, max_iter=3).set_callbacks(Recorder(tmp_path / "w.retro"))
    numbers = [model_numbers(model.fit(X, y)) for _ in range(3)]
    runs = assert_whole(tmp_path / "w.retro", 3)
    for run, expected in zip(runs, numbers, strict=True):
        assert same(model_numbers(run.estimator()), expected)
    for run, later in pairwise(runs):
        np.testing.assert_array_equal(run[-1].coefs[0], later[0].coefs[0])
        assert later.header.course["first_step"] == run.header.course["first_step"] + len(run)


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.compiled)])
def test_inside_an_ensemble(tmp_path, n_jobs):
    """Clones, here or in other processes, are recorded where the original would be."""
    X, y = table()
    recorder = Recorder(tmp_path / "bag.retro")
    bag = BaggingClassifier(classifier().set_callbacks(recorder), 3, n_jobs=n_jobs, random_state=0)
    bag.fit(X, y)
    found = [model_numbers(run.estimator()) for run in assert_whole(recorder, 3)]
    for model in bag.estimators_:
        assert any(same(model_numbers(model), numbers) for numbers in found)
    memory = Recorder()
    MultiOutputClassifier(classifier().set_callbacks(memory)).fit(X, np.column_stack([y, y > 0]))
    assert_whole(memory, 2)


def test_copies_and_pickles(tmp_path):
    """A fitted estimator goes anywhere with its recorder, if that has a path."""
    X, y = table()
    model = classifier().set_callbacks(Recorder(tmp_path / "some.retro")).fit(X, y)
    for k, other in enumerate([pickle.loads(pickle.dumps(model)), copy.deepcopy(model),
                               copy.copy(model), clone(model)]):  # fmt: skip
        other.fit(X, y)
        assert same(model_numbers(other), model_numbers(model))
        assert_whole(tmp_path / "some.retro", k + 2)
    memory = Recorder()
    model = classifier().set_callbacks(memory).fit(X, y)
    with pytest.raises(ValueError, match="keeps its runs in this process's memory"):
        pickle.dumps(model)
    for k, other in enumerate([copy.deepcopy(model), copy.copy(model), clone(model)]):
        other.fit(X, y)
        assert_whole(memory, k + 2)
    pickle.dumps(model.set_callbacks())


def test_parameters_of_numpys_types(tmp_path):
    """As grids have them."""
    model = classifier(max_iter=np.int64(3), alpha=np.float32(0.1), batch_size=np.int32(20),
                       learning_rate_init=np.float64(0.01), shuffle=np.bool_(True),
                       hidden_layer_sizes=np.array([3, 2]), random_state=np.int64(3))  # fmt: skip
    record(tmp_path / "some.retro", model, *table())
    (run,) = assert_whole(tmp_path / "some.retro", 1)
    np.testing.assert_array_equal(run.estimator().coefs_[0], model.coefs_[0])


def test_the_notebooks_class_in_company(tmp_path):
    """Its draws are the global generator's; recording takes none."""
    X, y = table()
    models = []
    for recorder in (None, Recorder(), Recorder(tmp_path / "some.retro")):
        np.random.seed(5)
        model = MLP(epochs=3).fit(X, (y > 0).astype(int), recorder=recorder)
        models.append((model_numbers(model), np.random.get_state()[1].tolist()))
    assert all(same(found, models[0]) for found in models)
    assert_whole(tmp_path / "some.retro", 1)
