"""``retrograd predict``: which columns of a table a model gets, and how they are read."""

import datetime
import warnings

import numpy as np
import polars as pl
import pytest
from command_line import run

from retrograd.estimators.regressor import MLPRegressor
from retrograd.export.container import read_container
from retrograd.faces.models import load_model, save_model
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
