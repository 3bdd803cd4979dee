"""``retrograd train``: what its options come to."""

import datetime
import json

import numpy as np
import pytest
from command_line import PENGUINS, run

from retrograd.faces.cli.train import _names
from retrograd.faces.models import load_model

pytestmark = pytest.mark.compiled


def test_every_option_is_acted_on(tmp_path):
    """None of them at its default; what the report tells of them is what the network has."""
    model = tmp_path / "m.safetensors"
    told = {"hidden": [5, 4], "activation": "tanh", "solver": "sgd", "lr": 0.03, "epochs": 3,
            "batch": 7, "alpha": 0.0, "seed": 9, "test_size": 0.25}  # fmt: skip
    options = ["--hidden", "5,4", "--drop", "year, island"]
    for name in [*told][1:]:
        options += [f"--{name.replace('_', '-')}", told[name]]
    out, _ = run("train", PENGUINS, "--target", "species", *options, "--json", "--out", model)
    report = json.loads(out)
    assert report["options"] == told
    assert report["rows"] == {"table": 344, "train": 258, "validation": 0, "test": 86}
    names = [column["name"] for column in report["columns"]]
    assert names == ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g", "sex"]
    network = load_model(model)[-1]
    assert [array.shape[1] for array in network.coefs_] == [5, 4, 3]
    assert (network.activation, network.solver, network.learning_rate_init) == ("tanh", "sgd", 0.03)
    assert (network.max_iter, network.batch_size, network.alpha) == (3, 7, 0.0)
    assert (network.random_state, network.n_iter_) == (9, 3)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []), (" ", []), ("a,,b,", ["a", "b"]), ('a, "b, c" , d', ["a", "b, c", "d"]),
        ('"a""b",c', ['a"b', "c"]), ('a"b', ['a"b']), ('"a,b', ['"a', "b"]), ("a\n b", ["a\n b"]),
    ],
)  # fmt: skip
def test_columns_to_drop_may_have_commas(text, names):
    assert _names(text) == names


def test_the_best_epoch_is_counted_from_one(tmp_path):
    """As the network has it, which went back to it; with how many rows had a say in that."""
    model = tmp_path / "m.safetensors"
    args = ("train", PENGUINS, "--target", "body_mass_g", "--epochs", 12, "--out", model)
    report = json.loads(run(*args, "--json")[0])
    network = load_model(model)[-1].regressor_
    best = network.validation_scores_.index(max(network.validation_scores_))
    training = report["training"]
    assert (training["best_epoch"], training["epochs"]) == (best + 1, network.n_iter_)
    assert training["best_validation_score"] == network.best_validation_score_
    assert report["rows"] == {"table": 342, "train": 245, "validation": 28, "test": 69}
    assert f"at epoch {best + 1};" in run(*args)[0]


def test_of_many_names_the_first_ones_are_told_and_how_many_more(tmp_path):
    """Those that are pooled as rare count, too."""
    names = [*"abcde"] * 8 + ["rare", "rarer"]
    rows = [f"{name},{k % 7}.5\n" for k, name in enumerate(names)]
    (tmp_path / "t.csv").write_text("name,y\n" + "".join(rows))
    args = (
        "--target",
        "y",
        "--epochs",
        1,
        "--test-size",
        0.05,
        "--out",
        tmp_path / "m.safetensors",
    )
    report = json.loads(run("train", tmp_path / "t.csv", *args, "--json")[0])
    assert report["columns"][0]["holds"] == "a, b, c, d, 3 more"


@pytest.mark.parametrize(
    ("time", "holds"),
    [
        ("", "2024-01-01 to 2024-02-10"),
        (" 10:00", "2024-01-01T10:00:00 to 2024-02-10T10:00:00"),
        (" 00:00:00.5", "2024-01-01T00:00:00.500000 to 2024-02-10T00:00:00.500000"),
    ],
)
def test_dates_are_told_as_exactly_as_they_are(tmp_path, time, holds):
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(k) for k in range(41)]
    rows = [f"{day}{time},{k % 2}\n" for k, day in enumerate(days)]
    (tmp_path / "t.csv").write_text("when,y\n" + "".join(rows))
    args = ("--target", "y", "--epochs", 1, "--json", "--out", tmp_path / "m.safetensors")
    report = json.loads(run("train", tmp_path / "t.csv", *args)[0])
    assert report["columns"][0]["holds"] == holds


def test_a_training_that_diverges_late_is_told_by_its_best_epoch(tmp_path):
    """The scores of the epochs before it count, not what came of the last one."""
    rng = np.random.default_rng(0)
    rows = [f"{x},{y}\n" for x, y in rng.normal(size=(400, 2))]
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(rows))
    args = ("--target", "y", "--hidden", "none", "--solver", "sgd", "--lr", 3)
    out, _ = run("train", tmp_path / "t.csv", *args, "--json", "--out", tmp_path / "m.safetensors")
    training = json.loads(out)["training"]
    assert training["ended"] == "diverged"
    assert 1 <= training["best_epoch"] < training["epochs"]
    assert np.isfinite(training["best_validation_score"])


@pytest.mark.parametrize(
    ("command", "advice"),
    [
        (["train", PENGUINS, "--target", "species"], ": try a smaller --hidden, or fewer rows"),
        (["predict", "m.safetensors", PENGUINS], ": try fewer rows"),
        (["info", "m.safetensors"], ""),
    ],
)
def test_what_is_advised_for_want_of_memory(monkeypatch, command, advice):
    """Nothing but what the command has."""

    def no_room(*arguments, **options):
        raise MemoryError("1 GiB wanted")

    for place in (
        "export.model_file.read_facts",
        "faces.models.load_model",
        "faces.experiment.fit",
    ):
        monkeypatch.setattr(f"retrograd.{place}", no_room)
    complaint = run(*command, code=1)[1]
    assert complaint == f"error: out of memory (1 GiB wanted){advice}\n"
