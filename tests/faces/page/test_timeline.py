"""The timeline: any step by mouse and by key, and everything else follows."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.regressor import MLPRegressor
from retrograd.estimators.rewinding import open_run


@pytest.fixture
def page(serve: Callable, browse: Callable, recorded: dict[str, Path]) -> Page:
    """The spiral's run, as it opens."""
    return browse(serve(recorded["spiral"]))


def test_it_opens_at_the_end(page: Page) -> None:
    """With all steps there to go to."""
    slider = page.get_by_role("slider", name="Step of the training")
    expect(slider).to_have_attribute("aria-valuetext", "step 400 of 400")


@pytest.mark.parametrize(
    ("key", "step"),
    [("ArrowLeft", 199), ("ArrowRight", 201), ("Shift+ArrowRight", 210), ("Home", 0), ("End", 400)],
)
def test_keys(serve: Callable, browse: Callable, recorded: dict, key: str, step: int) -> None:
    """Wherever no field has the focus."""
    page = browse(serve(recorded["spiral"]), "step=200")
    page.keyboard.press(key)
    expect(page.locator(".timeline .place")).to_have_text(f"step {step} of 400")


def test_dragging_moves_the_network(page: Page, recorded: dict[str, Path]) -> None:
    """What the network shows is the replayed moment's, to the last digit."""
    box = page.locator(".slider").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] - 10, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60, steps=8)
    page.mouse.up()
    expect(page.locator(".timeline .place")).to_have_text("step 200 of 400")
    weight = open_run(recorded["spiral"]).at(200).coefs[1][3, 2]
    link = page.locator('[data-link="1,3,2"] title')
    expect(link).to_have_text(f"coefs[1][3, 2] = {weight}".replace("-", "−"))


def test_the_address_is_the_place(page: Page, serve: Callable, browse: Callable) -> None:
    """A link leads where its sender was."""
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".timeline .place")).to_have_text("step 1 of 400")
    expect(page).to_have_url(re.compile(r"step=1\b"))
    page.reload()
    expect(page.locator(".timeline .place")).to_have_text("step 1 of 400")


# All that a reader sees, but for what canvases show.
SEEN = """() => [
  document.body.innerText,
  document.querySelector("#retrograd").dataset.theme,
  [...new URLSearchParams(location.hash.slice(1))].map(String).sort(),
  ...Array.from(document.querySelectorAll("input, select"), (field) => field.value),
]"""


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_another_address_is_another_place(
    serve: Callable, browse: Callable, recorded: dict, tmp_path: Path
) -> None:
    """It leads where it would lead on a fresh page: nothing is left of where we were."""
    path = Path(shutil.copy(recorded["spiral"], tmp_path / "spiral.retro"))
    open_run(path).branch(100, learning_rate_init=0.05)
    address = serve(path)
    page = browse(
        address,
        "run=1&step=123&layer=1&unit=2&theme=dark&curve=learning_rate&find=loss+%3C+1&otherStep=9",
    )
    expect(page.locator(".inspector")).to_be_visible()
    for place in ("run=1&step=123", "step=7&theme=light", "run=9", ""):
        page.evaluate("place => { location.hash = place; }", place)
        fresh = browse(address, place)
        for _ in range(300):
            if page.evaluate(SEEN) == fresh.evaluate(SEEN):
                break
            page.wait_for_timeout(100)
        assert page.evaluate(SEEN) == fresh.evaluate(SEEN)
        fresh.close()
    expect(page.locator(".timeline .place")).to_have_text("step 300 of 300")


def test_the_exact_loss_under_the_pointer(page: Page, recorded: dict[str, Path]) -> None:
    """Not the nearest one that was kept."""
    box = page.locator(".slider").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    loss = open_run(recorded["spiral"]).at(200).loss
    expect(page.locator(".tip")).to_contain_text(f"loss {loss!r}")


@pytest.mark.parametrize(
    ("loss", "kind"), [("huber", "D²"), ("squared_error", "R²"), (None, "accuracy")]
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_validation_score_is_called_what_it_is(
    serve: Callable, browse: Callable, tmp_path: Path, loss: str | None, kind: str
) -> None:
    """The outcome's score of the same rows may be another one."""
    X = np.random.default_rng(0).normal(size=(60, 2))
    settings: dict = {"max_iter": 3, "early_stopping": True, "random_state": 0}
    model = MLPRegressor(loss=loss, **settings) if loss else MLPClassifier(**settings)
    model.set_callbacks(Recorder(tmp_path / "scored.retro"))
    model.fit(X, X[:, 0] if loss else X[:, 0] > 0)
    page = browse(serve(tmp_path / "scored.retro"))
    chip = page.get_by_role("button", name=kind, exact=True)
    expect(chip).to_be_visible()
    expect(chip).to_have_attribute("title", re.compile("validation rows"))
    box = page.locator(".slider").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] - 10, box["y"] + 40)
    expect(page.locator(".tip")).to_contain_text(f"validation {kind} ")


def test_playing_comes_to_the_end(serve: Callable, browse: Callable, recorded: dict) -> None:
    """And stops there."""
    page = browse(serve(recorded["spiral"]), "step=380")
    page.get_by_label("Speed").select_option("20 steps/s")
    page.get_by_role("button", name="Play").click()
    expect(page.locator(".timeline .place")).to_have_text("step 400 of 400")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
