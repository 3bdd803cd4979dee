"""What no record has of every step, by replay: gradient norms and losses of the validation rows.

A look at them takes a slice of time, and all looks at one run little of it; so the coarse comes
first, and what is there when the time is over spans the whole run.
"""

import threading
from collections.abc import Callable, Generator
from time import monotonic

import numpy as np

from retrograd.engine.objective import row_losses
from retrograd.engine.prediction import Predictor
from retrograd.faces.page.answers.rows import choose_rows, mean_loss, weights_of
from retrograd.faces.page.viewer import Viewer
from retrograd.rewind.run import Run
from retrograd.rewind.store import RunFileError
from retrograd.rewind.vocabulary import norm

# Seconds of a slice, of all slices of a run, and of one that is being trained: it is not held up.
SLICE, BUDGET, WHILE_RUNNING = 0.2, 1.0, 0.2
# Steps whose gradient, and ends of epochs after which the loss is wanted, at most.
MOST_NORMS, MOST_LOSSES = 200, 100


class Replayed:
    """Points of a run's curves that were had by replay.

    Parameters
    ----------
    run : Run
    opened : callable
        Opens it apart, since a replay goes about.
    before : Replayed, optional
        What was had of it when it was shorter.

    Attributes
    ----------
    norms, losses : dict of int to float
        By the step: the norm of the gradient that it takes, the mean loss before it.
    n_steps, status
        The run's, as it was then.
    is_over : bool
        Whether all is done that there was time for.
    """

    def __init__(
        self, run: Run, opened: Callable[[], Run], before: "Replayed | None" = None
    ) -> None:
        self.n_steps, self.status = len(run), run.status
        self.norms: dict[int, float] = {} if before is None else dict(before.norms)
        self.losses: dict[int, float] = {} if before is None else dict(before.losses)
        self.is_over = False
        self._left = WHILE_RUNNING if run.status == "running" else BUDGET
        self._work = self._go_through(opened)

    def is_of(self, run: Run) -> bool:
        """Whether the run is still about as it was then."""
        return len(run) < max(1, 2 * self.n_steps) and run.status == self.status

    def go_on(self) -> None:
        """Work for a slice of time."""
        self.is_over = not self._has_more()
        if self.is_over:
            self._work.close()  # which lets go of the run

    def _has_more(self) -> bool:
        """Work for a slice of time; whether there is more to do, and time for it."""
        begin = before = monotonic()
        try:
            for _ in self._work:
                now = monotonic()
                # What comes once, such as compiling, is not to leave nothing for what it is for.
                self._left -= min(now - before, SLICE)
                if self._left <= 0 or now - begin > SLICE:
                    return self._left > 0
                before = now
        except RunFileError:  # whoever looks at a moment of it is told
            pass
        return False

    def _go_through(self, opened: Callable[[], Run]) -> Generator[None]:
        """Do it bit by bit."""
        run = opened()
        scored = "validation" in run.header.data
        ends = run.curves[:, 0].astype(np.int64)[_spread(len(run.epochs), MOST_LOSSES)]
        of_losses = {*ends.tolist()} - {*self.losses} if scored else set()
        of_norms = {*_spread(len(run), MOST_NORMS).tolist()} - {*self.norms}
        marks = run.store.steps_of(run.number)
        # Checkpoints need no replay, and the record has the norms before them.
        few = [marks[k] for k in _spread(len(marks), MOST_LOSSES)] if scored else []
        for k in _in_halves(len(few)):
            if few[k] not in self.losses:
                self.losses[few[k]] = _validation_loss(run, run.replay.state(few[k]).theta)
                yield
        for k in _in_halves(len(marks)):
            begin, end = marks[k], (*marks, len(run) + 1)[k + 1]
            wanted = sorted(step for step in of_losses | of_norms if begin <= step < end)
            # All steps on the way are looked at: to stop at some takes longer than their numbers.
            stretches = run.replay.stretches(begin, max(wanted, default=-1) + 1, scored, True)
            for first, losses, (thetas, gradients) in stretches:
                for step in wanted[slice(*np.searchsorted(wanted, [first, first + losses.size]))]:
                    if step in of_norms:
                        self.norms[step] = float(norm(gradients[step - first]))
                    if step in of_losses and step not in self.losses:
                        self.losses[step] = _validation_loss(run, thetas[step - first])
                        yield
                yield


def _validation_loss(run: Run, theta: np.ndarray) -> float:
    """Mean loss, with these parameters, of the rows that the outcome shows, too."""
    network, rows = run.header.network, choose_rows(run, "validation", patient=False)
    outputs = Predictor(network, theta).predict(rows.data, rows.numbers.size)[0]
    losses = row_losses(network, rows.data, np.arange(rows.numbers.size), outputs)
    return mean_loss(losses, weights_of(rows))


def _spread(n: int, most: int) -> np.ndarray:
    """About so many of n numbers, evenly, and the last; of twice as many every other one is new.

    Examples
    --------
    >>> _spread(10, 5), _spread(20, 5)
    (array([0, 2, 4, 6, 8, 9]), array([ 0,  4,  8, 12, 16, 19]))
    """
    stride = 1
    while n > stride * most:
        stride *= 2
    return np.union1d(np.arange(0, n, stride), np.arange(n)[-1:])


def _in_halves(n: int) -> list[int]:
    """Numbers from 0 to before n: the last, the first, then what parts the whole, its halves ...

    Examples
    --------
    >>> _in_halves(7)
    [6, 0, 4, 2, 1, 5, 3]
    """
    between = range(n - 1)
    return [n - 1, *sorted(between, key=lambda k: f"{k:0{n.bit_length()}b}"[::-1])] if n else []


def replay_more(viewer: Viewer, number: int) -> None:
    """Replay for a slice of time what is not yet at hand of a run; this holds up no other."""
    with viewer.lock:
        replaying = viewer.kept.setdefault("replaying", threading.Lock())
    with replaying:
        if not is_more(viewer, number):
            return
        found = _at_hand(viewer).get(number)
        if found is None or found.is_over:
            found = Replayed(viewer.run(number), lambda: viewer.opened_apart(number), found)
        found.go_on()
        _at_hand(viewer)[number] = found


def _at_hand(viewer: Viewer) -> dict[int, Replayed]:
    with viewer.lock:
        return viewer.kept.setdefault("replayed", {})


def is_more(viewer: Viewer, number: int) -> bool:
    """Whether more of a run can be had by replay, in the time that there is for it."""
    run, found = viewer.run(number), _at_hand(viewer).get(number)
    if not run.has_data:
        return False
    return found is None or not (found.is_over and found.is_of(run))


def points_at_hand(viewer: Viewer, number: int) -> tuple[dict[int, float], dict[int, float]]:
    """Gradient norms and validation losses that were replayed of a run, by step."""
    found = _at_hand(viewer).get(number)
    # Copied at once: they may be growing meanwhile.
    return ({}, {}) if found is None else (found.norms.copy(), found.losses.copy())
