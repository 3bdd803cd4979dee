"""Which rows, when: pure functions, and rows handed on without harm."""

import numpy as np
import pytest
import scipy.sparse

from retrograd.engine.batches import (
    batch_bounds,
    epoch_rows,
    make_data,
)
from retrograd.engine.network import Network

NETWORK = Network((3, 2), (), "identity", "squared_error")


def test_order_is_a_pure_function_of_seed_and_epoch() -> None:
    """Asked in any order, with NumPy's global generator in any state, the answer is the same."""
    forwards = [epoch_rows(50, 7, epoch, True) for epoch in range(6)]
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    backwards = [epoch_rows(50, 7, epoch, True) for epoch in reversed(range(6))][::-1]
    assert np.array_equal(np.random.get_state()[1], before)
    for one, other in zip(forwards, backwards, strict=True):
        assert np.array_equal(one, other)
        assert one.dtype == np.int64
        assert np.array_equal(np.sort(one), np.arange(50))


def test_epochs_and_seeds_differ() -> None:
    """No two streams are the same by accident."""
    orders = [epoch_rows(50, seed, epoch, True) for seed in range(5) for epoch in range(5)]
    assert len({order.tobytes() for order in orders}) == len(orders)


def test_order_is_the_same_on_every_machine() -> None:
    """Written down, so that a change of the draws, ours or NumPy's, cannot pass unseen."""
    assert epoch_rows(8, 42, 3, True).tolist() == [1, 0, 7, 2, 3, 5, 4, 6]


def test_every_order_is_equally_likely() -> None:
    """Each row stands in each place equally often, within five standard errors."""
    n, epochs = 4, 4000
    counts = np.zeros((n, n))
    for epoch in range(epochs):
        counts[np.arange(n), epoch_rows(n, 1, epoch, True)] += 1
    assert np.abs(counts - epochs / n).max() < 5 * np.sqrt(epochs * 0.25 * 0.75)


@pytest.mark.parametrize(
    ("n_rows", "batch_size", "expected"),
    [(6, 2, [0, 2, 4, 6]), (7, 3, [0, 3, 6, 7]), (2, 5, [0, 2]), (1, 1, [0, 1])],
)
def test_batch_bounds(n_rows: int, batch_size: int, expected: list[int]) -> None:
    """Whole batches first, the rest last, none of them empty."""
    assert batch_bounds(n_rows, batch_size).tolist() == expected


def test_what_fits_is_not_copied_and_cannot_be_written() -> None:
    """The user's arrays are read in place, through views that kernels cannot write to."""
    X, y, weight = np.ones((4, 3)), np.ones((4, 2)), np.ones(4)
    data = make_data(NETWORK, X, y, weight)
    assert np.shares_memory(data.X, X)
    assert np.shares_memory(data.y, y)
    assert np.shares_memory(data.sample_weight, weight)
    assert not any(array.flags.writeable for array in data)
    assert X.flags.writeable, "the user's own array stays as it was"
    rows = scipy.sparse.random_array((4, 3), density=0.5, format="csr", rng=0)
    assert np.shares_memory(make_data(NETWORK, rows, y).values, rows.data)


@pytest.mark.parametrize("form", ["csc", "coo", "lil", "dok", "bsr"])
@pytest.mark.parametrize("kind", ["array", "matrix"])
def test_every_sparse_form_becomes_rows(form: str, kind: str) -> None:
    """Whatever form they come in, sparse rows hold the same entries, and never densely."""
    X = np.array([[0.0, 2.0, 0.0], [1.0, 0.0, 3.0], [0.0, 0.0, 0.0]])
    make = scipy.sparse.csr_array if kind == "array" else scipy.sparse.csr_matrix
    data = make_data(NETWORK, make(X).asformat(form), np.zeros((3, 2)))
    assert data.X.shape == (0, 3)
    assert data.row_starts.tolist() == [0, 1, 3, 3]
    entries = [(int(c), float(v)) for c, v in zip(data.columns, data.values, strict=True)]
    assert entries == [(1, 2.0), (0, 1.0), (2, 3.0)]


def test_other_memory_orders_are_copied_into_rows() -> None:
    """Fortran order and strides are no obstacle."""
    X = np.asfortranarray(np.arange(24.0).reshape(8, 3))[::2]
    data = make_data(NETWORK, X)
    assert data.X.flags.c_contiguous
    assert np.array_equal(data.X, X)


def test_damaged_sparse_rows_are_refused() -> None:
    """A kernel checks no index, so what comes in is checked once."""
    network = Network((3, 1), (), "identity", "squared_error")
    for column in (-1, 3, 7):
        X = scipy.sparse.csr_array(np.eye(3))
        X.indices[1] = column
        with pytest.raises(ValueError, match="not 0 to 2"):
            make_data(network, X)
    X = scipy.sparse.csr_array(np.eye(3))
    X.indptr[-1] = 9
    with pytest.raises(ValueError, match="indptr|index"):
        make_data(network, X)
    X = scipy.sparse.csr_array(np.eye(3))
    X.indptr[:] = [0, 3, 1, 3]
    with pytest.raises(ValueError, match="indptr does not fit"):
        make_data(network, X)


SOFTMAX = Network((3, 4), (), "softmax", "log_loss")


@pytest.mark.parametrize(
    ("network", "X", "y", "weight", "message"),
    [
        (NETWORK, np.ones((2, 3), int), None, None, "float32 or float64, got int64"),
        (NETWORK, np.ones((2, 4)), None, None, "takes 3 columns"),
        (NETWORK, np.ones(3), None, None, "takes 3 columns"),
        (NETWORK, np.ones((2, 3)), np.ones((3, 2)), None, "2 rows and 2 targets of each"),
        (NETWORK, np.ones((2, 3)), np.ones((2, 1)), None, "2 rows and 2 targets of each"),
        (NETWORK, np.ones((2, 3)), np.ones((2, 2)), np.ones(1), "2 sample weights were expected"),
        (NETWORK, np.ones((2, 3)), np.ones((2, 2)), np.ones(3), "2 sample weights were expected"),
        (SOFTMAX, np.ones((2, 3)), np.array([0, 4]), None, "class numbers must be 0 to 3"),
        (SOFTMAX, np.ones((2, 3)), np.array([-1, 3]), None, "class numbers must be 0 to 3"),
        (SOFTMAX, np.ones((2, 3)), np.array([np.nan, 3]), None, "class numbers must be 0 to 3"),
    ],
)
def test_rows_that_do_not_fit_the_network(
    network: Network,
    X: np.ndarray,
    y: np.ndarray | None,
    weight: np.ndarray | None,
    message: str,
) -> None:
    """Refused by name before a kernel, which looks at no shape, would read past their end."""
    with pytest.raises(ValueError, match=message):
        make_data(network, X, y, weight)
