"""What the panel says of the data and the parameters, and how keys reach it."""

import re

from panel import field, last, press, settled
from playwright.sync_api import Page, expect

from retrograd.faces.page.playground import Playground


def test_how_the_data_were_made_can_be_read(page: Page) -> None:
    """Without a pointer, too, and on a phone: a key opens it, and another look leaves it open."""
    field(page, "Data").select_option("diabetes")
    words = page.locator(".build .words")
    expect(words.locator("summary")).to_have_text("442 rows, 10 features, regression")
    target = words.get_by_text("The target is standardised: mean 0, standard deviation 1")
    expect(target).to_be_hidden()
    page.get_by_role("button", name="Own table …").focus()
    page.keyboard.press("Tab")
    expect(words.locator("summary")).to_be_focused()
    page.keyboard.press("Enter")
    expect(target).to_be_visible()
    page.get_by_role("button", name="Light or dark").click()
    expect(target).to_be_visible()
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 740})
        box = target.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    field(page, "Data").select_option("circle")
    expect(words).to_have_text("")
    expect(words.locator("summary")).to_have_count(0)


# Names in the network that lie on a unit, or on another name.
COVERED = """() => {
  const boxes = (what) => [...document.querySelectorAll(`.network .unit ${what}`)].map(
    (one) => [one.textContent, one.getBoundingClientRect()]);
  const meet = (a, b) =>
    a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const names = boxes("text.name");
  return names.filter(([, box], k) => [...boxes("circle"), ...names.slice(k + 1)].some(
    ([, other]) => meet(box, other))).map(([name]) => name);
}"""


def test_penguins_by_their_species(page: Page, viewer: Playground) -> None:
    """With a validation score to end by; the units are named by the encoder, legibly."""
    field(page, "Data").select_option("penguins")
    expect(field(page, "Learn")).to_have_value("species")
    press(page, "More …")
    field(page, "Ends").select_option("score")
    field(page, "Validation share").fill("0.2")
    press(page, "Train")
    expect(page.locator(".head .facts")).to_contain_text("15 → 6 → 4 → 3")
    settled(viewer)
    run = last(viewer)
    assert run.header.course["n_rows"] == 275
    assert all(epoch.score is not None for epoch in run.epochs)
    expect(page.locator("[data-unit='2,2']")).to_have_attribute("aria-label", re.compile("Gentoo"))
    assert page.locator(".network .name").count() == 18
    assert page.evaluate(COVERED) == []


def test_keys_reach_it_all(page: Page, viewer: Playground) -> None:
    """The panel by Tab, units by the arrow keys, the space bar on a button is that button's."""
    field(page, "Units of hidden layer 0").press("ArrowUp")
    expect(field(page, "Units of hidden layer 0")).to_have_value("7")
    expect(field(page, "Units of hidden layer 0")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(field(page, "Units of hidden layer 0")).to_have_value("8")
    page.locator(".build").get_by_role("button", name="Train", exact=True).focus()
    page.keyboard.press("Space")
    expect(page.locator(".head .facts")).to_contain_text("2 → 8 → 4 → 1")


def test_the_same_words_in_both_forms(page: Page) -> None:
    """The panel's and the branch's; with the parameters' own names beside."""
    press(page, "More …")
    for words, name in [
        ("Learning rate", "learning_rate_init"), ("Regularization", "alpha: strength of the L2 "
         "penalty; with adamw, of the weights' decay"), ("Epochs", "max_iter"),
    ]:  # fmt: skip
        expect(field(page, words)).to_have_attribute("title", name)
    page.get_by_role("button", name="Branch here").click()
    expect(page.locator(".branching .fields label > span")).to_have_text([
        "Learning rate learning_rate_init", "Decay of the mean beta_1",
        "Decay of the squares beta_2", "Regularization alpha", "Epochs max_iter",
        "activation of layer 0", "activation of layer 1",
    ])  # fmt: skip
