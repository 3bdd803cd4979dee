"""The browser is opened at a secret address that nobody else is told of, or not at all."""

import errno
import os
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import pytest

from retrograd.faces.page import serving


@pytest.mark.parametrize("snap", [False, True])
def test_nobody_else_is_told_the_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, snap: bool
) -> None:
    """A browser's arguments, which all users can list, name a file that only we can read.

    So can the browser: one from the snap store has another /tmp, and sees what is in the home.
    """
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setattr(Path, "home", lambda: home)
    monkeypatch.setattr(serving, "SNAPS", tmp_path)
    if snap:
        (tmp_path / "firefox").touch()
    opened: list[str] = []
    told = threading.Event()

    def note(url: str) -> None:
        opened.append(url)
        told.set()

    monkeypatch.setattr(serving.webbrowser, "open", note)
    address = "http://127.0.0.1:1/secret/#run=1"
    clean = serving.open_browser(address)
    assert told.wait(10)
    assert "secret" not in opened[0]
    path = Path(urllib.request.url2pathname(urlsplit(opened[0]).path))
    assert address in path.read_text()
    assert (path.parent == home) is snap
    if os.name == "posix":
        assert path.stat().st_mode & 0o077 == 0
    clean()
    assert not path.exists()


def nowhere(*arguments: object, **options: object) -> NoReturn:
    """What ``tempfile`` says where everything is read-only."""
    raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")


def homeless() -> NoReturn:
    """What ``Path.home`` says of a user who has none."""
    raise RuntimeError("Could not determine home directory.")


def full(handle: int, *arguments: object, **options: object) -> NoReturn:
    """A file for which the disk has no room."""
    os.close(handle)
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("of", "name", "fault"),
    [
        (serving.tempfile, "mkstemp", nowhere),
        (Path, "home", homeless),
        (serving.os, "fdopen", full),
    ],
)
def test_without_a_place_for_a_file_no_browser_is_opened(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture,
    of: object, name: str, fault: Callable,
) -> None:  # fmt: skip
    """The address is printed all the same; nothing is left over."""
    monkeypatch.setattr(serving, "SNAPS", tmp_path)
    (tmp_path / "firefox").touch()
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(of, name, fault)
    serving.open_browser("http://127.0.0.1:1/secret/")()
    said = capsys.readouterr().err
    assert said == "note: no browser is opened: there is no place for a temporary file\n"
    assert os.listdir(tmp_path) == ["firefox"]
