"""Ends: of a server whose answers are not there yet, of a training that was killed."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect
from typer.testing import CliRunner
from websockets.sync.client import connect

from retrograd.faces.cli import app
from retrograd.rewind.store import Store

# A server with a question that is never answered, as where kernels are compiled for it.
SERVER = """
import threading
from retrograd.faces.cli import main
from retrograd.faces.page.answers.table import ANSWERS

def never(viewer) -> dict:
    print("asked", flush=True)
    threading.Event().wait()

def later(viewer) -> dict:
    print("answered", flush=True)

ANSWERS |= {"never": never, "later": later}
main()
"""


@pytest.mark.skipif(os.name != "posix", reason="another system's processes are ended otherwise")
@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("SIGINT", 130, "error: stopped by Ctrl-C: the file keeps its runs\n"),
        ("SIGTERM", 143, ""),
    ],
    ids=["Ctrl-C", "told to end"],
)
def test_no_answer_is_waited_for(
    recorded: dict[str, Path], name: str, code: int, says: str
) -> None:
    """Neither for the one under way, nor for those behind it, which are not begun any more."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, "view", str(recorded["spiral"]), "--no-browser"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout
    address = urlsplit(process.stdout.readline().split()[-1])
    origin, place = f"http://{address.netloc}", f"ws://{address.netloc}{address.path}socket"
    try:
        with connect(place, origin=origin, compression=None) as page:  # type: ignore[arg-type]
            for asked in ("never", "later", "later"):
                page.send(json.dumps({"number": 1, "ask": asked, "with": {}}))
            while process.stdout.readline() != "asked\n":
                assert process.poll() is None
            process.send_signal(getattr(signal, name))
            output, errors = process.communicate(timeout=30)
        assert (process.returncode, output, errors) == (code, "", says)
    finally:
        process.kill()
        process.communicate()


def test_a_training_that_was_killed(
    serve: Callable, browse: Callable, recorded: dict[str, Path], tmp_path: Path
) -> None:
    """Its run is running for ever; once its file is silent, the page and the command doubt it."""
    path = Path(shutil.copy(recorded["spiral"], tmp_path / "killed.retro"))
    store = Store(path, writable=True)
    ((run, _, *counts),) = store.rows("progress", "run = 1")
    store.write({"progress": [(run, "running", *counts)]})
    store.close()
    page = browse(serve(path))
    facts = page.locator(".head .facts")
    expect(facts).to_have_text(re.compile("running$"))
    assert "broken off" not in CliRunner().invoke(app, ["runs", str(path)]).stdout
    then = time.time() - 3 * 3600
    os.utime(path, (then, then))
    doubt = "running, or broken off: nothing new for 3 hours"
    expect(facts).to_have_text(re.compile(f"{doubt}$"))
    listed = CliRunner().invoke(app, ["runs", str(path), "--json"]).stdout
    assert json.loads(listed)[0]["doubt"] == doubt.removeprefix("running, ")
    table = CliRunner().invoke(app, ["runs", str(path)], env={"COLUMNS": "200"}).stdout
    assert doubt in table
