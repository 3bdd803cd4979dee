"""Makes the pictures of the page in docs/page anew: ``python docs/screenshots.py``.

Needs Chromium (Debian: apt-get install chromium) and Playwright, as the tests do.
"""

import shutil
import sys
import tempfile
import threading
import warnings
from pathlib import Path

from playwright.sync_api import sync_playwright
from sklearn.datasets import load_digits, make_moons

from retrograd import MLPClassifier, Recorder, open_runs
from retrograd.faces.page.answers.table import ANSWERS
from retrograd.faces.page.serving import Serving
from retrograd.faces.page.viewer import Viewer

FOLDER = Path(__file__).parent / "page"
MOST_BYTES = 400_000
SIZE = {"width": 1280, "height": 800}
# Name of the picture: which run, and where on its page.
PICTURES = {
    "digits-light": ("digits", "step=450&theme=light&phase=backward%5B0%5D&layer=0&unit=12"),
    "digits-dark": ("digits", "step=450&theme=dark&phase=update%5B1%5D&tab=worst"),
    "moons-light": ("moons", "step=300&theme=light&phase=forward%5B1%5D&layer=1&unit=2"),
    "moons-dark": ("moons", "step=300&theme=dark&phase=backward%5B1%5D&layer=1&from=3&unit=2"),
}


def record(folder: Path) -> dict[str, Path]:
    """Record the runs that are shown."""
    files = {name: folder / f"{name}.retro" for name in ("digits", "moons")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        X, y = load_digits(return_X_y=True)
        digits = MLPClassifier((100,), early_stopping=True, max_iter=100, random_state=0)
        digits.set_callbacks(Recorder(files["digits"])).fit(X / 16, y)
        X, y = make_moons(300, noise=0.2, random_state=0)
        moons = MLPClassifier(
            (8, 4), activation="tanh", batch_size=30, learning_rate_init=0.01, random_state=0
        )
        moons.set_callbacks(Recorder(files["moons"])).fit(X, y)
    return files


def main() -> None:
    """Make all pictures, or those that are named."""
    wanted = sys.argv[1:] or list(PICTURES)
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        files = record(Path(folder))
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        for name in wanted:
            run, place = PICTURES[name]
            serving = Serving(Viewer(open_runs(files[run]), ANSWERS).answer)
            thread = threading.Thread(target=serving.run)
            thread.start()
            page = browser.new_page(viewport=SIZE)
            page.goto(f"{serving.address}#{place}")
            page.wait_for_selector(".timeline .place:not(:empty)")
            page.wait_for_timeout(1500)  # all views have drawn, and a pointer's traces are gone
            path = FOLDER / f"{name}.png"
            page.screenshot(path=path)
            page.close()
            serving.stop()
            thread.join()
            size = path.stat().st_size
            print(f"{path.name}: {size:,} bytes{', too many' if size > MOST_BYTES else ''}")
        browser.close()


if __name__ == "__main__":
    main()
