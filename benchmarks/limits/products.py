"""A step's matrix products alone: forward, dW and delta by SciPy's BLAS, on arrays that lie ready.

Nothing is gathered, activated or updated, and the loop is compiled, so that no Python stands
between the products. The arrays of a step are always the same ones and stay where they are in the
caches: it is a floor for whoever uses that BLAS.
"""

import ctypes

import numba
import numpy as np
import scipy
import scipy.linalg.cython_blas
from numba.extending import get_cython_function_address

from benchmarks.contenders import LIMIT, Trainer, sklearn

TITLE = "its matrix products alone"
ROLE = LIMIT
limited = sklearn.limited


def version():
    """Return whose BLAS it is."""
    return f"SciPy {scipy.__version__}"


def takes(workload):
    """Tell that dense batches are taken: sparse products are no BLAS calls."""
    return workload.dense and not workload.one_example


def trainer(workload, data, epochs, order=None):
    """Prepare as many steps as a training takes."""
    products = step_products(workload, data)
    calls, kept = _calls(products)
    multiply = _loop("sgemm" if workload.dtype == "float32" else "dgemm")
    steps = epochs * workload.rows // workload.batch

    def train():
        multiply(calls, steps)
        # The calls are addresses; this is what keeps their arrays alive.
        return products, kept

    return Trainer(train)


def step_products(workload, data):
    """Return triples (left, right, product) in a step's order; left or right may be transposed."""
    weights = [w for w, _ in workload.start()]
    a = [np.ascontiguousarray(data.X[: workload.batch])]
    a += [np.ones((workload.batch, width), workload.dtype) for width in workload.widths[1:]]
    delta = [np.full_like(array, 1e-3) for array in a]
    products = [(a[i], w, np.empty_like(a[i + 1])) for i, w in enumerate(weights)]
    for i, w in reversed(list(enumerate(weights))):
        products.append((a[i].T, delta[i + 1], np.empty_like(w)))
        if i > 0:
            products.append((delta[i + 1], w.T, np.empty_like(a[i])))
    return products


def _calls(products):
    """Return gemm's 13 arguments, all of them addresses, for each product, and what they point to.

    To BLAS a row-major array is its transpose: it computes product' = right' left'.
    """
    one, zero = np.ones(1, products[0][0].dtype), np.zeros(1, products[0][0].dtype)
    letters = {False: np.frombuffer(b"N", np.uint8), True: np.frombuffer(b"T", np.uint8)}
    kept, calls = [one, zero, letters], []
    for left, right, product in products:
        m, n, k = product.shape[1], product.shape[0], left.shape[1]
        turned = [not array.flags.c_contiguous for array in (left, right)]
        # From one row of an array to the next; a transposed one is read by its columns.
        leading = [a.shape[1 if a.flags.c_contiguous else 0] for a in (left, right, product)]
        sizes = np.array([m, n, k, *leading], np.intc)
        kept.append(sizes)
        size_at = [sizes.ctypes.data + i * sizes.itemsize for i in range(6)]
        letter_at = [letters[t].ctypes.data for t in turned]
        l_at, r_at, p_at = (array.ctypes.data for array in (left, right, product))
        calls.append([letter_at[1], letter_at[0], *size_at[:3], one.ctypes.data])
        calls[-1] += [r_at, size_at[4], l_at, size_at[3], zero.ctypes.data, p_at, size_at[5]]
    return np.array(calls, np.uintp), kept


def _loop(name):
    address = get_cython_function_address("scipy.linalg.cython_blas", name)
    gemm = ctypes.CFUNCTYPE(None, *[ctypes.c_size_t] * 13)(address)

    @numba.njit
    def multiply(calls, steps):
        for _ in range(steps):
            for i in range(len(calls)):
                c = calls[i]
                gemm(
                    c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9], c[10], c[11], c[12]
                )  # fmt: skip

    return multiply
