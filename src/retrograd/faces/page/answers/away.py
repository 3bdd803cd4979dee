"""What can be taken away: the training's code, a step as a notebook, a model as a file."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from retrograd.faces.code import code_of
from retrograd.faces.models import save_model
from retrograd.faces.page.viewer import QuestionError, Viewer
from retrograd.faces.table_runs import whole_model


def code(viewer: Viewer, run: int) -> dict:
    """Give Python that makes a run's training: its ``text``, and a ``name`` for a file.

    Raises
    ------
    RunFileError
        If a parameter of the run's cannot be written as code.
    """
    found = viewer.run(run)
    text = code_of(found, viewer.runs, viewer.source_of(found))
    return {"name": f"{_stem(viewer)}.py", "text": text}


def notebook(viewer: Viewer, run: int, step: int) -> dict:
    """Give the step from a moment as a notebook that computes it anew: ``name`` and ``bytes``.

    Raises
    ------
    QuestionError
        If no step was taken from the moment.
    """
    if not viewer.has_step(run, step):
        raise QuestionError("no step was taken from here: a notebook is of the step before")
    name = f"{_stem(viewer)}-run{run}-step{step}.ipynb"
    return _as_bytes(name, viewer.moment(run, step).trace().to_notebook)


def model_file(viewer: Viewer, run: int, step: int) -> dict:
    """Give the estimator as of a moment as a safetensors file: ``name`` and ``bytes``.

    That of a run on a table takes tables, as ``retrograd train`` would have saved it.

    Raises
    ------
    ModelFileError
        If it has a part that a file cannot hold.
    RunFileError
        If the run says of its table what cannot be.
    """
    moment = viewer.moment(run, step)
    model, about = whole_model(moment.run, moment.estimator())
    facts = about | {"run": run, "step": step}
    name = f"{_stem(viewer)}-run{run}-step{step}.safetensors"
    return _as_bytes(name, lambda path: save_model(model, path, facts=facts))


def _stem(viewer: Viewer) -> str:
    """Name of the file of runs, without its ending."""
    path = viewer.runs.store.path
    return "training" if path is None else Path(path).stem


def _as_bytes(name: str, write: Callable[[Path], None]) -> dict:
    """Bytes of what a function writes to a path."""
    with tempfile.TemporaryDirectory(prefix="retrograd-") as folder:
        path = Path(folder) / "file"
        write(path)
        return {"name": name, "bytes": np.frombuffer(path.read_bytes(), np.uint8)}
