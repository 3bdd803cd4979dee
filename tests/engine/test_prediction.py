"""Predictions are the forward pass of training, bit for bit, wherever the rows lie."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from bits import share_all
from problems import PAIRS, Problem, make_problem
from retrograd.engine import prediction
from retrograd.engine.batches import make_data
from retrograd.engine.jit import jit
from retrograd.engine.kernels import forward
from retrograd.engine.prediction import Predictor, predict
from retrograd.engine.views import vector, views
from retrograd.maths.activations import ACTIVATIONS

SOFTMAX = ("log_loss", "softmax")


@jit(entry=True)
def pass_of_training(layout, theta, data, rows, x, z, a):
    """Send all rows forward as one panel."""
    layout, theta, data, rows = views(layout), views(theta), views(data), views(rows)
    x, z, a = views(x), views(z), views(a)
    no_strips, n = vector(theta, 0, 0), rows.size
    forward.forward(layout, theta, no_strips, data, rows, 0, n, 0, n, x, z, a)


def gathered(problem: Problem, storage: str, dtype: type, layer: int | None = None) -> np.ndarray:
    """One layer's a, the last one's if none is named, of the training's forward pass.

    It gathers its rows and keeps every z.
    """
    network, n_rows = problem.network, len(problem.X)
    z, a = (np.empty(n_rows * network.n_units, dtype) for _ in range(2))
    pass_of_training(
        network.layout(np.dtype(dtype)), problem.theta.astype(dtype), problem.data(storage, dtype),
        np.arange(n_rows), np.empty(problem.X.size, dtype), z, a,
    )  # fmt: skip
    layer = network.n_layers - 1 if layer is None else layer
    begin = n_rows * sum(network.widths[1 : layer + 1])
    return a[begin : begin + n_rows * network.widths[layer + 1]].reshape(n_rows, -1)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("storage", ["dense", "csr"])
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_equal_to_the_pass_of_training(
    activation: str, pair: tuple[str, str], storage: str, dtype: type
) -> None:
    """Where z has no memory of its own and X is read in place."""
    for widths in [(3, 2), (3, 5, 4, 2)]:
        problem = make_problem(widths, activation, pair, 6)
        outputs = predict(
            problem.network, problem.theta.astype(dtype), problem.data(storage, dtype), 6
        )
        np.testing.assert_array_equal(outputs, gathered(problem, storage, dtype), strict=True)


@pytest.mark.parametrize("storage", ["dense", "csr"])
def test_activations_on_the_way(storage: str) -> None:
    """Every layer's a is the training's, the last one's the prediction."""
    problem = make_problem((3, 5, 4, 2), "tanh", SOFTMAX, 6)
    predictor = Predictor(problem.network, problem.theta)
    data = problem.data(storage, np.float64)
    for layer in range(3):
        found = predictor.activations(data, 6, layer)
        expected = gathered(problem, storage, np.float64, layer)
        np.testing.assert_array_equal(found, expected, strict=True)


@pytest.mark.compiled
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("storage", ["dense", "csr"])
@pytest.mark.parametrize("last", [7, 1])
def test_a_row_does_not_depend_on_its_company(last: int, storage: str, dtype: type) -> None:
    """Alone, among few or among many, in training or in prediction: the same bits."""
    pair = SOFTMAX if last > 1 else ("log_loss", "logistic")
    problem = make_problem((40, 60, 30, last), "tanh", pair, 200)
    theta, data = problem.theta.astype(dtype), problem.data(storage, dtype)
    outputs = predict(problem.network, theta, data, 200)
    np.testing.assert_array_equal(outputs, gathered(problem, storage, dtype), strict=True)
    for rows in (slice(5, 6), slice(30, 43)):
        part = make_data(problem.network, problem.X[rows].astype(dtype))
        alone = predict(problem.network, theta, part, rows.stop - rows.start)
        if storage == "dense":
            np.testing.assert_array_equal(alone, outputs[rows], strict=True)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_wherever_the_rows_lie(dtype: type) -> None:
    """Off any boundary, in columns, backwards, read-only: the numbers count, not the memory."""
    problem = make_problem((30, 40, 3), "relu", SOFTMAX, 50)
    predictor = Predictor(problem.network, problem.theta.astype(dtype))
    X = problem.X.astype(dtype)
    shifted = np.empty(X.size + 1, dtype)[1:].reshape(X.shape)
    shifted[:] = X
    wider = np.zeros((50, 64), dtype)
    wider[:, 2:32] = X
    read_only = X.copy()
    read_only.flags.writeable = False
    expected, not_finite = predictor(X)
    assert not_finite == 0
    for rows in (shifted, np.asfortranarray(X), X[::-1].copy()[::-1], wider[:, 2:32], read_only):
        np.testing.assert_array_equal(predictor(rows)[0], expected, strict=True)


@pytest.mark.parametrize("panel_rows", [1, 7, 50, 512])
def test_panels_cover_every_row(panel_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many rows are taken at a time, also when workers share them."""
    problem = make_problem((30, 60, 3), "tanh", SOFTMAX, 101)
    expected = predict(problem.network, problem.theta, problem.data("dense"), 101)
    monkeypatch.setattr(prediction, "PANEL_ROWS", panel_rows)
    share_all(monkeypatch)
    for storage in ("dense", "csr"):
        for limit in (1, 3):
            with threadpool_limits(limit, user_api="blas"):
                outputs = predict(problem.network, problem.theta, problem.data(storage), 101)
            if storage == "dense":
                np.testing.assert_array_equal(outputs, expected)
            np.testing.assert_allclose(outputs, expected, rtol=1e-12)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_counted(bad: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """In every panel, whoever takes it; the largest number is finite."""
    problem = make_problem((30, 60, 3), "tanh", SOFTMAX, 101)
    predictor = Predictor(problem.network, problem.theta)
    monkeypatch.setattr(prediction, "PANEL_ROWS", 10)
    share_all(monkeypatch)
    X = problem.X.copy()
    X[3, 3] = np.finfo(np.float64).max
    assert predictor(X)[1] == 0
    for n_bad, (row, column) in enumerate([(0, 0), (55, 17), (100, 29)], 1):
        X[row, column] = bad
        with np.errstate(all="ignore"):  # interpreted kernels warn, as NumPy does
            assert predictor(X)[1] == n_bad
    with np.errstate(all="ignore"):
        assert predictor(np.full((1, 30), bad))[1] == 30


def test_parameters_are_read_anew() -> None:
    """A predictor holds no copy of them, but astype makes one."""
    problem = make_problem((3, 4, 2), "tanh", SOFTMAX, 5)
    predictor = Predictor(problem.network, problem.theta)
    single = predictor.astype(np.dtype(np.float32))
    assert predictor.astype(np.dtype(np.float64)) is predictor
    before, rounded = predictor(problem.X)[0], single(problem.X.astype(np.float32))[0]
    np.testing.assert_allclose(rounded, before, rtol=1e-5)
    problem.theta *= 2.0
    after = predictor(problem.X)[0]
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_array_equal(
        after, predict(problem.network, problem.theta, problem.data("dense"), 5)
    )
    np.testing.assert_array_equal(single(problem.X.astype(np.float32))[0], rounded)


def test_rows_that_do_not_fit_are_refused() -> None:
    """The kernel looks at memory: nothing may reach it that is not what it takes it for."""
    problem = make_problem((3, 4, 2), "tanh", SOFTMAX, 5)
    predictor = Predictor(problem.network, problem.theta)
    for rows in (
        np.zeros((5, 2)),
        np.zeros(3),
        np.zeros((5, 3), np.float32),
        np.zeros((5, 3), int),
    ):
        with pytest.raises(ValueError, match="takes 3 columns of float64"):
            predictor(rows)


def test_no_rows() -> None:
    """Nothing in, nothing out."""
    problem = make_problem((3, 4, 2), "tanh", SOFTMAX, 5)
    data = make_data(problem.network, np.empty((0, 3)))
    assert predict(problem.network, problem.theta, data, 0).shape == (0, 2)
