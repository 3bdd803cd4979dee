"""Questions to the past: each answered as one who looks at every moment would answer it."""

import copy
import pickle
import threading

import numpy as np
import pytest
from recorded import KINDS, data_of, fitted, moments_theta, recorded
from sklearn.exceptions import ConvergenceWarning

from retrograd import (
    MLPClassifier,
    MLPRegressor,
    Recorder,
    first_divergence,
    open_run,
    open_runs,
    trace,
)
from retrograd.engine.divergence import DivergenceError
from retrograd.estimators.notebook import MLP
from retrograd.rewind import replay
from retrograd.rewind.expressions import Expression
from retrograd.rewind.run import Run
from retrograd.rewind.scan import scan, values_of
from retrograd.rewind.syntax import ExpressionError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

CONDITIONS = [
    "loss < 0.9",
    "epoch >= 3 and loss < 0.6",
    "loss < 0.9 or step > 30",
    "step >= 17",
    "epoch == 4",
    "max(abs(coefs[0])) > 1.2",
    "intercepts[1][0] > intercepts[1][2]",
    "norm(dW[0]) < 0.3",
    "dead(0, 1)",
    "any(z[1] > 2)",
    "mean(a[0]) > 0.5",
    "max(loss_per_row) > 2.5",
    "penalty > 0.001",
    "gradient_norm > 1 and learning_rate > 0.02",
    "size(y_pred) < 30",
    "max(y_pred) > 0.9 and min(x) < -1",
    "loss > 1e9",
    "not abs(dW[1][0, 1]) > 0.05",
    "max(coefs[0][:2, 1:]) > 0.9 and min(db[0]) < 0",
    "0 < intercepts[0][1] < 0.1",
    "argmax(coefs[1]) == 3 or argmin(dW[0][-1]) == 2",
    "step < 0 and coefs[0][99, 0] > 1",
    "all(dW[0] * intercepts[0] < max(abs(coefs[0])) / 30)",
]


@pytest.mark.parametrize("text", CONDITIONS)
def test_first_and_last(text: str) -> None:
    """They are the first and the last of all moments at which the condition holds."""
    run, _ = recorded("adam")
    condition = Expression(text)
    end = len(run) + (condition.names <= {"coefs", "intercepts", "step", "epoch", "learning_rate"})
    holds = [step for step in range(end) if condition.holds(values_of(run.at(step).trace(), step))]
    found = run.first(text), run.last(text)
    if not holds:
        assert found == (None, None)
        return
    assert [moment.step for moment in found] == [holds[0], holds[-1]]
    middle = holds[len(holds) // 2]
    assert run.first(text, after=middle).step == middle
    before = run.last(text, before=middle)
    expected = [step for step in holds if step < middle]
    assert (before and before.step) == (expected[-1] if expected else None)


@pytest.mark.parametrize("room", [1, 1 << 8, 1 << 20])
@pytest.mark.parametrize("kind", ["rmsprop, one cycle", "in order", "notebook's", "seed's"])
def test_stretches_have_what_a_scan_has(kind: str, room: int, monkeypatch) -> None:
    """Many steps at once, in parts of any size, are the very steps that a look at each one sees."""
    monkeypatch.setattr(replay, "HISTORY_NUMBERS", room)
    run = notebooks_run(kind == "seed's") if kind.endswith("'s") else recorded(kind)[0]
    asked = ["coefs[1]", "intercepts[0]", "dW[0]", "db[1][0]", "gradient_norm", "loss", "epoch",
             "learning_rate", "mean(coefs[0])", "max(dW[1]) - min(coefs[0][:, 0])"]  # fmt: skip
    names = {"coefs", "intercepts", "dW", "db", "gradient_norm", "loss", "epoch", "learning_rate"}
    one_by_one = [(step, {text: Expression(text).value(values) for text in asked})
                  for step, values in scan(run.replay, 0, len(run), names)]  # fmt: skip
    assert len(one_by_one) == len(run)
    for text in asked:
        series = run.watch(text, stop=len(run))
        np.testing.assert_array_equal(series.steps, [step for step, _ in one_by_one])
        expected = np.array([values[text] for _, values in one_by_one])
        assert series.values.dtype == expected.dtype
        np.testing.assert_array_equal(series.values, expected)


def notebooks_run(is_seed: bool) -> Run:
    """A recorded training of the notebook's MLP: two hidden units, or three."""
    X = np.random.default_rng(0).normal(size=(40, 2))
    recorder = Recorder()
    mlp = MLP(hidden_units=2 if is_seed else 3, lr=0.1, epochs=5)
    mlp.fit(X, (X[:, 0] > X[:, 1]).astype(int), recorder=recorder)
    return open_run(recorder)


def test_a_function_as_condition() -> None:
    """It is asked of moments, and may do anything that can be done with them."""
    run, _ = recorded("adam")
    X, y, _ = data_of("multiclass")
    scores = [moment.estimator().score(X, y) for moment in run]
    good = [step for step, score in enumerate(scores[:-1]) if score > 0.6]
    assert run.first(lambda moment: moment.estimator().score(X, y) > 0.6).step == good[0]
    assert run.last(lambda moment: moment.estimator().score(X, y) <= 0.6) is not None
    assert run.first(lambda moment: moment.step == 21, after=5).step == 21


@pytest.mark.parametrize("storage", ["dense", "csr"])
def test_watch_is_what_moments_have(storage: str) -> None:
    """Every value, at every step or at every so-manieth; arrays too."""
    run, _ = recorded("adam", storage)
    series = run.watch("coefs[0][3, 2]")
    np.testing.assert_array_equal(series.steps, np.arange(len(run) + 1))
    np.testing.assert_array_equal(
        series.values, [moments_theta(run, step)[3 * 5 + 2] for step in series.steps]
    )
    some = run.watch("db[1]", start=3, stop=20, every=4)
    np.testing.assert_array_equal(some.steps, [3, 7, 11, 15, 19])
    np.testing.assert_array_equal(
        some.values, [run.at(step).trace().layers[1].db for step in some.steps]
    )
    losses = run.watch("loss")
    np.testing.assert_array_equal(losses.values, run.losses[1])
    np.testing.assert_array_equal(
        run.watch("sum(x)", stop=3).values,
        [values_of(run.at(step).trace(), step)["x"].sum() for step in range(3)],
    )


def test_large_batches_are_watched_whole() -> None:
    """Where a training has only the last rows' units at hand, a question sees all of them."""
    X = np.random.default_rng(0).normal(size=(2500, 2))
    recorder = Recorder()
    model = MLPClassifier((3,), batch_size=2400, max_iter=3, random_state=0)
    model.set_callbacks(recorder).fit(X, (X[:, 0] > 0).astype(int))
    run = open_run(recorder)
    np.testing.assert_array_equal(run.watch("size(z[0])").values, [7200, 300] * 3)
    np.testing.assert_array_equal(run.watch("loss").values, run.losses[1])


def test_log_prints_after_the_fact(capsys) -> None:
    """A line for every step that was asked for, in the words of the question."""
    run, _ = recorded("adam")
    run.log("loss", "coefs[0][0]", every=20)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["step 0", "step 20", "step 40"]
    assert f"loss = {run.losses[1][20]:.6g}" in lines[1]
    assert "coefs[0][0] = [" in lines[2]
    # At the run's end there are weights, but no step that has a loss.
    for asked, last in (("loss", len(run) - 1), ("step", len(run))):
        run.log("coefs[0][0, 0]", asked, start=len(run) - 1)
        assert capsys.readouterr().out.splitlines()[-1].startswith(f"step {last}  coefs")


def test_questions_that_are_none() -> None:
    """A mistake is told with its place; nothing but the language is evaluated."""
    run, _ = recorded("adam")
    for text, what in [
        ("los > 2", "did you mean loss"),
        ("loss", "compare"),
        ("dW[7] > 1", "2 layers, 0 to 1|3 layers, 0 to 2"),
        ("coefs[0] > 1", "any|all"),
        ("coefs[0][99, 0] > 1", "out of range"),
        ("coefs[0][0, 0, 0] > 1", "out of range|too many"),
        ("not coefs[0][0, 0]", "compare"),
        ("max(coefs[0][:0]) > 1", "nothing in this array"),
        ("__import__('os')", "column"),
        ("coefs.__class__", "column"),
    ]:
        with pytest.raises(ExpressionError, match=what):
            run.first(text)
    for every in (0, 2.5, True):
        with pytest.raises(ValueError, match="every must be a whole number, at least 1, got"):
            run.watch("loss", every=every)
    with pytest.raises(ExpressionError, match=r"is of shape \(10,\) at step 0, and of \(\d,\) at"):
        run.watch("loss_per_row")
    for ask in (run.watch, run.log):
        with pytest.raises(TypeError, match="an expression is a text such as 'loss', not"):
            ask(len)
    with pytest.raises(TypeError, match="an epoch is a whole number, not 1.5"):
        run.at(epoch=1.5)
    with pytest.raises(ValueError, match="at least one expression"):
        run.log()


def diverged() -> tuple:
    """A run that diverged after some good steps, and its error."""
    recorder = Recorder()
    with pytest.raises(DivergenceError) as raised:
        fitted("sgd, invscaling", recorder, learning_rate_init=60.0, learning_rate="constant",
               activation="identity", alpha=10.0, max_iter=400)  # fmt: skip
    return open_run(recorder), raised.value


def test_the_step_that_diverged_is_found() -> None:
    """It is the last moment's, and questions see it; those before are good."""
    run, error = diverged()
    n = len(run)
    assert n == error.step > 0
    assert run.status == "diverged"
    found = run.first("not all(isfinite(coefs[0])) or not all(isfinite(dW[0])) or loss != loss"
                      " or isinf(loss) or not all(isfinite(z[0]))")  # fmt: skip
    trace = run[-1].trace()
    assert trace.trouble == error.place
    if found is not None:
        assert found.step == n
    assert run.watch("loss").steps[-1] == n
    assert run.first("loss > 1e9").step < n
    grows = run.watch("max(abs(coefs[0]))").values
    assert grows[-1] > 1e3 * grows[0]


@pytest.mark.parametrize(
    "kind", ["adam", "adamw, cosine", "rmsprop, one cycle", "sgd, invscaling", "full batch"]
)
def test_why_shares_sum_to_the_update(kind: str) -> None:
    """Rows, momentum and penalty together are what the parameter moved by; hardly any is left."""
    run, _ = recorded(kind)
    step = len(run) // 2
    trace = run.at(step).trace()
    for layer, i, o in [(0, 1, 2), (1, 3, 0), (0, None, 1), (-1, 0, -1)]:
        why = run.why(layer, i, o, step)
        part = trace.layers[layer]
        before, after = (part.b, part.b_after) if i is None else (part.W, part.W_after)
        place = o if i is None else (i, o)
        assert (why.before, why.after) == (before[place], after[place])
        total = why.shares.sum() + why.momentum + why.penalty + why.rounding
        assert total == pytest.approx(after[place] - before[place], rel=1e-12, abs=1e-18)
        scale = np.abs(why.shares).sum() + abs(why.momentum) + abs(why.penalty)
        assert abs(why.rounding) <= 1e-12 * scale + 2e-16 * abs(why.before)
        assert sorted(why.rows) == sorted(trace.rows)
        assert (np.diff(np.abs(why.shares)) <= 0).all()


def test_a_rows_share_is_what_it_does() -> None:
    """Without a row in the batch, plain descent moves by less just its share."""
    run, _ = recorded("full batch")
    model = run.at(0).estimator().set_params(solver="sgd", momentum=0.0, alpha=0.0)
    recorder = Recorder()
    X, y, weight = data_of(KINDS["full batch"][0])
    fit = model.set_params(max_iter=1, shuffle=False, batch_size=47)
    fit.set_callbacks(recorder).fit(X, y, weight)
    run = open_run(recorder)
    assert repr(run) == f"<Run 1 of {run.store.name}: 1 step, ended>"
    why = run.why(0, 2, 1, 0)
    assert repr(why) == f"<Why coefs[0][2, 1]: {why.before:.6g} -> {why.after:.6g}, 47 rows>"
    row = why.rows[0]
    without = weight.copy()
    without[row] = 0.0
    other = trace(run.at(0).estimator(), X, y, without)
    share = other.layers[0].W_update[2, 1] * without.sum() / weight.sum()
    assert why.update - share == pytest.approx(why.shares[0], rel=1e-9)


def test_why_of_what_is_not_there() -> None:
    """Layer, input and unit are told with how many there are."""
    run, _ = recorded("adam")
    for where, what in [
        ((7, 0, 0), "3 layers, 0 to 2"),
        ((0, 4, 0), "4 inputs, 0 to 3"),
        ((0, 0, 5), "5 units, 0 to 4"),
    ]:
        with pytest.raises(IndexError, match=what):
            run.why(*where, 3)
    for where, what in [
        ((0, "bias", 0), "i, unless None for a bias, is a whole number, not 'bias'"),
        ((0, 1.5, 0), "not 1.5"), ((0.0, 1, 0), "layer is a whole number"), ((0, 1, True), "True"),
        ((0, None, None), "o is a whole number, not None"), ((None, None, 0), "layer is a whole"),
    ]:  # fmt: skip
        with pytest.raises(TypeError, match=what):
            run.why(*where, 3)
    assert "coefs[0][1, 2]" in str(run.why(0, 1, 2, 3))


def test_steps_that_are_none() -> None:
    """Are refused, not taken for an end before which there is nothing."""
    run, _ = recorded("adam")
    for ask in (
        lambda: run.watch("loss", stop=-1), lambda: run.log("loss", stop=-1),
        lambda: run.last("loss > 0", before=-1), lambda: run.first("loss > 0", after=-1),
    ):  # fmt: skip
        with pytest.raises(IndexError, match="-1"):
            ask()
    with pytest.raises(TypeError, match="stop is a step, a whole number, not 2.5"):
        run.watch("loss", stop=2.5)  # type: ignore[arg-type]
    assert len(run.watch("loss", stop=10**6).steps) == len(run)


def test_a_run_is_neither_copied_nor_pickled() -> None:
    """It stands for an open file; what says so says what to do."""
    run, _ = recorded("adam")
    for one in (run, run[2], run.store):
        with pytest.raises(TypeError, match="cannot be copied or pickled: open it again"):
            pickle.dumps(one)
        with pytest.raises(TypeError, match="open_run"):
            copy.deepcopy(one)


def test_first_divergence() -> None:
    """The step that parts two runs, and the first parameter that differs; None for twins."""
    recorder = Recorder()
    fitted("adam", recorder)
    run = open_run(recorder)
    assert first_divergence(run, run) is None
    assert first_divergence(run, recorded("adam")[0]) is None
    assert first_divergence(run, run.branch(13)) is None
    for at in (0, 13, 20):
        branch = run.branch(at, alpha=2.0)
        for pair in ((run, branch), (branch, run)):
            parted = first_divergence(*pair)
            assert parted.step == at
            assert parted.parameter == f"coefs[0][0, {parted.unit}]"
            a, b = moments_theta(run, at + 1), moments_theta(branch, 1)
            assert {*parted.values} == {a[parted.unit], b[parted.unit]}
    parted = first_divergence(run, run.branch(13, edit={"coefs[0][3, 2]": 5.0}))
    assert (parted.step, parted.layer, parted.unit) == (-1, 0, 2)
    assert (parted.parameter, parted.values[1]) == ("coefs[0][3, 2]", 5.0)
    # Told apart by their bits: so is the parameter.
    zeros = [run.branch(13, edit={"coefs[1][2, 0]": zero}) for zero in (0.0, -0.0)]
    parted = first_divergence(*zeros)
    assert (parted.step, parted.parameter) == (-1, "coefs[1][2, 0]")
    assert [np.signbit(value) for value in parted.values] == [False, True]
    other = Recorder()
    fitted("adam", other, random_state=1)
    assert first_divergence(run, open_run(other)).step == -1
    with pytest.raises(ValueError, match="networks of widths"):
        first_divergence(run, recorded("no hidden layer")[0])


def test_runs_that_differ_in_what_adam_counts_from() -> None:
    """Of the same state, one whose memory begins there goes another way than one that goes on."""
    recorder = Recorder()
    X, y, _ = data_of("multiclass")
    model = MLPClassifier((4,), solver="sgd", max_iter=2, batch_size=10, random_state=0)
    model.set_params(warm_start=True, learning_rate_init=0.01).fit(X, y)
    model.set_params(solver="adam").set_callbacks(recorder).fit(X, y)
    late = open_run(recorder)
    assert late.header.course["memory_start"] == late.header.course["first_step"] > 0
    early = Recorder()
    again = MLPClassifier((4,), max_iter=2, batch_size=10, random_state=0, warm_start=True)
    again.set_params(learning_rate_init=0.01).fit(X, y)
    again._state.slots[:] = 0.0  # as if Adam had forgotten what it knew, but not when it began
    for mine, theirs in zip(again.coefs_, late[0].coefs, strict=True):
        mine[:] = theirs
    for mine, theirs in zip(again.intercepts_, late[0].intercepts, strict=True):
        mine[:] = theirs
    again.set_callbacks(early).fit(X, y)
    parted = first_divergence(late, open_run(early))
    assert parted is not None
    assert parted.step == late.header.course["first_step"]


def test_runs_that_part_and_end_alike() -> None:
    """Two rates lead to one optimum, to the bit: they part all the same."""
    recorder = Recorder()
    for rate in (0.5, 0.25):
        model = MLPRegressor(
            hidden_layer_sizes=(), solver="sgd", momentum=0, learning_rate_init=rate, alpha=0,
            batch_size=4, max_iter=200, tol=0, n_iter_no_change=999, random_state=0,
        )  # fmt: skip
        with pytest.warns(ConvergenceWarning):
            model.set_callbacks(recorder).fit(np.ones((4, 1)), np.zeros(4))
    one, other = open_runs(recorder)
    assert moments_theta(one, 200).tobytes() == moments_theta(other, 200).tobytes()
    parted = first_divergence(one, other)
    assert (parted.step, parted.parameter) == (0, "coefs[0][0, 0]")
    assert parted.values == (one[1].coefs[0][0, 0], other[1].coefs[0][0, 0])
    assert first_divergence(one, one.branch(3)) is None


def test_runs_that_part_late() -> None:
    """Nothing but the last epoch's rate, or a longer plan, tells them apart."""
    run, _ = recorded("sgd, adaptive")
    longer = run.branch(0, tol=0.0)
    cut = next(k for k, epoch in enumerate(run.epochs) if epoch.learning_rate < 0.03)
    parted = first_divergence(run, longer)
    assert parted.step == run.epochs[cut - 1].step, "where that epoch begins"
    plan = recorded("adamw, cosine")[0]
    assert first_divergence(plan, plan.branch(0, max_iter=12)).step == 0


@pytest.mark.parametrize("ask", ["first", "last", "watch", "log"])
def test_an_error_lets_go_of_the_replay(ask: str) -> None:
    """Whoever keeps the error, as an interactive Python does, holds up no other thread."""
    run, _ = recorded("adam")
    text = "a[0][9, 0]" if ask in ("watch", "log") else "a[0][9, 0] > 2"
    with pytest.raises(ExpressionError) as kept:
        getattr(run, ask)(text)  # the last batch has fewer rows
    lock, free = run.replay.lock, []

    def look() -> None:
        free.append(lock.acquire(blocking=False))
        if free[0]:
            lock.release()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert free == [True]
    assert kept.value is not None


def test_a_function_is_asked_of_the_last_moment() -> None:
    run, _ = recorded("adam")
    assert run.first(lambda moment: moment.step == len(run)).step == len(run)
    assert run.last(lambda moment: moment.coefs[0].max() > -9).step == len(run)
    assert run.last(lambda moment: True, before=len(run)).step == len(run) - 1


@pytest.mark.parametrize("nothing", [None, 5])
def test_what_is_no_condition_and_no_run(nothing: object) -> None:
    """Said so, and how to say what one means."""
    run, _ = recorded("adam")
    for ask in (run.first, run.last):
        with pytest.raises(TypeError, match="a condition is an expression, as .*, or a function"):
            ask(nothing)
    with pytest.raises(TypeError, match="what is compared are runs, as from open_run"):
        first_divergence(run, nothing)
    with pytest.raises(TypeError, match="a step or an epoch: not both"):
        run.at(3, epoch=1)


def test_steps_of_a_branch_are_counted_from_its_begin() -> None:
    """As moments, goto and the prompt count them: in stretches, scans, traces, and functions."""
    run = recorded("adam")[0].branch(at=7, learning_rate_init=0.02)
    for text in ("step >= 3", "step >= 3 and mean(a[0]) < 9", "step >= 3 and penalty < 9"):
        assert run.first(text).step == 3, text
    for text in ("step", "step + 0 * mean(a[0])", "step + 0 * penalty"):
        values = run.watch(text).values
        assert values.size >= len(run)
        assert values.tolist() == list(range(values.size)), text
    assert run.watch("step").values.dtype.kind == "i"


@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw", "rmsprop"])
def test_why_of_a_batch_that_weighs_nothing(solver: str) -> None:
    rng = np.random.default_rng(0)
    X, weight, recorder = rng.normal(size=(40, 3)), np.zeros(40), Recorder()
    weight[:20] = 1.0
    model = MLPClassifier((3,), solver=solver, max_iter=2, batch_size=20, shuffle=False)
    model.set_params(alpha=0.1, random_state=0).set_callbacks(recorder)
    model.fit(X, X[:, 0] > 0, weight)
    why = open_run(recorder).why(0, 0, 0, step=1)
    assert (why.update, why.momentum, why.penalty, why.rounding) == (0.0, 0.0, 0.0, 0.0)
    assert not why.shares.any()
