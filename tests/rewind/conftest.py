"""What the tests of this room share: their recorded trainings, and a file of them to spoil."""

import sys
from pathlib import Path

import pytest

from walks import CASES

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def whole(tmp_path_factory) -> tuple[bytes, list]:
    """A file of three runs, and all that is in it."""
    from small_runs import contents, record_all

    path = record_all(tmp_path_factory.mktemp("runs") / "whole.retro")
    return path.read_bytes(), contents(path)


@pytest.fixture
def path(tmp_path, whole) -> Path:
    """A copy of it, to damage or to forge."""
    path = tmp_path / "some.retro"
    path.write_bytes(whole[0])
    return path


@pytest.fixture(params=CASES, scope="module")
def trace(request):
    """Each of the cases of the walk."""
    return CASES[request.param]()
