"""The command line as a process: exit codes, pipes, Ctrl-C."""

import errno
import os
import shlex
import signal
import subprocess

import pytest
from command_line import COMMAND, PENGUINS, UNDER_WAY, watching, without_compiling
from sklearn.preprocessing import StandardScaler

from retrograd.faces.models import save_model

# These train for real, and interpreted kernels would take minutes.
pytestmark = pytest.mark.compiled


def run(*args, cwd, stdout=subprocess.PIPE, **environment):
    return subprocess.run(
        [*COMMAND, *map(str, args)],
        cwd=cwd,
        env=os.environ | environment,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def test_success_prints_plain_text(tmp_path):
    done = run("train", PENGUINS, "--target", "species", "--epochs", "3", cwd=tmp_path)
    assert done.returncode == 0
    assert "Saved to penguins.safetensors" in done.stdout
    assert "\x1b" not in done.stdout
    assert without_compiling(done.stderr) == ""
    assert os.listdir(tmp_path) == ["penguins.safetensors"]


def test_an_ascii_terminal_spells_signs_rather_than_failing(tmp_path):
    done = run("train", PENGUINS, "--target", "species", "--epochs", "3", cwd=tmp_path,
               PYTHONIOENCODING="ascii")  # fmt: skip
    assert done.returncode == 0
    assert "15 features -> 64 -> 32" in done.stdout


def test_mistakes_have_exit_codes_and_no_traceback(tmp_path):
    too_long = "a" * 300
    for args, code in (
        (["info", "none"], 1), (["info", too_long], 1), (["train"], 2), (["trian"], 2)
    ):  # fmt: skip
        done = run(*args, cwd=tmp_path)
        assert done.returncode == code
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1
        assert done.stdout == ""


def test_no_command_is_answered_by_help_alone(tmp_path):
    done = run(cwd=tmp_path)
    assert done.returncode == 2
    assert "Usage: retrograd" in done.stdout
    assert done.stderr == ""


@pytest.mark.skipif(os.name != "posix", reason="pipes and signals of POSIX")
def test_a_reader_that_leaves_early_is_no_error(tmp_path):
    command = subprocess.list2cmdline(COMMAND[:2]) + f" '{COMMAND[2]}' --help | head -n 1"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert done.stderr == ""


@pytest.mark.skipif(os.name != "posix", reason="pipes and signals of POSIX")
def test_a_reader_that_has_left_is_told_by_the_exit_code(tmp_path):
    """As a shell tells it of programs that SIGPIPE ends, whoever writes: we, Typer or Rich."""
    save_model(StandardScaler().fit([[0.0], [2.0]]), tmp_path / "m.safetensors")
    reading, writing = os.pipe()
    os.close(reading)
    try:
        for args in (("info", "m.safetensors"), ("info", "m.safetensors", "--json"), ("--help",)):
            done = run(*args, cwd=tmp_path, stdout=writing)
            assert (done.returncode, done.stderr) == (141, "")
    finally:
        os.close(writing)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is full")
def test_output_that_cannot_be_written_is_one_line(tmp_path):
    train = ("train", PENGUINS, "--target", "species", "--epochs", "3")
    assert run(*train, cwd=tmp_path).returncode == 0
    predict, play = ("predict", "penguins.safetensors", PENGUINS), ("play", "--no-browser")
    for args in (train, ("--version",), predict, play):
        with open("/dev/full", "w") as full:
            done = run(*args, cwd=tmp_path, stdout=full)
        assert done.returncode == 1
        *notes, complaint = without_compiling(done.stderr).splitlines()
        assert complaint == f"error: the output cannot be written: {os.strerror(errno.ENOSPC)}"
        assert all(note.startswith("note: ") for note in notes)


@pytest.mark.skipif(os.name != "posix", reason="limits and streams of POSIX")
def test_output_that_fits_in_part_is_none(tmp_path):
    """Python's unbuffered output would say nothing of what a full disk has not taken."""
    command = f"ulimit -f 1; {shlex.join([*COMMAND, 'train', '--help'])} > out.txt"
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=os.environ | {"PYTHONUNBUFFERED": "1"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("error: the output cannot be written: ")


@pytest.mark.skipif(os.name != "posix", reason="limits and streams of POSIX")
def test_streams_that_are_closed(tmp_path):
    """As a daemon's may be: what needs none of them is done."""
    out = tmp_path / "penguins.safetensors"
    train = shlex.join([*COMMAND, "train", str(PENGUINS), "--target", "species", "--epochs", "2"])
    done = subprocess.run(["bash", "-c", f"{train} <&- >&- 2>&-"], cwd=tmp_path)
    assert done.returncode == 0
    assert out.exists()


@pytest.mark.skipif(os.name != "posix", reason="limits and streams of POSIX")
def test_a_terminal_that_says_it_has_no_columns(tmp_path):
    """Is one that does not know how many it has."""
    done = run("train", PENGUINS, "--target", "species", "--epochs", "2", cwd=tmp_path, COLUMNS="0")
    assert "Saved to penguins.safetensors" in done.stdout
    assert "bill_length_mm" in done.stdout


@pytest.mark.skipif(os.name != "posix", reason="pipes and signals of POSIX")
@pytest.mark.parametrize(
    ("solver", "place"),
    [
        ("adam", "retrograd.engine.trainer.Trainer.run"),
        ("lbfgs", "retrograd.engine.objective.Objective.__call__"),
    ],
)
def test_ctrl_c_leaves_no_model(tmp_path, solver, place):
    rows = "".join(f"{i * 7919 % 1009},{i * 104729 % 997},c{i * i % 11}\n" for i in range(1500))
    (tmp_path / "t.csv").write_text("a,b,y\n" + rows)
    process = subprocess.Popen(
        [*watching(place, 3), "train", "t.csv", "--target", "y", "--hidden", "700,700",
         "--solver", solver, "--epochs", "100000", "--batch", "16"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
    )  # fmt: skip
    try:
        assert f"{UNDER_WAY}\n" in process.stdout
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert without_compiling(complaint) == "error: stopped by Ctrl-C: nothing was saved\n"
    assert os.listdir(tmp_path) == ["t.csv"]
