"""The commands about recorded runs: debug, trace, runs, resume, train --record."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from retrograd.engine.divergence import DivergenceError
from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.notebook import MLP
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.rewinding import open_run, open_runs
from retrograd.faces.cli import app
from retrograd.rewind.recording import Recording
from retrograd.rewind.store import RunFileError, Store

# These train for real, and interpreted kernels would take minutes.
pytestmark = pytest.mark.compiled

PENGUINS = Path(__file__).parents[2] / "examples" / "penguins.csv"
COMMAND = [sys.executable, "-c", "from retrograd.faces.cli import main; main()"]
X = np.random.default_rng(0).normal(size=(10, 2))
Y = (X[:, 0] > 0).astype(int)


def run(*args, code=0, typed=""):
    """Run a command line; return what it printed, and what it complained of."""
    result = CliRunner().invoke(app, [str(arg) for arg in args], input=typed)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout, result.stderr


def fail(*args, code=1):
    """Run a command line that fails; return its one line of complaint."""
    out, complaint = run(*args, code=code)
    assert out == ""
    assert complaint.startswith("error: ")
    assert complaint.count("\n") == 1
    return complaint


def record(path, **parameters):
    """Record a small training: 12 steps, unless it diverges."""
    parameters = {
        "activation": "tanh", "solver": "sgd", "batch_size": 4, "max_iter": 4,
        "learning_rate_init": 0.1, "random_state": 0,
    } | parameters  # fmt: skip
    model = MLPClassifier((3,), **parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.set_callbacks(Recorder(path)).fit(X, Y)


@pytest.fixture
def file(tmp_path):
    """Write a file of one run."""
    record(tmp_path / "one.retro")
    return tmp_path / "one.retro"


@pytest.fixture
def files(file):
    """Write a file of three runs, the last one of which diverged."""
    record(file, early_stopping=True, validation_fraction=0.3, max_iter=2)
    with pytest.raises(DivergenceError):
        record(file, learning_rate_init=1e300, activation="identity")
    return file


def test_a_piped_session(file):
    typed = "break loss < 0.6\nc\nwatch norm(dW[1])\n\nprint dw[0]\n# a remark\nback\nrc\nfoo\nq\n"
    out, complaint = run("debug", file, typed=typed)
    told = out.splitlines()
    values = open_run(file)
    hits = [step for step in range(1, 12) if values.at(step).loss < 0.6][:2]
    assert complaint == ""
    assert [line for line in told if line.startswith("(retrograd")] == [
        "(retrograd 0 forward 0) break loss < 0.6",
        "(retrograd 0 forward 0) c",
        f"(retrograd {hits[0]} forward 0) watch norm(dW[1])",
        f"(retrograd {hits[0]} forward 0) ",
        f"(retrograd {hits[1]} forward 0) print dw[0]",
        f"(retrograd {hits[1]} forward 0) # a remark",
        f"(retrograd {hits[1]} forward 0) back",
        f"(retrograd {hits[1] - 1} update) rc",
        f"(retrograd {hits[0]} forward 0) foo",
        f"(retrograd {hits[0]} forward 0) q",
    ]
    assert told[0] == "run 1 of one.retro: 12 steps, ended"
    assert told[2].startswith("step 0 (epoch 0), 4 rows: forward, layer 0 (hidden, tanh, 2 → 3)")
    assert [line for line in told if line.startswith("error")] == [
        "error: at column 1, dw: unknown; did you mean dW?",
        "error: no command 'foo' (see help)",
    ]
    assert "breakpoint 1: loss < 0.6" in told
    assert any(re.fullmatch(r"  2: norm\(dW\[1\]\) = \S+   \(was \S+\)", line) for line in told)
    assert "\x1b" not in out


def test_bytes_that_are_no_text_are_no_command(file):
    out, _ = run("debug", file, typed=b"\xff\xfe\x00\nprint step\n")
    assert "error: no command " in out
    assert out.splitlines()[-1] == "0"


def test_the_end_of_the_pipe_is_the_end(file):
    out, _ = run("debug", file, typed="s\n")
    assert out.splitlines()[-5].startswith("  a[1] = 1 / (1 + exp(−z[1]))")


def test_it_begins_with_the_last_run_and_says_so(files):
    assert run("debug", files)[0].startswith("run 3 of one.retro: ")
    assert run("debug", files, "--run", 2)[0].startswith("run 2 of one.retro: ")


def test_a_branch_from_the_prompt(file):
    out, _ = run("debug", file, typed="goto 4\nbranch learning_rate_init=0.2\nrun 2\n")
    assert "run 2 of one.retro: 8 steps, ended; it branches off run 1 at step 4" in out
    # What a training warns of is a note.
    assert "note: Stochastic Optimizer: Maximum iterations (4) reached" in out
    assert "(retrograd 1: 4 forward 0) run 2\nrun 2 of one.retro: 8 steps, ended\nstep 0 " in out
    assert open_runs(file).numbers == [1, 2]


def test_runs(files):
    out, _ = run("runs", files)
    lines = out.splitlines()
    assert lines[0].split() == ["run", "estimator", "network", "solver", "steps", "epochs",
                                "status", "loss", "best", "score"]  # fmt: skip
    assert [line.split()[0] for line in lines[2:]] == ["1", "2", "3"]
    assert "diverged" in lines[4]
    found = json.loads(run("runs", files, "--json")[0])
    assert [(one["run"], one["status"]) for one in found] == [
        (1, "ended"), (2, "ended"), (3, "diverged")
    ]  # fmt: skip
    assert found[0] | {"steps": 12, "widths": [2, 3, 1], "parent": None} == found[0]
    assert found[1]["best_score"] is not None


def test_runs_tells_of_branches_and_of_runs_broken_off_at_their_start(file):
    run("debug", file, typed="branch alpha=0.5\n")
    runs = open_runs(file)
    store = Recorder(file).store()
    store.new_run(runs[0].header.text())
    store.close()
    lines = run("runs", file)[0].splitlines()
    assert "run 1, step 0" in lines[3]
    assert "broken off at its start" in lines[4]
    # The last run is the one that cannot be gone into.
    assert "broken off at its start" in fail("debug", file)


def test_trace(file):
    traced = open_run(file).at(5).trace()
    assert run("trace", file, "--step", 5)[0] == f"{traced}\n"
    full, _ = run("trace", file, "--step", 5, "--full")
    assert str(traced.layers[0].dW[0, 0]) in full
    assert json.loads(run("trace", file, "--step", 5, "--json")[0]) == traced.to_dict()
    assert run("trace", file, "--epoch", 2)[0] == f"{open_run(file).at(6).trace()}\n"


def test_trace_as_a_notebook(file, tmp_path):
    out = tmp_path / "step.ipynb"
    assert run("trace", file, "--step", 5, "--notebook", out)[0] == f"Wrote {out}\n"
    assert json.loads(out.read_text())["nbformat"] == 4
    before = file.read_bytes()
    assert "would overwrite" in fail("trace", file, "--step", 5, "--notebook", file)
    assert file.read_bytes() == before
    nowhere = tmp_path / "no" / "step.ipynb"
    assert "cannot be written" in fail("trace", file, "--step", 5, "--notebook", nowhere)


def test_the_step_that_diverged_can_be_traced(files):
    step = len(open_run(files, run=3))
    out, _ = run("trace", files, "--run", 3, "--step", step)
    assert "NaN or infinity was first seen" in " ".join(out.split())


def test_resume(file):
    with pytest.MonkeyPatch.context() as patch:
        # As if Ctrl-C came after the second epoch.
        patch.setattr(MLPClassifier, "_validation_score", interrupt_at(2))
        record(file, early_stopping=True, validation_fraction=0.3)
    record(file, early_stopping=True, validation_fraction=0.3)
    broken, whole = open_runs(file)[1:]
    assert (broken.status, whole.status) == ("interrupted", "ended")
    assert "has 3 runs: name one, as in --run 3" in fail("resume", file)
    out, _ = run("resume", file, "--run", 2)
    assert out.splitlines()[0] == (
        f"Run 2 of one.retro was broken off after {len(broken):,} steps; it goes on"
    )
    assert f"It has ended, after {len(whole):,} steps and 4 epochs, loss" in out
    assert out.splitlines()[-1] == f"To look into it: retrograd debug {file}"
    resumed = open_run(file, run=2)
    assert all((a == b).all() for a, b in zip(resumed[-1].coefs, whole[-1].coefs, strict=True))
    assert run("resume", file, "--run", 2)[0] == (
        f"Run 2 of one.retro had ended, after {len(whole):,} steps: nothing is left to do\n"
    )


def interrupt_at(epoch):
    """Make a validation that Ctrl-C interrupts."""
    count = iter(range(1, 99))

    def score(*args):
        if next(count) == epoch:
            raise KeyboardInterrupt
        return 0.5

    return score


def test_a_diverged_run_is_not_resumed(files):
    assert "diverged at step" in fail("resume", files, "--run", 3)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["debug", "none.retro"], "none.retro does not exist"),
        (["debug", "one.retro", "--run", "7"], "one.retro has no run 7: it has 1, 2, 3"),
        (["trace", "one.retro", "--step", "1"], "has 3 runs: name one, as in --run 3"),
        (["trace", "one.retro", "--step", "99", "--run", "1"], "step 99 is not in the run"),
        (["trace", "one.retro", "--step", "12", "--run", "1"], "is the run's end: no step"),
        (["trace", "one.retro", "--epoch", "9", "--run", "1"], "epoch 9 is not in the run"),
        *(([command, "empty.retro"], "empty.retro has no runs") for command in ("debug", "resume")),
        *(
            ([command, name, *more], message)
            for command, more in (
                ("debug", []), ("runs", []), ("resume", []), ("trace", ["--step", "0"])
            )
            for name, message in (
                ("text.retro", "text.retro is no file of runs: it is not an SQLite file"),
                ("torn.retro", "torn.retro is damaged"),
                (".", ". is a folder, not a file of runs"),
            )
        ),
    ],
)  # fmt: skip
def test_bad_files_and_bad_places_are_one_line(files, monkeypatch, args, message):
    folder = files.parent
    monkeypatch.chdir(folder)
    (folder / "text.retro").write_text("x,y\n1,2\n")
    (folder / "torn.retro").write_bytes(files.read_bytes()[:9000])
    Store(folder / "empty.retro", writable=True).close()
    assert message in fail(*args)


@pytest.mark.parametrize(
    "args", [["trace", "x.retro"], ["trace", "x.retro", "--step", "1", "--epoch", "1"]]
)
def test_a_trace_needs_one_step(args):
    assert "say which step, by --step or by --epoch" in fail(*args, code=2)


def test_a_file_without_data_says_how_to_pass_them(tmp_path):
    path = tmp_path / "bare.retro"
    model = MLPClassifier((3,), max_iter=2, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.set_callbacks(Recorder(path, keep_data=False)).fit(X, Y)
    assert "keeps no training data" in fail("debug", path)
    assert "2 → 3 → 1" in run("runs", path)[0]


@pytest.mark.parametrize("command", ["debug", "trace", "runs", "resume"])
def test_help(command):
    assert "Usage" in run(command, "--help")[0]


def test_what_a_file_holds_tells_the_terminal_nothing(file):
    runs = open_runs(file)
    header = runs[0].header
    header.place = "\x1b[2J"
    Recording(
        Store(file, writable=True), header, runs[0].data, {}, runs[0].replay.state(0), True
    ).end(runs[0].replay.state(0), "ended")
    for command in ("runs", "debug"):
        out, _ = run(command, file)
        assert "?[2J" in out
        assert "\x1b" not in out


# train --record.


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
    assert "try --lr 100, or --solver adam; retrograd debug p.retro shows how" in complaint
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


posix = pytest.mark.skipif(os.name != "posix", reason="signals and terminals of POSIX")


def has_runs(path):
    """Whether a file that is just being made has come so far."""
    try:
        return bool(open_runs(path).numbers)
    except RunFileError:
        return False


@posix
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
        "t.retro goes on with it, retrograd debug t.retro looks into it\n"
    )
    (found,) = open_runs(tmp_path / "t.retro")
    assert found.status == "interrupted"
    assert not (tmp_path / "t.safetensors").exists()


@posix
def test_ctrl_c_on_a_terminal_interrupts_a_search_and_keeps_the_place(tmp_path):
    np.random.seed(2)
    # Some 300,000 steps, each of which is looked into: more than can be done while we wait.
    recorder = Recorder(tmp_path / "l.retro")
    MLP(2, 0.01, 3000).fit(np.random.randn(100, 2), np.arange(100) % 2, recorder)
    with Terminal([*COMMAND, "debug", "l.retro"], tmp_path) as terminal:
        terminal.expect("(retrograd 0 forward 0) ")
        terminal.type("goto 7 loss\n")
        terminal.expect("(retrograd 7 loss) ")
        terminal.type("break max(abs(dW[0])) > 1e9\n")
        terminal.expect("(retrograd 7 loss) ")
        terminal.type("continue\n")
        terminal.expect("continue\r\n")
        time.sleep(1.0)
        terminal.type("\x03")
        terminal.expect("interrupted: still at step 7, loss")
        terminal.expect("(retrograd 7 loss) ")
        # Readline, like a person, is not there at once: what is pressed in between is lost.
        time.sleep(1.0)
        terminal.type("\x03")
        terminal.expect("to leave: quit, or Ctrl-D")
        terminal.expect("(retrograd 7 loss) ")
        terminal.type("step\n")
        terminal.expect("(retrograd 7 backward 1) ")
        # Tab completes both words.
        terminal.type("hel\t exp\t\n")
        terminal.expect("help expressions")
        terminal.expect("gradient_norm")
        terminal.expect("(retrograd 7 backward 1) ")
        terminal.type("\x04")
        assert terminal.wait() == 0
    history = tmp_path / "state" / "retrograd" / "debug_history"
    assert "break max(abs(dW[0])) > 1e9" in history.read_text()


# Seconds without a word from a program, after which it will say no more.
PATIENCE = 30.0


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, command, folder):
        import pty

        self.pid, self.end = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.environ |= {"TERM": "xterm", "XDG_STATE_HOME": str(folder / "state")}
            os.execv(command[0], command)
        self.seen = ""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.end)

    def type(self, text):
        os.write(self.end, text.encode())

    def expect(self, text):
        """Read until a text comes, colours left out; forget what came before."""
        while text not in self.seen:
            came, _, _ = select.select([self.end], [], [], PATIENCE)
            assert came, f"{text!r} did not come; what came was {self.seen!r}"
            try:
                read = os.read(self.end, 4096)
            except OSError:  # as Linux ends a terminal
                read = b""
            assert read, f"{text!r} never came; what came was {self.seen!r}"
            self.seen += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", read.decode(errors="replace"))
        self.seen = self.seen.partition(text)[2]

    def wait(self):
        """Wait for its end; return its exit code."""
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)
