"""Files and names of an odd kind, at the command line: what is printed of them can be used."""

import shlex

import pytest
from command_line import PENGUINS, fail, run

# These train for real, and interpreted kernels would take minutes.
pytestmark = pytest.mark.compiled

QUICK = ("--hidden", "4", "--epochs", 2)


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("info", "\x1b[31mred.safetensors"), 1),
        (("predict", "\x1b[31mred.safetensors", "t.csv"), 1),
        (("runs", "\x1b[31mred.retro"), 1),
        (("train", "\x1b[31mred.csv", "--target", "y"), 1),
        (("train", "t.csv", "--target", "y", "--solver", "\x1b[31mred"), 2),
    ],
)
def test_an_error_tells_the_terminal_nothing(args, code):
    complaint = fail(*args, code=code)
    assert "?[31mred" in complaint or "x1b[31mred" in complaint
    assert complaint.removesuffix("\n").isprintable()


def test_what_to_try_next_works_for_names_with_a_dash(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-d.csv").write_bytes(PENGUINS.read_bytes())
    out, _ = run("train", "./-d.csv", "--target", "species", "--record", "./-d.retro", *QUICK)
    commands = [shlex.split(line) for line in out.splitlines() if line.startswith("  retrograd ")]
    assert [command[1] for command in commands] == ["predict", "info", "debug"]
    for _, *command in commands:
        assert run(*command, typed="quit\n")[0] != ""
