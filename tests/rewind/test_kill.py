"""Killed at any moment: the file opens, all up to the last commit is there, and it is resumed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.compiled
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked children")
def test_two_hundred_kills(tmp_path):
    """Trainings of six kinds, killed while they begin, train, commit, or are resumed.

    ``killing.py`` checks each file that is left: what a child has told to be committed is there,
    the run is the original's begin, and resumed it ends with the original's bits.
    """
    paths = os.pathsep.join([str(HERE), *sys.path])
    done = subprocess.run(
        [sys.executable, str(HERE / "killing.py"), str(tmp_path), "200", "0"],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["killed"] >= 200
    # It has been where it wanted to be; where exactly is a matter of chance.
    assert seen["amid a training"] > 50
    assert seen["with checkpoints"] > 50
    assert seen["killed while resumed"] > 20
    assert seen["resumed to the end"] > 50
