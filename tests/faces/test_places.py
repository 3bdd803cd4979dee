"""Where the command line saves: it says before any work that it cannot, and loses no scores."""

import json

import pytest
from command_line import PENGUINS, fail, run

from retrograd.export import container
from rights import needs_rights, open_folder, unprivileged

# These train for real, and interpreted kernels would take minutes.
pytestmark = pytest.mark.compiled

TRAIN = ("train", PENGUINS, "--target", "species", "--hidden", "8", "--epochs", 3)


@needs_rights
def test_train_says_before_any_work_that_it_cannot_save():
    with open_folder() as folder:
        model = folder / "m.safetensors"
        with unprivileged(folder):
            assert "cannot be written: Permission denied; name another" in fail(
                *TRAIN, "--out", model
            )
        run(*TRAIN, "--out", model)
        before = model.read_bytes()
        with unprivileged(folder, 0o777):
            assert "cannot be written: Permission denied" in fail(*TRAIN, "--out", model)
        assert model.read_bytes() == before


def test_scores_are_told_though_the_model_cannot_be_saved(tmp_path, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(container, "write_whole", full)
    args = (*TRAIN, "--out", tmp_path / "m.safetensors")
    out, complaint = run(*args, code=1)
    assert "on 69 held-out rows" in out
    assert "Saved" not in out
    assert complaint.endswith("m.safetensors cannot be written: No space left on device\n")
    report = json.loads(run(*args, "--json", code=1)[0])
    assert report["saved"] is None
    assert report["scores"][0]["model"] == "network"


def test_no_command_writes_over_what_is_of_another_kind(tmp_path):
    """Neither over a table, nor over a recorded training."""
    table, model, record = tmp_path / "t.csv", tmp_path / "m.safetensors", tmp_path / "r.retro"
    table.write_text("a,y\n" + "".join(f"{k},{'uv'[k % 2]}\n" for k in range(20)))
    run("train", table, "--target", "y", "--epochs", 2, "--out", model, "--record", record)
    before = {path: path.read_bytes() for path in (table, record)}
    for command, place, kind in (
        (("trace", record, "--step", 1, "--notebook"), table, "notebook"),
        (("predict", model, table, "--out"), record, "table"),
    ):
        _, complaint = run(*command, place, code=1)
        assert f"{place} cannot be written: a file that is no {kind} is there" in complaint
    assert {path: path.read_bytes() for path in before} == before
