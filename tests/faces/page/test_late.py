"""Answers that are long in coming: the page says of when its numbers are, or why it has none."""

import inspect
import re
import threading
from collections.abc import Callable
from multiprocessing import Pipe
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from retrograd.engine import jit
from retrograd.estimators.rewinding import open_runs
from retrograd.faces.page.answers.table import ANSWERS
from retrograd.faces.page.viewer import Viewer
from retrograd.faces.page.viewing import Opening
from retrograd.faces.page.worker import work
from retrograd.rewind.store import RunFileError

PANELS = (".network", ".step", ".outcome")


def slow(*names: str, of: int, hold: threading.Event, go_on: threading.Event) -> dict:
    """Answers that come late of one step: while they are held, they wait until they may go on."""

    def late(name: str) -> Callable:
        def answer(viewer: Viewer, **asked: object) -> dict:
            if hold.is_set() and asked["step"] == of:
                assert go_on.wait(30)
            with viewer.lock:
                return ANSWERS[name](viewer, **asked)

        answer.__signature__ = inspect.signature(ANSWERS[name])  # type: ignore[attr-defined]
        answer.is_apart = True  # type: ignore[attr-defined] - others are answered meanwhile
        return answer

    return {name: late(name) for name in names}


def test_numbers_of_another_step_say_so(serve: Callable, browse: Callable, recorded: dict) -> None:
    """While no answer comes: every panel says which step it is still of, until it comes."""
    hold, go_on = threading.Event(), threading.Event()
    answers = slow("moment", "step", "outcome", "unit", of=0, hold=hold, go_on=go_on)
    address = serve(Viewer(open_runs(recorded["spiral"]), {**ANSWERS, **answers}))
    page = browse(address, "step=5&layer=0&unit=2")
    panels = [*PANELS, ".inspector"]
    for panel in panels:
        expect(page.locator(f"{panel} h2").first).to_be_visible()
    expect(page.locator("[data-link='1,3,2']")).to_be_visible()
    hold.set()
    page.keyboard.press("Home")
    expect(page.locator(".timeline .place")).to_have_text("step 0 of 400")
    for panel in panels:
        expect(page.locator(f"{panel} .late")).to_have_text("still step 5")
        expect(page.locator(panel)).to_have_attribute("aria-busy", "true")
    go_on.set()
    expect(page.locator(".late")).to_have_count(0)
    expect(page.locator("[aria-busy]")).to_have_count(0)


def test_first_numbers_that_wait_for_kernels(
    serve: Callable, browse: Callable, recorded: dict
) -> None:
    """Panels that have nothing to show yet are at work, and the page says on what."""
    hold, go_on = threading.Event(), threading.Event()
    hold.set()
    answers = slow("moment", "step", "outcome", of=5, hold=hold, go_on=go_on)
    answers["compiling"] = lambda viewer: {"compiling": not go_on.is_set()}
    page = browse(serve(Viewer(open_runs(recorded["spiral"]), {**ANSWERS, **answers})), "step=5")
    for panel in PANELS:
        expect(page.locator(f"{panel} .late")).to_have_text("at work …")
        expect(page.locator(panel)).to_have_attribute("aria-busy", "true")
    expect(page.locator(".notice")).to_have_text(
        "Compiling the kernels, once on this machine; some seconds …"
    )
    go_on.set()
    expect(page.locator("[data-link='1,3,2']")).to_be_visible()
    expect(page.locator(".late, [aria-busy]")).to_have_count(0)
    expect(page.locator(".notice")).to_have_text("")


@pytest.fixture
def nothing_compiled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As on a machine that has compiled nothing, as far as the engine knows."""
    folder = tmp_path / "kernels"
    folder.mkdir()
    monkeypatch.setattr(jit, "CACHE_FOLDER", folder)
    monkeypatch.setattr(jit, "_compiled", set())
    monkeypatch.setattr(jit, "on_compiling", [])


@pytest.mark.compiled
def test_whether_kernels_are_compiled(recorded: dict, nothing_compiled: None) -> None:
    """Is answered at once, though who needs the kernels has the viewer; once, not every time."""
    viewer = Viewer(open_runs(recorded["spiral"]), ANSWERS)
    told = []

    def hear() -> None:
        asked = threading.Thread(
            target=lambda: told.append(viewer.answer("compiling", {})["compiling"])
        )
        asked.start()
        asked.join(30)

    jit.on_compiling.append(hear)
    for step in (5, 7):
        viewer.answer("moment", {"run": 1, "step": step})
    assert told[:2] == [True, False]
    seen = len(told)
    viewer.answer("moment", {"run": 1, "step": 9})
    assert len(told) == seen
    viewer.close()


@pytest.mark.compiled
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_training_that_waits_for_kernels(tmp_path: Path, nothing_compiled: None) -> None:
    """The process that trains says so, and when they are there."""
    ours, theirs = Pipe()
    worker = threading.Thread(target=work, args=(theirs, tmp_path / "play.retro"))
    worker.start()
    X = np.random.default_rng(0).random((20, 2))
    ours.send(
        {
            "do": "train", "job": 1, "kind": "MLPRegressor",
            "parameters": {"hidden_layer_sizes": (2,), "max_iter": 1},
            "X": X, "y": X[:, 0], "names": None, "facts": None, "stop": "",
        }
    )  # fmt: skip
    told = [ours.recv()]
    while told[-1].get("state") != "ended":
        assert ours.poll(60)
        told.append(ours.recv())
    ours.send({"do": "end"})
    worker.join(30)
    said = [one["compiling"] for one in told if "compiling" in one]
    assert said
    assert said == [k % 2 == 0 for k in range(len(said))]
    assert all(one["job"] == 1 for one in told)


@pytest.mark.parametrize(
    ("fault", "last"),
    [
        (RunFileError("r.retro is damaged"), "error: r.retro is damaged"),
        (KeyError(1), "KeyError: 1"),
    ],
)
def test_a_viewer_that_cannot_be_made(
    capsys: pytest.CaptureFixture, fault: Exception, last: str
) -> None:
    """Whoever asks it is told why, and so is the terminal; where, if the fault is ours."""

    def make() -> Viewer:
        raise fault

    opening = Opening(make)
    with pytest.raises(ValueError, match=re.escape(str(fault))):
        opening.answer("runs", {})
    opening.tell()
    said = capsys.readouterr().err.splitlines()
    assert said[-1] == last
    assert (len(said) > 1) is ("Traceback" in said[0])
