"""``retrograd predict``: what it writes, which columns a model gets, and how they are read."""

import datetime
import warnings

import numpy as np
import polars as pl
import pytest
from command_line import PENGUINS, fail, run

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.regressor import MLPRegressor
from retrograd.export.container import read_container
from retrograd.faces.models import load_model, save_model
from retrograd.tables.encoder import TableEncoder
from retrograd.tables.errors import TableWarning

pytestmark = pytest.mark.compiled


def test_columns_are_found_by_name_without_an_encoder(tmp_path):
    """In any order, beside others; also one that is called as predictions are by default."""
    model = tmp_path / "m.safetensors"
    frame = pl.DataFrame({"prediction": [1.0, 2.0, 4.0], "b": [3.0, -1.0, 0.5]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = MLPRegressor(hidden_layer_sizes=(3,), max_iter=2, random_state=0)
        save_model(network.fit(frame, [1.0, 2.0, 3.0]), model)
    frame.select("b", pl.lit("x").alias("other"), "prediction").write_csv(tmp_path / "t.csv")
    printed, notes = run("predict", model, tmp_path / "t.csv")
    assert notes == ""
    lines = printed.splitlines()
    assert lines[0] == "prediction"
    assert [float(line) for line in lines[1:]] == network.predict(frame).tolist()


@pytest.mark.parametrize(
    ("y", "proba", "header"),
    [
        (np.arange(12.0).reshape(6, 2), False, "prediction[0],prediction[1]"),
        (np.eye(3, dtype=int)[[0, 1, 2] * 2], True,
         "prediction[0],prediction[1],prediction[2],prediction=0,prediction=1,prediction=2"),
        (np.array([9, 10] * 3, "M8[Y]"), True, "prediction,prediction=1979,prediction=1980"),
        (np.array([1, 2] * 3, "m8[s]"), False, "prediction"),
        ([True, False] * 3, False, "prediction"),
    ],
)  # fmt: skip
def test_outputs_of_any_kind(tmp_path, y, proba, header):
    frame = pl.DataFrame({"a": [0.5, 1.0, 2.0, 4.0, 3.0, 0.1], "b": [True, False] * 3})
    kind = MLPRegressor if np.asarray(y).dtype.kind == "f" else MLPClassifier
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = kind(hidden_layer_sizes=(3,), max_iter=2, random_state=0)
        save_model(network.fit(frame, y), tmp_path / "m.safetensors")
    frame.write_csv(tmp_path / "t.csv")
    options = ["--proba"] if proba else []
    printed, _ = run("predict", tmp_path / "m.safetensors", tmp_path / "t.csv", *options)
    assert printed.splitlines()[0] == header
    found = pl.read_csv(printed.encode(), infer_schema=False)
    predicted = network.predict(frame).reshape(6, -1)
    assert found[:, : predicted.shape[1]].rows() == [tuple(map(str, row)) for row in predicted]


def test_what_predicts_nothing_is_refused(tmp_path):
    frame = pl.DataFrame({"a": [0.5, 1.0, 2.0]})
    save_model(TableEncoder().fit(frame), tmp_path / "m.safetensors")
    frame.write_csv(tmp_path / "t.csv")
    told = fail("predict", tmp_path / "m.safetensors", tmp_path / "t.csv")
    assert "m.safetensors predicts nothing: it holds a TableEncoder" in told


def test_dates_are_read_as_the_model_learned_them(tmp_path):
    """Month first, as the table to learn from told; the new one could be either."""
    rng = np.random.default_rng(0)
    days = [
        datetime.date(2024, 1, 1) + datetime.timedelta(int(n)) for n in rng.integers(0, 366, 40)
    ]
    rows = [f"{day:%m/%d/%Y},{day.month + 0.25}\n" for day in days]
    (tmp_path / "t.csv").write_text("when,y\n" + "".join(rows))
    (tmp_path / "new.csv").write_text("when\n03/04/2024\n11/02/2024\n")
    model = tmp_path / "m.safetensors"
    run("train", tmp_path / "t.csv", "--target", "y", "--epochs", 3, "--out", model)
    printed, notes = run("predict", model, tmp_path / "new.csv")
    assert notes == ""
    written = pl.read_csv(tmp_path / "new.csv")
    written.write_parquet(tmp_path / "new.parquet")
    assert run("predict", model, tmp_path / "new.parquet") == (printed, "")
    meant = pl.DataFrame({"when": [datetime.date(2024, 3, 4), datetime.date(2024, 11, 2)]})
    loaded = load_model(model)
    predicted = loaded.predict(meant)
    assert [float(line) for line in printed.splitlines()[1:]] == predicted.tolist()
    assert loaded.predict(written).tolist() == predicted.tolist()
    assert loaded.predict(written.to_pandas()).tolist() == predicted.tolist()
    save_model(loaded, tmp_path / "again.safetensors")
    again = load_model(tmp_path / "again.safetensors")
    assert again.predict(written).tolist() == predicted.tolist()


def test_a_table_is_the_same_in_parquet(tmp_path):
    """Also one whose dates are text there; but for the name of its file, and so is its model."""
    rng = np.random.default_rng(1)
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(9 * k) for k in range(40)]
    frame = pl.DataFrame({
        "when": [f"{day:%d/%m/%Y %H:%M}" for day in days], "x": rng.normal(size=40).round(3),
        "y": [day.month + 0.25 for day in days],
    })  # fmt: skip
    frame.write_csv(tmp_path / "t.csv")
    frame.write_parquet(tmp_path / "t.parquet")
    facts, arrays = [], []
    for table in ("t.csv", "t.parquet"):
        model = tmp_path / "m.safetensors"
        run("train", tmp_path / table, "--target", "y", "--epochs", 3, "--out", model)
        tensors, document = read_container(model)
        assert document["facts"].pop("file") == table
        facts.append(document)
        arrays.append({name: tensor.tolist() for name, tensor in tensors.items()})
    assert facts[0]["facts"]["customs"] == {"when": "day/month"}
    assert facts[0] == facts[1]
    assert arrays[0] == arrays[1]


def test_a_loaded_model_knows_what_it_predicts(tmp_path):
    frame = pl.DataFrame({"x": np.arange(20) / 7, "y": np.arange(20) / 3})
    frame.write_csv(tmp_path / "t.csv")
    model = tmp_path / "m.safetensors"
    run("train", tmp_path / "t.csv", "--target", "y", "--epochs", 2, "--out", model)
    loaded = load_model(model)
    with pytest.warns(TableWarning, match="^column 'y' is what the model predicts: not looked at$"):
        with_y = loaded.predict(frame)
    assert with_y.tolist() == loaded.predict(frame.drop("y")).tolist()


def test_predict_writes_what_the_model_predicts(models, tmp_path):
    path, _ = models["species"]
    table, out = pl.read_csv(PENGUINS, null_values="NA"), tmp_path / "p.csv"
    printed, notes = run("predict", path, PENGUINS, "--proba")
    assert notes == "note: column 'species' is what the model predicts: not looked at\n"
    said, _ = run("predict", path, PENGUINS, "--proba", "--out", out)
    assert said == f"Wrote 344 predictions to {out}\n"
    assert out.read_text() == printed
    frame = pl.read_csv(out)
    assert frame.columns == ["species"] + [
        f"species={s}" for s in ("Adelie", "Chinstrap", "Gentoo")
    ]
    model = load_model(path)
    assert frame["species"].to_list() == model.predict(table.drop("species")).tolist()
    assert (frame["species"] == table["species"]).mean() > 0.9


def test_predict_a_number(models):
    path, _ = models["body_mass_g"]
    printed, _ = run("predict", path, PENGUINS)
    lines = printed.splitlines()
    assert lines[0] == "body_mass_g"
    assert len(lines) == 345
    assert 3000 < float(lines[1]) < 5000
    assert "no probabilities" in fail("predict", path, PENGUINS, "--proba")


def write(tmp_path, change):
    """Write the penguins after a change."""
    path = tmp_path / "new.csv"
    change(pl.read_csv(PENGUINS, null_values="NA").head(20)).write_csv(path)
    return path


def test_predict_notes_what_is_new(models, tmp_path):
    path, _ = models["species"]
    new = write(
        tmp_path,
        lambda t: t.drop("species").with_columns(island=pl.lit("Zürich"), wings=pl.lit(2)),
    )
    printed, notes = run("predict", path, new)
    assert notes.splitlines() == [
        "note: column 'wings' is unknown to the model: ignored",
        "note: column 'island': 20 rows with a value never seen in training ('Zürich'); "
        "treated as none of the known ones",
    ]
    assert len(printed.splitlines()) == 21


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop("sex", "year"), "columns 'sex', 'year' are missing from the table"),
        (
            lambda t: t.with_columns(bill_depth_mm=pl.lit("deep")),
            "column 'bill_depth_mm' should hold numbers, found text such as 'deep'",
        ),
        (lambda t: t.head(0), "has a header but no rows"),
    ],
)
def test_predict_refuses_tables_that_do_not_fit(models, tmp_path, change, message):
    assert message in fail("predict", models["species"][0], write(tmp_path, change))


def test_predict_does_not_overwrite_what_it_reads(models, tmp_path):
    path, _ = models["species"]
    model, table = tmp_path / "m.safetensors", tmp_path / "t.csv"
    model.write_bytes(path.read_bytes())
    table.write_bytes(PENGUINS.read_bytes())
    for precious in (model, table):
        before = precious.read_bytes()
        assert "would overwrite" in fail("predict", model, table, "--out", precious)
        assert precious.read_bytes() == before


def test_predict_without_an_encoder(tmp_path):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = MLPRegressor(hidden_layer_sizes=(3,), max_iter=2).fit(
            [[1.0, 2.0], [3.0, 4.0]], [1.0, 2.0]
        )
    save_model(network, tmp_path / "m.safetensors")
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3,4\n")
    printed, _ = run("predict", tmp_path / "m.safetensors", tmp_path / "t.csv")
    assert printed.startswith("prediction\n")
    (tmp_path / "t.csv").write_text("a\n1\n3\n")
    message = "m.safetensors takes 2 columns, the table has 1"
    assert message in fail("predict", tmp_path / "m.safetensors", tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text("a,b\n1,x\n3,y\n")
    message = "column 'b' must hold numbers without gaps"
    assert message in fail("predict", tmp_path / "m.safetensors", tmp_path / "t.csv")
    assert "MLPRegressor" in run("info", tmp_path / "m.safetensors")[0]
