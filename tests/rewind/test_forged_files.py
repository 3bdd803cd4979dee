"""Forged files: every digest is right, and what the rows say is a lie. They are refused."""

import json
import sqlite3
import tracemalloc
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_runs import contents, forge, forge_header, same

from retrograd.estimators.rewinding import open_run, open_runs
from retrograd.faces.runs import describe_runs
from retrograd.rewind import schema
from retrograd.rewind.replay import ReplayWarning
from retrograd.rewind.store import RunFileError

# More than any of these files takes: a lie about sizes is no reason to allocate.
LITTLE = 8 << 20


def refusal(path: Path) -> str:
    """The one error that reading all of a file raises: one line, and little memory."""
    tracemalloc.start()
    try:
        with pytest.raises(RunFileError) as caught:
            contents(path)
        assert tracemalloc.get_traced_memory()[1] < LITTLE
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message
    assert len(message) < 600
    return message


def put(keys: str, value: Any):
    """A change of a header: value in the place that dotted keys name; ... takes it out."""
    *parents, last = keys.split(".")

    def change(header: dict) -> None:
        place = header
        for key in parents:
            place = place[key]
        if value is ...:
            del place[last]
        else:
            place[last] = value

    return change


def test_a_forgery_that_changes_nothing(path, whole):
    """The forger's tools make good rows: what is refused below is refused for what it says."""
    forge_header(path, lambda header: None)
    for table in schema.TABLES:
        forge(path, table, lambda row: None)
    assert same(contents(path), whole[1])


HUGE = 1 << 39
LIES = {
    "network.widths": [[], [3], [3, 0, 3], [3, -4, 3], [3, 4.0, 3], [3, True, 3], [3, "4", 3],
                       [3, HUGE, 3], [HUGE, HUGE, HUGE], [1 << 62, 1 << 62], [3, 5, 3], [4, 4, 3],
                       [3, 4, 2], 7, None, "343", {"0": 3}, [3] * 9, [1 << 200, 3], [[3], [4]]],
    "network.activations": [[], ["relu", "relu"], ["os.system"], [None], [["relu"]], "relu", 3,
                            {"relu": 1}],
    "network.output": ["sigmoid", None, [], "identity", "logistic", {}],
    "network.loss": ["hinge", None, ["log_loss"], "squared_error"],
    "network.loss_parameter": [None, "0", [], 1e400, 10**400],
    "network.color": ["red"],
    "optimizer.solver": ["lbfgs", None, [], "evil", "sgd", {"adam": 1}],
    "optimizer.learning_rate_init": ["fast", None, [], True, 10**400],
    "optimizer.schedule": ["never", None, []],
    "optimizer.momentum": [-0.1, 1.1, "x", None],
    "optimizer.beta_1": [1.0, -0.5, None, 2],
    "optimizer.beta_2": [1, "b"],
    "optimizer.epsilon": [-1e-8, None],
    "optimizer.alpha": [-1, "0"],
    "optimizer.nesterov": [1, None, "yes"],
    "optimizer.power_t": [-1, None],
    "optimizer.__class__": ["os"],
    "optimizer": [None, [], "adam", 3, {}],
    "network": [None, [], {}],
    "dtype": ["object", "float16", "O", None, 8, "float32", ["float64"], "<f8"],
    "course.n_rows": [0, -1, HUGE, 53, 54.0, "54", None, 1 << 70, ...],
    "course.batch_size": [0, -16, HUGE, None, True, ..., 55],
    "course.total_epochs": [0, -1, None, 1 << 64],
    "course.first_step": [-1, None, 1 << 60, 2.5],
    "course.first_epoch": [-1, 1, None, "0"],
    "course.skip": [-1, 54, HUGE, None],
    "course.schedule_start": [-1, 1, None],
    "course.memory_start": [-1, 1, None, ...],
    "course.seed": [-1, 1 << 64, None, 0.5, "0"],
    "course.shuffle": [0, None, "no"],
    "course": [None, [], 3, {}],
    "data.X": [None, 3, ["a"], ..., "0" * 64],
    "data.y": [..., "nothing", {}, "\ud800"],
    "data.kept": [1, None, ..., "yes"],
    "data.train": [..., "0" * 64, None],
    "data.validation": [..., 7],
    "data.generator": ["0" * 64, 3],
    "data.skipped": ["0" * 64],
    "data.extra": ["0" * 64],
    "data": [None, [], {}],
    "estimator.kind": ["SVC", "MLPRegressor", "MLP", None, [], "retrograd.evil"],
    "estimator.parameters": [None, [], {}],
    "estimator.parameters.gamma": [1],
    "estimator.parameters.alpha": [-1, "a", ...],
    "estimator.parameters.tol": [10**400, -(10**400)],
    "estimator.parameters.hidden_layer_sizes": [{"tuple": [5]}, [4, 4], "4", -4, {"tuple": 3}, []],
    "estimator.parameters.activation": ["tanh", "evil", ["relu", "relu"]],
    "estimator.parameters.early_stopping": [False, None],
    "estimator.parameters.solver": ["evil", None],
    "estimator.classes": [None, {}, {"dtype": "text", "labels": ["no"]},
                          {"dtype": "text", "labels": ["a", "b", "c", "d"]},
                          {"dtype": "object", "labels": [1, 2, 3]},
                          {"dtype": "evil", "labels": ["a", "b", "c"]},
                          {"dtype": "uint8", "labels": [1, 2, 300]},
                          {"dtype": "text", "labels": ["c", "b", "a"]}],
    "estimator.sparse_labels": [None, 3],
    "estimator.feature_names": [["a"], [1, 2, 3], "abc", ["a", "a", "b"]],
    "estimator.seed": [None, "0", 1.5],
    "estimator.before": [None, [], {}, {"best_loss_": []}],
    "estimator.before.best_validation_score_": [None, "many", [1]],
    "estimator.before._no_improvement_count": ["x"],
    "estimator.loss_curve_": [None, 3, ["x"], [[]]],
    "estimator.validation_scores_": [None, "x"],
    "estimator": [None, [], "MLPClassifier", {}],
    "parent": [[1, 0], [9, 3], [0, 0], [1], "ab", {"a": 1, "b": 2}, 3, [1, -1], [True, 0]],
    "budget": [-1, None, 0.5, "x", True],
    "place": [None, 3, []],
    "facts": [None, 3, []],
    "made_by": [None, {}, "me", ...],
    "machine": [None, {}, []],
    "machine.system": [None, 3, {}],
    "made_by.retrograd": [None, ["0.1"]],
    "started": [None, 3],
    "os": ["rm"],
}  # fmt: skip


@pytest.mark.parametrize("key", LIES)
def test_a_header_lies(path, whole, key):
    """Of the wrong type, out of range, huge, or at odds with the data or the parameters."""
    for value in LIES[key]:
        path.write_bytes(whole[0])
        forge_header(path, put(key, value))
        refusal(path)
        # A list of runs tells of it, and of the others.
        assert len(json.loads(json.dumps(describe_runs(open_runs(path)), allow_nan=False))) == 3


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("course.batch_size", 17), ("course.skip", 1),
        ("course.seed", 5), ("course.shuffle", False),
        ("network.activations", ["tanh"]), ("optimizer.alpha", 0.5), ("optimizer.beta_1", 0.5),
        ("optimizer.schedule", "cosine"),
    ],
)  # fmt: skip
def test_lies_that_could_be_true(path, key, value):
    """Another training, which fits all else: the first checkpoint says that it was not this one."""
    forge_header(path, put(key, value))
    run = open_run(path, 1)
    with pytest.warns(ReplayWarning, match="replaying steps 0 to 4 here does not give"):
        difference = run.verify()
    assert (difference.begin, difference.step) == (0, 4)
    assert difference.largest > 0
    assert not run.at(3).exact
    assert run.at(4).exact


def test_lies_of_the_notebooks_class(path, whole):
    """Its header has other parts."""
    for key, values in {
        "estimator.parameters": [None, {}, {"hidden_units": 2}, 3],
        "estimator.parameters.hidden_units": [3, 0, "2", None],
        "estimator.parameters.lr": ["x", None],
        "estimator.parameters.epochs": [-1, None, "many"],
        "estimator.parameters.evil": [1],
        "network.widths": [[3, 2, 1, 1], [3, 1], [3, 3, 1]],
        "course.batch_size": [2, 0],
        "course.total_epochs": [1],
        "course.n_rows": [59, 61],
        "data.generator": [..., "0" * 64],
        "data.train": ["0" * 64],
    }.items():
        for value in values:
            path.write_bytes(whole[0])
            forge_header(path, put(key, value), run=3)
            refusal(path)


def test_a_header_that_is_none(path, whole):
    """No JSON, JSON of another kind, nested without end, with constants that JSON has not."""
    for text in ("", "{", "null", "[]", "3", '"text"', "{}", "[" * 100_000, '{"a":' * 100_000,
                 '{"network": NaN}', "9" * 5000, "\x00", "{'a': 1}"):  # fmt: skip
        path.write_bytes(whole[0])
        forge(path, "runs", lambda row, text=text: row.update(header=text), "run = 1")
        refusal(path)
    path.write_bytes(whole[0])
    for constant in ("NaN", "Infinity", "-Infinity"):
        path.write_bytes(whole[0])

        def change(row: dict, constant: str = constant) -> None:
            header = json.loads(row["header"])
            header["optimizer"]["alpha"] = "HERE"
            row["header"] = json.dumps(header).replace('"HERE"', constant)

        forge(path, "runs", change, "run = 1")
        assert "is no number" in refusal(path)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("status", ["running away", "", "ENDED"]),
        ("steps", [-1, 0, 23, 25, 1 << 60, "many", 24.5, b"24"]),
        ("epochs", [-1, 0, 5, 7, 1 << 60, "six"]),
        ("checkpoints", [-1, 0, 3, 1 << 60, b""]),
        ("seconds", ["long", b"x"]),
        ("note", [b"bytes"]),
        ("run", [2, 77]),
    ],
)
def test_progress_lies(path, whole, column, values):
    """How far a run has come does not fit what there is of it."""
    for value in values:
        path.write_bytes(whole[0])
        if column == "run":
            forge(path, "progress", lambda row, v=value: row.update(run=v), "run = 1"
                  ) if value != 2 else sqlite_swap(path)  # fmt: skip
        else:
            forge(path, "progress", lambda row, v=value: row.update({column: v}), "run = 1")
        refusal(path)


def sqlite_swap(path: Path) -> None:
    """Let two runs exchange their progress."""
    forge(path, "progress", lambda row: row.update(run=9), "run = 1")
    forge(path, "progress", lambda row: row.update(run=1), "run = 2")
    forge(path, "progress", lambda row: row.update(run=2), "run = 9")


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("step", [5, -1, 25, 1 << 60, "4", 4.5]),
        ("epoch", [-1, "x"]),
        ("learning_rate", ["x", b"x", float("inf")]),
        ("samples_seen", [-1, "x"]),
        ("state", [b"", b"x", b"x" * 31, "text", bytes(100_000)]),
    ],
)
def test_checkpoints_lie(path, whole, column, values):
    """A state of another size, or of another step; a wrong step is found out by what follows."""
    for value in values:
        path.write_bytes(whole[0])
        where = "run = 1 AND step = 4"
        forge(path, "checkpoints", lambda row, v=value: row.update({column: v}), where)
        if value == 5:  # it looks like one of another machine
            with pytest.warns(UserWarning, match="does not give the recorded bits"):
                assert open_run(path, 1).verify().step == 5
        else:
            refusal(path)


def test_states_that_diverge(path):
    """NaN in a checkpoint: the record goes on, which no replay can."""

    def change(row: dict) -> None:
        state = np.frombuffer(row["state"]).copy()
        state[3] = np.nan
        row["state"] = state.tobytes()

    forge(path, "checkpoints", change, "run = 1 AND step = 4")
    run = open_run(path, 1)
    with (
        pytest.warns(UserWarning, match="recorded bits"),
        pytest.raises(RunFileError, match="cannot be taken again here") as caught,
    ):
        run.verify()
    assert "some.retro: steps 4 to 8 of run 1" in str(caught.value)


@pytest.mark.parametrize(
    ("table", "column", "values"),
    [
        ("epochs", "epoch", [-1, 7, 1 << 60, "x"]),
        ("epochs", "numbers", [b"", b"x" * 23, bytes(48), "text"]),
        ("losses", "step", [1, 9, -1, 1 << 60, "x"]),
        ("losses", "stride", [0, -1, 3, 1 << 60, "x"]),
        ("losses", "steps", [0, -4, 5, 1 << 60, 1 << 62, "x"]),
        ("losses", "losses", [b"", b"x" * 31, b"x" * 64, "text"]),
    ],
)
def test_curves_lie(path, whole, table, column, values):
    """Rows that do not lie end to end."""
    where = "run = 1 AND epoch = 2" if table == "epochs" else "run = 1 AND step = 8"
    for value in values:
        path.write_bytes(whole[0])
        forge(path, table, lambda row, v=value: row.update({column: v}), where)
        refusal(path)


def test_a_branch_of_a_run_without_parameters(path):
    """It reads the header's words of the estimator before all else."""
    forge_header(path, lambda header: header["estimator"].pop("parameters") and header)
    with pytest.raises(RunFileError, match="has a run whose estimator cannot be rebuilt"):
        open_runs(path)[0].branch(at=2, alpha=0.1)


def replace_array(path: Path, run: int, part: str, array: np.ndarray, dtype: str = "") -> None:
    """Put another array in a part's place, under its right name, which the header then has."""
    name = schema.array_name(array)
    shape = ",".join(map(str, array.shape))
    row = (name, dtype or array.dtype.str, shape, array.tobytes())
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        sealed = (schema.row_digest("arrays", row), *row)
        connection.execute("INSERT OR REPLACE INTO arrays VALUES (?, ?, ?, ?, ?)", sealed)
    forge_header(path, put(f"data.{part}", name), run)


def data_of(path: Path, run: int) -> Any:
    """The data of a run."""
    return open_runs(path)[run - 1].data


def test_dense_data_lie(path, whole):
    """Shapes, types, class numbers."""
    data = data_of(path, 1)
    n = len(data.y)
    forgeries = [
        ("X", np.zeros((n, 4))), ("X", np.zeros((n - 1, 3))), ("X", np.zeros(n * 3)),
        ("X", data.X.astype(np.float32)), ("X", np.zeros((n, 3, 1))), ("X", np.zeros((0, 3))),
        ("X", np.zeros((n, 3), np.int64)), ("X", np.zeros(())),
        ("y", np.full((n, 1), 3.0)), ("y", np.full((n, 1), -1.0)), ("y", np.full((n, 1), np.nan)),
        ("y", np.zeros((n, 2))), ("y", np.zeros(n)), ("y", np.zeros((0, 1))), ("y", np.zeros(())),
        ("y", np.zeros((n, 1), np.float32)), ("y", np.zeros((n + 1, 1))),
        ("sample_weight", np.ones(n - 1)), ("sample_weight", np.ones((n, 1))),
        ("sample_weight", np.ones(n, np.float32)), ("sample_weight", np.zeros(0, np.int32)),
        ("values", np.zeros(3, np.float32)), ("values", np.zeros((1, 1))),
        ("columns", np.zeros(2, np.int64)), ("row_starts", np.zeros(2, np.int64)),
        ("row_starts", np.zeros(0, np.int32)),
        ("train", np.arange(54) + 10), ("train", np.arange(53)), ("train", np.arange(54.0)),
        ("train", np.arange(54, dtype=np.int32)), ("train", np.full(54, -1)),
        ("train", np.full(54, 1 << 62)), ("train", np.arange(54).reshape(1, 54)),
        ("validation", np.full(6, 60)), ("validation", np.full(6, -61)),
        ("validation", np.zeros(0, np.int64)), ("validation", np.zeros((2, 3), np.int64)),
        ("generator", np.arange(625)),
    ]  # fmt: skip
    for part, array in forgeries:
        path.write_bytes(whole[0])
        replace_array(path, 1, part, array)
        refusal(path)


def test_sparse_data_lie(path, whole):
    """Compressed rows that would have a kernel read beyond their end."""
    data = data_of(path, 2)
    columns, starts, values = data.columns, data.row_starts, data.values
    high, low, beyond, falling, late = (part.copy() for part in (columns, columns, *[starts] * 3))
    high[5], low[5], beyond[-1], falling[7], late[0] = 3, -1, len(values) + 1, len(values), 1
    forgeries = [
        ("columns", high), ("columns", low), ("columns", columns[:-1].copy()),
        ("columns", np.append(columns, columns[-1:])),
        ("columns", columns.astype(np.int64)), ("columns", columns.reshape(1, -1)),
        ("row_starts", beyond), ("row_starts", falling), ("row_starts", late),
        ("row_starts", starts[:-1].copy()), ("row_starts", starts.astype(np.int32)),
        ("row_starts", np.append(starts, starts[-1])), ("row_starts", starts.reshape(1, -1)),
        ("row_starts", np.zeros(0, np.int64)), ("row_starts", -starts),
        ("values", values[:-1].copy()), ("values", values.astype(np.float32)),
        ("values", values.reshape(-1, 1)), ("X", np.zeros((60, 3))), ("X", np.zeros((0, 2))),
    ]  # fmt: skip
    for part, array in forgeries:
        path.write_bytes(whole[0])
        replace_array(path, 2, part, array)
        refusal(path)


def test_generators_lie(path, whole):
    """NumPy looks at neither the length of its state nor the place in it."""
    good = open_runs(path)[2]
    words = good.store.array(good.header.data["generator"])
    place, word, below = words.copy(), words.copy(), words.copy()
    place[-1], word[3], below[-1] = 625, 1 << 32, -1
    for array in (place, word, below, words[:-1].copy(), np.zeros(0, np.int64), words.astype(float),
                  words.reshape(25, 25), words.astype(np.int32)):  # fmt: skip
        path.write_bytes(whole[0])
        replace_array(path, 3, "generator", array)
        refusal(path)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_what_a_branch_begins_with_lies(path):
    """The losses of its first epoch's earlier steps, and the best parameters before it."""
    run = open_run(path, 1)
    at = run.replay.course.begin_of(len(run.epochs) - 1) + 1
    run.branch(at, max_iter=len(run.epochs) + 2)
    original = path.read_bytes()
    branch = open_run(path, 4)
    theta = branch.replay.state(0).theta
    branch.estimator()
    assert branch.header.data.keys() >= {"skipped", "best"}
    for part, array in (
        ("skipped", np.zeros(0)), ("skipped", np.zeros((1, 1))), ("skipped", np.zeros(99)),
        ("skipped", np.zeros(1, np.float32)), ("best", theta[1:].copy()),
        ("best", theta.astype(np.float64 if theta.dtype == np.float32 else np.float32)),
        ("best", theta.reshape(1, -1)),
    ):  # fmt: skip
        path.write_bytes(original)
        replace_array(path, 4, part, array)
        forged = open_run(path, 4)
        with pytest.raises(RunFileError, match=f"{path.name} is damaged"):
            forged.estimator()


def test_arrays_have_no_strange_type(path, whole):
    """Objects, structures, dates, texts, big-endian: none of it is ever made an array."""
    name = open_run(path, 1).header.data["X"]
    for dtype in ("|O", "O", "object", "<M8[s]", "|V8", "<U2", ">f8", "<c16", "f8,f8", "(2,)f8", "",
                  "float64", "<f8 ", "__import__('os')", "\x00", "x" * 10_000, "|b1"):  # fmt: skip
        path.write_bytes(whole[0])
        forge(path, "arrays", lambda row, d=dtype: row.update(dtype=d), f"name = '{name}'")
        assert "an array has no form" in refusal(path)


def test_arrays_have_no_strange_shape(path, whole):
    """Of another size, negative, not numbers, huge."""
    name = open_run(path, 1).header.data["X"]
    for shape in ("", "60", "3,60", "180", "60,3,1,0", "60,-3", "60;3", "a,b", "9" * 30, "60,3,",
                  "9" * 5000, "-1,-1", "1," * 70 + "180", f"{1 << 40},{1 << 40}"):  # fmt: skip
        path.write_bytes(whole[0])
        forge(path, "arrays", lambda row, s=shape: row.update(shape=s), f"name = '{name}'")
        refusal(path)
