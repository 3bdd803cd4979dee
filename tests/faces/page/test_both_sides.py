"""What the page's scripts have to know as the answers do, they know alike."""

import re

from retrograd.faces.page.answers.find import MOST_HITS
from retrograd.faces.page.answers.outcome import TABS
from retrograd.faces.page.answers.surface import COLOURS
from retrograd.faces.page.joined import STATIC


def constant(script: str, name: str) -> str:
    """What a script gives a constant, as it is written there."""
    found = re.search(
        rf"^const {name} = (.*?);$", (STATIC / script).read_text("utf-8"), re.M | re.S
    )
    assert found, f"{script} has no {name}"
    return found[1]


def test_every_part_of_the_outcome_has_a_title() -> None:
    assert re.findall(r"(\w+):", constant("outcome.js", "TITLES")) == list(TABS)


def test_as_many_moments_are_marked_as_are_found() -> None:
    assert int(constant("find.js", "MOST_MARKS")) == MOST_HITS


def test_classes_have_as_many_colours_as_are_mixed() -> None:
    assert len(re.findall(r'"#\w{6}"', constant("colours.js", "CLASSES"))) == COLOURS
