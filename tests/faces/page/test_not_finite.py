"""A run that diverged: what is not finite is seen, and told, where it is."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from retrograd.engine.divergence import DivergenceError
from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.regressor import MLPRegressor
from retrograd.estimators.rewinding import open_run, open_runs
from retrograd.faces.page.answers.table import ANSWERS
from retrograd.faces.page.viewer import Viewer

# Whether every bar is within its column.
WITHIN = """
(bars) => bars.every((bar) => {
  const [mine, column] = [bar, bar.parentElement].map((one) => one.getBoundingClientRect());
  return mine.left >= column.left - 1 && mine.right <= column.right + 1;
})
"""


@pytest.fixture(scope="module")
def diverged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose weights are some 1e158 after its first step, and whose second diverges."""
    path = tmp_path_factory.mktemp("diverged") / "diverged.retro"
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 4)) * 1e3
    model = MLPRegressor(
        hidden_layer_sizes=(30,), solver="sgd", learning_rate_init=1e150, random_state=0
    )
    with pytest.raises(DivergenceError):
        model.set_callbacks(Recorder(path)).fit(X, X @ [1, 2, 3, 4] * 1e3)
    return path


def test_why_names_the_rows_that_carry_it(
    serve: Callable, browse: Callable, diverged: Path
) -> None:
    """With a word where a bar would have no end; the others are drawn within their column."""
    page = browse(serve(diverged), "step=1&layer=0&unit=2&from=1")
    lines = page.locator(".why .shares tbody tr")
    expect(lines.first).to_contain_text("not finite")
    rows = open_run(diverged).why(0, 1, 2, step=1).rows[:10]
    expect(page.locator(".why [data-row]")).to_have_text([f"row {row}" for row in rows])
    bars = page.locator(".why .scale i")
    expect(bars).to_have_count(2)  # of momentum and penalty
    assert bars.evaluate_all(WITHIN)


def test_units_whose_weights_are_huge_have_bars(
    serve: Callable, browse: Callable, diverged: Path
) -> None:
    """Of the right height, even where the squares of their weights overflow."""
    page = browse(serve(diverged), "step=1")
    bars = page.locator(".network .strip").first.locator(".bar")
    expect(bars).to_have_count(30)
    lengths = np.linalg.norm(open_run(diverged).at(1).coefs[0] / 1e150, axis=0)
    found = bars.evaluate_all("(all) => all.map((one) => Number(one.getAttribute('height')))")
    np.testing.assert_allclose(found, 2 + 28 * lengths / lengths.max())


def test_residuals_that_cannot_be_drawn_are_told(
    serve: Callable, browse: Callable, diverged: Path
) -> None:
    """How many predictions are not finite, and of how many."""
    page = browse(serve(diverged), "step=1&tab=residuals")
    said = page.locator(".outcome .said")
    expect(said).to_have_text("not finite: 100 of 100 predictions")
    page.keyboard.press("Home")
    expect(said).to_contain_text("on the line predictions are right")
    expect(said).not_to_contain_text("not finite")


def test_a_difference_of_huge_weights_has_a_norm(diverged: Path) -> None:
    """Though the squares of its entries overflow."""
    asked = {"run": 1, "step": 1, "other": 1, "other_step": 0, "on": "training", "patient": False}
    layers = Viewer(open_runs(diverged), ANSWERS).answer("compare", asked)["layers"]
    run = open_run(diverged)
    for layer, now, before in zip(layers, run.at(1).coefs, run.at(0).coefs, strict=True):
        norm = np.linalg.norm((now - before) / 1e150) * 1e150
        assert layer["norm"] == pytest.approx(norm, rel=1e-12)


@pytest.mark.filterwarnings("ignore")  # the branch diverges
def test_rows_whose_loss_is_nan_are_the_worst() -> None:
    """Of those of a cell of the confusion matrix, as of all."""
    recorder, X = Recorder(), np.linspace(-1.0, 1.0, 20)[:, None]
    model = MLPClassifier((2,), max_iter=1, random_state=0)
    model.set_callbacks(recorder).fit(X, np.arange(20) % 3)
    viewer = Viewer(open_runs(recorder), ANSWERS)
    # Where x is positive, infinity less infinity; elsewhere nothing but the bias.
    edit = {"coefs[0]": 1e200, "coefs[1][0, 0]": 1e200, "coefs[1][1, 0]": -1e200,
            "intercepts[1][0]": 9.0}  # fmt: skip
    viewer.run(1).branch(at=0, edit=edit)
    asked = {"run": 2, "step": 0, "on": "training", "patient": False}
    worst = viewer.answer("outcome", asked | {"tab": "worst", "f0": 0, "f1": 1, "target": 0})
    assert np.isnan(worst["worst"]["loss"][:10]).all()
    cell = viewer.answer("confused", asked | {"true": 1, "predicted": 0})
    assert cell["rows"].tolist() == [10, 13, 16, 19, 1, 4, 7]
    assert np.isnan(cell["loss"]).tolist() == [True] * 4 + [False] * 3
