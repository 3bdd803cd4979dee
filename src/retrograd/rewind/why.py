"""Why a parameter moved in a step: the rows' shares, and those of momentum, penalty and decay."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse

from retrograd.engine.notes import counted
from retrograd.rewind.trace import Trace


@dataclass(frozen=True, repr=False)
class Why:
    """The shares of one parameter's update; they sum to it.

    Attributes
    ----------
    name : str
        The parameter, as in ``coefs[0][3, 2]``.
    before, after, update : float
        Its value before and after the step, and their difference.
    rows : ndarray of shape (B,)
        Numbers of the batch's rows, the one that moved it most first; before all others those whose
        share is not finite.
    shares : ndarray of shape (B,), float64
        What each of them moved it by.
    momentum : float
        What the optimizer's memory of earlier steps moved it by.
    penalty : float
        What the L2 penalty, or AdamW's weight decay, moved it by.
    rounding : float
        What is left: the arithmetic's last digits.
    """

    name: str
    before: float
    after: float
    update: float
    rows: np.ndarray
    shares: np.ndarray
    momentum: float
    penalty: float
    rounding: float

    def __repr__(self) -> str:
        moved = f"{self.name}: {self.before:.6g} -> {self.after:.6g}"
        return f"<Why {moved}, {counted(self.rows.size, 'row')}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Be the table at a notebook cell's end, too."""
        printer.text(str(self))

    def __str__(self) -> str:
        """Table of the ten rows that moved it most, and of all else."""
        whole, n = abs(self.update), int(np.count_nonzero(self.shares))
        shown = min(n, 10)
        parts = [(f"row {row}", share) for row, share in
                 zip(self.rows[:shown], self.shares[:shown], strict=True)]  # fmt: skip
        if n > shown:
            parts.append((counted(n - shown, "other row"), float(self.shares[shown:].sum())))
        parts += [
            (name, share)
            for name, share in [
                ("momentum", self.momentum),
                ("penalty and decay", self.penalty),
                ("rounding", self.rounding),
            ]
            if share
        ]
        parts.append(("update", self.update))
        lines = [f"{self.name}: {self.before:.6g} -> {self.after:.6g}"]
        for name, share in parts:
            of_it = f" {100 * share / whole:>+9.1f} %" if whole else ""
            lines.append(f"  {name:<18} {share:>+14.6e}{of_it}")
        if n < self.rows.size:
            idle = self.rows.size - n
            have = "has" if idle == 1 else "have"
            lines.insert(1, f"  {idle} of {counted(self.rows.size, 'row')} {have} no share in it")
        return "\n".join(lines)


def why(trace: Trace, layer: int, i: int | None, o: int) -> Why:
    r"""Explain the update of weight (i, o) of a layer, or of its bias o if i is None.

    The gradient is a sum over the rows, :math:`g = (\sum_r x_{ri} \delta_{ro} + \alpha w) /
    \sum_r w_r`, and the update is, but for what the optimizer remembers and once its divisor is
    known, linear in it: each row's share is its term times the same factor.

    Parameters
    ----------
    trace : Trace
    layer, i, o : int
        As in ``coefs[layer][i, o]``; negative numbers count from the end.

    Raises
    ------
    IndexError
        If there is no such parameter.

    Examples
    --------
    >>> from retrograd.engine.batches import make_data
    >>> from retrograd.engine.network import Network
    >>> from retrograd.engine.optimizers import Optimizer
    >>> from retrograd.engine.trainer import State
    >>> from retrograd.rewind.trace import trace_step
    >>> network, optimizer = Network((1, 1), (), "identity", "squared_error"), Optimizer("sgd")
    >>> data = make_data(network, np.array([[1.0], [2.0]]), np.array([1.0, -1.0]))
    >>> state = State.start(np.zeros(2), optimizer)
    >>> print(why(trace_step(network, optimizer, data, state, np.arange(2), 0.1), 0, 0, 0))
    coefs[0][0, 0]: 0 -> -0.095
      row 1               -1.900000e-01    -200.0 %
      row 0               +9.500000e-02    +100.0 %
      update              -9.500000e-02    -100.0 %
    """
    name, flat = _place(trace, layer, i, o)
    part = trace.layers[layer]
    column: Any = part.input[:, [i]] if i is not None else np.ones((trace.rows.size, 1))
    if scipy.sparse.issparse(column):
        column = column.toarray()
    weight = float(trace.rows.size)
    if trace.sample_weight is not None:
        weight = float(np.sum(trace.sample_weight, dtype=np.float64))
    before, after = float(trace.theta[flat]), float(trace.theta_after[flat])
    shares, momentum, penalty = np.zeros(trace.rows.size), 0.0, 0.0
    if weight > 0.0:  # rows that weigh nothing teach nothing, and nothing else moves it either
        with np.errstate(all="ignore"):  # of a step that diverges
            terms = column[:, 0].astype(float) * part.delta[:, o].astype(float) / weight
            factor, momentum = _linear(trace, flat)
            shares = factor * terms
        penalty = float(trace.decayed[flat]) - before
        if i is not None:
            penalty += factor * trace.optimizer.settings().alpha * before / weight
    order = np.argsort(-np.where(np.isnan(shares), np.inf, np.abs(shares)), kind="stable")
    update = after - before
    return Why(
        name, before, after, update, trace.rows[order], shares[order], momentum, penalty,
        update - float(shares.sum()) - momentum - penalty,
    )  # fmt: skip


def _place(trace: Trace, layer: int, i: int | None, o: int) -> tuple[str, int]:
    """Name of a parameter, and where it stands in the parameter vector."""
    network = trace.network
    numbered = [("layer", layer), ("o", o)]
    if i is not None:
        numbered.append(("i, unless None for a bias,", i))
    for name, number in numbered:
        if not isinstance(number, int | np.integer) or isinstance(number, bool):
            raise TypeError(f"{name} is a whole number, not {number!r}")
    if not -network.n_layers <= layer < network.n_layers:
        raise IndexError(f"there are {network.n_layers} layers, 0 to {network.n_layers - 1}")
    layer %= network.n_layers
    n_in, n_out = network.widths[layer], network.widths[layer + 1]
    if not -n_out <= o < n_out:
        raise IndexError(f"layer {layer} has {n_out} units, 0 to {n_out - 1}, and no unit {o}")
    numbers = np.arange(network.n_parameters)
    if i is None:
        return f"intercepts[{layer}][{o % n_out}]", int(network.biases(numbers, layer)[o])
    if not -n_in <= i < n_in:
        raise IndexError(f"layer {layer} has {n_in} inputs, 0 to {n_in - 1}, and no input {i}")
    return f"coefs[{layer}][{i % n_in}, {o % n_out}]", int(network.weights(numbers, layer)[i, o])


def _linear(trace: Trace, p: int) -> tuple[float, float]:
    """Factor of the gradient in parameter p's update, and what its memory adds to that."""
    optimizer, rate = trace.optimizer, trace.learning_rate
    before, after = trace.slots[:, p].astype(float), trace.slots_after[:, p].astype(float)
    if optimizer.solver == "sgd":
        if not optimizer.n_slots:
            return -rate, 0.0
        mu = optimizer.momentum
        if optimizer.nesterov:
            return -rate * (1.0 + mu), mu * mu * before[0]
        return -rate, mu * before[0]
    root = np.sqrt(after[-1]) + optimizer.epsilon
    if optimizer.solver == "rmsprop":
        return -rate / root, 0.0
    rate *= trace.correction
    beta = optimizer.beta_1
    return -rate * (1.0 - beta) / root, -rate * beta * before[0] / root
