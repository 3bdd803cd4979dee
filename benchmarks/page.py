"""The page: how soon it is there, how soon it has gone a step, how large it is, what it costs.

Measured in Chromium without a window, through Playwright, on a page that ``retrograd view``, or
``play``, serves in a process of its own.
"""

import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.turns import LOOK, progress, rest
from benchmarks.workloads import SEED
from retrograd import MLPClassifier, Recorder, open_run

COMMAND = "from retrograd.faces.cli import main; main()"
# Widths, rows, epochs, batch; and the milliseconds that a step may take until all is redrawn.
STEPPED = {
    "64-100-10": ((64, 100, 10), 1797, 100, 200, 50),
    "784-1024-1024-10": ((784, 1024, 1024, 10), 4096, 4, 256, 150),
}
FIRST_PAINT, STILL_BYTES, SLOWER = 1.0, 5_000_000, 0.10
STEPS = 40
# Seconds: of a window in which a training is timed, and before one.
WINDOW, SETTLING = 10.0, 2.0
# It goes on until it is ended.
TRAINING = """
import sys
import numpy as np
from retrograd import MLPClassifier, Recorder
rng = np.random.default_rng(0)
X, y = rng.random((1797, 64)), rng.integers(0, 10, 1797)
net = MLPClassifier((100,), max_iter=10**7, tol=0, n_iter_no_change=10**9, random_state=0)
net.set_callbacks(Recorder(sys.argv[1])).fit(X, y)
"""
# Press a key; the time until the views have said that they are drawn, and the screen shows it.
PRESS = """(key) => new Promise((resolve) => {
  const root = document.getElementById("retrograd");
  const begin = performance.now();
  root.addEventListener("shown", () => requestAnimationFrame(() => {
    const painted = new MessageChannel();
    painted.port1.onmessage = () => resolve(performance.now() - begin);
    painted.port2.postMessage(null);
  }), { once: true });
  root.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
})"""


def page(repeats):
    """Measure all of it; return records."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        raise FileNotFoundError("there is no chromium (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        files = {name: _recorded(name, Path(folder)) for name in STEPPED}
        digits = files["64-100-10"]
        records = [_first_paint(browser, repeats, "view", str(digits))]
        records += [_first_paint(browser, repeats, "play")]
        records += [_steps(browser, name, path) for name, path in files.items()]
        records += [_still(digits, Path(folder) / "digits.html")]
        records += [_watched(browser, Path(folder), repeats)]
        browser.close()
    return records


def _recorded(name, folder):
    """Record a training of so many widths."""
    progress(f"page: recording {name}")
    widths, rows, epochs, batch, _ = STEPPED[name]
    rng = np.random.default_rng(SEED)
    X = rng.random((rows, widths[0]), dtype=np.float64 if widths[0] == 64 else np.float32)
    y = rng.integers(0, widths[-1], rows)
    path = folder / f"{name}.retro"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MLPClassifier(
            widths[1:-1], max_iter=epochs, batch_size=batch, tol=0, n_iter_no_change=epochs + 1,
            random_state=SEED,
        )  # fmt: skip
        model.set_callbacks(Recorder(path)).fit(X, y)
    return path


@contextmanager
def _served(*command):
    """Run ``retrograd view`` or ``play``; yield the address, and when the command was given."""
    begun = time.time()
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *command, "--no-browser"],
        stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process.stdout.readline().split()[-1], begun
    finally:
        process.terminate()
        process.communicate()


def _first_paint(browser, repeats, *command):
    """Time from the command to the first pixels in a browser that is open already."""
    seconds = []
    for turn in range(repeats + 1):
        progress(f"page: first paint of {command[0]}, {turn} of {repeats}")
        rest()
        tab = browser.new_page()
        with _served(*command) as (address, begun):
            tab.goto(address)
            tab.wait_for_selector(".timeline .place:not(:empty)")
            painted = tab.evaluate(
                "performance.timeOrigin + performance.getEntriesByName('first-paint')[0].startTime"
            )
        tab.close()
        if turn:  # the first one warms the disk's cache
            seconds.append(painted / 1000 - begun)
    return _record(f"first paint after retrograd {command[0]}", seconds, "s", FIRST_PAINT)


def _steps(browser, name, path):
    """Time from an arrow key to all views redrawn, forward and back."""
    progress(f"page: steps of {name}")
    tab = browser.new_page(viewport={"width": 1280, "height": 800})
    with _served("view", str(path)) as (address, _):
        tab.goto(f"{address}#step=20")
        tab.wait_for_selector(".timeline .place:not(:empty)")
        tab.wait_for_timeout(2000)
        keys = ["ArrowRight"] * (STEPS // 2) + ["ArrowLeft"] * (STEPS // 2)
        milliseconds = [tab.evaluate(PRESS, key) for key in keys]
    tab.close()
    return _record(f"arrow key to all redrawn, {name}", milliseconds, "ms", STEPPED[name][-1])


def _still(path, html):
    progress("page: a digits run in one file")
    open_run(path).to_html(html)
    return _record("64-100-10, 100 epochs, in one file", [html.stat().st_size], "B", STILL_BYTES)


def _watched(browser, folder, repeats):
    """How much longer steps of a recorded training take while a page follows it.

    One training goes on all the time; windows without a page lie before and behind each with one.
    """
    path = folder / "watched.retro"
    training = subprocess.Popen([sys.executable, "-c", TRAINING, str(path)])
    shares = []
    try:
        while not _has_steps(path):
            time.sleep(LOOK)
        before = _rate(path)
        for turn in range(repeats):
            progress(f"page: a training watched, {turn + 1} of {repeats}")
            tab = browser.new_page(viewport={"width": 1280, "height": 800})
            with _served("view", str(path)) as (address, _):
                tab.goto(address)
                tab.wait_for_selector(".timeline .place:not(:empty)")
                tab.wait_for_timeout(1000 * SETTLING)
                shown = _steps_shown(tab)
                watched = _rate(path, tab)
                if _steps_shown(tab) <= shown:
                    raise RuntimeError("the page does not follow the training")
            tab.close()
            time.sleep(SETTLING)
            after = _rate(path)
            shares.append((before + after) / 2 / watched - 1)
            before = after
    finally:
        training.kill()
        training.wait()
    return _record("a recorded training that a page follows is slower by", shares, "", SLOWER)


def _steps_shown(tab):
    return int(tab.get_by_role("slider").get_attribute("aria-valuenow"))


def _rate(path, tab=None):
    """Steps a second of a training in a window, by its own record's clock.

    Nobody looks at it meanwhile but the page: on a machine of few cores every look costs.
    """
    run = open_run(path)
    steps, seconds = len(run), run.seconds
    # Playwright hands its messages on only while it waits.
    time.sleep(WINDOW) if tab is None else tab.wait_for_timeout(1000 * WINDOW)
    run.refresh()
    return (len(run) - steps) / (run.seconds - seconds)


def _has_steps(path):
    try:
        return path.exists() and len(open_run(path)) > 0
    except ValueError:  # it has just been begun
        return False


def _record(what, measured, unit, most):
    return {"what": what, "measured": measured, "unit": unit, "most": most}
