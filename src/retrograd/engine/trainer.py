"""The trainer: the state of a training, and the loop that moves it on."""

from dataclasses import dataclass, replace

import numpy as np

from retrograd.engine.batches import batch_bounds
from retrograd.engine.divergence import DivergenceError, first_trouble
from retrograd.engine.jit import COMPILED, compiling
from retrograd.engine.kernels import one_example, steps
from retrograd.engine.kernels.data import Data, Plan, Settings, Work
from retrograd.engine.kernels.update import BLOCK, LANES
from retrograd.engine.network import Layout, Network
from retrograd.engine.optimizers import Optimizer
from retrograd.engine.threads import (
    interrupts_held,
    make_barrier,
    run_workers,
    single_threaded_blas,
)

# Rows whose units are held at once: enough for a good matrix product, few enough for the cache.
PANEL_ROWS = 512
# Multiplications of a step below which a second thread costs more than it brings.
SLICE_FROM = 1 << 21
# Multiplications after which the loop comes back to Python, to let Ctrl-C in: some 0.2 seconds.
CALL_WORK = 1 << 33


@dataclass
class State:
    """All that a training needs in order to go on; nothing else.

    Attributes
    ----------
    theta : ndarray of shape (P,)
        Parameters, laid out as ``Network`` says.
    slots : ndarray of shape (n_slots, P)
        The optimizer's memory, 0 at first.
    learning_rate : float
        The epoch's rate, before any schedule by step.
    step, epoch, samples_seen : int
        How far the training has come.
    schedule_start : int
        The step from which a schedule by step (cosine, one-cycle) is laid out.
    """

    theta: np.ndarray
    slots: np.ndarray
    learning_rate: float
    step: int = 0
    epoch: int = 0
    samples_seen: int = 0
    schedule_start: int = 0

    @classmethod
    def start(cls, theta: np.ndarray, optimizer: Optimizer) -> "State":
        """State before the first step, from initial parameters (which it will move)."""
        slots = np.zeros((optimizer.n_slots, theta.size), theta.dtype)
        return cls(theta, slots, float(optimizer.learning_rate_init))

    def copy(self) -> "State":
        """Independent copy."""
        return replace(self, theta=self.theta.copy(), slots=self.slots.copy())


def n_slices(network: Network, batch_size: int) -> int:
    """How many slices a batch is cut into; of batch size and network only, never of threads.

    Examples
    --------
    >>> n_slices(Network((2, 2, 1), ("identity",), "logistic", "log_loss"), 200)
    1
    """
    n_parameters = network.n_parameters
    if batch_size * n_parameters < SLICE_FROM:
        return 1
    # Summing the slices' gradients takes time too, the more when they don't fit in the cache.
    least_rows = 96 if n_parameters < 1 << 18 else 256
    most = batch_size // least_rows
    # A power of two is shared evenly by the numbers of threads that machines have.
    return min(8, 1 << most.bit_length() - 1) if most > 1 else 1


def make_work(network: Network, dtype: np.dtype, batch_size: int, sparse: bool) -> Work:
    """Allocate the buffers for batches of up to batch_size rows."""
    slices = n_slices(network, batch_size)
    slice_rows = -(-batch_size // slices)
    panel_rows = min(slice_rows, PANEL_ROWS)
    units = (slices, panel_rows * network.n_units)
    n_blocks = -(-network.n_parameters // BLOCK)
    return Work(
        x=np.zeros((slices, 0 if sparse else panel_rows * network.widths[0]), dtype),
        z=np.zeros(units, dtype),
        a=np.zeros(units, dtype),
        delta=np.zeros(units, dtype),
        gradient=np.zeros((slices, network.n_parameters), dtype),
        loss=np.zeros(slices),
        weight=np.zeros(slices),
        trouble=np.zeros(slices, np.int64),
        squares=np.zeros((n_blocks, LANES)),
        bad_parameters=np.zeros(n_blocks, np.int64),
        slice_rows=slice_rows,
        panel_rows=panel_rows,
    )


class Trainer:
    """Trains a network on given rows, a plan of steps at a time.

    Parameters
    ----------
    network : Network
    optimizer : Optimizer
    data : Data
        From ``batches.make_data``.
    batch_size : int
        The largest batch that will be asked for.
    state : State
        Moved on in place.

    Examples
    --------
    >>> from retrograd.engine.batches import make_data
    >>> network = Network((1, 1), (), "identity", "squared_error")
    >>> optimizer = Optimizer("sgd", learning_rate_init=0.5, momentum=0.0)
    >>> state = State.start(np.zeros(2), optimizer)
    >>> data = make_data(network, np.array([[1.0]]), np.array([3.0]))
    >>> trainer = Trainer(network, optimizer, data, 1, state)
    >>> trainer.run(rows=np.array([0, 0]), bounds=np.array([0, 1, 2]), rates=np.array([0.5, 0.5]))
    array([4.5, 0. ])
    >>> state.theta, state.step
    (array([1.5, 1.5]), 2)
    """

    def __init__(
        self, network: Network, optimizer: Optimizer, data: Data, batch_size: int, state: State
    ) -> None:
        self.network = network
        self.optimizer = optimizer
        self.data = data
        self.state = state
        self.batch_size = batch_size
        sparse = data.row_starts.size > 0
        self.work = make_work(network, state.theta.dtype, batch_size, sparse)

    def epoch(self, rows: np.ndarray, total_epochs: int) -> float:
        """Train on ``rows`` in their order, batch by batch; the mean loss, weighted by rows.

        Schedules by step are laid out over ``total_epochs`` such epochs.
        """
        bounds = batch_bounds(rows.size, self.batch_size)
        n_steps = bounds.size - 1
        rates = self.optimizer.learning_rates(
            self.state.learning_rate, self.state.step - self.state.schedule_start, n_steps,
            total_epochs * n_steps,
        )  # fmt: skip
        losses = self.run(rows, bounds, rates)
        self.state.epoch += 1
        self.state.learning_rate = self.optimizer.rate_after_epoch(
            self.state.learning_rate, self.state.samples_seen
        )
        return np.dot(losses, np.diff(bounds)) / rows.size

    def run(self, rows: np.ndarray, bounds: np.ndarray, rates: np.ndarray) -> np.ndarray:
        """Take the steps of a plan: step k on rows[bounds[k] : bounds[k + 1]] at rates[k].

        Returns
        -------
        losses : ndarray of shape (S,), float64
            Loss of each step's batch, before its update.

        Raises
        ------
        DivergenceError
            If NaN or infinity arises. The state is then of no more use.
        ValueError
            If the plan does not fit together, a batch is larger than the trainer was made for, or
            a row is not among its data.
        """
        network, state, work = self.network, self.state, self.work
        layout, settings = network.layout(state.theta.dtype), self.optimizer.settings()
        rows, bounds = np.asarray(rows, np.int64), np.asarray(bounds, np.int64)
        if np.diff(bounds).max(initial=0) > self.batch_size:
            raise ValueError(f"a batch has more rows than the {self.batch_size} there is room for")
        if (
            bounds.size != rates.size + 1
            or np.diff(bounds).min(initial=0) < 0
            or not (bounds[0] >= 0 and bounds[-1] <= rows.size)
        ):
            raise ValueError("bounds must rise from 0 to the number of rows, one more than rates")
        n_known = self.data.y.shape[0]
        if rows.size and not (rows.min() >= 0 and rows.max() < n_known):
            raise ValueError(f"row numbers must be 0 to {n_known - 1}")
        losses = np.empty(rates.size)
        corrections = self.optimizer.corrections(state.step, rates.size)
        chunk = max(1, CALL_WORK // (3 * layout.n_weights * self.batch_size))
        kernel = "one_example" if self._is_notebooks(bounds) else "train"
        with single_threaded_blas() as n_threads, compiling(kernel, state.theta.dtype):
            n_workers = min(n_threads, work.loss.size) if COMPILED else 1
            for begin in range(0, rates.size, chunk):
                end = min(begin + chunk, rates.size)
                plan = Plan(rows, bounds[begin : end + 1], rates[begin:end], corrections[begin:end])
                with interrupts_held():
                    n_good = self._take_steps(layout, settings, plan, losses[begin:end], n_workers)
                    state.step += n_good
                    state.samples_seen += int(plan.bounds[n_good] - plan.bounds[0])
                if n_good < end - begin:
                    n_rows = int(plan.bounds[n_good + 1] - plan.bounds[n_good])
                    raise DivergenceError(
                        state.step, state.epoch, float(plan.learning_rates[n_good]),
                        first_trouble(network, state.theta, state.slots, work, n_rows),
                    )  # fmt: skip
        return losses

    def _take_steps(
        self, layout: Layout, settings: Settings, plan: Plan, losses: np.ndarray, n_workers: int
    ) -> int:
        """Take the steps of one call; how many went well."""
        state = self.state
        if self._is_notebooks(plan.bounds):
            return one_example.train(layout, state.theta, self.data, plan, self.work, losses)
        barrier = make_barrier()
        return run_workers(
            n_workers,
            barrier,
            lambda worker: steps.train(
                layout, settings, state.theta, state.slots, self.data, plan, self.work,
                losses, barrier, worker, n_workers,
            ),
        )  # fmt: skip

    def _is_notebooks(self, bounds: np.ndarray) -> bool:
        """Whether the steps are the notebook's: its shorter loop gives the same bits."""
        return (
            self.batch_size == 1
            and self.network.n_layers == 2
            and bounds[-1] - bounds[0] == bounds.size - 1
            and self.optimizer.solver == "sgd"
            and self.optimizer.n_slots == 0
            and self.optimizer.alpha == 0.0
            and self.data.row_starts.size == 0
            and self.data.sample_weight.size == 0
            and self.network.n_parameters <= one_example.UP_TO
        )


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
        self.settings: Settings = Optimizer("sgd", alpha=alpha).settings()
        self.rows = np.arange(data.y.shape[0], dtype=np.int64)
        sparse = data.row_starts.size > 0
        self.work = make_work(network, self.dtype, max(1, self.rows.size), sparse)

    def __call__(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Loss, and its gradient of shape (P,), float64, at theta of shape (P,)."""
        loss = self._loss(theta, self.network.layout(self.dtype)._replace(loss_scale=1.0))
        return loss, self.work.gradient[0].astype(np.float64)

    def reported(self, theta: np.ndarray) -> float:
        """Loss at theta of shape (P,) as training reports it, the mean over the outputs."""
        return self._loss(theta, self.network.layout(self.dtype))

    def _loss(self, theta: np.ndarray, layout: Layout) -> float:
        parameters = np.ascontiguousarray(theta, dtype=self.dtype)
        barrier = make_barrier()
        with single_threaded_blas() as n_threads, compiling("objective", self.dtype):
            n_workers = min(n_threads, self.work.loss.size) if COMPILED else 1
            return run_workers(
                n_workers,
                barrier,
                lambda worker: steps.objective(
                    layout, self.settings, parameters, self.data, self.rows, self.work,
                    barrier, worker, n_workers,
                ),
            )  # fmt: skip
