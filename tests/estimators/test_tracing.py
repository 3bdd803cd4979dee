"""trace and check_gradients on estimators: the step that comes next, and nothing is changed."""

import json

import numpy as np
import pytest
from recorded import KINDS, SMALL, data_of, fitted, theta_of
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tasks import make_task, pair

from retrograd import MLPClassifier, Recorder, check_gradients, open_run, trace

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("storage", ["dense", "csr"])
@pytest.mark.parametrize(
    "kind", ["adam", "adamw, cosine", "rmsprop, one cycle", "sgd, invscaling", "sgd, adaptive"]
)
def test_it_is_the_step_that_comes_next(kind: str, storage: str, dtype: type) -> None:
    """A call of partial_fit on these rows, in one batch, ends where the trace says."""
    X, y, weight = data_of(KINDS[kind][0], storage, dtype)
    model = fitted(kind, storage=storage, dtype=dtype)
    model.set_params(batch_size=X.shape[0], shuffle=False)
    before, state = theta_of(model), model._state.copy()
    traced = trace(model, X, y, weight)
    np.testing.assert_array_equal(theta_of(model), before)
    np.testing.assert_array_equal(model._state.slots, state.slots)
    assert (model._state.step, model.t_) == (state.step, state.samples_seen)
    model.partial_fit(X, y, weight)
    np.testing.assert_array_equal(traced.theta_after, theta_of(model), strict=True)
    np.testing.assert_array_equal(traced.slots_after, model._state.slots, strict=True)
    assert traced.loss == pytest.approx(model.loss_, rel=1e-15)
    assert traced.step == state.step


def test_the_very_first_step() -> None:
    """An estimator that is not fitted stays so; its step is the one that fit begins with."""
    X, y = make_task("multiclass")
    model, _ = pair("multiclass", **{**SMALL, "shuffle": False, "max_iter": 1, "batch_size": 47})
    traced = trace(model, X, y)
    assert not hasattr(model, "coefs_")
    assert vars(model) == model.get_params()
    np.testing.assert_array_equal(traced.theta_after, theta_of(model.fit(X, y)))


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
def test_a_schedule_is_where_the_training_has_come_to(schedule: str) -> None:
    """Whatever rows are traced, of batches of whatever size: it is laid out over epochs."""
    recorder = Recorder()
    fitted("adam", recorder, learning_rate=schedule, max_iter=8)
    run = open_run(recorder)
    X, y, weight = data_of("multiclass")
    for epoch in range(8):
        moment = run.at(epoch=epoch)
        # All rows in one batch have the rate of the middle of the epoch's five.
        again = trace(moment.estimator(), X, y, weight).learning_rate
        assert again == pytest.approx(run.at(moment.step + 2).learning_rate, rel=1e-12)
        rows = moment.rows
        assert again == trace(moment.estimator(), X[rows], y[rows], weight[rows]).learning_rate


@pytest.mark.parametrize(
    ("before", "after"), [("sgd", "adam"), ("adam", "adamw"), ("rmsprop", "sgd")]
)
def test_a_warm_start_with_another_solver_begins_its_memory(before: str, after: str) -> None:
    """So that Adam's first step is one, not three times its rate; and it counts on from there."""
    X, y, _ = data_of("multiclass")
    model = fitted("adam", solver=before, warm_start=True).set_params(solver=after)
    step = trace(model, X, y)
    assert (step.step > 1, step.n_updates) == (True, 1)
    assert not step.slots.any()
    if after == "adam":
        assert np.abs(step.update).max() <= step.learning_rate * (1 + 1e-9)
    with pytest.warns(ConvergenceWarning):
        later = trace(model.fit(X, y), X, y)
    assert later.n_updates == later.step - step.step + 1 > 2
    assert later.slots.any()


def test_one_row_is_enough() -> None:
    """Also where the estimator knows more classes than the row shows, warm start or not."""
    X, y, _ = data_of("multiclass")
    for warm in (False, True):
        traced = trace(fitted("adam", warm_start=warm), X[:1], y[:1])
        assert traced.y_pred.shape == (1, 3)
        assert traced.loss_per_row.size == 1
    json.dumps(traced.to_dict(), allow_nan=False)


def test_what_cannot_be_traced() -> None:
    """Solver, estimator and rows that are none are told, and leave nothing behind."""
    X, y = make_task("binary")
    model, _ = pair("binary", solver="lbfgs", max_iter=3)
    with pytest.raises(ValueError, match="takes no steps of which one could be traced"):
        trace(model, X, y)
    with pytest.raises(TypeError, match="of a pipeline pass its last step"):
        trace(make_pipeline(StandardScaler(), MLPClassifier()), X, y)
    model, _ = pair("binary", random_state=0, max_iter=3)
    model.fit(X, y)
    before = dict(vars(model))
    for rows, labels, what in [
        (X[:, :2], y, "features"),
        (X, y[:3], "inconsistent"),
        (X * np.nan, y, "NaN"),
        (X, np.full(len(y), "perhaps"), "perhaps"),
    ]:
        with pytest.raises(ValueError, match=what):
            trace(model, rows, labels)
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is before[name] for name in before)


@pytest.mark.parametrize("kind", ["adam", "sgd, invscaling", "in order", "regression 3"])
def test_gradients_are_right(kind: str) -> None:
    """For every kind of target; the report says where it looked."""
    kind = "sgd, adaptive" if kind == "regression 3" else kind
    model = fitted(kind)
    report = check_gradients(model, *data_of(KINDS[kind][0]))
    assert report.ok, str(report)
    assert len(report.arrays) == 2 * len(model.coefs_)
    assert "W[0]" in str(report)


def test_lbfgs_has_a_gradient_too() -> None:
    """Though it takes no steps that could be traced."""
    X = np.random.default_rng(0).normal(size=(12, 3))
    model = MLPClassifier((3,), activation="tanh", solver="lbfgs", alpha=0.5, random_state=0)
    assert check_gradients(model, X, X[:, 0] > 0).ok
    with pytest.raises(ValueError, match="solver='lbfgs' takes no steps of which one could be"):
        trace(model, X, X[:, 0] > 0)


@pytest.mark.parametrize("random_state", ["own", None])
def test_tracing_draws_nothing_from_the_users_generator(random_state) -> None:
    """A later fit takes the very step that was traced, whichever generator it draws from."""
    X = np.random.default_rng(0).normal(size=(30, 3))
    y = X[:, 0] > 0
    generator = np.random.RandomState(3) if random_state == "own" else None
    model = MLPClassifier((3,), max_iter=2, batch_size=30, random_state=generator)
    traced = trace(model, X, y)
    assert check_gradients(model, X, y).ok
    recorder = Recorder()
    model.set_callbacks(recorder).fit(X, y)
    first = open_run(recorder).at(0).trace()
    np.testing.assert_array_equal(traced.theta, first.theta, strict=True)


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "adaptive", "invscaling", "constant"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_with_warm_start_it_is_the_next_fits_first_step(solver: str, schedule: str) -> None:
    X = np.random.default_rng(0).normal(size=(30, 3))
    y = X[:, 0] > 0
    model = MLPClassifier((3,), solver=solver, learning_rate=schedule, max_iter=8, batch_size=30)
    model.set_params(random_state=0, warm_start=True, shuffle=False, tol=1.0, n_iter_no_change=1)
    model.fit(X, y)
    traced, recorder = trace(model, X, y), Recorder()
    model.set_callbacks(recorder).fit(X, y)
    first = open_run(recorder).at(0).trace()
    assert traced.learning_rate == first.learning_rate
    np.testing.assert_array_equal(traced.theta_after, first.theta_after, strict=True)
