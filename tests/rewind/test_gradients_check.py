"""The check of gradients: passes what is right, names what is wrong, and knows a kink."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from IPython.lib.pretty import pretty

from problems import PAIRS, Problem, make_problem
from retrograd.engine import objective
from retrograd.engine.batches import make_data
from retrograd.engine.network import Network
from retrograd.maths.activations import ACTIVATIONS
from retrograd.rewind.gradients import GradientReport, check_gradients_of
from walks import LOGISTIC, SOFTMAX, SQUARED


def report_of(problem: Problem, storage: str = "dense", dtype: type = np.float64, **more):
    """Check a problem's gradients, with a penalty."""
    return check_gradients_of(
        problem.network, 0.3, problem.data(storage, dtype), problem.theta, **more
    )


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_right_gradients_pass(activation: str, pair: tuple[str, str]) -> None:
    """For every function and loss; single precision data are looked at in double."""
    problem = make_problem((3, 4, 3, 2), activation, pair, 6)
    for storage, dtype in (("dense", np.float64), ("csr", np.float32)):
        report = report_of(problem, storage, dtype)
        assert report.ok, str(report)
        assert [array.name for array in report.arrays] == [
            "W[0]", "b[0]", "W[1]", "b[1]", "W[2]", "b[2]",
        ]  # fmt: skip
        assert [array.n_checked for array in report.arrays] == [12, 4, 12, 3, 6, 2]
        for array in report.arrays:
            assert array.n_kinks == 0
            assert array.relative < 1e-5


@pytest.fixture
def spoil(monkeypatch: pytest.MonkeyPatch) -> Callable:
    """Makes the engine's gradient wrong at one parameter, by a factor or a number added."""
    right = objective.Objective.__call__

    def wrong(p: int, factor: float = 1.0, added: float = 0.0) -> None:
        def call(self, theta):
            loss, gradient = right(self, theta)
            gradient[p] = gradient[p] * factor + added
            return loss, gradient

        monkeypatch.setattr(objective.Objective, "__call__", call)

    return wrong


@pytest.mark.parametrize(("name", "index"), [("W[0]", (1, 2)), ("b[1]", (1,))])
def test_a_wrong_gradient_is_named(name: str, index: tuple[int, ...], spoil) -> None:
    """Its layer, its index, both values; the other arrays stay right."""
    problem = make_problem((3, 5, 2), "tanh", SOFTMAX, 6)
    numbers = np.arange(problem.network.n_parameters)
    layer = int(name[2])
    part = problem.network.weights if name[0] == "W" else problem.network.biases
    spoil(int(part(numbers, layer)[index]), 1.0001)
    report = report_of(problem)
    assert not report.ok
    wrong = [array for array in report.arrays if not array.ok]
    assert [array.name for array in wrong] == [name]
    assert wrong[0].worst == index
    assert wrong[0].relative == pytest.approx(1e-4, rel=0.01)
    assert wrong[0].gradient == pytest.approx(1.0001 * wrong[0].difference, rel=1e-6)
    assert "WRONG" in str(report).splitlines()[0]
    assert str(report).count("WRONG") == 2


def on_a_kink() -> Problem:
    """One relu unit whose z is exactly 0 in every row, in a net that is smooth otherwise."""
    problem = make_problem((2, 2, 1), "relu", SQUARED, 4)
    problem.X = np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 1.0], [0.5, 2.0]])
    weights, biases = problem.network.layers(problem.theta)
    weights[0][:] = [[0.0, 0.5], [0.0, 0.25]]
    biases[0][:] = [0.0, 0.5]
    weights[1][:] = 1.0
    return problem


def test_a_kink_is_no_failure() -> None:
    """Entries that move the unit off 0 to one side only are named as at a kink."""
    report = report_of(on_a_kink())
    W, b = report.arrays[:2]
    assert report.ok
    assert type(W.ok) is bool
    assert (W.n_kinks, b.n_kinks) == (2, 1)
    assert "2 at a kink" in str(report)


def test_a_kink_is_no_excuse(spoil) -> None:
    """A wrong derivative of the smooth unit beside it is found, and is the one named."""
    problem = on_a_kink()
    p = int(problem.network.weights(np.arange(problem.network.n_parameters), 0)[1, 1])
    spoil(p, 1.01)
    W = report_of(problem).arrays[0]
    assert not W.ok
    assert (W.n_kinks, W.worst) == (2, (1, 1))


@pytest.mark.parametrize(("added", "ok"), [(-0.5, False), (5.0, False), (0.001, True)])
def test_a_derivative_at_a_kink_lies_between_those_to_its_sides(
    added: float, ok: bool, spoil
) -> None:
    """Anything in between may be called one; beyond them it is wrong."""
    problem = on_a_kink()
    numbers = np.arange(problem.network.n_parameters)
    spoil(int(problem.network.weights(numbers, 0)[0, 0]), added=added)
    assert report_of(problem).ok == ok


@pytest.mark.parametrize("added", 10.0 ** np.arange(-10, 0, 0.5))
def test_a_smooth_net_has_no_kinks(added: float, spoil) -> None:
    """However little its gradient is off, also where rounding hides that."""
    problem = make_problem((4, 6, 1), "tanh", LOGISTIC, 20)
    problem.theta *= 4.0
    spoil(3, added=added)
    report = report_of(problem)
    assert all(array.n_kinks == 0 for array in report.arrays)
    assert report.ok or added > 1e-9
    assert not report.ok or added < 1e-3


def test_a_kink_near_by() -> None:
    """Within the difference's step, not at the parameter itself: found by a narrower step."""
    problem = on_a_kink()
    problem.network.biases(problem.theta, 0)[0] = 2e-6
    report = report_of(problem)
    assert report.ok
    assert report.arrays[1].n_kinks == 1


def test_rows_and_weights() -> None:
    """Only the rows that are asked for; their weights count."""
    problem = make_problem((3, 4, 2), "gelu", SOFTMAX, 12)
    rows = np.array([3, 1, 8])
    some = report_of(problem, rows=rows)
    alone = replace(problem, X=problem.X[rows], y=problem.y[rows], weight=problem.weight[rows])
    assert some == report_of(alone)
    assert some.n_rows == 3
    assert some != report_of(problem)
    assert report_of(problem, "csr", rows=rows).ok


def test_large_arrays_are_sampled() -> None:
    """Two hundred entries, the same for the same seed, and the report says so."""
    problem = make_problem((30, 12, 2), "tanh", LOGISTIC, 5)
    report = report_of(problem)
    W = report.arrays[0]
    assert (W.n_entries, W.n_checked) == (360, 200)
    assert "200 of 360" in str(report)
    assert "a seeded sample was looked at" in str(report)
    assert report == report_of(problem)
    assert report != report_of(problem, seed=1)


def test_saturated_outputs() -> None:
    """Probabilities that are 1 to the last digit, and a clipped log loss: z tells the slope yet."""
    problem = make_problem((20, 10, 1), "tanh", LOGISTIC, 50)
    problem.theta *= 20.0
    report = report_of(problem)
    assert report.verdict == "right"
    assert max(array.relative for array in report.arrays) < 1e-5
    for output, label, n_out in (("logistic", 0.0, 1), ("softmax", 1.0, 2)):
        network = Network((1, n_out), (), output, "log_loss")
        data = make_data(network, np.array([[60.0], [1.0]]), np.full(2, label))
        theta = np.array([1.0, *np.zeros(network.n_parameters - 1)])
        report = check_gradients_of(network, 0.0, data, theta)
        assert report.verdict == "right"
        assert report.loss == pytest.approx((60.0 + np.log1p(np.e)) / 2, rel=1e-12)
        assert report.n_clipped == 1
        assert "Rows whose log loss training reports clipped: 1." in str(report)


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each array under one for all, as columns."""
    report = report_of(make_problem((3, 4, 2), "tanh", SQUARED, 6))
    print(report)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Gradients of 6 rows against central differences of the loss, ")
    assert lines[0].endswith(": right")
    assert len(lines) == 6
    assert lines[2].split()[:3] == ["W[0]", "all", "12"]
    assert isinstance(report, GradientReport)
    assert repr(report) == f"<GradientReport: 6 rows, loss {report.loss:.6g}, right>"
    assert pretty(report) == str(report), "what a notebook's cell ends in"


def test_bad_input() -> None:
    """One sentence each."""
    problem = make_problem((3, 4, 2), "tanh", SQUARED, 6)
    with pytest.raises(ValueError, match="the network has 26 parameters"):
        check_gradients_of(problem.network, 0.0, problem.data("dense"), np.zeros(3))
    with pytest.raises(ValueError, match="at least one row"):
        report_of(problem, rows=np.array([], dtype=int))
    problem.theta[:] = np.nan
    with pytest.raises(ValueError, match="the loss is nan"):
        report_of(problem)


def test_what_rounding_hides_is_not_called_right() -> None:
    """A target a billion away: the loss no longer changes by what a step moves it."""
    network = Network((2, 3, 1), ("tanh",), "identity", "squared_error")
    rng = np.random.default_rng(0)
    X, theta = rng.normal(size=(20, 2)), rng.normal(size=network.n_parameters)
    for offset, verdict, lost in (
        (0.0, "right", 0), (3e8, "right, as far as rounding lets tell", None),
        (1e10, "nothing can be told", network.n_parameters),
    ):  # fmt: skip
        data = make_data(network, X, X[:, 0] + offset)
        report = check_gradients_of(network, 0.0, data, theta)
        assert report.ok
        assert str(report).splitlines()[0].endswith(f": {verdict}")
        n_lost = sum(array.n_lost for array in report.arrays)
        assert n_lost == lost if lost is not None else 0 < n_lost < network.n_parameters
        assert ("lost in rounding" in str(report)) == (n_lost > 0)
