"""Branches and other runs than the small one; a debugger without a session."""

import numpy as np
import pytest
from sessions import X, Y, complaint, place, texts

from retrograd.engine.divergence import DivergenceError
from retrograd.estimators.notebook import MLP
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.regressor import MLPRegressor
from retrograd.estimators.rewinding import open_run, open_runs
from retrograd.rewind.debugger.engine import Debugger
from retrograd.rewind.debugger.session import Session


@pytest.fixture(scope="module")
def diverged():
    """Record a training that diverges."""
    recorder = Recorder()
    model = MLPRegressor(hidden_layer_sizes=(3,), activation="identity", solver="sgd",
                         learning_rate_init=1e6, batch_size=4, random_state=0)  # fmt: skip
    with pytest.raises(DivergenceError):
        model.set_callbacks(recorder).fit(1e6 * X, Y)
    return recorder


@pytest.mark.filterwarnings("ignore")
def test_branch_and_going_between_runs(session):
    run = session.debugger.run
    place(session, "goto 4")
    told = texts(session, "branch learning_rate_init=0.5 solver=adam")
    assert told[0] == "run 2 of the recorder: 8 steps, ended; it branches off run 1 at step 4"
    assert told[-1] == "still in run 1; 'run 2' goes to the new one"
    assert session.debugger.run is run
    assert session.prompt == "(retrograd 1: 4 forward 0) "
    place(session, "watch loss", "goto 6 loss")
    told = texts(session, "run 2")
    assert told[0] == "run 2 of the recorder: 8 steps, ended"
    assert "(was" not in told[-1], "what a watch was in another run is no news here"
    assert session.debugger.run.header.optimizer.learning_rate_init == 0.5
    assert session.prompt == "(retrograd 2: 0 forward 0) "
    assert texts(session, "goto 2")[0].startswith("step 2 (6 of the training, epoch 2), ")
    assert texts(session, "print step") == ["2"]
    assert "branched off run 1 at step 4" in " ".join("\n".join(texts(session, "info")).split())
    assert place(session, "run 1") == "6 loss"
    assert place(session, "run 2") == "2 forward 0"
    assert [line[0] for line in texts(session, "run")] == [" ", "→"]
    assert texts(session, "run 2")[0] == "this is run 2"


def test_arguments_of_pythons_branch_are_no_parameters(session):
    """In Python it is told where to begin; here it begins where we are."""
    assert complaint(session, "branch at=3 learning_rate_init=0.5") == (
        "branch begins at the step where you are: first goto another, and leave out at="
    )
    for name in ("edit", "self"):
        assert "got multiple values" not in (said := complaint(session, f"branch {name}=1"))
        assert repr(name) in said


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


def test_a_damaged_run_is_listed(tmp_path, recorder):
    session = Session(open_run(recorder))
    session.debugger.run.store.write({"runs": [(2, session.debugger.run.header.text())]})
    told = texts(session, "run")
    assert told[0].startswith("→ run 1")
    assert "how far a run has come is missing" in told[1]
    assert "how far a run has come is missing" in complaint(session, "run 2")


def test_methods_without_a_session(recorder):
    debugger = Debugger(open_runs(recorder)[0])
    stop = debugger.goto(3)
    assert (stop.place.step, str(stop.place.phase), stop.reasons, stop.watched) == (
        3, "forward 0", (), ()
    )  # fmt: skip
    assert debugger.evaluate("step") == 3
    assert [step for step, _ in debugger.log("loss", 2, 5, 1)] == [2, 3, 4]
