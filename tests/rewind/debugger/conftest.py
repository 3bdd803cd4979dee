"""The small training that most sessions of these tests are about."""

import sys
from pathlib import Path

import pytest

from retrograd.estimators.rewinding import open_run
from retrograd.rewind.debugger.session import Session

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def recorder():
    from sessions import record

    return record()


@pytest.fixture
def session(recorder):
    return Session(open_run(recorder))
