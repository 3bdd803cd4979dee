"""Waypoints: states that a replay has come by, kept in memory, so that a step back is near."""

import math

from retrograd.engine.trainer import State

# Bytes of all that are kept: ten states of a network of two million parameters. And how many.
ROOM, MOST = 1 << 28, 256


class Waypoints:
    """Some states between checkpoints, of the stretches that were replayed last.

    Parameters
    ----------
    state_bytes : int
        What a state takes.
    apart : int
        Steps so few that nobody waits for them: no two waypoints are nearer to each other.
    """

    def __init__(self, state_bytes: int, apart: int) -> None:
        self._most, self._apart = min(MOST, ROOM // state_bytes), apart
        self._states: dict[int, State] = {}

    def between(self, begin: int, end: int) -> range:
        """Steps to keep between two checkpoints: evenly spread, and no more than there is room."""
        if self._most == 0:
            return range(0)
        apart = max(self._apart, math.ceil((end - begin) / self._most))
        return range(begin + apart, end, apart)

    def last(self, begin: int, step: int) -> State | None:
        """Copy of the last state after ``begin`` that is no later than a step."""
        found = [kept for kept in self._states if begin < kept <= step]
        return self._states[max(found)].copy() if found else None

    def keep(self, step: int, state: State) -> None:
        """Keep a copy of the state at a step; of too many, the one that was kept first goes."""
        self._states.pop(step, None)
        while len(self._states) >= self._most:
            del self._states[next(iter(self._states))]
        self._states[step] = state.copy()
