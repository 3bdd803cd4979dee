"""A run's header: the training in plain data, written once, and read with suspicion."""

import math
import platform
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from retrograd.engine.course import Course, Drawn, Shuffled
from retrograd.engine.jit import COMPILED
from retrograd.engine.network import Network
from retrograd.engine.optimizers import Optimizer
from retrograd.engine.versions import versions
from retrograd.rewind.schema import BUDGET, canonical, parsed
from retrograd.rewind.store import RunFileError

DTYPES = ("float32", "float64")
# More than any network that fits a file; a forged header must not make us allocate.
MOST = 1 << 40
# Some train "until it stops"; of epochs nothing is made before they come.
MOST_EPOCHS = (1 << 63) - 1
# Arrays of the training data, and those that only some runs have: row numbers; the state of NumPy's
# generator that draws them; of a branch, the losses of an epoch's steps that it begins behind, and
# the best parameters before it.
DATA_PARTS = ("X", "values", "columns", "row_starts", "y", "sample_weight")
EXTRAS = ("train", "validation", "generator", "skipped", "best")
# Hyperparameters that have an upper bound.
MOST_OF = {"momentum": 1.0, "beta_1": math.nextafter(1.0, 0.0), "beta_2": math.nextafter(1.0, 0.0)}
# Words of that generator, MT19937, and then its place among them.
GENERATOR_WORDS = 624


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
    facts : dict
        What who recorded it wanted to be remembered; not looked at here.
    place : str
        Where the fit stood in a search or a pipeline, '' if by itself.
    parent : list or None
        Run and step that it branches off from.
    budget : int
        Bytes that its checkpoints may take, also those of a resumption.
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
    budget: int = BUDGET
    facts: dict = field(default_factory=dict)
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
        text = canonical(document)
        Header.read(text, "this training")  # what could not be read is not written
        return text

    @classmethod
    def read(cls, text: str, name: str) -> "Header":
        """Header of a file of that name.

        Raises
        ------
        RunFileError
            If it says anything that no header says.
        """
        try:
            document = parsed(text)
            network, optimizer = document["network"], document["optimizer"]
            _number("loss_parameter", network["loss_parameter"])
            for part in ("widths", "activations"):
                if type(network[part]) is not list:
                    raise TypeError(f"{part} is no list")
                network[part] = tuple(network[part])
            for width in network["widths"]:
                _count(width)
            document["network"] = Network(**network)
            document["optimizer"] = Optimizer(**optimizer)
            if not document["made_by"] or not document["machine"]:
                raise ValueError("it does not say where it was made")
            header = cls(**document)
            header._check()
        except (
            LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError
        ) as error:  # fmt: skip
            reason = " ".join(str(error).split())[:200]
            raise RunFileError(f"{name} has a run with an impossible header ({reason})") from None
        return header

    def _check(self) -> None:
        if self.dtype not in DTYPES:
            raise ValueError(f"dtype {self.dtype!r}")
        for part, kind in (("course", dict), ("data", dict), ("estimator", dict), ("facts", dict),
                           ("place", str), ("made_by", dict), ("machine", dict),
                           ("started", str)):  # fmt: skip
            if type(getattr(self, part)) is not kind:
                raise TypeError(f"{part} is no {'text' if kind is str else 'object'}")
        for told in (*self.made_by.values(), *self.machine.values()):
            if type(told) is not str:
                raise TypeError(f"it was made by or on {told!r}")
        if type(self.estimator.get("parameters", {})) is not dict:
            raise TypeError("parameters is no object")
        self._check_network()
        self._check_course()
        self._check_data()
        if type(self.budget) is not int or self.budget < 0:
            raise ValueError(f"budget {self.budget!r}")
        if self.parent is not None:
            run, step = self.parent
            _count(run), _count(step, least=0)

    def _check_network(self) -> None:
        widths = self.network.widths
        # In Python's own numbers, which do not overflow.
        if sum((n_in + 1) * n_out for n_in, n_out in pairwise(widths)) > MOST:
            raise ValueError("more parameters than a file can hold")
        for name, number in asdict(self.optimizer).items():
            if name not in ("solver", "schedule", "nesterov"):
                # The notebook's class may go uphill.
                least = -math.inf if name == "learning_rate_init" else 0.0
                _number(name, number, least, MOST_OF.get(name, math.inf))
        if type(self.optimizer.nesterov) is not bool:
            raise TypeError("nesterov is neither true nor false")

    def _check_course(self) -> None:
        course = self.course
        for key in ("first_step", "first_epoch", "skip", "schedule_start", "memory_start"):
            _count(course[key], least=0)
        for key in ("n_rows", "batch_size"):
            _count(course[key])
        _count(course["total_epochs"], most=MOST_EPOCHS)
        if type(course["shuffle"]) is not bool or type(course["seed"]) is not int:
            raise TypeError("its seed is no number, or shuffle is neither true nor false")
        if not 0 <= course["seed"] < 1 << 64:
            raise ValueError(f"seed {course['seed']}")
        if course["skip"] >= course["n_rows"]:
            raise ValueError("it begins behind its first epoch")
        if course["batch_size"] > course["n_rows"]:
            raise ValueError("its batches are larger than its data")
        if course["schedule_start"] > course["first_epoch"]:
            raise ValueError("its schedule begins after its first epoch")
        if course["memory_start"] > course["first_step"]:
            raise ValueError("its optimizer's memory begins after its first step")

    def _check_data(self) -> None:
        names = {name: value for name, value in self.data.items() if name != "kept"}
        if type(self.data["kept"]) is not bool or {*DATA_PARTS} - names.keys():
            raise ValueError("it does not name all of its data")
        if names.keys() - {*DATA_PARTS, *EXTRAS}:
            raise ValueError("it names data that no run has")
        if not all(type(value) is str for value in names.values()):
            raise TypeError("a name of its data is no text")
        if "generator" in names and ("train" in names or self.course["batch_size"] != 1):
            raise ValueError("rows that are drawn are so one by one, from all")
        if "skipped" in names and not self.course["skip"]:
            raise ValueError("it begins behind steps, but with an epoch")

    def make_course(
        self,
        among: np.ndarray | None = None,
        generator: np.ndarray | None = None,
        skipped: np.ndarray | None = None,
    ) -> Course:
        """Course of the run, given those of its arrays that it has.

        Parameters
        ----------
        among : ndarray of int64, optional
            Numbers of the rows that it trains on.
        generator : ndarray of int64, optional
            State of the generator that draws its rows.
        skipped : ndarray of float64, optional
            See ``Course``.

        Raises
        ------
        ValueError
            If these are malformed.
        """
        numbers = self.course
        if skipped is not None and (
            skipped.dtype != np.float64
            or skipped.ndim != 1
            or not 0 < skipped.size <= numbers["skip"]
        ):
            raise ValueError("the losses that it begins behind are malformed")
        order: Any
        if generator is not None:
            order = Drawn(numbers["n_rows"], _generator_state(generator))
        else:
            if among is not None and (
                among.dtype != np.int64 or among.shape != (numbers["n_rows"],)
            ):
                raise ValueError("its row numbers are malformed")
            order = Shuffled(numbers["n_rows"], numbers["seed"], numbers["shuffle"], among)
        return Course(
            self.optimizer, order, numbers["batch_size"], numbers["total_epochs"],
            numbers["first_step"], numbers["first_epoch"], numbers["skip"],
            numbers["schedule_start"], skipped,
        )  # fmt: skip

    @property
    def is_from_here(self) -> bool:
        """Whether this machine, with these versions, made it: its bits are then to be expected."""
        return self.made_by == versions() and self.machine == this_machine()


def course_numbers(course: Course, memory_start: int = 0) -> dict:
    """Write a course as plain data, and where the optimizer's memory begins, see ``State``."""
    order = course.order
    return {
        "n_rows": order.n_rows,
        "seed": getattr(order, "seed", 0),
        "shuffle": bool(getattr(order, "shuffle", False)),
        "batch_size": course.batch_size,
        "total_epochs": min(int(course.total_epochs), MOST_EPOCHS),
        "first_step": course.first_step,
        "first_epoch": course.first_epoch,
        "skip": course.skip,
        "schedule_start": course.schedule_start,
        "memory_start": memory_start,
    }


@cache
def this_machine() -> dict[str, Any]:
    """The kind of processor and system; how many cores there are is no matter to the bits."""
    from llvmlite.binding import get_host_cpu_name

    return {
        "processor": f"{platform.machine()} {get_host_cpu_name()}",
        "system": platform.system(),
        "kernels": "compiled" if COMPILED else "interpreted",
    }


def _generator_state(words: np.ndarray) -> tuple:
    """State of MT19937, checked: NumPy looks at neither its length nor its place."""
    most = np.append(np.full(GENERATOR_WORDS, (1 << 32) - 1), GENERATOR_WORDS)
    if words.dtype != np.int64 or words.shape != most.shape or not (
        (words >= 0) & (words <= most)
    ).all():  # fmt: skip
        raise ValueError("its generator's state is none")
    return "MT19937", words[:-1].astype(np.uint32), int(words[-1]), 0, 0.0


def _number(name: str, value: Any, least: float = -math.inf, most: float = math.inf) -> None:
    if type(value) not in (int, float) or not math.isfinite(value) or not least <= value <= most:
        raise ValueError(f"{name} {value!r}")


def _count(value: Any, least: int = 1, most: int = MOST) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{value!r} is no count")
    return value
