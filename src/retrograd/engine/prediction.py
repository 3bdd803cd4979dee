"""Prediction: rows through a trained network, a panel of them at a time."""

import numpy as np

from retrograd.engine.jit import compiling
from retrograd.engine.kernels import forward
from retrograd.engine.kernels.data import Data
from retrograd.engine.memory import read_only
from retrograd.engine.network import Network
from retrograd.engine.threads import make_crew, n_workers_for, run_workers
from retrograd.engine.work import WIDE

# Rows whose units are held at once: enough to earn the loading of the weights, few enough that they
# stay in the cache from one layer to the next, and with them the rows that come next.
PANEL_ROWS, PANEL_ROWS_WIDE = 96, 256


class Predictor:
    """A network with its parameters, made ready once to predict many times.

    Parameters
    ----------
    network : Network
    theta : ndarray of shape (P,), float32 or float64
        Read anew by every prediction, so that it may change in between.

    Raises
    ------
    ValueError
        If theta has not as many parameters as the network.

    Examples
    --------
    >>> from retrograd.engine.batches import make_data
    >>> network = Network((2, 1), (), "identity", "squared_error")
    >>> predictor = Predictor(network, np.array([1.0, 10.0, 0.5]))
    >>> predictor(np.array([[1.0, 2.0]]))
    (array([[21.5]]), 0)
    """

    def __init__(self, network: Network, theta: np.ndarray) -> None:
        if theta.size != network.n_parameters:
            raise ValueError(
                f"the network has {network.n_parameters:,} parameters, theta has {theta.size:,}"
            )
        self.network = network
        self.dtype = theta.dtype
        self._layout = network.layout(self.dtype)
        # Read-only, whoever owns it: one signature serves all.
        self._theta = read_only(theta.view(np.ndarray))
        self._n_parameters = network.n_parameters
        self._n_units, self._widest = network.n_units, max(network.widths[1:])
        none, no_columns = read_only(np.empty(0, self.dtype)), read_only(np.empty(0, np.int32))
        self._no_rows = read_only(np.empty(0, np.int64))
        no_y = read_only(np.empty((0, network.target_width), self.dtype))
        self._rest = none, no_columns, self._no_rows, no_y, none

    def astype(self, dtype: np.dtype) -> "Predictor":
        """Itself, or one whose parameters are copies in another precision."""
        if dtype == self.dtype:
            return self
        return Predictor(self.network, self._theta.astype(dtype))

    def __call__(self, X: np.ndarray) -> tuple[np.ndarray, int]:
        """Predict for dense rows.

        Parameters
        ----------
        X : ndarray of shape (n, I), of theta's dtype

        Returns
        -------
        outputs : ndarray of shape (n, O)
        not_finite : int
            How many entries of X are NaN or infinite; looked for where they are read anyway.

        Raises
        ------
        ValueError
            If dtype or number of columns do not fit the network.
        """
        if X.dtype != self.dtype or X.ndim != 2 or X.shape[1] != self.network.widths[0]:
            raise ValueError(
                f"the network takes {self.network.widths[0]} columns of {self.dtype}, X has shape "
                f"{X.shape} and dtype {X.dtype}"
            )
        if not X.flags.c_contiguous:
            X = np.ascontiguousarray(X)
        return self.predict(Data(read_only(X), *self._rest), len(X))

    def predict(self, data: Data, n_rows: int) -> tuple[np.ndarray, int]:
        """Predict for rows from ``make_data``, dense or sparse; the rest as for a call."""
        out = np.empty((n_rows, self.network.widths[-1]), self.dtype)
        panel_rows = PANEL_ROWS if self._widest < WIDE else PANEL_ROWS_WIDE
        panel_rows = max(1, min(n_rows, panel_rows))
        rows = self._no_rows
        if data.row_starts.size > 0:
            rows = read_only(np.arange(n_rows, dtype=np.int64))

        n_panels = max(1, -(-n_rows // panel_rows))
        n_workers = min(n_workers_for(n_rows * self._n_parameters), n_panels)
        crew, found = make_crew(n_workers), [0] * n_workers

        def work(worker: int) -> None:
            found[worker] = forward.predict(
                self._layout, self._theta, data, rows,
                np.empty(panel_rows * self._widest, self.dtype),
                np.empty(panel_rows * self._n_units, self.dtype),
                out, crew, worker, n_workers,
            )  # fmt: skip

        with compiling("predict", self.dtype):
            run_workers(n_workers, crew, work)
        return out, sum(found)

    def activations(self, data: Data, n_rows: int, layer: int) -> np.ndarray:
        """One layer's a, of shape (n, O), for rows from ``make_data``: what a prediction passes.

        All rows are one panel, so that its units are still there at the end.

        Examples
        --------
        >>> from retrograd.engine.batches import make_data
        >>> network = Network((1, 2, 1), ("relu",), "identity", "squared_error")
        >>> predictor = Predictor(network, np.array([1.0, -1.0, 5.0, 7.0, 0.0, 3.0, 0.5]))
        >>> predictor.activations(make_data(network, np.array([[2.0]])), 1, 0)
        array([[2., 1.]])
        """
        last, n_out = self.network.n_layers - 1, self.network.widths[layer + 1]
        if layer == last:
            return self.predict(data, n_rows)[0]
        rows = self._no_rows
        if data.row_starts.size > 0:
            rows = read_only(np.arange(n_rows, dtype=np.int64))
        a = np.empty(n_rows * self._n_units, self.dtype)
        out = np.empty((n_rows, self.network.widths[-1]), self.dtype)
        z = np.empty(n_rows * self._widest, self.dtype)
        crew = make_crew(1)

        def work(worker: int) -> None:
            forward.predict(self._layout, self._theta, data, rows, z, a, out, crew, worker, 1)

        with compiling("predict", self.dtype):
            run_workers(1, crew, work)
        start = n_rows * int(self._layout.units_at[layer])
        return a[start : start + n_rows * n_out].reshape(n_rows, n_out)


def predict(network: Network, theta: np.ndarray, data: Data, n_rows: int) -> np.ndarray:
    """Send rows through a network; its outputs, of shape (n_rows, O) and theta's dtype."""
    return Predictor(network, theta).predict(data, n_rows)[0]
