"""When a training stops, and what it keeps: curves, counts, the best parameters."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning

from retrograd.engine.divergence import DivergenceError
from retrograd.engine.optimizers import Optimizer

if TYPE_CHECKING:
    from retrograd.engine.trainer import State
    from retrograd.estimators.base import BaseMLP
    from retrograd.rewind.recording import Recording

# What an estimator remembers of every epoch.
CURVES = ("loss_curve_", "validation_scores_")


class DivergenceWarning(ConvergenceWarning):
    """A training has ended in NaN or infinity; parameters from before that are kept."""


class Stopping:
    """Decides after each epoch whether to stop, and remembers the best parameters if it must.

    As scikit-learn does: stop when ``n_iter_no_change`` epochs in a row have not improved the
    training loss, or with ``early_stopping`` the validation score, by ``tol``. Epochs in which a
    schedule still warms up do not count: small steps are no sign that there is nothing to learn.

    Parameters
    ----------
    estimator : BaseMLP
        Whose best loss or score, and count of epochs without improvement, it keeps.
    keep : callable
        Makes what is kept of the best epoch: its parameters.
    """

    def __init__(self, estimator: "BaseMLP", keep: Callable[[], Any]) -> None:
        self.estimator = estimator
        self.keep = keep
        self.verbose = estimator.verbose
        self.best: Any = None
        if estimator.early_stopping and estimator.best_validation_score_ > -np.inf:
            self.best = keep()  # a warm start begins where the best score was

    @property
    def has_best(self) -> bool:
        """Whether there are parameters to go back to."""
        return self.best is not None

    def after_epoch(
        self, rate: float, optimizer: Optimizer, score: float | None, is_warming_up: bool
    ) -> float | None:
        """Note how the epoch went; return the learning rate to go on with, None to stop.

        The epoch's loss is the estimator's ``loss_``; its score is None if there is no validation.
        """
        estimator = self.estimator
        improved = self._improved_loss() if score is None else self._improved_score(score)
        counts = not (improved or is_warming_up)
        estimator._no_improvement_count = estimator._no_improvement_count + 1 if counts else 0
        if estimator._no_improvement_count <= estimator.n_iter_no_change:
            return rate
        what = "Training loss" if score is None else "Validation score"
        message = (
            f"{what} did not improve more than tol={estimator.tol:f} for "
            f"{estimator.n_iter_no_change} consecutive epochs."
        )
        lower = optimizer.rate_after_stall(rate)
        if self.verbose:
            slow = "Learning rate too small. " if optimizer.schedule == "adaptive" else ""
            end = f"{slow}Stopping." if lower is None else f"Setting learning rate to {lower:f}"
            print(message, end)
        if lower is not None:
            estimator._no_improvement_count = 0
        return lower

    def note_divergence(self) -> None:
        """Note an epoch that came to no loss and no score."""
        self.estimator.n_iter_ += 1
        self.estimator.loss_curve_.append(float("nan"))
        self.estimator.validation_scores_.append(float("nan"))

    def epochs_before_end(self) -> int:
        """Epochs after which it stops, or lowers the rate, at the earliest."""
        estimator = self.estimator
        return 1 + estimator.n_iter_no_change - estimator._no_improvement_count

    def _improved_loss(self) -> bool:
        estimator = self.estimator
        improved = estimator.loss_ <= estimator.best_loss_ - estimator.tol
        estimator.best_loss_ = min(estimator.best_loss_, estimator.loss_)
        return improved

    def _improved_score(self, score: float) -> bool:
        estimator = self.estimator
        estimator.validation_scores_.append(score)
        if self.verbose:
            print(f"Validation score: {score:f}")
        improved = score >= estimator.best_validation_score_ + estimator.tol
        if score > estimator.best_validation_score_:
            estimator.best_validation_score_ = score
            self.best = self.keep()
        return improved

    def restore_best(self, state: "State") -> None:
        """Put the parameters of the best validation score back, if any were kept."""
        if self.best is not None:
            state.theta[:] = self.best


@contextmanager
def recordings_ended(recordings: Sequence["Recording"], state: "State") -> Iterator[None]:
    """End the recordings of a training, however it ends; they then say how."""
    status, note = "failed", ""
    try:
        yield
        status = "ended"
    except DivergenceError as error:
        status, note = "diverged", error.place
        raise
    except KeyboardInterrupt:
        status = "interrupted"
        raise
    except BaseException as error:
        note = f"{type(error).__name__}: {error}"
        raise
    finally:
        for recording in recordings:
            recording.end(None if status == "diverged" else state, status, note)


def cure_of(estimator: "BaseMLP") -> str:
    """Say what usually helps against divergence, but nothing that is so already."""
    has_scale = is_classifier(estimator) or estimator.loss == "poisson"
    cures = [f"scale {'X' if has_scale else 'X and y'} with StandardScaler"]
    if estimator.solver != "lbfgs":
        cures.append("lower learning_rate_init")
    if estimator.solver == "sgd":
        cures.append("take solver='adam'")
    return ", or ".join([", ".join(cures[:-1]), cures[-1]] if cures[1:] else cures)


def open_curves(estimator: "BaseMLP", first: bool) -> None:
    """Start the curves, or go on with copies, since the old ones return if this fit fails."""
    estimator.loss_curve_ = [] if first else [*(getattr(estimator, "loss_curve_", None) or ())]
    if estimator.early_stopping:
        estimator.best_loss_ = None
        if getattr(estimator, "validation_scores_", None) is None:
            estimator.best_validation_score_ = -np.inf
        estimator.validation_scores_ = list(getattr(estimator, "validation_scores_", None) or ())
    else:
        estimator.validation_scores_ = None
        estimator.best_validation_score_ = None
        if getattr(estimator, "best_loss_", None) is None:
            estimator.best_loss_ = np.inf
