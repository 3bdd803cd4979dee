"""The network at a moment: weights and biases, and how every unit fares on the coming batch."""

import numpy as np

from retrograd.faces.page.viewer import Viewer
from retrograd.rewind.trace import LayerTrace

# Entries of an array that are sent whole; a larger one is drawn from a coarser picture of it.
WHOLE = 1 << 14
PICTURE = 96
# Rows, and columns, of a window of numbers.
MOST = 256
# Activations that level off, and how near to their ends a unit counts as saturated.
ENDS = {"logistic": (0.0, 1.0), "tanh": (-1.0, 1.0)}
NEAR = 0.01


def moment(viewer: Viewer, run: int, step: int) -> dict:
    """Tell of the network after so many steps, and, if there is another step, of its units in it.

    Returns
    -------
    dict
        ``layers``, each with ``W``, a ``picture`` of shape (I, O), ``b`` of shape (O,), and of its
        units, each of shape (O,), the ``norm`` (of their incoming weights), ``mean`` and ``spread``
        (of a over the batch), ``dead`` and ``saturated``.
    """
    found = viewer.moment(run, step)
    has_next = viewer.has_step(run, step)
    trace = found.trace() if has_next else None
    layers = []
    for layer, (W, b) in enumerate(zip(found.coefs, found.intercepts, strict=True)):
        told = {
            "W": picture(W),
            "b": b,
            "norm": norms(W),
        }
        if trace is not None:
            told |= units_of(trace.layers[layer], is_output=layer + 1 == len(found.coefs))
        layers.append(told)
    return {
        "run": run,
        "step": step,
        "epoch": found.epoch,
        "exact": found.exact,
        "learning_rate": trace.learning_rate if trace else None,
        "loss": trace.loss if trace else None,
        "rows": trace.rows.size if trace else 0,
        "trouble": trace.trouble if trace else None,
        "layers": layers,
    }


def weights(
    viewer: Viewer, run: int, step: int, layer: int, row: int, column: int, rows: int, columns: int
) -> dict:
    """Give a window of a layer's weights, of shape (I, O), the numbers as they are.

    Returns
    -------
    dict
        ``values`` of shape (rows, columns) from ``row`` and ``column`` on, smaller at the edges.

    Raises
    ------
    IndexError
        If there is no such layer.
    """
    W = viewer.moment(run, step).coefs[layer]
    window = W[max(0, row) :, max(0, column) :][: bounded(rows), : bounded(columns)]
    return {"row": row, "column": column, "values": window}


def bounded(n: int) -> int:
    """So many rows or columns as are sent at once.

    Examples
    --------
    >>> bounded(3), bounded(-1), bounded(10**6)
    (3, 0, 256)
    """
    return max(0, min(n, MOST))


def norms(W: np.ndarray) -> np.ndarray:
    """Euclidean norm of each unit's incoming weights, also where their squares overflow.

    Examples
    --------
    >>> norms(np.array([[3e200], [4e200]]))
    array([5.e+200])
    """
    found = np.sqrt(np.einsum("io,io->o", W, W))
    if np.isfinite(found).all():
        return found
    largest = np.maximum(np.abs(W).max(axis=0), np.finfo(W.dtype).tiny)
    with np.errstate(all="ignore"):  # the norm itself may overflow
        return largest * np.sqrt(np.sum((W / largest) ** 2, axis=0))


def units_of(layer: LayerTrace, is_output: bool) -> dict:
    """How a layer's units fare on a batch.

    A unit is dead if no row sends it any delta, saturated if most rows drive it to one of its ends.
    That is no trouble at the output, whose slope cancels against that of the loss.
    """
    told = {
        "mean": layer.a.mean(axis=0),
        "spread": layer.a.std(axis=0),
        "dead": ~np.any(layer.delta, axis=0),
    }
    if layer.activation in ENDS and not is_output:
        low, high = ENDS[layer.activation]
        at_end = (layer.a < low + NEAR) | (layer.a > high - NEAR)
        told["saturated"] = at_end.mean(axis=0) > 0.5
    return told


def picture(array: np.ndarray) -> dict:
    """Give a matrix whole, or a coarser one in which each cell has the largest of its block.

    Returns
    -------
    dict
        ``shape`` of the array itself, ``values``, ``whole``, and ``top``, the largest magnitude.

    Examples
    --------
    >>> found = picture(np.array([[1.0, -3.0]]))
    >>> found["whole"], found["shape"], found["top"]
    (True, [1, 2], 3.0)
    """
    whole = array.size <= WHOLE
    values = array if whole else _largest_of_blocks(array)
    finite = np.where(np.isfinite(values), np.abs(values), 0.0)
    top = float(finite.max(initial=0.0))
    return {"shape": list(array.shape), "values": values, "whole": whole, "top": top}


def coarser(found: dict, entries: int) -> dict:
    """Make a picture coarser, if it has more entries than are wanted."""
    array = found["values"]
    if array.size <= entries:
        return found
    rows = min(array.shape[0], max(int(np.sqrt(entries)), entries // array.shape[1]))
    coarse = _largest_of_blocks(array, (rows, entries // rows))
    return {**found, "values": coarse, "whole": False}


def _largest_of_blocks(array: np.ndarray, most: tuple[int, int] = (PICTURE, PICTURE)) -> np.ndarray:
    """Of each block the entry of the largest magnitude, sign and all; NaN if it has one."""
    low = high = array
    for axis, n in enumerate(array.shape):
        if n > most[axis]:
            low = _blocks(np.minimum, low, most[axis], axis)
            high = _blocks(np.maximum, high, most[axis], axis)
    return np.where(-low > high, low, high)


def _blocks(extreme: np.ufunc, array: np.ndarray, n: int, axis: int) -> np.ndarray:
    """Reduce an axis to n blocks' extremes; the first blocks are one entry longer, if need be."""
    lines = np.moveaxis(array, axis, 0)
    size, n_longer = divmod(len(lines), n)
    longer, others = np.split(lines, [n_longer * (size + 1)])
    # Blocks of one size at once, which takes a tenth of the time of ``reduceat``.
    blocks = [
        extreme.reduce(part.reshape(-1, length, *lines.shape[1:]), axis=1)
        for part, length in ((longer, size + 1), (others, size))
    ]
    return np.moveaxis(np.concatenate(blocks), 0, axis)
