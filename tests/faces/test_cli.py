"""The command line, in process: what it prints, what it saves, how it fails."""

import json
import re

import numpy as np
import polars as pl
import pytest
from command_line import PENGUINS, fail, run

from retrograd.faces.cli.train import SOLVERS
from retrograd.faces.models import load_model
from retrograd.maths.activations import ACTIVATIONS, ALIASES

# These train for real, and interpreted kernels would take minutes.
pytestmark = pytest.mark.compiled

QUICK = ["--hidden", "8", "--epochs", "4"]


def test_train_a_classifier(models):
    path, out = models["species"]
    for piece in (
        "penguins.csv: 344 rows, 7 columns to learn 'species' from",
        "Classification, since 'species' holds text: Adelie 152, Gentoo 124, Chinstrap 68",
        "bill_length_mm      number           2   32.1 to 59.6, median 44.45",
        "sex                 category        11   female, male",
        "Rows: 275 to learn from, 69 held out (seed 0)",
        "on 69 held-out rows   accuracy   log loss",
        "logistic regression",
        "always Adelie            0.435",
        "true \\ predicted   Adelie   Chinstrap   Gentoo",
        f"Saved to {path}",
        "What to try next",
        f"  retrograd predict {path} {PENGUINS}",
    ):
        assert piece in out
    assert "\x1b" not in out
    assert not any(line.endswith(" ") for line in out.splitlines())


def test_train_a_regressor(models):
    _, out = models["body_mass_g"]
    for piece in (
        "Regression, since 'body_mass_g' holds numbers: 2700 to 6300, median 4050",
        "note: 2 rows left out: their 'body_mass_g' is missing",
        "Rows: 245 to learn from, 28 to tell when to stop, 69 held out (seed 0)",
        "best validation R² 0.",
        "mean absolute error",
        "ridge regression",
        "(mean)",
        "Furthest off: row ",
    ):
        assert piece in out


def test_a_table_tells_the_terminal_nothing(tmp_path):
    """Whatever its names, cells and classes hold, it comes out as text to read."""
    rng = np.random.default_rng(0)
    table, model = tmp_path / "t.csv", tmp_path / "m.safetensors"
    texts, kinds = ("a", "b\x07"), ("blue", "re\x1b[2Jd")
    rows = [f"{x:.3f},{texts[k % 2]},{kinds[int(x > 0.5)]}" for k, x in enumerate(rng.random(120))]
    table.write_text("\n".join(["x,y\x1b]0;t\x07,kind", *rows]))
    out, err = run("train", table, "--target", "kind", "--out", model)
    info, _ = run("info", model)
    assert "re?[2Jd" in out
    assert "y?]0;t?" in info
    assert all(line.isprintable() for line in (out + err + info).splitlines())


def test_json_is_one_document_and_says_how_good_it_is(tmp_path):
    model = tmp_path / "m.safetensors"
    out, err = run("train", PENGUINS, "--target", "species", "--json", "--out", model)
    report = json.loads(out)
    assert err == ""
    assert [scores["model"] for scores in report["scores"]] == [
        "network", "logistic regression", "always Adelie"
    ]  # fmt: skip
    network, _, constant = report["scores"]
    assert network["accuracy"] > 0.9 > constant["accuracy"]
    assert report["network"]["widths"] == [15, 64, 32, 3]
    assert sum(map(sum, report["confusion"]["counts"])) == report["rows"]["test"] == 69
    assert report["saved"] == str(model)
    assert report["replaced"] is False


def test_same_seed_same_file_and_same_report(tmp_path, monkeypatch):
    reports, files = [], []
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        table = tmp_path / place / "penguins.csv"
        table.write_bytes(PENGUINS.read_bytes())
        monkeypatch.chdir(tmp_path / place)
        out, _ = run("train", table, "--target", "species", "--json", "--seed", 3, *QUICK)
        report = json.loads(out)
        del (
            report["training"]["seconds"],
            report["training"]["seconds_of_compiling"],
            report["path"],
        )
        reports.append(report)
        # Without --out the model is saved here, under the table's name.
        files.append((tmp_path / place / "penguins.safetensors").read_bytes())
        monkeypatch.undo()
    assert reports[0] == reports[1]
    assert files[0] == files[1]


def test_a_quantity_with_a_large_offset_is_predicted_to_its_last_digits(tmp_path):
    a = np.random.default_rng(0).normal(size=400)
    frame = pl.DataFrame({"a": a, "t": (1.7e9 + 60 * a).round().astype(int)})
    frame.write_csv(tmp_path / "t.csv")
    model = tmp_path / "m.safetensors"
    args = ("train", tmp_path / "t.csv", "--target", "t", "--out", model, "--solver", "lbfgs")
    scores = json.loads(run(*args, "--json")[0])["scores"]
    assert scores[0]["R2"] > 0.99
    assert scores[0]["training"] > 0.99
    assert scores[1]["R2"] > 0.99
    printed, _ = run("predict", model, tmp_path / "t.csv")
    predicted = load_model(model).predict(frame.drop("t"))
    assert predicted.dtype == np.float64
    assert [float(line) for line in printed.splitlines()[1:]] == predicted.tolist()
    assert np.median(np.abs(predicted - frame["t"].to_numpy())) < 3
    # What is told of it has the digits that differ, too.
    low, high = frame["t"].min(), frame["t"].max()
    assert f"holds numbers: {low} to {high}, median 1" in run(*args)[0]


def test_a_category_of_digits_stays_a_category(tmp_path):
    rows = "".join(f"{code},{i % 7},{'yes' if code == '01' else 'no'}\n"
                   for i, code in enumerate(["01", "12"] * 10))  # fmt: skip
    (tmp_path / "t.csv").write_text("code,x,y\n" + rows)
    (tmp_path / "new.csv").write_text("code,x\n12,3\n12,4\n")
    model = tmp_path / "m.safetensors"
    run("train", tmp_path / "t.csv", "--target", "y", "--out", model)
    assert run("predict", model, tmp_path / "new.csv")[0] == "y\nno\nno\n"


def test_train_and_predict_name_the_same_row(tmp_path):
    lines = [f"{i * 7 % 20},{i * 3 % 20}\n" for i in range(20)]
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(lines))
    model = tmp_path / "m.safetensors"
    run("train", tmp_path / "t.csv", "--target", "y", "--out", model, *QUICK)
    (tmp_path / "t.csv").write_text("x,y\n" + "".join([*lines[:13], "1e999,4\n", *lines[13:]]))
    message = "error: column 'x' is infinite in row 13 (counting from 0): make it missing or a"
    for seed in range(4):
        args = ("--target", "y", "--seed", seed)
        assert message in fail("train", tmp_path / "t.csv", *args, "--out", model)
    _, complaint = run("predict", model, tmp_path / "t.csv", code=1)
    assert message in complaint


def test_train_says_what_lbfgs_does_not_look_at(tmp_path):
    options = ["--solver", "lbfgs", "--lr", 0.5, "--activation", "swish", "--epochs", 3]
    out, _ = run(
        "train", PENGUINS, "--target", "species", *options, "--out", tmp_path / "m.safetensors"
    )
    assert "no effect with --solver lbfgs: --lr" in out


def test_info(models):
    path, _ = models["species"]
    out, _ = run("info", path)
    for piece in (
        "TableEncoder → MLPClassifier",
        "15 → 64 → 32 → 3",
        "relu, then softmax",
        "3,203",  # 15 * 64 + 64, 64 * 32 + 32, 32 * 3 + 3
        "Adelie, Chinstrap, Gentoo",
        "number, may be missing",
        "species (classification)",
        "scikit-learn",
    ):
        assert piece in out
    document = json.loads(run("info", path, "--json")[0])
    assert document["facts"]["file"] == "penguins.csv"
    assert document["facts"]["scores"][0]["model"] == "network"


def test_bad_models_are_refused(models, tmp_path):
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(models["species"][0].read_bytes()[:-1])
    assert "is not a model file, or is damaged" in fail("info", bad)
    assert "is not a model file, or is damaged" in fail("predict", bad, PENGUINS)
    assert "does not exist" in fail("info", tmp_path / "none.safetensors")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--target", "specis"], "no column 'specis'; did you mean 'species'?"),
        (["--target", "species", "--drop", "wings"], "no column 'wings'"),
        (["--target", "species", "--task", "regression"], "regression needs numbers"),
        (["--target", "species", "--test-size", "0.001"], "splits 344 rows badly"),
        (["--target", "species", "--out", "nowhere/m.safetensors"], "folder nowhere does not"),
        (["--target", "species", "--out", "README.md"], "is not a retrograd model: name another"),
        (
            ["--target", "body_mass_g", "--solver", "sgd", "--lr", "1e30"],
            "try --lr 0.01, or --solver adam",
        ),
        (
            ["--target", "body_mass_g", "--alpha", "1e300"],
            "try --lr 0.0001, or a smaller --alpha",
        ),
        (["--target", "body_mass_g", "--lr", "1e300"], "try --lr 0.01, or a smaller --alpha"),
    ],
)
def test_mistakes_in_train_are_one_line(tmp_path, monkeypatch, args, message):
    table = tmp_path / "penguins.csv"
    table.write_bytes(PENGUINS.read_bytes())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "README.md").write_text("precious")
    # A training that diverges has told of its data before.
    _, complaint = run("train", table, *args, code=1)
    assert complaint.startswith("error: ")
    assert complaint.count("\n") == 1
    assert message in complaint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "penguins.csv"]
    assert (tmp_path / "README.md").read_text() == "precious"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "Missing option '--target'"),
        (["--target", "y", "--hidden", "64;32"], "not a list of layer widths"),
        (["--target", "y", "--hidden", "0"], "not a list of layer widths"),
        (["--target", "y", "--hidden", "9" * 30], "not a list of layer widths"),
        (["--target", "y", "--alpha", "inf"], "inf is not a number from 0 on"),
        (["--target", "y", "--alpha", "-1"], "-1 is not a number from 0 on"),
        (["--target", "y", "--activation", "rilu"], "'rilu' is not one of identity, logistic"),
        (["--target", "y", "--solver", "x"], "'x' is not one of sgd, adam"),
        (["--target", "y", "--lr", "-1"], "-1 is not between 0 and inf"),
        (["--target", "y", "--lr", "inf"], "inf is not between 0 and inf"),
        (["--target", "y", "--test-size", "1.5"], "1.5 is not between 0 and 1"),
        (["--target", "y", "--test-size", "1"], "1 is not between 0 and 1"),
        (["--target", "y", "--test-size", "0"], "0 is not between 0 and 1"),
        (["--target", "y", "--epochs", "0"], "--epochs"),
        (["--target", "y", "--task", "cluster"], "'cluster' is not one of"),
        (["--target", "y", "--sed", "1"], "No such option"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(args, message):
    complaint = fail("train", PENGUINS, *args, code=2)
    assert message in complaint
    assert "(see retrograd train --help)" in complaint


def test_help_and_version():
    for command in ("train", "predict", "info"):
        assert "Usage" in run(command, "--help")[0]
    assert run("--version")[0].startswith("retrograd")
    told = run("train", "--help")[0]
    assert all(re.search(rf"\b{name}\b", told) for name in (*ACTIVATIONS, *ALIASES))


@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver(tmp_path, solver):
    out, _ = run("train", PENGUINS, "--target", "species", "--solver", solver, "--json",
                 "--out", tmp_path / "m.safetensors", "--epochs", 5)  # fmt: skip
    assert json.loads(out)["scores"][0]["accuracy"] > 0.3


def test_solvers_are_the_engines():
    from retrograd.engine.optimizers import SOLVERS as STOCHASTIC

    assert set(SOLVERS) == {*STOCHASTIC, "lbfgs"}


def test_no_hidden_layer(tmp_path):
    out, _ = run("train", PENGUINS, "--target", "species", "--hidden", "none",
                 "--out", tmp_path / "m.safetensors", "--epochs", 5)  # fmt: skip
    assert "15 features, no hidden layer" in out


def test_many_imbalanced_classes_and_a_model_replaced(tmp_path):
    rows = "".join(f"{i % 50},c{min(i % 50, 11)}\n" for i in range(300))
    (tmp_path / "t.csv").write_text("x,y\n" + rows + "3,alone\n")
    args = ("train", tmp_path / "t.csv", "--target", "y", "--out", tmp_path / "m.safetensors")
    out, _ = run(*args, *QUICK)
    assert "1 class of one row only: kept in training" in out
    assert "balanced accuracy" in out
    assert "true class" in out
    assert "which it replaced" in run(*args, *QUICK)[0]


def test_booleans_are_predicted_as_their_labels_are_told(tmp_path):
    rows = "".join(f"{i % 7},{'TRUE' if i % 7 > 3 else 'False'}\n" for i in range(70))
    (tmp_path / "t.csv").write_text("x,t\n" + rows)
    model = tmp_path / "m.safetensors"
    args = ("--solver", "lbfgs", "--epochs", 30, "--out", model)
    out, _ = run("train", tmp_path / "t.csv", "--target", "t", *args)
    assert "1 column to learn 't' from" in out
    assert "1 feature → 64 → 32 (relu); lbfgs, 30 iterations at most" in out
    assert "holds yes or no: False 40, True 30" in out
    (tmp_path / "new.csv").write_text("x\n1\n6\n")
    assert run("predict", model, tmp_path / "new.csv")[0] == "t\nFalse\nTrue\n"
    printed, _ = run("predict", model, tmp_path / "new.csv", "--proba")
    assert printed.startswith("t,t=False,t=True\nFalse,")
    (tmp_path / "new.csv").write_text("x\n1\n")
    said, _ = run("predict", model, tmp_path / "new.csv", "--out", tmp_path / "p.csv")
    assert said == f"Wrote 1 prediction to {tmp_path / 'p.csv'}\n"


def test_what_looks_like_markup_is_drawn_as_it_is(tmp_path):
    labels = ["p [/x]", "[red]", "[bold]q[/]"]
    rows = "".join(f"{i * 7 % 11},{['[i]u', '[/i]v'][i % 2]},{labels[i % 3]}\n"
                   for i in range(60))  # fmt: skip
    (tmp_path / "t.csv").write_text("a[/b],[dim]c,[/t]\n" + rows)
    args = ("train", tmp_path / "t.csv", "--target", "[/t]", "--out", tmp_path / "m.safetensors")
    out, _ = run(*args, *QUICK)
    assert "true \\ predicted   [bold]q[/]   [red]   p [/x]\n" in out
    for first, rest in (("[bold]q[/]", " "), ("[red]", "  "), ("p [/x]", "  ")):
        assert f"\n{first}{rest}" in out
    assert "\na[/b]    number" in out
    assert "\n[dim]c   category             [/i]v, [i]u\n" in out


def test_parquet_with_dates_and_booleans(tmp_path):
    days = pl.date_range(pl.date(2023, 1, 1), pl.date(2023, 3, 31), eager=True)
    frame = pl.DataFrame({"day": days, "open": [True, False, True] * 30, "y": range(90)})
    frame.write_parquet(tmp_path / "t.parquet")
    model = tmp_path / "m.safetensors"
    out, _ = run("train", tmp_path / "t.parquet", "--target", "y", "--out", model, *QUICK)
    assert "2023-01-01 to 2023-03-31" in out
    assert "true in 67 %" in out
    assert len(run("predict", model, tmp_path / "t.parquet")[0].splitlines()) == 91
