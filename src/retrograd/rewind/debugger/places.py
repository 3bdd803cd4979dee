"""Places: a step and one of its phases, and what of a step's walk belongs to each phase."""

from typing import NamedTuple

from retrograd.rewind.walk.document import Section


class Phase(NamedTuple):
    """One part of a step's algorithm.

    Attributes
    ----------
    kind : {'forward', 'loss', 'backward', 'update', 'end'}
        The run's end has no step any more.
    layer : int or None
        Counted from 0; of forward and backward only.
    """

    kind: str
    layer: int | None = None

    def __str__(self) -> str:
        return self.kind if self.layer is None else f"{self.kind} {self.layer}"


class Place(NamedTuple):
    """A step of a run, counted from the run's begin, and one of the step's phases."""

    step: int
    phase: Phase

    def __str__(self) -> str:
        return f"{self.step} {self.phase}"


END = Phase("end")


def phases_of(n_layers: int) -> list[Phase]:
    """Phases of a step, in the order of the algorithm.

    Examples
    --------
    >>> print(*phases_of(2), sep=", ")
    forward 0, forward 1, loss, backward 1, backward 0, update
    """
    return [
        *(Phase("forward", layer) for layer in range(n_layers)),
        Phase("loss"),
        *(Phase("backward", layer) for layer in reversed(range(n_layers))),
        Phase("update"),
    ]


def read_phase(text: str, n_layers: int) -> Phase | None:
    """Read a phase as it is written; of ``forward`` and ``backward`` alone, the first one.

    Examples
    --------
    >>> read_phase("backward", 3), read_phase("forward 1", 3), read_phase("loss > 2", 3)
    (Phase(kind='backward', layer=2), Phase(kind='forward', layer=1), None)
    """
    words = " ".join(text.split())
    for phase in phases_of(n_layers):
        if words in (str(phase), phase.kind):
            return phase
    return None


def sections_by_phase(sections: tuple[Section, ...], n_layers: int) -> dict[Phase, list[Section]]:
    """Sort a walk's sections by phase; what stands before the first one belongs to that."""
    phases = phases_of(n_layers)
    sorted_out: dict[Phase, list[Section]] = {phase: [] for phase in phases}
    here = phases[0]
    for section in sections:
        title = section.title.partition("(")[0].replace(": layer", "").lower()
        # A section of no phase, such as the regression that a network amounts to, belongs to the
        # one before it; an update's is one phase for all layers.
        kind = title.split()[0].rstrip(":")
        here = read_phase(kind if kind == "update" else title, n_layers) or here
        sorted_out[here].append(section)
    return sorted_out
