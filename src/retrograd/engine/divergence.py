"""Divergence: where NaN or infinity was first seen, told so that it can be mended."""

import numpy as np

from retrograd.engine.kernels.data import Work
from retrograd.engine.network import Network


class DivergenceError(ValueError):
    """NaN or infinity arose in training.

    Attributes
    ----------
    step, epoch : int
        When, both counted from 0.
    learning_rate : float
        The rate of that step; 0 with L-BFGS, which has none.
    place : str
        The layer and the kind of array.
    cure : str
        What usually helps; empty for what helps any network.
    losses : ndarray
        Losses of the steps of this call of the trainer, the last one that of the step itself.

    Examples
    --------
    >>> error = DivergenceError(7, 0, 0.5, "z[0] (pre-activations)")
    >>> str(error)[str(error).index("NaN"):]
    'NaN or infinity was first seen at step 7 (epoch 0) in z[0] (pre-activations); the learning rate
    was 0.5. What usually helps: scale what it learns from, or lower its learning rate.'
    """

    losses: np.ndarray = np.empty(0)

    def __init__(
        self, step: int, epoch: int, learning_rate: float, place: str, cure: str = ""
    ) -> None:
        self.step = step
        self.epoch = epoch
        self.learning_rate = learning_rate
        self.place = place
        self.cure = cure
        cure_of_all = "scale what it learns from, or lower its learning rate"
        # The first two sentences are what scikit-learn says, for those who look for them.
        super().__init__(
            "Solver produced non-finite parameter weights. The input data may contain large "
            "values and need to be preprocessed. "
            f"NaN or infinity was first seen at step {step} (epoch {epoch}) in {place}"
            + (f"; the learning rate was {learning_rate:g}. " if learning_rate > 0.0 else ". ")
            + f"What usually helps: {cure or cure_of_all}."
        )

    def but(self, epoch: int | None = None, cure: str = "") -> "DivergenceError":
        """Return the same error, in another epoch or with another cure.

        Parameters
        ----------
        epoch : int, optional
        cure : str, optional
        """
        error = DivergenceError(
            self.step, self.epoch if epoch is None else epoch, self.learning_rate, self.place,
            cure or self.cure,
        )  # fmt: skip
        error.losses = self.losses
        return error

    def __reduce__(self) -> tuple:
        """Rebuild from the parts, so that it crosses process borders."""
        parts = self.step, self.epoch, self.learning_rate, self.place, self.cure
        return type(self), parts, vars(self)


def first_trouble(
    network: Network, theta: np.ndarray, slots: np.ndarray, work: Work, n_rows: int
) -> str:
    """Name the array of a step just taken that NaN or infinity was first in.

    The arrays are looked at in the order in which the step fills them. Of a batch that needed
    several panels only the last panel's units are still there; the gradient has them all.

    Parameters
    ----------
    network : Network
    theta : ndarray of shape (P,)
        After the step.
    slots : ndarray of shape (n_slots, P)
        After the step.
    work : Work
        The step's buffers.
    n_rows : int
        Rows in the step's batch.

    Returns
    -------
    str
        As in ``"z[0] (pre-activations)"``; layers count from 0, as in ``coefs_``.
    """
    units_at = network.layout(theta.dtype).units_at
    held = (n_rows - 1) % work.panel_rows + 1

    def bad(array: np.ndarray) -> bool:
        return not np.isfinite(array).all()

    def bad_units(units: np.ndarray, layer: int) -> bool:
        start = held * units_at[layer]
        return bad(units[start : start + held * network.widths[layer + 1]])

    layers = range(network.n_layers)
    for layer in layers:
        if bad_units(work.z, layer):
            return f"z[{layer}] (pre-activations)"
        if bad_units(work.a, layer):
            return f"a[{layer}] (activations)"
    if bad(work.loss):
        return "the loss"
    for layer in reversed(layers):
        if bad_units(work.delta, layer):
            return f"delta[{layer}] (dLoss/dz)"
        if bad(network.weights(work.gradient, layer)):
            return f"dW[{layer}] (gradient of the weights)"
        if bad(network.biases(work.gradient, layer)):
            return f"db[{layer}] (gradient of the biases)"
    for slot in slots:
        for layer in layers:
            if bad(network.weights(slot, layer)) or bad(network.biases(slot, layer)):
                return f"the optimizer's memory of layer {layer}"
    for layer in layers:
        if bad(network.weights(theta, layer)):
            return f"W[{layer}] (weights, after the update)"
        if bad(network.biases(theta, layer)):
            return f"b[{layer}] (biases, after the update)"
    return "the loss"
