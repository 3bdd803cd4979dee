"""Prediction: rows through a trained network, a panel of them at a time."""

import numpy as np

from retrograd.engine.jit import COMPILED, compiling
from retrograd.engine.kernels import forward
from retrograd.engine.kernels.data import Data
from retrograd.engine.network import Network
from retrograd.engine.threads import make_barrier, run_workers, single_threaded_blas

# Rows whose units are held at once: enough for a good matrix product, few enough for the cache.
PANEL_ROWS = 512
# Multiplications below which OpenBLAS takes one thread anyway, so that it need not be told.
HOLD_FROM = 1 << 17


def predict(network: Network, theta: np.ndarray, data: Data, n_rows: int) -> np.ndarray:
    """Send rows through a network; its outputs, of shape (n_rows, O) and theta's dtype."""
    dtype = theta.dtype
    theta = theta.view(np.ndarray)
    theta.flags.writeable = False  # of this view only; one signature whoever owns the vector
    panel_rows = max(1, min(n_rows, PANEL_ROWS))
    n_panels = -(-n_rows // panel_rows)
    features = 0 if data.row_starts.size > 0 else network.widths[0]
    out = np.empty((n_rows, network.widths[-1]), dtype)
    rows = np.arange(n_rows, dtype=np.int64)

    def fill(worker: int) -> None:
        forward.predict(
            network.layout(dtype), theta, data, rows,
            np.empty(panel_rows * features, dtype),
            np.empty(panel_rows * network.n_units, dtype),
            np.empty(panel_rows * network.n_units, dtype),
            out, worker, n_workers,
        )  # fmt: skip

    with compiling("predict", dtype):
        n_workers = 1
        if n_rows * network.n_parameters < HOLD_FROM:
            fill(0)
        else:
            with single_threaded_blas() as n_threads:
                n_workers = min(n_threads, n_panels) if COMPILED else 1
                run_workers(n_workers, make_barrier(), fill)
    return out
