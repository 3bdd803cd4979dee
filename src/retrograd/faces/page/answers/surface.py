"""Surfaces: what a network makes of a grid over two features, the others held at one value each."""

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import scipy.sparse

from retrograd.engine.batches import make_data, rows_of
from retrograd.engine.kernels.data import Data
from retrograd.engine.network import Network
from retrograd.faces.page.answers.rows import (
    Rows,
    decide,
    few,
    outputs_of,
    task_of,
    truth,
)
from retrograd.faces.page.viewer import QuestionError
from retrograd.rewind.moment import Moment
from retrograd.rewind.run import Run

# Points of a grid along either side, and multiplications that a surface may take.
FEWEST, FINEST, WORK = 16, 64, 1 << 29
# Rows that are drawn as points; rows that medians are taken of.
MOST_POINTS, MEDIAN_ROWS = 1000, 5000
MARGIN = 0.08
# Colours that classes are told apart by, one after the other and then again (colours.js).
COLOURS = 10

_grids: "WeakKeyDictionary[Run, dict[tuple, Grid]]" = WeakKeyDictionary()


class Grid:
    """A grid over two features of a run's data.

    Attributes
    ----------
    f0, f1 : int
        The features, from left to right and from the bottom up.
    side : int
        Points along either side.
    low, high : list of float
        Where it begins and ends, for either feature.
    others : str
        At what the other features are held: 'medians', or 'zeros' of sparse rows.
    data : Data
        Its points as rows, those of the lowest f1 first.
    """

    def __init__(self, run: Run, f0: int, f1: int) -> None:
        n_in = run.header.network.widths[0]
        if n_in < 2:
            raise QuestionError("a surface needs two features, the data have one")
        if not (0 <= f0 < n_in and 0 <= f1 < n_in and f0 != f1):
            raise QuestionError(f"a surface is over two of the features 0 to {n_in - 1}")
        self.f0, self.f1 = f0, f1
        side = int(np.sqrt(WORK / run.header.network.n_parameters))
        self.side = max(FEWEST, min(FINEST, side))
        values = [_column(run, f) for f in (f0, f1)]
        spans = [max(float(np.ptp(v)), 1e-6 * float(np.abs(v).max()), 1e-9) for v in values]
        pairs = list(zip(values, spans, strict=True))
        self.low = [float(v.min()) - MARGIN * span for v, span in pairs]
        self.high = [float(v.max()) + MARGIN * span for v, span in pairs]
        # Most entries of sparse rows are 0, and so are nearly all their medians.
        self.others = "zeros" if run.data.row_starts.size else "medians"
        self.data = self._rows(run)

    def _rows(self, run: Run) -> Data:
        network, dtype = run.header.network, run.data.y.dtype
        ends = zip(self.low, self.high, strict=True)
        x, y = (np.linspace(low, high, self.side, dtype=dtype) for low, high in ends)
        across, up = np.tile(x, self.side), np.repeat(y, self.side)
        n = across.size
        if self.others == "zeros":
            entries = (np.r_[across, up], (np.r_[:n, :n], np.repeat([self.f0, self.f1], n)))
            shape = (n, network.widths[0])
            return make_data(network, scipy.sparse.csr_array(entries, shape=shape, dtype=dtype))
        held = run.data.X[few(len(run.data.X), MEDIAN_ROWS)]
        X = np.tile(np.median(held, axis=0).astype(dtype), (n, 1))
        X[:, self.f0], X[:, self.f1] = across, up
        return make_data(network, X)

    def facts(self) -> dict:
        """Say where it lies, and what is held."""
        return {
            "f0": self.f0, "f1": self.f1, "side": self.side, "low": self.low, "high": self.high,
            "others": self.others,
        }  # fmt: skip

    def places(self, run: Run, numbers: np.ndarray, axis: int) -> np.ndarray:
        """Where rows are along an axis, from 0 to 1: only to be drawn, so float32 will do."""
        values = _column(run, (self.f0, self.f1)[axis], numbers).astype(float)
        low, high = self.low[axis], self.high[axis]
        return ((values - low) / (high - low)).astype(np.float32)


def _column(run: Run, f: int, numbers: "np.ndarray | slice" = slice(None)) -> np.ndarray:
    X: Any = rows_of(run.data)
    column = X[numbers][:, [f]]
    return (column.toarray() if scipy.sparse.issparse(column) else column)[:, 0]


def grid_of(run: Run, f0: int, f1: int) -> Grid:
    """Grid over two features, made once."""
    grids = _grids.setdefault(run, {})
    if (f0, f1) not in grids:
        if len(grids) >= 8:
            grids.clear()
        grids[f0, f1] = Grid(run, f0, f1)
    return grids[f0, f1]


def surface_of(
    moment: Moment, rows: Rows, outputs: np.ndarray, f0: int, f1: int, target: int
) -> dict:
    """Give what the network makes of a grid, and rows as points in it: what is drawn and told.

    Where numbers are predicted it is of one of them, the target: O, and that of ``true``, is 1.

    Returns
    -------
    dict
        Of the grid, the lowest f1 first, and of ``points``: ``values``, the outputs, of shape
        (…, O); or of several classes ``taken``, the likeliest one, and ``sure``, its probability.
        Of these the grid has ``mixed``, too, of shape (side, side, colours): how much there is of
        each colour, in 255ths. Of the points also ``rows``, their numbers, ``true``, and ``x`` and
        ``y``, from 0 to 1 across and up the grid. Of numbers ``target``, how many ``targets`` there
        are, and the ``span`` of this one.
    """
    run, network = moment.run, moment.run.header.network
    grid = grid_of(run, f0, f1)
    values = outputs_of(moment, grid.data, grid.side**2)
    drawn = few(rows.numbers.size, MOST_POINTS)
    numbers = rows.numbers[drawn]
    true, outputs = truth(network, rows.data)[drawn], outputs[drawn]
    about: dict[str, Any] = {}
    if task_of(network) == "numbers":
        about = {"target": target, "targets": values.shape[1], "span": _span(run, target)}
        values, true, outputs = (part[:, [target]] for part in (values, true, outputs))
    told = _told(network, values)
    if network.output == "softmax":
        told["mixed"] = _mixed(values)
    square = (grid.side, grid.side)
    return {
        **about,
        **grid.facts(),
        **{name: array.reshape(*square, *array.shape[1:]) for name, array in told.items()},
        "points": {
            "rows": numbers,
            "x": grid.places(run, numbers, 0),
            "y": grid.places(run, numbers, 1),
            "true": true,
            **_told(network, outputs),
        },
    }


def _told(network: Network, outputs: np.ndarray) -> dict[str, np.ndarray]:
    """Outputs; of several classes, of which there may be many, the likeliest one only."""
    if network.output != "softmax":
        return {"values": outputs}
    taken = decide(network, outputs)
    return {
        "taken": taken.astype(np.min_scalar_type(outputs.shape[1] - 1)),
        "sure": outputs[np.arange(len(taken)), taken],
    }


def _mixed(outputs: np.ndarray) -> np.ndarray:
    """Sums of the probabilities that are drawn in the same colour, in 255ths."""
    alike = [outputs[:, colour::COLOURS].sum(axis=1) for colour in range(COLOURS)]
    shares = np.stack(alike[: outputs.shape[1]], axis=1)
    return np.rint(255 * np.nan_to_num(shares).clip(0, 1)).astype(np.uint8)


def _span(run: Run, target: int) -> list[float]:
    """Least and largest of a target, between which colours lie."""
    return [float(run.data.y[:, target].min()), float(run.data.y[:, target].max())]
