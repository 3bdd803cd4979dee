"""The inspector: a unit, a link, a row, with the kernels' own numbers, and the way between them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from retrograd.engine.prediction import Predictor
from retrograd.estimators.rewinding import open_run, open_runs
from retrograd.estimators.tracing import trace
from retrograd.faces.page.answers import inspector
from retrograd.faces.page.answers.rows import data_of
from retrograd.faces.page.answers.surface import grid_of
from retrograd.faces.page.answers.table import ANSWERS
from retrograd.faces.page.viewer import Viewer


def facts(page: Page) -> dict[str, str]:
    """Names and values that the inspector lists."""
    names = page.locator(".inspector dt").all_text_contents()
    values = page.locator(".inspector dd").all_text_contents()
    return dict(zip(names, (value.replace("−", "-") for value in values), strict=True))


def ask(path: Path, name: str, **arguments: Any) -> dict:
    """Ask a viewer of its own."""
    return Viewer(open_runs(path), ANSWERS).answer(name, {"run": 1, **arguments})


def test_a_click_on_a_unit(serve: Callable, browse: Callable, recorded: dict[str, Path]) -> None:
    """Tells its bias and what the coming step does to it; Escape lets go of it."""
    page = browse(serve(recorded["spiral"]), "step=200")
    page.locator('[data-unit="1,2"]').click()
    expect(page.locator(".inspector h2")).to_have_text("unit 2 of layer 1")
    layer = open_run(recorded["spiral"]).at(200).trace().layers[1]
    told = facts(page)
    assert float(told["intercepts[1][2]"]) == layer.b[2]
    assert float(told["its gradient"]) == layer.db[2]
    assert float(told["its coming update"]) == layer.b_update[2]
    shown = page.locator(".inspector .links").first.locator(".number").all_text_contents()
    weights = layer.W[:, 2]
    largest = weights[np.argsort(-np.abs(weights), kind="stable")]
    assert [float(text.replace("−", "-")) for text in shown] == largest[:8].tolist()
    page.keyboard.press("Escape")
    expect(page.locator(".inspector")).to_be_hidden()
    expect(page).not_to_have_url(re.compile("unit"))


def test_what_a_unit_responds_to(
    serve: Callable, browse: Callable, recorded: dict[str, Path]
) -> None:
    """Its a over the plane, under the pointer and by key, as the forward kernel makes it."""
    page = browse(serve(recorded["spiral"]), "step=200&layer=0&unit=5")
    surface = page.locator(".responds .surface")
    surface.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    run = open_run(recorded["spiral"])
    grid = grid_of(run, 0, 1)
    at = (grid.side // 2 + 1) * (grid.side + 1)
    W, b = run.at(200).coefs[0][:, 5], run.at(200).intercepts[0][5]
    expected = np.tanh(grid.data.X[at] @ W + b)
    said = surface.locator(".said").text_content() or ""
    assert float(said.split("= ")[1].replace("−", "-")) == pytest.approx(expected, rel=1e-12)
    expect(page.locator(".timeline .place")).to_have_text("step 200 of 400")


def test_a_link_and_its_history(
    serve: Callable, browse: Callable, recorded: dict[str, Path]
) -> None:
    """Its weight, gradient, last and coming update; and a click on its history leads there."""
    page = browse(serve(recorded["spiral"]), "step=200&layer=1&unit=2&from=3")
    expect(page.locator(".inspector h2")).to_have_text("coefs[1][3, 2]")
    run = open_run(recorded["spiral"])
    layer = run.at(200).trace().layers[1]
    told = facts(page)
    assert float(told["weight"]) == layer.W[3, 2]
    assert float(told["gradient"]) == layer.dW[3, 2]
    assert float(told["coming update"]) == layer.W_update[3, 2]
    assert float(told["then"]) == run.at(201).coefs[1][3, 2]
    assert float(told["last change"]) == layer.W[3, 2] - run.at(199).coefs[1][3, 2]
    curve = page.locator(".past canvas")
    curve.scroll_into_view_if_needed()
    box = curve.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] - 3, box["y"] + 40)
    said = page.locator(".past .said")
    expect(said).to_contain_text("step 400: ")
    value = float((said.text_content() or "").split(": ")[1].replace("−", "-"))
    assert value == run.at(400).coefs[1][3, 2]
    page.mouse.down()
    page.mouse.up()
    expect(page.locator(".timeline .place")).to_have_text("step 400 of 400")
    expect(page.locator(".inspector dt", has_text="gradient")).to_have_count(0)  # of no step


def test_from_a_unit_to_a_link_and_on(
    serve: Callable, browse: Callable, recorded: dict[str, Path]
) -> None:
    """By its list of weights, and back by its source and its target."""
    page = browse(serve(recorded["spiral"]), "step=10&layer=0&unit=4")
    heading = page.locator(".inspector h2")
    page.locator(".inspector .links").nth(1).get_by_role("button").first.click()
    expect(heading).to_have_text(re.compile(r"coefs\[1\]\[4, \d\]"))
    page.get_by_role("button", name="its source").click()
    expect(heading).to_have_text("unit 4 of layer 0")


def test_a_row_on_its_way(serve: Callable, browse: Callable, recorded: dict[str, Path]) -> None:
    """Its features, what is true, what was predicted; the next one by its arrow."""
    page = browse(serve(recorded["digits"]), "step=50&row=11")
    heading = page.locator(".inspector h2")
    expect(heading).to_have_text("row 11")
    run = open_run(recorded["digits"])
    model, X, y = run.at(50).estimator(), run.data.X, run.data.y[:, 0].astype(int)
    for row in (11, 12):
        expect(heading).to_have_text(f"row {row}")
        told, given = facts(page), model.predict_proba(X[[row]])[0]
        assert told["true"] == str(y[row])
        assert told["predicted"].split()[0] == str(given.argmax())
        assert float(told[f"p({y[row]})"]) == given[y[row]]
        assert float(told["its loss"]) == pytest.approx(-np.log(given[y[row]]), rel=1e-12)
        if row == 11:
            page.get_by_role("button", name="Row after").click()
    expect(page.locator(".inspector .row-image")).to_be_visible()
    expect(page.get_by_role("button", name="Row after")).to_be_focused()


def test_a_unit_of_a_rows_way(serve: Callable, browse: Callable, recorded: dict) -> None:
    """Is told by its strip, and a click leads to it."""
    page = browse(serve(recorded["spiral"]), "step=50&row=4")
    strip = page.get_by_role("img", name=re.compile("^a of layer 0"))
    strip.focus()
    page.keyboard.press("ArrowRight")
    a = open_run(recorded["spiral"]).at(50)
    units = Predictor(a.run.header.network, a.theta).activations(
        data_of(a.run, np.array([4])), 1, 0
    )
    said = strip.locator(".under").text_content() or ""
    assert float(said.split("= ")[1].replace("−", "-")) == units[0, 1]
    page.keyboard.press("Enter")
    expect(page.locator(".inspector h2")).to_have_text("unit 1 of layer 0")


def test_a_row_is_a_batch_of_itself(recorded: dict[str, Path]) -> None:
    """Its z, a and delta are those of the estimator's own trace of that row."""
    found = ask(recorded["spiral"], "row", step=100, row=7)
    run = open_run(recorded["spiral"])
    model = run.at(100).estimator()
    traced = trace(model, run.data.X[[7]], model.classes_[run.data.y[[7], 0].astype(int)])
    for layer, told in zip(traced.layers, found["layers"], strict=True):
        for name in ("z", "a", "delta"):
            np.testing.assert_array_equal(told[name], getattr(layer, name))


def test_activations_are_the_trainings(recorded: dict[str, Path]) -> None:
    """Of every layer, whether it is asked for alone or seen in a step."""
    for path in recorded.values():
        moment = open_run(path).at(30)
        traced = moment.trace()
        predictor = Predictor(moment.run.header.network, moment.theta)
        data = data_of(moment.run, traced.rows)
        for number, layer in enumerate(traced.layers):
            found = predictor.activations(data, traced.rows.size, number)
            np.testing.assert_array_equal(found, layer.a)


def test_a_history_is_what_the_moments_have(
    recorded: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By replay, or where that would take long, at the checkpoints."""
    run = open_run(recorded["spiral"])
    found = ask(recorded["spiral"], "history", layer=0, i=1, o=3)
    assert (found["of"], found["every"]) == ("replay", 1)
    k = 123
    assert found["values"][k] == run.at(int(found["steps"][k])).coefs[0][1, 3]
    monkeypatch.setattr(inspector, "REPLAY_WORK", 0)
    found = ask(recorded["spiral"], "history", layer=0, i=-1, o=3)
    assert found["of"] == "checkpoints"
    assert found["steps"].tolist() == run.store.steps_of(1)
    assert found["values"][-1] == run.at(400).intercepts[0][3]


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("unit", {"layer": 3, "unit": 0, "f0": 0, "f1": 1}, "layers are 0 to 2"),
        ("unit", {"layer": 0, "unit": 8, "f0": 0, "f1": 1}, "units 0 to 7"),
        ("link", {"layer": 0, "i": 2, "o": 0}, "inputs 0 to 1"),
        ("link", {"layer": 0, "i": -1, "o": 0}, "inputs 0 to 1"),
        ("row", {"row": 300}, "rows 0 to 299"),
    ],
)
def test_what_there_is_not(recorded: dict, name: str, arguments: dict, words: str) -> None:
    """The message says what there is."""
    with pytest.raises(IndexError, match=words):
        ask(recorded["spiral"], name, step=1, **arguments)


@pytest.mark.parametrize("place", ["layer=9&unit=0", "unit=1", "layer=0&unit=1&from=77"])
def test_an_address_of_what_there_is_not(
    serve: Callable, browse: Callable, recorded: dict, place: str
) -> None:
    """Shows no selection, and complains of nothing."""
    page = browse(serve(recorded["spiral"]), f"step=5&{place}")
    expect(page.locator(".outcome .score strong")).to_be_visible()
    expect(page.locator(".inspector")).to_be_hidden()


def test_a_card_beside_the_pointer(
    serve: Callable, browse: Callable, recorded: dict[str, Path]
) -> None:
    """Tells of the unit under it, and follows the steps; it selects nothing."""
    page = browse(serve(recorded["spiral"]), "step=100")
    page.locator('[data-unit="0,3"] .disc').hover()
    card = page.locator(".hover-card")
    expect(card).to_be_visible()
    run = open_run(recorded["spiral"])
    for step in (100, 101):
        bias = str(run.at(step).intercepts[0][3]).replace("-", "−")
        expect(card.locator("dd")).to_have_text(bias)
        page.keyboard.press("ArrowRight")
    page.mouse.move(640, 10)
    expect(card).to_be_hidden()
    expect(page.locator(".inspector")).to_be_hidden()


def test_a_card_beside_an_image_of_weights(
    serve: Callable, browse: Callable, recorded: dict[str, Path]
) -> None:
    """Units that are drawn on one canvas have the same one, each its own, in the order chosen."""
    page = browse(serve(recorded["digits"]), "step=40&show=sorted")
    run = open_run(recorded["digits"])
    canvas, card = page.locator(".gallery canvas"), page.locator(".hover-card")

    def tells_of(k: int, step: int) -> None:
        moment = run.at(step)
        unit = np.argsort(-np.linalg.norm(moment.coefs[0], axis=0), kind="stable")[k]
        expect(card.locator("strong")).to_have_text(f"unit {unit} of layer 0")
        bias = str(moment.intercepts[0][unit]).replace("-", "−")
        expect(card.locator("dd")).to_have_text(bias)

    box = canvas.bounding_box()
    assert box
    across = 15  # of 100 units, about twice as many as lie one below the other
    each = box["width"] / across
    for k in (17, 18):
        x, y = box["x"] + (k % across + 0.5) * each, box["y"] + (k // across + 0.5) * each
        page.mouse.move(x, y, steps=3)
        tells_of(k, 40)
    page.keyboard.press("ArrowRight")  # all is drawn anew, under a pointer that rests
    tells_of(18, 41)
    page.mouse.move(box["x"] + 14.5 * each, box["y"] + 6.5 * each)  # where there is no unit
    expect(card).to_be_hidden()


def test_units_are_told_with_their_layer(
    serve: Callable, browse: Callable, recorded: dict[str, Path]
) -> None:
    """To those who hear them, too: no two of a network's units are called the same."""
    page = browse(serve(recorded["spiral"]))
    first = page.locator("[data-unit='0,0']")
    expect(first).to_have_attribute("aria-label", re.compile("^unit 0 of layer 0: bias"))
    second = page.locator("[data-unit='1,0']")
    expect(second).to_have_attribute("aria-label", re.compile("^unit 0 of layer 1: bias"))
    output = page.locator("[data-unit='2,0']")
    expect(output).to_have_attribute("aria-label", re.compile("^output 1 of layer 2: bias"))
    page = browse(serve(recorded["digits"]))
    bar = page.locator(".strip [data-unit='0,7'] title")
    expect(bar).to_have_text(re.compile(r"^unit 7 of layer 0: \|weights in\|"))
