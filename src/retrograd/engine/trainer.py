"""The trainer: the state of a training, and the loop that moves it on."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from retrograd.engine.course import Course
from retrograd.engine.divergence import DivergenceError, first_trouble
from retrograd.engine.jit import compiling
from retrograd.engine.kernels import one_example, steps
from retrograd.engine.kernels.backward import losses_of_rows
from retrograd.engine.kernels.data import Data, Plan, Settings, Work
from retrograd.engine.kernels.product import TILES_FROM
from retrograd.engine.kernels.update import LANES, STAY
from retrograd.engine.network import Layout, Network
from retrograd.engine.optimizers import Optimizer
from retrograd.engine.threads import interrupts_held, make_crew, n_workers_for, run_workers

# Rows whose units are held at once: batches are hardly ever larger, whole tables are.
PANEL_ROWS = 1024
# Rows, and parameters, of one task: few enough that there are tasks to share, and that what a task
# works on stays in the cache; the wider the layers, the more rows are needed to earn their loading.
TASK_ROWS, TASK_ROWS_WIDE = 64, 128
# Where half as many rows keep a layer's units in the innermost cache, and all of them do not.
TASK_BYTES = 1 << 15
TASK_PARAMETERS = 12288
TASK_UNITS, TASK_UNITS_WIDE = 48, 192
WIDE = 512
# Sparse rows are read once for each task of the first layer's.
SPARSE_TASKS = 4
# Multiplications after which the loop comes back to Python, to let Ctrl-C in: some 0.2 seconds.
CALL_WORK = 1 << 33
# What a step costs beside its multiplications, in their time.
STEP_WORK = 1 << 12


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


def parameter_tasks(network: Network, sparse: bool) -> np.ndarray:
    """Cut the parameters into tasks; a function of the network and the storage of X only.

    Returns
    -------
    ndarray of shape (tasks, 3), int64
        Layer, first unit in, number of units in; for a layer's biases the latter two are 0.

    Examples
    --------
    >>> parameter_tasks(Network((100, 30, 1), ("relu",), "identity", "squared_error"), sparse=False)
    array([[ 0,  0, 100],
           [ 0,  0,   0],
           [ 1,  0,  30],
           [ 1,  0,   0]])
    """
    tasks = []
    for layer in range(network.n_layers):
        n_in, n_out = network.widths[layer], network.widths[layer + 1]
        if layer == 0 and sparse:
            units = -(-n_in // SPARSE_TASKS)
        else:
            # Multiples of 24 are whole tiles, whatever their height.
            least = TASK_UNITS if n_out < WIDE else TASK_UNITS_WIDE
            units = max(least, TASK_PARAMETERS // n_out // 24 * 24)
        tasks += [(layer, unit, min(units, n_in - unit)) for unit in range(0, n_in, units)]
        tasks.append((layer, 0, 0))
    return np.array(tasks, dtype=np.int64)


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
    n_weights = network.n_parameters - network.n_units
    return Work(
        x=np.zeros(0 if sparse else panel_rows * network.widths[0], dtype),
        z=np.zeros(panel_rows * network.n_units, dtype),
        a=np.zeros(panel_rows * network.n_units, dtype),
        delta=np.zeros(panel_rows * network.n_units, dtype),
        gradient=np.zeros(network.n_parameters, dtype),
        turned=np.zeros(n_weights if network.n_layers > 1 else 0, dtype),
        loss=np.zeros((2, n_row_tasks)),
        weight=np.zeros((2, n_row_tasks)),
        trouble=np.zeros((2, n_row_tasks), np.int64),
        squares=np.zeros((2 * len(tasks), LANES)),
        bad_parameters=np.zeros((2, len(tasks)), np.int64),
        parameter_tasks=tasks,
        panel_rows=panel_rows,
        task_rows=task_rows,
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
    panel_rows : int, optional
        Rows whose units are held at once, if not as many as are good for the cache.

    Attributes
    ----------
    after_call : callable or None
        Told the losses of the steps just taken, some 0.1 seconds of them or an epoch; the state
        is then as after them.

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
        self,
        network: Network,
        optimizer: Optimizer,
        data: Data,
        batch_size: int,
        state: State,
        panel_rows: int | None = None,
    ) -> None:
        self.network = network
        self.optimizer = optimizer
        self.data = data
        self.state = state
        self.batch_size = batch_size
        self.after_call: Callable[[np.ndarray], None] | None = None
        sparse = data.row_starts.size > 0
        self.work = make_work(network, state.theta.dtype, batch_size, sparse, panel_rows)

    def epoch(self, course: Course) -> float:
        """Train to the end of an epoch of the course; the mean loss, weighted by rows."""
        rows, bounds, rates = course.epoch(self.state.epoch, self.state.learning_rate)
        losses = self.run(rows, bounds, rates)
        self.end_epoch()
        # Not by np.dot, whose bits depend on the BLAS's threads.
        return np.sum(losses * np.diff(bounds)) / rows.size

    def end_epoch(self) -> None:
        """Count an epoch, and take the rate that its end asks for."""
        self.state.epoch += 1
        self.state.learning_rate = self.optimizer.rate_after_epoch(
            self.state.learning_rate, self.state.samples_seen
        )

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
        rows, bounds = np.asarray(rows, np.int64), np.asarray(bounds, np.int64)
        rates = np.asarray(rates, np.float64)
        sizes = bounds[1:] - bounds[:-1]
        if sizes.max(initial=0) > self.batch_size:
            raise ValueError(f"a batch has more rows than the {self.batch_size} there is room for")
        if (
            bounds.size != rates.size + 1
            or sizes.min(initial=0) < 0
            or not (bounds[0] >= 0 and bounds[-1] <= rows.size)
        ):
            raise ValueError("bounds must rise from 0 to the number of rows, one more than rates")
        n_known = self.data.y.shape[0]
        if rows.size and not (rows.min() >= 0 and rows.max() < n_known):
            raise ValueError(f"row numbers must be 0 to {n_known - 1}")
        losses = np.empty(rates.size)
        corrections = self.optimizer.corrections(state.step, rates.size)
        chunk = max(1, CALL_WORK // (3 * network.n_parameters * self.batch_size + STEP_WORK))
        kernel = "one_example" if self._is_notebooks(bounds) else "train"
        n_workers = n_workers_for(3 * self.batch_size * network.n_parameters, rates.size)
        with compiling(kernel, state.theta.dtype):
            for begin in range(0, rates.size, chunk):
                end = min(begin + chunk, rates.size)
                plan = Plan(rows, bounds[begin : end + 1], rates[begin:end], corrections[begin:end])
                with interrupts_held():
                    n_good = self.take(plan, losses[begin:end], n_workers)
                    state.step += n_good
                    state.samples_seen += int(plan.bounds[n_good] - plan.bounds[0])
                    if self.after_call is not None and n_good:
                        self.after_call(losses[begin : begin + n_good])
                if n_good < end - begin:
                    n_rows = int(plan.bounds[n_good + 1] - plan.bounds[n_good])
                    error = DivergenceError(
                        state.step, state.epoch, float(plan.learning_rates[n_good]),
                        first_trouble(network, state.theta, state.slots, work, n_rows),
                    )  # fmt: skip
                    error.losses = losses[: begin + n_good + 1]
                    raise error
        return losses

    def take(self, plan: Plan, losses: np.ndarray, n_workers: int = 1) -> int:
        """Take the steps of one call of a kernel, unchecked and uncounted; how many went well.

        ``work`` then holds the numbers of the last one, also of one that did not go well.
        """
        state = self.state
        layout, settings = self.network.layout(state.theta.dtype), self.optimizer.settings()
        if self._is_notebooks(plan.bounds):
            return one_example.train(layout, state.theta, self.data, plan, self.work, losses)
        return _share_steps(
            layout,
            settings,
            state.theta,
            state.slots,
            self.data,
            plan,
            self.work,
            losses,
            n_workers,
        )

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
            and self.network.widths[1] * self.network.widths[2] < TILES_FROM
        )


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


def _share_steps(
    layout: Layout,
    settings: Settings,
    theta: np.ndarray,
    slots: np.ndarray,
    data: Data,
    plan: Plan,
    work: Work,
    losses: np.ndarray,
    n_workers: int,
) -> int:
    """Take a plan's steps with so many workers; how many went well."""
    crew = make_crew()
    return run_workers(
        n_workers,
        crew,
        lambda worker: steps.train(
            layout, settings, theta, slots, data, plan, work, losses, crew, worker, n_workers
        ),
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
            _share_steps(
                layout, self.settings, parameters, slots, self.data, self.plan, self.work, losses,
                n_workers,
            )  # fmt: skip
        return float(losses[0])
