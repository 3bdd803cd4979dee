"""The commands about recorded runs: debug, trace, runs, resume."""

import io
import json
import re
import warnings

import numpy as np
import pytest
from command_line import X, Y, fail, record, run
from rich.console import Console

from retrograd.engine.divergence import DivergenceError
from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.notebook import MLP
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.regressor import MLPRegressor
from retrograd.estimators.rewinding import open_run, open_runs
from retrograd.faces.text import draw_rows
from retrograd.rewind.recording import Recording
from retrograd.rewind.store import Store

# These train for real, and interpreted kernels would take minutes.
pytestmark = pytest.mark.compiled


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
    assert lines[0].split() == ["run", "differing", "estimator", "network", "solver", "steps",
                                "epochs", "status", "loss", "best", "score"]  # fmt: skip
    assert [line.split()[0] for line in lines[2:]] == ["1", "2", "3"]
    assert "diverged" in lines[4]
    assert lines[4].split()[1:3] == ["activation=identity,", "early_stopping=False,"]
    found = json.loads(run("runs", files, "--json")[0])
    assert [(one["run"], one["status"]) for one in found] == [
        (1, "ended"), (2, "ended"), (3, "diverged")
    ]  # fmt: skip
    assert found[0] | {"steps": 12, "widths": [2, 3, 1], "parent": None} == found[0]
    assert found[1]["best_score"] is not None


def test_runs_tells_of_branches_and_of_damaged_runs(file):
    run("debug", file, typed="branch alpha=0.5\n")
    runs = open_runs(file)
    store = Recorder(file).store()
    store.write({"runs": [(3, runs[0].header.text())]})
    store.close()
    lines = run("runs", file)[0].splitlines()
    assert "run 1, step 0" in lines[3]
    assert "how far a run has come is missing" in lines[4]
    # The last run is the one that cannot be gone into.
    assert "how far a run has come is missing" in fail("debug", file)


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
        f"Run 2 of one.retro had ended, after {len(whole):,} steps: nothing is left to do "
        "(--out saves its model)\n"
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
        (["view", "one.retro", "--run", "7"], "one.retro has no run 7: the last one is 3"),
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
    # And takes them from a file of arrays.
    np.savez(tmp_path / "data.npz", X=X, y=Y)
    kept = tmp_path / "kept.retro"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.set_callbacks(Recorder(kept)).fit(X, Y)
    given = ("--data", tmp_path / "data.npz")
    assert run("trace", path, "--step", 1, *given) == run("trace", kept, "--step", 1)
    typed = "next\nprint coefs[0]\n"
    told = run("debug", path, *given, typed=typed)[0]
    assert told == run("debug", kept, typed=typed)[0].replace("kept.retro", "bare.retro")


def test_a_broken_off_run_is_resumed_with_its_data(tmp_path):
    path = tmp_path / "bare.retro"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MLPClassifier, "_validation_score", interrupt_at(2))
        model = MLPClassifier(
            (3,), max_iter=4, random_state=0, early_stopping=True, validation_fraction=0.3
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.set_callbacks(Recorder(path, keep_data=False)).fit(X, Y)
    np.savez(tmp_path / "data.npz", X=X, y=Y)
    assert "or in a terminal as --data FILE" in fail("resume", path)
    out, _ = run("resume", path, "--data", tmp_path / "data.npz")
    assert "It has ended, after 4 steps" in out


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"X": X}, "must hold X, y and perhaps sample_weight; it holds X"),
        ({}, "it holds nothing"),
        ({"X": X, "y": Y, "z": Y}, "it holds X, y, z"),
        ({"X": X + 1, "y": Y}, "X is not what run 1 of one.retro was trained on"),
        ({"X": X[:, :1], "y": Y}, "the data are not those that run 1 was trained on"),
        ({"X": X, "y": Y.astype(object)}, "holds Python objects, which are not opened: save text"),
    ],
)
def test_other_data(file, tmp_path, arrays, says):
    np.savez(tmp_path / "data.npz", **arrays)
    assert says in fail("trace", file, "--step", 0, "--data", tmp_path / "data.npz")


def test_what_is_no_file_of_arrays(file, tmp_path):
    np.save(tmp_path / "one.npy", X)
    (tmp_path / "text.npz").write_text("X, y")
    (tmp_path / "torn.npz").write_bytes(b"PK\x03\x04 and no more")
    np.savez_compressed(tmp_path / "bits.npz", X=X, y=Y)
    content = bytearray((tmp_path / "bits.npz").read_bytes())
    content[60:90] = bytes(30)  # in the midst of what is compressed
    (tmp_path / "bits.npz").write_bytes(content)
    for name, says in (
        ("one.npy", "it holds nothing"), ("text.npz", "it is no file of arrays"),
        ("torn.npz", "it is no file of arrays"), ("bits.npz", "it is no file of arrays"),
        ("none.npz", "No such file"),
        (".", "Is a directory"),
    ):  # fmt: skip
        assert says in fail("trace", file, "--step", 0, "--data", tmp_path / name)


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


def test_of_two_runs_one_must_be_named(tmp_path):
    path = tmp_path / "two.retro"
    record(path)
    record(path, random_state=1)
    assert "has 2 runs: name one, as in --run 2" in fail("trace", path, "--step", 1)
    first, second = (run("trace", path, "--step", 1, "--run", k, "--json")[0] for k in (1, 2))
    assert json.loads(first)["loss"] != json.loads(second)["loss"]


def test_the_best_score_of_a_run_is_not_its_last(tmp_path):
    """A training that its scores have ended had a better one before."""
    path, rows = tmp_path / "one.retro", np.random.default_rng(0).normal(size=(60, 2))
    model = MLPRegressor(hidden_layer_sizes=(4,), early_stopping=True, n_iter_no_change=2,
                         learning_rate_init=0.1, tol=0.0, random_state=0)  # fmt: skip
    model.set_callbacks(Recorder(path)).fit(rows, rows[:, 0])
    (told,) = json.loads(run("runs", path, "--json")[0])
    assert told["best_score"] == max(model.validation_scores_) > model.validation_scores_[-1]


def test_a_notebooks_run_that_diverges_once_resumed(tmp_path, monkeypatch):
    """It is no success: one error, as of a run that had diverged before."""
    path = tmp_path / "up.retro"
    after_steps = Recording.after_steps

    def interrupted(*arguments):
        after_steps(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(Recording, "after_steps", interrupted)
    np.random.seed(0)
    rows = np.array([[-1.0, 1], [1, 0.5]])
    with pytest.raises(KeyboardInterrupt):
        MLP(2, -0.012, 100_000).fit(rows, np.array([0, 1]), Recorder(path))
    monkeypatch.undo()
    assert open_run(path).status == "interrupted"
    out, complaint = run("resume", path, code=1)
    assert "has ended" not in out
    assert (
        f"run 1 of up.retro diverged at step {len(open_run(path)):,}: retrograd debug" in complaint
    )
    assert run("resume", path, code=1)[1] == complaint


def test_infinity_and_tuples_are_told_as_python_has_them(tmp_path):
    """Not as the file's JSON marks them."""
    path = tmp_path / "some.retro"
    record(path, n_iter_no_change=np.inf)
    record(path, n_iter_no_change=5)
    first, second = json.loads(run("runs", path, "--json")[0])
    assert first["differing"] == {"n_iter_no_change": "inf"}
    assert second["differing"] == {"n_iter_no_change": 5}
    assert first["parameters"]["hidden_layer_sizes"] == [3]
    assert "n_iter_no_change=inf" in re.sub(r"\s+", " ", run("runs", path)[0])


@pytest.mark.parametrize("width", [60, 200])
def test_a_narrow_terminal_is_told_in_words(width):
    """As wide a table as it needs, or none: of cells of three letters nobody can read a number."""
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=width, color_system=None)
    columns = [("run", "right"), ("differing", "left"), ("loss", "right"), ("parent", "left")]
    rows = [("1", "hidden_layer_sizes=[6, 4], learning_rate_init=0.001", "0.777873", ""),
            ("2", "hidden_layer_sizes=[5], learning_rate_init=0.01", "12.5", "run 1")]  # fmt: skip
    draw_rows(console, columns, rows)
    lines = screen.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    words = " ".join(screen.getvalue().split())
    if width == 200:
        assert [line.split()[0] for line in lines] == ["run", lines[1].strip(), "1", "2"]
    else:
        assert "run 1 differing hidden_layer_sizes=[6, 4]," in words
        assert "loss 0.777873 run 2" in words
        assert words.endswith("loss 12.5; parent run 1")
