"""Short names: they differ where the names do, and fit the room they get."""

import re
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.recorder import Recorder

SHORT = """
async ([names, width]) => {
  const here = document.querySelector("script[type=module]").src;
  const { shortNames } = await import(new URL("names.js", here));
  const root = document.querySelector(".retrograd");
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.font = `11px ${getComputedStyle(root).fontFamily}`;
  const short = shortNames(root, names, width);
  return { short, widest: Math.max(0, ...short.map((name) => context.measureText(name).width)) };
}
"""
DATES = [f"date.{part}.{way}" for part in ("month", "day", "weekday") for way in ("sin", "cos")]
DOZEN = sorted(f"class {k} of the dozen" for k in range(12))
IRIS = ["Iris-setosa", "Iris-versicolor", "Iris-virginica"]


def fit(path: Path, X: np.ndarray, y: np.ndarray, names: list[str]) -> Path:
    """Record a short training of columns that have names."""
    import polars as pl

    model = MLPClassifier((4,), max_iter=2, batch_size=30, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.set_callbacks(Recorder(path)).fit(pl.DataFrame(X, schema=names), y)
    return path


@pytest.fixture
def page(serve: Callable, browse: Callable, recorded: dict[str, Path]) -> Page:
    """Any page that has the modules."""
    return browse(serve(recorded["spiral"]))


@pytest.mark.parametrize(
    ("names", "width"),
    [
        (DOZEN, 30), (DOZEN, 62), (IRIS, 18), (IRIS, 60), (["amount", "date.year", *DATES], 62),
        ([f"comp.sys.group{k}" for k in range(20)], 30), (["class 1", "class 10", "class 11"], 30),
        ([f"{head}{'a' * 40}{tail}" for head in "xy" for tail in "xy"], 40),
        ([f"{'a' * 20}{one}{'a' * 20}{two}{'a' * 20}" for one in "xy" for two in "xy"], 40),
        (["alone, and yet much too long"], 40), (["twice", "twice"], 30), (["", "a"], 30), ([], 30),
    ],
)  # fmt: skip
def test_they_differ_and_fit(page: Page, names: list[str], width: int) -> None:
    """Wherever they do so whole: at the beginning, the end, or somewhere between."""
    told = page.evaluate(SHORT, [names, width])
    assert len(told["short"]) == len(names)
    assert len(set(told["short"])) == len(set(names))
    assert told["widest"] <= width


def test_names_of_any_length_are_soon_cut(page: Page) -> None:
    """Each is measured some thousand times at most: the page stood still for minutes."""
    counted = """([names, width]) => {
      const measure = OffscreenCanvasRenderingContext2D.prototype.measureText;
      let times = 0;
      OffscreenCanvasRenderingContext2D.prototype.measureText = function (text) {
        times += 1;
        return measure.call(this, text);
      };
      return (SHORT)([names, width]).then(({ short }) => {
        OffscreenCanvasRenderingContext2D.prototype.measureText = measure;
        return { short, times };
      });
    }""".replace("SHORT", SHORT.strip())
    names = [f"{'a' * 1000}{one}{'a' * 1000}" for one in "xyz"]
    told = page.evaluate(counted, [names, 62])
    assert len(set(told["short"])) == 3
    assert told["times"] < 3 * 3000


def test_points_alone_tell_nothing_apart(page: Page) -> None:
    """Unless the names themselves differ by no more."""
    short = page.evaluate(SHORT, [["amount", "date.year", *DATES], 62])["short"]
    assert len({re.sub(r"\W+", "", name) for name in short}) == 8
    assert page.evaluate(SHORT, [["a+", "a-", "a"], 62])["short"] == ["a+", "a-", "a"]


def test_what_is_left_of_them(page: Page) -> None:
    """Whole if there is room, or else what tells them apart."""
    assert page.evaluate(SHORT, [IRIS, 100])["short"] == IRIS
    assert page.evaluate(SHORT, [DOZEN, 20])["short"] == sorted(str(k) for k in range(12))
    group = [f"comp.sys.group{k}" for k in (0, 1, 10)]
    assert page.evaluate(SHORT, [group, 30])["short"] == ["…0", "…1", "…10"]


def test_of_classes(serve: Callable, browse: Callable, tmp_path: Path) -> None:
    """In the headings of a matrix, where none is cut, and below a row's bars."""
    X = np.random.default_rng(0).normal(size=(120, 3))
    path = fit(tmp_path / "dozen.retro", X, np.array(DOZEN)[np.arange(120) % 12], ["a", "b", "c"])
    page = browse(serve(path), "tab=confusion&row=5")
    expect(page.locator(".bars li")).to_have_count(12)
    headings = page.locator(".matrix th")
    expect(headings).to_have_count(24)
    texts = headings.all_text_contents()
    assert texts == 2 * sorted(str(k) for k in range(12))
    assert headings.evaluate_all("(all) => all.every((one) => one.scrollWidth <= one.clientWidth)")
    assert page.locator(".bars li").all_text_contents() == texts[:12]


def test_of_features(serve: Callable, browse: Callable, tmp_path: Path) -> None:
    """Beside the units of the network."""
    X = np.random.default_rng(0).normal(size=(60, 6))
    path = fit(tmp_path / "dates.retro", X, X[:, 0] > 0, DATES)
    page = browse(serve(path))
    expect(page.locator(".unit .name")).to_have_count(7)
    assert len({*page.locator(".unit .name").all_text_contents()}) == 7
