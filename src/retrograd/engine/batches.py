"""Batches: which rows, when. Every order is a pure function of (seed, purpose, epoch)."""

from typing import Any

import numpy as np
import scipy.sparse

from retrograd.engine.kernels.data import Data
from retrograd.engine.memory import read_only
from retrograd.engine.network import Network

# What draws are for; a new purpose takes a new number, so that no other stream moves.
SHUFFLE = 1


def make_data(
    network: Network,
    X: np.ndarray | scipy.sparse.sparray | scipy.sparse.spmatrix,
    y: np.ndarray | None = None,
    sample_weight: np.ndarray | None = None,
) -> Data:
    """Hand rows to the kernels, copying only what is not in the form they read.

    Parameters
    ----------
    network : Network
        What the rows are for.
    X : ndarray or sparse matrix of shape (n, I), float32 or float64
        Sparse formats other than CSR are converted; sparse rows are never made dense.
    y : ndarray of shape (n, O), or (n,) class numbers for softmax; optional
        Targets; left out for predictions.
    sample_weight : ndarray of shape (n,), optional
        Not negative.

    Returns
    -------
    Data
        Read-only views where possible.

    Raises
    ------
    ValueError
        If dtype, shapes or class numbers do not fit the network.
    """
    dtype = X.dtype
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"X must be float32 or float64, got {dtype}")
    if X.ndim != 2 or X.shape[1] != network.widths[0]:
        raise ValueError(f"the network takes {network.widths[0]} columns, X has shape {X.shape}")
    n_features = X.shape[1]
    if scipy.sparse.issparse(X):
        dense = np.empty((0, n_features), dtype)
        values, columns, row_starts = _sparse_parts(scipy.sparse.csr_array(X))
    else:
        dense = X
        values, columns = np.empty(0, dtype), np.empty(0, np.int32)
        row_starts = np.empty(0, np.int64)
    targets = np.empty((0, network.target_width)) if y is None else _targets(network, X, y)
    if sample_weight is None:
        sample_weight = np.empty(0)
    if np.size(sample_weight) not in (0, X.shape[0]):
        raise ValueError(f"{X.shape[0]} sample weights were expected, got {np.size(sample_weight)}")
    return Data(
        X=_in_form(dense, dtype),
        values=_in_form(values, dtype),
        columns=_in_form(columns, np.int32),
        row_starts=_in_form(row_starts, np.int64),
        y=_in_form(targets, dtype),
        sample_weight=_in_form(sample_weight, dtype),
    )


def rows_of(data: Data) -> np.ndarray | scipy.sparse.csr_array:
    """X of shape (n, I) as it was handed to ``make_data``, dense or in compressed sparse rows."""
    if data.row_starts.size == 0:
        return data.X
    shape = (data.row_starts.size - 1, data.X.shape[1])
    return scipy.sparse.csr_array((data.values, data.columns, data.row_starts), shape=shape)


def _sparse_parts(rows: scipy.sparse.csr_array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, columns and row starts, once they are known to fit: a kernel checks no index."""
    columns = rows.indices.astype(np.int32, copy=False)
    row_starts = rows.indptr.astype(np.int64, copy=False)
    if columns.size and not (columns.min() >= 0 and columns.max() < rows.shape[1]):
        raise ValueError(f"a sparse row has a column that is not 0 to {rows.shape[1] - 1}")
    n_entries = min(columns.size, rows.data.size)
    if np.diff(row_starts).min(initial=0) < 0 or row_starts[-1] > n_entries:
        raise ValueError("the sparse rows' indptr does not fit their indices")
    return rows.data, columns, row_starts


def _targets(network: Network, X: Any, y: Any) -> np.ndarray:
    """Targets as a matrix of shape (n, O), or (n, 1) of class numbers, checked."""
    targets = np.asarray(y)
    if targets.ndim == 1:
        targets = targets[:, np.newaxis]
    if targets.shape != (X.shape[0], network.target_width):
        raise ValueError(
            f"{X.shape[0]} rows and {network.target_width} targets of each were expected, "
            f"y has shape {np.shape(y)}"
        )
    if network.output == "softmax" and targets.size:
        least, most, n_classes = targets.min(), targets.max(), network.widths[-1]
        if not 0 <= least <= most < n_classes:
            raise ValueError(f"class numbers must be 0 to {n_classes - 1}")
    return targets


def _in_form(array: np.ndarray, dtype: Any) -> np.ndarray:
    """View of an array that nothing can be written through; a copy only if its form is another."""
    return read_only(np.ascontiguousarray(array, dtype=dtype).view(np.ndarray))


def generator(seed: int, purpose: int, epoch: int) -> np.random.Generator:
    """Random numbers for one purpose in one epoch; asking again gives the same ones.

    Philox counts instead of remembering: seed and purpose are its key, the epoch is the upper half
    of its counter, so every stream can be entered anywhere.
    Source: Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011).
    """
    return np.random.Generator(np.random.Philox(key=[seed, purpose], counter=[0, 0, epoch, 0]))


def epoch_rows(n_rows: int, seed: int, epoch: int, shuffle: bool) -> np.ndarray:
    """Order of the rows in an epoch, every row once.

    Examples
    --------
    >>> epoch_rows(5, seed=0, epoch=3, shuffle=False)
    array([0, 1, 2, 3, 4])
    >>> sorted(epoch_rows(5, seed=0, epoch=3, shuffle=True).tolist())
    [0, 1, 2, 3, 4]
    """
    if not shuffle:
        return np.arange(n_rows, dtype=np.int64)
    return generator(seed, SHUFFLE, epoch).permutation(n_rows)


def batch_bounds(n_rows: int, batch_size: int) -> np.ndarray:
    """Where batches of batch_size rows begin and end; the last one has what is left.

    Examples
    --------
    >>> batch_bounds(5, 2)
    array([0, 2, 4, 5])
    """
    return np.append(np.arange(0, n_rows, batch_size, dtype=np.int64), n_rows)
