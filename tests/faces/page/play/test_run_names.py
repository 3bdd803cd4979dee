"""Runs are named by their data and by what sets them apart."""

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from panel import last, served, settled
from playwright.sync_api import expect

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.rewinding import open_runs
from retrograd.faces.page.answers.playing import PLAY_ANSWERS, build
from retrograd.faces.page.answers.table import ANSWERS
from retrograd.faces.page.playground import Playground
from retrograd.faces.page.settings import START
from retrograd.faces.page.viewer import Viewer


def train(viewer: Playground, **changed: Any) -> int:
    """Train with some settings otherwise; the run's number."""
    told = build(viewer, START | {"max_iter": "5"} | changed)
    assert told["wrong"] == {}
    settled(viewer)
    return last(viewer).number


@pytest.fixture
def new(tmp_path: Path) -> Iterator[tuple[Playground, str]]:
    """A playground of one's own, which has trained nothing yet."""
    viewer = Playground(tmp_path / "new.retro", PLAY_ANSWERS)
    with served(viewer) as address:
        yield viewer, address


def test_runs_are_named_by_their_data(new: tuple[Playground, str], browse: Callable) -> None:
    """And by what matters; what else is different is told where names would be alike."""
    viewer, address = new
    relu = [{"units": units, "activation": "relu"} for units in ("8", "4")]
    train(viewer)
    train(viewer, data="penguins", target="species", layers=relu)
    train(viewer, data="spiral", rows="100", layers=[], solver="sgd")
    for seed, epochs in (("5", "5"), ("0", "6")):
        train(viewer, data="spiral", random_state=seed, max_iter=epochs, layers=relu[:1])
    viewer.answer("branch", {
        "run": 1, "step": 10, "key": "a", "parameters": {"learning_rate_init": 0.1},
        "edit": {"intercepts[0][3]": 0.5, "y[17]": "0"},
    })  # fmt: skip
    names = [
        "run 1: Circle, 6-4 tanh, adam 0.01",
        "run 2: Penguins, 8-4 relu, adam 0.01",
        "run 3: Spiral, no hidden layer, sgd 0.01",
        "run 4: Spiral, 8 relu, adam 0.01, seed 5",
        "run 5: Spiral, 8 relu, adam 0.01, seed 0",
        "run 6: off run 1 at step 10: learning rate 0.1, intercepts[0][3] = 0.5, y[17] = 0",
    ]
    page = browse(address, "run=1")
    expect(page.get_by_label("Run", exact=True).locator("option")).to_have_text(names)
    expect(page.get_by_label("Compare with a run").locator("option")).to_have_text(
        ["with run …", *names[1:]]
    )
    page.close()
    facts = [run.facts["playground"] for run in open_runs(viewer.path)]
    assert facts[1] == {"title": "Penguins", "target": "species"}
    assert facts[2] == {"title": "Spiral", "rows": 100, "noise": 0.05, "data_seed": 0}
    assert facts[5] == facts[0]


def test_facts_that_no_playground_wrote(tmp_path: Path) -> None:
    """Name nothing: they may be anything."""
    X, y = np.eye(6), [0, 1] * 3
    for told in (None, 3, {}, {"title": 3}, {"title": "A", "rows": [1], "target": "b", "c": 1}):
        recorder = Recorder(tmp_path / "odd.retro", facts={"playground": told})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            MLPClassifier((3,), max_iter=2).set_callbacks(recorder).fit(X, y)
    viewer = Viewer(open_runs(tmp_path / "odd.retro"), ANSWERS)
    data = [run["data"] for run in viewer.answer("runs", {})["runs"]]
    assert data == [None, None, None, None, {"title": "A", "target": "b"}]
