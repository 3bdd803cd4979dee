"""The outcome: what a moment predicts, as its estimator does, in the browser and in the answers."""

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from playwright.sync_api import Page, expect

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.regressor import MLPRegressor
from retrograd.estimators.rewinding import open_run, open_runs
from retrograd.faces.page.answers import rows as rows_module
from retrograd.faces.page.answers.rows import data_of
from retrograd.faces.page.answers.surface import grid_of
from retrograd.faces.page.answers.table import ANSWERS
from retrograd.faces.page.viewer import Viewer

DEFAULTS = {"on": "training", "f0": 0, "f1": 1, "target": 0, "patient": False}


def number(text: str | None) -> float:
    """Number that is written on the page."""
    assert text is not None
    return float(text.replace("−", "-"))


def record(path: Path, model: Any, X: Any, y: Any) -> Path:
    """Record a short training."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.set_callbacks(Recorder(path)).fit(X, y)
    return path


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Runs of other kinds: 'numbers' (two targets), 'sparse', 'labels', 'three' classes."""
    folder, rng = tmp_path_factory.mktemp("others"), np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    settings: dict[str, Any] = {"max_iter": 4, "batch_size": 20, "random_state": 0}
    three = np.array(["ant", "bee", "cat"])[np.digitize(X[:, 0], [-0.5, 0.5])]
    sparse = scipy.sparse.csr_array(np.where(rng.random((60, 30)) < 0.1, 1.0, 0.0))
    files = {name: folder / f"{name}.retro" for name in ("numbers", "sparse", "labels", "three")}
    record(
        files["numbers"],
        MLPRegressor(hidden_layer_sizes=(5,), **settings),
        X,
        np.c_[X[:, 0], X[:, 1] * 2],
    )
    record(files["sparse"], MLPClassifier((5,), **settings), sparse, three)
    record(files["labels"], MLPClassifier((5,), **settings), X, (X[:, :3] > 0).astype(int))
    record(files["three"], MLPClassifier((5,), **settings), X, three)
    return files


def ask(path: Path, tab: str, step: int, **more: Any) -> dict:
    """Ask a viewer of its own for the outcome."""
    viewer = Viewer(open_runs(path), ANSWERS)
    return viewer.answer("outcome", {"run": 1, "step": step, "tab": tab, **DEFAULTS, **more})


def point_at(page: Page, path: Path, row: int) -> tuple[float, float]:
    """Where a row of two features is drawn."""
    run = open_run(path)
    grid = grid_of(run, 0, 1)
    box = page.locator(".outcome .plane canvas").bounding_box()
    assert box
    x, y = (
        (value - low) / (high - low)
        for value, low, high in zip(run.data.X[row], grid.low, grid.high, strict=True)
    )
    return box["x"] + x * box["width"], box["y"] + (1 - y) * box["height"]


def test_a_point_tells_its_prediction_and_selects_its_row(
    serve: Callable, browse: Callable, recorded: dict[str, Path]
) -> None:
    """To the last digit, as the estimator of that moment predicts."""
    page = browse(serve(recorded["spiral"]), "step=300")
    expect(page.locator(".outcome .surface")).to_be_visible()
    run = open_run(recorded["spiral"])
    row = int(np.argmax(run.data.X[:, 0]))  # the outermost has none drawn above it
    page.mouse.move(*point_at(page, recorded["spiral"], row))
    said = page.locator(".outcome .said")
    expect(said).to_contain_text(f"row {row} (")
    shown = number(re.findall(r"= (\S+)$", said.text_content() or "")[0])
    assert shown == run.at(300).estimator().predict_proba(run.data.X[[row]])[0, 1]
    page.mouse.click(*point_at(page, recorded["spiral"], row))
    expect(page.locator(".inspector h2")).to_have_text(f"row {row}")
    expect(page).to_have_url(re.compile(rf"row={row}\b"))


def test_rows_by_key(serve: Callable, browse: Callable, recorded: dict[str, Path]) -> None:
    """Arrow keys go from point to point, Enter selects; the step stays where it was."""
    page = browse(serve(recorded["spiral"]), "step=300")
    page.locator(".outcome .surface").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator(".inspector h2")).to_have_text("row 2")
    expect(page.locator(".timeline .place")).to_have_text("step 300 of 400")


def test_the_score_moves_along(
    serve: Callable, browse: Callable, recorded: dict[str, Path]
) -> None:
    """It is the estimator's own, at every moment."""
    page = browse(serve(recorded["spiral"]), "step=399")
    run = open_run(recorded["spiral"])
    y = run.data.y[:, 0]
    for key, step in (("ArrowRight", 400), ("Home", 0)):
        page.keyboard.press(key)
        score = run.at(step).estimator().score(run.data.X, y)
        told = page.locator(".outcome .score span").first
        expect(told).to_have_attribute("title", str(float(score)))


def test_validation_rows_score_as_recorded(
    serve: Callable, browse: Callable, recorded: dict[str, Path]
) -> None:
    """At an epoch's end, on its validation rows, the score is the one that training told."""
    run = open_run(recorded["digits"])
    epoch = run.epochs[6]
    page = browse(serve(recorded["digits"]), f"step={epoch.step}")
    page.get_by_label("Rows", exact=True).select_option("validation rows")
    told = page.locator(".outcome .score span").first
    expect(page.locator(".outcome .score")).to_contain_text("180 validation rows")
    expect(told).to_have_attribute("title", str(epoch.score))


def test_a_cell_lists_its_rows(
    serve: Callable, browse: Callable, recorded: dict[str, Path]
) -> None:
    """Those that are of the one class and were taken for the other; each as a small image."""
    run = open_run(recorded["digits"])
    rows = np.sort(run.store.array(run.header.data["train"]))
    taken = run.at(40).estimator().predict(run.data.X[rows])
    true = run.data.y[rows, 0].astype(int)
    counts = np.bincount(true * 10 + taken, minlength=100).reshape(10, 10)
    np.fill_diagonal(counts, 0)
    k, c = np.unravel_index(counts.argmax(), counts.shape)
    page = browse(serve(recorded["digits"]), "step=40")
    cell = page.get_by_role("button", name=f"true {k}, predicted {c}: {counts[k, c]} rows")
    cell.click()
    thumbs = page.locator(".of-cell .thumb")
    expect(thumbs).to_have_count(min(60, int(counts[k, c])))
    listed = {int(re.findall(r"row (\d+)", t.get_attribute("title"))[0]) for t in thumbs.all()}
    assert listed <= set(rows[(true == k) & (taken == c)].tolist())
    expect(cell).to_be_focused()
    cell.press("Enter")  # and again closes it
    expect(thumbs).to_have_count(0)


def test_the_worst_rows(serve: Callable, browse: Callable, recorded: dict[str, Path]) -> None:
    """The first has the largest loss, the log of what was given to the truth; a click selects."""
    page = browse(serve(recorded["digits"]), "step=40")
    page.get_by_role("button", name="worst rows").click()
    run = open_run(recorded["digits"])
    rows = np.sort(run.store.array(run.header.data["train"]))
    given = run.at(40).estimator().predict_proba(run.data.X[rows])
    cost = -np.log(given[np.arange(rows.size), run.data.y[rows, 0].astype(int)])
    first = page.locator(".thumb").first
    expect(first).to_have_attribute("title", re.compile(rf"^row {rows[cost.argmax()]}:"))
    loss = number(re.findall(r"loss (\S+)$", first.get_attribute("title") or "")[0])
    assert loss == pytest.approx(cost.max(), rel=1e-12)
    first.click()
    expect(page.locator(".inspector h2")).to_have_text(f"row {rows[cost.argmax()]}")
    expect(page).to_have_url(re.compile("tab=worst"))


def test_numbers_have_residuals(serve: Callable, browse: Callable, others: dict) -> None:
    """One target after the other; and a surface over any two features."""
    page = browse(serve(others["numbers"]), "step=6")
    run = open_run(others["numbers"])
    expect(page.locator(".outcome .score")).to_contain_text("R²")
    page.get_by_label("Target", exact=True).select_option("1")
    plot = page.get_by_role("img", name="Predicted against true target 1")
    expect(plot).to_be_visible()
    predicted = run.at(6).estimator().predict(run.data.X)[:, 1]
    both = np.r_[run.data.y[:, 1], predicted]
    ends = [both.min() - 0.05 * np.ptp(both), both.max() + 0.05 * np.ptp(both)]
    for axis in (plot.locator(".across span"), plot.locator(".up span")):
        low, _, high = axis.all_text_contents()
        np.testing.assert_allclose([number(low), number(high)], ends, rtol=0.01)
    plot.focus()
    page.keyboard.press("ArrowRight")
    said = page.locator(".outcome .said").text_content() or ""
    told = re.findall(r"row 0: true (\S+), predicted (\S+)", said)[0]
    assert [*map(number, told)] == [run.data.y[0, 1], predicted[0]]
    page.get_by_role("button", name="surface").click()
    page.get_by_label("Feature from left to right").select_option("x3")
    expect(page.locator(".outcome .surface")).to_have_attribute(
        "aria-label", re.compile("over x3 and x1")
    )
    expect(page).to_have_url(re.compile("f0=3"))


def test_a_surface_is_of_one_target(serve: Callable, browse: Callable, others: dict) -> None:
    """Which it says, and which can be chosen there: points, words and colours are of that one."""
    page = browse(serve(others["numbers"]), "step=6&tab=surface")
    run, surface = open_run(others["numbers"]), page.locator(".outcome .surface")
    target = page.get_by_label("Target", exact=True)
    expect(target).to_have_value("0")
    target.select_option("1")
    expect(surface).to_have_attribute("aria-label", re.compile("surface of target 1 over x0"))
    surface.focus()
    page.keyboard.press("ArrowRight")
    said = page.locator(".outcome .said").text_content() or ""
    true, predicted = re.findall(r"row 0 \((\S+)\): (\S+)", said)[0]
    assert number(true) == run.data.y[0, 1]
    assert number(predicted) == run.at(6).estimator().predict(run.data.X[[0]])[0, 1]
    found = ask(others["numbers"], "surface", 6, target=1)["surface"]
    assert found["span"] == [run.data.y[:, 1].min(), run.data.y[:, 1].max()]
    with pytest.raises(ValueError, match="the targets are 0 to 1"):
        ask(others["numbers"], "surface", 6, target=2)


def test_a_file_without_data_says_so(serve: Callable, browse: Callable, tmp_path: Path) -> None:
    """And how to bring them."""
    model = MLPClassifier((3,), max_iter=2, random_state=0)
    X = np.random.default_rng(0).normal(size=(30, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.set_callbacks(Recorder(tmp_path / "bare.retro", keep_data=False)).fit(X, X[:, 0] > 0)
    page = browse(serve(tmp_path / "bare.retro"))
    expect(page.locator(".outcome")).to_contain_text("keeps no training data")


def test_a_run_without_data_shows_nothing_of_another(
    serve: Callable, browse: Callable, tmp_path: Path
) -> None:
    """Neither at once nor when the panel is drawn anew."""
    X = np.random.default_rng(0).normal(size=(30, 2))
    for kept in (True, False):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = MLPClassifier((3,), max_iter=2, random_state=0)
            recorder = Recorder(tmp_path / "two.retro", keep_data=kept)
            model.set_callbacks(recorder).fit(X, X[:, 0] > 0)
    page = browse(serve(tmp_path / "two.retro"), "run=1")
    expect(page.locator(".outcome .score")).to_contain_text("accuracy")
    page.evaluate("location.hash = 'run=2'")
    expect(page.locator(".outcome .body")).to_contain_text("keeps no training data")
    expect(page.locator(".outcome .score")).to_have_text("")
    page.set_viewport_size({"width": 900, "height": 800})
    page.wait_for_timeout(200)
    expect(page.locator(".outcome .body")).to_contain_text("keeps no training data")
    expect(page.locator(".outcome .tabs button")).to_have_count(0)


@pytest.mark.parametrize(("name", "f0", "f1"), [("three", 2, 0), ("sparse", 3, 7)])
def test_a_surface_is_what_the_estimator_predicts(
    others: dict[str, Path], name: str, f0: int, f1: int
) -> None:
    """Over two features, the others held at their medians; of sparse rows at 0."""
    found = ask(others[name], "surface", 5, f0=f0, f1=f1)["surface"]
    run, side = open_run(others[name]), found["side"]
    n_in = run.header.network.widths[0]
    X = np.tile(np.median(run.data.X, axis=0) if name == "three" else np.zeros(n_in), (side**2, 1))
    axes = [np.linspace(found["low"][k], found["high"][k], side) for k in (0, 1)]
    X[:, f0], X[:, f1] = np.tile(axes[0], side), np.repeat(axes[1], side)
    expected = run.at(5).estimator().predict_proba(X).reshape(side, side, -1)
    np.testing.assert_array_equal(found["taken"], expected.argmax(axis=2))
    np.testing.assert_allclose(found["sure"], expected.max(axis=2), rtol=1e-12)
    np.testing.assert_allclose(found["mixed"], 255 * expected, atol=0.501)


@pytest.mark.parametrize(
    ("name", "words"), [("three", "others at their medians"), ("sparse", "others at 0")]
)
def test_the_page_says_what_is_held(
    serve: Callable, browse: Callable, others: dict[str, Path], name: str, words: str
) -> None:
    """Beside the outcome's surface, and beside what a unit responds to."""
    page = browse(serve(others[name]), "step=5&tab=surface&f0=3&f1=2&layer=0&unit=1")
    expect(page.locator(".outcome .choice")).to_have_text(re.compile(f"; {words}$"))
    expect(page.locator(".inspector .responds figcaption")).to_have_text(f"over x3 and x2, {words}")


def test_sparse_rows_stay_so(others: dict[str, Path]) -> None:
    """Score and points are those of the sparse rows."""
    found, run = ask(others["sparse"], "surface", 8), open_run(others["sparse"])
    X = rows_module.rows_of(run.data)
    model = run.at(8).estimator()
    assert found["score"] == model.score(X, model.classes_[run.data.y[:, 0].astype(int)])
    points, given = found["surface"]["points"], model.predict_proba(X)
    np.testing.assert_array_equal(points["taken"], given.argmax(axis=1))
    np.testing.assert_array_equal(points["sure"], given.max(axis=1))


def test_several_labels(others: dict[str, Path]) -> None:
    """They are right if all are; there is no matrix of confusions, but a calibration."""
    found, run = ask(others["labels"], "calibration", 8), open_run(others["labels"])
    model = run.at(8).estimator()
    assert found["score"] == model.score(run.data.X, run.data.y.astype(int))
    sure = model.predict_proba(run.data.X).ravel()
    low = (sure >= 0.4) & (sure < 0.5)
    at = np.flatnonzero(np.floor(found["calibration"]["sure"] * 10) == 4)
    assert found["calibration"]["counts"][at].sum() == low.sum() > 0
    assert found["calibration"]["right"][at] == pytest.approx(run.data.y.ravel()[low].mean())
    with pytest.raises(ValueError, match="no confusion matrix"):
        ask(others["labels"], "confusion", 8)


def test_rows_that_weigh(serve: Callable, browse: Callable, tmp_path: Path) -> None:
    """So they do in the calibration, as in the score; the matrix says that there they do not."""
    rng = np.random.default_rng(0)
    X, weights = rng.normal(size=(200, 3)), rng.integers(0, 5, 200).astype(float)
    model = MLPClassifier((5,), max_iter=4, random_state=0)
    path = tmp_path / "weighted.retro"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y = (X[:, 0] + rng.normal(size=200) > 0).astype(int)
        model.set_callbacks(Recorder(path)).fit(X, y, sample_weight=weights)
    found = ask(path, "calibration", 4)["calibration"]
    each = np.repeat(np.arange(200), weights.astype(int))
    sure, right = model.predict_proba(X)[each, 1], y[each]
    which = (sure * 10).astype(int)
    for k, (said, was) in enumerate(zip(found["sure"], found["right"], strict=True)):
        here = which == np.unique(which)[k]
        assert (said, was) == pytest.approx((sure[here].mean(), right[here].mean()), rel=1e-12)
    page = browse(serve(path), "tab=confusion")
    expect(page.locator(".outcome .score")).to_contain_text("each counted by its weight")
    expect(page.locator(".outcome .body")).to_contain_text("here each row counts once")


def test_a_sample_says_that_it_is_one(
    others: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has always the same rows, and patience has all of them."""
    monkeypatch.setattr(rows_module, "QUICK_ROWS", 10)
    first, again = (ask(others["three"], "surface", step) for step in (1, 2))
    assert (first["seen"], first["all"]) == (10, 60)
    rows = first["surface"]["points"]["rows"]
    np.testing.assert_array_equal(rows, again["surface"]["points"]["rows"])
    run = open_run(others["three"])
    data = data_of(run, rows)
    np.testing.assert_array_equal(data.X, run.data.X[rows])
    np.testing.assert_array_equal(data.y, run.data.y[rows])
    assert ask(others["three"], "surface", 1, patient=True)["seen"] == 60


def test_a_sample_is_seen_whole_once_the_reader_stays(
    serve: Callable, browse: Callable, recorded: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any further click."""
    monkeypatch.setattr(rows_module, "QUICK_ROWS", 100)
    page = browse(serve(recorded["spiral"]), "step=7")
    expect(page.locator(".outcome .score")).to_contain_text("300 training rows")
    expect(page.locator(".outcome .score")).not_to_contain_text("100 of")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"on": "validation"}, "no validation rows"),
        ({"on": "test"}, "no test rows"),
        ({"tab": "gossip"}, "no part 'gossip'"),
        ({"tab": "residuals"}, "no residual"),
        ({"tab": "surface", "f0": 4}, "features 0 to 3"),
        ({"tab": "surface", "f0": 1}, "features 0 to 3"),
        ({"tab": "surface", "f1": -1}, "features 0 to 3"),
        ({"step": 99}, "steps 0 to 12"),
    ],
)
def test_what_cannot_be_answered(others: dict[str, Path], more: dict, words: str) -> None:
    """One sentence each."""
    with pytest.raises((ValueError, IndexError), match=words):
        ask(others["three"], **{"tab": "worst", "step": 1, **more})


def test_classes_that_begin_alike(serve: Callable, browse: Callable, tmp_path: Path) -> None:
    """Are told apart; of many the matrix is scrolled, and pictures are called by their numbers."""
    path = tmp_path / "alike.retro"
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 30))
    y = np.array([f"comp.sys.group{k}" for k in range(20)])[np.arange(400) % 20]
    model = MLPClassifier((30,), max_iter=4, tol=9.0, n_iter_no_change=2, random_state=0)
    model.set_callbacks(Recorder(path)).fit(X, y)
    page = browse(serve(path))
    heads = page.locator(".matrix thead th")
    expect(heads).to_have_count(20)
    texts = heads.all_text_contents()
    assert texts == [f"…{name.removeprefix('comp.sys.group')}" for name in np.unique(y)]
    assert heads.first.get_attribute("title") == "comp.sys.group0"
    sizes = [box["width"] for k in range(20) if (box := heads.nth(k).bounding_box())]
    assert min(sizes) > 25
    holder = page.locator(".matrix-holder")
    assert holder.evaluate("(element) => element.scrollWidth > element.clientWidth")
    picture = page.locator(".network .heat").first
    run = open_run(path)
    for key, step in (("End", len(run)), ("Home", 0)):
        page.keyboard.press(key)
        largest = f"{np.abs(run.at(step).coefs[0]).max():.6g}"
        expect(picture).to_have_attribute("aria-label", re.compile(re.escape(largest)))


@pytest.mark.parametrize("width", [1280, 1366, 1600, 360])
def test_ten_classes_find_room(
    serve: Callable, browse: Callable, recorded: dict[str, Path], width: int
) -> None:
    """In a panel of a third of the window, and on a phone: each count whole, in letters to read."""
    page = browse(serve(recorded["digits"]), "tab=confusion")
    page.set_viewport_size({"width": width, "height": 800})
    holder = page.locator(".matrix-holder")
    expect(holder.locator("thead th")).to_have_count(10)
    page.wait_for_function(
        """() => {
          const holder = document.querySelector(".matrix-holder");
          return holder && holder.scrollWidth <= holder.clientWidth;
        }"""
    )
    cells = holder.locator(".cell")
    assert cells.evaluate_all("(cells) => cells.every((one) => one.scrollWidth <= one.clientWidth)")
    assert cells.first.evaluate("(cell) => parseFloat(getComputedStyle(cell).fontSize)") >= 9.5
    assert holder.locator("thead th").all_text_contents() == [str(k) for k in range(10)]


def test_long_names_leave_room(serve: Callable, browse: Callable, tmp_path: Path) -> None:
    """Of the worst rows the losses are in sight, and a row's numbers stand beside their names."""
    X = np.random.default_rng(0).normal(size=(60, 2))
    names = np.array(["Pseudopseudohypoparathyroidism", "Hippopotomonstrosesquipedalian"])
    settings = {"max_iter": 2, "batch_size": 20, "random_state": 0}
    path = record(
        tmp_path / "long.retro", MLPClassifier((4,), **settings), X, names[np.arange(60) % 2]
    )
    page = browse(serve(path), "tab=worst&row=3")
    rows = page.locator(".outcome .rows")
    expect(rows).to_be_visible()
    assert rows.evaluate("(table) => table.offsetWidth <= table.parentElement.clientWidth")
    value = page.locator(".inspector .facts-list dd").last
    expect(value).to_be_visible()
    box = value.bounding_box()
    assert box
    assert box["width"] > 100
