"""Random problems for the tests, and one training of each by the engine and by the oracle."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse

import oracle
from retrograd.engine.batches import batch_bounds, make_data
from retrograd.engine.kernels.data import Data
from retrograd.engine.network import Network
from retrograd.engine.optimizers import Optimizer
from retrograd.engine.trainer import State, Trainer
from retrograd.maths.losses import LOSSES

# Every legal pair of loss and output, from the engine's own table, so that none can be forgotten.
PAIRS = [(loss, output) for loss in LOSSES for output in LOSSES[loss].outputs]
LOSS_PARAMETERS = {"huber": 0.7, "quantile": 0.3}

OPTIMIZERS = {
    "sgd": Optimizer("sgd", 0.05, momentum=0.0, alpha=0.3),
    "sgd with momentum": Optimizer("sgd", 0.05, momentum=0.8, nesterov=False, alpha=0.3),
    "sgd with Nesterov": Optimizer("sgd", 0.05, momentum=0.8, alpha=0.3),
    "adam": Optimizer("adam", 0.01, alpha=0.3),
    "adamw": Optimizer("adamw", 0.01, alpha=0.3),
    "rmsprop": Optimizer("rmsprop", 0.01, beta_2=0.9, alpha=0.3),
}


@dataclass
class Problem:
    """A network with its first parameters, and rows for it; all numbers fit float32 exactly."""

    network: Network
    theta: np.ndarray
    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray

    def data(self, storage: str, dtype: type = np.float64) -> Data:
        """Rows as the engine reads them; storage is 'dense' or 'csr'."""
        X = self.X.astype(dtype)
        return make_data(
            self.network,
            scipy.sparse.csr_array(X) if storage == "csr" else X,
            self.y,
            self.weight,
        )

    def model(self, alpha: float = 0.0, dtype: type = np.float64) -> oracle.Model:
        """Describe the network to the oracle."""
        network = self.network
        eps = float(np.finfo(dtype).eps)
        return oracle.Model(
            network.activations, network.output, network.loss, network.loss_parameter, alpha, eps
        )


def rounded(array: np.ndarray) -> np.ndarray:
    """Round to single precision, so that both dtypes start from the same numbers."""
    return array.astype(np.float32).astype(np.float64)


def make_problem(
    widths: tuple[int, ...],
    activation: str,
    pair: tuple[str, str],
    n_rows: int,
    seed: int = 0,
) -> Problem:
    """Draw a problem; half of X is 0, the weights vary and one row weighs nothing."""
    rng = np.random.default_rng(seed)
    loss, output = pair
    network = Network(
        widths, (activation,) * (len(widths) - 2), output, loss, LOSS_PARAMETERS.get(loss, 0.0)
    )
    X = rng.normal(size=(n_rows, widths[0])) * (rng.random((n_rows, widths[0])) < 0.5)
    n_outputs = widths[-1]
    if output == "softmax":
        y = rng.integers(0, n_outputs, (n_rows, 1)).astype(float)
    elif output == "logistic":
        y = rng.integers(0, 2, (n_rows, n_outputs)).astype(float)
    elif output == "exp":
        y = rng.poisson(1.5, (n_rows, n_outputs)).astype(float)
    else:
        y = rng.normal(size=(n_rows, n_outputs))
    weight = rng.uniform(0.5, 2.0, n_rows)
    weight[n_rows // 2] = 0.0 if n_rows > 1 else 1.0
    theta = network.initial_parameters("lecun_normal", np.random.RandomState(seed))
    for layer in range(network.n_layers):  # biases that are not 0, so that each is seen to matter
        network.biases(theta, layer)[:] = rng.normal(size=widths[layer + 1]) * 0.3
    return Problem(network, rounded(theta), rounded(X), rounded(y), rounded(weight))


def layers_of(network: Network, vector: np.ndarray) -> oracle.Layers:
    """Copy a parameter vector (or a gradient, or a slot) into the oracle's layers."""
    weights, biases = network.layers(vector.astype(np.float64))
    return [[W.copy(), b.copy()] for W, b in zip(weights, biases, strict=True)]


def vector_of(network: Network, layers: oracle.Layers) -> np.ndarray:
    """Pack the oracle's layers into one vector, in the engine's order."""
    vector = np.full(network.n_parameters, np.nan)
    for layer, (W, b) in enumerate(layers):
        network.weights(vector, layer)[:] = W
        network.biases(vector, layer)[:] = b
    return vector


def plan(n_rows: int, batch_size: int, epochs: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Shuffled rows and the batches' bounds over some epochs."""
    rng = np.random.default_rng(seed)
    rows = np.concatenate([rng.permutation(n_rows) for _ in range(epochs)])
    starts = [batch_bounds(n_rows, batch_size)[:-1] + n_rows * epoch for epoch in range(epochs)]
    return rows, np.append(np.concatenate(starts), rows.size)


@dataclass
class Result:
    """What a training left: parameters and slots in the engine's order, and the losses."""

    theta: np.ndarray
    slots: np.ndarray
    losses: np.ndarray


def train_engine(
    problem: Problem,
    optimizer: Optimizer,
    rows: np.ndarray,
    bounds: np.ndarray,
    rates: np.ndarray,
    storage: str = "dense",
    dtype: type = np.float64,
) -> Result:
    """Take the plan's steps with the engine."""
    state = State.start(problem.theta.astype(dtype), optimizer)
    data, largest = problem.data(storage, dtype), int(np.diff(bounds).max())
    trainer = Trainer(problem.network, optimizer, data, largest, state)
    losses = trainer.run(rows, bounds, rates)
    return Result(state.theta, state.slots, losses)


def train_oracle(
    problem: Problem,
    optimizer: Optimizer,
    rows: np.ndarray,
    bounds: np.ndarray,
    rates: np.ndarray,
    dtype: type = np.float64,
) -> Result:
    """Take the plan's steps with the oracle; dtype says only how the log loss is clipped."""
    network, decoupled = problem.network, optimizer.solver == "adamw"
    layers = layers_of(network, problem.theta)
    descent = oracle.Descent(
        optimizer.solver,
        optimizer.momentum,
        optimizer.nesterov,
        optimizer.beta_1,
        optimizer.beta_2,
        optimizer.epsilon,
        optimizer.alpha if decoupled else 0.0,
    )
    model = problem.model(0.0 if decoupled else optimizer.alpha, dtype)
    batches = np.split(rows, bounds[1:-1])
    losses = oracle.train(
        model, layers, descent, problem.X, problem.y, problem.weight, batches, rates
    )
    slots = [vector_of(network, memory) for memory in descent.memory()]
    return Result(
        vector_of(network, layers),
        np.array(slots).reshape(len(slots), network.n_parameters),
        np.array(losses),
    )
