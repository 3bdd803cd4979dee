"""Recording where something is odd or wrong: divergence, unusual estimators, bad input."""

import warnings

import numpy as np
import pytest
import scipy.sparse
from recorded import fitted, recorded
from sklearn.base import clone
from tasks import make_task, pair, same_bits

from retrograd import MLP, MLPClassifier, MLPRegressor, Recorder, open_run, open_runs
from retrograd.engine.divergence import DivergenceError
from retrograd.estimators import recorder as recorder_module
from retrograd.rewind import recording
from retrograd.rewind.recording import RecordingWarning
from retrograd.rewind.store import RunFileError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_a_run_that_diverges() -> None:
    """It is kept up to the step that diverged, whose trace shows where."""
    recorder = Recorder()
    with pytest.raises(DivergenceError) as raised:
        fitted("sgd, invscaling", recorder, learning_rate_init=1e200, learning_rate="constant")
    run = open_run(recorder)
    assert (run.status, run.note) == ("diverged", raised.value.place)
    assert len(run) == raised.value.step
    trace = run[-1].trace()
    assert trace.trouble == raised.value.place
    assert np.isfinite(trace.theta).all()
    with pytest.raises(RunFileError, match=r"diverged at step .* train on otherwise"):
        run.resume()
    mended = run.branch(at=0, learning_rate_init=0.01)
    assert (mended.status, mended.header.parent) == ("ended", [1, 0])
    same_bits(
        mended.estimator(),
        fitted("sgd, invscaling", learning_rate_init=0.01, learning_rate="constant"),
    )


@pytest.mark.parametrize("spacing", [0.0, 60.0])
@pytest.mark.parametrize("bad_row", [70, 300])
def test_a_step_that_diverges_amid_others(bad_row: int, spacing: float, monkeypatch) -> None:
    """Its numbers are in the state by then, which must be no checkpoint of the moment before."""
    monkeypatch.setattr(recording, "SPACING", spacing)
    monkeypatch.setattr(recording, "COST_FACTOR", 0.0)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 5))
    y = X[:, 0].copy()
    y[bad_row] = 1e200
    recorder = Recorder()
    model = MLPRegressor(hidden_layer_sizes=(4,), solver="sgd", batch_size=1, random_state=0)
    model.set_params(shuffle=False, max_iter=3).set_callbacks(recorder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DivergenceError) as raised:
            model.fit(X, y)
        run = open_run(recorder)
        assert len(run) == raised.value.step == bad_row
        assert run.verify() is None
        assert run[-1].exact
        before = run.at(bad_row - 1).trace()
        np.testing.assert_array_equal(run[-1].coefs[0], before.layers[0].W_after, strict=True)
        assert run[-1].trace().trouble == raised.value.place == "the loss"
        # Asking about it is no accident of NumPy's either.
        norms = run.watch("gradient_norm").values
        assert np.isfinite(norms).all()
        assert norms[-1] > 1e190 > norms[:-1].max()
        assert run.why(0, 0, 0, step=bad_row).rows[0] == bad_row


def test_the_epoch_in_which_early_stopping_diverged() -> None:
    """It is in the curves of the estimator as fit has left it."""
    rng = np.random.default_rng(0)
    X, recorder = rng.normal(size=(200, 5)), Recorder()
    model = MLPRegressor(hidden_layer_sizes=(8,), solver="sgd", learning_rate_init=0.1)
    model.set_params(early_stopping=True, max_iter=50, batch_size=20, random_state=0)
    model.set_callbacks(recorder).fit(3 * X, X[:, 0])
    run = open_run(recorder)
    again = run.estimator()
    assert run.status == "diverged"
    assert np.isnan(model.loss_curve_[-1])
    for name in ("n_iter_", "loss_curve_", "validation_scores_"):
        np.testing.assert_array_equal(getattr(again, name), getattr(model, name))
    same_bits(again, model)


class Narrow(MLPClassifier):
    """A class of a user's with a constructor of its own."""

    def __init__(self, width=5, max_iter=6, random_state=0):
        super().__init__(hidden_layer_sizes=(width,), max_iter=max_iter, random_state=random_state)
        self.width = width


def test_a_class_that_derives_from_ours() -> None:
    X = np.random.default_rng(0).normal(size=(40, 3))
    recorder = Recorder()
    model = Narrow().set_callbacks(recorder).fit(X, X[:, 0] > 0)
    run = open_run(recorder)
    same_bits(run.estimator(), model)
    assert run.branch(at=2, learning_rate_init=0.1).status == "ended"


def test_lbfgs_takes_no_steps() -> None:
    """It says so, and the fit is what it is."""
    recorder = Recorder()
    X, y = make_task("binary")
    model, _ = pair("binary", solver="lbfgs", random_state=0, max_iter=20)
    with pytest.warns(UserWarning, match="takes no steps that a Recorder could record"):
        model.set_callbacks(recorder).fit(X, y)
    assert len(open_runs(recorder)) == 0
    with pytest.raises(RunFileError, match="has no runs"):
        open_run(recorder)


@pytest.mark.parametrize(
    ("parameters", "what"),
    [
        ({"keep_data": "yes"}, "keep_data must be"),
        ({"budget": -1}, "budget must be"),
        ({"budget": 1.5}, "budget must be"),
        ({"facts": {"a": 10**400}}, "facts must be what JSON can hold: int too large"),
        ({"facts": {"a": float("nan")}}, "facts must be what JSON can hold"),
    ],
)
def test_bad_parameters(parameters: dict, what: str) -> None:
    """They are told when the recorder is made."""
    with pytest.raises(ValueError, match=what):
        Recorder(**parameters)


def test_bad_places(tmp_path) -> None:
    """A file that is something else is left alone, and told before any training."""
    other = tmp_path / "notes.txt"
    other.write_text("not a run")
    with pytest.raises(RunFileError, match="not an SQLite file"):
        Recorder(other)
    assert other.read_text() == "not a run"
    with pytest.raises(RunFileError, match="its folder does not exist"):
        Recorder(tmp_path / "nowhere" / "x.retro")
    with pytest.raises(RunFileError, match="is a folder"):
        Recorder(tmp_path)


def test_steps_that_are_not_there() -> None:
    """Each is told with what there is."""
    run, _ = recorded("adam")
    n = len(run)
    assert run[-1].step == n
    assert run[0].step == run[-n - 1].step == 0
    for bad in (n + 1, -n - 2):
        with pytest.raises(IndexError, match=f"has steps 0 to {n}"):
            run[bad]
    with pytest.raises(IndexError, match="epochs 0 to 9"):
        run.at(epoch=10)
    with pytest.raises(IndexError, match="step -1"):
        run.at(0).previous()
    with pytest.raises(TypeError, match="a whole number"):
        run.at(1.5)
    with pytest.raises(TypeError, match="a step or an epoch"):
        run.at()
    with pytest.raises(TypeError, match="no list of moments"):
        run[1:3]
    assert run.at(3).next().previous().step == 3
    assert [moment.step for moment in run][-1] == n


def test_labels_and_widths_of_any_plain_kind() -> None:
    """What can be trained on can be recorded, if a file can say it; else it says what cannot."""
    X = np.random.default_rng(0).normal(size=(40, 3))
    which = (X[:, 0] > 0).astype(int)
    dates = np.array(["2020-01-01", "2021-06-30"], dtype="datetime64[D]")[which]
    recorder = Recorder()
    model = MLPClassifier(range(3, 5), max_iter=3, random_state=0).set_callbacks(recorder)
    model.fit(X, dates)
    again = open_run(recorder)[-1].estimator()
    assert again.classes_.dtype == dates.dtype
    assert (again.predict(X) == model.predict(X)).all()
    assert again.hidden_layer_sizes == [3, 4]
    with pytest.raises(ValueError, match="labels of type .* cannot be written; texts and whole"):
        clone(model).set_callbacks(Recorder()).fit(X, which.astype(np.longdouble))


def test_partial_fit_is_not_recorded() -> None:
    X = np.random.default_rng(0).normal(size=(40, 3))
    recorder = Recorder()
    model = MLPClassifier((3,)).set_callbacks(recorder)
    with pytest.warns(UserWarning, match="partial_fit has no end .*: this fit is not in its file"):
        model.partial_fit(X, X[:, 0] > 0, classes=[False, True])
    assert len(open_runs(recorder)) == 0


def test_memory_of_a_moment_is_read_only() -> None:
    """Else a moment that calls itself exact could be another one."""
    run, _ = recorded("adam")
    moment = run.at(3)
    for name in ("m", "v"):
        for part in moment.optimizer_state[name].values():
            with pytest.raises(ValueError, match="read-only"):
                part[0][:] = 1.0


@pytest.mark.parametrize("number", ["1", 1.0, True])
def test_numbers_of_runs_are_whole_numbers(number) -> None:
    recorder = Recorder()
    MLPClassifier((3,), max_iter=2).set_callbacks(recorder).fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(TypeError, match="run is the number of a run, not"):
        open_run(recorder, number)
    run = open_run(recorder, np.int32(1))
    assert run.number == 1
    with pytest.raises(TypeError, match="a step is a whole number"):
        run[0.5]


@pytest.mark.parametrize(
    "parameters",
    [
        {"alpha": np.longdouble(0.1)},
        {"alpha": True},
        {"solver": "sgd", "momentum": True},
        {"max_iter": 10**13, "n_iter_no_change": 2, "tol": 10.0},
        {"max_iter": 10**19, "n_iter_no_change": 2, "tol": 10.0},
        {"max_iter": True},
    ],
    ids=str,
)
def test_what_can_be_trained_can_be_recorded(parameters: dict) -> None:
    X, y = make_task("multiclass")
    recorder, given = Recorder(), {"max_iter": 3, "random_state": 0, **parameters}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = MLPClassifier((4,), **given).fit(X, y)
        model = MLPClassifier((4,), **given).set_callbacks(recorder).fit(X, y)
    same_bits(plain, model)
    run = open_run(recorder)
    assert run.verify() is None
    same_bits(run.estimator(), model)


def test_places_of_no_use(tmp_path) -> None:
    with pytest.raises(ValueError, match="path must not have a NUL character"):
        Recorder(str(tmp_path / "a\0b.retro"))
    with pytest.raises(TypeError, match="recorder must be a Recorder"):
        MLP().fit(np.zeros((2, 2)), np.zeros(2), "a.retro")
    assert list(tmp_path.iterdir()) == []


def test_data_that_are_too_many_to_keep_are_told(tmp_path, monkeypatch) -> None:
    """At once, not when they are missed; of what is asked for nothing need be said."""
    monkeypatch.setattr(recorder_module, "DATA_AT_MOST", 100)
    X, y = make_task("binary")

    def fit(name: str, keep_data: bool | str, rows=X) -> None:
        model = MLPClassifier((3,), max_iter=3, random_state=0)
        model.set_callbacks(Recorder(tmp_path / name, keep_data=keep_data)).fit(rows, y)

    with pytest.warns(RecordingWarning, match=r"are not kept, .* open_run\(path, data=\(X, y\)\)"):
        fit("auto.retro", "auto")
    with pytest.raises(RunFileError, match="keeps no training data"):
        open_run(tmp_path / "auto.retro").at(1).trace()
    with pytest.warns(RecordingWarning, match="are not kept"):
        fit("sparse.retro", "auto", scipy.sparse.csr_array(X))
    fit("without.retro", False)  # any warning would be an error
    fit("with.retro", True)
