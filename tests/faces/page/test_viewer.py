"""The viewer's answers, without a browser: what they hold is the run's own, and bad questions."""

import os
import shutil
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrograd.engine.notes import warn
from retrograd.estimators.rewinding import open_run, open_runs
from retrograd.faces.page.answers.network import PICTURE, picture
from retrograd.faces.page.answers.table import ANSWERS
from retrograd.faces.page.viewer import QuestionError, Viewer
from retrograd.rewind.store import RunFileError


@pytest.fixture
def viewer(recorded: dict[str, Path]) -> Viewer:
    """Of the digits' run, which has a validation set."""
    return Viewer(open_runs(recorded["digits"]), ANSWERS)


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("nothing", {}, "cannot ask 'nothing'"),
        ("moment", {"run": 1}, "missing a required argument: 'step'"),
        ("moment", {"run": 1, "step": "3"}, "step is '3', no int"),
        ("moment", {"run": True, "step": 3}, "run is True, no int"),
        ("moment", {"run": 1, "step": 3, "x": 0}, "unexpected keyword argument 'x'"),
        ("moment", {"run": 7, "step": 3}, "has no run 7"),
        ("moment", [1, 3], "named arguments"),
        ("array", {"run": 1, "step": 0, "section": "loss", "line": 99, "row": 0, "column": 0,
                   "rows": 1, "columns": 1}, "no line 99"),
    ],
)  # fmt: skip
def test_bad_questions(viewer: Viewer, name: str, arguments: Any, says: str) -> None:
    """Are refused in a sentence that says what is wrong."""
    with pytest.raises(QuestionError, match=says):
        viewer.answer(name, arguments)


def test_who_waits_when_it_ends(viewer: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is not answered: what that would begin, such as compiling, would hold up the end."""
    begun, ended = threading.Event(), threading.Event()

    def answer(viewer: Viewer) -> dict:
        begun.set()
        assert ended.wait(60)
        return {}

    monkeypatch.setitem(ANSWERS, "slow", answer)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(viewer.answer, "slow", {})
        assert begun.wait(60)
        begun.clear()
        second = pool.submit(viewer.answer, "slow", {})
        viewer.close()
        ended.set()
        assert first.result(60) == {}
        with pytest.raises(QuestionError, match="retrograd has ended"):
            second.result(60)
    assert not begun.is_set()


def test_what_others_are_warned_of_meanwhile(
    viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers hear their own warnings, whatever the filters say, which hold for all others."""

    def elsewhere() -> None:
        with pytest.raises(UserWarning, match="elsewhere"):
            warn("elsewhere")

    def answer(viewer: Viewer) -> dict:
        for _ in range(2):
            warn("of the answer")
        with ThreadPoolExecutor(1) as pool:
            pool.submit(elsewhere).result()
        assert not np.isfinite(np.float64(1e308) * np.float64(10.0)), "and nothing is said of it"
        return {}

    monkeypatch.setitem(viewer.answers, "one", answer)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = list(warnings.filters)
        assert viewer.answer("one", {}) == {"notes": ["of the answer"]}
        assert warnings.filters == before


def test_a_step_beyond_the_run(viewer: Viewer) -> None:
    """Is told as what it is."""
    with pytest.raises(IndexError, match="step 10000 is not in the run"):
        viewer.answer("moment", {"run": 1, "step": 10_000})


def test_a_moment_is_the_runs(viewer: Viewer, recorded: dict[str, Path]) -> None:
    """Bit for bit, whichever way one comes to it: forward, back by one, from afar."""
    n = len(open_run(recorded["digits"]))
    for step in (5, 6, 7, 6, 5, 4, 3, n, n - 1, n - 2, 0):
        found = viewer.answer("moment", {"run": 1, "step": step})
        moment = open_run(recorded["digits"]).at(step)
        for layer, W in zip(found["layers"], moment.coefs, strict=True):
            assert layer["W"]["values"].tobytes() == W.tobytes()
        assert found["epoch"] == moment.epoch
        assert found["exact"]
        if step < n:
            assert found["loss"] == moment.loss
        else:
            assert found["loss"] is None


def test_dead_units_are_those_without_delta(viewer: Viewer, recorded: dict[str, Path]) -> None:
    """In the coming batch, as the debugger's dead() says."""
    found = viewer.answer("moment", {"run": 1, "step": 60})["layers"][0]["dead"]
    run = open_run(recorded["digits"])
    assert found.any()
    assert not found.all()
    for unit in range(0, 100, 9):
        holds = run.first(f"dead(0, {unit})", after=60)
        assert found[unit] == (holds is not None and holds.step == 60)


def test_a_window_has_the_traces_numbers(viewer: Viewer, recorded: dict[str, Path]) -> None:
    """Of any array of the step; a vector is one row."""
    trace = open_run(recorded["digits"]).at(3).trace()
    told = viewer.answer("step", {"run": 1, "step": 3, "opened": "backward[0]"})
    lines = next(part for part in told["sections"] if part["key"] == "backward[0]")["lines"]
    for symbol, array in (("dW[0]", trace.layers[0].dW), ("db[0]", trace.layers[0].db[None])):
        line = [line["symbol"] for line in lines].index(symbol)
        window = viewer.answer("array", {
            "run": 1, "step": 3, "section": "backward[0]", "line": line, "row": 0, "column": 5,
            "rows": 2, "columns": 3,
        })  # fmt: skip
        np.testing.assert_array_equal(window["values"], array[:2, 5:8])


def test_windows_are_bounded(viewer: Viewer) -> None:
    """Whatever is asked for."""
    for rows, expected in ((-1, 0), (3, 3), (10**9, 64)):
        asked = {"run": 1, "step": 3, "layer": 0, "row": 0, "column": 0, "rows": rows, "columns": 5}
        assert viewer.answer("weights", asked)["values"].shape == (expected, 5)
    asked = {"run": 1, "begin": -1e300, "end": 1e300, "bins": 9, "patient": False}
    whole = viewer.answer("timeline", {**asked, "begin": 0, "end": len(viewer.run(1))})
    assert (
        viewer.answer("timeline", asked)["loss"]["mean"].tolist() == whole["loss"]["mean"].tolist()
    )


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a file that is open stays")
def test_a_file_that_goes(recorded: dict[str, Path], tmp_path: Path) -> None:
    """Its runs can be looked at all the same; that it is gone, or another one, is told."""
    path = Path(shutil.copy(recorded["spiral"], tmp_path / "gone.retro"))
    viewer = Viewer(open_runs(path), ANSWERS)
    asked = {"run": 1, "step": 7}
    assert "notes" not in viewer.answer("losses", asked)
    path.unlink()
    says = "gone.retro was deleted, moved or replaced"
    assert says in viewer.answer("losses", asked)["notes"][0]
    (tmp_path / "other.retro").write_bytes(recorded["digits"].read_bytes())
    (tmp_path / "other.retro").rename(path)
    assert says in viewer.answer("losses", asked)["notes"][0]


def test_the_timeline_has_the_runs_curves(viewer: Viewer, recorded: dict[str, Path]) -> None:
    """Whole where there is room, and in bins that leave nothing out where there is not."""
    run = open_run(recorded["digits"])
    steps, losses = run.losses
    quick = {"patient": False}
    whole = viewer.answer(
        "timeline", {"run": 1, "begin": 0, "end": len(run), "bins": 4096, **quick}
    )
    np.testing.assert_array_equal(whole["loss"]["mean"], losses)
    np.testing.assert_array_equal(whole["score"]["mean"], [epoch.score for epoch in run.epochs])
    few = viewer.answer("timeline", {"run": 1, "begin": 0, "end": len(run), "bins": 10, **quick})[
        "loss"
    ]
    assert few["steps"].size == 10
    assert few["low"].min() == losses.min()
    assert few["high"].max() == losses.max()
    part = viewer.answer("timeline", {"run": 1, "begin": 20, "end": 40, "bins": 4096, **quick})[
        "loss"
    ]
    np.testing.assert_array_equal(part["mean"], losses[(steps >= 20) & (steps <= 40)])
    best = max(run.epochs, key=lambda epoch: epoch.score or 0.0)
    told = viewer.answer("run", {"run": 1})["best_epoch"]
    assert (told["epoch"], told["step"]) == (best.epoch, best.step)


@pytest.mark.parametrize("shape", [(300, 500), (97, 200), (960, 192), (1, 20_000), (20_000, 1)])
def test_a_picture_has_the_largest_of_each_block(shape: tuple[int, int]) -> None:
    """Sign and all, of the block that the page believes it stands for."""
    array = np.random.default_rng(0).standard_normal(shape)
    array.flat[7] = -50.0
    found = picture(array)
    assert not found["whole"]
    assert found["top"] == 50.0

    def bounds(n: int) -> list[int]:
        blocks = min(n, PICTURE)
        return [k * (n // blocks) + min(k, n % blocks) for k in range(blocks + 1)]

    rows, columns = map(bounds, shape)
    assert found["values"].shape == (len(rows) - 1, len(columns) - 1)
    for i, j in ((0, 0), (len(rows) - 2, len(columns) - 2), (0, (len(columns) - 1) // 2)):
        block = array[rows[i] : rows[i + 1], columns[j] : columns[j + 1]].ravel()
        assert found["values"][i, j] == block[np.abs(block).argmax()]


def test_a_picture_shows_nan() -> None:
    """In the block that has one, and it does not spoil the scale of the others."""
    array = np.ones((400, 400))
    array[0, 0] = np.nan
    found = picture(array)
    assert np.isnan(found["values"][0, 0])
    assert np.isnan(found["values"]).sum() == 1
    assert found["top"] == 1.0


def test_a_file_that_is_written_over(recorded: dict[str, Path], tmp_path: Path) -> None:
    """In its place, by one that is sound: it is not called damaged, and what to do is told."""
    path = Path(shutil.copy(recorded["spiral"], tmp_path / "a.retro"))
    viewer = Viewer(open_runs(path), ANSWERS)
    viewer.answer("moment", {"run": 1, "step": 5})
    shutil.copy(recorded["digits"], path)
    for name, asked in (("moment", {"run": 1, "step": 70}), ("run", {"run": 1})):
        with pytest.raises(
            RunFileError, match="a.retro was written over .* another retrograd view"
        ):
            viewer.answer(name, asked)
    path.write_bytes(path.read_bytes()[:10_000])
    with pytest.raises(RunFileError, match="damaged"):
        viewer.answer("run", {"run": 1})
