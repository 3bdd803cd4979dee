r"""Initializers: where the parameters of a layer start.

Each takes a ``numpy.random.RandomState``, a layer's weights of shape (I, O) and biases of shape
(O,) to fill, and the name of its activation; draws are made in float64. They draw from the legacy
generator because its streams are frozen for good, and because an integer ``random_state`` must draw
the very numbers that scikit-learn draws.
"""

from collections.abc import Callable

import numpy as np

Initializer = Callable[[np.random.RandomState, np.ndarray, np.ndarray, str], None]
# Numbers drawn at once: all of a wide layer's in float64 would take more memory than its weights.
AT_ONCE = 1 << 16


def _fill(W: np.ndarray, draw: Callable[[tuple[int, int]], np.ndarray]) -> None:
    """Fill a matrix with draws, some rows of it at a time."""
    n_in, n_out = W.shape
    n_rows = max(1, AT_ONCE // n_out)
    for begin in range(0, n_in, n_rows):
        W[begin : begin + n_rows] = draw((min(n_rows, n_in - begin), n_out))


def _fill_normal(rng: np.random.RandomState, W: np.ndarray, b: np.ndarray, variance: float) -> None:
    """Weights from a normal distribution, biases 0."""
    scale = np.sqrt(variance)
    _fill(W, lambda shape: rng.standard_normal(shape) * scale)
    b[:] = 0.0


def glorot_uniform(
    rng: np.random.RandomState, W: np.ndarray, b: np.ndarray, activation: str
) -> None:
    r"""Uniform in :math:`\pm\sqrt{6 / (I + O)}` (2 in place of 6 for logistic), biases too.

    The biases are drawn after the weights, as scikit-learn draws them.
    Source: Glorot and Bengio, Understanding the difficulty of training deep feedforward neural
    networks (2010), eq. 16.
    """
    factor = 2.0 if activation == "logistic" else 6.0
    bound = np.sqrt(factor / sum(W.shape))
    _fill(W, lambda shape: rng.uniform(-bound, bound, shape))
    b[:] = rng.uniform(-bound, bound, b.size)


def he_normal(rng: np.random.RandomState, W: np.ndarray, b: np.ndarray, activation: str) -> None:
    r"""Normal with standard deviation :math:`\sqrt{2 / I}`, biases 0; made for relu.

    Source: He et al., Delving deep into rectifiers (2015), eq. 10.
    """
    _fill_normal(rng, W, b, 2.0 / len(W))


def lecun_normal(rng: np.random.RandomState, W: np.ndarray, b: np.ndarray, activation: str) -> None:
    r"""Normal with standard deviation :math:`\sqrt{1 / I}`, biases 0.

    The notebook's scale, which it calls Xavier's.
    Source: LeCun et al., Efficient backprop (1998), section 4.6.
    """
    _fill_normal(rng, W, b, 1.0 / len(W))


def zeros(rng: np.random.RandomState, W: np.ndarray, b: np.ndarray, activation: str) -> None:
    """All 0, to see why symmetry must be broken; fine without hidden layers."""
    W[:], b[:] = 0.0, 0.0


INITIALIZERS: dict[str, Initializer] = {
    "glorot_uniform": glorot_uniform,
    "he_normal": he_normal,
    "lecun_normal": lecun_normal,
    "zeros": zeros,
}
