"""How an estimator is fitted by minibatches: epoch after epoch until it converges."""

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning

from retrograd.engine.batches import rows_of
from retrograd.engine.course import Course, Shuffled
from retrograd.engine.divergence import DivergenceError
from retrograd.engine.kernels.data import Data
from retrograd.engine.network import Network
from retrograd.engine.notes import warn
from retrograd.engine.optimizers import Optimizer
from retrograd.estimators.stopping import (
    DivergenceWarning,
    Stopping,
    cure_of,
    open_curves,
    recordings_ended,
)
from retrograd.maths.schedules import BY_STEP

if TYPE_CHECKING:
    from retrograd.engine.trainer import State, Trainer
    from retrograd.estimators.base import BaseMLP
    from retrograd.rewind.recording import Recording

# Seconds of epochs that are trained without a look between them: Ctrl-C waits as long. Before it is
# known how long they take, one is; and at most so many multiplications.
UNWATCHED_SECONDS = 0.2
UNWATCHED_WORK = 1 << 33
# Seconds that an epoch takes at least: a clock may stand still, as in tests that have frozen it.
SHORTEST = 1e-7
# Schedules that a warm start begins anew, and with them its patience.
BEGUN_ANEW = ("adaptive", *BY_STEP)


def fit_stochastic(
    estimator: "BaseMLP",
    network: Network,
    data: Data,
    rng: np.random.RandomState,
    first: bool,
    incremental: bool,
    on_epoch: Callable[[bool], bool] | None,
    record: Callable[..., list["Recording"]],
) -> list[Warning]:
    """Train by minibatches: ``max_iter`` epochs, fewer if converged, one if incremental.

    Parameters
    ----------
    estimator : BaseMLP
        Its parameters are read, its fitted attributes written as the training goes.
    network : Network
    data : Data
        All rows, also those that validation will take.
    rng : RandomState
        Draws the validation rows, and the seed if ``random_state`` is no integer.
    first : bool
        Whether the parameters have just been drawn.
    incremental : bool
        Whether this is ``partial_fit``.
    on_epoch : callable or None
        Called with True before and False after an epoch; true ends the training.
    record : callable
        Makes the recordings of a ``Training``.

    Returns
    -------
    list of Warning
        See ``Training.run``.

    Raises
    ------
    ValueError
        If ``early_stopping`` has too few rows, or none to take them from (``partial_fit``).
    DivergenceError
        If NaN or infinity arises and there are no best parameters to go back to.
    """
    from retrograd.engine.trainer import Trainer  # loads the compiler: not before it is needed

    if estimator.early_stopping and incremental:
        raise ValueError("partial_fit does not support early_stopping=True")
    train, test = _split(estimator, data, rng)
    n_rows = data.y.shape[0] if train is None else train.size
    optimizer = estimator._make_optimizer()
    state = state_of(estimator, optimizer, rng, incremental)
    estimator._state, estimator._solver = state, estimator.solver
    estimator._rate_init = optimizer.learning_rate_init
    estimator._bind(network, state.theta)
    open_curves(estimator, first)
    batch_size = batch_size_of(estimator.batch_size, n_rows)
    course = Course(
        optimizer, Shuffled(n_rows, estimator._seed, estimator.shuffle, train), batch_size,
        estimator.max_iter, state.step, state.epoch, schedule_start=state.schedule_start,
    )  # fmt: skip
    stopping = Stopping(estimator, state.theta.copy)
    trainer = Trainer(network, optimizer, data, batch_size, state)
    estimator.n_iter_ = 0
    training = Training(estimator, trainer, course, stopping, test)
    training.recordings = record(training)
    return training.run(1 if incremental else estimator.max_iter, on_epoch, may_end=incremental)


class Training:
    """A training by minibatches that goes on, epoch after epoch, until it is to stop.

    Parameters
    ----------
    estimator : BaseMLP
        Its fitted attributes are written.
    trainer : Trainer
    course : Course
    stopping : Stopping
    test : ndarray of int64 or None
        Numbers of the rows to validate on.

    Attributes
    ----------
    recordings : sequence of Recording
        Told of every step.
    """

    def __init__(
        self,
        estimator: "BaseMLP",
        trainer: "Trainer",
        course: Course,
        stopping: Stopping,
        test: np.ndarray | None,
    ) -> None:
        self.estimator, self.trainer = estimator, trainer
        self.course, self.stopping, self.test = course, stopping, test
        self.validation = validation_set(trainer.data, test)
        self.recordings: Sequence[Recording] = ()
        self._on_steps: Callable[[], None] | None = None
        # What an epoch takes, once one was trained.
        self._seconds_an_epoch = math.inf

    def run(
        self,
        n_epochs: int,
        on_epoch: Callable[[bool], bool] | None = None,
        may_end: bool = False,
        on_steps: Callable[[], None] | None = None,
    ) -> list[Warning]:
        """Train for so many epochs or until it stops.

        The recordings are ended, however this ends.

        Returns
        -------
        list of Warning
            What there is to warn of, such as that it had better gone on. Whoever turns warnings
            into errors is to have the network all the same: this is said once it is in place.
        """
        state = self.trainer.state
        self._on_steps = on_steps
        if self.recordings:
            self.trainer.after_call = self._after_steps
        try:
            with recordings_ended(self.recordings, state):
                told = self._run_epochs(n_epochs, on_epoch, may_end)
        except KeyboardInterrupt:
            told = [UserWarning("Training interrupted by user.")]
        except DivergenceError as found:
            error = found.but(cure=cure_of(self.estimator))
            if not self.stopping.has_best:
                raise error from None
            self.stopping.note_divergence()
            state.forget()
            kept = f"{error} The parameters with the best validation score are kept."
            told = [DivergenceWarning(kept)]
        self.stopping.restore_best(state)
        return told

    def _run_epochs(
        self, n_epochs: int, on_epoch: Callable[[bool], bool] | None, may_end: bool
    ) -> list[Warning]:
        from retrograd.engine.threads import interrupts_held  # as above

        while n_epochs > 0:
            # As Python's own number, whatever max_iter is: it is counted by, and recorded.
            n_now = 1 if on_epoch is not None else int(min(n_epochs, self._unwatched()))
            n_epochs -= n_now
            if on_epoch is not None:
                on_epoch(True)
            begin = time.perf_counter()
            if n_now == 1:
                is_over = self._note_all(self.trainer.epochs(self.course, 1))
            else:
                with interrupts_held():  # an epoch that has been trained is noted, too
                    is_over = self._run_together(n_now)
            self._seconds_an_epoch = max(time.perf_counter() - begin, SHORTEST) / n_now
            if (on_epoch is not None and on_epoch(False)) or is_over:
                return []
        if may_end:
            return []
        return [
            ConvergenceWarning(
                f"Stochastic Optimizer: Maximum iterations ({self.estimator.max_iter}) reached "
                "before it converged: raise max_iter, or tol"
            )
        ]

    def _unwatched(self) -> int:
        """Epochs that can be trained without a look: a look takes as long as a small network's."""
        from retrograd.engine.trainer import STEP_WORK  # as above

        if self._on_steps is not None or self.validation is not None or self.estimator.verbose:
            return 1
        if self.recordings:
            from retrograd.rewind.recording import Recording  # loads SQLite

            # Others act on what they are told; and some epochs are recorded with their own rates.
            only_write = all(isinstance(one, Recording) for one in self.recordings)
            if not only_write or self.trainer.optimizer.schedule == "invscaling":
                return 1
        a_step = 3 * self.course.batch_size * self.trainer.network.n_parameters + STEP_WORK
        work = self.course.steps_an_epoch * a_step
        seconds = UNWATCHED_SECONDS
        if self.recordings:  # whose checkpoints are to come when they are due
            left = min(UNWATCHED_SECONDS * 10, *(one.seconds_left for one in self.recordings))
            seconds = left / max(1, round(left / UNWATCHED_SECONDS))
        in_time = round(seconds / self._seconds_an_epoch)
        return max(1, min(UNWATCHED_WORK // work, in_time, self.stopping.epochs_before_end()))

    def _run_together(self, n_epochs: int) -> bool:
        """Train epochs that are planned at once; whether the last one of them is the end.

        Recordings are told of the steps once the epochs are noted: what they commit fits together.
        """
        trainer, state = self.trainer, self.trainer.state
        if not self.recordings:
            return self._note_all(trainer.epochs(self.course, n_epochs))
        before, steps = state.copy(), []  # type: State, list[np.ndarray]
        trainer.after_call = lambda losses, _: steps.append(losses)
        try:
            losses = trainer.epochs(self.course, n_epochs)
        except DivergenceError:
            # Once more, one by one: what went well is to be recorded as always.
            state.theta[:], state.slots[:] = before.theta, before.slots
            state.step, state.samples_seen = before.step, before.samples_seen
            trainer.after_call = self._after_steps
            return [self._note_all(trainer.epochs(self.course, 1)) for _ in range(n_epochs)][-1]
        finally:
            trainer.after_call = self._after_steps
        is_over = self._note_all(losses)
        self._after_steps(np.concatenate(steps), trainer.work.gradient)
        return is_over

    def _note_all(self, losses: list[float]) -> bool:
        """Note how the epochs up to now went; whether the last one of them is the end."""
        first = self.trainer.state.epoch - len(losses)
        return [self._note(loss, first + k) for k, loss in enumerate(losses)][-1]

    def _note(self, loss: float, epoch: int) -> bool:
        """Note how an epoch went; whether it is the last one."""
        estimator, state = self.estimator, self.trainer.state
        estimator.loss_ = loss
        estimator.n_iter_ += 1
        estimator.t_ = state.samples_seen
        estimator.loss_curve_.append(loss)
        if estimator.verbose:
            print(f"Iteration {estimator.n_iter_}, loss = {loss:.8f}")
        score = None
        if self.validation is not None:
            score = estimator._validation_score(*self.validation)
        rate = self.stopping.after_epoch(
            state.learning_rate, self.trainer.optimizer, score, self.course.is_warming_up(epoch)
        )
        if rate is not None:
            state.learning_rate = rate
        for recording in self.recordings:
            recording.after_epoch(state, loss, score)
        return rate is None

    def _after_steps(self, losses: np.ndarray, gradient: np.ndarray | None) -> None:
        for recording in self.recordings:
            recording.after_steps(self.trainer.state, losses, gradient)
        if self._on_steps is not None:
            self._on_steps()


def _split(
    estimator: "BaseMLP", data: Data, rng: np.random.RandomState
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Numbers of the rows to train on, and of those to validate on.

    None and None if there is no validation, and all rows are trained on.
    """
    if not estimator.early_stopping:
        return None, None
    from sklearn.model_selection import train_test_split  # slow to import

    rows = np.arange(data.y.shape[0], dtype=np.int64)
    # Labels are spread evenly where there are two, as scikit-learn does.
    stratify = data.y.astype(bool) if is_classifier(estimator) and data.y.shape[1] == 1 else None
    if estimator.out_activation_ == "softmax":
        stratify = None
    train, test = train_test_split(
        rows, random_state=rng, test_size=estimator.validation_fraction, stratify=stratify
    )
    if test.size < 2:
        raise ValueError(
            f"The validation set is too small: {test.size} of {rows.size} rows. Increase "
            "validation_fraction, give more rows, or set early_stopping=False."
        )
    weights = data.sample_weight[test] if data.sample_weight.size else None
    if weights is not None and not (weights.any() and data.sample_weight[train].any()):
        raise ValueError(
            "early_stopping has left only rows of weight 0 to train or to validate on: leave such "
            "rows out, or set early_stopping=False"
        )
    return train, test


def validation_set(data: Data, test: np.ndarray | None) -> tuple | None:
    """(X, targets, weights) of the rows to validate on, None if there are none."""
    if test is None:
        return None
    weights = data.sample_weight[test] if data.sample_weight.size else None
    return rows_of(data)[test], data.y[test], weights


def state_of(
    estimator: "BaseMLP", optimizer: Optimizer, rng: np.random.RandomState, incremental: bool
) -> "State":
    """State to train from: fresh, or a copy of the one that the last call has left."""
    from retrograd.engine.trainer import State

    if isinstance(estimator.random_state, (int, np.integer)):
        estimator._seed = int(estimator.random_state)
    elif not hasattr(estimator, "_seed"):
        estimator._seed = int(rng.randint(np.iinfo(np.int32).max))
    state = State.start(estimator._theta(), optimizer)
    last = getattr(estimator, "_state", None)
    begins_anew = not incremental and optimizer.schedule in BEGUN_ANEW
    if last is None or begins_anew:
        estimator._no_improvement_count = 0
    if last is None:
        # Fitted by other means: by L-BFGS, loaded from a file, or set by hand.
        state.samples_seen = int(getattr(estimator, "t_", 0))
        return state
    state.step, state.epoch, state.samples_seen = last.step, last.epoch, last.samples_seen
    state.schedule_start = last.schedule_start if incremental else last.epoch
    if last.slots.shape == state.slots.shape and estimator._solver == optimizer.solver:
        state.slots[:] = last.slots
        state.memory_start = last.memory_start
    else:
        state.memory_start = last.step
    if optimizer.schedule == "adaptive" and incremental:
        # As often divided as it was, by whichever rate it now begins with.
        state.learning_rate = last.learning_rate * (
            optimizer.learning_rate_init
            / getattr(estimator, "_rate_init", optimizer.learning_rate_init)
        )
    elif state.samples_seen:
        state.learning_rate = optimizer.rate_after_epoch(
            optimizer.learning_rate_init, state.samples_seen
        )
    return state


def batch_size_of(batch_size: int | str, n_rows: int) -> int:
    """Rows of a batch: those asked for, as far as there are so many."""
    if batch_size == "auto":
        return min(200, n_rows)
    if int(batch_size) > n_rows:
        warn(
            f"Got `batch_size` {batch_size}, larger than the {n_rows} training rows; "
            "all of them are one batch"
        )
    return min(int(batch_size), n_rows)
