"""Names and tables of an odd kind, at the command line: what is printed of them can be used."""

import io
import json
import os
import shlex

import pytest
from command_line import PENGUINS, fail, run
from rich.console import Console

from retrograd.export.model_file import read_facts
from retrograd.faces import text

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


@pytest.mark.skipif(os.name != "posix", reason="names of files are bytes on POSIX alone")
def test_a_table_whose_name_is_no_text(tmp_path, monkeypatch):
    """It is trained on, recorded, saved, and told of, as any other."""
    monkeypatch.chdir(tmp_path)
    name = os.fsdecode(b"p\xff\xe9.csv")
    try:
        (tmp_path / name).write_bytes(PENGUINS.read_bytes())
    except OSError:
        pytest.skip("this file system wants names that are text")
    made = ("--record", "a.retro", "--out", "a.safetensors")
    run("train", name, "--target", "species", *QUICK, *made)
    assert read_facts("a.safetensors")["facts"]["file"] == name
    out, _ = run("resume", "a.retro", "--out", "b.safetensors")
    assert "Saved to b.safetensors" in out
    assert read_facts("b.safetensors")["facts"]["file"] == name
    assert len(run("predict", "b.safetensors", name)[0].splitlines()) == 345


def test_long_labels_and_names_are_shown_in_part(tmp_path):
    table, model = tmp_path / "t.csv", tmp_path / "m.safetensors"
    label, name, cell = "k" * 5000, "n" * 5000, "t" * 5000
    rows = [f"{i % 7},{i % 5},{(cell, 'u')[i % 3 == 0]},{(label, 'l')[i % 7 > 3]}"
            for i in range(70)]  # fmt: skip
    table.write_text("\n".join([f"a,{name},c,y", *rows]))
    args = ("train", table, "--target", "y", "--out", model, *QUICK)
    for out in (run(*args)[0], run("info", model)[0]):
        assert len(out) < 4000
        for letter in "knt":
            assert letter * 20 in out
    report = json.loads(run(*args, "--json")[0])
    assert report["target"]["classes"][label] == 40
    assert report["confusion"]["labels"] == [label, "l"]


def test_of_a_wide_table_the_first_columns_are_told(tmp_path):
    table, model = tmp_path / "t.csv", tmp_path / "m.safetensors"
    names = [f"c{k}" for k in range(130)]
    rows = [",".join([*(f"{(i * k) % 13}" for k in range(130)), "pq"[i % 2]]) for i in range(40)]
    table.write_text("\n".join([",".join([*names, "y"]), *rows]))
    args = ("train", table, "--target", "y", "--out", model, *QUICK)
    for out, rest in (
        (run(*args)[0], "and 30 more columns"),
        (run("info", model)[0], "and 30 more"),
    ):
        lines = out.splitlines()
        assert rest in lines
        assert lines[lines.index(rest) - 1].startswith("c99 ")
        assert "c100 " not in out
    assert len(json.loads(run(*args, "--json")[0])["columns"]) == 130


def test_a_terminal_says_that_the_table_is_read(tmp_path, monkeypatch):
    """Of a wide one that takes a while, and nothing else is on the screen yet."""
    shown = io.StringIO()
    monkeypatch.setattr(text, "stderr_console", lambda: Console(file=shown, force_terminal=True))
    fail("train", PENGUINS, "--target", "specis", "--out", tmp_path / "m.safetensors")
    assert "Reading the table" in shown.getvalue()
