"""The layout of parameters, their first values, and what is refused."""

import numpy as np
import pytest

from retrograd.engine.network import Network
from retrograd.maths.initializers import INITIALIZERS


def small(**changes: object) -> Network:
    """Network of two hidden layers, with some arguments changed."""
    arguments = {
        "widths": (3, 4, 5, 2),
        "activations": ("relu", "tanh"),
        "output": "identity",
        "loss": "squared_error",
    }
    return Network(**{**arguments, **changes})


def test_every_parameter_belongs_to_one_layer() -> None:
    """Views that together cover the vector once: all weights first, then all biases."""
    network = small()
    theta = np.arange(network.n_parameters, dtype=float)
    weights, biases = network.layers(theta)
    assert network.n_parameters == 3 * 4 + 4 + 4 * 5 + 5 + 5 * 2 + 2
    assert [W.shape for W in weights] == [(3, 4), (4, 5), (5, 2)]
    assert [b.shape for b in biases] == [(4,), (5,), (2,)]
    parts = [part.ravel() for part in (*weights, *biases)]
    assert np.array_equal(np.concatenate(parts), theta)
    assert all(np.shares_memory(part, theta) for part in parts)
    assert network.n_units == 11
    assert network.n_layers == 3


def test_a_network_is_frozen_and_compares_by_value() -> None:
    """It can be a key, and nobody can change it under a training."""
    network = small()
    with pytest.raises(AttributeError):
        network.loss = "huber"  # type: ignore[misc]
    assert network == small()
    assert hash(network) == hash(small())
    assert network != small(loss="huber", loss_parameter=1.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"widths": (3,)}, "every layer needs at least one unit"),
        ({"widths": (3, 0, 5, 2)}, "every layer needs at least one unit"),
        ({"widths": (0, 4, 5, 2)}, "every layer needs at least one unit"),
        ({"activations": ("relu",)}, "2 hidden layers need as many activations, got 1"),
        ({"activations": ("relu", "sine")}, "unknown activation 'sine'; known are 'identity'"),
        ({"activations": ("relu", "softmax")}, "unknown activation 'softmax'"),
        ({"loss": "hinge"}, "unknown loss 'hinge'; known are 'log_loss'"),
        ({"output": "exp"}, "loss 'squared_error' does not go with output 'exp'"),
        ({"output": "relu"}, "loss 'squared_error' does not go with output 'relu'"),
        ({"loss": "huber"}, "the Huber loss needs a width above 0, got 0.0"),
        ({"loss": "quantile"}, "a quantile lies between 0 and 1, got 0.0"),
        ({"loss": "quantile", "loss_parameter": 1.0}, "a quantile lies between 0 and 1, got 1.0"),
    ],
)
def test_what_is_no_network(changes: dict[str, object], message: str) -> None:
    """Refused by name, in one line that says what would do."""
    with pytest.raises(ValueError, match=message) as caught:
        small(**changes)
    assert "\n" not in str(caught.value)


def test_target_width() -> None:
    """Softmax takes class numbers, one column; everything else takes one column an output."""
    assert small().target_width == 2
    assert small(output="softmax", loss="log_loss").target_width == 1
    assert small(output="logistic", loss="log_loss").target_width == 2


@pytest.mark.parametrize("init", INITIALIZERS)
def test_initial_parameters(init: str) -> None:
    """Seeded, drawn layer after layer, and rounded rather than drawn anew for float32."""
    network = small()
    double = network.initial_parameters(init, np.random.RandomState(5))
    again = network.initial_parameters(init, np.random.RandomState(5))
    single = network.initial_parameters(init, np.random.RandomState(5), np.float32)
    assert np.array_equal(double, again)
    assert single.dtype == np.float32
    assert np.array_equal(single, double.astype(np.float32))
    rng = np.random.RandomState(5)
    for layer, activation in enumerate(("relu", "tanh", "tanh")):
        n_in, n_out = network.widths[layer : layer + 2]
        W, b = np.empty((n_in, n_out)), np.empty(n_out)
        INITIALIZERS[init](rng, W, b, activation)
        assert np.array_equal(network.weights(double, layer), W)
        assert np.array_equal(network.biases(double, layer), b)


def test_unknown_initializer() -> None:
    """Refused by name."""
    with pytest.raises(ValueError, match="unknown initializer 'ones'; known are 'glorot_uniform'"):
        small().initial_parameters("ones", np.random.RandomState(0))


def test_scale_of_the_output_layer() -> None:
    """It follows the last hidden activation, and without one, what it is told."""
    hidden = Network((50, 50, 1), ("logistic",), "identity", "squared_error")
    theta = hidden.initial_parameters("glorot_uniform", np.random.RandomState(0), output_like="x")
    assert np.abs(hidden.weights(theta, 1)).max() < np.sqrt(2 / 51)
    linear = Network((50, 50), (), "logistic", "log_loss")
    bounds = []
    for name in ("identity", "logistic"):
        rng = np.random.RandomState(0)
        bounds.append(linear.initial_parameters("glorot_uniform", rng, output_like=name).max())
    assert bounds[0] / bounds[1] == pytest.approx(np.sqrt(3))
