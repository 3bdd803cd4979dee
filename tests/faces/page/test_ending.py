"""The end of a server whose answers are not there yet."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from websockets.sync.client import connect

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
