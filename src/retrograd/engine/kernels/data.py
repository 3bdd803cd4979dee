"""What the kernels are handed: the rows to learn from, the plan of steps, the room to work in."""

from typing import NamedTuple

import numpy as np

# Codes of the solvers. STAY moves nothing: for those who only ask for the gradient.
SGD, ADAM, ADAMW, RMSPROP, STAY = range(5)


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


class History(NamedTuple):
    """What each step of a plan had, for those who look back; with no rows what nobody asks for."""

    thetas: np.ndarray  # (S, P) or (0, P), T: the parameters before it
    gradients: np.ndarray  # (S, P) or (0, P), T: the mean gradient that moved them

    @classmethod
    def of(cls, n_steps: int, like: np.ndarray, thetas: bool, gradients: bool) -> "History":
        """Room for so many steps of parameters like those given."""
        return cls(
            np.empty((n_steps * thetas, like.size), like.dtype),
            np.empty((n_steps * gradients, like.size), like.dtype),
        )

    def part(self, begin: int, end: int) -> "History":
        """Room of the steps from ``begin`` to before ``end``."""
        return History(self.thetas[begin:end], self.gradients[begin:end])


class Work(NamedTuple):
    """Buffers of a training, allocated once; what they hold at first means nothing.

    The batch's rows are held a panel of up to ``panel_rows`` at a time. Of a panel of B rows, layer
    l's units are the (B, O) block that starts at ``B * units_at[l]`` in z, a and delta.

    Workers share a panel in two kinds of tasks: some of its rows, sent forward and back; and some
    of the parameters, whose gradient is taken and which are then moved. Between them, of a panel of
    ``slice_rows`` or more, the gradient of each half of its rows, a slice. What a task reports of
    the step stands in the row of the step's parity: steps that follow each other don't share it.
    """

    x: np.ndarray  # (panel_rows * I,), T: the rows themselves (empty when sparse)
    z: np.ndarray  # (panel_rows * units,), T: pre-activations
    a: np.ndarray  # (panel_rows * units,), T: activations
    delta: np.ndarray  # (panel_rows * units,), T: dLoss/dz
    gradient: np.ndarray  # (P,), T: of the batch, laid out like the parameters
    slices: np.ndarray  # (2, P and a gap), T: of half a panel's rows each; or none
    turned: np.ndarray  # (n_weights,), T: W' of every layer but the first, where W stands in theta
    # What products read of wide or large layers, in strips (see ``product``), as W' is there, too;
    # with no entries where they read the above.
    strips: np.ndarray  # (n_weights,), T: W, where it stands in theta
    delta_strips: np.ndarray  # (panel_rows * units,), T
    input_strips: np.ndarray  # (panel_rows * inputs,), T: x and a, as they go into each layer
    input_widths: np.ndarray  # (L,), int64: how wide those strips are; 0 where there are none
    losses: np.ndarray  # (panel_rows,), float64: each row's loss
    loss: np.ndarray  # (2, row tasks), float64: weighted sum of the rows' losses
    weight: np.ndarray  # (2, row tasks), float64: sum of the rows' weights
    trouble: np.ndarray  # (2, row tasks), int64: pre-activations that are not finite
    squares: np.ndarray  # (2 * parameter tasks, LANES), float64: sums of the weights' squares
    bad_parameters: np.ndarray  # (2, parameter tasks), int64: updated ones that are not finite
    parameter_tasks: np.ndarray  # (parameter tasks, 3), int64: layer, first unit in, units in or 0
    shares: np.ndarray  # int64: numbers of these tasks, as many for each worker; -1 for none
    panel_rows: int
    task_rows: int
    slice_rows: int  # from so many rows on a panel's gradient is taken in two slices
