"""Output in an encoding that lacks letters: nothing fails, and what programs read stays whole."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from retrograd.estimators.rewinding import open_run
from retrograd.faces.cli import app
from retrograd.rewind.walk.spelling import SPELLED_OUT

# These train for real, and interpreted kernels would take minutes.
pytestmark = pytest.mark.compiled

CITIES = ("東京", "大阪", "Köln")


def printed(*args, encoding="cp1252") -> bytes:
    """What a command line that succeeds prints to a pipe of an encoding."""
    result = CliRunner(charset=encoding).invoke(app, [str(arg) for arg in args])
    assert result.exception is None, result.exception
    return result.stdout_bytes


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Train on three cities, and record it; the folder, and the report."""
    folder = tmp_path_factory.mktemp("cities")
    rng, names = np.random.default_rng(0), CITIES * 10
    rows = [f"{rng.normal():.3f},{name}" for name in names]
    (folder / "t.csv").write_text("\n".join(["größe,ort", *rows]), encoding="utf-8")
    files = "--out", folder / "m.safetensors", "--record", folder / "r.retro"
    options = "--hidden", "3", "--epochs", "2", *files
    return folder, printed("train", folder / "t.csv", "--target", "ort", *options, "--json")


def test_json_is_ascii(trained):
    """In which two classes never become one key."""
    folder, report = trained
    info = printed("info", folder / "m.safetensors", "--json")
    runs = printed("runs", folder / "r.retro", "--json")
    traced = printed("trace", folder / "r.retro", "--step", "0", "--json")
    for document in (report, info, runs, traced):
        assert document.isascii()
        json.loads(document)
    assert json.loads(report)["target"]["classes"] == dict.fromkeys(CITIES, 10)
    assert json.loads(report)["confusion"]["labels"] == sorted(CITIES)
    assert json.loads(info)["facts"]["target"]["name"] == "ort"


def test_predictions_in_a_pipe_are_utf_8(trained):
    """As --out writes them, and as tables are read."""
    folder, _ = trained
    predict = "predict", folder / "m.safetensors", folder / "t.csv"
    said = printed(*predict, "--out", folder / "größe→.csv", encoding="ascii")
    assert said.startswith(b"Wrote 30 predictions to ")
    content = printed(*predict, "--proba")
    assert content.decode("utf-8").startswith("ort,ort=Köln,ort=大阪,ort=東京\n")
    assert printed(*predict) == (folder / "größe→.csv").read_bytes()


def test_what_a_model_is_called_keeps_nothing_from_being_told(trained):
    folder, _ = trained
    saved = printed("resume", folder / "r.retro", "--out", folder / "Łódź.safetensors")
    assert b"Saved to " in saved
    assert b"?\xf3d?.safetensors" in saved


def test_a_step_is_walked_through(trained):
    """Signs that the encoding lacks are spelled: formulas keep their meaning."""
    folder, _ = trained
    text = printed("trace", folder / "r.retro", "--step", "0", encoding="ascii")
    walk = str(open_run(folder / "r.retro").at(0).trace())
    assert text.decode("ascii").strip() == walk.encode("ascii", SPELLED_OUT).decode().strip()
    assert b"?" not in text
    assert b"f'(z" in text
