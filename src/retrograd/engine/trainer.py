"""The trainer: the state of a training, and the loop that moves it on."""

from collections.abc import Callable
from dataclasses import InitVar, dataclass, replace

import numpy as np

from retrograd.engine.course import Course, Steps
from retrograd.engine.divergence import DivergenceError, first_trouble
from retrograd.engine.jit import compiling
from retrograd.engine.kernels import one_example, steps
from retrograd.engine.kernels.data import Data, History, Plan, Settings, Work
from retrograd.engine.kernels.product import TILES_FROM
from retrograd.engine.memory import room, row_room, with_gaps
from retrograd.engine.network import Layout, Network
from retrograd.engine.optimizers import Optimizer
from retrograd.engine.threads import interrupts_held, make_crew, n_workers_for, run_workers
from retrograd.engine.work import make_work, shares_of

# Multiplications after which the loop comes back to Python, to let Ctrl-C in: some 0.2 seconds.
CALL_WORK = 1 << 33
# Workers that these are counted for, at most: more may be more than there are processors.
SURE_WORKERS = 2
# What a step costs beside its multiplications, in their time.
STEP_WORK = 1 << 12


@dataclass
class State:
    """All that a training needs in order to go on; nothing else.

    Attributes
    ----------
    theta : ndarray of shape (P,)
        Parameters, laid out as ``Network`` says; a copy of what was given.
    slots : ndarray of shape (n_slots, P)
        The optimizer's memory, 0 at first; a copy, too.
    learning_rate : float
        The epoch's rate, before any schedule by step.
    step, epoch, samples_seen : int
        How far the training has come.
    schedule_start : int
        The epoch from which a schedule by step (cosine, one-cycle) is laid out.
    memory_start : int
        The step before which the optimizer's memory was last 0: from there Adam counts.

    With ``is_start`` the slots are taken for 0 and not copied; see ``start``.
    """

    theta: np.ndarray
    slots: np.ndarray
    learning_rate: float
    step: int = 0
    epoch: int = 0
    samples_seen: int = 0
    schedule_start: int = 0
    memory_start: int = 0
    is_start: InitVar[bool] = False

    def __post_init__(self, is_start: bool) -> None:
        """Copy parameters and slots to where the kernels want them (see ``memory``)."""
        theta = room(self.theta.size, self.theta.dtype)
        slots = row_room(len(self.slots), theta.size, theta.dtype, place=2)
        theta[:] = self.theta
        slots[:] = 0 if is_start else self.slots
        self.theta, self.slots = theta, slots

    @classmethod
    def start(cls, theta: np.ndarray, optimizer: Optimizer) -> "State":
        """State before the first step, from a copy of initial parameters."""
        slots = np.zeros((optimizer.n_slots, theta.size), theta.dtype)
        return cls(theta, slots, float(optimizer.learning_rate_init), is_start=True)

    def __getstate__(self) -> dict:
        """What goes into a pickle: the slots without the gaps between them, as they come back."""
        return vars(self) | {"slots": np.ascontiguousarray(self.slots)}

    def forget(self) -> None:
        """Have the optimizer's memory begin anew; what is in it may be NaN."""
        self.slots[:] = 0.0
        self.memory_start = self.step

    def copy(self) -> "State":
        """Independent copy."""
        return replace(self)


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
        Told the losses of the steps just taken, some 0.2 seconds of them or an epoch, and the last
        one's gradient; the state is then as after them. If the step that follows has diverged, it
        is told None for the gradient, and of the state only the counts are of use.

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
        self.after_call: Callable[[np.ndarray, np.ndarray | None], None] | None = None
        sparse = data.row_starts.size > 0
        self._slots = state.slots
        self._slot_rows = with_gaps(state.slots)
        self.work = make_work(network, state.theta.dtype, batch_size, sparse, panel_rows)

    def epoch(self, course: Course) -> float:
        """Train to the end of an epoch of the course; the mean loss, weighted by rows."""
        return self.epochs(course, 1)[0]

    def epochs(self, course: Course, n: int) -> list[float]:
        """Train to the end of n epochs, all of them planned at once; the mean loss of each.

        Raises
        ------
        DivergenceError
            As ``run`` does.
        """
        state, parts = self.state, []
        rate, seen = state.learning_rate, state.samples_seen
        for epoch in range(state.epoch, state.epoch + n):
            parts.append(course.epoch(epoch, rate))
            seen += parts[-1].rows.size
            rate = self.optimizer.rate_after_epoch(rate, seen)
        ends = np.cumsum([part.rates.size for part in parts])
        try:
            losses = self.run(*Steps.joined(parts))
        except DivergenceError as error:
            later = int(np.searchsorted(ends, error.losses.size))
            raise error.but(epoch=state.epoch + later) from None
        first, state.epoch, state.learning_rate = state.epoch, state.epoch + n, rate
        return [
            course.mean_loss(first + k, of_epoch, part.bounds)
            for k, (part, of_epoch) in enumerate(
                zip(parts, np.split(losses, ends[:-1]), strict=True)
            )
        ]

    def run(
        self,
        rows: np.ndarray,
        bounds: np.ndarray,
        rates: np.ndarray,
        history: History | None = None,
    ) -> np.ndarray:
        """Take the steps of a plan: step k on rows[bounds[k] : bounds[k + 1]] at rates[k].

        What ``history`` has room for is filled, also of a step that diverges.

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
            raise ValueError(
                "bounds must rise within 0 to the number of rows, and be one more than rates"
            )
        n_known = self.data.y.shape[0]
        if rows.size and not (rows.min() >= 0 and rows.max() < n_known):
            raise ValueError(f"row numbers must be 0 to {n_known - 1}")
        losses = np.empty(rates.size)
        corrections = self.optimizer.corrections(state.step - state.memory_start, rates.size)
        n_multiplications = 3 * self.batch_size * network.n_parameters
        n_workers = n_workers_for(n_multiplications, rates.size)
        call_work = CALL_WORK * min(n_workers, SURE_WORKERS)
        chunk = max(1, call_work // (n_multiplications + STEP_WORK))
        kernel = "one_example" if self._is_notebooks(bounds) else "train"
        for begin in range(0, rates.size, chunk):
            end = min(begin + chunk, rates.size)
            plan = Plan(rows, bounds[begin : end + 1], rates[begin:end], corrections[begin:end])
            with compiling(kernel, state.theta.dtype), interrupts_held():
                n_good = self.take(
                    plan, losses[begin:end], n_workers, history and history.part(begin, end)
                )
                state.step += n_good
                state.samples_seen += int(plan.bounds[n_good] - plan.bounds[0])
                if self.after_call is not None and n_good:
                    is_good = n_good == end - begin
                    self.after_call(
                        losses[begin : begin + n_good], work.gradient if is_good else None
                    )
            if n_good < end - begin:
                n_rows = int(plan.bounds[n_good + 1] - plan.bounds[n_good])
                error = DivergenceError(
                    state.step, state.epoch, float(plan.learning_rates[n_good]),
                    first_trouble(network, state.theta, state.slots, work, n_rows),
                )  # fmt: skip
                error.losses = losses[: begin + n_good + 1]
                raise error
        return losses

    def take(
        self, plan: Plan, losses: np.ndarray, n_workers: int = 1, history: History | None = None
    ) -> int:
        """Take the steps of one call of a kernel, unchecked and uncounted; how many went well.

        ``work`` then holds the numbers of the last one, also of one that did not go well.
        """
        state = self.state
        layout, settings = self.network.layout(state.theta.dtype), self.optimizer.settings()
        history = history or History.of(0, state.theta, False, False)
        if self._is_notebooks(plan.bounds):
            return one_example.train(
                layout, state.theta, self.data, plan, history, self.work, losses
            )
        return share_steps(
            layout,
            settings,
            state.theta,
            self._slots_of(state),
            self.data,
            plan,
            history,
            self.work,
            losses,
            n_workers,
        )

    def _slots_of(self, state: State) -> np.ndarray:
        """The slots as one matrix; made once, since small nets have many short calls."""
        if self._slots is not state.slots:
            self._slots, self._slot_rows = state.slots, with_gaps(state.slots)
        return self._slot_rows

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


def share_steps(
    layout: Layout,
    settings: Settings,
    theta: np.ndarray,
    slots: np.ndarray,
    data: Data,
    plan: Plan,
    history: History,
    work: Work,
    losses: np.ndarray,
    n_workers: int,
) -> int:
    """Take a plan's steps with so many workers, or as many as have a task; how many went well."""
    n_row_tasks = steps.tasks_of(work.panel_rows, work.task_rows)
    n_parts = len(work.parameter_tasks) * max(1, len(work.slices))
    n_workers = min(n_workers, max(n_row_tasks, n_parts))
    crew = make_crew(n_workers)
    if n_workers > 1:
        work = work._replace(shares=shares_of(work.parameter_tasks, layout.widths, n_workers))
    given = layout, settings, theta, slots, data, plan, history, work, losses, crew
    return run_workers(n_workers, crew, lambda worker: steps.train(*given, worker, n_workers))
