"""Where the reader's own few colours replace ours: what is data, and what is chosen, is seen."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect


@pytest.fixture
def browser_options() -> dict:
    """A contrast theme of the system's, in which the reader had chosen our dark one."""
    return {"forced_colors": "active", "color_scheme": "light"}


def colours(parts: Locator, name: str) -> list[str]:
    """How elements are coloured."""
    return parts.evaluate_all(f"(all) => all.map((one) => getComputedStyle(one).{name})")


def test_data_and_choices_are_told_apart(
    serve: Callable, browse: Callable, recorded: dict[str, Path]
) -> None:
    """Curves, classes, shares and inputs have their colours, what is pressed a selection's."""
    page = browse(serve(recorded["spiral"]), "step=5&layer=0&unit=2&tab=surface&theme=dark")
    expect(page.locator(".why .scale i").first).to_be_visible()
    expect(page.locator(".legend i").first).to_be_visible()
    swatches = colours(page.locator(".chip i"), "backgroundColor")
    assert len({*swatches}) == len(swatches)
    assert len({*colours(page.locator(".legend i"), "backgroundColor")}) == 2
    ground = colours(page.locator(".why"), "backgroundColor")
    assert not {*ground} & {*colours(page.locator(".why .scale i"), "backgroundColor")}
    pressed, others = (
        {*colours(page.locator(f".chip[aria-pressed={on}]:visible"), "backgroundColor")}
        for on in ("true", "false")
    )
    assert len(pressed) == len(others) == 1
    assert pressed != others
    # As on light ground, for theirs is.
    assert {*colours(page.locator(".unit:not([data-unit]) .disc"), "fill")} == {
        "rgb(255, 255, 255)"
    }


def test_a_chosen_row_is_seen(serve: Callable, browse: Callable, recorded: dict[str, Path]) -> None:
    """In a list of rows, and in the matrix of confusions its cell keeps its shade."""
    page = browse(serve(recorded["spiral"]), "step=5&tab=worst")
    first = page.locator(".outcome .rows button").first
    first.click()
    expect(page).to_have_url(re.compile("row="))
    lines = page.locator(".outcome .rows tbody tr")
    assert len({*colours(lines, "backgroundColor")}) == 2
    page.get_by_role("button", name="confusion").click()
    expect(page.locator(".matrix .right")).to_have_count(2)
    shades = colours(page.locator(".matrix .cell"), "backgroundColor")
    assert len({*shades}) > 1
