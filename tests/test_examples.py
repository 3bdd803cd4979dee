"""The examples run as they stand, and print what they are about."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from retrograd import open_run
from retrograd.faces.page.datasets import PENGUINS

EXAMPLES = Path(__file__).parents[1] / "examples"


def printed(name: str, folder: Path) -> str:
    """What an example prints in ASCII, run in a folder of its own: pipes have odd encodings."""
    command = [sys.executable, str(EXAMPLES / name)]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_the_walk_has_the_seeds_numbers(tmp_path) -> None:
    """Those that the learner printed, rounded as the walk rounds."""
    text = printed("walk.py", tmp_path)
    for line in (
        "[ -1.430185  -0.046363 ]",  # z1
        "[ 0.864659 ]",  # y_pred, and the error
        "[ 0.864659  -1.236622  -0.040088 ]",  # dW2
        "[ -0.155932  0.338868 ]",  # d_hidden
        "|  0.338868   0.338868   1.016605 |",  # dW1
    ):
        assert line in text
    assert len((EXAMPLES / "walk.py").read_text().splitlines()) <= 14


@pytest.mark.compiled
def test_the_diverging_run_can_be_mended(tmp_path) -> None:
    """It is recorded up to the step that diverged; a branch from its start does not."""
    text = printed("diverging.py", tmp_path)
    assert "NaN or infinity was first seen at step 7" in text
    run = open_run(tmp_path / "diverging.retro")
    assert run.status == "diverged"
    losses = run.watch("loss").values
    assert np.isinf(losses[-1])
    assert run.first("loss > 1e6").step == 3
    mended = run.branch(at=0, learning_rate_init=0.001)
    assert mended.status == "ended"
    assert mended.epochs[-1].loss < 2000 < losses[0]


def test_the_penguins_are_the_pages() -> None:
    """A copy, since links are not made everywhere."""
    ours = EXAMPLES / "penguins.csv"
    assert not ours.is_symlink()
    assert ours.read_bytes() == PENGUINS.read_bytes()
