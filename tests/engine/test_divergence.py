"""NaN and infinity stop a training, with the place where they were first seen."""

import pickle
from collections.abc import Iterator

import numpy as np
import pytest
import scipy.sparse

from retrograd.engine.batches import make_data
from retrograd.engine.divergence import DivergenceError
from retrograd.engine.network import Network
from retrograd.engine.optimizers import Optimizer
from retrograd.engine.trainer import State, Trainer

PLAIN = Optimizer("sgd", 0.1, momentum=0.0)


@pytest.fixture(autouse=True)
def _overflow_is_expected() -> Iterator[None]:
    """Interpreted kernels are NumPy scalars, which also warn of what is tested here."""
    with np.errstate(all="ignore"):
        yield


def regression(*hidden: int, n_outputs: int = 1, activation: str = "tanh") -> Network:
    """Network with squared error, for two features."""
    return Network(
        (2, *hidden, n_outputs), (activation,) * len(hidden), "identity", "squared_error"
    )


def diverge(
    network: Network,
    X: np.ndarray,
    y: np.ndarray,
    theta: np.ndarray,
    optimizer: Optimizer = PLAIN,
    rates: tuple[float, ...] = (0.1, 0.1, 0.1),
    weight: np.ndarray | None = None,
) -> DivergenceError:
    """Train on all rows at once until it fails; the error."""
    n = X.shape[0]
    state = State.start(theta.astype(X.dtype), optimizer)
    trainer = Trainer(network, optimizer, make_data(network, X, y, weight), n, state)
    rows = np.tile(np.arange(n), len(rates))
    bounds = np.arange(len(rates) + 1) * n
    with pytest.raises(DivergenceError) as caught:
        trainer.run(rows, bounds, np.array(rates))
    error = caught.value
    assert f"step {error.step} (epoch {error.epoch}) in {error.place};" in str(error)
    assert f"the learning rate was {error.learning_rate:g}." in str(error)
    assert "Solver produced non-finite parameter weights" in str(error)
    assert "\n" not in str(error)
    assert state.step == error.step, "steps that went well are counted, the last is not"
    return error


def ones(network: Network) -> np.ndarray:
    """Parameters, all 1."""
    return np.ones(network.n_parameters)


def test_overflow_in_the_first_layer() -> None:
    """Huge X, single precision: the first pre-activation is already infinite."""
    network = regression(3)
    X = np.full((2, 2), 3e38, np.float32)
    error = diverge(network, X, np.zeros(2), ones(network))
    assert (error.step, error.epoch, error.learning_rate) == (0, 0, 0.1)
    assert error.place == "z[0] (pre-activations)"


def test_overflow_in_the_second_layer() -> None:
    """The first layer holds, the second does not."""
    network = regression(2, activation="identity")
    error = diverge(network, np.full((2, 2), 5e37, np.float32), np.zeros(2), 2 * ones(network))
    assert error.place == "z[1] (pre-activations)"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_rows(dtype: type) -> None:
    """Sparse rows are watched as dense ones are."""
    network = regression(3)
    X = scipy.sparse.csr_array(np.full((3, 2), np.finfo(dtype).max))
    assert diverge(network, X, np.zeros(3), ones(network)).place == "z[0] (pre-activations)"


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("activation", ["identity", "relu", "tanh", "gelu", "softplus"])
def test_bad_input_is_not_swallowed(bad: float, activation: str) -> None:
    """One NaN in X is seen, though relu or tanh could have hidden it."""
    network = regression(3, activation=activation)
    X = np.zeros((2, 2))
    X[1, 0] = bad
    assert diverge(network, X, np.zeros(2), -ones(network)).place == "z[0] (pre-activations)"


def test_nan_target() -> None:
    """A NaN among the targets is first seen in the loss."""
    network = regression(3)
    error = diverge(network, np.ones((2, 2)), np.array([0.0, np.nan]), ones(network))
    assert error.place == "the loss"


def test_nan_target_of_one_example() -> None:
    """The loop for one example a step names the same place."""
    network = regression(3)
    error = diverge(network, np.ones((1, 2)), np.array([np.nan]), ones(network))
    assert error.place == "the loss"


def test_overflow_in_the_output_activation() -> None:
    """The z before exp is finite, the a behind it is not."""
    network = Network((2, 1), (), "exp", "poisson")
    error = diverge(network, np.full((1, 2), 1e3), np.ones(1), ones(network))
    assert error.place == "a[0] (activations)"


def test_overflow_in_the_loss_alone() -> None:
    """The square of the residual overflows, the residual and all that follows from it do not."""
    network = regression()
    error = diverge(network, np.full((1, 2), 1e200), np.zeros(1), ones(network), rates=(1e-300,))
    assert error.place == "the loss"


def test_overflow_in_the_loss_of_one_example_alone() -> None:
    """The prediction is its bias, and nothing that follows from the residual overflows."""
    network = regression(1, activation="identity")
    theta = ones(network)
    network.biases(theta, 1)[:] = 1e160
    error = diverge(network, np.ones((1, 2)), np.zeros(1), theta, rates=(1e-300,))
    assert (error.step, error.place) == (0, "the loss")


def test_a_rate_that_underflowed() -> None:
    """Poisson deviance of a predicted rate of 0, when something was counted, is infinite."""
    network = Network((2, 1), (), "exp", "poisson")
    error = diverge(network, np.full((1, 2), -1e3), np.ones(1), ones(network))
    assert error.place == "the loss"


def test_overflow_in_the_gradient_of_the_weights() -> None:
    """X and delta are finite, their product is not."""
    network = Network((2, 1), (), "identity", "absolute_error")
    X = np.full((4, 2), 2e38, np.float32) * np.array([1, -1], np.float32)
    error = diverge(network, X, np.full(4, -1.0), ones(network))
    assert error.place == "dW[0] (gradient of the weights)"


def test_overflow_in_the_gradient_of_the_biases() -> None:
    """X is 0, so that only the biases have a gradient."""
    network = regression()
    weight = np.full(4, 1e38)
    error = diverge(
        network, np.zeros((4, 2), np.float32), np.full(4, -1.0), ones(network), weight=weight
    )
    assert error.place == "db[0] (gradient of the biases)"


def test_overflow_in_the_update() -> None:
    """A learning rate beyond all bounds: the gradient is still finite."""
    network = regression()
    error = diverge(
        network, np.ones((2, 2), np.float32), np.full(2, -1e3), ones(network), rates=(0.1, 1e38)
    )
    assert error.place == "W[0] (weights, after the update)"
    assert (error.step, error.learning_rate) == (1, pytest.approx(1e38))


def test_overflow_in_the_velocity() -> None:
    """Momentum keeps a velocity that can overflow too."""
    network = regression()
    momentum = Optimizer("sgd", 0.1, momentum=0.9)
    error = diverge(
        network, np.ones((2, 2), np.float32), np.full(2, -1e3), ones(network), momentum, (1e38,)
    )
    assert error.place == "the optimizer's memory of layer 0"


@pytest.mark.parametrize("solver", ["adam", "adamw", "rmsprop"])
def test_overflow_in_the_second_moment(solver: str) -> None:
    """A square that overflows would freeze its parameter for good, and in silence."""
    network = regression()
    X = np.full((2, 2), 1e20, np.float32)
    error = diverge(network, X, np.zeros(2), 1e-3 * ones(network), Optimizer(solver, 0.1))
    assert error.step == 0
    assert error.place == "the optimizer's memory of layer 0"


def test_growing_oscillation_names_the_step() -> None:
    """A learning rate too large by little: many steps go well, and their number is told."""
    network = regression()
    rates = (10.0,) * 400
    error = diverge(network, np.full((3, 2), 10.0), np.zeros(3), ones(network), rates=rates)
    assert 20 < error.step < 200
    assert error.learning_rate == 10.0


@pytest.mark.compiled
def test_one_bad_row_among_many() -> None:
    """One bad row among thousands, in the panel that is last."""
    network = Network((2, 600, 1), ("relu",), "identity", "squared_error")
    X = np.ones((1500, 2))
    X[-1, 0] = np.inf
    error = diverge(network, X, np.zeros(1500), 1e-3 * ones(network), rates=(1e-6,))
    assert error.place == "z[0] (pre-activations)"


def test_the_error_crosses_process_borders() -> None:
    """Workers of joblib send it home pickled."""
    error = DivergenceError(3, 1, 0.5, "the loss")
    error.losses = np.array([0.5, np.inf])
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == str(error)
    assert copy.losses.tolist() == [0.5, np.inf]
    assert isinstance(copy, ValueError)


def test_the_same_error_in_another_epoch_or_with_another_cure() -> None:
    """Nothing else of it changes, the losses up to there least of all."""
    error = DivergenceError(3, 1, 0.5, "the loss")
    error.losses = np.array([0.5, np.inf])
    later = error.but(epoch=7).but(cure="lower lr")
    assert (later.step, later.epoch, later.learning_rate) == (3, 7, 0.5)
    assert later.losses.tolist() == [0.5, np.inf]
    assert str(later).endswith("at step 3 (epoch 7) in the loss; the learning rate was 0.5. What "
                               "usually helps: lower lr.")  # fmt: skip


def test_a_batch_that_weighs_nothing_cannot_diverge() -> None:
    """Its rows come to infinity, but nothing is learned from them."""
    network = regression()
    optimizer = Optimizer("sgd", 0.1, momentum=0.0)
    X = np.array([[1e30, 0.0]] * 2 + [[0.0, 1.0]] * 2, np.float32)
    data = make_data(network, X, np.zeros(4, np.float32), np.array([0.0, 0.0, 1.0, 1.0]))
    state = State.start(np.array([1e20, 1.0, 0.0], np.float32), optimizer)
    trainer = Trainer(network, optimizer, data, 2, state)
    losses = trainer.run(np.arange(4), np.array([0, 2, 4]), np.array([0.1, 0.1]))
    np.testing.assert_allclose(losses, [0.0, 0.5])
    np.testing.assert_allclose(state.theta, [1e20, 0.9, -0.1], rtol=1e-6)
