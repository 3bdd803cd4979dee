"""Room: what stands where on a phone, on a low or enlarged page, in a narrow panel, on paper."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.rewinding import open_run

PHONES = (320, 360, 412, 480, 560)


def sides(part: Locator) -> tuple[float, float]:
    """Where it begins and ends, from left to right."""
    box = part.bounding_box()
    assert box
    return box["x"], box["x"] + box["width"]


def sized(page: Page, width: int, height: int = 740) -> Page:
    """The page in a window of another size, once it is drawn for that."""
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_timeout(200)
    return page


def test_what_opens_lies_in_the_window(serve: Callable, browse: Callable, recorded: dict) -> None:
    """Of a phone: the list of conditions, and the menu."""
    page = browse(serve(recorded["spiral"]), "step=123")
    opened = page.locator(".find .drop"), page.get_by_role("menu")
    for width in PHONES:
        sized(page, width)
        page.get_by_label("Find a moment: a condition (f)").click()
        expect(page.locator(".often button").first).to_be_visible()
        page.keyboard.press("d")
        expect(page.get_by_role("option").first).to_be_visible()
        places = [sides(opened[0])]
        page.keyboard.press("Backspace")
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Take away").click()
        places.append(sides(opened[1]))
        page.keyboard.press("Escape")
        assert all(left >= 0 and right <= width for left, right in places), (width, places)
        assert page.evaluate("document.documentElement.scrollWidth") == width


SIZES = """
(where) => where.map((one) => parseFloat(getComputedStyle(document.querySelector(one)).fontSize))
"""


def test_a_larger_font_of_the_browser(serve: Callable, browse: Callable, recorded: dict) -> None:
    """Enlarges the text, not its headings alone; and a row of a list can be hit."""
    page = browse(serve(recorded["spiral"]), "step=7&layer=1&unit=2&from=3")
    expect(page.locator(".shares button").first).to_be_visible()
    heights = page.locator(".shares button").evaluate_all(
        "(all) => all.map((one) => one.getBoundingClientRect().height)"
    )
    assert min(heights) >= 24
    where = [
        ".facts", ".network h2", ".network .bar .number", ".step .told", ".inspector h2",
        ".shares", ".shares button", ".outcome button", ".inspector dd", ".chip",
    ]  # fmt: skip
    for one in where:
        expect(page.locator(one).first).to_be_visible()
    before = page.evaluate(SIZES, where)
    page.evaluate("document.documentElement.style.fontSize = '24px'")
    assert page.evaluate(SIZES, where) == pytest.approx([1.5 * one for one in before], abs=0.01)


FITS = """
(field) => {
  const style = getComputedStyle(field);
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.font = `${style.fontSize} ${style.fontFamily}`;
  const room = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  return context.measureText(field.placeholder).width <= room;
}
"""


def test_what_a_field_is_for_can_be_read(serve: Callable, browse: Callable, recorded: dict) -> None:
    """On a phone, too; what the buttons beside it say is still told to who listens."""
    page = browse(serve(recorded["spiral"]), "step=123")
    field = page.get_by_label("Find a moment: a condition (f)")
    for width in PHONES:
        assert sized(page, width).evaluate("innerWidth") == width
        assert field.evaluate(FITS), width
        for name in ("last", "next"):
            expect(page.get_by_role("button", name=name, exact=True)).to_be_visible()


# The focused element, if the timeline lies on its upper edge, its middle or its lower edge.
OVER = """
() => {
  const one = document.activeElement;
  if (one === document.body || one.matches(".retrograd") || one.closest(".timeline")) return null;
  const { left, right, top, bottom } = one.getBoundingClientRect();
  const x = (Math.max(0, left) + Math.min(innerWidth, right)) / 2;
  for (const y of [top + 2, (top + bottom) / 2, bottom - 2]) {
    const there = document.elementFromPoint(x, y);
    if (there?.closest(".timeline")) return `${one.outerHTML.slice(0, 90)} at ${y}`;
  }
  return null;
}
"""


@pytest.mark.parametrize(("width", "height"), [(640, 400), (360, 740), (1024, 700), (1280, 620)])
def test_the_focus_is_not_under_the_timeline(
    width: int, height: int, serve: Callable, browse: Callable, recorded: dict
) -> None:
    """Whichever way the keys lead; and of a low window or a phone's it does not take a half."""
    page = browse(serve(recorded["spiral"]), "step=123&layer=1&unit=2&tab=confusion")
    sized(page, width, height)
    expect(page.locator(".inspector .facts-list")).to_be_visible()
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    page.wait_for_timeout(200)
    box = page.locator(".timeline").bounding_box()
    assert box
    assert (box["y"] == 0) == (width > 640 and height > 600)
    page.locator(".compare button").last.focus()
    found = []
    for _ in range(60):
        page.keyboard.press("Shift+Tab")
        found.append(page.evaluate(OVER))
    assert page.evaluate("scrollY") < 600
    assert [one for one in found if one] == []


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """A run of 2 inputs and 1,000 units."""
    X = np.random.default_rng(0).normal(size=(40, 2))
    model = MLPClassifier((1000,), max_iter=1, batch_size=20, random_state=0)
    with pytest.warns(Warning, match="Maximum iterations"):
        model.set_callbacks(Recorder(tmp_path / "wide.retro")).fit(X, X[:, 0] > 0)
    return tmp_path / "wide.retro"


# Middle of an entry's place, in the window, in a canvas with a border of a pixel.
MIDDLE = """
(canvas, [row, rows, column, columns]) => {
  const { left, top, width, height } = canvas.getBoundingClientRect();
  const along = (from, size, k, n) => from + 1 + ((k + 0.5) / n) * (size - 2);
  return [along(left, width, column, columns), along(top, height, row, rows)];
}
"""


def test_few_inputs_of_many_units(serve: Callable, browse: Callable, wide: Path) -> None:
    """Are a picture in which both rows can be seen, pointed at and framed."""
    page = browse(serve(wide), "step=1&phase=update%5B0%5D")
    coefs = open_run(wide).at(1).coefs[0]
    for heat in (page.locator(".network .heat"), page.locator(".step .heat")):
        canvas = heat.first.locator("canvas")
        expect(canvas).to_be_visible()
        box = canvas.bounding_box()
        assert box
        assert box["height"] >= 16
        assert box["width"] < 600
    heat = page.locator(".network .heat").first
    canvas = heat.locator("canvas")
    columns = int(np.argmax(np.abs(coefs[0] - coefs[1]))), 500, 999
    for row, column in ((row, column) for row in (0, 1) for column in columns):
        page.mouse.move(*canvas.evaluate(MIDDLE, [row, 2, column, 1000]))
        told = heat.locator(".under").text_content() or ""
        found = re.match(r"coefs\[0\]\[(\d), (\d+)\] = (\S+)", told)
        assert found
        assert int(found[1]) == row
        assert abs(int(found[2]) - column) <= 3  # positions of the pointer are whole pixels
        assert float(found[3].replace("−", "-")) == coefs[int(found[1]), int(found[2])]
    page.mouse.click(*canvas.evaluate(MIDDLE, [1, 2, 500, 1000]))
    frame = page.locator(".step .heat .frame:visible").first
    expect(frame).to_be_visible()
    picture = frame.locator("xpath=..").locator("canvas").bounding_box()
    box = frame.bounding_box()
    assert box
    assert picture
    middle = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
    shares = [
        (at - picture[side]) / picture[size]
        for at, side, size in zip(middle, "xy", ("width", "height"), strict=True)
    ]
    np.testing.assert_allclose(shares, [0.5, 0.75], atol=0.05)


def test_numbers_that_are_wider_than_a_phone(
    serve: Callable, browse: Callable, recorded: dict
) -> None:
    """Are scrolled to, by the arrow keys, too."""
    page = sized(browse(serve(recorded["spiral"]), "step=23&phase=forward%5B0%5D"), 320)
    table = page.locator(".step [data-symbol='W[0]'] .numbers")
    last = table.locator("[data-at='7']")
    assert sides(last)[1] > sides(table)[1] + 3
    table.locator("[data-at='0']").focus()
    for _ in range(7):
        page.keyboard.press("ArrowRight")
    expect(last).to_be_focused()
    assert sides(last)[1] <= sides(table)[1] + 3


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    """A run of a network of 20 hidden layers."""
    X = np.random.default_rng(0).normal(size=(40, 2))
    model = MLPClassifier((8,) * 20, max_iter=1, batch_size=40, random_state=0)
    with pytest.warns(Warning, match="Maximum iterations"):
        model.set_callbacks(Recorder(tmp_path / "deep.retro")).fit(X, X[:, 0] > 0)
    return tmp_path / "deep.retro"


def test_many_layers(serve: Callable, browse: Callable, deep: Path) -> None:
    """Leave room for links between them; or, where there is none, are drawn one below the other."""
    page = sized(browse(serve(deep), "step=1"), 1600)
    expect(page.locator(".head .facts")).to_contain_text("2 → 20 × 8 → 1 · 20 × relu, logistic")
    one, other = (sides(page.locator(f'[data-unit="{layer},0"] .disc')) for layer in (3, 4))
    assert other[0] - one[1] > 5
    sized(page, 360)
    expect(page.locator(".network .layer")).to_have_count(21)


# What there is on the sheet, looked at while the browser prints, and whether its ground is dark.
ON_PAPER = """
() => {
  const look = () => {
    const boxOf = (one) => one.getBoundingClientRect();
    const [curves, handle] = [".curves", ".handle"].map((one) => document.querySelector(one));
    const seen = [...document.querySelectorAll(".retrograd :is(canvas, svg, table)")];
    const { x, width } = boxOf(curves);
    window.paper = {
      sheet: document.documentElement.clientWidth,
      right: Math.max(...seen.map((one) => boxOf(one).right)),
      curves: width,
      drawn: curves.width / devicePixelRatio,
      at: (boxOf(handle).x + boxOf(handle).width / 2 - x) / width,
      shape: width / boxOf(curves).height - curves.width / curves.height,
      controls: [...document.querySelectorAll(".tools, .bar button, .bar select, .branch")]
        .filter((one) => one.checkVisibility()).map((one) => one.textContent),
      ink: getComputedStyle(document.querySelector("#retrograd")).color,
      torn: [".timeline", ".outcome", ".step figure", ".line"]
        .map((one) => document.querySelector(one)).filter((one) => one)
        .filter((one) => getComputedStyle(one).breakInside !== "avoid").length,
    };
  };
  matchMedia("print").addEventListener("change", ({ matches }) => { if (matches) look(); });
  window.look = look;
}
"""


@pytest.mark.parametrize("landscape", [False, True])
def test_on_paper(landscape: bool, serve: Callable, browse: Callable, recorded: dict) -> None:
    """All is within the sheet, the handle at its step, without controls and on light ground."""
    page = browse(serve(recorded["spiral"]), "step=100&theme=dark&layer=1&unit=2")
    sized(page, 1600, 900)
    expect(page.locator(".inspector .past canvas")).to_be_visible()
    page.evaluate(ON_PAPER)
    page.pdf(format="A4", landscape=landscape)
    paper = page.evaluate("window.paper")
    assert paper["sheet"] < 1200
    assert paper["right"] <= paper["sheet"]
    assert abs(paper["curves"] - paper["drawn"]) < 1.5
    edge = 10 / paper["curves"]
    assert paper["at"] == pytest.approx(edge + 0.25 * (1 - 2 * edge), abs=0.003)
    assert paper["controls"] == ["loss"]  # the curve that is shown
    assert paper["ink"] == "rgb(27, 29, 34)"
    assert paper["torn"] == 0
    # Afterwards all is as it was.
    expect(page.locator("#retrograd")).to_have_attribute("data-theme", "dark")
    page.wait_for_function(
        "() => document.querySelector('.curves').clientWidth === "
        "document.querySelector('.slider').clientWidth && innerWidth === 1600"
    )


def test_on_paper_as_drawn_for_the_window(
    serve: Callable, browse: Callable, recorded: dict
) -> None:
    """Where nothing is drawn anew, it is made smaller; the handle stays at its step."""
    page = browse(serve(recorded["spiral"]), "step=100")
    page.wait_for_function(  # the curves may be drawn after their place is told
        "() => parseFloat(document.querySelector('.handle').style.getPropertyValue('--at')) > 20"
    )
    page.evaluate(ON_PAPER)
    page.evaluate(
        """() => {
          // As a browser that prints a copy of the page.
          const copy = document.querySelector("#retrograd").cloneNode(true);
          document.querySelector("#retrograd").replaceWith(copy);
        }"""
    )
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 720, "height": 900})
    page.evaluate("window.look()")
    paper = page.evaluate("window.paper")
    assert paper["right"] <= 720
    assert abs(paper["shape"]) < 0.1
    edge = 10 / paper["drawn"]
    assert paper["at"] == pytest.approx(edge + 0.25 * (1 - 2 * edge), abs=0.003)


def test_in_a_document_from_right_to_left(
    serve: Callable, browse: Callable, recorded: dict
) -> None:
    """As a notebook's may be: a minus stays before its number, an axis's least end at the left."""
    page = browse(serve(recorded["spiral"]), "step=200")
    page.evaluate("document.documentElement.dir = 'rtl'")
    ends = page.locator(".outcome .across span")
    expect(ends).to_have_count(3)
    assert (ends.first.text_content() or "").startswith("−")
    assert sides(ends.first) < sides(ends.last)
    sign = ends.first.evaluate(
        """(span) => [0, 1].map((k) => {
          const range = document.createRange();
          range.setStart(span.firstChild, k);
          range.setEnd(span.firstChild, k + 1);
          return range.getBoundingClientRect().left;
        })"""
    )
    assert sign[0] < sign[1]
