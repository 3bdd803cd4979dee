"""Moving through a run, phase by phase and step by step, forward and back."""

import pytest
from sessions import EPOCHS, PHASES, STEPS, complaint, place, texts


def test_all_phases_forward_and_back_across_steps(session):
    seen = [place(session)]
    seen += [place(session, "step") for _ in range(2 * len(PHASES))]
    assert seen == [f"{k // 6} {PHASES[k % 6]}" for k in range(13)]
    assert [place(session, "back") for _ in range(12)] == seen[-2::-1]


def test_the_run_begins_and_ends(session):
    assert texts(session, "back")[0] == "the run begins here"
    assert place(session, "goto end") == f"{STEPS} end"
    assert texts(session, "step")[:2] == [
        "the run ends here", f"step {STEPS} (epoch {EPOCHS}): the end"
    ]  # fmt: skip
    assert place(session, "back") == f"{STEPS - 1} update"
    assert place(session, "step") == f"{STEPS} end"


def test_what_fails_on_the_way_leaves_us_where_we_are(session, monkeypatch):
    """Here Ctrl-C, amid working out a watch at the place gone to."""
    place(session, "goto 2 loss", "watch loss")
    debugger = session.debugger

    def interrupted(watch):
        raise KeyboardInterrupt

    monkeypatch.setattr(debugger, "_look", interrupted)
    with pytest.raises(KeyboardInterrupt):
        debugger.next(3)
    assert str(debugger.here) == "2 loss"


def test_whole_steps(session):
    assert place(session, "next") == "1 forward 0"
    assert place(session, "step 2", "next 3") == "4 forward 0"
    assert place(session, "step") == "4 forward 1"
    # From amid a step the begin of that step is the first place back.
    assert place(session, "previous") == "4 forward 0"
    assert place(session, "previous") == "3 forward 0"
    assert place(session, "previous 9") == "0 forward 0"
    assert place(session, "next 99") == f"{STEPS} end"
    assert place(session, "back 3") == f"{STEPS - 1} backward 1"
    assert place(session, "previous") == f"{STEPS - 1} forward 0"


@pytest.mark.parametrize(
    ("line", "there"),
    [
        ("goto 7", "7 forward 0"),
        ("goto 7 backward 0", "7 backward 0"),
        ("goto 7 backward", "7 backward 1"),
        ("goto loss", "2 loss"),
        ("goto epoch 3", "9 forward 0"),
        ("goto epoch 3 loss", "9 loss"),
        ("goto start", "0 forward 0"),
        ("goto end", "12 end"),
        ("g 1_1", "11 forward 0"),
    ],
)
def test_goto(session, line, there):
    assert place(session, "next 2", line) == there


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("goto", "goto where?"),
        ("goto 13", "step 13 is not in the run, which has steps 0 to 12"),
        ("goto -1", "step -1 is not in the run"),
        ("goto 12 loss", "no step is taken from it"),
        ("goto epoch 9", "epoch 9 is not in the run, which has epochs 0 to"),
        ("goto epoch", "must be a whole number, not ''"),
        ("goto end loss", "goto end takes no phase"),
        ("goto backward 9", "no phase 'backward 9'; phases are forward 0"),
        ("goto epoch 1 sideways", "no phase 'sideways'"),
        ("goto 3 sideways", "no phase 'sideways'; phases are forward 0, forward 1, loss"),
        ("goto nowhere", "must be a whole number, not 'nowhere'"),
        ("goto " + "9" * 400, "is at most 18 digits long"),
        ("step 0", "at least 1"),
        ("next x", "must be a whole number, not 'x'"),
        ("continue 3", "continue takes nothing, not '3'"),
        ("reverse-continue 3", "reverse-continue takes nothing"),
    ],
)
def test_ways_that_lead_nowhere(session, line, says):
    place(session, "goto 2 loss")
    assert says in complaint(session, line)


def test_an_empty_line_repeats_the_last_movement(session):
    assert texts(session, "") == []
    assert place(session, "step 2", "") == "0 backward 0"
    assert place(session, "print loss", "watch loss", "goto 3", "") == "3 loss"
    assert place(session, "back", "", "# a remark", "  ") == "2 update"


def test_what_fails_is_not_repeated(session):
    place(session, "next")
    complaint(session, "step x")
    assert place(session, "") == "2 forward 0"
