"""What the kernels are handed: the rows to learn from, the plan of steps, the room to work in."""

from typing import NamedTuple

import numpy as np


class Data(NamedTuple):
    """The training rows; X either dense or in compressed sparse rows, the other one empty.

    All arrays are read-only, so that no kernel can touch what belongs to the user.
    """

    X: np.ndarray  # (n, I), T; (0, I) when the rows are sparse
    values: np.ndarray  # (nnz,), T
    columns: np.ndarray  # (nnz,), int32
    row_starts: np.ndarray  # (n + 1,), int64; (0,) when the rows are dense
    y: np.ndarray  # (n, O), T; (n, 1) holding the class's number for softmax
    sample_weight: np.ndarray  # (n,), T; (0,) when every row weighs 1


class Settings(NamedTuple):
    """The numbers an optimizer is set to; each solver reads its own."""

    solver: int
    alpha: float  # strength of the L2 penalty, of the weights only
    weight_decay: float  # AdamW's, of the weights only
    momentum: float
    nesterov: bool
    beta_1: float
    beta_2: float
    epsilon: float


class Plan(NamedTuple):
    """S steps to take: step k learns from ``rows[bounds[k] : bounds[k + 1]]`` at its own rate."""

    rows: np.ndarray  # int64
    bounds: np.ndarray  # (S + 1,), int64
    learning_rates: np.ndarray  # (S,), float64
    corrections: np.ndarray  # (S,), float64: what Adam multiplies them by, 1 for others


class Work(NamedTuple):
    """Buffers of a training, allocated once; the first axis of each is the slice.

    A slice's panel holds up to ``panel_rows`` rows at a time. Of a panel of B rows, layer l's
    units are the (B, O) block that starts at ``B * units_at[l]`` in z, a and delta.
    """

    x: np.ndarray  # (slices, panel_rows * I), T: the rows themselves (unused when sparse)
    z: np.ndarray  # (slices, panel_rows * units), T: pre-activations
    a: np.ndarray  # (slices, panel_rows * units), T: activations
    delta: np.ndarray  # (slices, panel_rows * units), T: dLoss/dz
    gradient: np.ndarray  # (slices, P), T: row 0 ends up as the gradient of the whole batch
    loss: np.ndarray  # (slices,), float64: weighted sum of the rows' losses
    weight: np.ndarray  # (slices,), float64: sum of the rows' weights
    trouble: np.ndarray  # (slices,), int64: pre-activations that are not finite
    squares: np.ndarray  # (blocks of parameters, LANES), float64: sums of the weights' squares
    bad_parameters: np.ndarray  # (blocks,), int64: updated parameters that are not finite
    slice_rows: int
    panel_rows: int
