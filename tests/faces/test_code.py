"""A run's code: what it records anew, elsewhere and with nothing else at hand, is the run."""

import ast
import json
import sqlite3
import warnings
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.notebook import MLP
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.regressor import MLPRegressor
from retrograd.estimators.rewinding import open_run, open_runs
from retrograd.faces.code import code_of, literal
from retrograd.rewind.schema import row_digest
from retrograd.rewind.store import RunFileError


@pytest.mark.parametrize("value", ["C:\\new", "abc\\", 'a"b', "é", "tab\t", (1.5, "x", None)])
def test_values_are_written_as_code(value: Any) -> None:
    """Whatever the text; as it reads, it comes back."""
    assert ast.literal_eval(literal(value)) == value


def table(n: int = 60, columns: int = 3) -> np.ndarray:
    """Some rows."""
    return np.random.default_rng(0).standard_normal((n, columns))


def labelled(path: Path) -> None:
    """Text labels, names of features, early stopping."""
    import polars as pl

    X = table()
    frame = pl.DataFrame(X, schema=["a", "b c", '"d"'])
    model = MLPClassifier((5,), "tanh", early_stopping=True, max_iter=4, random_state=3)
    model.set_callbacks(Recorder(path)).fit(frame, np.where(X[:, 0] > 0, "it's", 'a "b"'))


def named_float32(path: Path) -> None:
    """A frame in single precision, of which scikit-learn may make double precision."""
    frame = pd.DataFrame(table().astype(np.float32), columns=["a", "b", "c"])
    model = MLPRegressor(hidden_layer_sizes=(4,), max_iter=5, batch_size=20, random_state=0)
    model.set_callbacks(Recorder(path)).fit(frame, table(60, 1)[:, 0])


def weighted(path: Path) -> None:
    """float32, sparse, several outputs, weights, parameters of every kind."""
    X = scipy.sparse.random(60, 9, 0.3, format="csr", random_state=0, dtype=np.float32)
    y = X.toarray()[:, :2] + 1.0
    model = MLPRegressor(
        "huber", hidden_layer_sizes=(4, 3), activation=["relu", "tanh"], solver="sgd", max_iter=3,
        n_iter_no_change=np.inf, random_state=1, batch_size=16,
    )  # fmt: skip
    model.set_callbacks(Recorder(path)).fit(X, y, np.linspace(0.5, 1.5, 60))


def several(path: Path) -> None:
    """More than one label a row, three more epochs from a warm start."""
    X = table()
    model = MLPClassifier((4,), max_iter=3, random_state=0, warm_start=True)
    model.set_callbacks(Recorder(path)).fit(X, (X > 0).astype(int))
    model.fit(X, (X > 0).astype(int))


def branched(path: Path) -> None:
    """A branch off a branch."""
    X = table()
    model = MLPClassifier((4,), max_iter=4, batch_size=20, random_state=0)
    model.set_callbacks(Recorder(path)).fit(X, np.arange(60) % 3)
    branch = open_run(path).branch(at=5, learning_rate_init=0.05)
    branch.branch(at=2, activation="tanh", max_iter=6)


def edited(path: Path) -> None:
    """A branch that begins with another weight and another class."""
    X = table()
    model = MLPClassifier((4,), max_iter=4, batch_size=20, random_state=0)
    model.set_callbacks(Recorder(path)).fit(X, np.array(["no", "yes"])[np.arange(60) % 2])
    open_run(path).branch(at=5, edit={"coefs[0][1, 2]": 0.5, "y[7]": "no"}, alpha=0.1)


@pytest.mark.parametrize("make", [labelled, named_float32, weighted, several, branched, edited])
def test_the_code_makes_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None]
) -> None:
    """Whatever was fitted: what the code records anew ends as the run did, bit for bit."""
    path = tmp_path / "it's.retro"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        make(path)
        runs = open_runs(path)
        code = code_of(runs[-1], runs)
        # Elsewhere, and with nothing at hand but what it imports itself.
        (place := tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(place)
        exec(compile(code, "code", "exec"), {})
    again = open_runs(place / "it's-again.retro")[-1]
    assert len(again) == len(runs[-1])
    for mine, W in zip(again[-1].coefs, runs[-1][-1].coefs, strict=True):
        assert mine.tobytes() == W.tobytes()
        assert mine.dtype == W.dtype


def test_code_with_a_source_of_its_own(tmp_path: Path) -> None:
    """As the playground's, whose file is gone in the end: the file is not asked for the rows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        several(tmp_path / "gone.retro")
    runs = open_runs(tmp_path / "gone.retro")
    code = code_of(runs[0], runs, "from here import rows\n\nX, y = rows()\n")
    assert "from here import rows\n\nX, y = rows()\n\nmodel = " in code
    assert "open_run" not in code
    code = code_of(runs[0], runs, "import numpy as np\n\nX, y = np.eye(2), np.arange(2)\n")
    assert code.count("import numpy as np") == 1


def test_names_of_parameters_are_names(tmp_path: Path) -> None:
    """A file of runs may be anybody's: no line of code comes from it."""
    path = tmp_path / "forged.retro"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MLPRegressor(hidden_layer_sizes=(4,), max_iter=2, random_state=0)
        model.set_callbacks(Recorder(path)).fit(table(), table(60, 1)[:, 0])
        open_run(path).branch(at=1, alpha=0.5)
    with closing(sqlite3.connect(path)) as file, file:
        (header,) = file.execute("SELECT header FROM runs WHERE run = 2").fetchone()
        changed = json.loads(header)
        changed["estimator"]["parameters"]["tol=1)\nimport os\n#"] = 1
        row = 2, json.dumps(changed)
        file.execute(
            "UPDATE runs SET header = ?, digest = ? WHERE run = 2",
            (row[1], row_digest("runs", row)),
        )
    runs = open_runs(path)
    with pytest.raises(RunFileError, match="is the name of no parameter"):
        code_of(runs[1], runs)


def in_memory(n_outputs: int) -> tuple:
    """A run that is in no file."""
    recorder = Recorder()
    y = table(60, n_outputs)
    model = MLPRegressor(hidden_layer_sizes=(4,), max_iter=2, random_state=0)
    model.set_callbacks(recorder).fit(table(), y[:, 0] if n_outputs == 1 else y)
    runs = open_runs(recorder)
    return runs[0], runs


def of_the_notebook() -> tuple:
    """A run of the notebook's class, in no file."""
    recorder = Recorder()
    np.random.seed(0)
    MLP(epochs=2).fit(table(), np.arange(60) % 2, recorder)
    runs = open_runs(recorder)
    return runs[0], runs


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "make", [lambda: in_memory(1), lambda: in_memory(2), of_the_notebook], ids=["1", "2", "MLP"]
)
def test_without_rows_it_runs_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[], tuple]
) -> None:
    """On made-up ones of the same shape, as it says itself."""
    run, runs = make()
    monkeypatch.chdir(tmp_path)
    code = code_of(run, runs)
    assert "put your own X and y in the place of these" in code
    exec(compile(code, "code", "exec"), {})
    again = open_run("training-again.retro")
    assert [W.shape for W in again[-1].coefs] == [W.shape for W in run[-1].coefs]


def test_what_was_drawn_at_random_is_said_to_be(tmp_path: Path) -> None:
    """Without a random_state; and the way out that the comment names is one."""
    path = tmp_path / "drawn.retro"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        MLPClassifier((4,), max_iter=2).set_callbacks(Recorder(path)).fit(
            table(), np.arange(60) % 2
        )
        runs = open_runs(path)
        assert "open_run(…).branch(at=0)" in code_of(runs[0], runs)
        again = open_run(path).branch(at=0)
    assert again[-1].coefs[0].tobytes() == runs[0][-1].coefs[0].tobytes()


def test_a_branch_of_the_notebooks_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its code changes what the branch has changed."""
    path = tmp_path / "mlp.retro"
    MLP(epochs=2).fit(table(), np.arange(60) % 2, Recorder(path))
    branch = open_run(path).branch(at=7, lr=0.5, epochs=3)
    code = code_of(branch, open_runs(path))
    assert "again = again.branch(at=7, epochs=3, lr=0.5)" in code
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "code", "exec"), {})
    assert len(open_runs("mlp-again.retro")[-1]) == len(branch)
