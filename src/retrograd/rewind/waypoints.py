"""Waypoints: states that a replay has come by, kept in memory, so that a step back is near."""

import math
import weakref
from itertools import count

from retrograd.engine.trainer import State

# Bytes of all that a process keeps: ten states of a network of two million parameters. And how many
# of one run.
ROOM, MOST = 1 << 28, 256

# Those of all runs that are at hand; what is done with them holds no lock, as a process may fork.
_all: "dict[int, weakref.ref[Waypoints]]" = {}
_uses = count()


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
        self._state_bytes = state_bytes
        self._states: dict[int, State] = {}
        self._used = next(_uses)
        number, forget = self._used, _all.pop  # bound now: as Python ends, modules lose their names
        _all[number] = weakref.ref(self, lambda _: forget(number, None))

    def between(self, begin: int, end: int) -> range:
        """Steps to keep between two checkpoints: evenly spread, and no more than there is room."""
        if self._most == 0:
            return range(0)
        apart = max(self._apart, math.ceil((end - begin) / self._most))
        return range(begin + apart, end, apart)

    def last(self, begin: int, step: int) -> State | None:
        """Copy of the last state after ``begin`` that is no later than a step."""
        states, self._used = self._states, next(_uses)
        found = [kept for kept in list(states) if begin < kept <= step]
        return states[max(found)].copy() if found else None

    def keep(self, step: int, state: State) -> None:
        """Keep a copy of the state at a step; of too many, the one that was kept first goes.

        Of too many of all runs, those of the run go that was asked for longest ago.
        """
        states, self._used = self._states, next(_uses)
        states.pop(step, None)
        while len(states) >= self._most:
            del states[next(iter(states))]
        states[step] = state.copy()
        at_hand = [one for known in list(_all.values()) if (one := known()) is not None]
        room = ROOM
        for one in sorted(at_hand, key=lambda one: one._used, reverse=True):
            room -= len(one._states) * one._state_bytes
            if room < 0:
                one._states = {}  # and not cleared: another thread may be reading the old ones
