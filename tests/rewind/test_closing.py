"""A run lets go of its file when it is told to, and what then needs the file says so."""

import os
from pathlib import Path

import numpy as np
import pytest

from retrograd.estimators.notebook import MLP
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.rewinding import open_run, open_runs
from retrograd.rewind.store import RunFileError

X, Y = np.array([[-1.0], [1.0]]), [0, 1]


@pytest.fixture
def path(tmp_path):
    """Record a training of 6 steps; the file."""
    MLP(epochs=3).fit(X, Y, Recorder(tmp_path / "r.retro"))
    return tmp_path / "r.retro"


def is_held(path: Path) -> bool:
    """Whether this process has a file open."""
    handles = Path("/proc/self/fd")
    if not handles.is_dir():
        pytest.skip("no list of open files")
    links = [handle for handle in handles.iterdir() if handle.is_symlink()]
    return any(os.path.realpath(link) == str(path.resolve()) for link in links)


@pytest.mark.parametrize("opening", [open_run, open_runs])
def test_the_file_is_held_until_it_is_closed(path, opening):
    with opening(path) as opened:
        assert is_held(path)
    assert not is_held(path)
    opened.close()  # once more is no harm
    opened = opening(path)
    opened.close()
    assert not is_held(path)


def test_it_is_closed_by_an_error_too(path):
    with pytest.raises(KeyError), open_run(path):
        raise KeyError
    assert not is_held(path)


def test_all_that_came_of_it_is_closed(path):
    with open_runs(path) as runs:
        run = runs[0]
        moment, seen = run.at(3), run.at(2)
        coefs = seen.coefs
        branch = run.branch(at=4, lr=0.5)
    for use in (
        lambda: moment.coefs, lambda: run.at(1).trace(), lambda: run.watch("loss"), run.verify,
        run.refresh, lambda: run.branch(at=1, lr=0.1), branch.verify, lambda: runs[0],
    ):  # fmt: skip
        with pytest.raises(RunFileError, match=r"^r\.retro was closed$"):
            use()
    # What was at hand stays so.
    assert np.array_equal(seen.coefs[0], coefs[0])
    assert len(run) == 6
    assert open_run(path, 1).verify() is None


def test_a_recorder_without_a_file_keeps_its_runs():
    recorder = Recorder()
    MLP(epochs=3).fit(X, Y, recorder)
    with open_run(recorder) as run:
        pass
    assert run.verify() is None
    assert len(open_runs(recorder)) == 1
