"""What all tests share: the path to the oracle, and the mark of tests for compiled kernels only."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# The oracle and the problems stand beside the rooms' folders, and every room imports them.
sys.path.insert(0, str(Path(__file__).parent))

# The same examples every time: a suite that fails now and then is one that nobody believes.
settings.register_profile("retrograd", deadline=None, derandomize=True, database=None)
settings.load_profile("retrograd")

# A shell's background jobs ignore Ctrl-C, and so would all that the tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

INTERPRETED = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


@pytest.fixture(autouse=True, scope="session")
def calm_machine() -> Iterator[None]:
    """As many workers on a busy machine as on an idle one: tests ask how many there are."""
    from retrograd.engine import threads

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threads, "_is_busy", lambda: False)
        yield


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks, since unknown ones are errors."""
    config.addinivalue_line(
        "markers", "compiled: too slow for interpreted kernels, or about compilation itself"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is for compiled kernels when they are interpreted."""
    if not INTERPRETED:
        return
    skip = pytest.mark.skip(reason="for compiled kernels only")
    for item in items:
        if "compiled" in item.keywords:
            item.add_marker(skip)
