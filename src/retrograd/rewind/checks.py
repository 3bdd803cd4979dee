"""Checks of what a file says of a run: that its parts fit each other.

A digest shows that a row is as it was written; not that who wrote it was honest, nor that no row is
missing. Each check raises a ValueError that says what is wrong.
"""

import numpy as np

from retrograd.engine.kernels.data import Data
from retrograd.rewind.header import Header

STATUSES = ("running", "ended", "interrupted", "diverged", "failed")
# Three numbers.
EPOCH_BYTES = 24


def check_progress(
    header: Header, run: int, progress: list[tuple], checkpoints: list[int], epochs_found: int
) -> None:
    """Check how far a run says that it has come against what there is of it.

    Parameters
    ----------
    header : Header
    run : int
    progress : list of tuple
        Rows of this table.
    checkpoints : list of int
        Steps of the checkpoints.
    epochs_found : int
        How many epochs there are.
    """
    if len(progress) != 1 or progress[0][0] != run:
        raise ValueError("how far a run has come is missing")
    _, status, _, n_steps, n_epochs, n_checkpoints, _ = progress[0]
    if status not in STATUSES:
        raise ValueError(f"a run cannot be {status[:20]!r}")
    if len(checkpoints) != n_checkpoints or checkpoints[:1] != [0]:
        raise ValueError("a checkpoint is missing")
    if checkpoints[-1] > n_steps:
        raise ValueError("a checkpoint is later than its run")
    course = header.make_course()
    first = course.first_epoch
    if epochs_found != n_epochs:
        raise ValueError("an epoch is missing")
    if "generator" in header.data:  # the notebook's, whose epochs are no more than a number
        least, most = 0, course.total_epochs * course.order.n_rows - course.first_step
    else:
        least, most = (course.begin_of(first + n) for n in (n_epochs, n_epochs + 1))
    if not least <= n_steps <= most:
        raise ValueError("its epochs do not have its steps")


def check_data(header: Header, data: Data, rows: dict[str, np.ndarray]) -> None:
    """Check that training data fit a network, and row numbers the data.

    Parameters
    ----------
    header : Header
    data : Data
    rows : dict of ndarray
        Numbers of the rows to train on and to validate on, if not all are trained on.
    """
    network, dtype = header.network, np.dtype(header.dtype)
    kinds = dict(X=2, values=1, columns=1, row_starts=1, y=2, sample_weight=1)
    if any(getattr(data, part).ndim != n_axes for part, n_axes in kinds.items()):
        raise ValueError("its data are malformed")
    n = data.y.shape[0]
    dense = data.row_starts.size == 0
    fits = (
        n > 0
        and data.y.shape[1] == network.target_width
        and data.X.shape == (n if dense else 0, network.widths[0])
        and data.sample_weight.size in (0, n)
        and all(part.dtype == dtype for part in (data.X, data.values, data.y, data.sample_weight))
        and (data.columns.dtype, data.row_starts.dtype) == (np.int32, np.int64)
    )
    if fits and not dense:
        columns, starts = data.columns, data.row_starts
        fits = (
            starts.shape == (n + 1,)
            and starts[0] == 0 <= np.diff(starts).min(initial=0)
            and starts[-1] <= columns.size == data.values.size
            and 0 <= columns.min(initial=0) <= columns.max(initial=0) < network.widths[0]
        )
    if fits and network.output == "softmax":
        fits = bool(((data.y >= 0) & (data.y < network.widths[-1])).all())
    if not fits:
        raise ValueError("its data do not fit its network")
    for numbers in rows.values():
        if numbers.dtype != np.int64 or numbers.ndim != 1 or numbers.size == 0:
            raise ValueError("row numbers are malformed")
        if not ((numbers >= 0) & (numbers < n)).all():
            raise ValueError("row numbers are not those of its data")
    if header.course["n_rows"] != (rows["train"].size if "train" in rows else n):
        raise ValueError("its data do not have as many rows as it says")


def join_epochs(rows: list[tuple], first: int) -> np.ndarray:
    """Join the rows of epochs that a run has: loss, score and next rate, of shape (epochs, 3).

    Examples
    --------
    >>> blob = np.array([[0.5, np.nan, 0.1], [0.25, np.nan, 0.1]]).tobytes()
    >>> join_epochs([(1, 0, blob), (1, 2, blob)], first=0)[:, 0]
    array([0.5 , 0.25, 0.5 , 0.25])
    """
    parts, end = [np.empty((0, 3))], first
    for _, epoch, blob in rows:
        if epoch != end or not blob or len(blob) % EPOCH_BYTES:
            raise ValueError("an epoch is missing")
        parts.append(np.frombuffer(blob).reshape(-1, 3))
        end += len(parts[-1])
    return np.concatenate(parts)


def join_losses(rows: list[tuple], n_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Join the rows of losses that a run of so many steps has: steps and losses.

    Examples
    --------
    >>> blob = np.array([0.5, 0.25]).tobytes()
    >>> join_losses([(1, 0, 2, 4, blob, None)], n_steps=4)
    (array([0, 2]), array([0.5 , 0.25]))
    """
    steps, losses, end = [np.empty(0, np.int64)], [np.empty(0)], 0
    for _, first, stride, n, blob, _ in rows:
        if first >= n_steps:  # written since the steps were counted
            break
        if first != end or stride < 1 or n < 1 or len(blob) != 8 * -(-n // stride):
            raise ValueError("losses are missing")
        end += n
        steps.append(first + stride * np.arange(len(blob) // 8))
        losses.append(np.frombuffer(blob))
    if end < n_steps:
        raise ValueError("losses are missing")
    found = np.concatenate(steps)
    n = np.searchsorted(found, n_steps)
    return found[:n], np.concatenate(losses)[:n]
