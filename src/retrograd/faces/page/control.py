"""What a reader does to a training that is under way: pace it, pause it, stop it."""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from retrograd.faces.hints import calmer_rate

if TYPE_CHECKING:
    from retrograd.rewind.expressions import Expression

# Seconds after which a training that is paced looks whether it is to go on.
NAP = 0.05


class Control:
    """Whether, and how fast, a training is to go on.

    It touches none of the numbers: it waits, or it ends the training.

    Parameters
    ----------
    stop : Expression or None
        Asked at the end of every epoch.
    pace : float
        Epochs a second; 0 is as fast as it goes.
    """

    def __init__(self, stop: "Expression | None", pace: float) -> None:
        self.stop, self.pace = stop, pace
        self.pausing = threading.Event()
        self.status = self.stopped = ""
        self.broken: dict[str, Any] = {}
        self._last = time.monotonic()

    def after_steps(self) -> None:
        """Break off if the reader has paused."""
        if self.pausing.is_set():
            raise KeyboardInterrupt

    def after_epoch(self, values: Callable[[], dict[str, Any]]) -> None:
        """Stop if the condition holds; else wait until the next epoch is due."""
        if self.stop is not None and self.stop.holds(values()):
            self.stopped = f"{self.stop.text} holds"
            raise KeyboardInterrupt
        while self.pace > 0.0 and (left := self._last + 1.0 / self.pace - time.monotonic()) > 0.0:
            self.pausing.wait(min(left, NAP))
            self.after_steps()
        self._last = time.monotonic()


class Controlled:
    """A recording through which a training is controlled: the engine tells it all that happens.

    Parameters
    ----------
    recording : Recording
    network : Network
    control : Control
    """

    def __init__(self, recording: Any, network: Any, control: Control) -> None:
        self.recording, self.network, self.control = recording, network, control
        self._gradient, self._state = np.zeros(1), None  # type: np.ndarray, Any

    def after_steps(self, state: Any, losses: np.ndarray, gradient: np.ndarray | None) -> None:
        """Hand on; break off if the reader has paused."""
        self.recording.after_steps(state, losses, gradient)
        if gradient is not None:
            self._gradient, self._state = gradient, state
        self.control.after_steps()

    def after_epoch(self, state: Any, loss: float, score: float | None) -> None:
        """Hand on; stop or wait if the reader wants it so."""
        self.recording.after_epoch(state, loss, score)
        self.control.after_epoch(lambda: self._values(state, loss))

    def end(self, state: Any, status: str, note: str = "") -> None:
        """Hand on; one that its condition has stopped has ended, and was not broken off."""
        if status == "interrupted" and self.control.stopped:
            status, note = "ended", self.control.stopped
        if status == "diverged" and self._state is not None:
            now = self._state
            self.control.broken = what_diverged(now.step, now.epoch, note, now.learning_rate)
        self.control.status = status
        self.recording.end(state, status, note)

    def _values(self, state: Any, loss: float) -> dict[str, Any]:
        from retrograd.rewind.vocabulary import norm

        coefs, intercepts = self.network.layers(state.theta)
        return {
            "loss": loss, "epoch": state.epoch, "step": state.step, "coefs": coefs,
            "learning_rate": state.learning_rate, "intercepts": intercepts,
            "gradient_norm": norm(self._gradient),
        }  # fmt: skip


def what_diverged(step: int, epoch: int, place: str, rate: float) -> dict[str, Any]:
    """What a divergence is: its place, and the way out."""
    return {
        "state": "diverged",
        "message": f"NaN or infinity at step {step} (epoch {epoch}), first in {place}, at "
        f"learning rate {rate:g}",
        "way_out": calmer_rate(rate),
    }
