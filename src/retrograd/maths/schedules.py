r"""Schedules: what the learning rate is multiplied by, step after step.

Each is a pure function of where the training is, so that any step's rate can be had again without
replaying those before it. Two kinds exist, as their argument says: ``invscaling`` follows the
number of samples seen, ``cosine`` and ``one_cycle`` follow the progress u = (step + ½) / steps in
all, 0 < u < 1, measured at the middle of a step so that no step is spent on a rate of 0.
``constant`` needs nothing, and ``adaptive`` is no function of time: it is cut by ``ADAPTIVE_CUT``
whenever the training stalls, and stops it below ``ADAPTIVE_FLOOR``.
"""

from collections.abc import Callable

import numpy as np

ADAPTIVE_CUT = 5.0
ADAPTIVE_FLOOR = 1e-6
COSINE_WARM_UP = 0.05
ONE_CYCLE_WARM_UP = 0.3
ONE_CYCLE_START = 1.0 / 25.0
ONE_CYCLE_END = 1e-4 / 25.0


def invscaling(samples_seen: int, power: float) -> float:
    r"""Inverse power of the samples seen at the epoch's start, :math:`(t + 1)^{-p}`.

    Examples
    --------
    >>> invscaling(99, 0.5)
    0.1
    """
    return float(1.0 / (samples_seen + 1) ** power)


def cosine(progress: np.ndarray) -> np.ndarray:
    r"""Linear warm-up over the first 5 % of the steps, then half a cosine down to 0.

    :math:`\frac12 (1 + \cos \pi v)`, v being the progress since the warm-up's end.
    Source: Loshchilov and Hutter, SGDR: stochastic gradient descent with warm restarts (2017),
    eq. 5, one period; Goyal et al., Accurate, large minibatch SGD (2017), for the warm-up.

    Parameters
    ----------
    progress : ndarray of shape (n_steps,), float64
        Steps done over steps in all, in (0, 1).

    Returns
    -------
    ndarray of shape (n_steps,), float64
        Multipliers of the initial learning rate, in (0, 1].

    Examples
    --------
    >>> cosine(np.array([0.025, 0.05, 0.525])).round(3)
    array([0.5, 1. , 0.5])
    """
    after = (progress - COSINE_WARM_UP) / (1.0 - COSINE_WARM_UP)
    return np.where(
        after < 0.0, progress / COSINE_WARM_UP, 0.5 * (1.0 + np.cos(np.pi * np.maximum(after, 0.0)))
    )


def one_cycle(progress: np.ndarray) -> np.ndarray:
    r"""Up from 1/25 to 1 over the first 30 % of the steps, then down to 1/250,000, both cosines.

    The idea is that of Smith and Topin, Super-convergence: very fast training of neural networks
    using large learning rates (2018), whose rates go up and down in straight lines; cosines and
    shares are those that PyTorch's OneCycleLR has for defaults.

    Parameters
    ----------
    progress : ndarray of shape (n_steps,), float64
        Steps done over steps in all, in (0, 1).

    Returns
    -------
    ndarray of shape (n_steps,), float64
        Multipliers of the peak learning rate, in (0, 1].

    Examples
    --------
    >>> one_cycle(np.array([0.0, 0.3])).round(3)
    array([0.04, 1.  ])
    """

    def ease(start: float, end: float, fraction: np.ndarray) -> np.ndarray:
        return end + 0.5 * (start - end) * (1.0 + np.cos(np.pi * fraction))

    rising = ease(ONE_CYCLE_START, 1.0, progress / ONE_CYCLE_WARM_UP)
    falling = ease(1.0, ONE_CYCLE_END, (progress - ONE_CYCLE_WARM_UP) / (1.0 - ONE_CYCLE_WARM_UP))
    return np.where(progress < ONE_CYCLE_WARM_UP, rising, falling)


# How a schedule is evaluated: once a step from the progress, or once an epoch.
BY_STEP: dict[str, Callable[[np.ndarray], np.ndarray]] = {"cosine": cosine, "one_cycle": one_cycle}
# Shares of the steps over which they rise.
WARM_UPS = {"cosine": COSINE_WARM_UP, "one_cycle": ONE_CYCLE_WARM_UP}
SCHEDULES: tuple[str, ...] = ("constant", "invscaling", "adaptive", "cosine", "one_cycle")
