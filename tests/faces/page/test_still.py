"""The page in one file: opened from disk, without a server, it shows what the run holds."""

import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from retrograd import open_run
from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.rewinding import open_runs
from retrograd.faces.page.answers import kept
from retrograd.faces.page.answers.table import ANSWERS
from retrograd.faces.page.viewer import Viewer

# What is asked by views that a still page leaves out.
LIVE_ONLY = {"compiling", "conditions", "words", "branch_facts", "playground"}
HOSTILE = '</script><img src=x onerror="document.title=1"><!--<b>'


@pytest.fixture(scope="session")
def still(recorded: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The recorded runs, each as a page in one file."""
    folder = tmp_path_factory.mktemp("still")
    for name, path in recorded.items():
        open_run(path).to_html(folder / f"{name}.html", budget=1_200_000)
    return {name: folder / f"{name}.html" for name in recorded}


def test_a_run_in_memory_is_nowhere_to_be_opened(browse: Callable, tmp_path: Path) -> None:
    """Its snapshot says so."""
    recorder = Recorder()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        MLPClassifier((2,), max_iter=2).set_callbacks(recorder).fit(np.eye(4), [0, 1] * 2)
    open_run(recorder).to_html(tmp_path / "a.html")
    still = browse((tmp_path / "a.html").as_uri()).locator(".still")
    expect(still).to_contain_text(
        "were in the memory of who made this: Recorder(path) makes a file"
    )


def kept_steps(page: Page) -> list[int]:
    """Go through all moments with the arrow key, from the start; their steps."""
    page.keyboard.press("Home")
    steps = []
    while not steps or steps[-1] != at_step(page):
        steps.append(at_step(page))
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(30)
    return steps


def at_step(page: Page) -> int:
    """The step that the page says it shows."""
    said = page.locator(".timeline .place").text_content() or ""
    return int(re.findall(r"[\d,]+", said)[0].replace(",", ""))


def test_it_shows_the_run(still: dict, browse: Callable, recorded: dict) -> None:
    """The weights of every moment that it has are the run's, to the last digit."""
    page = browse(still["spiral"].as_uri())
    expect(page.locator(".still")).to_contain_text("of 401 moments")
    expect(page.locator(".still")).to_contain_text("are in spiral.retro: retrograd view opens it")
    run = open_run(recorded["spiral"])
    steps = kept_steps(page)
    assert steps[0] == 0
    assert steps[-1] == 400
    assert len(steps) > 5
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".timeline .place")).to_have_text(f"step {steps[-2]} of 400")
    weight = run.at(steps[-2]).coefs[1][3, 2]
    link = page.locator('[data-link="1,3,2"] title')
    expect(link).to_have_text(f"coefs[1][3, 2] = {weight}".replace("-", "−"))


def test_dragging_goes_to_the_nearest_moment(still: dict, browse: Callable) -> None:
    """Wherever one lets go; and a link to a step that is not there, too."""
    page = browse(still["spiral"].as_uri(), "step=399")
    steps = kept_steps(page)
    box = page.locator(".slider").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 60)
    nearest = min(steps, key=lambda step: abs(step - 200))
    expect(page.locator(".timeline .place")).to_have_text(f"step {nearest} of 400")
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.get_by_role("button", name="Play").click()
    expect(page.locator(".timeline .place")).to_have_text("step 400 of 400", timeout=20_000)


def test_from_the_end_back_to_a_step(still: dict, browse: Callable) -> None:
    """The moment before the end that is kept, since the last step need not be."""
    page = browse(still["spiral"].as_uri())
    page.get_by_role("button", name="Show the moment before").click()
    expect(page.locator(".step .equation").first).to_be_visible()
    assert at_step(page) == kept_steps(page)[-2]


def test_of_a_single_moment(browse: Callable, recorded: dict, tmp_path: Path) -> None:
    """There is nothing to play and nothing before it, and who asks why is told."""
    run = open_run(recorded["spiral"])
    with pytest.raises(ValueError, match="it takes") as told:
        run.to_html(tmp_path / "one.html", budget=100_000)
    least = int(re.findall(r"say budget=(\d+)$", str(told.value))[0])
    run.to_html(tmp_path / "one.html", budget=least)
    page = browse((tmp_path / "one.html").as_uri())
    expect(page.locator(".still")).to_contain_text("1 of 401 moments")
    for name, why in (
        ("Show the moment before", "no moment before this one"),
        ("Play", "no other moment"),
        ("Step back", "no other moment"),
    ):
        button = page.get_by_role("button", name=name)
        expect(button).to_be_disabled()
        expect(button).to_have_attribute("title", re.compile(why))
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)


def test_it_asks_nobody(still: dict, browse: Callable) -> None:
    """Not a byte is loaded besides the file; and the file is as small as was wished."""
    page = browse("about:blank#", "", ready=False)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(still["digits"].as_uri())
    page.wait_for_selector(".timeline .place:not(:empty)")
    kept_steps(page)
    assert [url for url in asked if not url.startswith("blob:")] == [still["digits"].as_uri()]
    assert 600_000 < still["digits"].stat().st_size <= 1_200_000


@pytest.mark.parametrize("name", ["spiral", "digits"])
def test_what_a_page_asks_by_itself_is_kept(
    name: str, serve: Callable, browse: Callable, recorded: dict
) -> None:
    """Whatever a new view asks as it opens must be in the file, too, or the view empty there."""
    page = browse("about:blank", ready=False)
    asked: list[dict] = []
    page.on("websocket", lambda one: one.on("framesent", lambda data: asked.append(data)))
    page.goto(serve(recorded[name]))
    page.wait_for_selector(".timeline .place:not(:empty)")
    page.keyboard.press("Home")
    expect(page.locator(".network > .bar").first).to_contain_text("epoch 0 ")
    questions = [json.loads(text) for text in asked]
    viewer = Viewer(open_runs(recorded[name]), ANSWERS)
    there = {
        json.dumps([question, *(arguments[key] for key in kept.TOLD_BY[question])])
        for step in (0, len(viewer.run(1)))
        for question, arguments in kept.of_run(viewer, 1) + kept.of_moment(viewer, 1, step)
    }
    wanted = {
        json.dumps([one["ask"], *(one["with"][key] for key in kept.TOLD_BY[one["ask"]])])
        for one in questions
        if one["ask"] not in LIVE_ONLY
    }
    assert len(wanted) >= 5
    assert wanted <= there


def test_where_the_whole_is(still: dict, browse: Callable) -> None:
    """The page says that it is a part, and of what."""
    page = browse(still["spiral"].as_uri())
    expect(page.locator(".still")).to_contain_text("are in spiral.retro: retrograd view opens it")


def test_what_is_not_in_the_file_is_said(still: dict, browse: Callable, tmp_path: Path) -> None:
    """In one line, and nothing breaks."""
    whole = still["spiral"].read_text()
    less, n = re.subn(r'<script type="text/plain" data-answers="400">[^<]*</script>', "", whole)
    assert n == 1
    (tmp_path / "less.html").write_text(less)
    page = browse((tmp_path / "less.html").as_uri())
    expect(page.locator(".notice")).to_contain_text("This is not in the snapshot")
    page.keyboard.press("Home")
    expect(page.locator(".network")).to_contain_text("loss 0.")


def test_a_file_too_small_for_anything(recorded: dict, tmp_path: Path) -> None:
    """Is refused, and none is written."""
    with pytest.raises(ValueError, match=r"no room in 100,000 bytes: it takes [\d,]+ more"):
        open_run(recorded["digits"]).to_html(tmp_path / "digits.html", budget=100_000)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which every name is an attack."""
    import pandas as pd

    path = tmp_path_factory.mktemp("hostile") / "a<img src=x onerror=alert(1)>.retro"
    rng = np.random.default_rng(0)
    X = pd.DataFrame({HOSTILE: rng.random(60), "<svg onload=alert(2)>": rng.random(60)})
    y = np.where(X[HOSTILE] > 0.5, HOSTILE, "<script>alert(3)</script>")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = MLPClassifier((3,), max_iter=3, batch_size=20, random_state=0)
        net.set_callbacks(Recorder(path)).fit(X, y)
    return path


@pytest.mark.parametrize("door", ["file", "server"])
def test_hostile_names(
    door: str, hostile: Path, serve: Callable, browse: Callable, tmp_path: Path
) -> None:
    """Are text: no element is made of them, and no script of theirs runs."""
    if door == "file":
        open_run(hostile).to_html(tmp_path / "page.html", budget=800_000)
        page = browse((tmp_path / "page.html").as_uri())
    else:
        page = browse(serve(hostile))
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    expect(page.locator(".head .file")).to_have_text(hostile.name)
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".timeline .place")).to_contain_text("step ")
    expect(page.locator(".network > .bar").first).to_contain_text("loss ")
    assert page.locator("#retrograd img, #retrograd script, #retrograd [onload]").count() == 0
    assert page.title() == f"{hostile.name} · retrograd"
    expect(page.locator(".unit title").first).to_contain_text(HOSTILE)


def test_what_the_file_does_not_hold_is_said(browse: Callable, tmp_path: Path) -> None:
    """And there is a way back: the panel with its choices stays, also when the page is opened."""
    rng = np.random.default_rng(0)
    X, recorder = rng.normal(size=(80, 4)), Recorder(tmp_path / "early.retro")
    model = MLPClassifier((5,), early_stopping=True, max_iter=5, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.set_callbacks(recorder).fit(X, (X[:, 0] > 0).astype(int))
    open_run(tmp_path / "early.retro").to_html(tmp_path / "early.html")
    page = browse((tmp_path / "early.html").as_uri())
    outcome = page.locator(".outcome")
    expect(outcome.locator(".matrix")).to_be_visible()
    expect(outcome).not_to_contain_text("a click on a number")
    outcome.get_by_label("Rows", exact=True).select_option("validation")
    for _ in range(2):
        expect(outcome).to_contain_text("This file does not hold this part of the outcome.")
        expect(page).to_have_url(re.compile("on=validation"))
        page.reload()
    outcome.get_by_role("button", name="Back to what was shown first").click()
    expect(outcome.locator(".matrix")).to_be_visible()
    expect(outcome.get_by_label("Rows", exact=True)).to_have_value("training")


def test_a_run_without_its_data(browse: Callable, tmp_path: Path) -> None:
    """Its checkpoints are there, the weights at least; what needs the data says so."""
    rng = np.random.default_rng(0)
    X, recorder = rng.normal(size=(80, 4)), Recorder(tmp_path / "bare.retro", keep_data=False)
    model = MLPClassifier((5,), max_iter=5, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.set_callbacks(recorder).fit(X, (X[:, 0] > 0).astype(int))
    run = open_run(tmp_path / "bare.retro")
    run.to_html(tmp_path / "bare.html")
    page = browse((tmp_path / "bare.html").as_uri())
    assert kept_steps(page) == run.store.steps_of(run.number)
    weight = page.locator('[data-link="0,3,2"] title')
    expect(weight).to_have_text(f"coefs[0][3, 2] = {run[-1].coefs[0][3, 2]}".replace("-", "−"))
    page.keyboard.press("Home")
    for part in (".step", ".outcome"):
        expect(page.locator(part)).to_contain_text("keeps no training data")
