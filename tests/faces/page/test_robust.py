"""What happens to a page in the course of a day: lost connections, growing files, old browsers."""

import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from sklearn.model_selection import GridSearchCV

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.rewinding import open_run, open_runs
from retrograd.faces.page.answers.table import ANSWERS
from retrograd.faces.page.viewer import Viewer

# A training that goes on until it is killed.
TRAINING = """
import sys, numpy as np
from retrograd import MLPClassifier, Recorder
X = np.random.default_rng(0).random((2000, 64))
y = (X @ np.arange(64.0) > 1000).astype(int)
net = MLPClassifier((100,), max_iter=1_000_000, tol=0, n_iter_no_change=10**9, random_state=0)
net.set_callbacks(Recorder(sys.argv[1])).fit(X, y)
"""


def drop_connections(serve: Callable) -> None:
    """Close all connections at the server's end, as a laptop that falls asleep does."""
    ((serving, _),) = serve.serving  # type: ignore[attr-defined]
    for protocol in [*serving._server.server_state.connections]:
        protocol.loop.call_soon_threadsafe(protocol.transport.abort)


def only_of_the_socket(browse: Callable) -> None:
    """A browser complains of every connection that fails; of nothing else it should."""
    complaints = browse.complaints  # type: ignore[attr-defined]
    assert [one for one in complaints if "WebSocket" not in one and "ERR_" not in one] == []
    complaints.clear()


def test_a_dropped_connection(serve: Callable, browse: Callable, recorded: dict) -> None:
    """Is made again, and the page stays where it was; what was asked meanwhile is answered."""
    page = browse(serve(recorded["spiral"]), "step=123")
    page.evaluate(
        """() => {
          window.said = [];
          const notice = document.querySelector(".notice");
          new MutationObserver(() => window.said.push(notice.textContent))
            .observe(notice, { childList: true, characterData: true, subtree: true });
        }"""
    )
    drop_connections(serve)
    page.wait_for_function("() => window.said.some((text) => text.includes('connection is lost'))")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".timeline .place")).to_have_text("step 124 of 400")
    weight = open_run(recorded["spiral"]).at(124).coefs[1][3, 2]
    link = page.locator('[data-link="1,3,2"] title')
    expect(link).to_have_text(f"coefs[1][3, 2] = {weight}".replace("-", "−"))
    expect(page.locator(".notice")).to_have_text("")
    only_of_the_socket(browse)


def test_a_server_that_ends(serve: Callable, browse: Callable, recorded: dict) -> None:
    """Leaves the page as it is, which says what has happened."""
    page = browse(serve(recorded["spiral"]), "step=123")
    expect(page.locator('[data-link="1,3,2"]')).to_be_visible()
    for serving, thread in serve.serving:  # type: ignore[attr-defined]
        serving.stop()
        thread.join(20)
    expect(page.locator(".notice")).to_contain_text("retrograd has ended")
    expect(page.locator(".timeline .place")).to_have_text("step 123 of 400")
    expect(page.locator('[data-link="1,3,2"]')).to_be_visible()
    only_of_the_socket(browse)


def server_of(path: Path) -> tuple[subprocess.Popen, str]:
    """A process that serves a file's runs, to be killed; and the address that it prints."""
    command = "from retrograd.faces.cli import main; main()"
    server = subprocess.Popen(
        [sys.executable, "-c", command, "view", str(path), "--no-browser"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stdout
    return server, server.stdout.readline().split()[-1]


def test_a_server_that_is_killed(browse: Callable, recorded: dict) -> None:
    """Says nothing: the page tries for a while, and then does not let its reader wait for ever."""
    server, address = server_of(recorded["spiral"])
    page = browse(address, "step=123")
    server.kill()
    server.communicate()
    expect(page.locator(".notice")).to_contain_text("trying again")
    expect(page.locator(".notice")).to_contain_text("nobody answers")
    expect(page.locator(".timeline .place")).to_have_text("step 123 of 400")
    only_of_the_socket(browse)


def test_numbers_of_another_step_without_a_connection(browse: Callable, recorded: dict) -> None:
    """The timeline moves, and no panel passes for one of the step that it has come to."""
    server, address = server_of(recorded["spiral"])
    page = browse(address, "step=5")
    expect(page.locator('[data-link="1,3,2"]')).to_be_visible()
    expect(page.locator(".outcome [data-score]")).to_be_visible()
    server.kill()
    server.communicate()
    expect(page.locator(".notice")).to_contain_text("connection is lost")
    expect(page.locator(".late")).to_have_count(0)
    page.keyboard.press("Home")
    for panel in (".network", ".step", ".outcome"):
        expect(page.locator(f"{panel} .late")).to_have_text("still step 5")
    page.keyboard.press("ArrowRight")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    expect(page.locator(".timeline .place")).to_have_text("step 5 of 400")
    expect(page.locator(".late")).to_have_count(0)
    only_of_the_socket(browse)


def test_two_pages_on_one_run(serve: Callable, browse: Callable, recorded: dict) -> None:
    """Each goes its own way."""
    address = serve(recorded["spiral"])
    one, other = browse(address, "step=100"), browse(address, "step=300")
    one.keyboard.press("ArrowLeft")
    other.keyboard.press("ArrowRight")
    run = open_run(recorded["spiral"])
    for page, step in ((one, 99), (other, 301)):
        expect(page.locator(".timeline .place")).to_have_text(f"step {step} of 400")
        expect(page.locator('[data-link="1,3,2"] title')).to_have_text(
            f"coefs[1][3, 2] = {run.at(step).coefs[1][3, 2]}".replace("-", "−")
        )


def steps_of(page: Page) -> int:
    """How many steps there are, as the page says."""
    said = page.locator(".timeline .place").text_content() or ""
    return int(re.sub(r".* of ([\d,]+).*", r"\1", said).replace(",", ""))


def grown(page: Page) -> int:
    """Wait until there are more steps than now."""
    before = steps_of(page)
    for _ in range(600):
        if steps_of(page) > before:
            return steps_of(page)
        page.wait_for_timeout(50)
    pytest.fail(f"the timeline stays at {before} steps")


@pytest.mark.compiled
def test_a_file_that_grows(serve: Callable, browse: Callable, tmp_path: Path) -> None:
    """While another process trains: who is at the end stays there, who is elsewhere does, too.

    So it is after the page is loaded once more, as its address has it.
    """
    path = tmp_path / "growing.retro"
    training = subprocess.Popen([sys.executable, "-c", TRAINING, str(path)])
    try:
        while not (path.exists() and steps_in(path)):
            assert training.poll() is None
        page = browse(serve(path))
        expect(page.locator(".head .facts")).to_contain_text("running")
        at_end, place = re.compile(r"^step (.+) of \1$"), page.locator(".timeline .place")
        for _ in range(2):
            grown(page)
            expect(place).to_have_text(at_end)
            expect(page).to_have_url(re.compile("#run=1$"))
            page.reload()
            expect(place).to_contain_text("of")
        page.keyboard.press("Home")
        expect(page).to_have_url(re.compile("step=0"))
        page.reload()
        expect(place).to_contain_text("step 0 of")
        grown(page)
        expect(place).to_contain_text("step 0 of")
    finally:
        training.kill()
        training.wait()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_run_that_is_begun_later(
    serve: Callable, browse: Callable, recorded: dict, tmp_path: Path
) -> None:
    """It can be chosen, told from the other by what is different, and the place stays."""
    path = Path(shutil.copy(recorded["spiral"], tmp_path / "spiral.retro"))
    page = browse(serve(path), "step=7")
    runs = page.get_by_label("Run", exact=True)
    expect(runs).to_be_hidden()
    again = open_run(path).at(0).estimator().set_params(alpha=0.5, max_iter=2)
    X = np.random.default_rng(0).random((300, 2))
    again.set_callbacks(Recorder(path)).fit(X, X[:, 0] > X[:, 1])
    expect(runs).to_be_visible()
    expect(runs.locator("option")).to_have_count(2)
    expect(runs.locator("option").last).to_contain_text("run 2: alpha=0.5, max_iter=2")
    expect(page.locator(".timeline .place")).to_have_text("step 7 of 400")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_who_changes_his_mind_about_a_run(
    serve: Callable, browse: Callable, recorded: dict, tmp_path: Path
) -> None:
    """What comes late of a run that nobody wishes to see any more changes nothing.

    Nor does a step that is taken meanwhile lead anywhere but in the run that is still shown.
    """
    path = Path(shutil.copy(recorded["spiral"], tmp_path / "spiral.retro"))
    X = np.random.default_rng(0).random((300, 2))
    other = MLPClassifier((5,), max_iter=2, random_state=0)
    other.set_callbacks(Recorder(path)).fit(X, X[:, 0] > X[:, 1])
    asked, answer = threading.Event(), threading.Event()

    def late(viewer: Viewer, run: int) -> dict:
        if run == 1:
            asked.set()
            assert answer.wait(30)
        return ANSWERS["run"](viewer, run)

    late.is_apart = True  # type: ignore[attr-defined] - others are answered meanwhile
    page = browse(serve(Viewer(open_runs(path), {**ANSWERS, "run": late})), "run=2&step=1")
    runs, place = page.get_by_label("Run", exact=True), page.locator(".timeline .place")
    runs.select_option("1")
    assert asked.wait(30)
    page.keyboard.press("ArrowRight")
    expect(place).to_have_text("step 2 of 4")
    runs.select_option("2")
    expect(place).to_have_text("step 4 of 4")
    answer.set()
    page.get_by_role("button", name="Step back").click()
    expect(place).to_have_text("step 3 of 4")
    expect(page.locator(".head .facts")).to_contain_text("2 → 5 → 1")
    assert page.evaluate("location.hash").startswith("#run=2&step=")
    runs.select_option("1")
    expect(place).to_have_text("step 400 of 400")
    expect(page.locator(".head .facts")).to_contain_text("2 → 8 → 4 → 1")


def test_a_file_whose_first_run_is_about_to_begin(
    serve: Callable, browse: Callable, recorded: dict, tmp_path: Path
) -> None:
    """Its first commit is under way: the page says that there is none, and shows it once it is."""
    path = Path(shutil.copy(recorded["spiral"], tmp_path / "spiral.retro"))
    file = sqlite3.connect(path)
    rows = {}
    for table in ("runs", "progress", "checkpoints", "epochs", "losses"):
        rows[table] = file.execute(f"SELECT * FROM {table}").fetchall()
        file.execute(f"DELETE FROM {table}")
    file.commit()
    page = browse(serve(path), "step=7", ready=False)
    expect(page.locator(".notice")).to_have_text("spiral.retro has no runs")
    for table, (first, *more) in rows.items():
        marks = ", ".join("?" * len(first))
        file.executemany(f"INSERT INTO {table} VALUES ({marks})", [first, *more])
    file.commit()
    file.close()
    expect(page.locator(".timeline .place")).to_have_text("step 7 of 400")
    expect(page.locator(".notice")).to_have_text("")


def test_keys_while_it_loads(serve: Callable, browse: Callable, recorded: dict) -> None:
    """None does anything, nothing can be pressed, and the page says why; then all is there."""
    answer = threading.Event()

    def late(viewer: Viewer) -> dict:
        assert answer.wait(30)
        return ANSWERS["runs"](viewer)

    page = browse(
        serve(Viewer(open_runs(recorded["spiral"]), {**ANSWERS, "runs": late})), "step=7", False
    )
    notice = page.locator(".notice").get_by_role("status")
    expect(notice).to_have_text("Opening the run …")
    slider = page.get_by_role("slider", name="Step of the training")
    expect(slider).to_have_attribute("aria-disabled", "true")
    slider.focus()
    for where in (slider, page.locator("#retrograd")):
        for key in ("Escape", "Home", "End", "ArrowRight", "ArrowDown", "Space", "f", "+", "Enter"):
            where.press(key)
    slider.dispatch_event("pointerdown", {"clientX": 300, "clientY": 100})
    slider.dispatch_event("dblclick")
    enabled = page.locator("button:visible:enabled, select:enabled, input:enabled")
    expect(enabled).to_have_count(1)
    expect(enabled).to_have_attribute("aria-label", "Light or dark")
    answer.set()
    expect(page.locator(".timeline .place")).to_have_text("step 7 of 400")
    expect(notice).to_have_text("")
    expect(page.get_by_role("button", name="Step back")).to_be_enabled()
    expect(page.get_by_label("Find a moment: a condition (f)")).to_be_enabled()
    page.keyboard.press("Home")
    expect(page.locator(".timeline .place")).to_have_text("step 0 of 400")


def test_an_address_of_a_run_that_there_is_not(
    serve: Callable, browse: Callable, recorded: dict
) -> None:
    """Another one is shown, which is told; until one goes elsewhere."""
    page = browse(serve(recorded["spiral"]), "run=99&step=7")
    expect(page.locator(".notice")).to_have_text("There is no run 99: this is run 1.")
    expect(page.locator(".timeline .place")).to_have_text("step 7 of 400")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".notice")).to_have_text("")
    page.evaluate("location.hash = '#run=98&step=3'")
    expect(page.locator(".timeline .place")).to_have_text("step 3 of 400")
    expect(page.locator(".notice")).to_have_text("There is no run 98: this is run 1.")


def steps_in(path: Path) -> int:
    """Steps that a file has; 0 while it has no run."""
    try:
        return len(open_run(path))
    except ValueError:
        return 0


@pytest.mark.parametrize("browser_options", [{"reduced_motion": "reduce"}], ids=["reduced motion"])
def test_reduced_motion(serve: Callable, browse: Callable, recorded: dict) -> None:
    """Playing shows a picture now and then, where it would else be a film."""
    page = browse(serve(recorded["spiral"]), "step=380")
    page.evaluate(
        """() => {
          window.pictures = 0;
          new MutationObserver(() => { window.pictures += 1; })
            .observe(document.querySelector(".timeline .place"), { childList: true });
        }"""
    )
    page.get_by_label("Speed").select_option("20 steps/s")
    page.get_by_role("button", name="Play").click()
    expect(page.locator(".timeline .place")).to_have_text("step 400 of 400")
    assert page.evaluate("window.pictures") <= 4


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_narrow_window(serve: Callable, browse: Callable, tmp_path: Path) -> None:
    """Nothing stands out of it at the right, however long the runs' names are."""
    X, y = np.eye(20, 3), np.arange(20) % 2
    search = GridSearchCV(MLPClassifier((4,), max_iter=2), {"alpha": [0.1, 0.01]}, cv=2)
    search.set_callbacks(Recorder(tmp_path / "grid.retro")).fit(X, y)
    page = browse(serve(tmp_path / "grid.retro"))
    page.set_viewport_size({"width": 400, "height": 800})
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") == 400


def test_without_webgl(serve: Callable, browse: Callable, recorded: dict) -> None:
    """Nobody asks for it."""
    page = browse("about:blank", ready=False)
    page.add_init_script(
        """
        window.contexts = [];
        const given = HTMLCanvasElement.prototype.getContext;
        HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
          window.contexts.push(kind);
          return kind === "2d" ? given.call(this, kind, ...rest) : null;
        };
        """
    )
    page.goto(serve(recorded["digits"]))
    page.wait_for_selector(".timeline .place:not(:empty)")
    expect(page.locator(".network canvas").first).to_be_visible()
    assert set(page.evaluate("window.contexts")) == {"2d"}


def test_moments_that_are_not_at_hand(serve: Callable, browse: Callable, tmp_path: Path) -> None:
    """Without the data there is no way to them: no other moment's numbers stand in their place."""
    path = tmp_path / "nodata.retro"
    X = np.random.default_rng(0).normal(size=(60, 3))
    model = MLPClassifier((4,), max_iter=10, tol=9.0, n_iter_no_change=3, random_state=0)
    model.set_callbacks(Recorder(path, keep_data=False)).fit(X, (X[:, 0] > 0).astype(int))
    page = browse(serve(path))
    network, step = page.locator(".network"), page.locator(".step")
    expect(network).to_contain_text("the end")
    expect(network.locator("[data-link]").first).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(network).to_contain_text("The numbers of this moment are not at hand.")
    expect(network).not_to_contain_text("the end")
    expect(step).to_contain_text("keeps no training data, so no step can be taken again")
    expect(page.locator(".notice")).to_contain_text("keeps no training data")
    page.keyboard.press("End")
    expect(network).to_contain_text("the end")
    expect(page.locator(".notice")).to_have_text("")
