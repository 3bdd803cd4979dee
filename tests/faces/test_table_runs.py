"""What a recorded training on a table remembers, so that resume ends with a whole model."""

import signal
from pathlib import Path

import pytest
from command_line import PENGUINS, X, Y, fail, record, run
from sklearn.exceptions import ConvergenceWarning

from retrograd.estimators.notebook import MLP
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.rewinding import open_run, open_runs
from retrograd.export.container import read_container
from retrograd.faces import experiment
from retrograd.faces.page.answers.runs import feature_names, image_shape
from retrograd.faces.progress import LiveProgress
from retrograd.faces.table_runs import numbering_of, place_of_model, whole_model
from retrograd.rewind.store import RunFileError

# These train for real, and interpreted kernels would take minutes.
pytestmark = pytest.mark.compiled


def train(target, *args, code=0):
    """Train on the penguins, and record it."""
    return run("train", PENGUINS, "--target", target, "--epochs", 4, "--hidden", "8", *args,
               "--record", "p.retro", code=code)  # fmt: skip


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def broken_off(target, monkeypatch):
    """Train, and let Ctrl-C come after the second epoch; what was said of it."""
    with monkeypatch.context() as patch:
        patch.setattr(LiveProgress, "on_fit_task_end", interrupt_at(2))
        return train(target, code=130)[1]


def interrupt_at(epoch):
    """Make the end of an epoch that Ctrl-C interrupts."""
    count = iter(range(1, 99))

    def ends(*args, **kwargs):
        if next(count) == epoch:
            signal.raise_signal(signal.SIGINT)
        return False

    return ends


def tensors_and_facts(path):
    """What a model file holds, but for the scores, which a resumed training does not know."""
    arrays, document = read_container(path)
    facts = {k: v for k, v in document["facts"].items() if k not in ("scores", "training")}
    return {name: a.tobytes() for name, a in arrays.items()}, document["model"], facts


@pytest.mark.parametrize("target", ["species", "body_mass_g"])
def test_a_broken_off_training_ends_with_its_model(here, monkeypatch, target):
    train(target)
    whole = tensors_and_facts("penguins.safetensors")
    (here / "penguins.safetensors").unlink()
    complaint = broken_off(target, monkeypatch)
    assert "retrograd resume p.retro --run 2 goes on with it and saves the model" in complaint
    assert not (here / "penguins.safetensors").exists()
    out, _ = run("resume", "p.retro", "--run", 2)
    assert "Saved to penguins.safetensors\n" in out
    assert tensors_and_facts("penguins.safetensors") == whole
    assert run("predict", "penguins.safetensors", PENGUINS)[0].count("\n") == 345
    assert target in run("info", "penguins.safetensors")[0]


def test_a_run_that_has_ended_is_saved_where_one_says(monkeypatch):
    train("species", "--out", "first.safetensors")
    assert "nothing is left to do (--out saves its model)" in run("resume", "p.retro")[0]
    assert run("resume", "p.retro", "--out", "m.safetensors")[0].endswith(
        "Saved to m.safetensors\n"
    )
    assert tensors_and_facts("m.safetensors") == tensors_and_facts("first.safetensors")
    out, _ = run("resume", "p.retro", "--out", "m.safetensors")
    assert out.endswith("Saved to m.safetensors, which it replaced\n")


def test_a_run_that_ended_before_its_model_was_saved(here):
    train("species")
    kept = tensors_and_facts("penguins.safetensors")
    (here / "penguins.safetensors").unlink()
    assert run("resume", "p.retro")[0].endswith("Saved to penguins.safetensors\n")
    assert tensors_and_facts("penguins.safetensors") == kept


@pytest.mark.parametrize("place", ["{}/other/m.safetensors", "../m.safetensors", "m.pth"])
def test_a_file_of_runs_does_not_choose_any_place_for_a_model(here, monkeypatch, place):
    """It may be from anybody; whoever resumes it confirms the place."""
    place = place.format(here)
    (here / "other").mkdir()
    (here / "here").mkdir()
    monkeypatch.chdir(here / "here")
    with monkeypatch.context() as patch:
        patch.setattr(LiveProgress, "on_fit_task_end", interrupt_at(2))
        complaint = train("species", "--out", place, code=130)[1]
    assert f"retrograd resume p.retro --out {place} goes on with it" in complaint
    steps = len(open_run("p.retro"))
    assert f"confirm it by --out {place}," in fail("resume", "p.retro")
    assert len(open_run("p.retro")) == steps
    assert not Path(place).exists()
    assert f"Saved to {place}\n" in run("resume", "p.retro", "--out", place)[0]


def test_what_is_stopped_before_its_first_step_is_no_run(monkeypatch):
    train("species")

    def stopped(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("retrograd.tables.reading.read_table", stopped)
    assert "retrograd resume" not in train("species", code=130)[1]


def test_a_branch_remembers_the_table():
    train("species")
    kept = tensors_and_facts("penguins.safetensors")
    with pytest.warns(ConvergenceWarning):
        branch = open_run("p.retro").branch(at=3, learning_rate_init=0.01)
    # Its parent's model is not to be written over with its own.
    assert place_of_model(open_run("p.retro", 1)) == "penguins.safetensors"
    assert place_of_model(branch) is None
    run("resume", "p.retro", "--run", branch.number, "--out", "other.safetensors")
    arrays, model, facts = tensors_and_facts("other.safetensors")
    assert arrays.keys() == kept[0].keys()
    assert arrays != kept[0]
    assert facts == kept[2]
    assert model["steps"][0] == kept[1]["steps"][0]


def test_places_are_checked_before_any_work(here, monkeypatch):
    broken_off("species", monkeypatch)
    (here / "README.md").write_text("precious")
    steps = len(open_run("p.retro"))
    for place, message in (
        ("README.md", "README.md exists and is not a retrograd model"),
        ("p.retro", "p.retro exists and is not a retrograd model"),
        ("nowhere/m.safetensors", "folder nowhere does not exist"),
    ):
        assert message in fail("resume", "p.retro", "--out", place)
    assert (open_run("p.retro").status, len(open_run("p.retro"))) == ("interrupted", steps)
    assert (here / "README.md").read_text() == "precious"


def test_networks_of_no_table():
    record("n.retro")
    run("resume", "n.retro", "--out", "n.safetensors")
    assert "MLPClassifier" in run("info", "n.safetensors")[0]
    MLP(epochs=2).fit(X, Y, Recorder("seed.retro"))
    complaint = fail("resume", "seed.retro", "--out", "s.safetensors")
    assert "of the notebook's MLP, which no model file holds" in complaint


def test_a_tables_features_have_their_names(here):
    train("species")
    names = feature_names(open_run("p.retro"))
    assert names[:4] == ["island=Biscoe", "island=Dream", "island=Torgersen", "bill_length_mm"]
    # As many features as a picture has pixels are none if they have names.
    header = ",".join(f"c{k}" for k in range(16)) + ",y\n"
    rows = "".join(f"{','.join(str(i * (k + 3) % 17) for k in range(16))},{i % 2}\n"
                   for i in range(40))  # fmt: skip
    (here / "t.csv").write_text(header + rows)
    run("train", "t.csv", "--target", "y", "--epochs", 1, "--record", "t.retro")
    assert image_shape(open_run("t.retro")) is None


@pytest.mark.parametrize(("target", "scaled"), [("species", False), ("body_mass_g", True)])
def test_how_a_tables_numbers_are_to_be_read_is_said(target, scaled):
    """Where it is recorded and where it is looked at: rows are not the table's, nor is a target."""
    rows = "rows count from 0 among those of the table that the training was given"
    said = f"{rows}; targets are standardised" if scaled else rows
    assert f"there {said}\n" in train(target)[0]
    assert f"note: {said}\n" in run("debug", "p.retro", typed="quit\n")[0]
    assert numbering_of(open_run("p.retro").facts) == said
    record("n.retro")
    assert "rows count" not in run("debug", "n.retro", typed="quit\n")[0]


def test_a_place_that_is_none(here):
    recorder = Recorder("forged.retro", facts={"table": {"out": 3}})
    MLP(epochs=1).fit(X, Y, recorder)
    assert "forged.retro has a run whose table is impossible" in fail("resume", "forged.retro")


def test_what_is_said_of_a_table_may_be_forged():
    train("body_mass_g")
    (found,) = open_runs("p.retro")
    network = found.estimator()
    table = found.facts["table"]
    whole_model(found, network)
    for key, value in (
        ("encoder", None), ("encoder", [1, 2]), ("encoder", [{}, {}]), ("target", 7),
        ("target", [{"mean": ["x"]}, {}]), ("target", [{}, []]), ("about", 3),
    ):  # fmt: skip
        found.facts["table"] = table | {key: value}
        with pytest.raises(RunFileError, match="a run whose table cannot be rebuilt"):
            whole_model(found, network)
    found.facts["table"] = 5
    with pytest.raises(RunFileError, match="a run whose table cannot be rebuilt"):
        whole_model(found, network)


def test_facts_are_whatever_json_holds():
    facts = {"commit": "abc", "rows": [1, 2.5, None], "sub": {3: True}}
    recorder = Recorder(facts=facts)
    facts["rows"].append("later")
    model = experiment.ESTIMATORS["MLPClassifier"]((2,), max_iter=1, tol=0, random_state=0)
    with pytest.warns(ConvergenceWarning):
        model.set_callbacks(recorder).fit(X, Y)
    assert open_run(recorder).facts == {"commit": "abc", "rows": [1, 2.5, None], "sub": {"3": True}}
    record("n.retro")
    assert open_run("n.retro").facts == {}
    loop: dict = {}
    loop["loop"] = loop
    for odd in ([1], "text", {"x": float("nan")}, {"x": object()}, loop, {1: 2, "a": 3}):
        with pytest.raises(ValueError, match="facts must be what JSON can hold"):
            Recorder(facts=odd)
