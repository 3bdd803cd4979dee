"""Comparing two runs: where they part."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from retrograd.engine.trainer import State
from retrograd.maths.schedules import BY_STEP
from retrograd.rewind.header import DATA_PARTS
from retrograd.rewind.replay import same_bits

if TYPE_CHECKING:
    from retrograd.rewind.run import Run


# Parameters of a run's moments that are held at once.
NUMBERS_TOGETHER = 1 << 21


@dataclass(frozen=True)
class Divergence:
    """The first step after which two runs differ.

    Attributes
    ----------
    step : int
        Counted over the whole training: moments ``step`` are the same, ``step + 1`` are not. It
        is -1 if the runs differ before any step they share.
    layer, unit : int
        Of the first parameter that differs, as in ``coefs[layer][:, unit]``; both counted from 0.
    parameter : str
        Its name, as in ``coefs[0][3, 2]``.
    values : tuple of float
        In the one run and in the other.
    """

    step: int
    layer: int
    unit: int
    parameter: str
    values: tuple[float, float]


def first_divergence(run_a: "Run", run_b: "Run") -> Divergence | None:
    """First step, layer and unit where two runs part; None if they never do.

    Steps are those of the whole training, so that a branch lies beside its parent from the step at
    which it begins. Twins, which have the same to do from the same state on, are compared at their
    checkpoints; all others step by step, replayed at training speed.

    Parameters
    ----------
    run_a, run_b : Run

    Returns
    -------
    Divergence or None

    Raises
    ------
    ValueError
        If they are of different networks, or have no step in common.
    TypeError
        If one of them is no run.

    Examples
    --------
    >>> from retrograd import MLP, Recorder, open_runs
    >>> recorder, X, y = Recorder(), np.array([[-1.0], [1.0]]), np.array([0, 1])
    >>> for lr in (0.1, 0.1, 0.2):
    ...     np.random.seed(0)
    ...     _ = MLP(lr=lr, epochs=3).fit(X, y, recorder)
    >>> one, twin, other = open_runs(recorder)
    >>> first_divergence(one, twin) is None, first_divergence(one, other).step
    (True, 0)
    """
    for run in (run_a, run_b):
        if not hasattr(run, "header"):
            raise TypeError(f"what is compared are runs, as from open_run, not {run!r}")
    if run_a.header.network.widths != run_b.header.network.widths:
        raise ValueError(
            f"the runs are of networks of widths {run_a.header.network.widths} and "
            f"{run_b.header.network.widths}: these part before the first step"
        )
    begin_a, begin_b = (run.header.course["first_step"] for run in (run_a, run_b))
    begin = max(begin_a, begin_b)
    end = min(begin_a + len(run_a), begin_b + len(run_b))
    if begin > end:
        raise ValueError("the runs have no step in common")

    a, b = _Side(run_a, begin_a), _Side(run_b, begin_b)
    found = _parted(run_a, begin - 1, a.thetas(begin, begin + 1), b.thetas(begin, begin + 1))
    if found is not None:
        return replace(found, step=-1)
    if a.goes_as(b, begin, end):
        for mark in sorted({step for step in a.marks() & b.marks() if step < end} | {end}):
            if not same_bits(a.state(mark), b.state(mark)):
                break
            begin = max(begin, mark)
    n_together = max(1, NUMBERS_TOGETHER // run_a.header.network.n_parameters)
    for step in range(begin, end, n_together):
        stop = min(step + n_together, end) + 1
        found = _parted(run_a, step, a.thetas(step, stop), b.thetas(step, stop))
        if found is not None:
            return found
    return None


class _Side:
    """One of the two runs, its steps counted over the whole training."""

    def __init__(self, run: "Run", begin: int) -> None:
        self.run, self.begin, self.replay = run, begin, run.replay

    def goes_as(self, other: "_Side", begin: int, end: int) -> bool:
        """Whether both have the same to do from the same state on: then they do the same."""
        same = self._rule(begin, end) == other._rule(begin, end)
        return same and same_bits(self.state(begin), other.state(begin))

    def _rule(self, begin: int, end: int) -> tuple:
        """All that decides on the steps from ``begin`` to before ``end``, but for the state."""
        header, course = self.run.header, self.replay.course
        data = {name: header.data.get(name) for name in (*DATA_PARTS, "train", "generator")}
        laid_out = None
        if header.optimizer.schedule in BY_STEP:
            laid_out = course.total_epochs, course.schedule_start
        rates: list[tuple[int, float]] = []
        rows: list[int] = []
        if begin < end:
            first, last = (course.place(k - self.begin)[0] for k in (begin, end - 1))
            rates = [(epoch, self.replay.rate_of(epoch)) for epoch in range(first, last + 1)]
            at = begin - self.begin
            rows = course.between(at, at + 1, self.replay.rate_of).rows.tolist()
        return (
            header.network, header.optimizer, header.dtype, header.made_by, header.machine, data,
            header.course["n_rows"], header.course["seed"], header.course["shuffle"],
            header.course["memory_start"], course.batch_size, laid_out, rates, rows,
        )  # fmt: skip

    def marks(self) -> set[int]:
        """Steps of its checkpoints."""
        return {step + self.begin for step in self.run.store.steps_of(self.run.number)}

    def state(self, step: int) -> State:
        """State after so many steps of the whole training."""
        return self.replay.state(step - self.begin)

    def thetas(self, begin: int, end: int) -> np.ndarray:
        """Parameters at the moments from ``begin`` to before ``end``, shape (S, P)."""
        last = end - 1 - self.begin
        parts = [
            history.thetas
            for *_, history in self.replay.stretches(begin - self.begin, last, thetas=True)
        ]
        return np.concatenate([*parts, self.state(end - 1).theta[np.newaxis]])


def _parted(run: "Run", begin: int, a: np.ndarray, b: np.ndarray) -> Divergence | None:
    """First of the moments from ``begin`` on that differ; the step that leads there parts them."""
    if not _differ(a, b):
        return None
    at = next(k for k in range(len(a)) if _differ(a[k], b[k]))
    return _describe(run, begin + at - 1, a[at], b[at])


def _differ(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype != b.dtype or a.tobytes() != b.tobytes()


def _describe(run: "Run", step: int, a: np.ndarray, b: np.ndarray) -> Divergence:
    """Name the first parameter that differs, layer by layer."""
    network = run.header.network
    unequal = (a != b) & ~(np.isnan(a) & np.isnan(b))
    if a.dtype == b.dtype and not unequal.any():  # the sign of a zero, or another NaN
        bits = f"u{a.dtype.itemsize}"
        unequal = a.view(bits) != b.view(bits)
    for layer in range(network.n_layers):
        for name, part in (("coefs", network.weights), ("intercepts", network.biases)):
            places = np.argwhere(part(unequal, layer))
            if places.size:
                place = tuple(int(k) for k in places[0])
                index = ", ".join(map(str, place))
                values = (float(part(a, layer)[place]), float(part(b, layer)[place]))
                return Divergence(step, layer, place[-1], f"{name}[{layer}][{index}]", values)
    # The same numbers, of another type.
    return Divergence(step, 0, 0, "coefs[0][0, 0]", (float(a[0]), float(b[0])))
