"""Logs, info, help, completion; and whatever else may be typed."""

from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sessions import STEPS, X, Y, losses, place, texts
from sklearn.exceptions import ConvergenceWarning

from retrograd.estimators.notebook import MLP
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.regressor import MLPRegressor
from retrograd.estimators.rewinding import open_run
from retrograd.rewind.debugger.commands import COMMANDS, find_command
from retrograd.rewind.debugger.session import Session
from retrograd.rewind.debugger.track import DebuggerError


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
    monkeypatch.setattr("retrograd.rewind.debugger.session.LOG_LINES", 7)
    told = texts(Session(open_run(recorder)), "log loss")
    assert [line.split()[1] for line in told[:-1]] == ["0", "2", "4", "6", "8", "10"]


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


def test_info_tells_which_quantile():
    """As the walk does."""
    recorder = Recorder()
    model = MLPRegressor(hidden_layer_sizes=(3,), loss="quantile", quantile=0.9, max_iter=2)
    with pytest.warns(ConvergenceWarning):
        model.set_callbacks(recorder).fit(X, Y)
    told = texts(Session(open_run(recorder)), "info")
    assert "2 → 3 relu → 1 identity, quantile 0.9; 13 parameters, float64" in told[1]


def test_info_of_the_notebooks_run():
    """Its rows are drawn by NumPy's generator, and its epochs are no more than a number."""
    np.random.seed(2)
    recorder = Recorder()
    MLP(2, 0.1, 5).fit(X, Y, recorder=recorder)
    session = Session(open_run(recorder))
    told = "\n".join(texts(session, "info"))
    assert "10, one a step, drawn with replacement by NumPy's own generator" in told
    assert "epochs       5\n" in told
    assert texts(session, "info epochs") == [
        "the notebook's epochs, of 10 draws each, keep no loss; of steps: log loss"
    ]


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
    st.text(max_size=20)
    | st.sampled_from(["1 2", "loss", "end", "0 bias -1", "every from to", "1_", "1,_0"]),
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
