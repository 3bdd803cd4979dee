"""Check the engine's gradient against differences of the loss, parameter by parameter."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.special

from retrograd.engine.batches import make_data, rows_of
from retrograd.engine.kernels.data import Data
from retrograd.engine.network import Network
from retrograd.engine.notes import counted
from retrograd.engine.objective import Objective, row_losses
from retrograd.engine.prediction import predict

SAMPLE = 200  # entries of one array that are checked, if it has more
RTOL, OF_LARGEST = 1e-6, 1e-7
EPS = float(np.finfo(np.float64).eps)
LOST = 1e-3  # of a layer's largest derivative: what rounding may do before one cannot tell
NARROWER = 16.0  # how much narrower the second look at a suspicious entry is


@dataclass(frozen=True)
class ArrayCheck:
    """The check of one layer's weights or biases.

    Attributes
    ----------
    name : str
        As in ``"W[0]"``.
    n_entries, n_checked : int
        How many there are; how many were looked at, a seeded sample if there are many.
    n_kinks : int
        Entries at a kink, as of a relu at 0: the loss has no derivative there, or changes it within
        the difference's step. They count neither for nor against.
    n_lost : int
        Entries of which the difference says nothing: rounding the loss changes it by more than they
        are, and by a thousandth, or more, of the layer's largest. They count for nothing either.
    worst : tuple of int
        Index of the entry that is furthest from what is allowed.
    gradient, difference : float
        The engine's derivative by that entry, and the central difference.
    relative : float
        Their distance, divided by the larger one's size.
    ok : bool
    """

    name: str
    n_entries: int
    n_checked: int
    n_kinks: int
    n_lost: int
    worst: tuple[int, ...]
    gradient: float
    difference: float
    relative: float
    ok: bool


@dataclass(frozen=True, repr=False)
class GradientReport:
    """What came of a check of gradients; ``print`` draws it as a table.

    An entry passes if gradient and central difference are nearer than 1e-6 of the larger one, plus
    1e-7 of the largest derivative by its layer's parameters, plus what rounding may do to a
    difference of two such losses.

    Attributes
    ----------
    loss : float
        The loss that was differentiated: rows' weighted mean, outputs' sum, penalty; a log loss
        before any clipping.
    arrays : tuple of ArrayCheck
        Weights and biases, layer by layer.
    n_rows : int
    n_clipped : int
        Rows whose log loss training reports clipped, where probability and label are as far apart
        as they can be. There it is flat, and the gradient is meant to be that of the unclipped
        loss, which therefore is what is differentiated.
    """

    loss: float
    arrays: tuple[ArrayCheck, ...]
    n_rows: int
    n_clipped: int

    @property
    def ok(self) -> bool:
        """Whether every entry that was looked at, and can be told, is right."""
        return all(array.ok for array in self.arrays)

    @property
    def verdict(self) -> str:
        """Right, WRONG, or what can be said where rounding hides some of it."""
        if not self.ok:
            return "WRONG"
        n_lost = sum(array.n_lost for array in self.arrays)
        if n_lost == sum(array.n_checked for array in self.arrays):
            return "nothing can be told"
        return "right, as far as rounding lets tell" if n_lost else "right"

    def __repr__(self) -> str:
        rows = counted(self.n_rows, "row")
        return f"<GradientReport: {rows}, loss {self.loss:.6g}, {self.verdict}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Be the table at a notebook cell's end, too."""
        printer.text(str(self))

    def __str__(self) -> str:
        head = ("", "checked", "worst at", "gradient", "difference", "relative", "")
        table = [head]
        for array in self.arrays:
            checked = f"{array.n_checked:,} of {array.n_entries:,}"
            if array.n_checked == array.n_entries:
                checked = f"all {array.n_entries:,}"
            notes = [] if array.ok else ["WRONG"]
            notes += [f"{array.n_kinks:,} at a kink"] if array.n_kinks else []
            notes += [f"{array.n_lost:,} lost in rounding"] if array.n_lost else []
            worst = f"[{', '.join(map(str, array.worst))}]"
            numbers = f"{array.gradient:.8g}", f"{array.difference:.8g}", f"{array.relative:.1e}"
            table.append((array.name, checked, worst, *numbers, ", ".join(notes) or "right"))
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [
            f"Gradients of {counted(self.n_rows, 'row')} against central "
            f"differences of the loss, {self.loss:.6g}: {self.verdict}"
        ]
        for row in table:
            cells = zip(row[1:-1], widths[1:-1], strict=True)
            middle = "  ".join(f"{cell:>{width}}" for cell, width in cells)
            lines.append(f"  {row[0]:<{widths[0]}}  {middle}  {row[-1]}".rstrip())
        if any(array.n_checked < array.n_entries for array in self.arrays):
            lines.append(f"Of arrays larger than {SAMPLE} entries a seeded sample was looked at.")
        if self.n_clipped:
            lines.append(
                f"Rows whose log loss training reports clipped: {self.n_clipped:,}. Gradient and "
                "differences are those of the unclipped loss, which is the larger one."
            )
        return "\n".join(lines)


def check_gradients_of(
    network: Network,
    alpha: float,
    data: Data,
    theta: np.ndarray,
    rows: np.ndarray | None = None,
    seed: int = 0,
) -> GradientReport:
    r"""Compare the engine's gradient with :math:`(f(\theta + h e_p) - f(\theta - h e_p)) / 2h`.

    Both come from the engine, in double precision, whatever the data's: f is its loss, or, of the
    log loss, what its z make of it without clipping:
    :math:`y \log(1 + e^{-z}) + (1 - y) \log(1 + e^z)`, and :math:`\log \sum_o e^{z_o - z_c}` of a
    row of class c. The step h
    is :math:`\sqrt[3]{\epsilon} \max(1, |\theta_p|)`, which weighs the difference's own error, of
    order :math:`h^2`, against rounding's, of order :math:`\epsilon / h`.

    Parameters
    ----------
    network : Network
    alpha : float
        Strength of the L2 penalty; 0 for AdamW, whose decay is no part of the loss.
    data : Data
    theta : ndarray of shape (P,)
    rows : ndarray of shape (B,), optional
        Numbers of the rows to look at; all by default.
    seed : int, default=0
        Of the sample of entries.

    Returns
    -------
    GradientReport

    Raises
    ------
    ValueError
        If there are no rows, theta has another size than the network's, or the loss is not finite.

    Examples
    --------
    >>> network = Network((2, 1), (), "identity", "squared_error")
    >>> data = make_data(network, np.array([[1.0, 2.0]]), np.array([1.0]))
    >>> report = check_gradients_of(network, 0.0, data, np.array([0.5, 0.5, 0.0]))
    >>> report.ok, report.arrays[0].n_checked
    (True, 2)
    """
    theta = np.array(theta, dtype=np.float64)
    if theta.shape != (network.n_parameters,):
        raise ValueError(f"the network has {network.n_parameters} parameters, got {theta.shape}")
    chosen = _double(network, data, rows)
    n_rows = chosen.y.shape[0]
    if n_rows == 0:
        raise ValueError("there must be at least one row to take gradients of")
    check = _Check(network, alpha, chosen, theta)
    if not np.isfinite(check.loss):
        raise ValueError(f"the loss is {check.loss}: where it is not finite it has no gradient")
    rng = np.random.default_rng(seed)
    numbers = np.arange(network.n_parameters)
    arrays = []
    for layer in range(network.n_layers):
        of_layer = network.weights(numbers, layer), network.biases(numbers, layer)
        largest = max(float(np.abs(check.gradient[part]).max()) for part in of_layer)
        for name, places in zip("Wb", of_layer, strict=True):
            arrays.append(check.array(f"{name}[{layer}]", places, largest, rng))
    return GradientReport(check.loss, tuple(arrays), n_rows, check.n_clipped)


def _double(network: Network, data: Data, rows: np.ndarray | None) -> Data:
    """Rows of the data, in double precision."""
    rows = np.arange(data.y.shape[0]) if rows is None else np.asarray(rows, dtype=np.int64)
    X = rows_of(data)[rows].astype(np.float64)
    weight = data.sample_weight[rows] if data.sample_weight.size else None
    return make_data(network, X, data.y[rows], weight)


class _Check:
    """The objective at one theta, and what its differences may be off by."""

    def __init__(self, network: Network, alpha: float, data: Data, theta: np.ndarray) -> None:
        self.objective = Objective(network, alpha, data)
        self.alpha, self.data, self.theta = alpha, data, theta
        # The log loss is flat where it is clipped: there z says more than the probabilities do.
        self.before_output = None
        self.n_clipped = 0
        if network.loss == "log_loss":
            self.before_output = replace(network, output="identity", loss="squared_error")
            n_rows = data.y.shape[0]
            losses = row_losses(
                network, data, np.arange(n_rows), predict(network, theta, data, n_rows)
            )
            self.n_clipped = int(np.sum(losses >= -np.log(EPS) * (1.0 - 1e-12)))
        _, self.gradient = self.objective(theta)
        self.loss = self.loss_at(theta)
        self.noise = 64.0 * EPS * max(abs(self.loss), 1.0)

    def loss_at(self, theta: np.ndarray) -> float:
        """Loss whose differences are taken, see ``check_gradients_of``."""
        if self.before_output is None:
            return self.objective(theta)[0]
        y = self.data.y
        z = predict(self.before_output, theta, self.data, y.shape[0])
        if self.objective.network.output == "softmax":
            of_class = np.take_along_axis(z, y.astype(np.int64), axis=1)
            losses = scipy.special.logsumexp(z - of_class, axis=1)
        else:
            losses = (y * np.logaddexp(0.0, -z) + (1.0 - y) * np.logaddexp(0.0, z)).sum(axis=1)
        weight = self.data.sample_weight if self.data.sample_weight.size else np.ones(losses.size)
        n_biases = self.before_output.n_units
        penalty = 0.5 * self.alpha * float(np.sum(np.square(theta[: theta.size - n_biases])))
        return (float(np.sum(weight * losses)) + penalty) / float(weight.sum())

    def array(
        self, name: str, places: np.ndarray, largest: float, rng: np.random.Generator
    ) -> ArrayCheck:
        """Check one array, whose entries stand at these places of theta."""
        flat = places.ravel()
        picked = np.arange(flat.size)
        if flat.size > SAMPLE:
            picked = np.sort(rng.choice(flat.size, SAMPLE, replace=False))
        worst, worst_excess, n_kinks, n_lost, ok = None, -1.0, 0, 0, True
        for place in picked.tolist():
            difference, excess, kink = self.entry(flat[place], largest)
            n_kinks += kink
            n_lost += excess <= 1.0 and not kink and self.is_lost(flat[place], largest)
            if kink and worst is not None:
                continue
            # A kink is named only where there is nothing else to name.
            excess = 0.0 if kink else excess
            ok = ok and excess <= 1.0
            if excess > worst_excess:
                worst_excess, worst = excess, (place, difference)
        assert worst is not None
        place, difference = worst
        ours = float(self.gradient[flat[place]])
        size = max(abs(ours), abs(difference))
        return ArrayCheck(
            name=name,
            n_entries=flat.size,
            n_checked=picked.size,
            n_kinks=n_kinks,
            n_lost=int(n_lost),
            worst=tuple(int(index) for index in np.unravel_index(place, places.shape)),
            gradient=ours,
            difference=difference,
            relative=abs(ours - difference) / size if size > 0.0 else 0.0,
            ok=ok,
        )

    def entry(self, p: int, largest: float) -> tuple[float, float, bool]:
        """Check one entry: its difference; the distance as a share of what is allowed; if a kink.

        An entry that fails is looked at with a narrower step. If it passes then, a kink was within
        the first one. If not, it is at a kink if the differences to either side go apart and the
        gradient lies between them; else it is wrong.
        """
        ours, h = float(self.gradient[p]), step_at(self.theta[p])
        central, _, _ = self.differences(p, h)
        excess = float(abs(central - ours) / self.allowed(central, ours, largest, h))
        if excess <= 1.0:
            return central, excess, False
        narrow, left, right = self.differences(p, h / NARROWER)
        allowed = self.allowed(narrow, ours, largest, h / NARROWER)
        between = min(left, right) - allowed <= ours <= max(left, right) + allowed
        apart = abs(right - left) > 10.0 * allowed
        moved = abs(narrow - central) > 0.5 * abs(central - ours)
        if (moved and abs(narrow - ours) <= allowed) or (apart and between):
            return narrow, excess, True
        return central, excess, False

    def is_lost(self, p: int, largest: float) -> bool:
        """Whether rounding hides an entry that is not small beside the others of its layer."""
        rounding = self.noise / step_at(self.theta[p])
        return 0.0 < abs(self.gradient[p]) < rounding and rounding > LOST * largest

    def allowed(self, difference: float, ours: float, largest: float, h: float) -> float:
        """How far apart the two may be."""
        return RTOL * max(abs(difference), abs(ours)) + OF_LARGEST * largest + self.noise / h

    def differences(self, p: int, h: float) -> tuple[float, float, float]:
        """Central difference, and those to the left and to the right."""
        moved = self.theta.copy()
        moved[p] = above = self.theta[p] + h
        f_above = self.loss_at(moved)
        moved[p] = below = self.theta[p] - h
        f_below = self.loss_at(moved)
        left = (self.loss - f_below) / (self.theta[p] - below)
        right = (f_above - self.loss) / (above - self.theta[p])
        return float((f_above - f_below) / (above - below)), float(left), float(right)


def step_at(parameter: float) -> float:
    """Step of the difference by a parameter."""
    return float(np.cbrt(EPS) * max(1.0, abs(parameter)))
