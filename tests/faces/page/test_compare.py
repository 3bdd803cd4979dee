"""Comparing: a pinned moment with where the reader goes, and a run with its branch."""

import re
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.rewinding import open_run, open_runs
from retrograd.faces.page.answers.runs import changes
from retrograd.faces.page.answers.table import ANSWERS
from retrograd.faces.page.viewer import Viewer


@pytest.fixture(scope="module")
def branched(recorded: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The spiral's run, and one that branches off it at step 200 with another rate."""
    path = tmp_path_factory.mktemp("branched") / "two.retro"
    shutil.copy(recorded["spiral"], path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        open_runs(path)[0].branch(at=200, learning_rate_init=0.1)
    return path


def compare(path: Path, **arguments: Any) -> dict:
    """Ask a viewer of its own."""
    asked = {"run": 1, "other": 1, "on": "training", "patient": False, **arguments}
    return Viewer(open_runs(path), ANSWERS).answer("compare", asked)


def cells(page: Page, name: str) -> list[str | None]:
    """Exact numbers of a line of the table: of the other, and here."""
    line = page.locator(
        ".compare .sides tr", has=page.get_by_role("rowheader", name=name, exact=True)
    )
    expect(line).to_be_visible()
    return [cell.get_attribute("title") for cell in line.locator("td").all()[:2]]


def test_a_pinned_moment_stays(serve: Callable, browse: Callable, recorded: dict) -> None:
    """While the reader moves on; losses and scores are the two estimators'; swapping goes back."""
    page = browse(serve(recorded["spiral"]), "step=100")
    page.get_by_role("button", name="pin this moment").click()
    page.keyboard.press("End")
    expect(page.locator(".compare")).to_contain_text("here: step 400")
    run = open_run(recorded["spiral"])
    X, y = run.data.X, run.data.y[:, 0]
    scores = [run.at(step).estimator().score(X, y) for step in (100, 400)]
    assert cells(page, "accuracy") == [str(float(score)) for score in scores]
    norm = np.linalg.norm(run.at(400).coefs[1] - run.at(100).coefs[1])
    expect(page.locator(".compare .layer").nth(1)).to_contain_text(f"{norm:.6g}")
    expect(page.locator(".compare .plane canvas")).to_have_count(2)
    page.get_by_role("button", name="swap").click()
    expect(page.locator(".timeline .place")).to_have_text("step 100 of 400")
    expect(page.locator(".compare")).to_contain_text("pinned: step 400")
    expect(page).to_have_url(re.compile("otherStep=400"))
    page.reload()
    expect(page.locator(".compare")).to_contain_text("pinned: step 400")
    page.get_by_role("button", name="End the comparison").click()
    expect(page.get_by_role("button", name="pin this moment")).to_be_visible()
    expect(page).not_to_have_url(re.compile("other"))


def test_rows_that_are_predicted_otherwise(
    serve: Callable, browse: Callable, recorded: dict[str, Path]
) -> None:
    """How many, how many of them are right now; and a click selects one."""
    page = browse(serve(recorded["spiral"]), "step=400&otherStep=50")
    run = open_run(recorded["spiral"])
    X, y = run.data.X, run.data.y[:, 0]
    then, now = (run.at(step).estimator().predict(X) for step in (50, 400))
    gained, lost = int(((now == y) & (then != y)).sum()), int(((now != y) & (then == y)).sum())
    summary = page.locator(".moved summary")
    expect(summary).to_contain_text(
        f"{(then != now).sum()} rows are predicted otherwise: {gained} are right now, {lost} no"
    )
    summary.click()
    first = page.locator(".moved tbody button").first
    row = int(first.text_content() or "")
    assert then[row] != now[row]
    first.click()
    expect(page.locator(".inspector h2")).to_have_text(f"row {row}")
    expect(first).to_be_focused()


def test_one_row_that_is_predicted_otherwise(
    serve: Callable, browse: Callable, recorded: dict[str, Path]
) -> None:
    """Is one, and no more."""
    run = open_run(recorded["spiral"])
    said = [moment.estimator().predict(run.data.X) for moment in run]
    step = next(k for k in range(len(run)) if (said[k] != said[k + 1]).sum() == 1)
    page = browse(serve(recorded["spiral"]), f"step={step + 1}&otherStep={step}")
    expect(page.locator(".moved summary")).to_contain_text(re.compile("^1 row is predicted"))


def test_a_difference_of_weights_leads_to_the_link(
    serve: Callable, browse: Callable, recorded: dict[str, Path]
) -> None:
    """By key: the exact difference is told, Enter goes to the link."""
    page = browse(serve(recorded["spiral"]), "step=400&otherStep=399")
    heat = page.get_by_role("img", name=re.compile(r"difference of coefs\[0\]"))
    heat.focus()
    page.keyboard.press("ArrowDown")
    run = open_run(recorded["spiral"])
    difference = (run.at(400).coefs[0] - run.at(399).coefs[0])[1, 0]
    said = (heat.locator(".under").text_content() or "").split("= ")[1]
    assert float(said.replace("−", "-")) == difference
    page.keyboard.press("Enter")
    expect(page.locator(".inspector h2")).to_have_text("coefs[0][1, 0]")


def test_a_branch_beside_its_parent(serve: Callable, browse: Callable, branched: Path) -> None:
    """At the same step of the whole training; with what differs, and where they part."""
    page = browse(serve(branched), "run=2&step=10")
    page.get_by_label("Compare with a run").select_option("1")
    panel = page.locator(".compare")
    expect(panel).to_contain_text("run 1, step 210")
    expect(panel).to_contain_text("learning_rate_init")
    page.keyboard.press("ArrowRight")
    expect(panel).to_contain_text("run 1, step 211")
    page.get_by_role("button", name="where do they part?").click()
    expect(page.locator(".parted")).to_contain_text(
        "They part in step 200, first in coefs[0][0, 0]"
    )
    page.get_by_role("button", name="go there").click()
    expect(panel).to_contain_text("here: run 2, step 0")
    expect(panel).to_contain_text("All rows are predicted alike.")
    expect(panel.locator(".layer").first).to_contain_text("the same, to the last bit")


def test_moments_of_one_run_have_no_other_parameters(branched: Path) -> None:
    """Only those of two runs can differ."""
    assert compare(branched, step=10, other_step=30)["parameters"] == []
    found = compare(branched, step=201, other=2, other_step=1)
    assert [one["name"] for one in found["parameters"]] == ["learning_rate_init"]
    assert found["same_data"]
    assert found["layers"][0]["changed"] == 16


def test_a_branch_learns_from_the_same_data(recorded: dict[str, Path], tmp_path: Path) -> None:
    """Also one from within an epoch, which keeps that epoch's losses, and of early stopping."""
    path = tmp_path / "digits.retro"
    shutil.copy(recorded["digits"], path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        branch = open_runs(path)[0].branch(at=11, learning_rate_init=0.01)
    assert {"skipped", "best"} <= branch.header.data.keys()
    found = compare(path, run=2, step=len(branch), other_step=50)
    assert found["same_data"]
    assert found["rows"]["count"] > 0


def test_an_edited_label_is_other_data(branched: Path, tmp_path: Path) -> None:
    """And so are other targets of the same rows in general."""
    path = tmp_path / "edited.retro"
    shutil.copy(branched, path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = open_runs(path)[0]
        run.branch(at=200, edit={"y[0]": 1 - int(run.data.y[0, 0])})
    found = compare(path, step=201, other=3, other_step=1)
    assert (found["same_data"], found["rows"]) == (False, None)


def test_other_networks_are_judged_on_their_own(branched: Path, tmp_path: Path) -> None:
    """There is then no difference of weights, nor of rows; but losses and scores."""
    from retrograd.estimators.classifier import MLPClassifier
    from retrograd.estimators.recorder import Recorder

    path = tmp_path / "three.retro"
    shutil.copy(branched, path)
    X = np.random.default_rng(0).normal(size=(40, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MLPClassifier((3,), max_iter=2, random_state=0)
        model.set_callbacks(Recorder(path)).fit(X, X[:, 0] > 0)
    found = compare(path, step=10, other=3, other_step=1)
    assert (found["comparable"], found["layers"], found["rows"]) == (False, None, None)
    ends = open_run(path, 3).at(1).estimator()
    assert found["sides"][1]["score"] == ends.score(X, X[:, 0] > 0)


def test_a_run_does_not_part_from_itself(branched: Path) -> None:
    """And is told so."""
    with pytest.raises(ValueError, match="does not part from itself"):
        Viewer(open_runs(branched), ANSWERS).answer("parting", {"run": 1, "other": 1})


def test_parameters_are_told_as_python_has_them(recorded: dict[str, Path], tmp_path: Path) -> None:
    """Infinity and tuples, not what stands for them in the file."""
    path = tmp_path / "some.retro"
    X = np.random.default_rng(0).standard_normal((40, 3))
    for widths, patience in (((4,), np.inf), ((4, 3), 5)):
        model = MLPClassifier(widths, max_iter=2, n_iter_no_change=patience, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.set_callbacks(Recorder(path)).fit(X, X[:, 0] > 0)
            if len(open_runs(path)) == 1:
                open_run(path).branch(at=1, n_iter_no_change=7)
    found = compare(path, step=1, other=3, other_step=1)["parameters"]
    assert {"name": "hidden_layer_sizes", "ours": "(4,)", "theirs": "(4, 3)"} in found
    assert {"name": "n_iter_no_change", "ours": "inf", "theirs": "5"} in found
    told = changes(Viewer(open_runs(path), ANSWERS), open_run(path, 2))
    assert {"name": "n_iter_no_change", "was": "inf", "is": "7"} in told
