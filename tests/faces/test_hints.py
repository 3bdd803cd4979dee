"""Commands to try next can be pasted into the system's shell."""

import os

import pytest

from retrograd.faces.hints import quoted


@pytest.mark.parametrize(
    ("name", "path", "shown"),
    [
        ("posix", "my table.csv", "'my table.csv'"),
        ("posix", "-t.csv", "./-t.csv"),
        ("posix", "a\\b.csv", "'a\\b.csv'"),
        ("nt", "data\\penguins.csv", "data\\penguins.csv"),
        ("nt", "C:\\Größe\\p.retro", "C:\\Größe\\p.retro"),
        ("nt", "C:\\my files\\p.retro", '"C:\\my files\\p.retro"'),
        ("nt", "R&D\\it's.csv", '"R&D\\it\'s.csv"'),
        ("nt", "-t.csv", ".\\-t.csv"),
        ("nt", "-my t.csv", '".\\-my t.csv"'),
    ],
)
def test_a_path_is_quoted_as_the_shell_reads_it(monkeypatch, name, path, shown):
    with monkeypatch.context() as patch:
        patch.setattr(os, "name", name)
        found = quoted(path)
    assert found == shown
