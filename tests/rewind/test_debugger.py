"""The debugger's engine: every command, forward and back, and what it says to mistakes."""

import warnings
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrograd.engine.divergence import DivergenceError
from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.notebook import MLP
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.regressor import MLPRegressor
from retrograd.estimators.rewinding import open_run, open_runs
from retrograd.rewind.debugger.commands import COMMANDS, find_command
from retrograd.rewind.debugger.engine import Debugger
from retrograd.rewind.debugger.places import phases_of, sections_by_phase
from retrograd.rewind.debugger.session import Session
from retrograd.rewind.debugger.track import DebuggerError

X = np.random.default_rng(0).normal(size=(10, 2))
Y = (X[:, 0] > 0).astype(int)
# Steps of 4, 4 and 2 rows: 12 steps.
EPOCHS, STEPS = 4, 12
PHASES = ["forward 0", "forward 1", "loss", "backward 1", "backward 0", "update"]


@pytest.fixture
def recorder():
    """Record a small training, in memory."""
    recorder = Recorder()
    model = MLPClassifier((3,), activation="tanh", solver="sgd", batch_size=4, max_iter=EPOCHS,
                          learning_rate_init=0.1, random_state=0)  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.set_callbacks(recorder).fit(X, Y)
    return recorder


@pytest.fixture
def session(recorder):
    return Session(open_run(recorder))


@pytest.fixture(scope="module")
def diverged():
    """Record a training that diverges."""
    recorder = Recorder()
    model = MLPRegressor(hidden_layer_sizes=(3,), activation="identity", solver="sgd",
                         learning_rate_init=1e6, batch_size=4, random_state=0)  # fmt: skip
    with pytest.raises(DivergenceError):
        model.set_callbacks(recorder).fit(1e6 * X, Y)
    return recorder


def texts(session, line):
    """Follow a line; return what it told."""
    return [told.text for told in session.execute(line)]


def place(session, *lines):
    """Follow lines; return where that has led."""
    for line in lines:
        list(session.execute(line))
    return str(session.debugger.here)


def complaint(session, line):
    """Follow a line that cannot be followed; return what it says, having moved nothing."""
    before = session.debugger.here
    with pytest.raises(DebuggerError) as caught:
        list(session.execute(line))
    assert session.debugger.here == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Moving.


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
        ("goto 3 sideways", "no phase 'sideways'; phases are forward 0, forward 1, loss"),
        ("goto nowhere", "must be a whole number, not 'nowhere'"),
        ("goto " + "9" * 400, "must be a whole number"),
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


# Numbers.


def test_numbers_are_those_of_the_training(session):
    run = session.debugger.run
    place(session, "goto 5 backward 1")
    moment = run.at(5)
    assert texts(session, "print coefs[0][1, 2]") == [str(moment.coefs[0][1, 2])]
    assert texts(session, "print loss") == [str(moment.loss)]
    assert texts(session, "p dW[1]")[0] == "(3, 1)"
    assert texts(session, "p db[0]")[0].endswith("]   (3,)")
    assert texts(session, "p epoch") == ["1"]


def test_a_stop_tells_what_its_phase_makes(session):
    told = texts(session, "goto 2 forward 1")
    trace = session.debugger.trace
    assert told[0] == "step 2 (epoch 0), 2 rows: forward, layer 1 (output, logistic, 3 → 1)"
    assert told[1].startswith("  z[1] = a[0] @ W[1] + b[1]")
    assert [f"{z:.6f}" for z in trace.layers[1].z[:, 0]] == [line.split()[1] for line in told[2:4]]
    assert texts(session, "step")[-1].endswith(f" = {trace.loss:.6g}")
    assert [line.split()[0] for line in texts(session, "goto update")[1:] if "b_" in line] == [
        "b_update[0]", "b_update[1]"
    ]  # fmt: skip


def test_trace_of_a_phase_and_of_the_step(session):
    place(session, "goto 2 backward 0")
    phase, whole = texts(session, "trace"), texts(session, "trace all")
    assert phase[0] == "Backward: layer 0 (hidden, tanh, 2 → 3)"
    assert "\n".join(phase) in "\n".join(whole)
    assert "\n".join(whole[2:]) in str(session.debugger.trace)
    assert str(session.debugger.trace.layers[0].dW[0, 0]) in "\n".join(texts(session, "trace full"))
    assert "trace takes all" in complaint(session, "trace everything")


def test_every_section_of_a_walk_belongs_to_a_phase(session):
    document = session.debugger.trace.document()
    by_phase = sections_by_phase(document.sections, 2)
    assert list(by_phase) == phases_of(2)
    assert [s for sections in by_phase.values() for s in sections] == list(document.sections)
    assert all(by_phase.values())


def test_list_points_at_the_phase(session):
    told = texts(session, "list")
    assert [line for line in told if line.startswith(" →")] == [
        " → forward 0   z[0] = input[0] @ W[0] + b[0]   (4, 2) @ (2, 3) + (3,) → (4, 3)"
    ]
    assert [line[3:14].strip() for line in told[1:] if line[3:14].strip()] == PHASES
    place(session, "goto update")
    assert texts(session, "list")[-1].endswith("and so for its biases, and for every layer")


def test_a_deep_network_is_listed_around_the_phase():
    recorder = Recorder()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MLPRegressor(hidden_layer_sizes=(2,) * 6, max_iter=1, random_state=0)
        model.set_callbacks(recorder).fit(X, Y)
    session = Session(open_run(recorder))
    place(session, "goto backward 6")
    told = texts(session, "list")
    assert told[1].strip() == told[-1].strip() == "⋮"
    assert sum(line.startswith(" →") for line in told) == 1


@pytest.mark.parametrize("line", ["why 1 2 0", "why 1, 2, 0", "why coefs[1][2, 0]"])
def test_why(session, line):
    told = texts(session, line)
    assert told == str(session.debugger.run.why(1, 2, 0, 0)).split("\n")


@pytest.mark.parametrize("line", ["why 0 bias 2", "why intercepts[0][2]"])
def test_why_of_a_bias(session, line):
    assert texts(session, line) == str(session.debugger.run.why(0, None, 2, 0)).split("\n")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("why", "say why LAYER I O"),
        ("why 0 1", "say why LAYER I O"),
        ("why 0 1 2 3", "say why LAYER I O"),
        ("why 0 1 2; import os", "say why LAYER I O"),
        ("why 7 0 0", "there are 2 layers"),
        ("why 0 9 0", "layer 0 has 2 inputs, 0 to 1, and no input 9"),
        ("print", "the expression is empty"),
        ("print dw[0]", "at column 1, dw: unknown; did you mean dW?"),
        ("print coefs", "say which, as in coefs[0]"),
        ("print dW[7]", "there are 2 layers"),
        ("print __import__('os')", "there is no text in this language"),
        ("watch dW[0][9, 9]", "out of range"),
        ("break", None),
        ("break loss >", "not an expression"),
        ("break step", "neither true nor false"),
        ("break dW[0] > 1", "write any(...) or all(...)"),
        ("break forward 9", "not an expression"),
        ("delete 5", "there is no breakpoint or watch 5"),
        ("delete", "must be a whole number"),
        ("log", "the expression is empty"),
        ("log loss every 0", "every must be at least 1"),
        ("log loss every x", "must be a whole number"),
        ("log loss from 5 to 3", "from 5 to 3 there is no step"),
        ("log loss from 99", "step 99 is not in the run"),
        ("log norm(dW[9])", "there are 2 layers"),
        ("list all", "list takes nothing"),
        ("info everything", "takes nothing"),
        ("run 7", "there is no run 7; there are 1"),
        ("run x", "must be a whole number"),
        ("branch", "branch NAME=VALUE"),
        ("branch alpha", "branch NAME=VALUE"),
        ("branch alpha=", "has no value"),
        ("branch alpha=open('x')", "has no value"),
        ("branch alpha=" + "(" * 300, "too many for a value"),
        ("branch alpha=" + "(" * 150, "has no value"),
        ("branch colour=3", "unknown parameter 'colour'"),
        ("branch hidden_layer_sizes=(4,)", "hidden_layer_sizes cannot be changed"),
        ("branch learning_rate_init=-1", "learning_rate_init"),
        ("foo", "no command 'foo' (see help)"),
        ("stpe", "no command 'stpe'; did you mean step?"),
        ("br", "br may be break or branch"),
        ("3", "no command '3' (see help)"),
        ("!ls", "no command '!ls' (see help)"),
        ("help me", "no command 'me'"),
        ("quit now", "quit takes nothing"),
    ],
)
def test_mistakes_are_told_in_one_line(session, line, says):
    if says is None:
        assert texts(session, line) == ["no breakpoints: break CONDITION makes one"]
    else:
        assert says in complaint(session, line)


def test_at_the_end_there_are_parameters_and_no_step(session):
    place(session, "goto end")
    assert texts(session, "print size(coefs[0])") == ["6"]
    assert "it is the run's end" in complaint(session, "print loss")
    for line in ("list", "trace", "why 0 0 0"):
        assert "the run ends here: no step is taken" in complaint(session, line)
    # What is asked of steps can be set all the same.
    texts(session, "break loss > 1e9")
    texts(session, "watch loss")
    assert "has no value: not known here: no step" in texts(session, "goto end")[-1]
    assert " = " in texts(session, "back")[-1]


# Breakpoints and watches.


def losses(session):
    return [session.debugger.run.at(step).loss for step in range(STEPS)]


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


# Logs, runs, help.


def test_log(session):
    values = losses(session)
    assert texts(session, "log loss from 3 to 5") == [
        f"  step {step}  loss = {values[step]:.6g}" for step in (3, 4, 5)
    ]
    assert len(texts(session, "log loss")) == STEPS
    assert len(texts(session, "log size(coefs[0])")) == STEPS + 1
    place(session, "goto 4")
    assert [line.split()[1] for line in texts(session, "log loss every 3 from here to end")] == [
        "4", "7", "10"
    ]  # fmt: skip


def test_a_long_log_is_thinned_and_says_so(recorder, monkeypatch):
    monkeypatch.setattr("retrograd.rewind.debugger.session.LOG_LINES", 4)
    told = texts(Session(open_run(recorder)), "log loss")
    assert [line.split()[1] for line in told[:-1]] == ["0", "3", "6", "9"]
    assert told[-1] == "told every 3 steps; log loss every 1 tells all"


def test_info(session):
    told = "\n".join(texts(session, "info"))
    for piece in (
        "run 1 of the recorder: 12 steps, ended",
        "2 → 3 tanh → 1 logistic, log loss; 13 parameters, float64",
        "sgd, learning_rate_init=0.1, momentum=0.9, Nesterov's, alpha=0.0001",
        "10, in batches of 4, shuffled (seed 0)",
        "after 0, 12 steps",
        "here         step 0 (epoch 0), 4 rows: forward",
        "breakpoints  none",
    ):
        assert piece in told
    epochs = texts(session, "info epochs")
    assert epochs[0].split() == ["epoch", "ended", "at", "step", "loss", "learning", "rate"]
    assert [line.split()[:2] for line in epochs[1:]] == [["0", "3"], ["1", "6"], ["2", "9"],
                                                        ["3", "12"]]  # fmt: skip


@pytest.mark.filterwarnings("ignore")
def test_branch_and_going_between_runs(session):
    run = session.debugger.run
    place(session, "goto 4")
    told = texts(session, "branch learning_rate_init=0.5 solver=adam")
    assert told[0] == "run 2 of the recorder: 8 steps, ended; it branches off run 1 at step 4"
    assert told[-1] == "we stay in run 1; run 2 goes there"
    assert session.debugger.run is run
    assert session.prompt == "(retrograd 1: 4 forward 0) "
    place(session, "watch loss", "goto 6 loss")
    assert texts(session, "run 2")[0] == "run 2 of the recorder: 8 steps, ended"
    assert session.debugger.run.header.optimizer.learning_rate_init == 0.5
    assert session.prompt == "(retrograd 2: 0 forward 0) "
    assert texts(session, "goto 2")[0].startswith("step 2 (6 of the training, epoch 2), ")
    assert "branched off run 1 at step 4" in " ".join("\n".join(texts(session, "info")).split())
    assert place(session, "run 1") == "6 loss"
    assert place(session, "run 2") == "2 forward 0"
    assert [line[0] for line in texts(session, "run")] == [" ", "→"]
    assert texts(session, "run 2")[0] == "this is run 2"


def test_help_for_every_command(session):
    told = "\n".join(texts(session, "help"))
    for command in COMMANDS:
        assert command.name in told
        assert texts(session, f"help {command.name}")[0].startswith(command.usage)
    assert any("gradient_norm" in line for line in texts(session, "help expressions"))


def test_quit(session):
    assert not session.over
    assert texts(session, "q") == []
    assert session.over


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("s", "step"), ("b", "break"), ("n", "next"), ("p", "print"), ("c", "continue"),
        ("rc", "reverse-continue"), ("rn", "previous"), ("rs", "back"), ("g", "goto"),
        ("w", "watch"), ("l", "list"), ("t", "trace"), ("i", "info"), ("h", "help"), ("?", "help"),
        ("q", "quit"), ("d", "delete"), ("bt", "list"), ("ba", "back"), ("wh", "why"),
        ("reverse-c", "reverse-continue"), ("lo", "log"), ("pre", "previous"),
    ],
)  # fmt: skip
def test_abbreviations(word, name):
    assert find_command(word).name == name


def test_completion(session):
    assert session.complete("", "re") == ["reverse-continue"]
    assert {"step", "back", "quit"} <= set(session.complete("", ""))
    assert session.complete("print ", "isn") == ["isnan("]
    assert session.complete("print max(", "coe") == ["coefs["]
    assert session.complete("b ", "up") == ["update"]
    assert session.complete("b loss > ", "up") == []
    assert session.complete("branch ", "learning_rate_") == ["learning_rate_init="]
    assert session.complete("help ", "ex") == ["expressions"]
    assert session.complete("goto ", "e") == ["end", "epoch"]
    assert session.complete("run ", "") == ["1"]
    place(session, "break loss > 2")
    assert session.complete("delete ", "") == ["1"]
    assert session.complete("foo ", "x") == session.complete("step ", "x") == []


WORDS = [command.name for command in COMMANDS if command.name != "branch"]


@given(
    st.sampled_from([*WORDS, *"sbnpcgwltidh?#"]),
    st.text(max_size=20) | st.sampled_from(["1 2", "loss", "end", "0 bias -1", "every from to"]),
)
@settings(max_examples=300)
def test_whatever_is_typed_has_an_answer_or_one_error(word, rest):
    said = []
    try:
        said += texts(typed_into(), f"{word} {rest}")
    except DebuggerError as error:
        said.append(str(error))
    assert not any("\n" in line for line in said)


@lru_cache
def typed_into():
    """Make one session for many lines."""
    recorder = Recorder()
    MLP(2, 0.1, 3).fit(X, Y, recorder)
    return Session(open_run(recorder))


# Other runs than that one.


@pytest.mark.compiled  # interpreted, NumPy's scalars warn of what overflows
def test_a_diverged_run_ends_with_the_step_that_diverged(diverged):
    session = Session(open_run(diverged))
    n = len(session.debugger.run)
    place(session, "break not loss < 1e200")
    assert place(session, "goto end") == f"{n} forward 0"
    told = list(session.execute("goto update"))
    assert told[1].kind == "bad"
    assert "this step diverges: NaN or infinity is first seen in " in told[1].text
    assert any(line.kind == "bad" and "update" in line.text for line in told[2:])
    assert texts(session, "step")[0] == f"the run ends here: step {n} diverged"
    assert place(session) == f"{n} update"
    assert place(session, "delete 1", "goto 0", "c") == f"{n} update"
    assert place(session, "break isnan(penalty) or not loss < inf", "goto 0", "c") == (
        f"{n} forward 0"
    )


def test_the_notebooks_run():
    recorder = Recorder()
    np.random.seed(2)
    MLP(2, 0.1, 3).fit(X, Y, recorder)
    session = Session(open_run(recorder))
    assert place(session, "goto 29 update") == "29 update"
    assert place(session, "step") == "30 end"
    assert texts(session, "back")[0] == "step 29 (epoch 2), 1 row: update, sgd"
    assert session.complete("branch ", "") == ["epochs=", "hidden_units=", "lr="]


def test_a_run_broken_off_at_its_start_is_listed(tmp_path, recorder):
    session = Session(open_run(recorder))
    session.debugger.run.store.new_run(session.debugger.run.header.text())
    told = texts(session, "run")
    assert told[0].startswith("→ run 1")
    assert "broken off at its start" in told[1]
    assert "broken off at its start" in complaint(session, "run 2")


def test_methods_without_a_session(recorder):
    debugger = Debugger(open_runs(recorder)[0])
    stop = debugger.goto(3)
    assert (stop.place.step, str(stop.place.phase), stop.reasons, stop.watched) == (
        3, "forward 0", (), ()
    )  # fmt: skip
    assert debugger.evaluate("step") == 3
    assert [step for step, _ in debugger.log("loss", 2, 5, 1)] == [2, 3, 4]
