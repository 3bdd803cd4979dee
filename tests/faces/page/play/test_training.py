"""The playground, as a person plays: build, train, pause, go on, and what goes wrong."""

import re
import threading
from collections.abc import Callable

import numpy as np
import pytest
from panel import field, last, press, same_bits, settled, status
from playwright.sync_api import Page, WebSocketRoute, expect

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.rewinding import open_run, open_runs
from retrograd.faces.page.datasets import draw
from retrograd.faces.page.playground import Playground
from retrograd.faces.page.serving import Serving

# Changes of the status while the page looks so many times how the training stands: whenever it has,
# it draws the button anew.
LOOKS = """
(most) => new Promise((done) => {
  let [looks, changes] = [0, 0];
  new MutationObserver(() => { changes += 1; })
    .observe(document.querySelector(".build .status"), { childList: true });
  new MutationObserver(() => { looks += 1; if (looks === most) done(changes); })
    .observe([...document.querySelectorAll(".build button")]
      .find((one) => / (Pause|Go on)/.test(one.textContent)), { childList: true });
})
"""


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
    expect(status(page)).to_contain_text(
        "trains: compiling the kernels, once on this machine; some seconds …"
    )
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
    assert page.evaluate(LOOKS, 3) == 0
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
    page.evaluate(LOOKS, 2)  # so that an answer of before has come, which would undo it
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
    """Its place is told; a click trains with the rate that the command line advises, too."""
    field(page, "Data").select_option("plane")
    field(page, "Solver").select_option("sgd")
    field(page, "Learning rate").fill("1e20")
    press(page, "Train")
    expect(status(page)).to_contain_text("diverged: NaN or infinity at step")
    run = last(viewer)
    assert run.status == "diverged"
    expect(status(page)).to_contain_text(run.note)
    press(page, "Train with learning rate 0.01")
    expect(page.get_by_label("Run", exact=True)).to_have_value(str(run.number + 1))
    expect(field(page, "Learning rate")).to_have_value("0.01")


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
