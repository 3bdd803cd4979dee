r"""Losses: what an output a costs when the target is y, and how that cost moves with z.

Every loss is a pair of scalar functions of one output: ``value(a, y, parameter)``, and
``delta(a, y, parameter)``, which is dLoss/dz, the derivative with respect to the *pre-activation*
of the output unit. For the pairs of loss and output that are legal here the output's own slope
cancels or is 1, which is why the notebook's ``error = y_pred - y`` has no sigmoid derivative in it.

A row's loss is the sum over its O outputs; a batch's loss is the weighted mean over its rows.
``softmax`` rows hold the number of the class instead of O targets: value is then taken at that
class (y = 1), and delta at every class (y = 1 for that one, else 0).
"""

from collections.abc import Callable
from math import inf
from typing import NamedTuple

from retrograd.maths.elementary import log


def likelihood(p: float, y: float, tiny: float) -> float:
    r"""Probability that the label y was given, p if it is 1 and 1 - p if it is 0, kept off 0 and 1.

    p is clipped to [tiny, 1 - tiny], ``tiny`` being the machine epsilon of its dtype, so that a
    confident mistake costs much but not infinity (scikit-learn's convention).
    """
    if p < tiny:
        p = tiny
    elif p > 1.0 - tiny:
        p = 1.0 - tiny
    return p if y >= 0.5 else 1.0 - p


def log_loss(p: float, y: float, tiny: float) -> float:
    r"""Binary cross-entropy, :math:`-y \log p - (1 - y) \log(1 - p)`, with p kept off 0 and 1.

    See ``likelihood``; it is 36.04 at most in double precision.
    Source: Bishop, Pattern Recognition and Machine Learning (2006), eq. 4.90.
    """
    # For a label one of the two terms is 0. Which one is chosen before the logarithm is taken: the
    # processor cannot guess labels, and would have to take back what it did after a wrong guess.
    cost = -log(likelihood(p, y, tiny))
    if 0.0 < y < 1.0:
        cost = -y * log(likelihood(p, 1.0, tiny)) - (1.0 - y) * log(likelihood(p, 0.0, tiny))
    return cost


def squared_error(a: float, y: float, parameter: float) -> float:
    r"""Half the squared residual, :math:`\frac12 (a - y)^2`; the half is scikit-learn's."""
    return 0.5 * (a - y) * (a - y)


def canonical_delta(a: float, y: float, parameter: float) -> float:
    r"""The residual, :math:`a - y`.

    It is dLoss/dz of three pairs: log loss on logistic or softmax, squared error on identity and
    Poisson deviance on exp. Source: Bishop (2006), section 4.3.6, canonical link functions.
    """
    return a - y


def absolute_error(a: float, y: float, parameter: float) -> float:
    r"""Absolute residual, :math:`|a - y|`; its optimum is the median."""
    return abs(a - y)


def absolute_error_delta(a: float, y: float, parameter: float) -> float:
    r"""Sign of the residual, 0 where it is exactly 0."""
    if a > y:
        return 1.0
    if a < y:
        return -1.0
    return a - y  # 0, or NaN, which must not be lost


def huber(a: float, y: float, width: float) -> float:
    r"""Squared near, absolute far: :math:`\frac12 r^2` if |r| ≤ δ else :math:`δ(|r| - \frac12 δ)`.

    Source: Huber, Robust estimation of a location parameter (1964).
    """
    r = abs(a - y)
    if r > width:
        return width * (r - 0.5 * width)
    return 0.5 * r * r


def huber_delta(a: float, y: float, width: float) -> float:
    r"""The residual, clipped to [-δ, δ]."""
    r = a - y
    if r > width:
        return width
    if r < -width:
        return -width
    return r


def quantile(a: float, y: float, q: float) -> float:
    r"""Pinball loss, :math:`\max(q (y - a), (q - 1)(y - a))`; its optimum is the q-quantile.

    Source: Koenker and Bassett, Regression quantiles (1978).
    """
    if a > y:
        return (1.0 - q) * (a - y)
    return q * (y - a)


def quantile_delta(a: float, y: float, q: float) -> float:
    r"""1 - q where the prediction is above the target, -q where below, 0 where equal."""
    if a > y:
        return 1.0 - q
    if a < y:
        return -q
    return a - y  # 0, or NaN, which must not be lost


def poisson(a: float, y: float, parameter: float) -> float:
    r"""Half the Poisson deviance, :math:`y \log(y / a) - y + a`, for y ≥ 0 and a > 0.

    Source: McCullagh and Nelder, Generalized linear models (1989), table 2.1.
    """
    if y > 0.0:
        # An a that has become 0, infinite or NaN costs infinity, and training says so.
        return y * log(y / a) - y + a if 0.0 < a < inf else inf
    return a


class Loss(NamedTuple):
    """One row of the table of losses."""

    code: int
    value: Callable[[float, float, float], float]
    delta: Callable[[float, float, float], float]
    outputs: tuple[str, ...]
    # Whether the reported loss is the mean over the O outputs (as scikit-learn reports squared
    # error) rather than their sum. The gradient is that of the sum in either case.
    mean_over_outputs: bool


LOG_LOSS, SQUARED_ERROR, ABSOLUTE_ERROR, HUBER, QUANTILE, POISSON = range(6)

LOSSES: dict[str, Loss] = {
    "log_loss": Loss(LOG_LOSS, log_loss, canonical_delta, ("logistic", "softmax"), False),
    "squared_error": Loss(SQUARED_ERROR, squared_error, canonical_delta, ("identity",), True),
    "absolute_error": Loss(
        ABSOLUTE_ERROR, absolute_error, absolute_error_delta, ("identity",), True
    ),
    "huber": Loss(HUBER, huber, huber_delta, ("identity",), True),
    "quantile": Loss(QUANTILE, quantile, quantile_delta, ("identity",), True),
    "poisson": Loss(POISSON, poisson, canonical_delta, ("exp",), False),
}


def check_pair(loss: str, output: str) -> None:
    """Refuse a loss, an output activation, or a pair of them that the engine has no delta for.

    Parameters
    ----------
    loss : str
        A key of ``LOSSES``.
    output : str
        ``identity``, ``logistic``, ``softmax`` or ``exp``.

    Raises
    ------
    ValueError
        If the loss is unknown or does not go with the output.

    Examples
    --------
    >>> check_pair("log_loss", "softmax")
    >>> check_pair("poisson", "softmax")
    Traceback (most recent call last):
    ...
    ValueError: loss 'poisson' does not go with output 'softmax'; it takes 'exp'
    """
    if loss not in LOSSES:
        raise ValueError(f"unknown loss {loss!r}; known are {', '.join(map(repr, LOSSES))}")
    legal = LOSSES[loss].outputs
    if output not in legal:
        raise ValueError(
            f"loss {loss!r} does not go with output {output!r}; "
            f"it takes {' or '.join(map(repr, legal))}"
        )
