"""Room: what stands where on a phone, on a low or enlarged page, in a narrow panel, on paper."""

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

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
