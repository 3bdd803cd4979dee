"""Products as the engine's tiles must make them, one fused multiplication and addition at a time.

Slow, obvious, and of NumPy alone. Rounding only once, as the processor does, is the difficulty:
in single precision the exact sum is held in double precision with its last bit telling whether
anything was cut off (round to odd), so that the second rounding is the only one that counts; in
double precision it is a matter of fractions.

Source: Boldo and Melquiond, Emulation of FMA and correctly rounded sums (2008).
"""

from fractions import Fraction

import numpy as np

Array = np.ndarray


def fused_single(a: Array, b: Array, c: Array) -> Array:
    """Return a b + c in single precision, rounded once."""
    product, c = a.astype(np.float64) * b.astype(np.float64), c.astype(np.float64)
    total = product + c  # the product is exact, the sum is not: what it lost is ``error``
    part = total - product
    error = (product - (total - part)) + (c - part)
    odd = total.view(np.int64) & 1 == 1
    towards = np.where(error > 0, np.inf, -np.inf)
    total = np.where((error != 0) & ~odd, np.nextafter(total, towards), total)
    return total.astype(np.float32)


@np.vectorize
def _fused_double(a: float, b: float, c: float) -> float:
    return float(Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c)))


def fused(a: Array, b: Array, c: Array) -> Array:
    """Return a b + c, rounded once, in the arrays' own precision."""
    a, b, c = np.broadcast_arrays(a, b, c)
    if c.dtype == np.float32:
        return fused_single(a, b, c)
    return _fused_double(a, b, c) if c.size else c.copy()


def separate(a: Array, b: Array, c: Array) -> Array:
    """Return a b + c, each operation rounded."""
    return a * b + c


def product_in_order(a: Array, b: Array, c: Array, multiply_add=fused) -> Array:
    """Return c + a b, of shapes (R, K), (K, O), (R, O): terms in order, first to last."""
    for k in range(a.shape[1]):
        c = multiply_add(a[:, k, np.newaxis], b[k], c)
    return c


def dots_in_lanes(a: Array, b: Array, c: Array, n_lanes: int, multiply_add=fused) -> Array:
    """Return c + a b, of shapes (R, K), (K,), (R,): every lane sums terms n_lanes apart.

    Of the lanes the upper half is added to the lower one until one is left.
    """
    n_rows, n_terms = a.shape
    n_whole = -(-n_terms // n_lanes)
    padded_a = np.zeros((n_rows, n_whole * n_lanes), a.dtype)
    padded_b = np.zeros(n_whole * n_lanes, b.dtype)
    padded_a[:, :n_terms], padded_b[:n_terms] = a, b
    sums = np.zeros((n_rows, n_lanes), c.dtype)
    for start in range(0, padded_b.size, n_lanes):
        lanes = slice(start, start + n_lanes)
        sums = multiply_add(padded_a[:, lanes], padded_b[lanes], sums)
    while sums.shape[1] > 1:
        half = sums.shape[1] // 2
        sums = sums[:, :half] + sums[:, half:]
    return c + sums[:, 0]
