"""Contrast, measured in a browser: texts, fields and the focus, on light and on dark."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from retrograd.faces.page.answers.playing import PLAY_ANSWERS
from retrograd.faces.page.playground import Playground
from retrograd.faces.page.playing import begin

MEASURE = (Path(__file__).parent / "contrast.js").read_text()
THEMES = ("light", "dark")


def short_of(page: Page) -> list[str]:
    """What on the page is of less contrast than WCAG AA asks for."""
    found = []
    for kind, least in (("text", 50), ("controls", 5)):
        told = page.evaluate(MEASURE, kind)
        assert told["looked"] >= least
        found += told["found"]
    return found


def short_of_focus(page: Page) -> list[str]:
    """Where the focus is hard to see, whatever has it."""
    page.keyboard.press("Tab")
    told = page.evaluate(MEASURE, "focus")
    assert told["looked"] > 40
    return told["found"]


@pytest.mark.parametrize("theme", THEMES)
def test_of_a_view(
    serve: Callable, browse: Callable, recorded: dict[str, Path], tmp_path: Path, theme: str
) -> None:
    """With everything open: a link and why it moves, another moment, a branch, a search."""
    path = Path(shutil.copy(recorded["spiral"], tmp_path / "spiral.retro"))
    place = f"theme={theme}&step=200&otherStep=100&layer=1&from=3&unit=2&phase=update%5B1%5D"
    page = browse(serve(path), place)
    expect(page.locator(".compare .sides")).to_be_visible()
    expect(page.locator(".why .shares")).to_be_visible()
    page.locator(".moved summary").click()
    page.get_by_role("button", name="Branch here").click()
    page.get_by_label("learning_rate_init").fill("0.05")
    page.get_by_label("Weight or bias", exact=True).fill("coefs[9][0, 0]")
    expect(page.get_by_role("button", name="Branch", exact=True)).to_be_visible()
    found = short_of(page)
    found += short_of_focus(page)
    for tab in ("confusion", "calibration", "worst rows"):
        page.get_by_role("button", name=tab).click()
        expect(page.get_by_role("button", name=tab)).to_have_attribute("aria-pressed", "true")
        found += short_of(page)
    page.get_by_label("Find a moment: a condition (f)").fill("d")
    expect(page.get_by_role("option").filter(has_text="dW")).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option", selected=True).locator("code")).to_be_visible()
    found += short_of(page)
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page.locator(".find .wrong")).to_be_visible()
    found += short_of(page)
    page.get_by_role("button", name="Take away").click()
    expect(page.get_by_role("menu")).to_be_visible()
    found += short_of(page)
    page.get_by_role("menuitem", name="Code").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    found += short_of(page)
    assert not found, "\n".join(sorted(set(found)))


@pytest.mark.parametrize("theme", THEMES)
def test_of_a_wide_network(
    serve: Callable, browse: Callable, recorded: dict[str, Path], theme: str
) -> None:
    """Counts on coloured cells, the way of a row, dead units, the card beside the pointer."""
    page = browse(serve(recorded["digits"]), f"theme={theme}&step=40&row=11&phase=forward%5B0%5D")
    expect(page.locator(".inspector .facts-list")).to_be_visible()
    page.get_by_role("button", name="true 8, predicted 8").click()
    expect(page.locator(".of-cell .thumb").first).to_be_visible()
    found = short_of(page)
    found += short_of_focus(page)
    page.locator(".gallery canvas").hover(position={"x": 60, "y": 60})
    expect(page.locator(".hover-card")).to_be_visible()
    found += short_of(page)
    assert not found, "\n".join(sorted(set(found)))


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    """One that has trained what it opens with."""
    viewer = Playground(tmp_path_factory.mktemp("play") / "play.retro", PLAY_ANSWERS)
    begin(viewer, None)
    yield viewer
    viewer.close()


@pytest.mark.parametrize("theme", THEMES)
def test_of_the_playground(
    serve: Callable, browse: Callable, playground: Playground, theme: str
) -> None:
    """With all of its settings, one of them wrong."""
    page = browse(serve(playground), f"theme={theme}")
    build = page.locator(".build")
    expect(build.locator(".status")).to_contain_text("ended")
    build.get_by_role("button", name="More …", exact=True).click()
    for count, name in enumerate(("Rows", "Units of hidden layer 1"), start=1):
        build.get_by_label(name, exact=True).fill("0")
        build.get_by_label(name, exact=True).press("Enter")
        expect(build.locator(".wrong:not(:empty)")).to_have_count(count)
    found = short_of(page) + short_of_focus(page)
    assert not found, "\n".join(sorted(set(found)))
