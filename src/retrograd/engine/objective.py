"""The loss by itself: as a function of the parameters, for L-BFGS, and of each row."""

import numpy as np

from retrograd.engine.jit import compiling
from retrograd.engine.kernels.backward import losses_of_rows
from retrograd.engine.kernels.data import STAY, Data, History, Plan
from retrograd.engine.network import Layout, Network
from retrograd.engine.optimizers import Optimizer
from retrograd.engine.threads import n_workers_for
from retrograd.engine.trainer import share_steps
from retrograd.engine.work import make_work


class Objective:
    """The loss over all rows as a function of the parameters, with its gradient, for L-BFGS.

    It is what the steps of the other solvers descend: a row's loss is the sum over its outputs,
    also where training reports their mean. (scikit-learn gives L-BFGS the mean with the gradient
    of the sum, its issue 8349.)

    Parameters
    ----------
    network : Network
    alpha : float
        Strength of the L2 penalty.
    data : Data
    """

    def __init__(self, network: Network, alpha: float, data: Data) -> None:
        self.network = network
        self.data = data
        self.dtype = data.y.dtype
        self.settings = Optimizer("sgd", alpha=alpha).settings()._replace(solver=STAY)
        n_rows = data.y.shape[0]
        self.plan = Plan(
            np.arange(n_rows, dtype=np.int64), np.array([0, n_rows]), np.zeros(1), np.ones(1)
        )
        sparse = data.row_starts.size > 0
        self.work = make_work(network, self.dtype, max(1, n_rows), sparse)

    def __call__(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Loss, and its gradient of shape (P,), float64, at theta of shape (P,)."""
        loss = self._loss(theta, self.network.layout(self.dtype)._replace(loss_scale=1.0))
        return loss, self.work.gradient.astype(np.float64)

    def reported(self, theta: np.ndarray) -> float:
        """Loss at theta of shape (P,) as training reports it, the mean over the outputs."""
        return self._loss(theta, self.network.layout(self.dtype))

    def _loss(self, theta: np.ndarray, layout: Layout) -> float:
        parameters = np.array(theta, dtype=self.dtype)
        slots, losses = np.empty((0, theta.size), self.dtype), np.empty(1)
        n_workers = n_workers_for(3 * self.data.y.shape[0] * theta.size)
        with compiling("train", self.dtype):
            share_steps(
                layout, self.settings, parameters, slots, self.data, self.plan,
                History.of(0, parameters, False, False), self.work, losses, n_workers,
            )  # fmt: skip
        return float(losses[0])


def row_losses(network: Network, data: Data, rows: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    """Loss of each row by itself, unweighted and without the penalty.

    Parameters
    ----------
    network : Network
    data : Data
    rows : ndarray of shape (B,), int64
        Their numbers.
    y_pred : ndarray of shape (B, O)
        Their predictions, of the data's dtype.

    Returns
    -------
    ndarray of shape (B,), float64
    """
    losses, delta = np.empty(rows.size), np.empty(network.widths[-1], y_pred.dtype)
    unweighted = data._replace(sample_weight=data.sample_weight[:0])
    with compiling("losses_of_rows", y_pred.dtype):
        losses_of_rows(
            network.layout(y_pred.dtype), unweighted, rows, np.array(y_pred).ravel(), delta, losses
        )
    return losses
