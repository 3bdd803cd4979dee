"""The trainer: what it counts, and plans that it refuses, since a kernel checks no index."""

import numpy as np
import pytest

from retrograd.engine.batches import make_data
from retrograd.engine.divergence import DivergenceError
from retrograd.engine.network import Network
from retrograd.engine.optimizers import Optimizer
from retrograd.engine.trainer import State, Trainer

NETWORK = Network((2, 1), (), "identity", "squared_error")


def trainer_on(X: np.ndarray, batch_size: int) -> Trainer:
    """Plain gradient descent on rows whose targets are 0, from parameters of 1."""
    optimizer = Optimizer("sgd", momentum=0.0)
    state = State.start(np.ones(3), optimizer)
    return Trainer(NETWORK, optimizer, make_data(NETWORK, X, np.zeros(len(X))), batch_size, state)


@pytest.mark.parametrize(
    ("rows", "bounds", "message"),
    [
        ([0, 1, 2], [0, 3], "more rows than the 2"),
        ([0, 1], [0, 1], "bounds must rise"),
        ([0, 1], [0, 1, 2, 2], "bounds must rise"),
        ([0, 1], [0, 2, 1], "bounds must rise"),
        ([0], [0, 2, 1], "bounds must rise"),
        ([0, 1], [0, 1, 3], "bounds must rise"),
        ([0, 1], [-1, 0, 1], "bounds must rise"),
        ([0, 4], [0, 1, 2], "row numbers must be 0 to 3"),
        ([-1, 3], [0, 1, 2], "row numbers must be 0 to 3"),
    ],
)
def test_plans_that_do_not_fit(rows: list[int], bounds: list[int], message: str) -> None:
    """Nothing is trained; the same trainer then takes a plan that does."""
    trainer = trainer_on(np.ones((4, 2)), 2)
    rates = np.full(1 if len(rows) == 3 else 2, 0.1)
    with pytest.raises(ValueError, match=message):
        trainer.run(np.array(rows), np.array(bounds), rates)
    assert trainer.state.step == trainer.state.samples_seen == 0
    assert trainer.run(np.array([0, 3]), np.array([0, 1, 2]), np.full(2, 0.1))[0] == 4.5


def test_counts_of_steps_and_rows() -> None:
    """Also where a plan begins amid its rows, and where its last step diverges."""
    X = np.ones((5, 2))
    X[4] = np.inf
    trainer = trainer_on(X, 2)
    trainer.run(np.arange(4), np.array([1, 3, 4]), np.full(2, 0.1))
    assert (trainer.state.step, trainer.state.samples_seen) == (2, 3)
    with np.errstate(all="ignore"), pytest.raises(DivergenceError) as caught:
        trainer.run(np.array([0, 1, 2, 4, 3]), np.array([0, 2, 4, 5]), np.full(3, 0.1))
    assert caught.value.step == 3
    assert (trainer.state.step, trainer.state.samples_seen) == (3, 5)
