r"""Initializers: where the parameters of a layer start.

Each takes a ``numpy.random.RandomState``, the layer's fan-in I and fan-out O and the name of its
activation, and returns weights of shape (I, O) and biases of shape (O,), float64. They draw from
the legacy generator because its streams are frozen for good, and because an integer
``random_state`` must draw the very numbers that scikit-learn draws.
"""

from collections.abc import Callable

import numpy as np

Initializer = Callable[[np.random.RandomState, int, int, str], tuple[np.ndarray, np.ndarray]]


def glorot_uniform(
    rng: np.random.RandomState, n_in: int, n_out: int, activation: str
) -> tuple[np.ndarray, np.ndarray]:
    r"""Uniform in :math:`\pm\sqrt{6 / (I + O)}` (2 in place of 6 for logistic), biases too.

    The biases are drawn after the weights, as scikit-learn draws them.
    Source: Glorot and Bengio, Understanding the difficulty of training deep feedforward neural
    networks (2010), eq. 16.
    """
    factor = 2.0 if activation == "logistic" else 6.0
    bound = np.sqrt(factor / (n_in + n_out))
    weights = rng.uniform(-bound, bound, (n_in, n_out))
    return weights, rng.uniform(-bound, bound, n_out)


def he_normal(
    rng: np.random.RandomState, n_in: int, n_out: int, activation: str
) -> tuple[np.ndarray, np.ndarray]:
    r"""Normal with standard deviation :math:`\sqrt{2 / I}`, biases 0; made for relu.

    Source: He et al., Delving deep into rectifiers (2015), eq. 10.
    """
    return rng.standard_normal((n_in, n_out)) * np.sqrt(2.0 / n_in), np.zeros(n_out)


def lecun_normal(
    rng: np.random.RandomState, n_in: int, n_out: int, activation: str
) -> tuple[np.ndarray, np.ndarray]:
    r"""Normal with standard deviation :math:`\sqrt{1 / I}`, biases 0.

    The notebook's scale, which it calls Xavier's.
    Source: LeCun et al., Efficient backprop (1998), section 4.6.
    """
    return rng.standard_normal((n_in, n_out)) * np.sqrt(1.0 / n_in), np.zeros(n_out)


def zeros(
    rng: np.random.RandomState, n_in: int, n_out: int, activation: str
) -> tuple[np.ndarray, np.ndarray]:
    """All 0, to see why symmetry must be broken; fine without hidden layers."""
    return np.zeros((n_in, n_out)), np.zeros(n_out)


INITIALIZERS: dict[str, Initializer] = {
    "glorot_uniform": glorot_uniform,
    "he_normal": he_normal,
    "lecun_normal": lecun_normal,
    "zeros": zeros,
}
