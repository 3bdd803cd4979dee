"""What this machine's BLAS reaches on large matrices: one product of 2048 by 2048 ones."""

import numpy as np
from scipy.linalg.blas import get_blas_funcs

from benchmarks.contenders import LIMIT, Trainer, sklearn
from benchmarks.limits import products

N = 2048
TITLE = "large product"
ROLE = LIMIT
limited = sklearn.limited
version = products.version
takes = products.takes


def trainer(workload, data, epochs, order=None):
    """Prepare one large product in the work's precision."""
    rng = np.random.default_rng(0)
    left, right = (np.asarray(rng.random((N, N)), workload.dtype, order="F") for _ in range(2))
    result = np.empty_like(left)
    gemm = get_blas_funcs("gemm", (left,))

    def train():
        gemm(1.0, left, right, beta=0.0, c=result, overwrite_c=True)

    return Trainer(train, flops=2 * N**3)
