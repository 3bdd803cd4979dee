"""Branches that begin with another weight, bias or target: the training by hand, bit for bit."""

from pathlib import Path

import numpy as np
import pytest
from recorded import data_of, fitted, moments_theta, recorded
from tasks import same_bits

from retrograd import MLPClassifier, Recorder, first_divergence, open_run
from retrograd.engine.trainer import Trainer
from retrograd.estimators.branching import begin
from retrograd.estimators.editing import read_target, value_at
from retrograd.estimators.notebook import MLP
from retrograd.rewind.debugger.session import Session
from retrograd.rewind.run import Run
from retrograd.rewind.store import RunFileError
from retrograd.rewind.syntax import ExpressionError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

WEIGHTS = {"coefs[0][3, 2]": 0.5, "intercepts[1][0]": -0.25, "coefs[-1][:, 0]": 1e-3}
WORDS = np.array(["setosa", "versicolor", "virginica"])
SETTINGS = {"hidden_layer_sizes": (5,), "max_iter": 6, "batch_size": 10, "random_state": 0}


def named(path: Path | None = None) -> tuple[np.ndarray, np.ndarray, Run]:
    """X, words y, and a run of them."""
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(50, 4)), WORDS[rng.integers(0, 3, 50)]
    recorder = Recorder(path)
    MLPClassifier(**SETTINGS).set_callbacks(recorder).fit(X, y)
    return X, y, open_run(recorder)


@pytest.mark.parametrize("kind", ["adam", "sgd, adaptive", "rmsprop, one cycle", "early stopping"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_weights_by_hand(kind: str, dtype: type) -> None:
    """The state of that moment, some numbers of it changed, and the same steps from there."""
    run, _ = recorded(kind, dtype=dtype)
    at, header = 3, run.header
    branch = run.branch(at, edit=WEIGHTS)
    state = run.replay.state(at)
    coefs, intercepts = header.network.layers(state.theta)
    coefs[0][3, 2], intercepts[1][0], coefs[-1][:, 0] = 0.5, -0.25, 1e-3
    assert moments_theta(branch, 0).tobytes() == moments_theta_of(header, state).tobytes()
    course = branch.replay.course
    trainer = Trainer(header.network, header.optimizer, run.data, course.batch_size, state)
    trainer.run(*course.between(0, len(branch), branch.replay.rate_of))
    assert moments_theta(branch, len(branch)).tobytes() == moments_theta_of(header, state).tobytes()
    assert branch.verify() is None
    assert branch.header.data.items() >= header.data.items()
    assert branch.header.estimator["edit"] == WEIGHTS
    assert (moments_theta(run, at) != moments_theta(branch, 0)).any()


def moments_theta_of(header, state) -> np.ndarray:
    """All parameters of a state as one vector."""
    coefs, intercepts = header.network.layers(state.theta)
    return np.concatenate([part.ravel() for part in coefs + intercepts])


def test_labels_are_those_of_a_fit() -> None:
    """A branch from step 0 is the fit to the changed labels."""
    X, y, run = named()
    other = y.copy()
    other[17], other[3:5] = "virginica", "setosa"
    assert (other != y).any()
    branch = run.branch(0, edit={"y[17]": "virginica", "y[3:5]": ["setosa", "setosa"]})
    model = MLPClassifier(**SETTINGS).fit(X, other)
    same_bits(branch.estimator(), model)
    assert branch.estimator().loss_curve_ == model.loss_curve_
    assert branch.header.data["y"] != run.header.data["y"]
    assert branch.header.data["X"] == run.header.data["X"]
    assert [value_at(branch, 0, f"y[{row}]") for row in (17, 3, 4)] == other[[17, 3, 4]].tolist()
    assert value_at(run, 0, "y[3:5]").tolist() == y[3:5].tolist()
    assert branch.verify() is None


@pytest.mark.parametrize(
    ("kind", "place", "value"),
    [
        ("rmsprop, one cycle", 17, 2.5),
        ("in order", 17, 4),
        ("sgd, adaptive", (17, 1), -1.0),
        ("sgd, adaptive", 17, [1.0, 2.0, 3.0]),
        ("sgd, invscaling", (17, 2), True),
        ("plain sgd, one example", 17, "yes"),
        ("early stopping", slice(0, 30), 9),
    ],
)
def test_targets_of_every_kind(kind: str, place: object, value: object) -> None:
    """Numbers, several of a row, several labels, words, and rows that validation took."""
    run, _ = recorded(kind)
    text = str(place).strip("()") if not isinstance(place, slice) else f"{place.start}:{place.stop}"
    branch = run.branch(0, edit={f"y[{text}]": value})

    def changed(task: str, *args) -> tuple:
        X, y, weight = data_of(task, *args)
        y = y.copy()
        y[place] = value
        return X, y, weight

    model = fitted_to(changed, kind)
    same_bits(branch.estimator(), model)
    assert branch.verify() is None


def fitted_to(data, kind: str):
    """Estimator of that kind, fitted to other data."""
    before = fitted.__globals__["data_of"]
    fitted.__globals__["data_of"] = data
    try:
        return fitted(kind)
    finally:
        fitted.__globals__["data_of"] = before


def test_an_edited_branch_is_a_run_like_others(tmp_path: Path) -> None:
    """It is opened, replayed, resumed, compared and branched off; the edit is told once."""
    path = tmp_path / "a.retro"
    _, y, run = named(path)
    edit = {"y[0]": "setosa" if y[0] != "setosa" else "virginica", "coefs[0][0, 0]": 2.0}
    number = run.branch(7, edit=edit, learning_rate_init=0.01).number
    branch = open_run(path, number)
    assert branch.header.parent == [1, 7]
    assert branch.header.estimator["edit"] == edit
    assert value_at(branch, 0, "coefs[0][0, 0]") == 2.0
    assert value_at(branch, 0, "y[0]") == edit["y[0]"]
    parted = first_divergence(run, branch)
    assert parted is not None
    assert (parted.step, parted.parameter) == (-1, "coefs[0][0, 0]")
    twig = branch.branch(5)
    assert "edit" not in twig.header.estimator
    same_bits(twig.estimator(), branch.estimator())
    assert value_at(twig, 0, "y[0]") == edit["y[0]"]


def test_broken_off_it_is_resumed(tmp_path: Path) -> None:
    """To the end that it would have had: with the edited label."""
    _, y, run = named(tmp_path / "a.retro")
    edit = {"y[0]": WORDS[0] if y[0] != WORDS[0] else WORDS[1], "intercepts[0][2]": -3}
    whole = run.branch(7, edit=edit)

    def stop() -> None:
        raise KeyboardInterrupt

    number, train = begin(run, 7, {}, edit, stop)
    with pytest.warns(UserWarning, match="interrupted"):
        train()
    broken = open_run(tmp_path / "a.retro", number)
    assert broken.status == "interrupted"
    assert len(broken) < len(whole)
    same_bits(broken.resume(), whole.estimator())


def test_one_that_diverges() -> None:
    """Says so, as other branches do, and has the steps before."""
    _, _, run = named()
    with pytest.warns(UserWarning, match="the branch diverged, too"):
        branch = run.branch(3, edit={"coefs[0]": 1e200, "coefs[1]": 1e200})
    assert (branch.status, len(branch)) == ("diverged", 0)


def test_the_notebooks(tmp_path: Path) -> None:
    """Its labels are 0 and 1; its own training by hand."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 3)), rng.integers(0, 2, 12)
    recorder = Recorder(tmp_path / "mlp.retro")
    np.random.seed(3)
    MLP(2, 0.1, 4).fit(X, y, recorder)
    run = open_run(recorder)
    other = y.copy()
    other[5] = 1 - y[5]
    np.random.seed(3)
    mlp = MLP(2, 0.1, 4).fit(X, other)
    branch = run.branch(0, edit={"y[5]": other[5]})
    np.testing.assert_array_equal(branch.estimator().W1, mlp.W1)
    np.testing.assert_array_equal(branch.estimator().W2, mlp.W2)
    assert value_at(branch, 0, "y[5]") == other[5]
    assert branch.branch(9, edit={"intercepts[1][0]": 1.0}).at(0).estimator().W2[0, 0] == 1.0
    with pytest.raises(ValueError, match="a label is 0 or 1"):
        run.branch(0, edit={"y[5]": 2})


@pytest.mark.parametrize(
    ("text", "value", "says"),
    [
        ("coefs[0][4, 2]", 1.0, r"coefs\[0\]\[4, 2\]: there are 4 by 5, counted from 0"),
        ("coefs[2][0, 0]", 1.0, "the network has 2 layers, 0 to 1"),
        ("coefs[-3][0, 0]", 1.0, "the network has 2 layers"),
        ("coefs[0][0, 0, 0]", 1.0, "there are 4 by 5"),
        ("coefs[0][4:, 0]", 1.0, "nothing is there"),
        ("intercepts[0][5]", 1.0, "there are 5, counted from 0"),
        ("y[50]", "setosa", "there are 50, counted from 0"),
        ("y[0]", "rose", "there is no class 'rose'; there are 'setosa', 'versicolor'"),
        ("y[0]", 1, "there is no class 1"),
        ("y[0]", None, "there is no class None"),
        ("y[:3]", ["setosa"] * 2, "takes one number or as many"),
        ("coefs[0][0, 0]", float("nan"), "must be finite in float64, nan is not"),
        ("coefs[0][0, 0]", float("-inf"), "must be finite"),
        ("coefs[0][0, 0]", "1", r"coefs\[0\]\[0, 0\] takes numbers, not '1'"),
        ("coefs[0][0, 0]", True, "takes numbers"),
        ("coefs[0][0, 0]", [1.0, 2.0], "takes one number or as many"),
    ],
)
def test_what_cannot_be(text: str, value: object, says: str) -> None:
    """Each is told with what there is; no run is begun."""
    _, _, run = named()
    with pytest.raises(ValueError, match=says):
        run.branch(3, edit={text: value})
    assert run.store.rows("runs", "run = 2") == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("dW[0][0, 0]", "a branch can change weights, biases and targets"),
        ("y", "say which"),
        ("coefs", "say which"),
        ("coefs[0][0, x]", "subscripts are whole numbers and slices"),
        ("coefs[1.5][0, 0]", "a whole number is needed here"),
        ("__import__('os')", "there is no text in this language"),
        ("y[0] + 1", "a branch can change"),
        ("", "the expression is empty"),
        ("y[" * 200 + "0" + "]" * 200, "characters are too many|nested too deeply|a branch can"),
        (3, "is no text"),
    ],
)
def test_names_that_are_none(text: str, says: str) -> None:
    """They are read as expressions are: nothing is evaluated, and the place is told."""
    with pytest.raises(ExpressionError, match=says):
        read_target(text)


def test_too_much_for_float32() -> None:
    """A number that would be infinite there is none to begin with."""
    run, _ = recorded("adam", dtype=np.float32)
    with pytest.raises(ValueError, match="must be finite in float32"):
        run.branch(3, edit={"coefs[0][0, 0]": 1e39})


def test_counts_are_not_negative() -> None:
    """Of a Poisson regression."""
    run, _ = recorded("in order")
    with pytest.raises(ValueError, match="needs y >= 0"):
        run.branch(3, edit={"y[0]": -1.0})
    assert value_at(run.branch(3, edit={"y[0]": 0}), 0, "y[0]") == 0.0


def test_one_of_several_labels_is_there_or_not() -> None:
    """Each is 0 or 1, however many of them a row has."""
    run, _ = recorded("sgd, invscaling")
    with pytest.raises(ValueError, match=r"y\[0, 2\]: a label is 0 or 1, not 2"):
        run.branch(3, edit={"y[0, 2]": 2})
    branch = run.branch(3, edit={"y[0]": [True, False, 1]})
    assert value_at(branch, 0, "y[0]").tolist() == [1.0, 0.0, 1.0]


def test_without_its_data(tmp_path: Path) -> None:
    """Weights can be changed, once the data are handed in; targets cannot."""
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(50, 4)), WORDS[rng.integers(0, 3, 50)]
    recorder = Recorder(tmp_path / "a.retro", keep_data=False)
    MLPClassifier(**SETTINGS).set_callbacks(recorder).fit(X, y)
    with pytest.raises(RunFileError, match="keeps no training data"):
        open_run(recorder).branch(3, edit={"coefs[0][0, 0]": 1.0})
    run = open_run(recorder, data=(X, y))
    with pytest.raises(ValueError, match=r"y\[0\]: a.retro keeps no training data"):
        run.branch(3, edit={"y[0]": "setosa"})
    branch = run.branch(3, edit={"coefs[0][0, 0]": 1.0})
    assert branch.at(0).coefs[0][0, 0] == 1.0
    assert branch.verify() is None


def test_the_debuggers_branch() -> None:
    """It takes edits beside parameters, and its errors are one line."""
    _, _, run = named()
    session = Session(run)
    told = [
        line.text for line in session.execute("branch coefs[0][3, 2]=0.5 alpha=0.1 y[17]=virginica")
    ]
    assert told[0].startswith("run 2 of the recorder")
    branch = open_run_of(run, 2)
    assert branch.header.estimator["edit"] == {"coefs[0][3, 2]": 0.5, "y[17]": "virginica"}
    assert branch.header.optimizer.alpha == 0.1
    with pytest.raises(ValueError, match="there is no class 'rose'"):
        list(session.execute("branch y[17]=rose"))


def open_run_of(run: Run, number: int) -> Run:
    """Another run of the same file."""
    return Run(run.store, number, run.door)
