"""By touch: a finger that taps is told the number that a pointer would be, and it stays."""

import re
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from retrograd.estimators.recorder import Recorder
from retrograd.estimators.regressor import MLPRegressor
from retrograd.estimators.rewinding import open_run
from retrograd.faces.page.answers.surface import grid_of


@pytest.fixture
def browser_options() -> dict:
    """A screen that is touched."""
    return {"has_touch": True, "is_mobile": True}


def told(output: Locator) -> float:
    """The number that is told of one place."""
    telling = re.compile(r"(?:[:=]|predicted) ([−\d.e-]+)")
    expect(output).to_have_text(telling)
    return float(telling.findall(output.text_content() or "")[-1].replace("−", "-"))


def tap(picture: Locator, x: float, y: float) -> None:
    """Tap at a share of its width, and of its height from below."""
    box = picture.bounding_box()
    assert box
    picture.tap(position={"x": x * box["width"], "y": (1 - y) * box["height"]})


def test_pictures_tell_where_they_are_tapped(
    serve: Callable, browse: Callable, recorded: dict[str, Path]
) -> None:
    """The surface between points and at one, and a matrix."""
    page = browse(serve(recorded["spiral"]), "step=100&layer=0&unit=3")
    run = open_run(recorded["spiral"])
    grid, model = grid_of(run, 0, 1), run.at(100).estimator()
    plane, said = page.locator(".outcome .plane canvas"), page.locator(".outcome .surface output")
    tap(plane, 0.99, 0.99)
    near = model.predict_proba(grid.data.X)[:, 1].reshape(grid.side, grid.side)[-3:, -3:]
    assert np.isclose(near, told(said), rtol=1e-12, atol=0).any()
    row = int(np.argmax(run.data.X[:, 0]))  # the outermost has none drawn above it
    tap(plane, *(float(grid.places(run, np.array([row]), axis)[0]) for axis in (0, 1)))
    expect(page.locator(".inspector h2")).to_have_text(f"row {row}")
    expect(said).to_contain_text(f"row {row} (")
    assert told(said) == model.predict_proba(run.data.X[[row]])[0, 1]

    heat = page.locator(".step .heat").first
    tap(heat.locator("canvas"), 0.01, 0.99)
    expect(heat.locator("output")).to_be_visible()
    batch = run.at(100).trace().rows
    assert told(heat.locator("output")) == run.data.X[batch[0], 0]


def test_what_a_unit_responds_to_and_what_was(
    serve: Callable, browse: Callable, recorded: dict[str, Path]
) -> None:
    """Tell where they are tapped; along a history a finger goes without scrolling the page."""
    page = browse(serve(recorded["spiral"]), "step=100&layer=0&unit=3")
    responds = page.locator(".responds .surface")
    tap(responds.locator("canvas"), 0.97, 0.97)
    run = open_run(recorded["spiral"])
    grid, moment = grid_of(run, 0, 1), run.at(100)
    a = np.tanh(grid.data.X @ moment.coefs[0][:, 3] + moment.intercepts[0][3])
    near = a.reshape(grid.side, grid.side)[-5:, -5:]
    assert np.isclose(near, told(responds.locator("output")), rtol=1e-12, atol=0).any()
    page.evaluate("location.hash = 'step=100&layer=0&from=1&unit=3'")
    past = page.get_by_role("img", name="coefs[0][1, 3] over the run").locator("canvas")
    expect(past).to_have_css("touch-action", "pan-y")
    said = past.evaluate(
        """(canvas) => {
          for (const name of ["pointerdown", "pointerup", "pointerleave"]) {
            canvas.dispatchEvent(new PointerEvent(name, { pointerType: "touch" }));
          }
          return canvas.parentElement.querySelector("output").textContent;
        }"""
    )
    assert said == f"step 0: {float(run.at(0).coefs[0][1, 3])!r}".replace("-", "−")


def test_a_residual_stays_told(serve: Callable, browse: Callable, tmp_path: Path) -> None:
    """Its row is selected, which draws the plot anew; by key one goes on from there."""
    X = np.random.default_rng(0).normal(size=(40, 2))
    model = MLPRegressor(hidden_layer_sizes=(3,), max_iter=2, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.set_callbacks(Recorder(tmp_path / "numbers.retro")).fit(X, X[:, 0])
    page = browse(serve(tmp_path / "numbers.retro"), "tab=residuals")
    given, y = model.predict(X), X[:, 0]
    both = np.r_[y, given]
    row, low, wide = int(y.argmax()), both.min() - 0.05 * np.ptp(both), 1.1 * np.ptp(both)
    tap(page.locator(".plane canvas"), *(float((one[row] - low) / wide) for one in (y, given)))
    expect(page.locator(".inspector h2")).to_have_text(f"row {row}")
    said = page.locator(".outcome .surface output")
    expect(said).to_contain_text(f"row {row}: true ")
    assert told(said) == given[row]
    page.locator(".outcome .surface").press("ArrowLeft")
    expect(said).to_contain_text(f"row {row - 1}: true ")
