"""Runs of many classes: what a page draws and says of them is no more than it needs."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from retrograd import open_run
from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.rewinding import open_runs
from retrograd.faces.page.answers.surface import COLOURS
from retrograd.faces.page.answers.table import ANSWERS
from retrograd.faces.page.viewer import Viewer
from retrograd.faces.page.wire import frame

CLASSES = 60
# A colour of the plane's upper right corner, and those of as many classes as there are colours.
PAINTED = """
async (n) => {
  const here = document.querySelector("script[type=module]").src;
  const { classColour } = await import(new URL("colours.js", here));
  const canvas = document.querySelector(".outcome .plane canvas");
  const { data } = canvas.getContext("2d").getImageData(canvas.width - 1, 0, 1, 1);
  const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const colours = Array.from({ length: n }, (_, k) => rgb(classColour(k)));
  return { pixel: [...data].slice(0, 3), colours };
}
"""


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 2 features and sixty classes, of 6 steps."""
    path = tmp_path_factory.mktemp("many") / "many.retro"
    X = np.random.default_rng(0).normal(size=(180, 2))
    y = np.array([f"class number {k}" for k in np.arange(180) % CLASSES])
    model = MLPClassifier((8,), max_iter=2, batch_size=60, learning_rate_init=0.1, random_state=0)
    with pytest.warns(Warning, match="Maximum iterations"):
        model.set_callbacks(Recorder(path)).fit(X, y)
    return path


def test_a_surface_is_as_small_as_what_is_drawn(many: Path) -> None:
    """It does not grow with the classes."""
    asked = {"run": 1, "step": 6, "tab": "surface", "on": "training", "f0": 0, "f1": 1}
    asked |= {"target": 0, "patient": False}
    found = Viewer(open_runs(many), ANSWERS).answer("outcome", asked)
    assert len(frame(found)) < 100_000


def test_a_page_in_one_file_keeps_its_moments(many: Path, tmp_path: Path) -> None:
    """All of a short run, in less than a third of what it may take."""
    run = open_run(many)
    run.to_html(tmp_path / "many.html", budget=1_500_000)
    kept = re.findall(r'data-answers="\d+"', (tmp_path / "many.html").read_text())
    assert len(kept) == len(run) + 1


def test_the_plane_says_and_shows_it(serve: Callable, browse: Callable, many: Path) -> None:
    """The likeliest class, to the last digit; the colours of all, mixed as probable as they are."""
    page = browse(serve(many), "step=6&tab=surface")
    model, X = open_run(many).at(6).estimator(), open_run(many).data.X
    plane = page.locator(".outcome .surface")
    plane.focus()
    page.keyboard.press("ArrowRight")
    given = model.predict_proba(X[:1])[0]
    expect(plane.locator(".said")).to_have_text(
        f"row 0 (class number 0): p({model.classes_[given.argmax()]}) = {given.max()}"
    )
    canvas = plane.locator("canvas")
    canvas.hover(position={"x": canvas.evaluate("(one) => one.clientWidth - 1"), "y": 1})
    high = X.max(axis=0) + 0.08 * np.ptp(X, axis=0)
    given = model.predict_proba([high])[0]
    said = plane.locator(".said").text_content() or ""
    assert f"p({model.classes_[given.argmax()]}) = " in said
    assert float(said.split("= ")[1]) == pytest.approx(given.max(), rel=1e-9)
    found = page.evaluate(PAINTED, CLASSES)
    mixed = 255 + 0.42 * (given @ np.array(found["colours"]) - 255)
    np.testing.assert_allclose(found["pixel"], mixed, atol=3)
    assert len({tuple(colour) for colour in found["colours"]}) == COLOURS


@pytest.mark.parametrize("width", [1280, 320])
def test_the_likeliest_classes_of_a_row(
    serve: Callable, browse: Callable, many: Path, width: int
) -> None:
    """Stand in its panel, with the true one, and what all others have."""
    page = browse(serve(many), "step=6&row=7")
    page.set_viewport_size({"width": width, "height": 800})
    bars = page.locator(".inspector .bars")
    expect(bars.locator("li")).to_have_count(12)
    model, X = open_run(many).at(6).estimator(), open_run(many).data.X
    given = model.predict_proba(X[[7]])[0]
    true = int(np.flatnonzero(model.classes_ == "class number 7")[0])
    ranked = [k for k in np.argsort(-given, kind="stable") if k != true]
    shown = sorted([true, *ranked[:11]])
    titles = bars.locator("li").evaluate_all("(all) => all.map((one) => one.title)")
    assert [title.split(" = ")[0] for title in titles] == [f"p({model.classes_[k]})" for k in shown]
    rest = re.findall(
        r"48 other classes have (\S+) in all", page.locator(".bars + .said").inner_text()
    )
    assert float(rest[0]) == pytest.approx(1 - given[shown].sum(), rel=0.01)
    assert bars.evaluate("(one) => one.scrollWidth <= one.clientWidth")
    panel = page.locator(".inspector")
    assert panel.evaluate("(one) => one.scrollWidth <= one.clientWidth")
