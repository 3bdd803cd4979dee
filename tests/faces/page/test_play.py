"""The playground, as a person plays: choose, build, train, pause, go on, and what goes wrong."""

import re
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.rewinding import open_run, open_runs
from retrograd.export.model_file import read_facts
from retrograd.faces.models import load_model
from retrograd.faces.page.answers.playing import PLAY_ANSWERS, build
from retrograd.faces.page.answers.table import ANSWERS
from retrograd.faces.page.datasets import draw
from retrograd.faces.page.playground import Playground, source_of
from retrograd.faces.page.playing import begin
from retrograd.faces.page.serving import Serving
from retrograd.faces.page.settings import START
from retrograd.faces.page.viewer import Viewer
from retrograd.rewind.run import Run
from retrograd.tables.reading import read_table


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Playground, str]]:
    """One playground for all: the process that trains takes a while to start."""
    viewer = Playground(tmp_path_factory.mktemp("play") / "play.retro", PLAY_ANSWERS)
    begin(viewer, None)
    with served(viewer) as address:
        yield viewer, address


@contextmanager
def served(viewer: Playground) -> Iterator[str]:
    """Serve it, and close it at last, come what may; the address."""
    serving = Serving(viewer.answer)
    thread = threading.Thread(target=serving.run)
    thread.start()
    try:
        yield serving.address
    finally:
        serving.stop()
        thread.join(10)
        viewer.close()


@pytest.fixture
def viewer(played: tuple[Playground, str]) -> Playground:
    """The playground, as it was set at first."""
    settled(played[0])
    played[0].trainings.set_pace(0.0)
    played[0].settings = dict(START)
    return played[0]


@pytest.fixture
def page(viewer: Playground, played: tuple[Playground, str], browse: Callable) -> Page:
    """A page of it."""
    return browse(played[1])


def settled(viewer: Playground) -> dict[str, Any]:
    """Wait until nothing is under way; how it stands."""
    end = time.monotonic() + 60
    while viewer.trainings.is_active:
        assert time.monotonic() < end, viewer.trainings.last
        time.sleep(0.01)
    return viewer.trainings.last


def field(page: Page, name: str) -> Any:
    return page.locator(".build").get_by_label(name, exact=True)


def press(page: Page, name: str) -> None:
    page.locator(".build").get_by_role("button", name=name, exact=True).click()


def status(page: Page) -> Any:
    return page.locator(".build .status")


def last(viewer: Playground) -> Run:
    """The newest run, which a page's training has made."""
    return open_runs(viewer.path)[-1]


def same_bits(one: Any, other: Any) -> bool:
    pairs = zip([*one.coefs, *one.intercepts], [*other.coefs, *other.intercepts], strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.fixture(scope="session")
def by_hand() -> MLPClassifier:
    """What the playground opens with, fitted before it is there: filters of warnings are shared."""
    X, y = draw("circle", 300, 0.05, 0)[:2]
    model = MLPClassifier(
        (6, 4), activation="tanh", learning_rate_init=0.01, batch_size=30, random_state=0,
        n_iter_no_change=200,
    )  # fmt: skip
    with pytest.warns(Warning, match="Maximum iterations"):
        return model.fit(X, y)


def test_it_opens_on_a_training(by_hand: MLPClassifier, page: Page, viewer: Playground) -> None:
    """Trained by fit itself: the same bits as by hand."""
    expect(page.locator(".timeline .place")).to_have_text(re.compile("step 2,000 of 2,000"))
    moment = open_run(viewer.path, run=1)[-1]
    assert all(np.array_equal(a, b) for a, b in zip(moment.coefs, by_hand.coefs_, strict=True))


def test_a_long_status_can_be_read(
    viewer: Playground, played: tuple[Playground, str], browse: Callable
) -> None:
    """All of it, beside the fields, at the width that the page is tried at."""
    message = "neither the loss nor the score has been better for a while"
    viewer.trainings.last = viewer.trainings.last | {"state": "ended", "message": message}
    page = browse(played[1])
    expect(status(page)).to_contain_text(f", as {message}")
    seen = status(page).evaluate(
        "e => [e.scrollWidth <= e.clientWidth, getComputedStyle(e).overflow]"
    )
    assert seen == [True, "visible"]


def test_a_status_of_kernels(
    viewer: Playground, played: tuple[Playground, str], browse: Callable
) -> None:
    """A training that waits for them says so, instead of standing still."""
    before = viewer.trainings.last
    viewer.trainings.last = before | {"state": "running", "compiling": True}
    page = browse(played[1])
    expect(status(page)).to_contain_text("trains: compiling the kernels, once on this machine")
    viewer.trainings.last = before
    expect(status(page)).not_to_contain_text("compiling")


def test_a_status_is_told_when_it_changes(
    viewer: Playground, played: tuple[Playground, str], browse: Callable
) -> None:
    """Not whenever the page looks how the training stands, nor for every epoch."""
    before = viewer.trainings.last
    viewer.trainings.last = before | {"state": "starting"}
    page = browse(played[1])
    expect(status(page)).to_have_text("the engine starts …")
    expect(status(page)).to_have_attribute("aria-live", "polite")
    changes = page.evaluate(
        """() => new Promise((done) => {
          let [looks, changes] = [0, 0];
          new MutationObserver(() => { changes += 1; })
            .observe(document.querySelector(".build .status"), { childList: true });
          // It is drawn anew whenever the page has looked.
          new MutationObserver(() => { looks += 1; if (looks === 3) done(changes); })
            .observe([...document.querySelectorAll(".build button")]
              .find((one) => one.textContent === " Pause"), { childList: true });
        })"""
    )
    assert changes == 0
    viewer.trainings.last = before | {"state": "running", "run": 1}
    expect(status(page)).to_contain_text("trains")
    expect(status(page)).to_have_attribute("aria-live", "polite")
    viewer.trainings.last = before


def test_a_press_that_the_connection_cuts_off(
    viewer: Playground, played: tuple[Playground, str], browse: Callable
) -> None:
    """It drops when the server has begun, and before it says so: one press is one run."""
    page = browse("about:blank", ready=False)
    dropped = []

    def through(ours: WebSocketRoute) -> None:
        theirs = ours.connect_to_server()

        def send(message: str | bytes) -> None:
            theirs.send(message)
            if '"ask":"build"' in str(message) and not dropped:
                dropped.append(message)
                ours.close()

        ours.on_message(send)

    page.route_web_socket(re.compile("/socket$"), through)
    page.goto(played[1])
    expect(page.locator(".timeline .place")).not_to_have_text("")
    runs, job = len(open_runs(viewer.path)), viewer.trainings.last["job"]
    press(page, "New seed")
    expect(status(page)).to_contain_text(f"run {runs + 1} ended")
    expect(page.locator(".notice")).to_have_text("")
    assert len(dropped) == 1
    assert viewer.trainings.last["job"] == job + 1
    assert len(open_runs(viewer.path)) == runs + 1


def test_what_is_wrong_with_two_layers(page: Page, viewer: Playground) -> None:
    """Each says it below itself, over nothing else; the first field that is wrong has the focus."""
    names = ("Learning rate", "Units of hidden layer 0", "Units of hidden layer 1", "Rows")
    for name in names:
        field(page, name).fill("abc")
    press(page, "Train")
    wrong = page.locator(".build .wrong:not(:empty)")
    expect(wrong).to_have_count(4)
    expect(field(page, "Rows")).to_be_focused()
    for width in (1280, 320):
        page.set_viewport_size({"width": width, "height": 800})
        parts = page.locator(".build :is(.wrong:not(:empty), input, select, button):visible")
        boxes = parts.evaluate_all(
            """(all) => all.map((one) => one.getBoundingClientRect())
                 .map(({ left, top, right, bottom }) => [left, top, right, bottom])"""
        )
        for k, one in enumerate(boxes):
            for other in boxes[:k]:
                apart = one[0] >= other[2] or other[0] >= one[2]
                assert apart or one[1] >= other[3] or other[1] >= one[3]


def test_a_network_is_built_by_clicks(page: Page, viewer: Playground) -> None:
    """Data, layers, units, activations, solver: what was clicked is what is trained."""
    field(page, "Data").select_option("xor")
    press(page, "More units in hidden layer 0")
    press(page, "Fewer units in hidden layer 1")
    press(page, "Another hidden layer, up to 6")
    field(page, "Units of hidden layer 2").fill("5")
    field(page, "Activation of hidden layer 1").select_option("relu")
    field(page, "Solver").select_option("rmsprop")
    field(page, "Epochs").fill("20")
    press(page, "Train")
    expect(page.locator(".head .facts")).to_contain_text("2 → 7 → 3 → 5 → 1 · tanh, relu, tanh")
    expect(status(page)).to_contain_text("ended: 20 epochs")
    expect(page.locator(".timeline .place")).to_have_text("step 200 of 200")
    header = last(viewer).header
    assert header.network.widths == (2, 7, 3, 5, 1)
    assert header.network.activations == ("tanh", "relu", "tanh")
    assert header.optimizer.solver == "rmsprop"


def test_starting_over_and_another_seed(page: Page, viewer: Playground) -> None:
    """The same seed makes the same bits; another one does not."""
    field(page, "Epochs").fill("30")
    for button in ("Train", "Start over", "New seed"):
        count = len(open_runs(viewer.path))
        press(page, button)
        expect(page.get_by_label("Run", exact=True)).to_have_value(str(count + 1))
        expect(status(page)).to_contain_text(f"run {count + 1} ended: 30 epochs")
    first, again, other = open_runs(viewer.path)[-3:]
    assert same_bits(first[-1], again[-1])
    assert not same_bits(first[-1], other[-1])
    seed = int(field(page, "Seed").input_value())
    assert other.header.estimator["parameters"]["random_state"] == seed != 0


def test_two_tabs_tell_the_same_pace(page: Page, viewer: Playground) -> None:
    """It is that of all trainings, whoever has chosen it."""
    viewer.trainings.set_pace(5.0)
    pace = page.get_by_label("Pace of the training")
    expect(pace.locator("option:checked")).to_have_text("5 epochs/s")
    pace.select_option("full speed")
    page.wait_for_timeout(2500)  # long enough for an answer of before to undo it
    expect(pace.locator("option:checked")).to_have_text("full speed")
    assert viewer.trainings.pace == 0.0


def test_pausing_and_going_on(page: Page, viewer: Playground) -> None:
    """At any pace, paused or not: the bits of a training that was left alone."""
    page.get_by_label("Pace of the training").select_option("20 epochs/s")
    field(page, "Seed").fill("5")
    press(page, "Train")
    expect(status(page)).to_contain_text(re.compile(r"trains: [1-9]"))
    press(page, "Pause")
    expect(status(page)).to_contain_text("is paused after")
    paused = last(viewer)
    assert paused.status == "interrupted"
    assert 0 < len(paused) < 2000
    expect(page.locator(".head .facts")).to_contain_text("· paused")
    page.keyboard.press("End")
    expect(page.locator(".network .bar")).to_contain_text("paused here")
    expect(page.locator(".step .phases")).to_contain_text(
        "no step has been taken from this moment yet. Go on takes it."
    )
    page.get_by_label("Pace of the training").select_option("full speed")
    press(page, "Go on")
    expect(status(page)).to_contain_text("ended: 200 epochs")
    expect(page.locator(".timeline .place")).to_have_text("step 2,000 of 2,000")
    press(page, "Start over")
    expect(page.get_by_label("Run", exact=True)).to_have_value(str(paused.number + 1))
    settled(viewer)
    *_, resumed, whole = open_runs(viewer.path)
    assert resumed.number == paused.number
    assert resumed.status == whole.status == "ended"
    assert same_bits(resumed[-1], whole[-1])
    assert np.array_equal(resumed.losses[1], whole.losses[1])


BAD = [
    ("Rows", "3", "a whole number from 10 to 20,000"),
    ("Noise", "much", "a number from 0 to 1"),
    ("Units of hidden layer 1", "1025", "a whole number from 1 to 1,024"),
    ("Learning rate", "0", "a number above 0"),
    ("Seed", "1.5", "a whole number from 0 to 4,294,967,295"),
    ("Batch", "", "a whole number from 1 to 100,000"),
    ("Stop once", "lss < 1", "at column 1, lss: unknown; did you mean loss?"),
    ("Stop once", "dead(0, 1)", "at the end of an epoch there is no delta"),
    ("Stop once", "norm(coefs[7]) > 1", "there are 3 layers, 0 to 2"),
]


def test_bad_numbers(page: Page, viewer: Playground) -> None:
    """Are told at the field, and nothing starts."""
    count = len(open_runs(viewer.path))
    press(page, "More …")
    for name, text, message in BAD:
        before = field(page, name).input_value()
        field(page, name).fill(text)
        field(page, name).press("Enter")
        expect(page.locator(".build .wrong:not(:empty)")).to_contain_text([message])
        expect(field(page, name)).to_have_attribute("aria-invalid", "true")
        field(page, name).fill(before)
        expect(page.locator(".build .wrong:not(:empty)")).to_have_count(0)
    assert len(open_runs(viewer.path)) == count


def test_a_stop_condition(page: Page, viewer: Playground) -> None:
    """Ends it at the first epoch at whose end it holds."""
    press(page, "More …")
    field(page, "Stop once").fill("loss < 0.3 and epoch > 2")
    field(page, "Stop once").press("Enter")
    expect(status(page)).to_contain_text("as loss < 0.3 and epoch > 2 holds")
    run = last(viewer)
    assert run.status == "ended"
    losses = [epoch.loss for epoch in run.epochs]
    assert losses[-1] < 0.3
    assert min(losses[:-1]) >= 0.3


def test_divergence_and_the_way_out(page: Page, viewer: Playground) -> None:
    """Its place is told; a click trains with a tenth of the learning rate."""
    field(page, "Data").select_option("plane")
    field(page, "Solver").select_option("sgd")
    field(page, "Learning rate").fill("1e20")
    press(page, "Train")
    expect(status(page)).to_contain_text("diverged: NaN or infinity at step")
    run = last(viewer)
    assert run.status == "diverged"
    expect(status(page)).to_contain_text(run.note)
    press(page, "Train with learning rate 10000000000000000000")
    expect(page.get_by_label("Run", exact=True)).to_have_value(str(run.number + 1))
    expect(field(page, "Learning rate")).to_have_value("10000000000000000000")


TABLE = "size,colour,price\n" + "".join(
    f"{k % 17},{'red' if k % 3 else 'blue'},{2.5 * (k % 17) + (k % 3):.1f}\n" for k in range(60)
)


def check_table(page: Page, viewer: Playground) -> None:
    """Train on the table that has just been taken, and compare with how its code makes it."""
    field(page, "Learn").select_option("price")
    expect(page.locator(".build .words summary")).to_have_text("60 rows, 3 features, regression")
    press(page, "Train")
    expect(page.locator(".head .facts")).to_contain_text("3 → 6 → 4 → 1")
    settled(viewer)
    run = last(viewer)
    assert run.header.estimator["feature_names"] == ["size", "colour=blue", "colour=red"]
    assert abs(run.data.y.mean()) < 1e-12
    assert run.data.y.std() == pytest.approx(1.0)


def test_a_table_is_chosen(page: Page, viewer: Playground, tmp_path: Path) -> None:
    """Read as data; its code makes the same arrays."""
    (tmp_path / "goods.csv").write_text(TABLE)
    page.get_by_label("A table of your own").set_input_files(tmp_path / "goods.csv")
    check_table(page, viewer)
    source = source_of(last(viewer))
    assert source is not None
    assert "but not its path: put that here.\nproblem = pose(read_table('goods.csv')" in source
    made: dict[str, Any] = {}
    exec(source.replace("goods.csv", str(tmp_path / "goods.csv")), made)
    assert np.array_equal(last(viewer).data.X, made["X"].to_numpy())
    assert np.array_equal(last(viewer).data.y[:, 0], made["y"])


def test_code_finds_a_table_in_a_file_that_stays(
    viewer: Playground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a page gets a table but not its path; the code trains the same network."""
    (tmp_path / "goods.csv").write_text(TABLE)
    monkeypatch.setattr(viewer, "stays", True)
    viewer.take(read_table(tmp_path / "goods.csv"), "goods.csv")
    build(viewer, viewer.settings | {"data": "table", "target": "price", "epochs": "3"})
    settled(viewer)
    run = last(viewer)
    code = viewer.answer("code", {"run": run.number})["text"]
    assert f"open_run({str(viewer.path)!r}, run={run.number})" in code
    # It warns that it was short, which is for a process whose filters no page's question shares.
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    assert same_bits(open_run(tmp_path / "play-again.retro")[-1], run[-1])


def test_a_tables_model_takes_tables(page: Page, viewer: Playground, tmp_path: Path) -> None:
    """The file that is taken away predicts prices, of columns as they were in the table."""
    (tmp_path / "goods.csv").write_text(TABLE)
    page.get_by_label("A table of your own").set_input_files(tmp_path / "goods.csv")
    check_table(page, viewer)
    expect(page).to_have_url(re.compile(rf"run={last(viewer).number}\b"))
    page.get_by_role("button", name="Take away").click()
    with page.expect_download() as coming:
        page.get_by_role("menuitem", name="Model file").click()
    coming.value.save_as(tmp_path / "model.safetensors")
    model, table = load_model(tmp_path / "model.safetensors"), read_table(tmp_path / "goods.csv")
    prices = table.frame["price"].cast(float).to_numpy()
    assert np.corrcoef(model.predict(table.frame.drop("price")), prices)[0, 1] > 0.9
    facts = read_facts(tmp_path / "model.safetensors")["facts"]
    step = int(re.search(r"-step(\d+)\.", coming.value.suggested_filename)[1])
    assert facts == {"file": "goods.csv", "target": {"name": "price"}, "task": "regression",
                     "run": last(viewer).number, "step": step}  # fmt: skip


def test_a_table_is_dropped(page: Page, viewer: Playground) -> None:
    """Anywhere on the page."""
    files = page.evaluate_handle(
        "text => { const files = new DataTransfer();"
        " files.items.add(new File([text], 'dropped.csv')); return files; }",
        TABLE,
    )
    page.dispatch_event(".network", "dragover", {"dataTransfer": files})
    expect(page.locator("#retrograd")).to_have_class(re.compile("dropping"))
    page.dispatch_event(".network", "drop", {"dataTransfer": files})
    expect(page.locator("#retrograd")).not_to_have_class(re.compile("dropping"))
    check_table(page, viewer)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("goods.csv", b"a,b\n1,2\n3\n", "goods.csv, line 3: 1 cell, the header has 2"),
        ("goods.xlsx", b"PK", "goods.xlsx ends in '.xlsx'; tables are read from"),
        ("goods.parquet", b"PAR1", "goods.parquet is not a Parquet file, or is damaged"),
    ],
)
def test_bad_files(
    page: Page, viewer: Playground, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    """One sentence, and nothing is lost."""
    (tmp_path / name).write_bytes(content)
    field(page, "Epochs").fill("77")
    page.get_by_label("A table of your own").set_input_files(tmp_path / name)
    expect(page.locator(".build .wrong:not(:empty)")).to_contain_text([message])
    expect(field(page, "Epochs")).to_have_value("77")
    expect(field(page, "Data")).to_have_value("circle")


def test_a_table_that_takes_long(
    page: Page, viewer: Playground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is said to be made ready, until it is."""
    (tmp_path / "goods.csv").write_text(TABLE)
    page.get_by_label("A table of your own").set_input_files(tmp_path / "goods.csv")
    words = page.locator(".build .words")
    expect(field(page, "Learn")).to_have_value("")
    answer, may = viewer.answers["data"], threading.Event()

    def slowly(*args: Any, **more: Any) -> Any:
        may.wait(30)
        return answer(*args, **more)

    monkeypatch.setitem(viewer.answers, "data", slowly)
    field(page, "Learn").select_option("price")
    try:
        expect(words).to_have_text("preparing the table …")
    finally:
        may.set()
    expect(words.locator("summary")).to_have_text("60 rows, 3 features, regression")


def test_a_refused_file_beside_a_slow_answer(
    page: Page, viewer: Playground, tmp_path: Path
) -> None:
    """What is said of the data meanwhile does not wipe away what is wrong with the file."""
    (tmp_path / "goods.xlsx").write_bytes(b"PK")
    field(page, "Data").select_option("digits")
    page.get_by_label("A table of your own").set_input_files(tmp_path / "goods.xlsx")
    words = page.locator(".build .words summary")
    expect(words).to_have_text("1,797 rows, 64 features, 10 classes")
    expect(page.locator(".build .wrong:not(:empty)")).to_contain_text(["goods.xlsx ends in"])
    field(page, "Data").select_option("circle")
    expect(page.locator(".build .wrong:not(:empty)")).to_have_count(0)


def test_how_the_data_were_made_can_be_read(page: Page) -> None:
    """Without a pointer, too, and on a phone: a key opens it, and another look leaves it open."""
    field(page, "Data").select_option("diabetes")
    words = page.locator(".build .words")
    expect(words.locator("summary")).to_have_text("442 rows, 10 features, regression")
    target = words.get_by_text("The target is standardised: mean 0, standard deviation 1")
    expect(target).to_be_hidden()
    page.get_by_role("button", name="Own table …").focus()
    page.keyboard.press("Tab")
    expect(words.locator("summary")).to_be_focused()
    page.keyboard.press("Enter")
    expect(target).to_be_visible()
    page.get_by_role("button", name="Light or dark").click()
    expect(target).to_be_visible()
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 740})
        box = target.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    field(page, "Data").select_option("circle")
    expect(words).to_have_text("")
    expect(words.locator("summary")).to_have_count(0)


# Names in the network that lie on a unit, or on another name.
COVERED = """() => {
  const boxes = (what) => [...document.querySelectorAll(`.network .unit ${what}`)].map(
    (one) => [one.textContent, one.getBoundingClientRect()]);
  const meet = (a, b) =>
    a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const names = boxes("text.name");
  return names.filter(([, box], k) => [...boxes("circle"), ...names.slice(k + 1)].some(
    ([, other]) => meet(box, other))).map(([name]) => name);
}"""


def test_penguins_by_their_species(page: Page, viewer: Playground) -> None:
    """With a validation score to end by; the units are named by the encoder, legibly."""
    field(page, "Data").select_option("penguins")
    expect(field(page, "Learn")).to_have_value("species")
    press(page, "More …")
    field(page, "Ends").select_option("score")
    field(page, "Validation share").fill("0.2")
    press(page, "Train")
    expect(page.locator(".head .facts")).to_contain_text("15 → 6 → 4 → 3")
    settled(viewer)
    run = last(viewer)
    assert run.header.course["n_rows"] == 275
    assert all(epoch.score is not None for epoch in run.epochs)
    expect(page.locator("[data-unit='2,2']")).to_have_attribute("aria-label", re.compile("Gentoo"))
    assert page.locator(".network .name").count() == 18
    assert page.evaluate(COVERED) == []


def test_two_pages(
    page: Page, viewer: Playground, played: tuple[Playground, str], browse: Callable
) -> None:
    """The other one learns of a new run, and stays where it is."""
    other = browse(played[1], "run=1&step=7")
    expect(other.locator(".timeline .place")).to_have_text("step 7 of 2,000")
    press(page, "Start over")
    settled(viewer)
    number = last(viewer).number
    expect(page.get_by_label("Run", exact=True)).to_have_value(str(number))
    expect(
        other.get_by_label("Run", exact=True).locator(f"option[value='{number}']")
    ).to_be_attached()
    expect(other.locator(".timeline .place")).to_have_text("step 7 of 2,000")
    expect(other.get_by_label("Run", exact=True)).to_have_value("1")


def test_a_closed_page_ends_no_training(page: Page, viewer: Playground) -> None:
    """It goes on without anybody looking."""
    page.get_by_label("Pace of the training").select_option("100 epochs/s")
    field(page, "Epochs").fill("90")
    press(page, "Train")
    expect(status(page)).to_contain_text("trains")
    page.close()
    assert viewer.trainings.is_active
    assert settled(viewer)["state"] == "ended"
    assert len(last(viewer).epochs) == 90


def test_a_view_is_no_playground(serve: Callable, browse: Callable, recorded: dict) -> None:
    """And does not complain that it is none."""
    page = browse(serve(recorded["spiral"]))
    expect(page.locator(".build")).to_be_hidden()


def test_keys_reach_it_all(page: Page, viewer: Playground) -> None:
    """The panel by Tab, units by the arrow keys, the space bar on a button is that button's."""
    field(page, "Units of hidden layer 0").press("ArrowUp")
    expect(field(page, "Units of hidden layer 0")).to_have_value("7")
    expect(field(page, "Units of hidden layer 0")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(field(page, "Units of hidden layer 0")).to_have_value("8")
    page.locator(".build").get_by_role("button", name="Train", exact=True).focus()
    page.keyboard.press("Space")
    expect(page.locator(".head .facts")).to_contain_text("2 → 8 → 4 → 1")


def test_without_a_target(
    browse: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is trained, and nothing else is shown, until a column is chosen.

    Its code finds the table from elsewhere, too.
    """
    monkeypatch.chdir(tmp_path)
    (tmp_path / "goods.csv").write_text(TABLE)
    viewer = Playground(
        tmp_path / "play.retro", PLAY_ANSWERS, read_table(tmp_path / "goods.csv"), "goods.csv"
    )
    begin(viewer, None)
    with served(viewer) as address:
        page = browse(address, ready=False)
        press(page, "Train")
        expect(field(page, "Data")).to_have_value("table")
        expect(page.locator(".timeline")).to_be_hidden()
        wrong = page.locator(".build .wrong:not(:empty)")
        expect(wrong).to_have_text("choose the column to learn")
        page.wait_for_timeout(500)  # the answer about the data comes late, and leaves that be
        expect(wrong).to_have_text("choose the column to learn")
        field(page, "Learn").select_option("colour")
        expect(wrong).to_have_count(0)
        press(page, "Train")
        expect(page.locator(".timeline .place")).to_have_text(re.compile("step"))
        page.close()  # which would complain of a server that is gone
    assert last(viewer).header.estimator["classes"]["labels"] == ["blue", "red"]
    monkeypatch.chdir(tmp_path.parent)
    made: dict[str, Any] = {}
    exec(source_of(last(viewer)) or "", made)
    assert {*made["y"]} == {"blue", "red"}


def test_parquet(page: Page, viewer: Playground, tmp_path: Path) -> None:
    """Is read as well."""
    pl.read_csv(TABLE.encode()).write_parquet(tmp_path / "goods.parquet")
    page.get_by_label("A table of your own").set_input_files(tmp_path / "goods.parquet")
    check_table(page, viewer)


def test_without_a_connection(
    viewer: Playground, played: tuple[Playground, str], browse: Callable
) -> None:
    """Whatever is pressed does nothing, and says why; nor is it done later."""
    serving = Serving(viewer.answer)
    thread = threading.Thread(target=serving.run)
    thread.start()
    page = browse(serving.address)
    count = len(open_runs(viewer.path))
    serving.stop()
    thread.join(20)
    expect(page.locator(".notice")).to_contain_text("connection is lost")
    seed = field(page, "Seed").input_value()
    for button in ("Start over", "New seed"):
        press(page, button)
        expect(status(page)).to_have_text("Nothing was done: the connection is lost.")
    expect(field(page, "Seed")).to_have_value(seed)
    assert len(open_runs(viewer.path)) == count
    browse.complaints.clear()  # type: ignore[attr-defined] - of the socket


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


def test_the_same_words_in_both_forms(page: Page) -> None:
    """The panel's and the branch's; with the parameters' own names beside."""
    press(page, "More …")
    for words, name in [
        ("Learning rate", "learning_rate_init"), ("Regularization", "alpha: strength of the L2 "
         "penalty; with adamw, of the weights' decay"), ("Epochs", "max_iter"),
    ]:  # fmt: skip
        expect(field(page, words)).to_have_attribute("title", name)
    page.get_by_role("button", name="Branch here").click()
    expect(page.locator(".branching .fields label > span")).to_have_text([
        "Learning rate learning_rate_init", "Decay of the mean beta_1",
        "Decay of the squares beta_2", "Regularization alpha", "Epochs max_iter",
        "activation of layer 0", "activation of layer 1",
    ])  # fmt: skip
