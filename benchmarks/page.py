"""The page: how soon it is there, how soon it has gone a step, how large it is, what it costs.

Measured in Chromium without a window, through Playwright, on a page that ``retrograd view`` serves
in a process of its own.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.turns import PAUSE, progress
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
# Seconds of a training that is watched, and what trains.
WATCHED = 8.0
TRAINING = """
import json, sys, time, warnings
import numpy as np
from retrograd import MLPClassifier, Recorder
warnings.simplefilter("ignore")
epochs, path = int(sys.argv[1]), sys.argv[2]
rng = np.random.default_rng(0)
X, y = rng.random((1797, 64)), rng.integers(0, 10, 1797)
net = MLPClassifier((100,), max_iter=epochs, tol=0, n_iter_no_change=10**9, random_state=0)
net.set_callbacks(Recorder(path))
started = time.perf_counter()
net.fit(X, y)
print(json.dumps(time.perf_counter() - started))
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
        records = [_first_paint(browser, digits, repeats)]
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
def _served(path):
    """Run ``retrograd view``; yield the address, and when the command was given."""
    begun = time.time()
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "view", str(path), "--no-browser"],
        stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process.stdout.readline().split()[-1], begun
    finally:
        process.terminate()
        process.communicate()


def _first_paint(browser, path, repeats):
    """Time from the command to the first pixels in a browser that is open already."""
    seconds = []
    for turn in range(repeats + 1):
        progress(f"page: first paint, {turn} of {repeats}")
        time.sleep(PAUSE)
        tab = browser.new_page()
        with _served(path) as (address, begun):
            tab.goto(address)
            tab.wait_for_selector(".timeline .place:not(:empty)")
            painted = tab.evaluate(
                "performance.timeOrigin + performance.getEntriesByName('first-paint')[0].startTime"
            )
        tab.close()
        if turn:  # the first one warms the disk's cache
            seconds.append(painted / 1000 - begun)
    return _record("first paint after the command", seconds, "s", FIRST_PAINT)


def _steps(browser, name, path):
    """Time from an arrow key to all views redrawn, forward and back."""
    progress(f"page: steps of {name}")
    tab = browser.new_page(viewport={"width": 1280, "height": 800})
    with _served(path) as (address, _):
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
    """Ratio of a recorded training's time with a page that follows it, and without."""
    epochs, took = 200, 0.0
    for _ in range(2):
        epochs = round(epochs * WATCHED / took) if took else epochs
        took = _train(epochs, folder / f"{epochs}.retro")
    pairs = []
    for turn in range(repeats):
        progress(f"page: a training watched, pair {turn + 1} of {repeats}")
        seconds = {
            watched: _train(
                epochs, folder / f"{turn}-{watched}.retro", browser if watched else None
            )
            for watched in ((False, True) if turn % 2 else (True, False))
        }
        pairs.append(seconds[True] / seconds[False] - 1)
    return _record("a recorded training that a page follows is slower by", pairs, "", SLOWER)


def _train(epochs, path, browser=None):
    """Train in a process of its own, followed by a page if there is a browser; its seconds."""
    time.sleep(PAUSE)
    command = [sys.executable, "-c", TRAINING, str(epochs), str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    if browser is not None:
        while not _has_steps(path):
            time.sleep(PAUSE)
        with _served(path) as (address, _):
            tab = browser.new_page(viewport={"width": 1280, "height": 800})
            tab.goto(address)
            said, _ = process.communicate()
            tab.close()
    else:
        said, _ = process.communicate()
    return json.loads(said)


def _has_steps(path):
    try:
        return path.exists() and len(open_run(path)) > 0
    except ValueError:  # it has just been begun
        return False


def _record(what, measured, unit, most):
    return {"what": what, "measured": measured, "unit": unit, "most": most}
