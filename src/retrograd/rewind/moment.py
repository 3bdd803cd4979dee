"""A moment: a run at a step, with all that it holds."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from retrograd.engine.memory import read_only
from retrograd.engine.trainer import State
from retrograd.rewind.trace import Trace

if TYPE_CHECKING:
    from retrograd.rewind.run import Run
    from retrograd.rewind.walk.document import Document

# Rows of data that are not there, at most, whose order is made up nevertheless.
MOST_UNSEEN = 1 << 28


@dataclass(frozen=True)
class Moment:
    """A run at a step: the state after so many steps, and the step that comes next.

    Attributes
    ----------
    run : Run
    step : int
    """

    run: "Run"
    step: int
    _held: dict = field(default_factory=dict, repr=False, compare=False)

    @property
    def _state(self) -> State:
        if "state" not in self._held:
            self._held["state"] = self.run.replay.state(self.step)
        return self._held["state"]

    @property
    def theta(self) -> np.ndarray:
        """All parameters, of shape (P,); they are read-only."""
        if "trace" in self._held:
            return self._held["trace"].theta
        return read_only(self._state.theta)

    def keep_state(self) -> None:
        """Have the state at hand, so that neither it nor the trace needs a replay any more."""
        _ = self._state

    def state(self) -> State:
        """All that a training goes on from, as a copy."""
        return self._state.copy()

    @property
    def epoch(self) -> int:
        """Epochs that are over."""
        return self.run.replay.course.place(self.step)[0]

    @property
    def coefs(self) -> list[np.ndarray]:
        """Weights, one array of shape (I, O) a layer; they are read-only."""
        return self.run.header.network.layers(self.theta)[0]

    @property
    def intercepts(self) -> list[np.ndarray]:
        """Biases, one array of shape (O,) a layer; they are read-only."""
        return self.run.header.network.layers(self.theta)[1]

    @property
    def optimizer_state(self) -> dict[str, dict[str, list[np.ndarray]]]:
        """The optimizer's memory by name, such as 'm' and 'v': ``coefs`` and ``intercepts``.

        The arrays are read-only.
        """
        network, optimizer = self.run.header.network, self.run.header.optimizer
        slots = read_only(self._state.slots)
        return {
            name: dict(zip(("coefs", "intercepts"), network.layers(slot), strict=True))
            for name, slot in zip(optimizer.slot_names, slots, strict=True)
        }

    @property
    def rows(self) -> np.ndarray:
        """Numbers of the rows that the next step learns from."""
        return self._next.rows

    @property
    def learning_rate(self) -> float:
        """Learning rate of the next step."""
        return float(self._next.rates[0])

    @property
    def _next(self) -> Any:
        replay = self.run.replay
        if replay.course.order.n_rows > MOST_UNSEEN:
            _ = self.run.data  # has as many, or raises: a forged number is none to allocate by
        return replay.course.between(self.step, self.step + 1, replay.rate_of)

    @property
    def exact(self) -> bool:
        """Whether the numbers are the recorded ones to the last bit, as far as is known."""
        return self.run.replay.is_exact(self.step)

    def trace(self) -> Trace:
        """Every number of the next step; at the run's end of the one that it took no more."""
        if "trace" not in self._held:
            self._held["trace"] = self.run.replay.trace(self.step, self._held.get("state"))
        return self._held["trace"]

    def document(self) -> "Document":
        """Say the next step as a document, made once."""
        if "document" not in self._held:
            self._held["document"] = self.trace().document()
        return self._held["document"]

    @property
    def held_bytes(self) -> int:
        """Bytes of the state and the trace that it keeps, once these were asked for."""
        state, trace = self._held.get("state"), self._held.get("trace")
        held = 0 if state is None else state.theta.nbytes + state.slots.nbytes
        if trace is not None:
            # Gradient and update, parameters and memory before and after; z, a, delta of the rows.
            held += 5 * trace.theta.nbytes + 2 * trace.slots.nbytes
            held += sum(3 * layer.z.nbytes for layer in trace.layers)
        return held

    @property
    def loss(self) -> float:
        """Loss of the next step's batch, before its update."""
        return self.trace().loss

    def estimator(self) -> Any:
        """Fitted estimator as of this moment, ready to predict."""
        return self.run.door.estimator(self)

    def next(self) -> "Moment":
        """Return the moment one step later; if this one's state and step are at hand, its too."""
        later = self.run.at(self.step + 1)
        state, trace = self._held.get("state"), self._held.get("trace")
        if state is not None and trace is not None:
            after = self.run.replay.after(state, trace)
            if after is not None:
                later._held["state"] = after
        return later

    def previous(self) -> "Moment":
        """Return the moment one step earlier."""
        return self.run.at(self.step - 1)
