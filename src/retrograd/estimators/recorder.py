"""The Recorder: a scikit-learn callback that writes a training down as it happens."""

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retrograd.engine.notes import warn
from retrograd.rewind.schema import BUDGET

if TYPE_CHECKING:
    from retrograd.engine.course import Course
    from retrograd.engine.kernels.data import Data
    from retrograd.engine.network import Network
    from retrograd.engine.trainer import State
    from retrograd.estimators.fitting import Training
    from retrograd.rewind.recording import Recording
    from retrograd.rewind.store import Store

# Bytes of training data that keep_data="auto" keeps.
DATA_AT_MOST = 256 << 20
# What scikit-learn's searches call the fit of a candidate to a fold.
EVALUATION = "candidate-split-evaluation"


class Recorder:
    """Records every fit of a network, whole, so that one can go back to any step of it.

    Set it on an estimator, or on a pipeline or search around it; every fit becomes a run. It costs
    some two per cent of the training's time, for checkpoints, and once a fit some milliseconds
    for every megabyte of the data and the network; everything else can be had by training on from a
    checkpoint, bit for bit.

    Parameters
    ----------
    path : str or path, optional
        The file to write to; runs are added to it. By custom it ends in ``.retro``. Without one
        the runs are kept in memory, for as long as this recorder lives and in this process only.
    keep_data : {'auto', True, False}, default='auto'
        Whether to write down the training data; 'auto' does so up to 256 MB. Without them,
        whoever opens the run must pass them.
    budget : int, default=268435456
        Bytes that the checkpoints of a run may take; beyond that every other one is dropped.
    facts : dict, optional
        Anything worth remembering of the training that JSON can hold: ``run.facts``.

    Raises
    ------
    ValueError
        If a parameter is of no use, or the file is there and is no file of runs.

    Examples
    --------
    >>> from retrograd.estimators.classifier import MLPClassifier
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])
    >>> recorder = Recorder()
    >>> model = MLPClassifier((3,), max_iter=20, tol=0, n_iter_no_change=50, random_state=0)
    >>> import warnings; warnings.simplefilter("ignore")
    >>> _ = model.set_callbacks(recorder).fit(X, y)
    >>> from retrograd.estimators.rewinding import open_run
    >>> run = open_run(recorder)
    >>> len(run), run.at(7).coefs[0].shape
    (20, (1, 3))
    """

    # scikit-learn hands it down to whatever is fitted inside, however deep.
    max_propagation_depth = None

    def __init__(
        self,
        path: str | PathLike | None = None,
        *,
        keep_data: bool | str = "auto",
        budget: int = BUDGET,
        facts: dict | None = None,
    ) -> None:
        if keep_data not in ("auto", True, False):
            raise ValueError(f"keep_data must be 'auto', True or False, got {keep_data!r}")
        if isinstance(budget, bool) or not isinstance(budget, int | np.integer) or budget < 0:
            raise ValueError(f"budget must be a number of bytes, got {budget!r}")
        if path is not None and "\0" in str(path):
            raise ValueError(f"path must not have a NUL character, got {path!r}")
        self.path = None if path is None else Path(path).absolute()
        self.keep_data, self.budget = keep_data, int(budget)
        self.facts = _plain(facts or {})
        # Folds of the searches that are under way, by where these stand.
        self._folds: dict[tuple, int] = {}
        self._memory: Store | None = None
        if self.path is not None:
            self._check_place(self.path)
            return
        from retrograd.rewind import store

        # Made now, since two fits in two threads share it.
        self._memory = store.Store(None)

    def __repr__(self) -> str:
        return "Recorder()" if self.path is None else f"Recorder({str(self.path)!r})"

    def _check_place(self, path: Path) -> None:
        """Tell a file's faults now, not after the training."""
        from retrograd.rewind.connection import check_kind
        from retrograd.rewind.files import may_write
        from retrograd.rewind.store import RunFileError, Store

        check_kind(path, writable=True)
        if path.exists() and path.stat().st_size:
            Store(path).close()
        for place in (path, path.parent):
            if place.exists() and not may_write(place):
                raise RunFileError(f"{path} cannot be written to: there is no right to, in {place}")

    def store(self, row_bytes: int = 0) -> "Store":
        """Store of its runs, to write to."""
        from retrograd.rewind.store import Store

        if self._memory is not None:
            return self._memory
        return Store(self.path, writable=True, row_bytes=row_bytes)

    def begin(self, training: "Training", context: Any) -> "Recording":
        """Begin to record the training of an estimator, before its first step."""
        from retrograd.estimators.rebuilding import describe

        trainer, course = training.trainer, training.course
        extras = {}
        if training.test is not None:
            extras = {"train": course.order.among, "validation": training.test}
        return self.record(
            trainer.network, trainer.data, course, trainer.state, describe(training.estimator),
            extras, self._place_of(context),
        )  # fmt: skip

    def record(
        self,
        network: "Network",
        data: "Data",
        course: "Course",
        state: "State",
        estimator: dict,
        extras: dict[str, np.ndarray],
        place: str = "",
        parent: list | None = None,
    ) -> "Recording":
        """Begin to record a training of any kind."""
        from retrograd.rewind.header import Header, course_numbers
        from retrograd.rewind.recording import Recording, RecordingWarning

        header = Header(
            network, course.optimizer, state.theta.dtype.name,
            course_numbers(course, state.memory_start), {}, estimator, place, parent,
            self.budget, self.facts,
        )  # fmt: skip
        keep = self.keep_data
        if keep == "auto":
            n_bytes = sum(part.nbytes for part in data)
            keep = n_bytes <= DATA_AT_MOST
            if not keep:
                warn(
                    f"the {n_bytes >> 20:,} MB of training data are not kept, only up to "
                    f"{DATA_AT_MOST >> 20:,} MB are: pass them to open_run(path, data=(X, y)) "
                    "later, or record with keep_data=True",
                    RecordingWarning,
                )
        store = self.store(state.theta.nbytes + state.slots.nbytes)
        return Recording(
            store, header, data, extras, state, bool(keep), owns_store=self.path is not None
        )

    def setup(self, estimator: Any, context: Any) -> None:
        """Do nothing: a network that is fitted says so itself."""

    def teardown(self, estimator: Any, context: Any) -> None:
        """Do nothing: every recording has ended with its fit."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Note how many folds a search has, which numbers all of its fits in one row."""
        if context.task_name == "search" and hasattr(estimator, "n_splits_"):
            self._folds[_address(_path_to(context))] = estimator.n_splits_

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool:
        """Never stop a training."""
        return False

    def _place_of(self, context: Any) -> str:
        """Where a fit stands in a search or a pipeline, from the outermost task in; '' if alone."""
        tasks = _path_to(context)
        if context.source_task_name is None:
            tasks = tasks[:-1]
        return " > ".join(self._name(tasks[: k + 1]) for k in range(len(tasks)))

    def _name(self, path: list) -> str:
        """Name of a task; candidates and folds are numbered as the rows of ``cv_results_`` are.

        In a halving search they are numbered anew in every iteration.
        """
        task = path[-1]
        estimator, name, number = task.estimator_name, task.task_name, task.task_id
        if task.source_task_name is not None:
            # The fit of a part is a task of the whole, which says more of it.
            estimator, name = task.source_estimator_name, task.source_task_name
        # A halving search has its iterations between itself and the fits.
        above = [self._folds.get(_address(path[:end])) for end in range(len(path) - 1, 0, -1)]
        folds = next(filter(None, above), None) if name == EVALUATION else None
        if folds is not None:
            candidate, fold = divmod(number, folds)
            return f"{estimator} candidate {candidate} fold {fold}"
        return f"{estimator} {name} {number}" if isinstance(number, int) else f"{estimator} {name}"

    def __deepcopy__(self, memo: dict) -> "Recorder":
        """Itself: a copy of an estimator is recorded where the original is."""
        return self

    def __getstate__(self) -> dict:
        """What goes to another process: the path."""
        if self.path is None:
            raise ValueError(
                "a Recorder without a path keeps its runs in this process's memory, and cannot go "
                "to another one (n_jobs) or into a pickle: give it a path, as in "
                "Recorder('search.retro'), or take it off the model, as in model.set_callbacks()"
            )
        return self.__dict__ | {"_memory": None}


def _plain(facts: dict) -> dict:
    """Copy facts as a file gives them back."""
    from retrograd.rewind.schema import canonical, parsed

    try:
        if not isinstance(facts, dict):
            raise TypeError("they are no dictionary")
        return parsed(canonical(facts))
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise ValueError(f"facts must be what JSON can hold: {error}") from None


def _path_to(context: Any) -> list:
    """Tasks of scikit-learn's callbacks that contain a task, from the outermost to itself."""
    from sklearn.callback._callback_context import get_context_path

    return get_context_path(context)


def _address(path: list) -> tuple:
    """What tells a task from all others, also where it has been copied to another process."""
    return path[0].root_uuid, *(task.task_id for task in path)
