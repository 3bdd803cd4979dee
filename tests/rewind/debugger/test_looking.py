"""What is told of a place: numbers, formulas, why; and of mistakes, in one line."""

import warnings

import pytest
from sessions import PHASES, X, Y, complaint, losses, place, texts

from retrograd.estimators.recorder import Recorder
from retrograd.estimators.regressor import MLPRegressor
from retrograd.estimators.rewinding import open_run
from retrograd.rewind.debugger.places import phases_of, sections_by_phase
from retrograd.rewind.debugger.session import Session


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
        ("why dW[0][1, 2]", "say why LAYER I O"),
        ("why intercepts[0][1, 2]", "say why LAYER I O"),
        ("log loss from end", "no step is taken from the end"),
        ("log loss every 1 every 20", "every is said twice"),
        ("branch alpha=0.1 alpha=0.2", "alpha is said twice"),
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
        ("step 99999999999999999999", "is at most 18 digits long"),
        ("step 1_", "must be a whole number, not '1_'"),
        ("goto 1,", "must be a whole number"),
        ("delete 1__0", "must be a whole number"),
        ("log loss every 1_", "must be a whole number"),
        ("why 0 99999999999999999999 1", "I is at most 18 digits long"),
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


def test_a_log_has_its_last_step_too(session):
    """One that begins where it ends is of one step."""
    found = losses(session)
    assert texts(session, "log loss from 3 to 3") == [f"  step 3  loss = {found[3]:.6g}"]
    assert texts(session, "log step from 3 to 5") == [f"  step {k}  step = {k}" for k in (3, 4, 5)]
