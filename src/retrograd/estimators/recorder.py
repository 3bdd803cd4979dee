"""The Recorder: a scikit-learn callback that writes a training down as it happens."""

import json
import os
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

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


class Recorder:
    """Records every fit of a network, whole, so that one can go back to any step of it.

    Set it on an estimator, or on a pipeline or search around it; every fit becomes a run. It costs
    one to four per cent of the training's time, for checkpoints, and once a fit some milliseconds
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
        self._memory: Store | None = None
        if self.path is not None:
            self._check_place(self.path)
            return
        from retrograd.rewind import store

        # Made now, since two fits in two threads share it.
        self._memory = store.Store(None)

    def _check_place(self, path: Path) -> None:
        """Tell a file's faults now, not after the training."""
        from retrograd.rewind.connection import check_kind
        from retrograd.rewind.store import RunFileError, Store

        check_kind(path, writable=True)
        if path.exists() and path.stat().st_size:
            Store(path).close()
        effective = os.access in os.supports_effective_ids
        for place in (path, path.parent):
            if place.exists() and not os.access(place, os.W_OK, effective_ids=effective):
                raise RunFileError(f"{path} cannot be written to: there is no right to, in {place}")

    def store(self, row_bytes: int = 0) -> "Store":
        """Store of its runs, to write to."""
        from retrograd.rewind.store import Store

        if self._memory is not None:
            return self._memory
        return Store(self.path, writable=True, row_bytes=row_bytes)

    def begin(self, training: "Training", place: str) -> "Recording":
        """Begin to record the training of an estimator, before its first step."""
        from retrograd.estimators.rebuilding import describe

        trainer, course = training.trainer, training.course
        extras = {}
        if training.test is not None:
            extras = {"train": course.order.among, "validation": training.test}
        return self.record(
            trainer.network, trainer.data, course, trainer.state, describe(training.estimator),
            extras, place,
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
        from retrograd.rewind.recording import Recording

        header = Header(
            network, course.optimizer, state.theta.dtype.name, course_numbers(course), {},
            estimator, place, parent, self.budget, self.facts,
        )  # fmt: skip
        keep = self.keep_data
        if keep == "auto":
            keep = sum(part.nbytes for part in data) <= DATA_AT_MOST
        store = self.store(state.theta.nbytes + state.slots.nbytes)
        return Recording(
            store, header, data, extras, state, bool(keep), owns_store=self.path is not None
        )

    def setup(self, estimator: Any, context: Any) -> None:
        """Do nothing: a network that is fitted says so itself."""

    def teardown(self, estimator: Any, context: Any) -> None:
        """Do nothing: every recording has ended with its fit."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool:
        """Never stop a training."""
        return False

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
    from retrograd.rewind.schema import canonical

    try:
        if not isinstance(facts, dict):
            raise TypeError("they are no dictionary")
        return json.loads(canonical(facts))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"facts must be what JSON can hold: {error}") from None


def place_of(context: Any) -> str:
    """Where a fit stands in a search or a pipeline, from the outermost task in; '' if by itself."""
    from sklearn.callback._callback_context import get_context_path

    tasks = get_context_path(context)
    if context.source_task_name is None:
        tasks = tasks[:-1]
    # The fit of a part is a task of the whole, which says more of it: which candidate and split.
    return " > ".join(
        _task(task.estimator_name, task.task_name, task.task_id)
        if task.source_task_name is None
        else _task(task.source_estimator_name, task.source_task_name, task.task_id)
        for task in tasks
    )


def _task(estimator: str, task: str, number: Any) -> str:
    return f"{estimator} {task} {number}" if isinstance(number, int) else f"{estimator} {task}"
