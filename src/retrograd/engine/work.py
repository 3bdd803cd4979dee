"""Working memory: the buffers of a batch, and how its work is cut into tasks."""

import sys
from itertools import pairwise

import numpy as np

from retrograd.engine.kernels import steps
from retrograd.engine.kernels.data import Work
from retrograd.engine.kernels.product import (
    COPY_FROM,
    WHOLE_TILES,
    WIDE_TILE_ROWS,
    are_far_apart,
    are_weights_far,
)
from retrograd.engine.kernels.update import LANES
from retrograd.engine.memory import room, row_room, with_gaps
from retrograd.engine.network import Network
from retrograd.engine.threads import MEET_FROM

# Rows whose units are held at once: batches are hardly ever larger, whole tables are.
PANEL_ROWS = 1024
# Rows, and parameters, of one task: few enough that there are tasks to share, and that what a task
# works on stays in the cache; the wider the layers, the more rows are needed to earn their loading.
TASK_ROWS, TASK_ROWS_WIDE = 64, 128
# Where half as many rows keep a layer's units in the innermost cache, and all of them do not.
TASK_BYTES = 1 << 15
TASK_PARAMETERS = 6144
TASK_UNITS, TASK_UNITS_WIDE = 48, 216
# From so many parameters on a layer is two tasks at least; not a column, which is taken as a row.
SPLIT_FROM = 1200
WIDE = 512
# Sparse rows are read once for each task of the first layer's.
SPARSE_TASKS = 4


def parameter_tasks(network: Network, sparse: bool) -> np.ndarray:
    """Cut the parameters into tasks; a function of the network and the storage of X only.

    Returns
    -------
    ndarray of shape (tasks, 3), int64
        Layer, first unit in, number of units in; for a layer's biases the latter two are 0.

    Examples
    --------
    >>> parameter_tasks(Network((100, 30, 1), ("relu",), "identity", "squared_error"), sparse=False)
    array([[ 0,  0,  54],
           [ 0, 54,  46],
           [ 0,  0,   0],
           [ 1,  0,  30],
           [ 1,  0,   0]])
    """
    tasks = []
    for layer in range(network.n_layers):
        n_in, n_out = network.widths[layer], network.widths[layer + 1]
        if layer == 0 and sparse:
            units = -(-n_in // SPARSE_TASKS)
        elif n_out < WIDE:
            units = max(TASK_UNITS, TASK_PARAMETERS // n_out // WHOLE_TILES * WHOLE_TILES)
            if n_in <= units and n_out > 1 and n_in * n_out >= SPLIT_FROM:
                units = -(-n_in // (2 * WIDE_TILE_ROWS)) * WIDE_TILE_ROWS
        else:
            # In equal parts: each reads all deltas, be it large or small.
            n_parts = -(-n_in // TASK_UNITS_WIDE)
            units = -(-n_in // (n_parts * WHOLE_TILES)) * WHOLE_TILES
        tasks += [(layer, unit, min(units, n_in - unit)) for unit in range(0, n_in, units)]
        tasks.append((layer, 0, 0))
    return np.array(tasks, dtype=np.int64)


def slice_rows_of(network: Network) -> int:
    """Rows from which on a panel's gradient is taken in two slices; a function of the network only.

    Two workers then exchange half of the parameters, not half of all units: that pays when they are
    fewer by a third. And the panel must have enough to do to be shared by workers at all.

    Examples
    --------
    >>> slice_rows_of(Network((784, 100, 10), ("relu",), "softmax", "log_loss"))
    120
    """
    n_parameters = network.n_parameters
    n_exchanged = sum(network.widths[:-1]) + sum(network.widths[1:])
    worth_it = -(-3 * n_parameters // (2 * n_exchanged))
    shared = -(-2 * MEET_FROM // (3 * n_parameters))
    return max(worth_it, shared, TASK_ROWS_WIDE // 2)  # so many rows are two tasks at least


def shares_of(tasks: np.ndarray, widths: np.ndarray, n_workers: int) -> np.ndarray:
    """Deal the parameters' tasks to workers: each gets about as much work, in the tasks' order.

    The largest task left goes to the worker who has least so far.
    Source: Graham, Bounds on multiprocessing timing anomalies (1969).

    Returns
    -------
    ndarray of int64
        Numbers of tasks, one worker's after another's, as many for each: -1 stands for none.

    Examples
    --------
    >>> tasks = np.array([[0, 0, 48], [0, 48, 16], [0, 64, 16], [0, 0, 0]])
    >>> shares_of(tasks, np.array([80, 32]), 2)
    array([ 0, -1, -1,  1,  2,  3])
    """
    n_in, n_out = np.maximum(tasks[:, 2], 1), widths[tasks[:, 0] + 1]
    # A column is taken as a row of the same numbers.
    n_rows, n_columns = np.where(n_out == 1, (n_out, n_in), (n_in, n_out))
    sizes = n_rows * (-(-n_columns // WHOLE_TILES) * WHOLE_TILES)
    by_size = np.argsort(-sizes, kind="stable")
    # Plain lists: this is done at every call, and their looks take a tenth of an array's time.
    loads = [0] * n_workers
    shares: list[list[int]] = [[] for _ in range(n_workers)]
    for number, size in zip(by_size.tolist(), sizes[by_size].tolist(), strict=True):
        worker = loads.index(min(loads))
        loads[worker] += size
        shares[worker].append(number)
    longest = max(map(len, shares))
    dealt = np.full((n_workers, longest), -1, np.int64)
    for place, share in zip(dealt, shares, strict=True):
        place[: len(share)] = sorted(share)
    return dealt.ravel()


def make_work(
    network: Network, dtype: np.dtype, batch_size: int, sparse: bool, panel_rows: int | None = None
) -> Work:
    """Allocate the buffers for batches of up to batch_size rows."""
    panel_rows = min(batch_size, PANEL_ROWS if panel_rows is None else panel_rows)
    widest = max(network.widths[1:])
    task_rows = TASK_ROWS if widest < WIDE else TASK_ROWS_WIDE
    row_bytes = widest * dtype.itemsize
    if task_rows * row_bytes > TASK_BYTES >= task_rows // 2 * row_bytes:
        task_rows //= 2
    n_panels = -(-batch_size // panel_rows)
    n_row_tasks = n_panels * steps.tasks_of(panel_rows, task_rows)
    tasks = parameter_tasks(network, sparse)
    slice_rows = sys.maxsize if sparse else slice_rows_of(network)
    n_slices = 2 if panel_rows >= slice_rows else 0
    n_weights = network.n_parameters - network.n_units
    n_inputs = sum(network.widths[:-1])
    has_many_rows = batch_size >= COPY_FROM
    wide = [are_far_apart(n_out, dtype.itemsize) for n_out in network.widths[1:]]
    far = [are_weights_far(*shape, dtype.itemsize) for shape in pairwise(network.widths)]
    if sparse:
        wide[0] = far[0] = False
    input_widths = np.zeros(network.n_layers, np.int64)
    if has_many_rows:
        for layer, _, n_units in tasks[::-1]:
            is_far = wide[layer] and are_far_apart(network.widths[layer], dtype.itemsize)
            if n_units > 0 and is_far:
                input_widths[layer] = n_units
    return Work(
        x=room(0 if sparse else panel_rows * network.widths[0], dtype, 1),
        z=room(panel_rows * network.n_units, dtype, 2),
        a=room(panel_rows * network.n_units, dtype, 3),
        delta=room(panel_rows * network.n_units, dtype, 4),
        gradient=room(network.n_parameters, dtype, 1),
        slices=with_gaps(row_room(n_slices, network.n_parameters, dtype, 5)),
        turned=room(n_weights if network.n_layers > 1 else 0, dtype),
        strips=room(n_weights if has_many_rows and any(far) else 0, dtype),
        delta_strips=room(
            panel_rows * network.n_units if has_many_rows and any(wide) else 0, dtype
        ),
        input_strips=room(panel_rows * n_inputs if input_widths.any() else 0, dtype),
        input_widths=input_widths,
        losses=room(panel_rows, np.float64),
        loss=np.zeros((2, n_row_tasks)),
        weight=np.zeros((2, n_row_tasks)),
        trouble=np.zeros((2, n_row_tasks), np.int64),
        squares=np.zeros((2 * len(tasks), LANES)),
        bad_parameters=np.zeros((2, len(tasks)), np.int64),
        parameter_tasks=tasks,
        shares=np.arange(len(tasks)),
        panel_rows=panel_rows,
        task_rows=task_rows,
        slice_rows=slice_rows,
    )
