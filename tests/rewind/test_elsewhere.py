"""Where bits differ: a replay says so once, and never passes an approximation off as the record."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from small_runs import (
    classifier,
    contents,
    forge,
    forge_header,
    model_numbers,
    often,
    record,
    same,
    table,
)

from retrograd.engine.optimizers import Optimizer
from retrograd.estimators.rewinding import open_run
from retrograd.rewind.replay import ReplayWarning

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N_EPOCHS = 6
CORRECTIONS = Optimizer.corrections


@pytest.fixture
def path(tmp_path) -> Path:
    """A run of 24 steps, with a checkpoint at every fourth."""
    path = tmp_path / "some.retro"
    with often():
        record(path, classifier(max_iter=N_EPOCHS), *table())
    assert open_run(path).store.steps_of(1) == list(range(0, 25, 4))
    return path


def alter(path: Path, step: int, by: float) -> None:
    """Let a checkpoint say something else, under a right digest."""

    def change(row: dict) -> None:
        state = np.frombuffer(row["state"]).copy()
        state[2] += by
        row["state"] = state.tobytes()

    forge(path, "checkpoints", change, f"step = {step}")


def break_off(path: Path, steps: int) -> None:
    """As if the run had been killed after so many steps."""
    last = steps // 4 * 4
    for name in ("checkpoints", "losses"):
        forge(path, name, lambda row: row.update(run=9), f"step >= {steps}" if name == "losses"
              else f"step > {last}")  # fmt: skip
    forge(path, "epochs", lambda row: row.update(run=9), f"epoch >= {steps // 4}")
    forge(path, "progress", lambda row: row.update(
        status="running", steps=steps, epochs=steps // 4, checkpoints=last // 4 + 1))  # fmt: skip


def as_of_other_versions(path: Path) -> None:
    """Let the run have been made elsewhere."""
    forge_header(path, lambda header: header["made_by"].update(numpy="1.0"))


@pytest.fixture
def other_bits(monkeypatch) -> None:
    """A machine whose arithmetic differs in the last digits."""
    monkeypatch.setattr(
        Optimizer, "corrections", lambda *arguments: CORRECTIONS(*arguments) * (1 + 1e-12)
    )


def test_here_nothing_is_said(path):
    """Every moment is exact, and known to be."""
    run = open_run(path)
    assert run.verify() is None
    assert all(moment.exact for moment in run)


def test_a_checkpoint_that_is_not_met(path):
    """The first is named, and by how much; what the file holds stays what the file holds."""
    alter(path, 8, 1e-3)
    run = open_run(path)
    told = r"some.retro: replaying steps 4 to 8 here does not give .* differ by up to 0.001"
    with pytest.warns(ReplayWarning, match=told) as caught:
        difference = run.verify()
    assert len(caught) == 1
    assert (difference.begin, difference.step) == (4, 8)
    assert difference.largest == pytest.approx(1e-3)
    # Checkpoint 4 was met, and proves 1 to 3; from the altered one on the next is not met, either.
    inexact = {5, 6, 7, 9, 10, 11}
    assert {moment.step for moment in run if not moment.exact} == inexact
    held = np.frombuffer(run.store.rows("checkpoints", "step = 8")[0][-1])
    assert run.at(8).coefs[0].ravel()[2] == held[2]
    assert run.verify() == difference  # said once, remembered


def test_asking_whether_it_is_exact_finds_out(path):
    """It is not assumed: the replay goes on to the next checkpoint to see."""
    alter(path, 8, 1e-3)
    run = open_run(path)
    assert run.at(2).exact
    with pytest.warns(ReplayWarning, match="steps 4 to 8"):
        assert not run.at(6).exact
    assert run.at(4).exact
    assert run.at(8).exact


def test_to_start_at_a_checkpoint_is_not_to_meet_it(path):
    """Whoever was behind it first has not seen whether the replay comes to it."""
    alter(path, 8, 1e-3)
    run = open_run(path)
    assert run.at(9).coefs[0].shape == (3, 4)
    with pytest.warns(ReplayWarning, match="steps 4 to 8"):
        assert not run.at(6).exact


def test_other_versions_are_looked_into(path):
    """A replayed moment of a run from elsewhere is compared before it is handed out."""
    as_of_other_versions(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = open_run(path)  # where the bits are the same nothing is said
        assert run.at(6).exact
        assert same(contents(path), contents(path))
    alter(path, 8, 1e-3)
    run = open_run(path)
    with pytest.warns(ReplayWarning, match=r"made by .*numpy 1\.0"):
        assert run.at(5).coefs[0].shape == (3, 4)
    assert not run.at(5).exact


def test_a_machine_of_other_bits(path, other_bits):
    """Told once, by whatever asks first; checkpoints are the record's, moments between are not."""
    run = open_run(path)
    recorded = {step: run.replay.checkpoint(step).theta for step in range(0, 25, 4)}
    with pytest.warns(ReplayWarning, match="steps 0 to 4"):
        series = run.watch("coefs[0][1, 2]")
    # Warnings are errors: whatever is asked from here on says nothing more.
    assert run.first("loss < 0") is None
    assert run.last("loss > 1e9") is None
    assert 0 < run.verify().largest < 1e-9
    for moment in run:
        assert moment.exact == (moment.step % 4 == 0)
        assert moment.trace().step == moment.step
    # A replay does not go its own way for longer than to the next checkpoint.
    for step, theta in recorded.items():
        np.testing.assert_array_equal(run.at(step).theta, theta)
        assert series.values[step] == theta[:12].reshape(3, 4)[1, 2]


def test_the_earliest_difference_is_the_one_kept(path):
    """Said of whichever is met first; ``verify`` names the first of the run."""
    alter(path, 8, 1e-3)
    alter(path, 20, 1e-2)
    run = open_run(path)
    with pytest.warns(ReplayWarning, match=r"steps 16 to 20 .* up to 0\.01") as caught:
        assert not run.at(18).exact
    assert not run.at(6).exact  # another, and nothing is said again
    assert not run.at(22).exact  # from the altered one the next is not met, either
    assert len(caught) == 1
    difference = run.verify()
    assert (difference.begin, difference.step) == (4, 8)


def test_behind_the_last_checkpoint(path, request):
    """Where nothing proves a moment, the stretch before is looked into."""
    break_off(path, 14)
    assert all(moment.exact for moment in open_run(path))
    request.getfixturevalue("other_bits")
    run = open_run(path)
    assert len(run) == 14
    with pytest.warns(ReplayWarning, match="steps 8 to 12"):
        assert not run.at(13).exact
    as_of_other_versions(path)
    with pytest.warns(ReplayWarning, match="steps 8 to 12"):
        assert open_run(path).at(13).coefs[0].shape == (3, 4)


def test_a_run_of_nothing_but_its_start(path):
    """It is exact where it was made; elsewhere nothing speaks for it."""
    break_off(path, 3)
    run = open_run(path)
    assert [moment.exact for moment in run] == [True] * 4
    as_of_other_versions(path)
    assert [moment.exact for moment in open_run(path)] == [True, False, False, False]


def test_a_resumed_run_of_other_bits(tmp_path, other_bits):
    """It ends; what was recorded here and what elsewhere is told apart by verify."""
    path = tmp_path / "some.retro"
    with often(), pytest.MonkeyPatch.context() as here:
        here.setattr(Optimizer, "corrections", CORRECTIONS)
        record(path, classifier(max_iter=N_EPOCHS), *table())
    break_off(path, 12)
    run = open_run(path)
    assert (len(run), run.status) == (12, "running")
    model = run.resume()
    assert model.n_iter_ == N_EPOCHS
    again = open_run(path)
    assert again.status == "ended"
    with pytest.warns(ReplayWarning, match="steps 0 to 4"):
        assert again.verify() is not None
    assert same(model_numbers(model), model_numbers(again.estimator()))
