"""A trace: one step of a training, every number of it, from the training kernel's own buffers."""

from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from retrograd.engine.batches import rows_of
from retrograd.engine.divergence import first_trouble
from retrograd.engine.jit import compiling
from retrograd.engine.kernels.data import Data, Plan
from retrograd.engine.kernels.update import move_all
from retrograd.engine.memory import read_only
from retrograd.engine.network import Network
from retrograd.engine.notes import counted
from retrograd.engine.objective import row_losses
from retrograd.engine.optimizers import Optimizer
from retrograd.engine.threads import n_workers_for
from retrograd.engine.trainer import State, Trainer
from retrograd.engine.work import PANEL_ROWS
from retrograd.rewind.walk.shown import Shown

if TYPE_CHECKING:
    from retrograd.rewind.walk.document import Document


@dataclass(frozen=True, eq=False, repr=False)
class LayerTrace:
    r"""One layer in one step.

    Attributes
    ----------
    layer : int
        Counted from 0, as in ``coefs_``.
    activation : str
        The function f in a = f(z).
    input : ndarray or sparse matrix of shape (B, I)
        What comes in: the rows, or the activations of the layer before.
    W, b : ndarray of shape (I, O), (O,)
        Weights and biases before the step.
    z, a : ndarray of shape (B, O)
        Pre-activations, :math:`z = \text{input}\, W + b`, and activations, :math:`a = f(z)`.
    delta : ndarray of shape (B, O)
        Derivative of each row's loss, as the sum over its outputs, by z; times the row's weight.
    dW, db : ndarray of shape (I, O), (O,)
        Gradient of the batch's loss, penalty and all; of several quantities it is that of the
        sum of their losses, whose mean is what is reported, as in scikit-learn:
        :math:`dW = (\text{input}' \delta + \alpha W) / \sum_r w_r`,
        :math:`db = \sum_r \delta_r / \sum_r w_r`.
    W_decayed : ndarray of shape (I, O)
        Weights after decoupled decay, which AdamW has; with others they are W.
    W_update, b_update : ndarray of shape (I, O), (O,)
        What the optimizer adds.
    W_after, b_after : ndarray of shape (I, O), (O,)
        Weights and biases after the step: ``W_decayed + W_update``, ``b + b_update``.
    """

    layer: int
    activation: str
    input: Any
    W: np.ndarray
    b: np.ndarray
    z: np.ndarray
    a: np.ndarray
    delta: np.ndarray
    dW: np.ndarray
    db: np.ndarray
    W_decayed: np.ndarray
    W_update: np.ndarray
    b_update: np.ndarray
    W_after: np.ndarray
    b_after: np.ndarray

    def __repr__(self) -> str:
        n_in, n_out = self.W.shape
        return f"<LayerTrace {self.layer}: {self.activation}, {n_in} → {n_out}>"


@dataclass(frozen=True, eq=False, repr=False)
class Trace(Shown):
    """One step, every number, as the training kernel left them; all arrays are read-only.

    ``trace.show()`` walks through it; ``rewind/walk`` draws that, and LaTeX, HTML and notebooks.

    Attributes
    ----------
    network : Network
    optimizer : Optimizer
    step, epoch : int
        Steps and epochs taken before this one.
    rows : ndarray of shape (B,)
        Numbers of the batch's rows.
    layers : tuple of LayerTrace
    y : ndarray of shape (B, O), or (B, 1) class numbers for softmax
        Targets as the engine reads them.
    sample_weight : ndarray of shape (B,) or None
        None if every row weighs 1.
    y_pred : ndarray of shape (B, O)
        Predictions, the last layer's a.
    loss_per_row : ndarray of shape (B,), float64
        As training reports it: the mean over the outputs, or for log loss and poisson their sum.
    loss : float
        The batch's, as training reports it: the weighted mean of the rows', plus the penalty.
    penalty : float
        The L2 penalty's part of the loss.
    learning_rate : float
        The step's.
    n_updates : int
        Updates since the optimizer's memory was 0, this one counted: Adam's t.
    correction : float
        What Adam multiplies the learning rate by; 1 for others.
    slots, slots_after : ndarray of shape (n_slots, P)
        The optimizer's memory, before and after.
    theta, theta_after, gradient : ndarray of shape (P,)
        All parameters before and after, and the gradient, laid out as ``Network`` says.
    decayed : ndarray of shape (P,)
        Parameters after AdamW's weight decay; for other solvers those before.
    update : ndarray of shape (P,)
        What is added to them: ``decayed + update`` is ``theta_after``, byte for byte (but for the
        sign of a number that has just faded to 0).
    trouble : str or None
        Where NaN or infinity was first seen in this step, as ``DivergenceError`` names it.
    """

    network: Network
    optimizer: Optimizer
    step: int
    epoch: int
    rows: np.ndarray
    layers: tuple[LayerTrace, ...]
    y: np.ndarray
    sample_weight: np.ndarray | None
    y_pred: np.ndarray
    loss_per_row: np.ndarray
    loss: float
    penalty: float
    learning_rate: float
    n_updates: int
    correction: float
    slots: np.ndarray
    slots_after: np.ndarray
    theta: np.ndarray
    theta_after: np.ndarray
    gradient: np.ndarray
    decayed: np.ndarray
    update: np.ndarray
    trouble: str | None

    def __repr__(self) -> str:
        rows, widths = counted(self.rows.size, "row"), " → ".join(map(str, self.network.widths))
        return f"<Trace of step {self.step:,}: {widths}, {rows}, loss {self.loss:.6g}>"

    def document(self) -> "Document":
        """Tell it as a plain document: sections of lines, each a symbol, a formula, numbers."""
        from retrograd.rewind.walk.sections import document_of

        return document_of(self)

    def to_dict(self) -> dict:
        """Tell it as plain data, under the attributes' names; see ``walk.plain``."""
        from retrograd.rewind.walk.plain import plain

        return plain(self)

    def to_notebook(self, path: str | PathLike) -> None:
        """Write a Jupyter notebook that computes every number anew; see ``walk.notebook``."""
        from retrograd.rewind.walk.notebook import write_notebook

        write_notebook(self, path)


def trace_step(
    network: Network,
    optimizer: Optimizer,
    data: Data,
    state: State,
    rows: np.ndarray,
    learning_rate: float,
) -> Trace:
    """Take one step beside a training, whose state stays as it is, and keep all its numbers.

    Parameters
    ----------
    network : Network
    optimizer : Optimizer
    data : Data
    state : State
        Before the step.
    rows : ndarray of shape (B,)
        Numbers of the rows to learn from, at least one.
    learning_rate : float
        The step's.

    Examples
    --------
    >>> from retrograd.engine.batches import make_data
    >>> network = Network((1, 1), (), "identity", "squared_error")
    >>> optimizer = Optimizer("sgd", momentum=0.0)
    >>> data = make_data(network, np.array([[2.0]]), np.array([3.0]))
    >>> state = State.start(np.array([1.0, 0.5]), optimizer)
    >>> trace = trace_step(network, optimizer, data, state, np.array([0]), 0.1)
    >>> trace.y_pred, trace.loss, trace.gradient, trace.theta_after
    (array([[2.5]]), 0.125, array([-1. , -0.5]), array([1.1 , 0.55]))
    """
    rows = np.asarray(rows, np.int64)
    before, after = state.copy(), state.copy()
    trainer = Trainer(network, optimizer, data, rows.size, after)
    loss, trouble = _take(trainer, rows, learning_rate)
    if rows.size > PANEL_ROWS:
        # All rows' units at once: the last panel's are not all of them.
        whole = Trainer(network, optimizer, data, rows.size, state.copy(), panel_rows=rows.size)
        _take(whole, rows, learning_rate)
        trainer.work = trainer.work._replace(
            x=whole.work.x, z=whole.work.z, a=whole.work.a, delta=whole.work.delta
        )
    n_updates = state.step - state.memory_start + 1
    correction = float(optimizer.corrections(n_updates - 1, 1)[0])
    work, weights = trainer.work, data.sample_weight
    weight = float(np.sum(weights[rows], dtype=np.float64)) if weights.size else float(rows.size)
    decayed, update = before.theta, np.zeros_like(before.theta)
    if weight > 0.0:  # a batch that weighs nothing moves nothing
        decayed, update = _parts_of(network, optimizer, before, trainer, learning_rate, correction)
    with np.errstate(over="ignore", invalid="ignore"):  # of a step that diverges
        squares = np.cumsum(work.squares[: len(work.parameter_tasks)])[-1]
    penalty = 0.5 * optimizer.settings().alpha * squares / weight if weight > 0.0 else 0.0
    layers = layers_of(trainer, rows, before.theta, decayed, update)
    return Trace(
        network=network,
        optimizer=optimizer,
        step=state.step,
        epoch=state.epoch,
        rows=read_only(rows),
        layers=layers,
        y=read_only(data.y[rows]),
        sample_weight=read_only(weights[rows]) if weights.size else None,
        y_pred=layers[-1].a,
        loss_per_row=read_only(row_losses(network, data, rows, layers[-1].a)),
        loss=loss,
        penalty=float(penalty),
        learning_rate=learning_rate,
        n_updates=n_updates,
        correction=correction,
        slots=read_only(before.slots),
        slots_after=read_only(after.slots),
        theta=read_only(before.theta),
        theta_after=read_only(after.theta),
        gradient=read_only(work.gradient),
        decayed=read_only(decayed),
        update=read_only(update),
        trouble=trouble,
    )


def _take(trainer: Trainer, rows: np.ndarray, learning_rate: float) -> tuple[float, str | None]:
    """Take one step; its loss, and where NaN or infinity was first seen."""
    state, losses = trainer.state, np.zeros(1)
    plan = Plan(
        rows,
        np.array([0, rows.size]),
        np.array([learning_rate], dtype=np.float64),
        trainer.optimizer.corrections(state.step - state.memory_start, 1),
    )
    with compiling("train", state.theta.dtype):
        n_workers = n_workers_for(3 * rows.size * trainer.network.n_parameters)
        n_good = trainer.take(plan, losses, n_workers)
    trouble = None
    if n_good == 0:
        trouble = first_trouble(trainer.network, state.theta, state.slots, trainer.work, rows.size)
    return float(losses[0]), trouble


def _parts_of(
    network: Network,
    optimizer: Optimizer,
    before: State,
    trainer: Trainer,
    learning_rate: float,
    correction: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Parameters after weight decay, and what the optimizer then adds to them.

    Both are the update kernel's: it moves parameters that are 0, and it moves by no gradient. (The
    difference of after and before, rounded, need not lead from the one to the other.)
    """
    settings, n_weights = optimizer.settings(), network.n_parameters - network.n_units
    update, decayed = np.zeros_like(before.theta), before.theta.copy()
    gradient = trainer.work.gradient
    with compiling("move_all", gradient.dtype):
        move_all(
            settings, update, before.slots.copy(), gradient, n_weights, learning_rate, correction
        )
        if settings.weight_decay > 0.0:
            nothing = np.zeros_like(gradient)
            slots = np.zeros_like(before.slots)
            move_all(settings, decayed, slots, nothing, n_weights, learning_rate, correction)
    # Training takes what has become too small to be normal for 0, and NumPy would not.
    with np.errstate(over="ignore", invalid="ignore"):  # of a step that diverges
        faded = (trainer.state.theta == 0.0) & (decayed + update != 0.0)
    return decayed, np.where(faded, -decayed, update)


def layers_of(
    trainer: Trainer, rows: np.ndarray, theta: np.ndarray, decayed: np.ndarray, update: np.ndarray
) -> tuple[LayerTrace, ...]:
    """The layers' parts of the step that a trainer has just taken, as views of its buffers.

    Parameters
    ----------
    trainer : Trainer
    rows : ndarray of shape (B,)
        The step's rows.
    theta : ndarray of shape (P,)
        Parameters before it.
    decayed : ndarray of shape (P,)
        The same after decoupled decay.
    update : ndarray of shape (P,)
        What the optimizer has added.
    """
    network, work, n = trainer.network, trainer.work, rows.size
    units_at = network.layout(theta.dtype).units_at

    def units(array: np.ndarray, layer: int) -> np.ndarray:
        n_out, start = network.widths[layer + 1], n * units_at[layer]
        return read_only(array[start : start + n * n_out].reshape(n, n_out))

    layers: list[LayerTrace] = []
    for layer, name in enumerate((*network.activations, network.output)):
        before_it: Any = layers[-1].a if layers else _input(network, trainer.data, rows, work.x)
        layers.append(
            LayerTrace(
                layer=layer,
                activation=name,
                input=before_it,
                W=read_only(network.weights(theta, layer)),
                b=read_only(network.biases(theta, layer)),
                z=units(work.z, layer),
                a=units(work.a, layer),
                delta=units(work.delta, layer),
                dW=read_only(network.weights(work.gradient, layer)),
                db=read_only(network.biases(work.gradient, layer)),
                W_decayed=read_only(network.weights(decayed, layer)),
                W_update=read_only(network.weights(update, layer)),
                b_update=read_only(network.biases(update, layer)),
                W_after=read_only(network.weights(trainer.state.theta, layer)),
                b_after=read_only(network.biases(trainer.state.theta, layer)),
            )
        )
    return tuple(layers)


def _input(network: Network, data: Data, rows: np.ndarray, x: np.ndarray) -> Any:
    """The batch's rows: the kernel's copy, or the sparse rows that it reads where they stand."""
    n_in = network.widths[0]
    if data.row_starts.size == 0:
        return read_only(x[: rows.size * n_in].reshape(rows.size, n_in))
    return rows_of(data)[rows]
