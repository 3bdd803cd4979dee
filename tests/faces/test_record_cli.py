"""The command train --record: the same training, and a file of runs; Ctrl-C keeps it."""

import json
import os
import re
import signal
import subprocess
import time

import pytest
from command_line import COMMAND, PENGUINS, fail, run

from retrograd.estimators.rewinding import open_runs
from retrograd.rewind.store import RunFileError

# These train for real, and interpreted kernels would take minutes.
pytestmark = pytest.mark.compiled


def without_seconds(out):
    return re.sub(r"in \d+\.\d s", "", out)


@pytest.mark.parametrize("target", ["species", "body_mass_g"])
def test_train_records_and_reports_as_before(tmp_path, target):
    path, model = tmp_path / "p.retro", tmp_path / "m.safetensors"
    args = ("train", PENGUINS, "--target", target, "--epochs", 3, "--hidden", "8", "--out", model)
    plain, recorded = run(*args)[0], run(*args, "--record", path)[0]
    kept = model.read_bytes()
    assert without_seconds(recorded) == without_seconds(plain).replace(
        f"Saved to {model}", f"Saved to {model}, which it replaced"
    ) + f"  retrograd debug {path}\n"  # fmt: skip
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
        ("penguins.csv", "--record penguins.csv is to be another file"),
        ("penguins.safetensors", "is to be another file"),
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


def test_lbfgs_cannot_be_recorded(tmp_path):
    args = ("train", PENGUINS, "--target", "species", "--solver", "lbfgs", "--record")
    assert "lbfgs takes no steps" in fail(*args, tmp_path / "p.retro", code=2)


def has_runs(path):
    """Whether a file that is just being made has come so far."""
    try:
        return bool(open_runs(path).numbers)
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
        # Once it is in the file, it has begun.
        while not has_runs(tmp_path / "t.retro"):
            time.sleep(0.1)
            assert process.poll() is None
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert complaint == (
        "error: stopped by Ctrl-C: no model was saved, but the run is kept: retrograd resume "
        "t.retro goes on with it and saves the model, retrograd debug t.retro looks into it\n"
    )
    (found,) = open_runs(tmp_path / "t.retro")
    assert found.status == "interrupted"
    assert not (tmp_path / "t.safetensors").exists()
