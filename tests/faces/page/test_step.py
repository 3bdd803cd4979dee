"""The step on the page: phase by phase, every number, and what an entry leads to."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from retrograd.estimators.rewinding import open_run
from retrograd.rewind.run import Run


@pytest.fixture
def run(recorded: dict[str, Path]) -> Run:
    """The spiral's."""
    return open_run(recorded["spiral"])


@pytest.fixture
def at(serve: Callable, browse: Callable, recorded: dict[str, Path]) -> Callable[[str], Page]:
    """Open the spiral's run at a place."""
    address = serve(recorded["spiral"])
    return lambda place: browse(address, place)


def written(value: float) -> str:
    """As the page writes numbers exactly."""
    text = re.sub(r"e([+-])0?", r"e\1", repr(float(value)))
    return re.sub("^-", "−", text)


def line(page: Page, symbol: str) -> Locator:
    """The line of a symbol."""
    return page.locator(f'.line[data-symbol="{symbol}"]')


def opened(page: Page, key: str) -> None:
    """Wait for a phase to be the only open one."""
    expect(page.locator(".phase.open")).to_have_attribute("data-phase", key)
    expect(page.locator(".step .lines")).to_have_count(1)


def test_phase_by_phase(at: Callable, run: Run) -> None:
    """With the arrow keys and by clicks; which is open stands in the address."""
    page = at("step=7")
    opened(page, "forward[0]")
    keys = [section.key for section in run.at(7).trace().document().sections]
    assert page.locator(".head-line code").all_inner_texts() == keys
    page.keyboard.press("ArrowDown")
    opened(page, "forward[1]")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    opened(page, "place")
    page.locator(".step").get_by_role("button", name="Loss").click()
    opened(page, "loss")
    expect(line(page, "loss").locator(".value")).to_have_attribute("title", written(run.at(7).loss))
    expect(page).to_have_url(re.compile("phase=loss"))
    page.reload()
    opened(page, "loss")


def test_another_step_puts_other_numbers_in_place(at: Callable, run: Run) -> None:
    """In the very same elements: only the numbers are new."""
    page = at("step=7&phase=backward[1]")
    cell = line(page, "dW[1]").locator("canvas")
    cell.evaluate("one => { one.seen = true; }")
    cell.hover(position={"x": 3, "y": 3})
    told = line(page, "dW[1]").locator(".under")
    for step in (7, 8, 9):
        dW = run.at(step).trace().layers[1].dW
        expect(told).to_have_text(f"dW[1][0, 0] = {written(dW[0, 0])}")
        page.keyboard.press("ArrowRight")
    assert cell.evaluate("one => one.seen")


def test_a_small_array_is_numbers(at: Callable, run: Run) -> None:
    """Each exactly under the pointer and under the focus, moved by the arrow keys."""
    page = at("step=7&phase=update[0]")
    update = run.at(7).trace().layers[0].W_update
    cells = line(page, "W_update[0]").locator("[data-at]")
    expect(cells).to_have_count(16)
    power = np.floor(np.log10(np.abs(update).max()))
    shown = [float(text.replace("−", "-")) for text in cells.all_inner_texts()]
    np.testing.assert_allclose(shown, update.ravel() / 10**power, atol=0.006)
    told = line(page, "W_update[0]").locator(".under")
    cells.nth(13).hover()
    expect(told).to_have_text(f"W_update[0][1, 5] = {written(update[1, 5])}")
    cells.nth(0).focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    expect(told).to_have_text(f"W_update[0][1, 2] = {written(update[1, 2])}")
    page.keyboard.press("Enter")
    expect(page.locator(".why .subject")).to_have_text("coefs[0][1, 2]")
    opened(page, "update[0]")


def test_a_weight_and_why_it_moved(at: Callable, run: Run) -> None:
    """A click on an entry of the gradient: its rows, ranked; a click on one of these selects it."""
    page = at("step=7&phase=backward[0]")
    line(page, "dW[0]").locator("[data-at]").nth(11).click()
    expect(page.locator(".why .subject")).to_have_text("coefs[0][1, 3]")
    why = run.why(0, 1, 3, 7)
    labels = page.locator(".shares tbody th")
    parts = [f"row {row}" for row in why.rows[:10]]
    expect(labels).to_have_text(
        [*parts, "20 other rows", "momentum", "penalty and decay", "rounding"]
    )
    shares = page.locator(".shares tbody td.number[title]")
    titles = [shares.nth(k).get_attribute("title") for k in range(10)]
    assert titles == [written(share) for share in why.shares[:10]]
    total = page.locator(".shares tfoot td.number[title]")
    expect(total).to_have_attribute("title", written(why.update))
    expect(line(page, "dW[0]").locator("td.chosen")).to_have_attribute("data-at", "11")

    page.locator(".shares").get_by_role("button", name=f"row {why.rows[2]}", exact=True).click()
    expect(page.locator(".shares tr.chosen")).to_have_count(1)
    expect(page).to_have_url(re.compile(rf"row={why.rows[2]}\b"))
    own = line(page, "delta[0]").locator(".own-row")
    expect(own).to_contain_text(f"row {why.rows[2]}:")
    trace = run.at(7).trace()
    delta = trace.layers[0].delta[np.flatnonzero(trace.rows == why.rows[2])[0], 4]
    expect(own.locator("[title]").nth(4)).to_have_attribute("title", re.compile(
        re.escape(f"] = {written(delta)}")))  # fmt: skip
    page.get_by_role("button", name="Select no weight").click()
    expect(page.locator(".why")).to_be_hidden()


def test_a_bias_and_why(at: Callable) -> None:
    """Selected by an entry of a vector."""
    page = at("step=7&phase=update[1]")
    line(page, "b_after[1]").locator("[data-at]").nth(2).click()
    expect(page.locator(".why .subject")).to_have_text("intercepts[1][2]")
    expect(line(page, "b[1]")).to_have_count(0)
    expect(line(page, "W_after[1]").locator(".frame")).to_be_hidden()


def test_a_row_of_the_batch(at: Callable, run: Run) -> None:
    """Selected by a click into an array of rows, and framed in the others."""
    page = at("step=7&phase=forward[0]")
    canvas = line(page, "z[0]").locator("canvas")
    box = canvas.bounding_box()
    assert box
    canvas.click(position={"x": 5, "y": box["height"] * 12.5 / 30})
    row = run.at(7).rows[12]
    expect(line(page, "z[0]").locator(".under")).to_contain_text("z[0][12, 0] = ")
    expect(line(page, "z[0]").locator(".under")).to_contain_text(f"row {row} of the data")
    expect(page).to_have_url(re.compile(rf"row={row}\b"))
    for symbol in ("input[0]", "z[0]", "a[0]"):
        expect(line(page, symbol).locator(".frame")).to_be_visible()
    expect(line(page, "W[0]").locator(".chosen")).to_have_count(0)
    page.keyboard.press("ArrowLeft")
    # The step before learned from other rows.
    expect(line(page, "z[0]").locator(".frame")).to_be_hidden()


def test_a_coarse_picture_has_the_exact_number(
    serve: Callable, browse: Callable, recorded: dict[str, Path]
) -> None:
    """Fetched from where the pointer is; and where the batch's array is whole, from the picture."""
    page = browse(serve(recorded["digits"]), "step=11&phase=forward[0]")
    z = open_run(recorded["digits"]).at(11).trace().layers[0].z
    canvas = line(page, "z[0]").locator("canvas")
    canvas.hover(position={"x": 100, "y": 60})
    told = line(page, "z[0]").locator(".under")
    expect(told).to_contain_text("of the data")
    found = re.match(r"z\[0\]\[(\d+), (\d+)\] = (\S+) · ", told.inner_text())
    assert found
    assert found[3] == written(z[int(found[1]), int(found[2])])


def test_at_the_end_there_is_no_step(at: Callable) -> None:
    """But a way to the last one; and a weight that is selected has not moved."""
    page = at("step=400&layer=0&unit=1&from=0")
    expect(page.locator(".phases")).to_contain_text("The training ends here")
    expect(page.locator(".why")).to_be_hidden()
    page.get_by_role("button", name="Show the last step").click()
    opened(page, "forward[0]")
    expect(page.locator(".why .subject")).to_have_text("coefs[0][0, 1]")


@pytest.mark.parametrize(
    "bad", ["phase=<b>x</b>", "phase=update[9]", "layer=77&unit=1", "row=99999"]
)
def test_an_address_that_leads_nowhere(at: Callable, bad: str) -> None:
    """Shows what there is."""
    page = at(f"step=7&{bad}")
    opened(page, "forward[0]")
    expect(line(page, "z[0]")).to_be_visible()
    if "layer" in bad:
        expect(page.locator(".notice")).to_contain_text("there are 3 layers")


def test_numbers_in_a_narrow_panel(serve: Callable, browse: Callable, recorded: dict) -> None:
    """Stand in it, to the last column, as in a notebook."""
    page = browse(serve(recorded["spiral"]), "step=200&phase=forward%5B0%5D")
    page.set_viewport_size({"width": 1085, "height": 800})
    table = page.locator(".step .numbers table").first
    expect(table).to_be_visible()
    expect(table.locator("th[scope=col]")).to_have_count(8)
    page.wait_for_function(
        """() => {
          const lines = document.querySelector(".step .phase.open .lines");
          const right = lines.getBoundingClientRect().right;
          return [...lines.querySelectorAll(".numbers table")].every(
            (table) => table.getBoundingClientRect().right <= right);
        }"""
    )
