"""Going back: opens a recorded file, and does with a run what only estimators can do."""

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retrograd.engine.notes import warn
from retrograd.estimators.notebook_runs import is_notebooks, rebuild_notebooks, resume_notebooks
from retrograd.estimators.recorder import Recorder

if TYPE_CHECKING:
    from retrograd.rewind.run import Moment, Run, Runs


def open_runs(path: "str | PathLike | Recorder") -> "Runs":
    """Open the runs of a file, as a sequence of ``Run``; their file stays open as ``open_run``'s.

    Parameters
    ----------
    path : str, path or Recorder
        A file that a ``Recorder`` has written, or the recorder itself.

    Returns
    -------
    Runs

    Raises
    ------
    RunFileError
        If there is no such file, or it is no file of runs, of a newer format, or damaged.
    TypeError
        If it is no path at all.

    Examples
    --------
    >>> import numpy as np
    >>> from retrograd import MLP
    >>> recorder = Recorder()
    >>> _ = MLP(epochs=3).fit(np.array([[-1.0], [1.0]]), [0, 1], recorder)
    >>> open_runs(recorder)
    <Run 1 of the recorder: 6 steps, ended>
    """
    from retrograd.rewind.run import Runs
    from retrograd.rewind.store import Store

    if isinstance(path, Recorder):
        store = path.store() if path.path is None else Store(path.path)
    elif isinstance(path, str | PathLike):
        store = Store(Path(path))
    else:
        raise TypeError(f"runs are opened by a path or a Recorder, not a {type(path).__name__}")
    return Runs(store, EstimatorDoor())


def open_run(
    path: "str | PathLike | Recorder", run: int | None = None, *, data: tuple | None = None
) -> "Run":
    """Open a recorded training, to go to any step of it.

    Parameters
    ----------
    path : str, path or Recorder
        A file that a ``Recorder`` has written, or the recorder itself.
    run : int, optional
        Number of the run; needed where there are several.
    data : tuple (X, y) or (X, y, sample_weight), optional
        What was passed to ``fit``, where the file does not keep it.

    Returns
    -------
    Run

    Raises
    ------
    RunFileError
        If the file is no file of runs, of a newer format, or damaged; if it has several runs and
        none is named, or no such run; if the data are not those that were recorded.

    Notes
    -----
    The file stays open until the run, and all that came of it, is gone; or until ``close``, or the
    end of a ``with``. Windows neither deletes nor moves it before.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from retrograd import MLP
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "steps.retro"
    >>> _ = MLP(epochs=3).fit(np.array([[-1.0], [1.0]]), [0, 1], Recorder(path))
    >>> with open_run(path) as run:
    ...     moment = run.at(3)
    >>> path.unlink()
    >>> moment.coefs
    Traceback (most recent call last):
    retrograd.rewind.connection.RunFileError: steps.retro was closed
    >>> open_run("nowhere.retro")
    Traceback (most recent call last):
    retrograd.rewind.connection.RunFileError: nowhere.retro does not exist
    """
    from retrograd.rewind.run import Run
    from retrograd.rewind.store import RunFileError

    if run is not None and (isinstance(run, bool) or not isinstance(run, int | np.integer)):
        raise TypeError(f"run is the number of a run, not {run!r}")
    runs = open_runs(path)
    if run is None:
        if len(runs) == 0:
            raise RunFileError(f"{runs.store.name} has no runs")
        if len(runs) > 1:
            raise RunFileError(
                f"{runs.store.name} has {len(runs)} runs: name one, as in open_run(path, "
                f"run={runs.numbers[-1]}), or see open_runs(path):\n{runs!r}"
            )
        run = runs.numbers[0]
    run = int(run)
    opened = Run(runs.store, run, runs.door)
    return opened if data is None else Run(runs.store, run, runs.door, _data_of(opened, data))


def _data_of(run: "Run", data: tuple) -> Any:
    """Data as the engine reads them, from what a user passes to ``fit``."""
    from retrograd.engine.batches import make_data
    from retrograd.estimators.rebuilding import rebuild
    from retrograd.rewind.store import RunFileError

    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        raise RunFileError("data must be (X, y) or (X, y, sample_weight)")
    X, y, *weight = data
    header = run.header
    try:
        if is_notebooks(run):
            X, targets = np.asarray(X, float), np.asarray(y, float).reshape(-1)
        else:
            model = rebuild(run)
            model.warm_start = False
            X, targets = model._validate(X, y, False, True, [np.dtype(header.dtype)])
        weight = [np.asarray(part, dtype=header.dtype) for part in weight if part is not None]
        return make_data(header.network, X, targets, *weight)
    except (TypeError, ValueError) as error:
        if isinstance(error, RunFileError):
            raise
        raise RunFileError(
            f"the data are not those that run {run.number} was trained on: {error}"
        ) from None


class EstimatorDoor:
    """What ``Run`` asks of this room: estimators as of a moment, and further training."""

    def estimator(self, moment: "Moment") -> Any:
        """Fitted estimator as of a moment."""
        from retrograd.estimators import rebuilding

        run, state = moment.run, moment.state()
        if is_notebooks(run):
            return rebuild_notebooks(run, state.theta)
        return rebuilding.as_of(run, state, moment.step)[0]

    def result(self, run: "Run") -> Any:
        """Fitted estimator as ``fit`` has left it."""
        from retrograd.estimators import rebuilding

        if is_notebooks(run):
            return self.estimator(run[-1])
        state = run.replay.state(len(run))
        model, stopping, _ = rebuilding.as_of(run, state, len(run))
        rebuilding.keep_best(run, stopping, state)
        stopping.restore_best(state)
        if run.status == "diverged" and stopping.has_best:
            stopping.note_divergence()
            state.forget()
        return model

    def resume(self, run: "Run") -> Any:
        """Go on with a run that was broken off, in its own file, to its end."""
        from retrograd.rewind.store import RunFileError

        run.refresh()
        if run.status == "diverged":
            raise RunFileError(
                f"run {run.number} of {run.store.name} diverged at step {len(run)} ({run.note}): "
                "there is nothing to resume; train on otherwise with run.branch(at=..., ...)"
            )
        if run.status == "ended":
            return self.result(run)
        if is_notebooks(run):
            resume_notebooks(run, lambda state: self._recording(run, state))
            run.refresh()
            return self.estimator(run[-1])
        return self._resume_estimator(run)

    def _resume_estimator(self, run: "Run") -> Any:
        from retrograd.engine.trainer import Trainer
        from retrograd.estimators import rebuilding
        from retrograd.estimators.fitting import Training

        course, header = run.replay.course, run.header
        # An epoch's mean loss needs all of its steps: the one that was broken off is taken again.
        step = course.begin_of(course.first_epoch + len(run.epochs))
        state = run.replay.state(step)
        model, stopping, stopped = rebuilding.as_of(run, state, step)
        rebuilding.keep_best(run, stopping, state)
        trainer = Trainer(header.network, header.optimizer, run.data, course.batch_size, state)
        test = rebuilding.rows_kept(run, "validation")
        training = Training(model, trainer, course, stopping, test)
        training.recordings = [self._recording(run, state)]
        told = training.run(0 if stopped else model.max_iter - model.n_iter_, may_end=stopped)
        run.refresh()
        for warning in told:
            warn(warning)
        return model

    def _recording(self, run: "Run", state: Any) -> Any:
        """Recording that goes on in a run."""
        from retrograd.rewind.recording import Recording

        kept = bool(run.header.data["kept"])
        return Recording(run.store, run.header, run.data, {}, state, kept, number=run.number)

    def branch(self, run: "Run", step: int, changes: dict, edit: Any = None) -> "Run":
        """Train on from a moment, otherwise, as a run of its own."""
        from retrograd.estimators import branching

        return branching.branch(run, step, changes, edit)
