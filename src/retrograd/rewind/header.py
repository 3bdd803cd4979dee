"""A run's header: the training in plain data, written once, and read with suspicion."""

import json
import math
import platform
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from retrograd.engine.course import Course, Drawn, Shuffled
from retrograd.engine.network import Network
from retrograd.engine.optimizers import Optimizer
from retrograd.rewind.schema import canonical
from retrograd.rewind.store import RunFileError

DTYPES = ("float32", "float64")
# More than any network that fits a file; a forged header must not make us allocate.
MOST = 1 << 40
MADE_BY = ("retrograd", "numpy", "numba", "scikit-learn")


@dataclass
class Header:
    """What a run is a run of.

    Attributes
    ----------
    network : Network
    optimizer : Optimizer
    dtype : str
        'float32' or 'float64', of parameters and rows.
    course : dict
        The course's numbers.
    data : dict
        Names (digests) of the arrays of the training data, and whether they are kept.
    estimator : dict
        What the estimator's own room wants to find again; not looked at here.
    place : str
        Where the fit stood in a search or a pipeline, '' if by itself.
    parent : list or None
        Run and step that it branches off from.
    made_by, machine : dict
        Versions and processor: bits may differ elsewhere.
    started : str
        ISO date and time, UTC.
    """

    network: Network
    optimizer: Optimizer
    dtype: str
    course: dict
    data: dict
    estimator: dict
    place: str = ""
    parent: list | None = None
    made_by: dict = field(default_factory=dict)
    machine: dict = field(default_factory=dict)
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def __post_init__(self) -> None:
        """Fill in what is so of every run that is made here."""
        self.made_by = self.made_by or versions()
        self.machine = self.machine or this_machine()

    def text(self) -> str:
        """JSON."""
        document = {f.name: getattr(self, f.name) for f in fields(self)}
        document["network"] = asdict(self.network)
        document["optimizer"] = asdict(self.optimizer)
        return canonical(document)

    @classmethod
    def read(cls, text: str, name: str) -> "Header":
        """Header of a file of that name.

        Raises
        ------
        RunFileError
            If it says anything that no header says.
        """
        try:
            document = json.loads(text)
            network, optimizer = document["network"], document["optimizer"]
            document["network"] = Network(
                tuple(_count(width) for width in network["widths"]),
                tuple(network["activations"]),
                network["output"],
                network["loss"],
                float(network["loss_parameter"]),
            )
            document["optimizer"] = Optimizer(**optimizer)
            header = cls(**document)
            header._check()
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            reason = " ".join(str(error).split())[:200]
            raise RunFileError(
                f"{name} has a run whose header says what none can say ({reason})"
            ) from None
        return header

    def _check(self) -> None:
        if self.dtype not in DTYPES:
            raise ValueError(f"dtype {self.dtype!r}")
        # Raises on an odd type or number wherever it stands.
        for number in asdict(self.optimizer).values():
            if isinstance(number, float) and not math.isfinite(number):
                raise ValueError("a hyperparameter is not finite")
        self.optimizer.settings()
        if self.network.n_parameters > MOST:
            raise ValueError("more parameters than a file can hold")
        for key in ("first_step", "first_epoch", "skip", "schedule_start"):
            _count(self.course[key], least=0)
        for key in ("n_rows", "batch_size", "total_epochs"):
            _count(self.course[key])
        if self.course["skip"] >= self.course["n_rows"]:
            raise ValueError("it begins behind its first epoch")
        if not isinstance(self.estimator, dict) or not isinstance(self.data, dict):
            raise TypeError("parts of it are no objects")
        if self.parent is not None:
            run, step = self.parent
            _count(run), _count(step, least=0)

    def make_course(self, among: np.ndarray | None, generator: np.ndarray | None) -> Course:
        """Course of the run, given the row numbers that it trains on or its generator's state."""
        numbers = self.course
        order: Any
        if generator is not None:
            key, position = generator[:-1].astype(np.uint32), int(generator[-1])
            order = Drawn(numbers["n_rows"], ("MT19937", key, position, 0, 0.0))
        else:
            order = Shuffled(numbers["n_rows"], numbers["seed"], numbers["shuffle"], among)
        return Course(
            self.optimizer, order, numbers["batch_size"], numbers["total_epochs"],
            numbers["first_step"], numbers["first_epoch"], numbers["skip"],
            numbers["schedule_start"],
        )  # fmt: skip

    @property
    def is_from_here(self) -> bool:
        """Whether this machine, with these versions, made it: its bits are then to be expected."""
        return self.made_by == versions() and self.machine == this_machine()


def course_numbers(course: Course) -> dict:
    """Write a course as plain data."""
    order = course.order
    return {
        "n_rows": order.n_rows,
        "seed": getattr(order, "seed", 0),
        "shuffle": bool(getattr(order, "shuffle", False)),
        "batch_size": course.batch_size,
        "total_epochs": course.total_epochs,
        "first_step": course.first_step,
        "first_epoch": course.first_epoch,
        "skip": course.skip,
        "schedule_start": course.schedule_start,
    }


@cache
def versions() -> dict[str, str]:
    """Versions of what the bits may depend on."""
    found = {"python": platform.python_version()}
    for package in MADE_BY:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # run from a folder
            found[package] = "?"
    return found


def this_machine() -> dict[str, Any]:
    """The kind of processor and system; how many cores there are is no matter to the bits."""
    return {"processor": platform.machine(), "system": platform.system()}


def _count(value: Any, least: int = 1) -> int:
    if type(value) is not int or not least <= value <= MOST:
        raise ValueError(f"{value!r} is no count")
    return value
