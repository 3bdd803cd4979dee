"""Small recorded trainings, all that is in a file of them, and files forged from one."""

import json
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.exceptions import ConvergenceWarning

from retrograd.engine.network import Network
from retrograd.estimators import fitting
from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.notebook import MLP
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.regressor import MLPRegressor
from retrograd.estimators.rewinding import open_runs
from retrograd.rewind import recording, schema


@contextmanager
def often(spacing: float = 0.0, factor: float = 0.0) -> Iterator[None]:
    """Report every epoch, and take a checkpoint then, however slow the disk is."""
    before = recording.SPACING, recording.COST_FACTOR, recording.WAITING, fitting.UNWATCHED_WORK
    recording.SPACING, recording.COST_FACTOR, recording.WAITING = spacing, factor, 1 << 30
    fitting.UNWATCHED_WORK = 0
    try:
        yield
    finally:
        recording.SPACING, recording.COST_FACTOR, recording.WAITING, fitting.UNWATCHED_WORK = before


def table(n: int = 60, d: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """X of shape (n, d), and class numbers 0 to 2 that depend on it."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X, (X[:, 0] * X[:, 1] > 0).astype(int) + (X[:, 2] > 1)


def classifier(**parameters: Any) -> MLPClassifier:
    """A small classifier that takes some epochs."""
    known = dict(max_iter=6, batch_size=16, random_state=0, learning_rate_init=0.05)
    return MLPClassifier(**{"hidden_layer_sizes": (4,), **known, **parameters})


def regressor(**parameters: Any) -> MLPRegressor:
    """A small regressor by SGD, with a rate of every epoch's own."""
    known = dict(max_iter=4, batch_size=20, random_state=1, solver="sgd")
    return MLPRegressor(**{"hidden_layer_sizes": (3,), **known, **parameters})


def record(path: Path | None, model: Any, X: Any, y: Any, **options: Any) -> Any:
    """Fit a model, recorded; the recorder."""
    recorder = Recorder(path, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        if isinstance(model, MLP):
            model.fit(X, y, recorder=recorder)
        else:
            model.set_callbacks(recorder).fit(X, y)
    return recorder


def record_all(path: Path) -> Path:
    """A file of three runs: labels and validation, sparse rows, the notebook's own class."""
    X, y = table()
    with often():
        labels = np.array(["no", "perhaps", "yes"])[y]
        record(path, classifier(early_stopping=True, n_iter_no_change=20), X, labels)
        rows = scipy.sparse.csr_array(np.where(np.abs(X) > 0.5, X, 0.0))
        record(path, regressor(learning_rate="invscaling"), rows, X[:, 0])
        np.random.seed(2)
        record(path, MLP(hidden_units=2, epochs=2), X, (y > 0).astype(int))
    return path


def contents(path: Path) -> list[Any]:
    """All that there is to read in a file: of every run every number, recorded or replayed."""
    found: list[Any] = []
    runs = open_runs(path)
    try:
        for run in runs:
            found += [run.number, run.status, run.note, len(run), run.epochs, run.seconds]
            found += [run.header.text(), *run.losses, *run.data, run.verify()]
            steps = run.store.steps_of(run.number)
            found += [steps]
            for step in steps:
                found += state_numbers(run.replay.checkpoint(step))
            for step in {0, 1, len(run) // 3, 2 * len(run) // 3, max(0, len(run) - 1), len(run)}:
                moment = run.at(step)
                found += [moment.epoch, moment.exact, *moment.coefs, *moment.intercepts]
                found += [moment.rows, moment.learning_rate, moment.loss]
                found += [list(memory.values()) for memory in moment.optimizer_state.values()]
                found += model_numbers(moment.estimator())
            found += model_numbers(run.estimator())
    finally:
        runs.store.close()
    return found


def state_numbers(state: Any) -> list[Any]:
    """All of a state."""
    return [state.theta, state.slots, state.learning_rate, state.step, state.epoch,
            state.samples_seen, state.schedule_start, state.memory_start]  # fmt: skip


def model_numbers(model: Any) -> list[Any]:
    """Parameters of a model, what it says of its training, and the state to go on from."""
    if isinstance(model, MLP):
        return [model.W1, model.W2, model.lr, model.epochs, model.hidden_units]
    found = [*model.coefs_, *model.intercepts_, repr(model.get_params()), model.n_iter_, model.t_]
    best = model.best_validation_score_, model.best_loss_, model.validation_scores_ or ()
    found += [np.array(model.loss_curve_), *(np.array(part, float) for part in best)]
    found += [model._no_improvement_count, model._seed, getattr(model, "classes_", None)]
    return found + state_numbers(model._state)


def same(one: Any, other: Any) -> bool:
    """Whether two lists of numbers, arrays and texts are the same to the last bit."""
    if isinstance(one, np.ndarray):
        return (
            isinstance(other, np.ndarray)
            and (one.dtype, one.shape) == (other.dtype, other.shape)
            and one.tobytes() == other.tobytes()
        )
    if isinstance(one, list | tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and (one == other or one is other or repr(one) == repr(other))


def sql(path: Path, *statements: str) -> None:
    """Change a file by SQL."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def forge(path: Path, name: str, change: Callable[[dict], Any], where: str = "1") -> None:
    """Change the rows of a table, and make their digests right."""
    columns = schema.COLUMNS[name]
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for rowid, *values in connection.execute(
            f"SELECT rowid, {', '.join(columns)} FROM {name} WHERE {where}"
        ).fetchall():
            row = dict(zip(columns, values, strict=True))
            change(row)
            sealed = (*row.values(), schema.row_digest(name, tuple(row.values())))
            connection.execute(f"DELETE FROM {name} WHERE rowid = ?", (rowid,))
            marks = ", ".join("?" * len(sealed))
            into = f"{name} ({', '.join(columns)}, digest)"
            connection.execute(f"INSERT INTO {into} VALUES ({marks})", sealed)


def forge_header(path: Path, change: Callable[[dict], Any], run: int = 1) -> None:
    """Change a run's header, and make its digest right."""

    def changed(row: dict) -> None:
        header = json.loads(row["header"])
        row["header"] = json.dumps(change(header) or header)

    forge(path, "runs", changed, f"run = {run}")


def network_of(path: Path, run: int = 1) -> Network:
    """Network of a run."""
    return open_runs(path)[run - 1].header.network
