"""The command train --record: the same training, and a file of runs; Ctrl-C keeps it."""

import json
import os
import re
import signal
import subprocess
import time

import pytest
from command_line import COMMAND, PENGUINS, fail, run, without_compiling

from retrograd.estimators.rewinding import open_run, open_runs
from retrograd.faces.table_runs import numbering_of
from retrograd.rewind.store import RunFileError, Store

# These train for real, and interpreted kernels would take minutes.
pytestmark = pytest.mark.compiled


def without_seconds(out):
    return re.sub(r"in \d+\.\d s( \(\d+\.\d of them for compiling, once\))?", "", out)


@pytest.mark.parametrize("target", ["species", "body_mass_g"])
def test_train_records_and_reports_as_before(tmp_path, target):
    path, model = tmp_path / "p.retro", tmp_path / "m.safetensors"
    args = ("train", PENGUINS, "--target", target, "--epochs", 3, "--hidden", "8", "--out", model)
    plain, recorded = run(*args)[0], run(*args, "--record", path)[0]
    kept = model.read_bytes()
    assert without_seconds(recorded) == without_seconds(plain).replace(
        f"Saved to {model}", f"Saved to {model}, which it replaced"
    ) + (
        f"  retrograd debug {path}\n    there {numbering_of(open_run(path).facts)}\n"
    )  # fmt: skip
    (found,) = open_runs(path)
    assert (found.status, len(found.epochs)) == ("ended", 3)
    run(*args, "--record", path)
    assert model.read_bytes() == kept
    assert open_runs(path).numbers == [1, 2]
    report = json.loads(run(*args, "--record", path, "--json")[0])
    assert report["recorded"] == str(path)


def test_a_training_that_diverges_is_there_to_look_into(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    args = ("train", PENGUINS, "--target", "body_mass_g", "--solver", "sgd", "--lr", 1e3)
    _, complaint = run(*args, "--record", "p.retro", code=1)
    assert complaint.count("\n") == 1
    assert "try --lr 0.01, or --solver adam; retrograd debug p.retro shows how" in complaint
    assert [one.status for one in open_runs(tmp_path / "p.retro")] == ["diverged"]


@pytest.mark.parametrize(
    ("record_to", "message"),
    [
        ("README.md", "is no file of runs"),
        ("nowhere/p.retro", "folder nowhere does not exist"),
        ("penguins.csv", "--record penguins.csv is the file of the model or of the table"),
        ("penguins.safetensors", "is the file of the model or of the table"),
        ("other.sqlite", "other.sqlite is an SQLite file, but no file of runs"),
    ],
)
def test_train_refuses_other_files_before_any_work(tmp_path, monkeypatch, record_to, message):
    import sqlite3

    monkeypatch.chdir(tmp_path)
    (tmp_path / "penguins.csv").write_bytes(PENGUINS.read_bytes())
    (tmp_path / "README.md").write_text("precious")
    with sqlite3.connect(tmp_path / "other.sqlite") as other:
        other.execute("CREATE TABLE precious (x)")
    other.close()
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    complaint = fail("train", "penguins.csv", "--target", "species", "--record", record_to)
    assert message in complaint
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_mistake_in_the_table_leaves_no_file_of_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fail("train", PENGUINS, "--target", "specis", "--record", "p.retro")
    assert os.listdir(tmp_path) == []


def full(*arguments, **options):
    raise RunFileError("the disk is full")


@pytest.mark.parametrize("goes_wrong", ["begin_run", "write"])
def test_a_record_that_was_lost_is_not_offered(tmp_path, monkeypatch, goes_wrong):
    """Nor is one of a training that diverges, of which the file does not have that."""
    path, model = tmp_path / "p.retro", tmp_path / "m.safetensors"
    args = ("train", PENGUINS, "--target", "body_mass_g", "--epochs", 3, "--out", model)
    monkeypatch.setattr(Store, goes_wrong, full)
    out, _ = run(*args, "--record", path)
    assert "recorded no further, though it goes on: the disk is full" in out
    assert "retrograd debug" not in out
    report = json.loads(run(*args, "--record", path, "--json")[0])
    assert report["recorded"] is None
    _, complaint = run(*args, "--solver", "sgd", "--lr", 1e3, "--record", path, code=1)
    assert "diverged at step" in complaint
    assert "retrograd debug" not in complaint


def test_a_resumed_run_ends_though_its_file_does_not_say_so(tmp_path, monkeypatch):
    path, model = tmp_path / "p.retro", tmp_path / "m.safetensors"
    args = ("train", PENGUINS, "--target", "species", "--epochs", 3, "--out", model)
    write = Store.write

    def begin_only(self, rows, *arguments, **options):
        begins = rows.keys() & {"arrays", "runs"}
        return (write if begins else full)(self, rows, *arguments, **options)

    monkeypatch.setattr(Store, "write", begin_only)
    run(*args, "--record", path)
    model.unlink()
    out, _ = run("resume", path, "--out", model)
    assert "Run 1 of p.retro was broken off after 0 steps; it goes on" in out
    assert "It was trained to its end, but the file has 0 steps of it only" in out
    assert f"Saved to {model}" in out
    assert "has ended" not in out
    assert "retrograd debug" not in out
    monkeypatch.undo()
    out, _ = run("resume", path, "--out", tmp_path / "again.safetensors")
    assert "It has ended, after 54 steps and 3 epochs" in out


def test_a_model_that_cannot_be_saved_is_had_from_its_record(tmp_path, monkeypatch):
    from retrograd.export import container

    def no_room(path, content):
        raise OSError(28, "No space left on device")

    path, model = tmp_path / "p.retro", tmp_path / "m.safetensors"
    args = ("train", PENGUINS, "--target", "species", "--epochs", 3, "--record", path)
    with monkeypatch.context() as patch:
        patch.setattr(container, "write_whole", no_room)
        _, complaint = run(*args, "--out", tmp_path / "full.safetensors", code=1)
        # How good it was is not lost with it.
        out, _ = run(*args[:-2], "--json", "--out", tmp_path / "full.safetensors", code=1)
    assert f"the run is kept: retrograd resume {path} --out FILE saves it elsewhere" in complaint
    report = json.loads(out)
    assert (report["saved"], report["scores"][0]["model"]) == (None, "network")
    assert f"Saved to {model}" in run("resume", path, "--out", model)[0]


def test_lbfgs_cannot_be_recorded(tmp_path):
    args = ("train", PENGUINS, "--target", "species", "--solver", "lbfgs", "--record")
    assert "lbfgs takes no steps" in fail(*args, tmp_path / "p.retro", code=2)


def has_steps(path):
    """Whether a file that is just being made has come so far."""
    try:
        return any(len(found) for found in open_runs(path))
    except RunFileError:
        return False


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_keeps_the_recorded_run(tmp_path):
    rows = "".join(f"{i * 7919 % 1009},{i * 104729 % 997},c{i * i % 11}\n" for i in range(1500))
    (tmp_path / "t.csv").write_text("a,b,y\n" + rows)
    process = subprocess.Popen(
        [*COMMAND, "train", "t.csv", "--target", "y", "--hidden", "700,700", "--batch", "16",
         "--epochs", "100000", "--record", "t.retro"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
    )  # fmt: skip
    try:
        while not has_steps(tmp_path / "t.retro"):
            time.sleep(0.1)
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert without_compiling(complaint) == (
        "error: stopped by Ctrl-C: no model was saved, but the run is kept: retrograd resume "
        "t.retro goes on with it and saves the model, retrograd debug t.retro looks into it\n"
    )
    (found,) = open_runs(tmp_path / "t.retro")
    assert found.status == "interrupted"
    assert not (tmp_path / "t.safetensors").exists()
