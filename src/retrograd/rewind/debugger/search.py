"""Breakpoints, and the search for the place at which the next or the last one holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from retrograd.rewind.debugger.places import Phase
from retrograd.rewind.debugger.track import Track
from retrograd.rewind.expressions import Expression
from retrograd.rewind.moment import Moment
from retrograd.rewind.syntax import MAX_CHARACTERS, ExpressionError


@dataclass(frozen=True)
class Breakpoint:
    """Where to stop: at moments at which a condition holds, or at one phase of every step.

    Attributes
    ----------
    number : int
    phase : Phase or None
    condition : Expression or None
        One of the two is None.
    """

    number: int
    phase: Phase | None
    condition: Expression | None

    @property
    def text(self) -> str:
        """As it was written."""
        return str(self.phase) if self.condition is None else self.condition.text

    def holds(self, track: Track, at: int) -> bool:
        """Whether it holds at a place. Conditions are of moments, before a step's first phase.

        Raises
        ------
        ExpressionError
            If the condition cannot be worked out there.
        """
        if self.condition is None:
            return track.place(at).phase == self.phase
        if at % track.n:
            return False
        values = track.values(at)
        return self.condition.names <= {*values} and self.condition.holds(values)


def holding(breakpoints: Sequence[Breakpoint], track: Track, at: int) -> list[Breakpoint]:
    """Breakpoints that hold at a place."""
    return [one for one in breakpoints if one.holds(track, at)]


def next_place(breakpoints: Sequence[Breakpoint], track: Track, at: int) -> int | None:
    """First place after one at which a breakpoint holds; None if there is none."""
    found = _phase_places(breakpoints, track, at + 1, at + 1 + track.n)
    after = at // track.n + 1
    conditions = [one for one in breakpoints if one.condition]
    if not conditions or after > len(track.run):
        return found[0] if found else None
    if found:  # no more than a step away: there is one moment to ask
        moment = after * track.n
        return min(moment, found[0]) if holding(breakpoints, track, moment) else found[0]
    hit = track.run.first(_any_of(conditions, track), after)
    if hit is not None:
        return hit.step * track.n
    # The end has no step to ask of, but it has parameters.
    return (
        track.last if track.is_end(track.last) and holding(breakpoints, track, track.last) else None
    )


def last_place(breakpoints: Sequence[Breakpoint], track: Track, at: int) -> int | None:
    """Last place before one at which a breakpoint held; None if there is none."""
    found = _phase_places(breakpoints, track, at - track.n, at)
    before = -(-at // track.n)
    conditions = [one for one in breakpoints if one.condition]
    if not conditions or before == 0:
        return found[-1] if found else None
    if found:
        moment = (before - 1) * track.n
        return max(moment, found[-1]) if holding(breakpoints, track, moment) else found[-1]
    hit = track.run.last(_any_of(conditions, track), before)
    return None if hit is None else hit.step * track.n


def _phase_places(
    breakpoints: Sequence[Breakpoint], track: Track, begin: int, end: int
) -> list[int]:
    """Places from ``begin`` to before ``end`` that are a breakpoint's phase."""
    wanted = {one.phase for one in breakpoints if one.phase}
    return [
        at
        for at in range(max(begin, 0), min(end, track.last + 1))
        if track.place(at).phase in wanted
    ]


def _any_of(conditions: list[Breakpoint], track: Track) -> Any:
    """All conditions as one: a text, which is searched for at training speed."""
    if len(conditions) == 1:
        return conditions[0].text
    text = " or ".join(f"({condition.text})" for condition in conditions)
    try:
        if len(text) <= MAX_CHARACTERS:
            return Expression(text).text
    except ExpressionError:  # too much, together
        pass

    def any_holds(moment: Moment) -> bool:
        return bool(holding(conditions, track, moment.step * track.n))

    return any_holds
