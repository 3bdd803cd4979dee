"""Recording: it changes nothing, and what was recorded is the training, at every step."""

import numpy as np
import pytest
from recorded import KINDS, data_of, fitted, moments_theta, recorded, theta_of
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tasks import make_task, pair, same_bits

from retrograd import MLP, Recorder, open_run, open_runs
from retrograd.rewind.store import RunFileError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("kind", KINDS)
def test_recording_changes_nothing(kind: str) -> None:
    """The recorded fit has the bits, curves and counts of the same fit unrecorded."""
    _, model = recorded(kind)
    plain = fitted(kind)
    same_bits(model, plain)
    for name in ("loss_curve_", "validation_scores_", "n_iter_", "t_", "best_loss_"):
        assert getattr(model, name) == getattr(plain, name), name


@pytest.mark.parametrize("kind", KINDS)
def test_every_step_is_the_trainings(kind: str) -> None:
    """Any moment, in any order, is what a training that ends there has; so is its trace."""
    run, model = recorded(kind)
    assert run.status == "ended"
    n_epochs = len(model.loss_curve_)
    assert len(run.epochs) == n_epochs
    assert len(run) == n_epochs * run.replay.course.steps_an_epoch
    assert run.verify() is None
    assert [moment.step for moment in reversed(run)] == [moment.step for moment in run][::-1]
    states = {}
    for step in np.random.default_rng(0).permutation(len(run) + 1):
        states[step] = moments_theta(run, int(step))
    for step in range(len(run)):
        trace = run.at(step).trace()
        np.testing.assert_array_equal(trace.theta, states[step])
        np.testing.assert_array_equal(trace.theta_after, states[step + 1])
        np.testing.assert_array_equal(trace.decayed + trace.update, states[step + 1])
    recorded_losses = dict(zip(*(part.tolist() for part in run.losses), strict=True))
    replayed = np.concatenate([losses for _, losses, _ in run.replay.stretches(0, len(run))])
    assert recorded_losses == dict(enumerate(replayed.tolist()))
    assert [epoch.loss for epoch in run.epochs] == model.loss_curve_


@pytest.mark.parametrize(
    "kind", ["adam", "sgd, invscaling", "adamw, cosine", "plain sgd, one example", "in order"]
)
def test_a_moment_is_a_shorter_training(kind: str) -> None:
    """The estimator of an epoch's end predicts, scores and goes on as one fitted so far."""
    run, _ = recorded(kind)
    X, y, weight = data_of(KINDS[kind][0])
    for epoch in (1, 2):
        # Schedules by step are laid out over max_iter, so that stays.
        moment = run.at(epoch=epoch)
        assert (moment.epoch, moment.step) == (epoch, epoch * run.replay.course.steps_an_epoch)
        short = _stopped_after(kind, epoch)
        rewound = moment.estimator()
        same_bits(rewound, short)
        np.testing.assert_array_equal(rewound.predict(X), short.predict(X))
        for name in ("loss_curve_", "n_iter_", "t_", "loss_", "best_loss_"):
            assert getattr(rewound, name) == getattr(short, name), name
        same_bits(rewound.partial_fit(X, y, weight), short.partial_fit(X, y, weight))


class _Stop:
    """A callback that ends a training after some epochs."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def setup(self, estimator, context) -> None:
        """Do nothing."""

    def teardown(self, estimator, context) -> None:
        """Do nothing."""

    def on_fit_task_begin(self, estimator, context) -> None:
        """Do nothing."""

    def on_fit_task_end(self, estimator, context) -> bool:
        """Tell whether it is time."""
        return context.task_name == "epoch" and estimator.n_iter_ >= self.epochs


def _stopped_after(kind: str, epochs: int):
    return fitted(kind, _Stop(epochs))


@pytest.mark.parametrize("kind", ["early stopping", "converged", "adam"])
def test_the_result_is_what_fit_returned(kind: str) -> None:
    """With early stopping that is the best epoch, not the last."""
    run, model = recorded(kind)
    result = run.estimator()
    same_bits(result, model)
    for name in ("best_validation_score_", "validation_scores_", "n_iter_", "loss_curve_"):
        assert getattr(result, name) == getattr(model, name), name
    if kind == "early stopping":
        assert (theta_of(run[-1].estimator()) != theta_of(model)).any()
        assert [epoch.score for epoch in run.epochs] == model.validation_scores_


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("storage", ["dense", "csr"])
def test_storage_and_dtype(storage: str, dtype: type) -> None:
    """Sparse rows and single precision come back as they were."""
    run, model = recorded("adam", storage, dtype)
    np.testing.assert_array_equal(moments_theta(run, len(run)), theta_of(model), strict=True)
    middle = len(run) // 2
    again = run.at(middle - 1).trace().theta_after
    np.testing.assert_array_equal(moments_theta(run, middle), again, strict=True)


def test_a_file_and_its_runs(tmp_path) -> None:
    """Several fits go into one file; open_run asks which, and the recorder can be opened itself."""
    recorder = Recorder(tmp_path / "two.retro")
    first = fitted("adam", recorder)
    second = fitted("early stopping", recorder)
    with pytest.raises(RunFileError, match=r"has 2 runs: name one, as in open_run\(path, run=2\)"):
        open_run(tmp_path / "two.retro")
    with pytest.raises(RunFileError, match="has no run 3"):
        open_run(tmp_path / "two.retro", 3)
    runs = open_runs(recorder)
    assert [run.number for run in runs] == [1, 2]
    same_bits(runs[0].estimator(), first)
    same_bits(open_run(str(tmp_path / "two.retro"), 2).estimator(), second)
    assert list(tmp_path.iterdir()) == [tmp_path / "two.retro"]


def test_data_that_are_not_kept(tmp_path) -> None:
    """Without them only checkpoints can be had; with them everything; others are refused."""
    path = tmp_path / "bare.retro"
    model = fitted("early stopping", Recorder(path, keep_data=False))
    X, y, weight = data_of("multiclass")
    bare = open_run(path)
    same_bits(bare.at(0).estimator().fit(X, y, weight), model)
    with pytest.raises(RunFileError, match=r"pass them, as open_run\(path, data=\(X, y\)\)"):
        bare.at(3).coefs  # noqa: B018
    assert bare.at(7).epoch == open_run(path, data=(X, y, weight)).at(7).state().epoch > 0
    run = open_run(path, data=(X, y, weight))
    assert run.verify() is None
    same_bits(run.estimator(), model)
    for data, what in [
        ((X + 1, y, weight), "X is not what run 1"),
        ((X, y[::-1], weight), "y is not what"),
        ((X, y), "sample_weight is not what"),
        ((X[:, :2], y, weight), "not those that run 1 was trained on"),
        ((X,), r"data must be \(X, y\)"),
    ]:
        with pytest.raises(RunFileError, match=what):
            open_run(path, data=data)


@pytest.mark.filterwarnings("ignore:Got `batch_size`")
@pytest.mark.parametrize("kind", KINDS)
def test_an_epoch_tells_the_rate_of_its_last_step(kind: str) -> None:
    """And its curves the same, also of a branch that begins amid an epoch."""
    run, _ = recorded(kind)
    branch = run.branch(len(run) // 2 + 1)
    for one in (run, branch):
        assert one.epochs, "nothing would be compared"
        for epoch in one.epochs:
            assert epoch.learning_rate == one[epoch.step - 1].learning_rate
        assert one.curves[:, 3].tolist() == [epoch.learning_rate for epoch in one.epochs]


def test_a_memory_that_nothing_was_written_to_takes_no_room() -> None:
    """At the start, and at a branch's with another solver: the file has the parameters alone."""
    recorder = Recorder()
    fitted("adam", recorder)
    run = open_run(recorder)
    n = run.header.network.n_parameters
    others = [run.branch(10, solver="adamw"), run.branch(10)]
    for one, begins, ends in zip([run, *others], [1, 1, 3], [3, 3, 3], strict=True):
        blobs = [
            row[-1] for row in one.store.rows("checkpoints", "run = ?", one.number, order="step")
        ]
        assert [len(blob) // (8 * n) for blob in (blobs[0], blobs[-1])] == [begins, ends]
        assert one[0].state().slots.shape == (2, n)
        assert one[0].state().slots.any() == (begins == 3)
        assert one.verify() is None


def test_warm_start() -> None:
    """A second fit that goes on is a run whose steps are counted over the whole training."""
    X, y, weight = data_of("multiclass")
    recorder = Recorder()
    model = fitted("adam", warm_start=True)
    before = theta_of(model)
    model.set_callbacks(recorder).fit(X, y, weight)
    run = open_run(recorder)
    np.testing.assert_array_equal(moments_theta(run, 0), before)
    assert run.at(0).trace().step == len(run)
    assert run.at(0).epoch == 9
    assert run.verify() is None
    same_bits(run.estimator(), model)
    assert run.estimator().loss_curve_ == model.loss_curve_


def test_the_notebooks_mlp(tmp_path) -> None:
    """Its draws come from NumPy's generator, and come again; resume and branch as the others."""
    X, y = make_task("binary")
    y = (y == "yes").astype(int)
    path = tmp_path / "mlp.retro"
    np.random.seed(3)
    plain = MLP(2, lr=0.05, epochs=4).fit(X, y)
    np.random.seed(3)
    mlp = MLP(2, lr=0.05, epochs=4).fit(X, y, Recorder(path))
    np.testing.assert_array_equal(mlp.W1, plain.W1)
    run = open_run(path)
    assert (len(run), run.status) == (4 * len(X), "ended")
    assert run.verify() is None
    np.testing.assert_array_equal(run.estimator().W2, mlp.W2)
    np.random.seed(3)
    np.random.randn(2, 5), np.random.randn(1, 3)
    np.testing.assert_array_equal(
        [run.at(step).rows[0] for step in range(len(run))], np.random.randint(0, len(X), len(run))
    )
    trace = run.at(50).trace()
    np.testing.assert_array_equal(trace.theta_after, moments_theta(run, 51))
    branch = run.branch(50, lr=0.01, epochs=5)
    assert (len(branch), branch.status) == (5 * len(X) - 50, "ended")
    assert branch.verify() is None
    assert branch.at(0).learning_rate == 0.01
    same = run.branch(50)
    np.testing.assert_array_equal(moments_theta(same, len(same)), moments_theta(run, len(run)))
    with pytest.raises(ValueError, match="takes lr and epochs, not 'hidden_units'"):
        run.branch(3, hidden_units=3)


def test_every_fit_of_a_search_is_a_run(tmp_path) -> None:
    """With its parameters and its place; the models are those of the search unrecorded."""
    X, y = make_task("multiclass")
    model, _ = pair("multiclass", hidden_layer_sizes=(4,), max_iter=5, random_state=0)
    pipeline = make_pipeline(StandardScaler(), model)
    grid = {"mlpclassifier__alpha": [0.0, 1.0]}
    plain = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    search = GridSearchCV(pipeline, grid, cv=2)
    search.set_callbacks(Recorder(tmp_path / "search.retro")).fit(X, y)
    runs = open_runs(tmp_path / "search.retro")
    assert [run.header.estimator["parameters"]["alpha"] for run in runs[:4]] == [0.0, 0.0, 1.0, 1.0]
    assert len(runs) == 5
    assert len({run.header.place for run in runs}) == 5
    assert all("GridSearchCV" in run.header.place for run in runs)
    for run, where in zip(runs[:4], [(0, 0), (0, 1), (1, 0), (1, 1)], strict=True):
        assert "GridSearchCV candidate {} fold {}".format(*where) in run.header.place
    same_bits(runs[4].estimator(), plain.best_estimator_[-1])
    same_bits(search.best_estimator_[-1], plain.best_estimator_[-1])


@pytest.mark.parametrize("kind", KINDS)
def test_from_a_traced_moment_to_the_next(kind: str) -> None:
    """State and trace lead to the next state; where the file has that, it is the file's."""
    run, _ = recorded(kind)
    marks = run.store.steps_of(run.number)
    n_led = 0
    moment = run.at(0)
    while moment.step < min(len(run), 60):
        moment.keep_state()
        moment.trace()
        moment = moment.next()
        is_led = moment.held_bytes > 0
        assert is_led == (moment.step not in marks)
        n_led += is_led
        state, replayed = moment.state(), run.replay.state(moment.step)
        for name, value in vars(replayed).items():
            np.testing.assert_array_equal(getattr(state, name), value, err_msg=name)
    assert n_led > 0


def test_what_a_moment_knows() -> None:
    """Rows, rates and the optimizer's memory, by name."""
    run, model = recorded("adam")
    moment = run.at(epoch=1)
    assert moment.learning_rate == 0.03
    assert moment.rows.size == 10
    assert moment.loss == moment.trace().loss
    np.testing.assert_array_equal(moment.theta, moment.state().theta)
    assert not moment.theta.flags.writeable
    assert moment.document() is moment.document()
    assert moment.document().title == moment.trace().document().title
    assert moment.exact
    assert (run.at(4).previous().step, run.at(4).next().step) == (3, 5)
    for beyond in (run.at(0).previous, run[-1].next):
        with pytest.raises(IndexError, match="is not in the run"):
            beyond()
    memory = run[-1].optimizer_state
    assert set(memory) == {"m", "v"}
    np.testing.assert_array_equal(
        memory["m"]["coefs"][1], model._network.weights(model._state.slots[0], 1)
    )
