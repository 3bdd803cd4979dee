"""The playground without a browser: its data, its fields, its process, its command."""

import os
import re
import signal
import stat
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from command_line import without_compiling
from typer.testing import CliRunner

from retrograd.engine.trainer import State
from retrograd.estimators.rewinding import open_runs
from retrograd.faces.cli import app
from retrograd.faces.page import playing, tabling
from retrograd.faces.page.answers.playing import PLAY_ANSWERS
from retrograd.faces.page.control import Control, Controlled
from retrograd.faces.page.datasets import DATASETS, PENGUINS, draw, load
from retrograd.faces.page.playing import recording_to
from retrograd.faces.page.server import _reply
from retrograd.faces.page.settings import START, FieldError, check_data, check_network
from retrograd.faces.page.tabling import encode, read_uploaded
from retrograd.faces.page.viewer import QuestionError, _check
from retrograd.faces.page.wire import unframe
from retrograd.rewind.expressions import Expression
from retrograd.rewind.store import RunFileError
from retrograd.tables.errors import TableError
from retrograd.tables.reading import read_table


def made_by(source: str) -> dict[str, Any]:
    """What lines of Python make."""
    made: dict[str, Any] = {}
    exec(source, made)
    return made


@pytest.mark.parametrize("name", DATASETS)
def test_the_source_makes_the_data(name: str) -> None:
    """Bit for bit, whatever the data set."""
    if DATASETS[name].make is not None:
        drawn = draw(name, 50, 0.1, 3)
    elif name == "penguins":
        drawn = encode(read_table(PENGUINS), name, None, "body_mass_g")
    else:
        drawn = load(name)
    made = made_by(drawn.source)
    assert np.array_equal(np.asarray(made["X"]), drawn.X)
    assert np.array_equal(made["y"], drawn.y)
    if drawn.names is not None:
        assert list(made["X"].columns) == drawn.names


@pytest.mark.parametrize("name", [name for name, known in DATASETS.items() if known.make])
def test_points_are_near_the_middle(name: str) -> None:
    """So that a network learns from them as they are; and the seed is what they depend on."""
    drawn = draw(name, 400, 0.0, 1)
    assert np.abs(drawn.X).max() <= 1.3
    assert np.array_equal(drawn.X, draw(name, 400, 0.0, 1).X)
    assert not np.array_equal(drawn.X, draw(name, 400, 0.0, 2).X)
    if drawn.task == "classification":
        assert 0.4 < drawn.y.mean() < 0.6


def test_every_field_at_once() -> None:
    """All that is wrong is told, each at its field."""
    given = START | {
        "layers": [{"units": "2", "activation": "tanh"}, {"units": "x", "activation": "sine"}],
        "solver": "lbfgs", "learning_rate_init": "1e999", "alpha": "-1", "batch_size": "2.5",
        "random_state": "-1", "max_iter": "", "ends": "score", "patience": "0",
        "validation_fraction": "1", "stop": 3,
    }  # fmt: skip
    with pytest.raises(FieldError) as caught:
        check_network(given, 100, True)
    assert set(caught.value.fields) == {
        "units 1", "activation 1", "solver", "learning_rate_init", "alpha", "batch_size",
        "random_state", "max_iter", "patience", "validation_fraction", "stop",
    }  # fmt: skip


@pytest.mark.parametrize("layers", [None, [{}] * 7, "3"])
def test_layers_of_no_form(layers: Any) -> None:
    """A page may send anything."""
    with pytest.raises(FieldError, match="layers: at most 6 hidden layers"):
        check_network(START | {"layers": layers}, 100, True)


def test_what_the_fields_make() -> None:
    """Parameters that an estimator takes; without hidden layers, too."""
    plan = check_network(START | {"layers": [], "ends": "loss", "stop": " loss < 1 "}, 20, True)
    assert plan.stop == "loss < 1"
    assert plan.parameters["hidden_layer_sizes"] == ()
    assert plan.parameters["batch_size"] == 20
    assert plan.parameters["n_iter_no_change"] == 10
    assert check_network(START, 20, True).parameters["n_iter_no_change"] == 200


@pytest.mark.parametrize(
    ("given", "field"),
    [({"data": "iris"}, "data"), ({"rows": True}, "rows"), ({"data": "penguins"}, "target"),
     ({"data": ["circle"]}, "data"), ({"data": "table", "target": 3}, "target")],
)  # fmt: skip
def test_data_there_are_not(given: dict, field: str) -> None:
    """One message, at its field."""
    with pytest.raises(FieldError) as caught:
        check_data(START | given)
    assert set(caught.value.fields) == {field}


def test_too_few_rows_to_validate() -> None:
    """Told at the share, before anything starts."""
    with pytest.raises(FieldError, match="validation_fraction: too little of 10 rows"):
        check_network(START | {"ends": "score"}, 10, True)


def test_uploads_are_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In bytes, in cells, and in bytes once they are numbers."""
    monkeypatch.setattr(tabling, "MOST_UPLOADED", 1 << 20)
    with pytest.raises(TableError, match=r"big.csv has 2 MB, and the page takes tables up to 1 MB"):
        read_uploaded("../../big.csv", b"x" * (2 << 20))
    monkeypatch.setattr(tabling, "MOST_CELLS", 1000)
    pl.DataFrame({"x": [1] * 600, "y": [2] * 600}).write_parquet(tmp_path / "bomb.parquet")
    with pytest.raises(TableError, match=r"bomb.parquet has 1,200 cells"):
        read_uploaded("bomb.parquet", (tmp_path / "bomb.parquet").read_bytes())
    monkeypatch.setattr(tabling, "MOST_ENCODED", 1000)
    with pytest.raises(TableError, match="too much to play with"):
        encode(read_table(PENGUINS), "penguins.csv", None, "species")


@pytest.mark.parametrize("name", ["../../etc/t.csv", "C:\\t.csv", "t\x00\n.csv", "..t.csv"])
def test_an_upload_names_no_place(name: str) -> None:
    """Whatever a page says it is called."""
    assert read_uploaded(name, b"a,b\n1,2\n").frame.shape == (1, 2)
    with pytest.raises(TableError, match=r"^t\.csv, line 3: 1 cell, the header has 2$"):
        read_uploaded(name, b"a,b\n1,2\n3\n")


@pytest.mark.parametrize("message", [b"", b"\1\0", struct.pack("<I", 9) + b"{}", b"\2\0\0\0{]"])
def test_binary_of_no_form(message: bytes) -> None:
    """Is answered, and breaks nothing."""
    with pytest.raises(ValueError, match=r"JSON|Expecting"):
        unframe(message)
    assert b'"error"' in _reply(message, lambda name, given: None)


def test_a_question_with_a_content() -> None:
    """Comes as the argument ``content``; text cannot pretend to be one."""
    text = b'{"number":7,"ask":"upload","with":{"name":"t.csv"}}'
    heard: list = []
    _reply(struct.pack("<I", len(text)) + text + b"\xffx", lambda *asked: heard.append(asked))
    assert heard == [("upload", {"name": "t.csv", "content": b"\xffx"})]
    with pytest.raises(QuestionError, match="content is 'x', no bytes"):
        _check(PLAY_ANSWERS["upload"], "upload", {"name": "t.csv", "content": "x"})


class _Heard:
    """Stands for a recording."""

    def __init__(self) -> None:
        self.ends: list[tuple] = []

    def after_steps(self, *told: Any) -> None:
        """Hear nothing."""

    def after_epoch(self, *told: Any) -> None:
        """Hear nothing."""

    def end(self, state: Any, status: str, note: str) -> None:
        """Remember."""
        self.ends.append((status, note))


class _Layers:
    def layers(self, theta: np.ndarray) -> tuple:
        return [theta.reshape(1, -1)], [theta[:1]]


def controlled(stop: str | None) -> tuple[Controlled, Control, _Heard, State]:
    """A recording under control, and a state for it."""
    control, heard = Control(Expression(stop) if stop else None, 0.0), _Heard()
    state = State(np.array([3.0, 4.0]), np.zeros((0, 2)), 0.5, step=8, epoch=2)
    return Controlled(heard, _Layers(), control), control, heard, state


@pytest.mark.parametrize(
    ("stop", "holds"),
    [("loss < 0.2", True), ("loss < 0.1", False), ("epoch == 2 and step == 8", True),
     ("norm(coefs[0]) == 5 and gradient_norm == 13", True), ("learning_rate < 0.5", False)],
)  # fmt: skip
def test_what_a_stop_condition_sees(stop: str, holds: bool) -> None:
    """The epoch's mean loss, and the parameters and the last gradient as of its end."""
    recording, _, heard, state = controlled(stop)
    recording.after_steps(state, np.zeros(4), np.array([5.0, 12.0]))
    if not holds:
        recording.after_epoch(state, 0.15, None)
        recording.end(state, "ended")
        assert heard.ends == [("ended", "")]
        return
    with pytest.raises(KeyboardInterrupt):
        recording.after_epoch(state, 0.15, None)
    recording.end(state, "interrupted")
    assert heard.ends == [("ended", f"{stop} holds")]


def test_a_pause_that_comes_too_late() -> None:
    """Has paused nothing: the training had ended."""
    recording, control, heard, state = controlled(None)
    recording.after_steps(state, np.zeros(1), np.zeros(2))
    recording.after_epoch(state, 1.0, None)
    control.pausing.set()
    recording.end(state, "ended")
    assert heard.ends == [("ended", "")]
    assert control.status == "ended"


def test_a_pause_breaks_off_between_steps() -> None:
    """Even at a pace at which the next epoch is an hour away."""
    recording, control, heard, state = controlled(None)
    control.pace = 1 / 3600
    control.pausing.set()
    with pytest.raises(KeyboardInterrupt):
        recording.after_epoch(state, 1.0, None)
    with pytest.raises(KeyboardInterrupt):
        recording.after_steps(state, np.zeros(1), np.zeros(2))
    recording.end(state, "interrupted")
    assert heard.ends == [("interrupted", "")]


def test_the_folder_is_ours_alone_and_goes() -> None:
    """Others on the machine cannot look in."""
    with recording_to(None) as path:
        path.write_text("x")
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not path.parent.exists()


def test_without_a_folder_for_it_the_command_says_what_to_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In one line, before anything is served."""

    def nowhere(**options: object) -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(playing, "mkdtemp", nowhere)
    result = CliRunner().invoke(app, ["play", "--no-browser"])
    assert result.exit_code == 1
    assert result.stderr.startswith("error: trainings cannot be recorded: no folder for temporary")
    assert "--record FILE" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--target", "x"], 2, "--target is a column of FILE: name the file, too"),
        ([str(PENGUINS), "--target", "specis"], 1, "no column 'specis'; did you mean 'species'?"),
        (["nowhere.csv", "--target", "x"], 1, "nowhere.csv does not exist"),
        (["--record", str(PENGUINS)], 1, "penguins.csv is no file of runs"),
    ],
)
def test_wrong_commands(arguments: list[str], code: int, message: str) -> None:
    """One line, before anything is served."""
    result = CliRunner().invoke(app, ["play", "--no-browser", *arguments])
    assert result.exit_code == code
    assert message in result.stderr
    assert "Serving" not in result.stdout


KEPT = "error: stopped by Ctrl-C: the trainings are kept: retrograd view kept.retro shows them\n"


@pytest.mark.parametrize(
    ("name", "code", "says", "training"),
    [
        ("SIGINT", 130, KEPT, False),
        ("SIGINT", 130, KEPT, True),
        ("SIGTERM", 143, "", True),
        ("SIGHUP", 129, "", True),
    ],
    ids=["Ctrl-C at once", "Ctrl-C", "told to end", "a closed terminal"],
)
def test_what_ends_everything(
    tmp_path: Path, name: str, code: int, says: str, training: bool
) -> None:
    """The server, the process that trains, our files; a record that was asked for is kept."""
    if signal.getsignal(getattr(signal, name)) is signal.SIG_IGN:
        pytest.skip("tested under nohup, which the server heeds, too")
    command = [sys.executable, "play.py", "play", "--record", "kept.retro"]
    (tmp_path / "play.py").write_text(
        "from retrograd.faces.cli import main\nif __name__ == '__main__':\n    main()\n"
    )
    server = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        start_new_session=True, env=os.environ | {"TMPDIR": str(tmp_path), "BROWSER": "true"},
    )  # fmt: skip
    assert server.stdout
    assert re.match(r"Serving at http://127\.0\.0\.1:\d+/", server.stdout.readline())
    end = time.monotonic() + 60
    while training and status_of(tmp_path / "kept.retro") != "running":
        assert time.monotonic() < end
        time.sleep(0.02)
    os.killpg(server.pid, getattr(signal, name))
    _, told = server.communicate(timeout=30)
    assert (server.returncode, without_compiling(told)) == (code, says)
    while time.monotonic() < end:
        try:
            os.killpg(server.pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.05)
    else:
        pytest.fail("a process is left")
    assert {path.name for path in tmp_path.iterdir()} == {"play.py", "kept.retro"}
    if training:
        assert status_of(tmp_path / "kept.retro") in ("interrupted", "ended")


def status_of(path: Path) -> str:
    """How the first run of a file stands; nothing while there is none."""
    try:
        return open_runs(path)[0].status
    except (RunFileError, IndexError):
        return ""
