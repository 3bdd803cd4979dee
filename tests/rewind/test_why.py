"""Why a parameter moved, where the step was beyond all bounds."""

import numpy as np
import pytest

from retrograd.engine.batches import make_data
from retrograd.engine.network import Network
from retrograd.engine.optimizers import Optimizer
from retrograd.engine.trainer import State
from retrograd.rewind.trace import trace_step
from retrograd.rewind.why import Why, why


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # where the kernels are interpreted
def test_rows_that_are_not_finite_come_first() -> None:
    """By name, NaN too; a row of exactly 0 has no share in it."""
    network, optimizer = Network((1, 1), (), "identity", "squared_error"), Optimizer("sgd")
    X, y = np.zeros((14, 1)), np.full(14, -1e308)
    # Row 0 has no share, rows 1 to 10 have finite ones; 11 and 12 have 0 times infinity, 13 that.
    X[:11, 0], y[:11], X[13] = np.arange(11) / 100, 0.0, 1.0
    data = make_data(network, X, y)
    state = State.start(np.array([0.0, 1e308]), optimizer)
    told = why(trace_step(network, optimizer, data, state, np.arange(14), 1e-300), 0, 0, 0)
    assert told.rows[:3].tolist() == [11, 12, 13]
    assert np.isnan(told.shares[:2]).all()
    assert np.isinf(told.shares[2])
    assert told.rows[3:].tolist() == [10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    lines = str(told).splitlines()
    assert lines[1] == "  1 of 14 rows has no share in it"
    assert [line.split()[1] for line in lines[2:5]] == ["11", "12", "13"]
    assert lines[12].split()[:3] == ["3", "other", "rows"]


def test_rows_that_cancel_are_no_shares_of_nothing() -> None:
    """Their numbers are told, and no percentages of 0."""
    rest = {"before": 0.0, "after": 0.0, "update": 0.0, "momentum": 0.0, "penalty": 0.0,
            "rounding": 0.0}  # fmt: skip
    told = Why("coefs[0][0, 0]", rows=np.arange(2), shares=np.array([50.0, -50.0]), **rest)
    assert str(told).splitlines()[1:] == [
        "  row 0               +5.000000e+01",
        "  row 1               -5.000000e+01",
        "  update              +0.000000e+00",
    ]


def test_one_row_is_no_rows() -> None:
    """Neither the one that is left beside those that are named, nor the only one of a step."""
    rest = {"before": 0.0, "after": 1.0, "update": 1.0, "momentum": 0.0, "penalty": 0.0,
            "rounding": 0.0}  # fmt: skip
    told = Why("coefs[0][0, 0]", rows=np.arange(11), shares=np.ones(11), **rest)
    assert "  1 other row  " in str(told)
    one = Why("coefs[0][0, 0]", rows=np.arange(1), shares=np.zeros(1), **rest)
    assert str(one).splitlines()[1] == "  1 of 1 row has no share in it"
    assert repr(one) == "<Why coefs[0][0, 0]: 0 -> 1, 1 row>"
