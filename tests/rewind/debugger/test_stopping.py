"""Breakpoints and watches, forward and back."""

import numpy as np
import pytest
from sessions import STEPS, complaint, losses, place, texts


def test_conditions_stop_forward_and_back_and_at_every_hit(session):
    middle = float(np.median(losses(session)))
    hits = [step for step, loss in enumerate(losses(session)) if loss < middle]
    assert texts(session, f"break loss < {middle!r}") == [
        f"breakpoint 1 stops where loss < {middle!r}"
    ]
    forward = []
    while place(session, "continue") != f"{STEPS} end":
        forward.append(session.debugger.here.step)
    assert forward == [step for step in hits if step > 0]
    back = []
    while place(session, "reverse-continue") != "0 forward 0":
        back.append(session.debugger.here.step)
    assert back == [step for step in reversed(hits) if step > 0]
    assert texts(session, "c")[0] == f"breakpoint 1: loss < {middle!r}"


def test_from_amid_a_step_its_begin_is_behind_us(session):
    place(session, "break step == 5", "goto 5 loss")
    assert place(session, "rc") == "5 forward 0"
    assert place(session, "rc") == "0 forward 0"
    assert place(session, "goto 4 update", "c") == "5 forward 0"
    assert place(session, "c") == f"{STEPS} end"


def test_several_conditions_are_searched_for_at_once(session):
    place(session, "break step == 8", "break epoch == 1", "b step == 5")
    stops = [texts(session, "c")[:2] for _ in range(4)]
    assert [reason for reason, _ in stops[:3]] == ["breakpoint 2: epoch == 1"] * 3
    assert stops[2][1] == "breakpoint 3: step == 5"  # both reasons of one stop are told
    assert place(session) == "8 forward 0"
    assert place(session, "delete 2", "rc") == "5 forward 0"


def test_more_conditions_than_one_expression_can_hold(session):
    for step in (9, 7):
        texts(session, "break " + " or ".join(["step == 99"] * 20 + [f"step == {step}"]))
    assert place(session, "c") == "7 forward 0"
    assert place(session, "c") == "9 forward 0"
    assert place(session, "c", "rc") == "9 forward 0"


def test_phases_stop_at_every_step(session):
    assert texts(session, "break backward 0") == ["breakpoint 1 stops at backward 0"]
    assert [place(session, "c") for _ in range(2)] == ["0 backward 0", "1 backward 0"]
    assert place(session, "rc") == "0 backward 0"
    assert place(session, "rc") == "0 forward 0"
    assert place(session, "goto 11 update", "c") == f"{STEPS} end"
    assert place(session, "rc") == "11 backward 0"


def test_phases_and_conditions_together(session):
    place(session, "break loss", "break step == 2")
    assert [place(session, "c") for _ in range(4)] == ["0 loss", "1 loss", "2 forward 0", "2 loss"]
    assert [place(session, "rc") for _ in range(3)] == ["2 forward 0", "1 loss", "0 loss"]


def test_a_condition_on_parameters_may_hold_at_the_end(session):
    place(session, f"break step == {STEPS}")
    assert texts(session, "c")[0] == f"breakpoint 1: step == {STEPS}"
    assert place(session) == f"{STEPS} end"
    place(session, "break isnan(loss)", "goto 3")
    assert texts(session, "c")[0] == f"breakpoint 1: step == {STEPS}"


def test_a_condition_without_an_answer_stops_nothing_and_says_so(session):
    # The last batch of an epoch has two rows only.
    place(session, "break a[0][3, 0] > 9")
    assert "a breakpoint has no answer: at column 1, a[0][3, 0]: out of range" in complaint(
        session, "c"
    )


def test_without_breakpoints(session):
    assert texts(session, "c")[0] == "the run ends here (there is no breakpoint)"
    assert texts(session, "rc")[0] == "the run begins here (there is no breakpoint)"


def test_an_interrupted_search_keeps_the_place(session, monkeypatch):
    place(session, "break loss > 1e9", "watch loss", "goto 3 loss")

    def interrupted(*args):
        raise KeyboardInterrupt

    run = type(session.debugger.run)
    for name, line in (("first", "continue"), ("last", "reverse-continue")):
        monkeypatch.setattr(run, name, interrupted)
        with pytest.raises(KeyboardInterrupt):
            session.execute(line)
        assert place(session) == "3 loss"
    monkeypatch.undo()
    assert place(session, "continue") == f"{STEPS} end"


def test_watches_are_shown_at_every_stop_with_their_change(session):
    session.debugger.goto(3)
    first, later = losses(session)[3:5]
    assert texts(session, "watch loss") == [f"  1: loss = {first:.6g}"]
    assert texts(session, "step")[-1] == f"  1: loss = {first:.6g}"
    assert texts(session, "next")[-1] == f"  1: loss = {later:.6g}   (was {first:.6g})"
    texts(session, "w coefs[0]")
    assert "(6 of 6 entries changed)" in texts(session, "next")[-1]
    assert len(texts(session, "watch")) == 2
    texts(session, "delete 1")
    assert len(texts(session, "watch")) == 1
    place(session, "goto 7", "watch a[0][3, 0]")
    # An epoch's last batch has two rows only.
    assert "3: a[0][3, 0] has no value: out of range" in texts(session, "next")[-1]
    assert "(was" not in texts(session, "next")[-1]


def test_breakpoints_and_watches_share_their_numbers(session):
    place(session, "break loss > 2", "watch loss", "break update")
    assert session.debugger.numbers == ["1", "2", "3"]
    assert texts(session, "break") == ["  1: loss > 2", "  3: update"]
    assert texts(session, "delete 1") == ["deleted 1"]
    assert texts(session, "info")[-2:] == ["  breakpoints  3: update", "  watches      2: loss"]
