r"""The oracle: the same mathematics once more, in plain NumPy, for the tests to compare against.

It imports nothing of the package and shares no formula with it: whole arrays in double precision,
the chain rule spelled out (dLoss/da times da/dz, the softmax with its Jacobian), Adam with its
averages divided by :math:`1 - \beta^t`. It is slow, and meant to be obviously right.

A network is a list of layers ``[W, b]``, W of shape (I, O) and b of shape (O,); where those live in
a parameter vector is not its business. Shape letters: B rows in the batch, I units in, O units out.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import erf, expit

Array = np.ndarray
Layers = list[list[Array]]

SELU_LAMBDA, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


def normal_density(z: Array) -> Array:
    """Density of the standard normal distribution."""
    return np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)


def mish_slope(z: Array) -> Array:
    """Product rule on z tanh(s), s being the softplus of z."""
    s = np.logaddexp(0, z)
    return np.tanh(s) + z * expit(z) / np.cosh(np.minimum(s, 300)) ** 2


# Name: the function, and its derivative from z alone.
ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "identity": (lambda z: 1 * z, np.ones_like),
    "logistic": (expit, lambda z: expit(z) * expit(-z)),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(np.clip(z, -300, 300)) ** 2),
    "relu": (lambda z: np.maximum(z, 0), lambda z: np.heaviside(z, 0)),
    "leaky_relu": (
        lambda z: np.maximum(z, 0) + 0.01 * np.minimum(z, 0),
        lambda z: 0.01 + 0.99 * np.heaviside(z, 0),
    ),
    "elu": (
        lambda z: np.maximum(z, 0) + np.exp(np.minimum(z, 0)) - 1,
        lambda z: np.exp(np.minimum(z, 0)),
    ),
    "selu": (
        lambda z: SELU_LAMBDA * (np.maximum(z, 0) + SELU_ALPHA * (np.exp(np.minimum(z, 0)) - 1)),
        lambda z: SELU_LAMBDA * np.where(z > 0, 1, SELU_ALPHA * np.exp(np.minimum(z, 0))),
    ),
    "gelu": (
        lambda z: z * (1 + erf(z / np.sqrt(2))) / 2,
        lambda z: (1 + erf(z / np.sqrt(2))) / 2 + z * normal_density(z),
    ),
    "silu": (lambda z: z * expit(z), lambda z: expit(z) + z * expit(z) * expit(-z)),
    "mish": (lambda z: z * np.tanh(np.logaddexp(0, z)), mish_slope),
    "softplus": (lambda z: np.logaddexp(0, z), expit),
}


def softmax(z: Array) -> Array:
    """Exponentials of each row, divided by their sum."""
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


OUTPUTS: dict[str, Callable[[Array], Array]] = {
    "identity": lambda z: 1 * z,
    "logistic": expit,
    "softmax": softmax,
    "exp": np.exp,
}


def back_through_output(name: str, a: Array, dloss_da: Array) -> Array:
    """dLoss/dz of the output units, the softmax by its Jacobian diag(a) - a a'."""
    if name == "softmax":
        jacobians = np.einsum("bo,op->bop", a, np.eye(a.shape[1])) - np.einsum("bo,bp->bop", a, a)
        return np.einsum("bo,bop->bp", dloss_da, jacobians)
    slope = {"identity": np.ones_like(a), "logistic": a * (1 - a), "exp": a}[name]
    return dloss_da * slope


def losses_of(name: str, output: str, a: Array, y: Array, parameter: float, eps: float) -> Array:
    """Loss of every output, shape (B, O); log losses keep p within [eps, 1 - eps]."""
    r = a - y
    if name == "log_loss":
        p = np.clip(a, eps, 1 - eps)
        if output == "softmax":
            return -y * np.log(p)
        return -y * np.log(p) - (1 - y) * np.log1p(-p)
    if name == "squared_error":
        return r**2 / 2
    if name == "absolute_error":
        return np.abs(r)
    if name == "huber":
        clipped = np.clip(r, -parameter, parameter)
        return clipped * (r - clipped / 2)
    if name == "quantile":
        return np.maximum(-parameter * r, (1 - parameter) * r)
    assert name == "poisson"
    return np.where(y > 0, y * np.log(np.where(y > 0, y, 1) / a), 0) - y + a


def dloss_da(name: str, output: str, a: Array, y: Array, parameter: float) -> Array:
    """Differentiate those losses with respect to the outputs, shape (B, O)."""
    r = a - y
    if name == "log_loss":
        return -y / a if output == "softmax" else (1 - y) / (1 - a) - y / a
    if name == "squared_error":
        return r
    if name == "absolute_error":
        return np.sign(r)
    if name == "huber":
        return np.clip(r, -parameter, parameter)
    if name == "quantile":
        return np.where(r > 0, 1 - parameter, -parameter) * (r != 0)
    assert name == "poisson"
    return 1 - y / a


# Losses whose reported value is the mean over the outputs; all gradients are of the sum.
MEAN_OVER_OUTPUTS = ("squared_error", "absolute_error", "huber", "quantile")


@dataclass(frozen=True)
class Model:
    """What a network computes, apart from its parameters."""

    activations: tuple[str, ...]
    output: str
    loss: str
    parameter: float = 0.0
    alpha: float = 0.0
    eps: float = float(np.finfo(np.float64).eps)

    def forward(self, layers: Layers, X: Array) -> tuple[list[Array], list[Array]]:
        """Pre-activations z and activations a (X first) of every layer."""
        zs, activations = [], [X]
        for i, (W, b) in enumerate(layers):
            zs.append(activations[-1] @ W + b)
            last = i == len(layers) - 1
            function = OUTPUTS[self.output] if last else ACTIVATIONS[self.activations[i]][0]
            activations.append(function(zs[-1]))
        return zs, activations

    def predict(self, layers: Layers, X: Array) -> Array:
        """Compute the outputs, shape (B, O)."""
        return self.forward(layers, X)[1][-1]

    def targets(self, layers: Layers, y: Array) -> Array:
        """One-hot rows in place of class numbers, for softmax."""
        return np.eye(layers[-1][1].size)[y.astype(int).ravel()] if self.output == "softmax" else y

    def loss_and_gradient(
        self, layers: Layers, X: Array, y: Array, weight: Array
    ) -> tuple[float, Layers]:
        """Weighted mean loss with its penalty, and the gradient of every W and b."""
        y = self.targets(layers, y)
        zs, activations = self.forward(layers, X)
        a = activations[-1]
        total = weight.sum()
        values = losses_of(self.loss, self.output, a, y, self.parameter, self.eps)
        per_row = values.mean(1) if self.loss in MEAN_OVER_OUTPUTS else values.sum(1)
        penalty = self.alpha / 2 * sum(np.sum(W**2) for W, _ in layers)
        loss = (np.sum(weight * per_row) + penalty) / total

        slopes = dloss_da(self.loss, self.output, a, y, self.parameter)
        delta = back_through_output(self.output, a, slopes) * weight[:, None] / total
        gradient: Layers = []
        for i in reversed(range(len(layers))):
            W = layers[i][0]
            gradient.insert(0, [activations[i].T @ delta + self.alpha / total * W, delta.sum(0)])
            if i > 0:
                delta = (delta @ W.T) * ACTIVATIONS[self.activations[i - 1]][1](zs[i - 1])
        return float(loss), gradient


@dataclass
class Descent:
    """An optimizer with its memory: lists of arrays shaped like the layers."""

    solver: str
    momentum: float = 0.9
    nesterov: bool = True
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    t: int = 0
    first: Layers = field(default_factory=list)
    second: Layers = field(default_factory=list)

    def step(self, layers: Layers, gradient: Layers, rate: float) -> None:
        """Move the layers, in place."""
        if not self.first:
            self.first = [[np.zeros_like(part) for part in layer] for layer in layers]
            self.second = [[np.zeros_like(part) for part in layer] for layer in layers]
        self.t += 1
        for i, layer in enumerate(layers):
            for j, part in enumerate(layer):
                g = gradient[i][j]
                if self.solver == "adamw" and j == 0:
                    part -= rate * self.weight_decay * part
                part += self.move(g, rate, i, j)

    def move(self, g: Array, rate: float, i: int, j: int) -> Array:
        """Change of part j of layer i whose gradient is g."""
        m, v = self.first[i], self.second[i]
        if self.solver == "sgd":
            m[j] = self.momentum * m[j] - rate * g
            return self.momentum * m[j] - rate * g if self.nesterov else m[j]
        v[j] = self.beta_2 * v[j] + (1 - self.beta_2) * g**2
        if self.solver == "rmsprop":
            return -rate * g / (np.sqrt(v[j]) + self.epsilon)
        m[j] = self.beta_1 * m[j] + (1 - self.beta_1) * g
        m_hat = m[j] / (1 - self.beta_1**self.t)
        v_hat = v[j] / (1 - self.beta_2**self.t)
        # The epsilon stands outside the correction, as in the paper's reordered form.
        epsilon_hat = self.epsilon / math.sqrt(1 - self.beta_2**self.t)
        return -rate * m_hat / (np.sqrt(v_hat) + epsilon_hat)

    def memory(self) -> list[Layers]:
        """Return what it remembers, in the order in which the engine keeps it."""
        if self.solver == "sgd":
            return [self.first] if self.momentum else []
        return [self.second] if self.solver == "rmsprop" else [self.first, self.second]


def train(
    model: Model,
    layers: Layers,
    descent: Descent,
    X: Array,
    y: Array,
    weight: Array,
    batches: Sequence[Array],
    rates: Sequence[float],
) -> list[float]:
    """Take one step a batch, moving the layers in place; the loss before each.

    A batch whose rows all weigh nothing is passed over, though it counts as a step.
    """
    losses = []
    for rows, rate in zip(batches, rates, strict=True):
        if weight[rows].sum() == 0:
            losses.append(0.0)
            descent.t += 1
            continue
        loss, gradient = model.loss_and_gradient(layers, X[rows], y[rows], weight[rows])
        losses.append(loss)
        descent.step(layers, gradient, rate)
    return losses


def scheduled_rate(schedule: str, initial: float, step: int, n_steps: int) -> float:
    """Rate of one step out of n_steps, for the schedules that change with every step."""
    u = (min(step, n_steps - 1) + 0.5) / n_steps
    if schedule == "cosine":
        if u < 0.05:
            return initial * u / 0.05
        return initial * math.cos(math.pi / 2 * (u - 0.05) / 0.95) ** 2
    assert schedule == "one_cycle"
    if u < 0.3:
        return initial * (0.04 + 0.96 * math.sin(math.pi / 2 * u / 0.3) ** 2)
    low = 0.04e-4
    return initial * (low + (1 - low) * math.cos(math.pi / 2 * (u - 0.3) / 0.7) ** 2)
