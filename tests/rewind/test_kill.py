"""Killed at any moment: the file opens, all up to the last commit is there, and it is resumed."""

import json
import os
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.compiled
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked children")
def test_two_hundred_kills(tmp_path):
    """Trainings of eight kinds, killed while they begin, train, commit, or are resumed.

    ``killing.py`` checks each file that is left: what a child has told to be committed is there,
    the run is the original's begin, and resumed it ends with the original's bits.
    """
    paths = os.pathsep.join([str(HERE), *sys.path])
    seen: Counter = Counter()
    with ExitStack() as stack:
        halves = []
        for seed in ("0", "1"):
            folder = tmp_path / seed
            folder.mkdir()
            half = subprocess.Popen(
                [sys.executable, str(HERE / "killing.py"), str(folder), "100", seed],
                env={**os.environ, "PYTHONPATH": paths},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            halves.append(stack.enter_context(half))
        for half in halves:
            told, errors = half.communicate(timeout=600)
            assert half.returncode == 0, errors[-4000:]
            counts = json.loads(told.splitlines()[-1])
            del counts["seconds"]
            seen.update(counts)
    assert seen["killed"] >= 200
    # It has been where it wanted to be; where exactly is a matter of chance.
    assert seen["amid a training"] > 50
    assert seen["with checkpoints"] > 50
    assert seen["killed while resumed"] > 20
    assert seen["resumed to the end"] > 50
