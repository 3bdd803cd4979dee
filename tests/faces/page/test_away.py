"""Take away: each thing is downloaded as a person would, opened, and compared with the run."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.notebook import MLP
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.rewinding import open_run, open_runs
from retrograd.faces.code import code_of
from retrograd.faces.models import load_model


@pytest.fixture
def page(serve: Callable, browse: Callable, recorded: dict[str, Path]) -> Page:
    """The spiral's run at a step."""
    return browse(serve(recorded["spiral"]), "step=123&phase=update[2]")


def taken(page: Page, name: str, path: Path) -> Path:
    """Choose an entry of the menu, and keep what comes as a file."""
    page.get_by_role("button", name="Take away").click()
    with page.expect_download() as coming:
        page.get_by_role("menuitem", name=name).click()
    target = path / coming.value.suggested_filename
    coming.value.save_as(target)
    return target


def test_the_menu_is_one_for_keys(page: Page) -> None:
    """Enter opens it, the arrows go round, Escape and a click elsewhere close it."""
    button = page.get_by_role("button", name="Take away")
    button.focus()
    page.keyboard.press("Enter")
    items = page.get_by_role("menuitem")
    expect(items.first).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(items.last).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(items.nth(1)).to_be_focused()
    expect(page.locator(".timeline .place")).to_have_text("step 123 of 400")
    page.keyboard.press("Escape")
    expect(page.get_by_role("menu")).to_be_hidden()
    expect(button).to_be_focused()
    button.click()
    expect(button).to_have_attribute("aria-expanded", "true")
    page.locator(".network").click(position={"x": 5, "y": 5})
    expect(button).to_have_attribute("aria-expanded", "false")


def test_the_notebook(page: Page, tmp_path: Path) -> None:
    """Of this very step; its code runs, and finds the numbers to be right."""
    path = taken(page, "Trace as a notebook", tmp_path)
    assert path.name == "spiral-run1-step123.ipynb"
    cells = json.loads(path.read_text())["cells"]
    assert "Step 123 " in "".join(cells[0]["source"])
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    exec(compile(code, path.name, "exec"), {})


def test_the_model_file(page: Page, tmp_path: Path, recorded: dict[str, Path]) -> None:
    """Has the parameters of the moment, bit for bit."""
    path = taken(page, "Model file", tmp_path)
    coefs = open_run(recorded["spiral"]).at(123).coefs
    for found, W in zip(load_model(path).coefs_, coefs, strict=True):
        assert found.tobytes() == W.tobytes()


def test_the_code_on_the_page(page: Page, tmp_path: Path, recorded: dict[str, Path]) -> None:
    """Is read, copied or downloaded."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Take away").click()
    page.get_by_role("menuitem", name="Code").click()
    dialog = page.get_by_role("dialog")
    runs = open_runs(recorded["spiral"])
    expected = code_of(runs[0], runs)
    assert dialog.locator("pre").text_content() == expected
    dialog.get_by_role("button", name="Copy").click()
    expect(dialog.get_by_role("status")).to_have_text("copied")
    assert page.evaluate("navigator.clipboard.readText()") == expected
    with page.expect_download() as coming:
        dialog.get_by_role("button", name="Download").click()
    assert coming.value.suggested_filename == "spiral.py"
    coming.value.save_as(tmp_path / "spiral.py")
    assert (tmp_path / "spiral.py").read_text() == expected
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


@pytest.mark.parametrize(
    ("name", "has"), [("Network", "loss "), ("Timeline", "400 steps"), ("Step", "Update: layer 2")]
)
def test_pictures(page: Page, tmp_path: Path, name: str, has: str) -> None:
    """An SVG that any program reads, its texts as texts; a PNG twice as sharp as the screen."""
    expect(page.locator(".step .line").first).to_be_visible()
    path = taken(page, f"{name} as SVG", tmp_path)
    root = ElementTree.parse(path).getroot()
    svg = "{http://www.w3.org/2000/svg}"
    assert root.tag == f"{svg}svg"
    assert not list(root.iter(f"{svg}foreignObject"))
    texts = [node.text or "" for node in root.iter(f"{svg}text")]
    if name == "Timeline":
        image = next(root.iter(f"{svg}image")).get("href")
        assert image
        assert image.startswith("data:image/png;base64,")
    else:
        assert any(has in text for text in texts)
    png = taken(page, f"{name} as PNG", tmp_path).read_bytes()
    assert png.startswith(b"\x89PNG")
    width, height = (int.from_bytes(png[k : k + 4], "big") for k in (16, 20))
    assert (width, height) == (2 * int(root.get("width", "")), 2 * int(root.get("height", "")))


def picture(page: Page, name: str, path: Path) -> ElementTree.Element:
    """Take a part of the page as an SVG."""
    return ElementTree.parse(taken(page, f"{name} as SVG", path)).getroot()


def test_bitmaps_fill_their_place(
    serve: Callable, browse: Callable, recorded: dict[str, Path], tmp_path: Path
) -> None:
    """Of a matrix of any shape: a heatmap has a pixel an entry, and is as large as on the page."""
    page = browse(serve(recorded["digits"]), "step=40")
    heat = page.locator(".network .heat canvas")
    expect(heat).to_have_count(1)
    ratio = heat.evaluate("(canvas) => canvas.clientWidth / canvas.clientHeight")
    images = list(picture(page, "Network", tmp_path).iter("{http://www.w3.org/2000/svg}image"))
    assert {image.get("preserveAspectRatio") for image in images} == {"none"}
    shapes = [float(image.get("width", "")) / float(image.get("height", "")) for image in images]
    assert min(abs(shape / ratio - 1) for shape in shapes) < 0.02


# Boxes of texts, [x, y, width, height], on the page from its panel on, and in a picture of that.
ON_PAGE = """
(panel) => {
  const found = {};
  const from = panel.getBoundingClientRect();
  const walk = document.createTreeWalker(panel, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  while (walk.nextNode()) {
    range.selectNodeContents(walk.currentNode);
    const { x, y, width, height } = range.getBoundingClientRect();
    if (width) found[walk.currentNode.data] = [x - from.x, y - from.y, width, height];
  }
  return found;
}
"""
IN_PICTURE = """
(source) => {
  const holder = document.body.appendChild(document.createElement("div"));
  holder.innerHTML = source;
  const from = holder.firstElementChild.getBoundingClientRect();
  const found = [...holder.querySelectorAll("text")].map((text) => {
    const { x, y, width, height } = text.getBoundingClientRect();
    return [text.textContent, [x - from.x, y - from.y, width, height]];
  });
  holder.remove();
  return Object.fromEntries(found);
}
"""
MARGIN = 10  # of a picture around its panel


def test_texts_stand_as_on_the_page(
    serve: Callable, browse: Callable, recorded: dict[str, Path], tmp_path: Path
) -> None:
    """The names of an axis from below to above, too."""
    page = browse(serve(recorded["spiral"]), "step=123&tab=surface")
    low = page.locator(".outcome .axis.up span").first.text_content() or ""
    expected = page.locator(".outcome").evaluate(ON_PAGE)
    found = page.evaluate(IN_PICTURE, taken(page, "Outcome as SVG", tmp_path).read_text())
    for text in ("x0", "x1", low, "accuracy "):
        there = np.array(expected[text]) + [MARGIN, MARGIN, 0, 0]
        np.testing.assert_allclose(found[text], there, atol=3, err_msg=text)
    assert found[low][3] > 1.5 * found[low][2]


def test_a_picture_has_the_counts(
    serve: Callable, browse: Callable, recorded: dict[str, Path], tmp_path: Path
) -> None:
    """Each in its colour, in words that any program reads; but no buttons beside what is shown."""
    page = browse(serve(recorded["digits"]), "step=40&tab=confusion")
    cells = page.locator(".matrix .cell")
    expect(cells).to_have_count(100)
    path = taken(page, "Outcome as SVG", tmp_path)
    root = ElementTree.parse(path).getroot()
    texts = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    counts = cells.all_text_contents()
    for k in range(10):
        assert "|".join(counts[10 * k : 10 * k + 10]) in "|".join(map(str, texts))
    assert "confusion" in texts
    assert "calibration" not in texts
    fills = {node.get("fill") for node in root.iter("{http://www.w3.org/2000/svg}rect")}
    assert len(fills) > 20
    assert "color(" not in path.read_text()


# Whether a picture is of one colour in its margin.
MARGIN_IS_EMPTY = """
async (source) => {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(source)}`;
  await image.decode();
  const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
  context.drawImage(image, 0, 0);
  const left = image.width - 8;
  const pixels = new Uint32Array(context.getImageData(left, 0, 8, image.height).data.buffer);
  return pixels.every((pixel) => pixel === pixels[0]);
}
"""


def test_a_picture_ends_where_the_page_ends_it(
    serve: Callable, browse: Callable, recorded: dict[str, Path], tmp_path: Path
) -> None:
    """Of a matrix that is wider than its panel, nothing is drawn over the frame and beyond."""
    page = browse(serve(recorded["digits"]), "step=40&tab=confusion")
    holder = page.locator(".matrix-holder")
    expect(holder).to_be_visible()
    page.set_viewport_size({"width": 300, "height": 800})
    page.wait_for_function(
        """() => {
          const holder = document.querySelector(".matrix-holder");
          return holder && holder.scrollWidth > holder.clientWidth + 50;
        }"""
    )
    assert page.evaluate(MARGIN_IS_EMPTY, taken(page, "Outcome as SVG", tmp_path).read_text())


def test_a_picture_of_what_is_chosen_and_cut(
    serve: Callable, browse: Callable, tmp_path: Path
) -> None:
    """Long names end as on the page; fields are read; classes have their colours."""
    import polars as pl

    X = np.random.default_rng(0).standard_normal((60, 3))
    long = [f"the {side} side of a leaf in millimetres, measured twice by hand" for side in "abc"]
    model = MLPClassifier((5,), max_iter=2, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        recorder = Recorder(tmp_path / "leaf.retro")
        model.set_callbacks(recorder).fit(pl.DataFrame(X, schema=long), X[:, 0] > 0)
    page = browse(serve(tmp_path / "leaf.retro"), "tab=surface")
    expect(page.locator(".outcome .axis.up")).to_be_visible()
    source = taken(page, "Outcome as SVG", tmp_path).read_text()
    found = page.evaluate(IN_PICTURE, source)
    box = page.locator(".outcome").bounding_box()
    assert box
    cut = [text for text in found if text.endswith("…") and text[:-1] in long[0] + long[1]]
    assert len(cut) == 2  # a name for each axis
    for text in cut:
        x, y, width, height = found[text]
        assert 0 < x < x + width < box["width"]
        assert 0 < y < y + height < box["height"]
    assert {*long[:2]} < {*found}  # of the fields in which they are chosen
    chips = page.locator(".outcome .legend i")
    expect(chips).to_have_count(2)
    for chip in chips.all():
        colour = chip.evaluate("(element) => getComputedStyle(element).backgroundColor")
        assert f'fill="{colour}"' in source


def test_broken_names_are_broken_in_pictures(
    serve: Callable, browse: Callable, tmp_path: Path
) -> None:
    """A line of the page is a line of the picture, within a word, too."""
    names = np.array(["Pseudopseudohypoparathyroidism", "Hippopotomonstrosesquipedalian"])
    model = MLPClassifier((4,), max_iter=2, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.set_callbacks(Recorder(tmp_path / "a.retro")).fit(
            np.eye(60, 3), names[np.arange(60) % 2]
        )
    page = browse(serve(tmp_path / "a.retro"), "tab=worst")
    expect(page.locator(".outcome .rows")).to_be_visible()
    root = picture(page, "Outcome", tmp_path)
    texts = [node.text or "" for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert not {*names} & {*texts}
    for name in names:
        assert name in "".join(texts)


def test_the_link(page: Page, browse: Callable) -> None:
    """Leads another browser to the same place."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Take away").click()
    page.get_by_role("menuitem", name="Link").click()
    expect(page.locator(".notice")).to_have_text("The address of this place is copied.")
    other = browse(page.evaluate("navigator.clipboard.readText()"))
    expect(other.locator(".timeline .place")).to_have_text("step 123 of 400")
    expect(other.locator(".phase.open")).to_have_attribute("data-phase", "update[2]")


def test_at_the_end_there_is_no_trace_to_take(page: Page) -> None:
    """But a model."""
    page.keyboard.press("End")
    expect(page.locator(".timeline .place")).to_have_text("step 400 of 400")
    page.get_by_role("button", name="Take away").click()
    expect(page.get_by_role("menuitem", name="Model file")).to_be_visible()
    expect(page.get_by_role("menuitem", name="Trace as a notebook")).to_have_count(0)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_what_needs_the_data_is_not_offered_without(
    serve: Callable, browse: Callable, tmp_path: Path
) -> None:
    """It says why; of a moment that the file holds there is a model all the same."""
    model = MLPClassifier((4,), max_iter=3, random_state=0)
    model.set_callbacks(Recorder(tmp_path / "a.retro", keep_data=False))
    model.fit(np.eye(60, 3), np.arange(60) % 2)
    page = browse(serve(tmp_path / "a.retro"), "step=1")
    page.get_by_role("button", name="Take away").click()
    for name in ("Model file", "Trace as a notebook"):
        entry = page.get_by_role("menuitem", name=name)
        expect(entry).to_have_attribute("aria-disabled", "true")
        expect(entry).to_contain_text("needs data that the file does not keep")
        entry.dispatch_event("click")
    expect(page.get_by_role("menu")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("End")
    expect(page.locator(".timeline .place")).to_have_text("step 3 of 3")
    taken(page, "Model file", tmp_path)
    assert load_model(tmp_path / "a-run1-step3.safetensors").coefs_[0].shape == (3, 4)


def test_the_notebooks_network_goes_into_no_model_file(
    serve: Callable, browse: Callable, tmp_path: Path
) -> None:
    path = tmp_path / "mlp.retro"
    MLP(epochs=2).fit(np.eye(2), np.array([0, 1]), Recorder(path))
    page = browse(serve(path))
    page.locator(".away button").first.click()
    expect(page.get_by_role("menuitem", name="Code")).to_be_visible()
    expect(page.get_by_role("menuitem", name="Model file")).to_have_count(0)
