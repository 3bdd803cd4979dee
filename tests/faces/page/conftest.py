"""A real browser on real runs: the page is driven as a person would, and must not complain."""

import os
import shutil
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sklearn.datasets import load_digits

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.rewinding import open_runs
from retrograd.faces.page.answers import replayed
from retrograd.faces.page.answers.table import ANSWERS
from retrograd.faces.page.serving import Serving
from retrograd.faces.page.viewer import Viewer

SIZE = {"width": 1280, "height": 800}
# Patience of a machine that does other things, too: milliseconds until an expectation is given up.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        if os.environ.get("CI"):
            pytest.fail("CI has no chromium")
        pytest.skip("there is no chromium (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


def spiral(n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Two arms of points."""
    rng = np.random.default_rng(0)
    t = np.sqrt(rng.random(n)) * 2.5 * np.pi
    y = np.arange(n) % 2
    turned = t + np.pi * y
    X = np.c_[np.cos(turned), np.sin(turned)] * (t / (2.5 * np.pi))[:, None]
    return X + 0.02 * rng.standard_normal(X.shape), y


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files of runs: 'spiral' (2-8-4-1, tanh) and 'digits' (64-100-10, with validation)."""
    folder = tmp_path_factory.mktemp("recorded")
    files = {name: folder / f"{name}.retro" for name in ("spiral", "digits")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        X, y = spiral()
        small = MLPClassifier(
            (8, 4), activation="tanh", batch_size=30, learning_rate_init=0.02, max_iter=40,
            random_state=0,
        )  # fmt: skip
        small.set_callbacks(Recorder(files["spiral"])).fit(X, y)
        X, y = load_digits(return_X_y=True)
        larger = MLPClassifier((100,), early_stopping=True, max_iter=12, random_state=0)
        larger.set_callbacks(Recorder(files["digits"])).fit(X / 16, y)
    return files


@pytest.fixture(scope="session")
def ending() -> Iterator[list[threading.Thread]]:
    """Threads of servers that were told to stop: no test waits for it, but all of them have to."""
    threads: list[threading.Thread] = []
    yield threads
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)


@pytest.fixture(autouse=True)
def little_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replay next to nothing beside what a test is about: every page that is opened would."""
    monkeypatch.setattr(replayed, "BUDGET", 0.0)


@pytest.fixture
def serve(ending: list[threading.Thread]) -> Iterator[Callable[[Path | Viewer], str]]:
    """Serve a file's runs, or what a viewer has, until the test is over; the address."""
    serving: list[tuple[Serving, threading.Thread]] = []
    asked: Queue[str] = Queue()

    def start(shown: Path | Viewer) -> str:
        viewer = Viewer(open_runs(shown), ANSWERS) if isinstance(shown, Path) else shown

        def answer(name: str, arguments: dict) -> dict:
            asked.put(name)
            try:
                return viewer.answer(name, arguments)
            finally:
                asked.task_done()

        one = Serving(answer)
        thread = threading.Thread(target=one.run)
        thread.start()
        serving.append((one, thread))
        return one.address

    start.serving = serving  # type: ignore[attr-defined]
    yield start
    for one, thread in serving:
        one.stop()
        ending.append(thread)
    # Who answers hears the process's warnings: the next test has others to be heard.
    asked.join()


@pytest.fixture
def browser_options() -> dict:
    """Options of the browser that a test's pages are opened in."""
    return {}


@pytest.fixture
def browse(chromium: Browser, browser_options: dict) -> Iterator[Callable[..., Page]]:
    """Open an address in a browser of its own; whatever the console complains of is a failure."""
    context = chromium.new_context(viewport=SIZE, **browser_options)
    context.set_default_timeout(30_000)
    complaints: list[str] = []

    def note(message: object) -> None:
        complaints.append(str(message))

    def open_page(address: str, place: str = "", ready: bool = True) -> Page:
        page = context.new_page()
        page.on("pageerror", note)
        page.on("console", lambda said: note(said.text) if said.type == "error" else None)
        page.goto(address + (f"#{place}" if place else ""))
        if ready:
            page.wait_for_selector(".timeline .place:not(:empty)")
            page.wait_for_selector(".curves[width]")  # drawn: a canvas is else without
        return page

    open_page.complaints = complaints  # type: ignore[attr-defined]
    yield open_page
    context.close()
    assert complaints == []
