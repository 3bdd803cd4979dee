"""Makes the pictures of the page in docs/page anew: ``python docs/screenshots.py [name …]``.

Needs Chromium (Debian: apt-get install chromium) and Playwright, as the tests do; the one of a
notebook needs nbconvert and ipykernel, too.
"""

import shutil
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, sync_playwright
from sklearn.datasets import load_diabetes, load_digits, make_moons
from sklearn.preprocessing import StandardScaler

from retrograd import MLPClassifier, MLPRegressor, Recorder, open_run, open_runs
from retrograd.faces.page.answers.playing import PLAY_ANSWERS
from retrograd.faces.page.answers.table import ANSWERS
from retrograd.faces.page.playground import Playground
from retrograd.faces.page.playing import begin
from retrograd.faces.page.serving import Serving
from retrograd.faces.page.viewer import Viewer

FOLDER = Path(__file__).parent / "page"
PENGUINS = Path(__file__).parent.parent / "examples" / "penguins.csv"
MOST_BYTES = 400_000
WIDE, HIGH = 1280, 800
# Milliseconds in which whatever was asked for is drawn, and traces of the pointer are gone.
REST = 1200
# A page, a part of it, or what lies in a box.
Shot = Page | Locator | tuple[Page, dict[str, float]]


class Studio:
    """A browser, runs to show, and what serves them; a run is recorded once it is wanted."""

    def __init__(self, folder: Path, browser: Browser) -> None:
        self.folder, self.browser = folder, browser
        self._closing: list[Callable[[], Any]] = []

    def file(self, name: str) -> Path:
        """A file with one run."""
        path = self.folder / f"{name}.retro"
        if not path.exists():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                RUNS[name](Recorder(path))
        return path

    def view(self, name: str, place: str = "", height: int = HIGH) -> Page:
        """A page of a run, at a place."""
        return self._open(Viewer(open_runs(self.file(name)), ANSWERS), place, height)

    def play(self, place: str = "") -> Page:
        """A page of the playground, whose first training has ended."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        viewer = Playground(folder / "playground.retro", PLAY_ANSWERS)
        begin(viewer, None)
        page = self._open(viewer, place, HIGH)
        self._closing.append(viewer.close)
        page.locator(".build .status", has_text="ended").wait_for()
        return page

    def _open(self, viewer: Viewer, place: str, height: int) -> Page:
        serving = Serving(viewer.answer)
        thread = threading.Thread(target=serving.run)
        thread.start()
        self._closing += [thread.join, serving.stop]
        page = self.sheet(height)
        page.goto(f"{serving.address}#{place}")
        page.wait_for_selector(".timeline .place:not(:empty)")
        page.wait_for_timeout(REST)
        return page

    def sheet(self, height: int = HIGH) -> Page:
        """An empty page."""
        page = self.browser.new_page(viewport={"width": WIDE, "height": height})
        self._closing.append(page.close)
        return page

    def tidy(self) -> None:
        """Close what was opened for a picture."""
        while self._closing:
            self._closing.pop()()


def digits(recorder: Recorder) -> None:
    """64-100-10, with validation."""
    X, y = load_digits(return_X_y=True)
    model = MLPClassifier((100,), early_stopping=True, max_iter=100, random_state=0)
    model.set_callbacks(recorder).fit(X / 16, y)


def wide(recorder: Recorder) -> None:
    """64-256-128-10."""
    X, y = load_digits(return_X_y=True)
    model = MLPClassifier((256, 128), early_stopping=True, max_iter=30, random_state=0)
    model.set_callbacks(recorder).fit(X / 16, y)


def moons(recorder: Recorder) -> None:
    """2-8-4-1, to see all of."""
    X, y = make_moons(300, noise=0.2, random_state=0)
    model = MLPClassifier(
        (8, 4), activation="tanh", batch_size=30, learning_rate_init=0.01, random_state=0
    )
    model.set_callbacks(recorder).fit(X, y)


def diabetes(recorder: Recorder) -> None:
    """10-16-1, a regression."""
    X, y = load_diabetes(return_X_y=True)
    X, y = StandardScaler().fit_transform(X), y / 100
    model = MLPRegressor(
        hidden_layer_sizes=(16,), learning_rate_init=0.01, max_iter=150, random_state=0
    )
    model.set_callbacks(recorder).fit(X, y)


RUNS: dict[str, Callable[[Recorder], None]] = {
    "digits": digits, "wide": wide, "moons": moons, "diabetes": diabetes,
}  # fmt: skip


# A picture each: what is done before it is taken, and what of the page is in it.


def page_light(studio: Studio) -> Shot:
    """The page as a whole: a network small enough to see all of."""
    return studio.view("moons", "step=1100&theme=light&phase=forward%5B1%5D")


def page_dark(studio: Studio) -> Shot:
    """The page as a whole: one of digits."""
    return studio.view("digits", "step=450&theme=dark&phase=backward%5B0%5D&layer=0&unit=12")


def timeline(studio: Studio) -> Shot:
    """Curves, the best epoch's star, the pointer's exact loss."""
    page = studio.view("digits", "step=210&theme=light&curve=loss,score,epoch_loss")
    box = page.locator(".slider").bounding_box() or {}
    page.mouse.move(box["x"] + 0.62 * box["width"], box["y"] + 50)
    page.locator(".tip").wait_for()
    return page.locator(".timeline")


def network(studio: Studio) -> Shot:
    """Units and links, and the card of a unit."""
    page = studio.view("moons", "step=300&theme=light")
    page.locator('[data-unit="0,0"] .disc').hover()
    page.locator(".hover-card").wait_for()
    return _around(page, ".network", ".hover-card")


def network_wide(studio: Studio) -> Shot:
    """Units as images of the weights into them, layers as pictures."""
    page = studio.view("wide", "step=200&theme=dark&show=sorted", height=1000)
    page.locator(".gallery canvas").hover(position={"x": 60, "y": 40})
    page.locator(".hover-card").wait_for()
    return _around(page, ".network", ".hover-card")


def step(studio: Studio) -> Shot:
    """A phase's equations with their numbers, and why a weight moves."""
    place = "step=300&theme=light&phase=backward%5B1%5D&layer=1&from=3&unit=2"
    return studio.view("moons", place, height=1100).locator(".step")


def row(studio: Studio) -> Shot:
    """A row's way through the network."""
    return studio.view("digits", "step=450&theme=dark&row=11", height=1300).locator(".inspector")


def surface(studio: Studio) -> Shot:
    """The decision surface."""
    return studio.view("moons", "step=1100&theme=light&row=3").locator(".outcome")


def confusion(studio: Studio) -> Shot:
    """The matrix of confusions, with the rows of a cell."""
    page = studio.view("digits", "step=60&theme=dark", height=1200)
    page.get_by_role("button", name="true 3, predicted 9").click()
    page.locator(".of-cell .thumb").first.wait_for()
    return page.locator(".outcome")


def residuals(studio: Studio) -> Shot:
    """Predicted against true numbers."""
    page = studio.view("diabetes", "theme=light&tab=residuals")
    page.get_by_role("img", name="Predicted against true").hover(position={"x": 150, "y": 150})
    return page.locator(".outcome")


def calibration(studio: Studio) -> Shot:
    """How sure against how often right."""
    return studio.view("digits", "step=120&theme=light&tab=calibration&on=validation").locator(
        ".outcome"
    )


def worst(studio: Studio) -> Shot:
    """Rows of the largest loss."""
    return studio.view("digits", "step=450&theme=light&tab=worst").locator(".outcome")


def compare(studio: Studio) -> Shot:
    """A pinned moment beside another one."""
    page = studio.view("moons", "step=60&theme=dark", height=1100)
    page.get_by_role("button", name="pin this moment").click()
    page.get_by_role("button", name="To the end").click()
    page.locator(".compare .plane").nth(1).wait_for()
    return page.locator(".compare")


def branch(studio: Studio) -> Shot:
    """Both futures of a weight, a label and a rate that were changed."""
    shutil.copy(studio.file("moons"), studio.folder / "branched.retro")
    place = "step=300&theme=light&layer=1&from=3&unit=2&row=17&curve=epoch_loss"
    page = studio.view("branched", place, height=900)
    page.get_by_role("button", name="Branch here").click()
    page.get_by_label("learning_rate_init").fill("0.1")
    page.get_by_label("Weight or bias: its new value").fill("-2")
    page.get_by_label("Target of a row: its new class").select_option("1")
    page.get_by_role("button", name="Branch", exact=True).click()
    page.locator(".branch .told", has_text="ended after").wait_for()
    page.locator(".branch").evaluate("panel => panel.scrollIntoView()")
    return page


def find(studio: Studio) -> Shot:
    """A condition, and all its hits on the timeline."""
    page = studio.view("digits", "step=180&theme=dark")
    page.keyboard.press("f")
    page.keyboard.type("gradient_norm > 0.3")
    page.get_by_role("button", name="Mark all in the run").click()
    page.locator(".find .said", has_text="marked").wait_for()
    page.get_by_role("button", name="next").click()
    return page, {"x": 0, "y": 0, "width": WIDE, "height": 470}


def take_away(studio: Studio) -> Shot:
    """All that can be taken away."""
    page = studio.view("moons", "step=300&theme=light&phase=update%5B1%5D")
    page.get_by_role("button", name="Take away").click()
    return page, {"x": 0, "y": 0, "width": WIDE, "height": 470}


def play_circle(studio: Studio) -> Shot:
    """What the playground opens with."""
    return studio.play("theme=light")


def play_spiral(studio: Studio) -> Shot:
    """A training that is under way."""
    page = studio.play("theme=dark")
    build = page.locator(".build")
    build.get_by_label("Data", exact=True).select_option("spiral")
    build.get_by_role("button", name="More units in hidden layer 0").click()
    build.get_by_role("button", name="More units in hidden layer 0").click()
    build.get_by_label("Activation of hidden layer 1").select_option("relu")
    build.get_by_label("Learning rate", exact=True).fill("0.03")
    page.get_by_label("Pace of the training").select_option("20 epochs/s")
    build.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_timeout(6000)
    return page


def play_table(studio: Studio) -> Shot:
    """A table of one's own."""
    page = studio.play("theme=light")
    page.get_by_label("A table of your own").set_input_files(PENGUINS)
    build = page.locator(".build")
    build.get_by_label("Learn", exact=True).select_option("species")
    build.locator(".words", has_text="rows").wait_for()
    build.get_by_role("button", name="Train", exact=True).click()
    page.locator(".build .status", has_text="run 2 ended").wait_for()
    page.locator(".outcome .matrix").wait_for()
    page.get_by_role("button", name="surface").click()
    page.get_by_label("Feature from left to right").select_option("bill_length_mm")
    page.get_by_label("Feature from below").select_option("flipper_length_mm")
    page.get_by_role("button", name="Show the last step").click()
    return page


def still(studio: Studio) -> Shot:
    """A run in one file."""
    path = studio.folder / "moons.html"
    open_run(studio.file("moons")).to_html(path)
    page = studio.sheet()
    page.goto(f"{path.as_uri()}#theme=dark")
    page.get_by_role("button", name="Show the moment before").click()
    return page


def notebook(studio: Studio) -> Shot:
    """The page below a notebook's cell."""
    import nbclient
    import nbformat
    from nbconvert import HTMLExporter

    studio.file("moons")
    code = 'import retrograd\n\nretrograd.view("moons.retro")'
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    about = {"metadata": {"path": str(studio.folder)}}
    nbclient.NotebookClient(book, store_widget_state=False, resources=about).execute()
    (studio.folder / "book.html").write_text(HTMLExporter().from_notebook_node(book)[0])
    page = studio.sheet(height=900)
    page.route(lambda url: url.startswith("http"), lambda route: route.fulfill(body=""))
    page.goto((studio.folder / "book.html").as_uri())
    page.frame_locator("iframe").get_by_role("button", name="Show the moment before").click()
    return page


def _around(page: Page, *selectors: str) -> Shot:
    """The box around some parts of a page."""
    boxes = [page.locator(selector).bounding_box() or {} for selector in selectors]
    left, top = (min(box[name] for box in boxes) for name in ("x", "y"))
    right = max(box["x"] + box["width"] for box in boxes)
    bottom = max(box["y"] + box["height"] for box in boxes)
    return page, {"x": left, "y": top, "width": right - left, "height": bottom - top}


def take(shot: Shot, path: Path) -> None:
    """Take a picture."""
    page = shot[0] if isinstance(shot, tuple) else shot if isinstance(shot, Page) else shot.page
    page.wait_for_timeout(REST)
    if isinstance(shot, tuple):
        page.screenshot(path=path, clip=shot[1])
    else:
        shot.screenshot(path=path)


PICTURES = [
    page_light, page_dark, timeline, network, network_wide, step, row, surface, confusion,
    residuals, calibration, worst, compare, branch, find, take_away, play_circle, play_spiral,
    play_table, still, notebook,
]  # fmt: skip


def main() -> None:
    """Make all pictures, or those that are named."""
    by_name = {picture.__name__.replace("_", "-"): picture for picture in PICTURES}
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        studio = Studio(Path(folder), browser)
        for name in sys.argv[1:] or by_name:
            path = FOLDER / f"{name}.png"
            take(by_name[name](studio), path)
            studio.tidy()
            size = path.stat().st_size
            print(f"{path.name}: {size:,} bytes{', too many' if size > MOST_BYTES else ''}")
        browser.close()


if __name__ == "__main__":
    main()
