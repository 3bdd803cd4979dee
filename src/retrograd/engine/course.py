"""The course of a training: which rows every step learns from, and at which rate.

All of it follows from a few numbers, so that any step can be asked for, in any order, again.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from retrograd.engine.batches import batch_bounds, epoch_rows
from retrograd.engine.optimizers import Optimizer
from retrograd.maths.schedules import WARM_UPS

# Rows drawn from NumPy's generator between two of its states that are kept to go back to.
DRAWS_KEPT = 1 << 18


class Shuffled:
    """Every row once an epoch, in an order that is a function of seed and epoch.

    Parameters
    ----------
    n_rows : int
    seed : int
    shuffle : bool
        If not, the rows come in their own order.
    among : ndarray of int64, optional
        Numbers of the rows, if not all are trained on.

    Examples
    --------
    >>> Shuffled(2, seed=0, shuffle=False, among=np.array([7, 4])).rows(0)
    array([7, 4])
    """

    def __init__(
        self, n_rows: int, seed: int, shuffle: bool, among: np.ndarray | None = None
    ) -> None:
        self.n_rows, self.seed, self.shuffle, self.among = n_rows, seed, shuffle, among

    def rows(self, epoch: int) -> np.ndarray:
        """Numbers of the rows in the order of that epoch."""
        rows = epoch_rows(self.n_rows, self.seed, epoch, self.shuffle)
        return rows if self.among is None else self.among[rows]


class Drawn:
    """One row a step, drawn with replacement by NumPy's own generator: the notebook's rule.

    Parameters
    ----------
    n_rows : int
    state : tuple
        The generator's, from ``numpy.random.get_state()``, before the first draw.

    Examples
    --------
    >>> np.random.seed(0)
    >>> order = Drawn(5, np.random.get_state())
    >>> order.between(5, 10), np.random.randint(0, 5, 10)
    (array([1, 3, 2, 4, 0]), array([4, 0, 3, 3, 3, 1, 3, 2, 4, 0]))
    """

    def __init__(self, n_rows: int, state: tuple) -> None:
        self.n_rows = n_rows
        self.state = state
        self._kept: list[tuple[int, Any]] = [(0, state)]
        self._generator = np.random.RandomState()
        self._enter(0)

    def rows(self, epoch: int) -> np.ndarray:
        """Numbers of the rows drawn in that epoch."""
        return self.between(epoch * self.n_rows, (epoch + 1) * self.n_rows)

    def between(self, begin: int, end: int) -> np.ndarray:
        """Numbers of the rows that the steps from ``begin`` to before ``end`` learn from."""
        at = bisect_right(self._kept, begin, key=lambda kept: kept[0]) - 1
        if not self._kept[at][0] <= self._n_drawn <= begin:
            self._enter(at)
        while self._n_drawn < begin:
            self._draw(begin)
        parts = [np.empty(0, np.int64)]
        while self._n_drawn < end:
            parts.append(self._draw(end))
        return np.concatenate(parts)

    def _enter(self, at: int) -> None:
        self._n_drawn, state = self._kept[at]
        self._generator.set_state(state)

    def _draw(self, end: int) -> np.ndarray:
        """Draw on, at most to ``end``, and keep the generator's state now and then."""
        last, _ = self._kept[-1]
        until = last + DRAWS_KEPT if self._n_drawn < last + DRAWS_KEPT else end
        rows = self._generator.randint(0, self.n_rows, size=min(until, end) - self._n_drawn)
        self._n_drawn += rows.size
        if self._n_drawn == last + DRAWS_KEPT:
            self._kept.append((self._n_drawn, self._generator.get_state()))
        return rows


class Steps(NamedTuple):
    """S steps in a row: step k learns from ``rows[bounds[k] : bounds[k + 1]]`` at ``rates[k]``."""

    rows: np.ndarray
    bounds: np.ndarray
    rates: np.ndarray

    @classmethod
    def joined(cls, parts: "list[Steps]") -> "Steps":
        """Parts one after another.

        Examples
        --------
        >>> part = Steps(np.array([4, 2]), np.array([0, 2]), np.array([0.1]))
        >>> Steps.joined([part, part]).bounds
        array([0, 2, 4])
        """
        if len(parts) == 1:
            return parts[0]
        ends, n_rows = [np.zeros(1, np.int64)], 0
        for part in parts:
            ends.append(part.bounds[1:] + n_rows)
            n_rows += part.rows.size
        rows = [part.rows for part in parts] or [np.empty(0, np.int64)]
        rates = [part.rates for part in parts] or [np.empty(0)]
        return cls(np.concatenate(rows), np.concatenate(ends), np.concatenate(rates))


@dataclass(frozen=True)
class Course:
    """The steps of a training, each of them a function of its number.

    Parameters
    ----------
    optimizer : Optimizer
    order : Shuffled or Drawn
        The rows of every epoch.
    batch_size : int
    total_epochs : int
        Over how many epochs schedules by step are laid out.
    first_step, first_epoch : int
        Steps and epochs that were taken before the course begins.
    skip : int
        Rows of the first epoch that it begins behind: a branch begins anywhere.
    schedule_start : int
        The epoch from which a schedule by step is laid out.
    skipped : ndarray of shape (steps,), float64, optional
        Loss times rows of each step of the first epoch that it begins behind: they count in that
        epoch's mean loss.

    Examples
    --------
    >>> course = Course(Optimizer("sgd"), Shuffled(5, 0, False), batch_size=2, total_epochs=3)
    >>> course.place(4)
    (1, 1)
    >>> course.epoch(1, rate=0.1)
    Steps(rows=array([0, 1, 2, 3, 4]), bounds=array([0, 2, 4, 5]), rates=array([0.1, 0.1, 0.1]))
    >>> course.between(2, 4, lambda epoch: 0.1).rows
    array([4, 0, 1])
    """

    optimizer: Optimizer
    order: Any
    batch_size: int
    total_epochs: int
    first_step: int = 0
    first_epoch: int = 0
    skip: int = 0
    schedule_start: int = 0
    skipped: np.ndarray | None = field(default=None, repr=False, compare=False)
    _recent: dict = field(default_factory=dict, repr=False, compare=False)

    @property
    def steps_an_epoch(self) -> int:
        """Steps of every epoch but perhaps the first."""
        return -(-self.order.n_rows // self.batch_size)

    @property
    def steps_of_first_epoch(self) -> int:
        """Steps that are left of the first epoch."""
        return -(-(self.order.n_rows - self.skip) // self.batch_size)

    def place(self, step: int) -> tuple[int, int]:
        """Epoch of a step, and which of its steps it is; steps count from the course's begin."""
        if step < self.steps_of_first_epoch:
            return self.first_epoch, step
        later, within = divmod(step - self.steps_of_first_epoch, self.steps_an_epoch)
        return self.first_epoch + 1 + later, within

    def begin_of(self, epoch: int) -> int:
        """First step of an epoch, counted from the course's begin."""
        if epoch <= self.first_epoch:
            return 0
        later = epoch - self.first_epoch - 1
        return self.steps_of_first_epoch + later * self.steps_an_epoch

    def epoch(self, epoch: int, rate: float) -> Steps:
        """Return the steps of one epoch, whose rate, before any schedule by step, is ``rate``."""
        rows = self.order.rows(epoch)
        if epoch == self.first_epoch:
            rows = rows[self.skip :]
        bounds = batch_bounds(rows.size, self.batch_size)
        return Steps(rows, bounds, self.last_rates(epoch, rate, bounds.size - 1))

    def last_rates(self, epoch: int, rate: float, n_steps: int) -> np.ndarray:
        """Rates of the last steps of an epoch, whose rate before any schedule by step is ``rate``.

        Examples
        --------
        >>> optimizer, order = Optimizer("sgd", schedule="cosine"), Shuffled(4, 0, False)
        >>> course = Course(optimizer, order, batch_size=2, total_epochs=3)
        >>> course.last_rates(2, rate=0.001, n_steps=1) == course.epoch(2, rate=0.001).rates[-1]
        array([ True])
        """
        # As many as there were of these batches: what came before may have had others.
        end = (epoch + 1 - self.schedule_start) * self.steps_an_epoch
        return self.optimizer.learning_rates(
            rate, end - n_steps, n_steps, self.total_epochs * self.steps_an_epoch
        )

    def is_warming_up(self, epoch: int) -> bool:
        """Whether the rate still rises when that epoch ends.

        Examples
        --------
        >>> optimizer, order = Optimizer("sgd", schedule="one_cycle"), Shuffled(4, 0, False)
        >>> course = Course(optimizer, order, batch_size=2, total_epochs=10)
        >>> [course.is_warming_up(epoch) for epoch in range(4)]
        [True, True, False, False]
        """
        share = WARM_UPS.get(self.optimizer.schedule, 0.0)
        return epoch + 1 - self.schedule_start < share * self.total_epochs

    def mean_loss(self, epoch: int, losses: np.ndarray, bounds: np.ndarray) -> float:
        """Mean loss of an epoch's rows, from the losses of its steps and their bounds."""
        of_rows = losses * (bounds[1:] - bounds[:-1])
        n_rows = bounds[-1]
        if epoch == self.first_epoch and self.skipped is not None:
            of_rows, n_rows = np.concatenate([self.skipped, of_rows]), self.order.n_rows
        # Not by np.dot, whose bits depend on the BLAS's threads.
        return np.sum(of_rows) / n_rows

    def between(self, begin: int, end: int, rate_of: Callable[[int], float]) -> Steps:
        """Return the steps from ``begin`` to before ``end``, given every epoch's rate."""
        if isinstance(self.order, Drawn):  # whose epochs may be of a few steps, and of one rate
            rows = self.order.between(self.first_step + begin, self.first_step + end)
            rate = rate_of(self.first_epoch)
            return Steps(rows, np.arange(rows.size + 1), np.full(rows.size, rate))
        return self._between(begin, end, rate_of)

    def _between(self, begin: int, end: int, rate_of: Callable[[int], float]) -> Steps:
        parts = []
        while begin < end:
            epoch, within = self.place(begin)
            rows, bounds, rates = self._epoch_again(epoch, rate_of(epoch))
            stop = min(rates.size, within + end - begin)
            first, last = bounds[within], bounds[stop]
            parts.append(
                Steps(rows[first:last], bounds[within : stop + 1] - first, rates[within:stop])
            )
            begin += stop - within
        return Steps.joined(parts)

    def _epoch_again(self, epoch: int, rate: float) -> Steps:
        """Return ``epoch`` of it, kept since one who goes step by step asks for it every time."""
        if (epoch, rate) not in self._recent:
            if len(self._recent) > 1:
                self._recent.clear()
            self._recent[epoch, rate] = self.epoch(epoch, rate)
        return self._recent[epoch, rate]
