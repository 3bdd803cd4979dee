"""Finding moments by conditions: from the field to the step, and what can go wrong on the way."""

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from retrograd.estimators.rewinding import open_run, open_runs
from retrograd.faces.page.answers import find
from retrograd.faces.page.answers.table import ANSWERS
from retrograd.faces.page.viewer import QuestionError, Viewer

FIELD = "Find a moment: a condition (f)"
CONDITIONS = ["loss > 0.5", "max(abs(coefs[0])) > 3", "gradient_norm > 0.3", "step == 400"]


def search(viewer: Viewer, condition: str, start: int, backward: bool, most: int = 1) -> Any:
    """Ask for slice after slice, as the page does."""
    at, end, hit, found = (-1, start, -1, []) if backward else (start, -1, -1, [])
    while len(found) < most:
        told = viewer.answer("find", {
            "run": 1, "condition": condition, "backward": backward, "most": most - len(found),
            "at": at, "end": end, "hit": hit,
        })  # fmt: skip
        if "error" in told:
            return told["error"]
        found += told["hits"]
        if told["done"]:
            break
        at, end, hit = told["at"], told["end"], told["hit"]
    return found


@pytest.mark.parametrize("seconds", [0.0, 0.2])
@pytest.mark.parametrize("backward", [False, True])
def test_slices_find_what_a_search_does(
    recorded: dict[str, Path], monkeypatch: pytest.MonkeyPatch, seconds: float, backward: bool
) -> None:
    """Wherever they are cut."""
    monkeypatch.setattr(find, "SLICE", seconds)
    viewer, run = Viewer(open_runs(recorded["spiral"]), ANSWERS), open_run(recorded["spiral"])
    for condition in CONDITIONS:
        for start in (0, 150, 400):
            there = run.last(condition, start) if backward else run.first(condition, start)
            found = search(viewer, condition, start, backward)
            assert found == ([] if there is None else [there.step]), (condition, start)


def test_all_hits(recorded: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once, no more than asked for."""
    viewer = Viewer(open_runs(recorded["spiral"]), ANSWERS)
    for seconds in (0.0, 0.2):
        monkeypatch.setattr(find, "SLICE", seconds)
        assert search(viewer, "step % 50 == 7", 0, False, 200) == list(range(7, 400, 50))
        assert search(viewer, "step >= 0", 0, False, 200) == list(range(200))


def test_other_questions_are_answered_meanwhile(
    recorded: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a search is at work."""
    begun, go_on = threading.Event(), threading.Event()

    def slow(*_: object) -> list[int]:
        begun.set()
        assert go_on.wait(20)
        return [3]

    monkeypatch.setattr(find, "hits", slow)
    viewer = Viewer(open_runs(recorded["spiral"]), ANSWERS)
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.extend(search(viewer, "loss > 2", 0, False)))
    thread.start()
    assert begun.wait(20)
    assert viewer.answer("moment", {"run": 1, "step": 5})["step"] == 5
    go_on.set()
    thread.join(20)
    assert found == [3]


def test_what_is_no_question(recorded: dict[str, Path]) -> None:
    """Numbers that no page would send, and runs that there are not."""
    viewer = Viewer(open_runs(recorded["spiral"]), ANSWERS)
    asked = {"run": 1, "condition": "loss > 0", "backward": True, "most": -5, "at": 10**9,
             "end": 10**12, "hit": -1}  # fmt: skip
    assert viewer.answer("find", asked).keys() == {"hits", "done", "at", "end", "hit"}
    assert viewer.answer("find", {**asked, "backward": False})["hits"] == []
    for key, value in (("run", 7), ("condition", 3), ("backward", "no")):
        with pytest.raises(QuestionError):
            viewer.answer("find", {**asked, key: value})


@pytest.fixture
def page(serve: Callable, browse: Callable, recorded: dict[str, Path]) -> Page:
    """The spiral's run at step 100."""
    return browse(serve(recorded["spiral"]), "step=100")


def at_step(page: Page, step: int) -> None:
    """The page is there."""
    expect(page.locator(".timeline .place")).to_have_text(f"step {step} of 400")


def test_next_and_last(page: Page, recorded: dict[str, Path]) -> None:
    """By key and by button; the condition is in the address."""
    condition, run = "loss > 0.45", open_run(recorded["spiral"])
    page.keyboard.press("f")
    field = page.get_by_label(FIELD)
    expect(field).to_be_focused()
    expect(field).to_have_value("")  # the key was no letter
    page.keyboard.type(condition)
    page.keyboard.press("Enter")
    first = run.first(condition, 101)
    assert first is not None
    at_step(page, first.step)
    expect(page.locator(".find .said")).to_have_text(f"It holds at step {first.step}.")
    page.keyboard.press("Shift+Enter")
    before = run.last(condition, first.step)
    assert before is not None
    at_step(page, before.step)
    page.get_by_role("button", name="next").click()
    at_step(page, first.step)
    page.get_by_role("button", name="last", exact=True).click()
    at_step(page, before.step)
    page.keyboard.press("ArrowRight")  # the button has the focus; the page goes on by its keys
    at_step(page, before.step + 1)
    page.keyboard.press("ArrowLeft")
    at_step(page, before.step)
    expect(page).to_have_url(re.compile(rf"step={before.step}\b"))
    page.reload()
    expect(page.get_by_label(FIELD)).to_have_value(condition)
    at_step(page, before.step)


def test_nowhere(page: Page, recorded: dict[str, Path]) -> None:
    """It says so, and offers the other part of the run."""
    page.get_by_label(FIELD).fill("step == 7")
    page.keyboard.press("Enter")
    expect(page.locator(".find .said")).to_contain_text("Nowhere after step 100.")
    page.get_by_role("button", name="Search from the start").click()
    at_step(page, 7)
    page.get_by_label(FIELD).fill("loss > 1e9")
    page.keyboard.press("Shift+Enter")
    page.get_by_role("button", name="Search from the end").click()
    expect(page.locator(".find .said")).to_have_text("Nowhere in the run.")
    at_step(page, 7)


def test_completion(page: Page) -> None:
    """As a combobox's list: arrows choose, Enter takes; names, functions, layers and units."""
    field = page.get_by_label(FIELD)
    words = page.get_by_role("listbox", name="Completions")
    field.press_sequentially("grad")
    expect(field).to_have_attribute("aria-expanded", "true")
    option = words.get_by_role("option")
    expect(option).to_have_count(1)
    page.keyboard.press("ArrowDown")
    expect(option).to_have_attribute("aria-selected", "true")
    active = field.get_attribute("aria-activedescendant")
    assert active == option.get_attribute("id")
    page.keyboard.press("Enter")
    expect(field).to_have_value("gradient_norm")
    expect(field).to_have_attribute("aria-expanded", "false")
    at_step(page, 100)  # that Enter was the list's
    field.press_sequentially(" > 1 or isn")
    words.get_by_role("option", name="isnan").click()
    expect(field).to_have_value("gradient_norm > 1 or isnan(")
    field.press_sequentially("d")
    page.keyboard.press("ArrowUp")
    expect(words.get_by_role("option", selected=True)).to_contain_text("dW")
    page.keyboard.press("Escape")
    expect(field).to_have_attribute("aria-expanded", "false")
    expect(field).to_be_focused()
    field.fill("")
    field.press_sequentially("dW[")
    expect(words.get_by_role("option").nth(1)).to_have_text("18 → 4, tanh")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(field).to_have_value("dW[0]")
    field.fill("")
    field.press_sequentially("dead(1, ")
    expect(words.get_by_role("option")).to_have_count(4)


MISTAKES = [
    ("loss > 2 and dw[0] > 1", "dw", "Unknown; did you mean dW?"),
    ("dW[7][0, 0] > 1", "dW[7]", "There are 3 layers, 0 to 2."),
    ("dW[0] > 1", "dW[0] > 1", "single truth value"),
    ("loss >", " ", "Not an expression"),
    ("  __import__('os')", "'", "There is no text in this language"),
]


def test_mistakes(page: Page) -> None:
    """Told beside the field, with their place; the page stays where it was."""
    field, wrong = page.get_by_label(FIELD), page.locator(".find .wrong")
    for condition, marked, says in MISTAKES:
        field.fill(condition)
        expect(wrong).to_be_hidden()
        expect(field).not_to_have_attribute("aria-invalid", "true")
        page.keyboard.press("Enter")
        expect(page.locator(".find .said")).to_contain_text(says)
        expect(field).to_have_attribute("aria-invalid", "true")
        assert page.locator(".find .wrong mark").text_content() == marked
        assert wrong.text_content() == condition + (marked == " ") * " "
    field.fill("")
    page.keyboard.press("Enter")
    expect(page.locator(".find .said")).to_contain_text("The expression is empty")
    at_step(page, 100)


def red_dots(page: Page) -> int:
    """Pixels of the timeline in the marks' colour."""
    return page.locator(".curves").evaluate("""(canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let n = 0;
      for (let k = 0; k < data.length; k += 4) n += data[k] === 168 && data[k + 1] === 18 && data[k + 2] === 62;
      return n;
    }""")  # fmt: skip  # noqa: E501


def test_marks(page: Page) -> None:
    """All hits of the run, on the timeline, until they are cleared."""
    page.get_by_label(FIELD).fill("step % 50 == 7")
    assert red_dots(page) == 0
    page.get_by_role("button", name="Mark all in the run").click()
    expect(page.locator(".find .said")).to_have_text("8 marked on the timeline.")
    assert red_dots(page) > 8
    at_step(page, 100)
    page.get_by_role("button", name="Clear marks").click()
    expect(page.get_by_role("button", name="Clear marks")).to_be_hidden()
    assert red_dots(page) == 0


def test_one_click(page: Page, recorded: dict[str, Path]) -> None:
    """The smallest loss, without a word being written."""
    page.get_by_label(FIELD).click()
    page.get_by_role("button", name="the smallest loss that was kept").click()
    steps, losses = open_run(recorded["spiral"]).losses
    at_step(page, int(steps[losses.argmin()]))


def test_a_dead_unit(serve: Callable, browse: Callable, recorded: dict[str, Path]) -> None:
    """The one that is selected, of the digits' hundred."""
    run = open_run(recorded["digits"])
    unit = next(u for u in range(100) if run.first(f"dead(0, {u})", 30))
    page = browse(serve(recorded["digits"]), f"step=29&layer=0&unit={unit}")
    page.get_by_label(FIELD).click()
    page.get_by_role("button", name=f"unit {unit} of layer 0 is dead").click()
    there = run.first(f"dead(0, {unit})", 30)
    assert there is not None
    expect(page.locator(".timeline .place")).to_contain_text(f"step {there.step} of")


def endless(
    viewer: Viewer, run: int, condition: str, backward: bool, most: int, at: int, end: int, hit: int
) -> dict:
    """A search that comes to no end."""
    return {"hits": [], "done": False, "at": 10, "end": end, "hit": -1}


@pytest.mark.parametrize("how", ["Escape", "Stop"])
def test_stopping(
    serve: Callable, browse: Callable, recorded: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch, how: str,
) -> None:  # fmt: skip
    """A long search says that it searches, lets the page go on, and can be stopped."""
    monkeypatch.setitem(ANSWERS, "find", endless)
    page = browse(serve(recorded["spiral"]), "step=100")
    page.get_by_label(FIELD).fill("loss > 2")
    page.keyboard.press("Enter")
    said = page.locator(".find .said")
    expect(said).to_have_text("Searching … step 10 of 400")
    page.get_by_role("button", name="Step (→)").click()
    at_step(page, 101)
    expect(said).to_have_text("Searching … step 10 of 400")
    if how == "Escape":
        page.get_by_label(FIELD).press("Escape")
    else:
        page.get_by_role("button", name="Stop").click()
    expect(said).to_have_text("Stopped.")
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()


@pytest.mark.parametrize("text", ["🦄🦄 > loss", "  🦄 > loss", "loss > 🦄 + 1"])
def test_mistakes_beyond_plain_letters(page: Page, text: str) -> None:
    """Letters are counted as the server counts them: none is cut in two."""
    page.get_by_label(FIELD).fill(text)
    page.get_by_label(FIELD).press("Enter")
    expect(page.locator(".find .wrong mark")).to_have_text("🦄")
    assert page.locator(".find .wrong").text_content() == text
