"""Comparing two runs: where they part."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from retrograd.rewind.run import Run


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
    which it begins. Runs of the same length that end alike are compared at their checkpoints only
    until one differs; from the last one that does not, step by step.

    Parameters
    ----------
    run_a, run_b : Run

    Raises
    ------
    ValueError
        If they are of different networks, or have no step in common.
    """
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

    def thetas(step: int) -> tuple[np.ndarray, np.ndarray]:
        return (
            run_a.replay.state(step - begin_a).theta,
            run_b.replay.state(step - begin_b).theta,
        )

    marks = {step + begin_a for step in run_a.store.steps_of(run_a.number)}
    marks |= {step + begin_b for step in run_b.store.steps_of(run_b.number)}
    same = begin - 1
    for mark in sorted({step for step in marks if begin <= step <= end} | {begin, end}):
        if _differ(*thetas(mark)):
            break
        same = mark
    else:
        return None
    step = same
    while True:
        step += 1
        found = thetas(step)
        if _differ(*found):
            return _describe(run_a, step - 1 if step > begin else -1, *found)


def _differ(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype != b.dtype or a.tobytes() != b.tobytes()


def _describe(run: "Run", step: int, a: np.ndarray, b: np.ndarray) -> Divergence:
    """Name the first parameter that differs, layer by layer."""
    network = run.header.network
    unequal = (a != b) & ~(np.isnan(a) & np.isnan(b))
    for layer in range(network.n_layers):
        for name, part in (("coefs", network.weights), ("intercepts", network.biases)):
            places = np.argwhere(part(unequal, layer))
            if places.size:
                place = tuple(int(k) for k in places[0])
                index = ", ".join(map(str, place))
                values = (float(part(a, layer)[place]), float(part(b, layer)[place]))
                return Divergence(step, layer, place[-1], f"{name}[{layer}][{index}]", values)
    # The same numbers, of another type or sign of zero.
    return Divergence(step, 0, 0, "coefs[0][0, 0]", (float(a[0]), float(b[0])))
