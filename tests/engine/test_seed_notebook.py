"""The notebook's one hand-worked step: every number that it printed, from the engine's own buffers.

The notebook keeps a layer as (h, d + 1) with the bias in column 0; the engine keeps W of shape
(I, O) and b apart. Those two ways of writing are translated here, and nothing else is computed.
"""

import numpy as np
import pytest

from retrograd.engine.batches import make_data
from retrograd.engine.network import Network
from retrograd.engine.optimizers import Optimizer
from retrograd.engine.prediction import predict
from retrograd.engine.trainer import State, Trainer

LEARNING_RATE = 0.01


class Step:
    """The notebook's cells 183 to 195 in its own words, then one step of the engine."""

    def __init__(self) -> None:
        rng = np.random.RandomState(2)
        self.X = rng.randint(1, 4, (2, 2))
        self.r = rng.randint(1, 2)
        n, d, h = 2, 2, 2
        self.W1 = rng.randn(h, d + 1) * np.sqrt(1 / d)
        self.W2 = rng.randn(1, h + 1) * np.sqrt(1 / h)
        y = np.array([1, 0])

        self.network = Network((d, h, 1), ("identity",), "logistic", "log_loss")
        theta = np.empty(self.network.n_parameters)
        self.to_engine(theta, self.W1, self.W2)
        data = make_data(self.network, self.X.astype(np.float64), y)
        optimizer = Optimizer("sgd", LEARNING_RATE, momentum=0.0)
        self.state = State.start(theta.copy(), optimizer)
        self.before = predict(self.network, theta, data, n)
        trainer = Trainer(self.network, optimizer, data, 1, self.state)
        self.losses = trainer.run(np.array([self.r]), np.array([0, 1]), np.array([LEARNING_RATE]))
        # One row: the hidden layer's units come first, the output's after them.
        self.x = trainer.work.x[:d]
        self.z1, self.z2 = np.split(trainer.work.z[: h + 1], [h])
        self.a1, self.y_pred = np.split(trainer.work.a[: h + 1], [h])
        self.d_hidden, self.error = np.split(trainer.work.delta[: h + 1], [h])
        self.dW1, self.dW2 = self.to_notebook(trainer.work.gradient)

    def to_engine(self, theta: np.ndarray, W1: np.ndarray, W2: np.ndarray) -> None:
        """Write the notebook's layers into a parameter vector."""
        for layer, W in enumerate((W1, W2)):
            self.network.biases(theta, layer)[:] = W[:, 0]
            self.network.weights(theta, layer)[:] = W[:, 1:].T

    def to_notebook(self, theta: np.ndarray) -> list[np.ndarray]:
        """Read the notebook's layers from a parameter vector, a gradient, or the like."""
        weights, biases = self.network.layers(theta)
        return [np.column_stack([b, W.T]) for W, b in zip(weights, biases, strict=True)]


@pytest.fixture(scope="module")
def step() -> Step:
    """One step, looked at by all tests."""
    return Step()


def printed(array: np.ndarray) -> str:
    """Text of an array as the notebook shows it, on one line."""
    with np.printoptions(precision=8, linewidth=79, suppress=False):
        return " ".join(repr(array).split())


def test_the_draws(step: Step) -> None:
    """Data and parameters are the notebook's, which all that follows rests on."""
    assert step.X.tolist() == [[1, 2], [1, 3]]
    assert step.r == 1
    assert printed(step.W1) == (
        "array([[-0.01595568, 0.46842133, -0.62755019], [-0.32590013, -0.49061966, 0.25671908]])"
    )
    assert printed(step.W2) == "array([[ 1.6147905 , -0.18033908, 0.39190957]])"


def test_forward(step: Step) -> None:
    """Row, pre-activations, activations and prediction (x and a1b with their leading 1)."""
    assert printed(np.insert(step.x, 0, 1).astype(np.int32)) == "array([1, 1, 3], dtype=int32)"
    assert printed(step.z1) == "array([-1.43018493, -0.04636256])"
    assert printed(step.a1) == "array([-1.43018493, -0.04636256])"
    assert printed(np.insert(step.a1, 0, 1)) == "array([ 1. , -1.43018493, -0.04636256])"
    assert printed(step.z2) == "array([1.85453881])"
    assert printed(step.y_pred) == "array([0.86465913])"


def test_backward(step: Step) -> None:
    """Error, hidden delta, and the gradients of both layers."""
    assert printed(step.error) == "array([0.86465913])"
    assert printed(step.d_hidden) == "array([-0.15593183, 0.33886819])"
    assert printed(step.dW2[0]) == "array([ 0.86465913, -1.23662246, -0.04008781])"
    assert printed(step.dW1) == (
        "array([[-0.15593183, -0.15593183, -0.4677955 ], [ 0.33886819, 0.33886819, 1.01660456]])"
    )


def test_update_loss_and_prediction(step: Step) -> None:
    """W -= lr * dW; the loss of that row; ``predict`` shows the prediction of before."""
    W1, W2 = step.to_notebook(step.state.theta)
    assert np.array_equal(W1, step.W1 - LEARNING_RATE * step.dW1)
    assert np.array_equal(W2, step.W2 - LEARNING_RATE * step.dW2)
    assert step.losses == pytest.approx([-np.log(1 - 0.86465913)], rel=1e-7)
    assert step.before[1] == step.y_pred
