r"""Activation functions: what a unit makes of its pre-activation z.

Every activation is a pair of scalar functions, ``value(z)`` and ``slope(z, a)``, the latter being
da/dz, given z and a = value(z) so that nothing is computed twice. They are plain Python, compute
in double precision, and never overflow; the engine compiles them into its kernels.

Three more names exist for the output layer only: ``softmax`` looks at a whole row, and ``exp``
and ``logistic`` need no slope there, because the losses give dLoss/dz directly.
"""

from collections.abc import Callable, Sequence
from math import erf, pi, sqrt
from typing import NamedTuple

from retrograd.maths.elementary import exp, expm1, log1p, tanh

LEAKY_SLOPE = 0.01
# The fixed point of mean 0 and variance 1, Klambauer et al. (2017), section 2.
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


def identity(z: float) -> float:
    r"""Leave z as it is, :math:`f(z) = z`."""
    return z


def identity_slope(z: float, a: float) -> float:
    r"""Derivative of the identity, :math:`f'(z) = 1`."""
    return 1.0


def logistic(z: float) -> float:
    r"""Squash z into (0, 1), :math:`\sigma(z) = 1 / (1 + e^{-z})`, without overflow.

    Source: Bishop, Pattern Recognition and Machine Learning (2006), eq. 4.59.
    """
    e = exp(-abs(z))
    return (1.0 if z >= 0.0 else e) / (1.0 + e)


def logistic_slope(z: float, a: float) -> float:
    r"""Derivative of the logistic function, :math:`\sigma'(z) = a (1 - a)`."""
    return a * (1.0 - a)


def tanh_value(z: float) -> float:
    r"""Squash z into (-1, 1), :math:`f(z) = \tanh z`."""
    return tanh(z)


def tanh_slope(z: float, a: float) -> float:
    r"""Derivative of tanh, :math:`f'(z) = 1 - a^2`."""
    return 1.0 - a * a


def relu(z: float) -> float:
    r"""Keep what is positive, :math:`f(z) = \max(0, z)`; NaN stays NaN.

    Source: Nair and Hinton, Rectified linear units improve restricted Boltzmann machines (2010).
    """
    return 0.0 if z <= 0.0 else z


def relu_slope(z: float, a: float) -> float:
    r"""Derivative of relu, 1 where z > 0, else 0 (0 at the kink, as scikit-learn has it)."""
    return 0.0 if z <= 0.0 else 1.0


def leaky_relu(z: float) -> float:
    r"""Let a little of the negative through, :math:`f(z) = z` if z > 0 else :math:`0.01 z`.

    Source: Maas et al., Rectifier nonlinearities improve neural network acoustic models (2013).
    """
    return LEAKY_SLOPE * z if z <= 0.0 else z


def leaky_relu_slope(z: float, a: float) -> float:
    r"""Derivative of the leaky relu, 1 where z > 0, else 0.01."""
    return LEAKY_SLOPE if z <= 0.0 else 1.0


def elu(z: float) -> float:
    r"""Bend the negative side, :math:`f(z) = z` if z > 0 else :math:`e^z - 1`.

    Source: Clevert et al., Fast and accurate deep network learning by ELUs (2016).
    """
    return expm1(z) if z <= 0.0 else z


def elu_slope(z: float, a: float) -> float:
    r"""Derivative of elu, 1 where z > 0, else :math:`e^z = a + 1`."""
    return a + 1.0 if z <= 0.0 else 1.0


def selu(z: float) -> float:
    r"""Scale an elu so that activations normalise themselves.

    :math:`f(z) = \lambda z` if z > 0 else :math:`\lambda \alpha (e^z - 1)`.
    Source: Klambauer et al., Self-normalizing neural networks (2017).
    """
    return SELU_SCALE * SELU_ALPHA * expm1(z) if z <= 0.0 else SELU_SCALE * z


def selu_slope(z: float, a: float) -> float:
    r"""Derivative of selu, :math:`\lambda` where z > 0, else :math:`\lambda \alpha e^z`."""
    return a + SELU_SCALE * SELU_ALPHA if z <= 0.0 else SELU_SCALE


def gelu(z: float) -> float:
    r"""Weight z by its normal probability, :math:`f(z) = z \Phi(z)` (exact, with erf).

    Source: Hendrycks and Gimpel, Gaussian error linear units (2016).
    """
    return z * 0.5 * (1.0 + erf(z * sqrt(0.5)))


def gelu_slope(z: float, a: float) -> float:
    r"""Derivative of gelu, :math:`\Phi(z) + z \phi(z)`."""
    return 0.5 * (1.0 + erf(z * sqrt(0.5))) + z * exp(-0.5 * z * z) / sqrt(2.0 * pi)


def silu(z: float) -> float:
    r"""Weight z by its own gate, :math:`f(z) = z \sigma(z)`; also known as swish.

    Source: Elfwing et al., Sigmoid-weighted linear units (2018); Ramachandran et al. (2017).
    """
    return z * logistic(z)


def silu_slope(z: float, a: float) -> float:
    r"""Derivative of silu, :math:`\sigma(z) + a (1 - \sigma(z))`."""
    gate = logistic(z)
    return gate + a * (1.0 - gate)


def softplus(z: float) -> float:
    r"""Round off the relu, :math:`f(z) = \log(1 + e^z)`.

    Source: Dugas et al., Incorporating second-order functional knowledge (2001).
    """
    return (z if z >= 0.0 else 0.0) + log1p(exp(-abs(z)))


def softplus_slope(z: float, a: float) -> float:
    r"""Derivative of softplus, :math:`\sigma(z) = 1 - e^{-a}`."""
    return -expm1(-a)


def mish(z: float) -> float:
    r"""Gate z smoothly, :math:`f(z) = z \tanh(\log(1 + e^z))`.

    Source: Misra, Mish: a self regularized non-monotonic activation function (2020).
    """
    return z * tanh(softplus(z))


def mish_slope(z: float, a: float) -> float:
    r"""Derivative of mish, :math:`t + z (1 - t^2) \sigma(z)` with t = tanh(softplus(z))."""
    t = tanh(softplus(z))
    return t + z * (1.0 - t * t) * logistic(z)


def exponential(z: float) -> float:
    r"""Positive outputs, :math:`f(z) = e^z`; infinity, not an error, where that is too large."""
    return exp(z)


class Activation(NamedTuple):
    """One row of the table of hidden activations: the engine's code, the value, the slope."""

    code: int
    value: Callable[[float], float]
    slope: Callable[[float, float], float]


# The codes are written into no file; only the order of the kernels' branches depends on them.
IDENTITY, LOGISTIC, TANH, RELU, LEAKY_RELU, ELU, SELU, GELU, SILU, MISH, SOFTPLUS = range(11)
SOFTMAX, EXP = 11, 12

ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(IDENTITY, identity, identity_slope),
    "logistic": Activation(LOGISTIC, logistic, logistic_slope),
    "tanh": Activation(TANH, tanh_value, tanh_slope),
    "relu": Activation(RELU, relu, relu_slope),
    "leaky_relu": Activation(LEAKY_RELU, leaky_relu, leaky_relu_slope),
    "elu": Activation(ELU, elu, elu_slope),
    "selu": Activation(SELU, selu, selu_slope),
    "gelu": Activation(GELU, gelu, gelu_slope),
    "silu": Activation(SILU, silu, silu_slope),
    "mish": Activation(MISH, mish, mish_slope),
    "softplus": Activation(SOFTPLUS, softplus, softplus_slope),
}

# Other names that people know some of them by.
ALIASES = {"swish": "silu"}


def activations_of(names: str | Sequence[str], n_hidden: int) -> tuple[str, ...]:
    """Name of every hidden layer's activation, from one for all of them or one for each.

    Examples
    --------
    >>> activations_of("swish", 2), activations_of(["relu", "tanh"], 2)
    (('silu', 'silu'), ('relu', 'tanh'))
    """
    each = [names] * n_hidden if isinstance(names, str) else names
    return tuple(ALIASES.get(name, name) for name in each)


OUTPUTS: dict[str, int] = {
    "identity": IDENTITY,
    "logistic": LOGISTIC,
    "softmax": SOFTMAX,
    "exp": EXP,
}
