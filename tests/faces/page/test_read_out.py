"""What a reader of screens is told: what is new, once, and nothing while the steps fly by."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect


@pytest.fixture
def page(serve: Callable, browse: Callable, recorded: dict[str, Path]) -> Page:
    """The spiral's run."""
    return browse(serve(recorded["spiral"]), "step=7")


def test_where_the_page_speaks(page: Page) -> None:
    """Is there before it speaks: what comes with its words is often not read out."""
    notice = page.locator(".notice")
    empty = notice.bounding_box()
    assert empty
    assert empty["height"] == 0
    told, wrong = notice.get_by_role("status"), notice.get_by_role("alert")
    expect(told).to_have_count(1)
    expect(wrong).to_have_count(1)
    expect(page.locator(".branch").get_by_role("status")).to_have_count(1)
    page.get_by_label("Find a moment: a condition (f)").focus()
    expect(page.locator(".find").get_by_role("status")).to_have_count(1)
    page.evaluate("location.hash = '#run=98&step=3'")
    expect(wrong).to_have_text("There is no run 98: this is run 1.")
    expect(told).to_have_text("")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Take away").click()
    page.get_by_role("menuitem", name="address").click()
    expect(told).to_contain_text("address of this place")
    expect(wrong).to_have_text("")


def test_a_run_that_plays(page: Page) -> None:
    """Says nothing, and where it has come to once it stops."""
    place, score = page.locator(".timeline .place"), page.locator(".outcome .score")
    slider = page.get_by_role("slider", name="Step of the training")
    page.get_by_label("Speed").select_option("20 steps/s")
    page.get_by_role("button", name="Play").click()
    expect(place).not_to_have_text("step 7 of 400")
    for region in (place, score):
        expect(region).to_have_attribute("aria-live", "off")
    expect(slider).to_have_attribute("aria-valuetext", "step 7 of 400")
    page.get_by_role("button", name="Pause").click()
    for region in (place, score):
        expect(region).to_have_attribute("aria-live", "polite")
    stopped = place.text_content()
    assert stopped != "step 7 of 400"
    expect(slider).to_have_attribute("aria-valuetext", str(stopped))


def test_a_step_is_told_once(page: Page) -> None:
    """By the slider, where that has the focus; and its score in words that are apart."""
    place = page.locator(".timeline .place")
    page.get_by_role("slider", name="Step of the training").press("ArrowRight")
    expect(place).to_have_text("step 8 of 400")
    expect(place).to_have_attribute("aria-live", "off")
    page.get_by_role("button", name="Step (→)").click()
    expect(place).to_have_text("step 9 of 400")
    expect(place).to_have_attribute("aria-live", "polite")
    expect(page.locator(".outcome .score")).to_contain_text(", mean loss")


def test_what_had_the_focus_and_is_gone(page: Page) -> None:
    """Leaves it to the page, whose keys go on working."""
    root = page.locator("#retrograd")
    page.keyboard.press("End")
    page.get_by_role("button", name="Show the last step").press("Enter")
    expect(page.locator(".timeline .place")).to_have_text("step 399 of 400")
    expect(root).to_be_focused()
    page.locator(".network .unit[role=button]").first.press("Enter")
    page.locator(".inspector .links button").first.press("Enter")
    expect(page.locator(".why .shares")).to_be_visible()
    expect(root).to_be_focused()
    page.get_by_role("button", name="Select no weight").press("Enter")
    expect(page.locator(".why")).to_be_hidden()
    expect(root).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".timeline .place")).to_have_text("step 398 of 400")


def test_headings_that_say_something(page: Page) -> None:
    """Of the page, and of every column of a table."""
    page.evaluate("location.hash = '#step=7&layer=1&unit=2&from=3'")
    expect(page.get_by_role("heading", level=1)).to_have_text("retrograd")
    titles = page.locator(".why thead th")
    expect(titles).to_have_text(["moved by", "as a bar", "share", "of the update"])
