r"""Exponential, logarithm and their kin, from additions, multiplications and divisions alone.

The mathematical library computes one number at a time; these, inlined into a loop over a layer,
are computed eight at a time. They also give the same bits on every machine, which libraries do not.
A test compares them with mpmath: exp, log and log1p are good to 1.3 units in the last place, expm1
and tanh to 2.8.

All follow one plan: take out a power of two, which is exact; a short polynomial for what is left.
Sources: Cody and Waite, Software manual for the elementary functions (1980), for the splitting;
Tang, Table-driven implementation of the logarithm function (1990), for the series of the logarithm.
"""

from math import inf

import numpy as np

LOG2_E = 1.4426950408889634
# log(2) in two parts, the first with so few digits that its multiples are exact.
LOG_2_HIGH = 0.6931471803691238
LOG_2_LOW = 1.9082149292705877e-10
# Added to a number below 2**51, it leaves that number, rounded, in the sum's lowest bits.
ROUNDER = 6755399441055744.0
EXPONENT_BIAS, MANTISSA_BITS = 1023, 52
ROOT_HALF_BITS = 0x3FE6A09E667F3BCD
LOWEST_EXPONENT, HIGHEST_EXPONENT = -707.0, 709.78

# e^r = 1 + r + r^2 (E2 + E3 r + ...) for |r| up to log(2) / 2, to 2e-17: Taylor's series, bent to
# end two terms earlier by fitting (e^r - 1 - r) / r^2 at Chebyshev's nodes.
E2, E3, E4, E5 = 0.5000000000000001, 0.16666666666666669, 0.041666666666623824, 0.008333333333330039
E6, E7, E8 = 0.0013888888917367081, 0.00019841269863171557, 2.4801521057868204e-05
E9, E10, E11 = 2.7557268276905696e-06, 2.7620201591031547e-07, 2.5100472505694996e-08
# log((1 + s) / (1 - s)) = 2s + s (L1 s^2 + L2 s^4 + ...): 2 / (2k + 1), bent to end at L7.
L1, L2, L3 = 0.6666666666666735130, 0.3999999999940941908, 0.2857142874366239149
L4, L5, L6 = 0.2222219843214978396, 0.1818357216161805012, 0.1531383769920937332
L7 = 0.1479819860511658591


def _power_and_rest(x: float) -> tuple[float, float]:
    """Split :math:`e^x` into half of 2^n, and :math:`e^r - 1` with x = n log 2 + r.

    Half of it, since 2^1024 is no number.
    """
    shifted = x * LOG2_E + ROUNDER
    n = shifted - ROUNDER
    half = (np.float64(shifted).view(np.int64) + (EXPONENT_BIAS - 1)) << MANTISSA_BITS
    r = (x - n * LOG_2_HIGH) - n * LOG_2_LOW
    # Two halves of the series side by side take less time than one after the other.
    r2 = r * r
    r4 = r2 * r2
    low = (E2 + r * E3) + r2 * (E4 + r * E5)
    high = (E6 + r * E7) + r2 * (E8 + r * E9) + r4 * (E10 + r * E11)
    return np.int64(half).view(np.float64), r + r2 * (low + r4 * high)


def _within_range(x: float) -> float:
    """Keep x where its exponential is a number that is not 0; NaN stays NaN."""
    if x < LOWEST_EXPONENT:
        return LOWEST_EXPONENT
    return HIGHEST_EXPONENT if x > HIGHEST_EXPONENT else x


def exp(x: float) -> float:
    r"""Exponential, :math:`e^x`; 0 below -707, infinity above 709.78.

    Examples
    --------
    >>> round(float(exp(1.0)), 12), float(exp(-800.0)), float(exp(800.0))
    (2.718281828459, 0.0, inf)
    """
    half, rest = _power_and_rest(_within_range(x))
    half = 0.0 if x < LOWEST_EXPONENT else half
    e = 2.0 * (half + half * rest)
    return inf if x > HIGHEST_EXPONENT else e


def expm1(x: float) -> float:
    r"""Exponential less one, :math:`e^x - 1`, exact also where x is small; for x up to 700.

    Examples
    --------
    >>> float(expm1(1e-20)), float(expm1(-800.0))
    (1e-20, -1.0)
    """
    half, rest = _power_and_rest(_within_range(x))
    return 2.0 * half * rest + (2.0 * half - 1.0)


def tanh(x: float) -> float:
    r"""Hyperbolic tangent, :math:`e / (e + 2)` with :math:`e = e^{2x} - 1`.

    Examples
    --------
    >>> round(float(tanh(0.5)), 12), float(tanh(-800.0))
    (0.46211715726, -1.0)
    """
    size = abs(x)
    e = expm1(2.0 * (22.0 if size > 22.0 else size))
    t = e / (e + 2.0)
    return -t if x < 0.0 else t


def log(x: float) -> float:
    r"""Natural logarithm of a positive x that is not below 2.3e-308; infinity has its own.

    Examples
    --------
    >>> round(float(log(10.0)), 12), float(log(1.0))
    (2.302585092994, 0.0)
    """
    # x = 2^n m, with m from √½ to √2.
    bits = np.float64(x).view(np.int64)
    n = (bits - ROOT_HALF_BITS) >> MANTISSA_BITS
    m = np.int64(bits - (n << MANTISSA_BITS)).view(np.float64)
    f = m - 1.0
    s = f / (2.0 + f)
    s2 = s * s
    s4 = s2 * s2
    series = s2 * (L1 + s4 * (L3 + s4 * (L5 + s4 * L7))) + s4 * (L2 + s4 * (L4 + s4 * L6))
    half_square = 0.5 * f * f
    power = np.float64(n)
    low = s * (half_square + series) + power * LOG_2_LOW
    result = power * LOG_2_HIGH - ((half_square - low) - f)
    return result if x < inf else x


def log1p(x: float) -> float:
    r"""Logarithm of one more, :math:`\log(1 + x)`, exact also where x is small; for x ≥ 0.

    What 1 + x has lost of x is made good to first order, by the logarithm's slope there.

    Examples
    --------
    >>> float(log1p(1e-20)), round(float(log1p(1.0)), 12)
    (1e-20, 0.69314718056)
    """
    whole = 1.0 + x
    return log(whole) + (x - (whole - 1.0)) / whole


# What the engine compiles into its kernels, callees first.
FUNCTIONS = (_power_and_rest, _within_range, exp, expm1, tanh, log, log1p)
