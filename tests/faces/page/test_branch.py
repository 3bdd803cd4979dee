"""Branching on the page: what is filled in is what a branch by hand begins with, to the bit."""

import json
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from websockets.sync.client import connect
from websockets.typing import Origin

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.regressor import MLPRegressor
from retrograd.estimators.rewinding import open_run, open_runs
from retrograd.faces.page.answers import branch
from retrograd.faces.page.answers.table import ANSWERS
from retrograd.faces.page.viewer import QuestionError, Viewer
from retrograd.rewind.connection import Connection
from retrograd.rewind.run import Run
from retrograd.rewind.store import RunFileError, Store

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture
def spiral(recorded: dict[str, Path], tmp_path: Path) -> Path:
    """A file of its own, since it is written to."""
    return Path(shutil.copy(recorded["spiral"], tmp_path / "spiral.retro"))


@pytest.fixture
def digits(recorded: dict[str, Path], tmp_path: Path) -> Path:
    """The same of the digits."""
    return Path(shutil.copy(recorded["digits"], tmp_path / "digits.retro"))


def ask(viewer: Viewer, step: int = 200, key: str = "a", **more: Any) -> int:
    """Begin a branch as the page does, and see its training through; its number."""
    return ask_and_hear(viewer, step, key, **more)[0]


def ask_and_hear(
    viewer: Viewer, step: int = 200, key: str = "a", **more: Any
) -> tuple[int, list[str]]:
    """Also hear what the page is told meanwhile, or with its next answer."""
    asked = {"run": 1, "step": step, "key": key, "parameters": {}, "edit": {}, **more}
    answer = viewer.answer("branch", asked)
    viewer.kept["trainings"].threads[answer["run"]].join(60)
    next_answer = viewer.answer("runs", {})
    return answer["run"], answer.get("notes", []) + next_answer.get("notes", [])


def same_end(one: Run, other: Run) -> None:
    """Two runs have come to the same parameters, bit for bit."""
    assert len(one) == len(other)
    assert (
        one.replay.state(len(one)).theta.tobytes() == other.replay.state(len(one)).theta.tobytes()
    )


def test_what_it_begins(spiral: Path, recorded: dict[str, Path], tmp_path: Path) -> None:
    """Parameters, weights and a class as it is written; a dropped connection begins no second."""
    viewer = Viewer(open_runs(spiral), ANSWERS)
    parameters = {"learning_rate_init": 0.05, "activation": ["relu", "tanh"]}
    edit = {"coefs[0][1, 2]": 0.5, "y[17]": "0"}
    assert ask(viewer, parameters=parameters, edit=edit) == 2
    assert ask(viewer, parameters=parameters, edit=edit) == 2
    assert len(open_runs(spiral)) == 2
    other = Path(shutil.copy(recorded["spiral"], tmp_path / "other.retro"))
    expected = open_run(other).branch(200, edit=edit | {"y[17]": 0}, **parameters)
    same_end(open_run(spiral, 2), expected)
    told = viewer.answer("branch_facts", {"run": 2})
    assert told["changed"] == [
        {"name": "activation", "was": "tanh", "is": "relu, tanh"},
        {"name": "learning_rate_init", "was": "0.02", "is": "0.05"},
        {"name": "coefs[0][1, 2]", "is": "0.5"}, {"name": "y[17]", "is": "0"},
    ]  # fmt: skip
    assert viewer.answer("runs", {})["runs"][1]["changed"] == told["changed"]
    assert told["activations"] == ["relu", "tanh"]
    assert viewer.answer("run", {"run": 1})["branches"] == [{"run": 2, "step": 200}]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"parameters": {"learning_rate_init": None}}, "learning_rate_init"),
        ({"parameters": {"activation": [1, 2]}}, "unknown activation 1"),
        ({"parameters": {"activation": {}}}, "activation"),
        ({"parameters": {"hidden_layer_sizes": [3]}}, "hidden_layer_sizes cannot be changed"),
        ({"parameters": {"max_iter": 1}}, "branch with a larger max_iter"),
        ({"edit": {"coefs[0][9, 9]": 1.0}}, "there are 2 by 8"),
        ({"edit": {"y[17]": "rose"}}, "there is no class 'rose'"),
        ({"edit": {"y[17]": {}}}, "there is no class"),
        ({"edit": {"open('x')": 1.0}}, "no text in this language"),
        ({"step": 10**9}, "is not in the run"),
        ({"run": 9}, "has no run 9"),
    ],
)
def test_what_cannot_be(spiral: Path, asked: dict, says: str) -> None:
    """One clear error, and no run is begun."""
    viewer = Viewer(open_runs(spiral), ANSWERS)
    with pytest.raises((ValueError, IndexError), match=says):
        ask(viewer, **asked)
    assert len(open_runs(spiral)) == 1


def test_other_questions_are_answered_meanwhile(
    spiral: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a branch begins and trains; four at once are enough."""
    begun, go_on = threading.Event(), threading.Event()

    def begin(*_: object) -> tuple[int, Callable[[], None]]:
        begun.set()
        assert go_on.wait(20)
        return 2, lambda: None

    monkeypatch.setattr(branch, "begin", begin)
    viewer = Viewer(open_runs(spiral), ANSWERS)
    thread = threading.Thread(target=lambda: ask(viewer))
    thread.start()
    assert begun.wait(20)
    assert viewer.answer("moment", {"run": 1, "step": 5})["step"] == 5
    go_on.set()
    thread.join(20)
    monkeypatch.setattr(branch, "MOST_TRAININGS", 0)
    with pytest.raises(QuestionError, match="stop one, or wait"):
        ask(viewer, key="b")


def test_stopping(spiral: Path) -> None:
    """What it has come to is kept; who has begun none can stop none."""
    viewer = Viewer(open_runs(spiral), ANSWERS)
    with pytest.raises(QuestionError, match="run 1 is not trained by this page"):
        viewer.answer("stop_branch", {"run": 1})
    parameters = {"max_iter": 10**6, "n_iter_no_change": 10**6}
    asked = {"run": 1, "step": 200, "key": "a", "parameters": parameters, "edit": {}}
    number = viewer.answer("branch", asked)["run"]
    viewer.answer("stop_branch", {"run": number})
    viewer.kept["trainings"].threads[number].join(60)
    assert open_run(spiral, number).status == "interrupted"


def test_a_branch_whose_recording_fails(spiral: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next answer says so, whatever was asked; once."""
    viewer = Viewer(open_runs(spiral), ANSWERS)
    write = Store.write

    def full(self: Store, tables: Any, *more: Any, **others: Any) -> bool:
        if "runs" not in tables and "progress" in tables:
            raise RunFileError("the disk is full")
        return write(self, tables, *more, **others)

    monkeypatch.setattr(Store, "write", full)
    number, (note,) = ask_and_hear(viewer)
    assert note.startswith(f"run {number}: this training is recorded no further")
    assert "the disk is full" in note
    assert "notes" not in viewer.answer("runs", {})


def test_a_branch_that_fails(spiral: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a reason that is nobody's fault but ours: not silently."""

    def fail() -> None:
        raise OSError("a surprise")

    monkeypatch.setattr(branch, "begin", lambda *_: (2, fail))
    viewer = Viewer(open_runs(spiral), ANSWERS)
    assert ask_and_hear(viewer) == (2, ["run 2 ended early: a surprise"])


def test_files_are_let_go_of(spiral: Path) -> None:
    """By a branch once it is trained, or could not be; by searches that go to another run."""
    viewer = Viewer(open_runs(spiral), ANSWERS)
    opened: list[Store] = []
    apart = viewer.opened_apart

    def noted(number: int) -> Run:
        run = apart(number)
        opened.append(run.store)
        return run

    viewer.opened_apart = noted  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="unknown parameter"):
        ask(viewer, parameters={"nothing": 1})
    assert ask(viewer) == 2
    find = {"condition": "loss < 0", "backward": False, "most": 1, "at": 0, "end": -1, "hit": -1}
    for run in (1, 2, 1):
        viewer.answer("find", find | {"run": run})
    viewer.close()
    assert len(opened) == 5
    for store in opened:
        with pytest.raises(RunFileError, match="was closed"):
            store.n_runs()


SERVER = "from retrograd.faces.cli import main; main()"


@pytest.mark.parametrize(
    ("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)], ids=["Ctrl-C", "told to end"]
)
def test_the_server_ends_while_it_trains(
    spiral: Path, recorded: dict, tmp_path: Path, name: str, code: int
) -> None:
    """The branch is interrupted; resumed, it comes to where it would have come."""
    parameters = {"max_iter": 10_000, "n_iter_no_change": 10_000}
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, "view", str(spiral), "--no-browser"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert server.stdout
    address = server.stdout.readline().split()[-1]
    asked = {"run": 1, "step": 200, "key": "a", "parameters": parameters, "edit": {}}
    with connect(
        f"{address.replace('http', 'ws', 1)}socket", origin=Origin(address.rsplit("/", 2)[0])
    ) as page:
        page.send(json.dumps({"number": 1, "ask": "branch", "with": asked}))
        assert b'"answer"' in page.recv(60)
        server.send_signal(getattr(signal, name))
        server.communicate(timeout=60)
    assert server.returncode == code
    broken = open_run(spiral, 2)
    assert broken.status == "interrupted"
    broken.resume()
    assert broken.refresh().status == "ended"
    other = Path(shutil.copy(recorded["spiral"], tmp_path / "other.retro"))
    same_end(broken, open_run(other).branch(200, **parameters))


class Waiting:
    """A callback that waits amid a training."""

    def __init__(self) -> None:
        self.there, self.go_on, self.epochs = threading.Event(), threading.Event(), 0

    def setup(self, estimator: Any, context: Any) -> None:
        """Nothing to do."""

    def teardown(self, estimator: Any, context: Any) -> None:
        """Nothing to do."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Nothing to do."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool:
        """Wait after the third epoch."""
        self.epochs += 1
        if self.epochs == 3:
            self.there.set()
            assert self.go_on.wait(60)
        return False


def test_of_one_that_is_still_recorded(tmp_path: Path) -> None:
    """A branch off a training that goes on: both come to their ends."""
    path, wait = tmp_path / "growing.retro", Waiting()
    X = np.random.default_rng(0).normal(size=(100, 3))
    model = MLPRegressor(hidden_layer_sizes=(5,), batch_size=20, max_iter=12, random_state=0)
    model.set_callbacks(Recorder(path), wait)
    thread = threading.Thread(target=lambda: model.fit(X, X[:, 0]))
    thread.start()
    assert wait.there.wait(60)
    end = time.monotonic() + 60  # its first commit may still be on its way to the disk
    while not Store(path).rows("progress") and time.monotonic() < end:
        time.sleep(0.01)
    viewer = Viewer(open_runs(path), ANSWERS)
    assert viewer.answer("run", {"run": 1})["status"] == "running"
    assert ask(viewer, step=0, edit={"y[3]": 2.5, "intercepts[0][1]": -1}) == 2
    wait.go_on.set()
    thread.join(60)
    for number in (1, 2):
        run = open_run(path, number)
        assert (run.status, run.verify(), len(run)) == ("ended", None, 60)


def test_a_file_without_its_data(tmp_path: Path) -> None:
    """Nothing can be trained on; the page is told why."""
    path, X = tmp_path / "bare.retro", np.eye(6)
    recorder = Recorder(path, keep_data=False)
    MLPClassifier((3,), max_iter=3).set_callbacks(recorder).fit(X, [0, 1] * 3)
    viewer = Viewer(open_runs(path), ANSWERS)
    assert viewer.answer("branch_facts", {"run": 1})["keeps_data"] is False
    with pytest.raises(ValueError, match="keeps no training data"):
        ask(viewer, step=0)


def opened(page: Page) -> Page:
    """The page with the form open."""
    page.get_by_role("button", name="Branch here").click()
    expect(page.get_by_role("button", name="Branch", exact=True)).to_be_visible()
    return page


def at_step(page: Page, step: int, of: int) -> None:
    """The page is there."""
    expect(page.locator(".timeline .place")).to_have_text(f"step {step} of {of}")


def test_both_futures(
    serve: Callable, browse: Callable, spiral: Path, recorded: dict[str, Path], tmp_path: Path
) -> None:
    """A rate, an activation, the chosen weight and the chosen row; then to and fro."""
    page = browse(serve(spiral), "step=200&layer=1&from=3&unit=2&row=17")
    expect(page.locator(".branching")).to_be_hidden()
    opened(page)
    weight = open_run(spiral).at(200).coefs[1][3, 2]
    expect(page.get_by_label("Weight or bias", exact=True)).to_have_value("coefs[1][3, 2]")
    expect(page.locator(".edit .now").first).to_have_text(f"now {weight}".replace("-", "−"))
    expect(page.get_by_label("Target of a row", exact=True)).to_have_value("y[17]")
    page.get_by_label("learning_rate_init").fill("0.05")
    page.get_by_label("activation of layer 0").select_option("relu")
    page.get_by_label("Weight or bias: its new value").fill("-0.5")
    page.get_by_label("Target of a row: its new class").select_option("0")
    page.get_by_role("button", name="Branch", exact=True).click()
    expect(page.locator(".branch .told")).to_contain_text("Run 2 ended after 200 steps.")
    at_step(page, 200, 400)  # it stays
    other = Path(shutil.copy(recorded["spiral"], tmp_path / "other.retro"))
    expected = open_run(other).branch(
        200, edit={"coefs[1][3, 2]": -0.5, "y[17]": 0}, learning_rate_init=0.05,
        activation=["relu", "tanh"],
    )  # fmt: skip
    same_end(open_run(spiral, 2), expected)
    run = page.get_by_label("Run", exact=True)
    expect(run.get_by_role("option").nth(1)).to_have_text(
        "run 2: off run 1 at step 200: activations relu, tanh, learning rate 0.05, "
        "coefs[1][3, 2] = -0.5, …"
    )
    box = page.locator(".curves").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 104)  # the diamond
    at_step(page, 200, 200)
    expect(run).to_have_value("2")
    expect(page.locator(".branch .changed")).to_have_text(
        "Otherwise than its parent: Activations tanh → relu, tanh; Learning rate 0.02 → 0.05; "
        "coefs[1][3, 2] = -0.5; y[17] = 0."
    )
    page.get_by_role("button", name="Compare with its parent").click()
    expect(page).to_have_url(re.compile("other=1.*otherStep=400|otherStep=400.*other=1"))
    page.get_by_role("button", name="off run 1 at 200").click()
    at_step(page, 400, 400)
    page.get_by_role("button", name="Compare with run 1").click()
    at_step(page, 200, 200)


def dashes(page: Page) -> str:
    """The timeline as a picture."""
    return page.locator(".curves").evaluate("(canvas) => canvas.toDataURL()")


def test_its_curve_lies_beside_its_parents(serve: Callable, browse: Callable, spiral: Path) -> None:
    """The timeline shows more than it did, on both sides."""
    page = opened(browse(serve(spiral), "step=100"))
    alone = dashes(page)
    page.get_by_label("learning_rate_init").fill("0.1")
    page.get_by_role("button", name="Branch", exact=True).click()
    expect(page.locator(".branch .told")).to_contain_text("Run 2 ended")
    page.wait_for_function(
        "(before) => document.querySelector('.curves').toDataURL() !== before", arg=alone
    )


def test_who_is_quick_to_write(serve: Callable, browse: Callable, spiral: Path) -> None:
    """What fills the form comes late, and wipes nothing away that was written into it."""

    def late(viewer: Viewer, run: int) -> dict:
        time.sleep(0.5)
        return branch.branch_facts(viewer, run)

    page = browse(serve(Viewer(open_runs(spiral), {**ANSWERS, "branch_facts": late})), "step=200")
    page.get_by_role("button", name="Branch here").click()
    name = page.get_by_label("Weight or bias", exact=True)
    name.fill("coefs[2]")
    page.get_by_label("Weight or bias: its new value").fill("7")
    expect(page.locator(".edit .now").first).to_have_text("4 × 1 of them: one number for all")
    page.wait_for_timeout(700)
    expect(name).to_have_value("coefs[2]")
    expect(page.get_by_label("Weight or bias: its new value")).to_have_value("7")


def test_one_that_diverges(serve: Callable, browse: Callable, spiral: Path) -> None:
    """Says so, and where."""
    page = opened(browse(serve(spiral), "step=200"))
    page.get_by_label("Weight or bias", exact=True).fill("coefs[2]")
    page.get_by_label("Weight or bias: its new value").fill("1e200")
    expect(page.locator(".edit .now").first).to_have_text("4 × 1 of them: one number for all")
    page.get_by_role("button", name="Branch", exact=True).click()
    told = page.locator(".branch .told")
    expect(told).to_contain_text("Run 2 diverged at step 200: not finite in")
    assert open_run(spiral, 2).status == "diverged"


def test_mistakes(serve: Callable, browse: Callable, spiral: Path) -> None:
    """Told where they were made; nothing is begun."""
    page = opened(browse(serve(spiral), "step=200"))
    rate = page.get_by_label("learning_rate_init")
    rate.fill("fast")
    submit = page.get_by_role("button", name="Branch", exact=True)
    submit.click()
    expect(rate).to_be_focused()
    expect(rate).to_have_attribute("aria-invalid", "true")
    expect(page.locator(".branch .told")).to_have_text("Learning rate: a finite number is needed.")
    rate.fill("-1")
    submit.click()
    expect(page.locator(".branch .told")).to_contain_text("'learning_rate_init' parameter")
    rate.fill("0.02")
    name = page.get_by_label("Weight or bias", exact=True)
    name.fill("coefs[0][7, 1]")
    expect(page.locator(".edit .now").first).to_have_text("there are 2 by 8, counted from 0")
    expect(name).to_have_attribute("aria-invalid", "true")
    name.fill("coefs[0][1, 1]")
    value = page.get_by_label("Weight or bias: its new value")
    value.fill("inf")
    submit.click()
    expect(page.locator(".edit .now").first).to_have_text("a finite number is needed")
    assert len(open_runs(spiral)) == 1


def test_a_file_that_cannot_be_written(
    serve: Callable, browse: Callable, spiral: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can be looked at; what cannot be is told in words."""
    make = Connection._open

    def read_only(self: Connection) -> None:
        make(self)
        assert isinstance(self._sqlite, sqlite3.Connection)
        self._sqlite.execute("PRAGMA query_only = ON")

    monkeypatch.setattr(Connection, "_open", read_only)
    page = opened(browse(serve(spiral), "step=200"))
    page.get_by_role("button", name="Branch", exact=True).click()
    expect(page.locator(".branch .told")).to_have_text(
        "spiral.retro cannot be opened or written to: see the rights of the file and its folder"
    )


def test_the_digits(serve: Callable, browse: Callable, digits: Path) -> None:
    """A row of theirs is another digit; by keyboard alone."""
    n = len(open_run(digits))
    page = browse(serve(digits), f"step={n - 12}&row=5")
    page.get_by_role("button", name="Branch here").focus()
    page.keyboard.press("Space")
    expect(page.get_by_label("learning_rate_init")).to_be_focused()
    expect(page.locator(".edit .now").nth(1)).to_have_text("now 5")
    page.get_by_label("Target of a row: its new class").focus()
    page.keyboard.type("9")
    page.get_by_label("learning_rate_init").press("Enter")
    expect(page.locator(".branch .told")).to_contain_text("Run 2 ended after 12 steps.")
    run = open_run(digits, 2)
    assert run.header.estimator["edit"] == {"y[5]": 9}
    assert run.data.y[5, 0] == 9
    assert run.verify() is None
