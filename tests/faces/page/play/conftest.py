"""The playground that the tests of a file share, and a page of it."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from retrograd.faces.page.answers.playing import PLAY_ANSWERS
from retrograd.faces.page.playground import Playground
from retrograd.faces.page.playing import begin
from retrograd.faces.page.settings import START

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Playground, str]]:
    """One for the file: the process that trains takes a while to start."""
    from panel import served

    viewer = Playground(tmp_path_factory.mktemp("play") / "play.retro", PLAY_ANSWERS)
    begin(viewer, None)
    with served(viewer) as address:
        yield viewer, address


@pytest.fixture
def viewer(played: tuple[Playground, str]) -> Playground:
    """The playground, as it was set at first."""
    from panel import settled

    settled(played[0])
    played[0].trainings.set_pace(0.0)
    played[0].settings = dict(START)
    return played[0]


@pytest.fixture
def page(viewer: Playground, played: tuple[Playground, str], browse: Callable) -> Page:
    """A page of it."""
    return browse(played[1])
