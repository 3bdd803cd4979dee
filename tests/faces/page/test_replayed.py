"""Curves that no record has: gradient norms and validation losses, had by replay."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from retrograd import open_run
from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.rewinding import open_runs
from retrograd.faces.page.answers import replayed
from retrograd.faces.page.answers.table import ANSWERS
from retrograd.faces.page.viewer import Viewer

PAINTED = 'document.querySelector(".curves").toDataURL()'


@pytest.fixture(autouse=True)
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is, all of it is done."""
    monkeypatch.setattr(replayed, "BUDGET", np.inf)


def curves(viewer: Viewer, patient: bool) -> dict:
    """The timeline of the first run, whole."""
    asked = {"run": 1, "begin": 0, "end": len(viewer.run(1)), "bins": 4096, "patient": patient}
    return viewer.answer("timeline", asked)


def whole(viewer: Viewer) -> dict:
    """The timeline, once there is no more to come."""
    while (found := curves(viewer, patient=True))["more"]:
        pass
    return found


def test_gradient_norms_are_those_of_the_steps(recorded: dict[str, Path]) -> None:
    """Every other one of 400, and the last; to the last bit. In a hurry there are none."""
    viewer = Viewer(open_runs(recorded["spiral"]), ANSWERS)
    assert curves(viewer, patient=False)["more"]
    norms = whole(viewer)["gradient_norm"]
    watched = open_run(recorded["spiral"]).watch("gradient_norm")
    assert {*range(0, 400, 2), 399} <= {*norms["steps"].tolist()}
    np.testing.assert_array_equal(norms["mean"], watched.values[norms["steps"]])
    np.testing.assert_array_equal(curves(viewer, False)["gradient_norm"]["mean"], norms["mean"])


def test_validation_losses_are_the_outcomes(recorded: dict[str, Path]) -> None:
    """From the begin, after every epoch, to the end."""
    viewer = Viewer(open_runs(recorded["digits"]), ANSWERS)
    run, found = viewer.run(1), whole(viewer)["validation_loss"]
    assert {0, *(epoch.step for epoch in run.epochs)} <= {*found["steps"].tolist()}
    asked = {"run": 1, "on": "validation", "tab": "worst", "f0": 0, "f1": 1, "target": 0}
    for step, loss in zip(found["steps"].tolist(), found["mean"].tolist(), strict=True):
        outcome = viewer.answer("outcome", {**asked, "step": step, "patient": False})
        assert loss == pytest.approx(outcome["loss"], rel=1e-12)


def test_what_is_there_when_the_time_is_over_spans_the_run(
    recorded: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no more is promised."""
    monkeypatch.setattr(replayed, "BUDGET", 1e-9)
    viewer = Viewer(open_runs(recorded["digits"]), ANSWERS)
    found = curves(viewer, patient=True)
    assert not found["more"]
    assert found["validation_loss"]["steps"].size == 1
    monkeypatch.setattr(replayed, "BUDGET", 2.5 * replayed.SLICE)
    monkeypatch.setattr(replayed, "monotonic", iter(np.arange(1e3)).__next__)
    viewer = Viewer(open_runs(recorded["digits"]), ANSWERS)
    losses = whole(viewer)["validation_loss"]["steps"]
    assert losses.size < len(viewer.run(1).epochs)
    assert {losses[0], losses[-1]} == {0, len(viewer.run(1))}


def test_a_run_that_grows_is_looked_at_again(
    recorded: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once it is twice as long, or at its end: no look at it takes much of the machine."""
    viewer = Viewer(open_runs(recorded["spiral"]), ANSWERS)
    run = viewer.run(1)
    monkeypatch.setattr(run, "status", "running")
    for n_steps, more in [(100, True), (199, False), (200, True), (400, True)]:
        monkeypatch.setattr(run, "_n_steps", n_steps)
        assert curves(viewer, patient=False)["more"] is more
        whole(viewer)
    monkeypatch.setattr(run, "status", "ended")
    assert curves(viewer, patient=False)["more"]
    assert not whole(viewer)["more"]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_without_its_data_there_is_what_was_recorded(tmp_path: Path) -> None:
    """Which may be nothing; and no more is promised."""
    X = np.random.default_rng(0).normal(size=(60, 3))
    net = MLPClassifier((4,), max_iter=2, random_state=0)
    net.set_callbacks(Recorder(tmp_path / "a.retro", keep_data=False)).fit(X, X[:, 0] > 0)
    viewer = Viewer(open_runs(tmp_path / "a.retro"), ANSWERS)
    assert not curves(viewer, patient=False)["more"]
    assert not curves(viewer, patient=True)["more"]


def test_damage_is_no_fault_of_the_timeline(recorded: dict[str, Path], tmp_path: Path) -> None:
    """What can be drawn is drawn; whoever looks at a moment is told."""
    path = Path(shutil.copy(recorded["spiral"], tmp_path / "spiral.retro"))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE arrays SET data = zeroblob(8)")
    viewer = Viewer(open_runs(path), ANSWERS)
    found = whole(viewer)
    assert found["loss"]["steps"].size
    assert not found["validation_loss"]["steps"].size


def test_the_page_has_them_by_itself(
    serve: Callable, browse: Callable, recorded: dict, tmp_path: Path
) -> None:
    """Whatever was recorded: as long as the data are there; in one file, too."""
    open_run(recorded["digits"]).to_html(tmp_path / "digits.html", budget=1_200_000)
    for address in (serve(recorded["digits"]), (tmp_path / "digits.html").as_uri()):
        page = browse(address, "curve=none")
        for name in ("gradient norm", "validation loss"):
            chip = page.get_by_role("button", name=name, exact=True)
            expect(chip).to_be_visible()
            before = page.evaluate(PAINTED)
            chip.click()
            page.wait_for_function(f"before => {PAINTED} !== before", arg=before)
            chip.click()
            page.wait_for_function(f"before => {PAINTED} === before", arg=before)
