"""Safety: nobody reads or drives the page but who has the address, and came by it here."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from command_line import without_compiling
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from retrograd import MLPClassifier, Recorder, open_run
from retrograd.faces.page import serving
from retrograd.faces.page.asking import reply
from retrograd.faces.page.guard import HEADERS, Guard
from retrograd.rewind.store import Store

COMMAND = "from retrograd.faces.cli import main; main()"


@pytest.fixture
def address(serve: Callable, recorded: dict[str, Path]) -> str:
    """The spiral's run, served."""
    return serve(recorded["spiral"])


def get(address: str, path: str | None = None, **headers: str) -> tuple[int, bytes]:
    """Ask for a path as it is written, with headers as they are; the status and the body."""
    parts = urlsplit(address)
    connection = HTTPConnection(parts.netloc, timeout=10)
    connection.putrequest("GET", parts.path if path is None else path, skip_host=True)
    for name, value in ({"Host": parts.netloc} | headers).items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


@contextmanager
def talk(address: str, **options: object) -> Iterator[ClientConnection]:
    """Open a socket to the page, as the page itself would."""
    parts = urlsplit(address)
    settings = {"origin": f"http://{parts.netloc}", "compression": None, "max_size": None}
    with connect(f"ws://{parts.netloc}{parts.path}socket", **settings | options) as one:  # type: ignore[arg-type]
        yield one


def said(message: str | bytes) -> dict:
    """The JSON of an answer."""
    assert isinstance(message, bytes)
    return json.loads(message[4 : 4 + int.from_bytes(message[:4], "little")])


def test_with_the_address(address: str) -> None:
    """Else the tests below would say nothing."""
    assert get(address)[0] == 200
    assert get(address, Origin=address.split("/", 3)[0] + "//" + urlsplit(address).netloc)[0] == 200
    with talk(address) as one:
        one.send('{"number": 1, "ask": "runs", "with": {}}')
        assert said(one.recv())["answer"]["name"] == "spiral.retro"


@pytest.mark.parametrize(
    "path", ["/", "/main.js", "/socket", "//", "/x{0}/", "/{1}/main.js", "{2}"]
)
def test_without_the_secret(address: str, path: str) -> None:
    """There is nothing, whatever is asked for."""
    secret = urlsplit(address).path.strip("/")
    other = ("A" if secret[0] != "A" else "B") + secret[1:]
    path = path.format(secret, other, f"/{secret}")  # the last one lacks the slash behind it
    assert get(address, path) == (404, b"")


@pytest.mark.parametrize("host", ["example.org", "example.org:{0}", "127.0.0.1", "127.0.0.1:1", ""])
def test_another_host(address: str, host: str) -> None:
    """A foreign name that was made to lead here (DNS rebinding) reads nothing."""
    host = host.format(urlsplit(address).port)
    assert get(address, Host=host) == (404, b"")
    with pytest.raises(InvalidStatus), talk(address, additional_headers={"Host": host}):
        pass


@pytest.mark.parametrize(
    ("hosts", "lets_in"),
    [(["localhost:8000"], True), ([], False), (["localhost:8000", "example.org"], False)],
)
def test_one_host_and_no_other(hosts: list[str], lets_in: bool) -> None:
    """Of two, one cannot say which of them somebody between us has looked at."""
    headers = [(b"host", host.encode()) for host in hosts]
    scope = {"type": "http", "path": "/secret/", "headers": headers}
    assert Guard(None, "secret", 8000).lets_in(scope) is lets_in


@pytest.mark.parametrize("origin", ["http://example.org", "null", "https://{0}", "http://{0}.org"])
def test_another_origin(address: str, origin: str) -> None:
    """Neither reads nor drives; and a socket without any origin is none of our page's."""
    origin = origin.format(urlsplit(address).netloc)
    assert get(address, Origin=origin) == (404, b"")
    with pytest.raises(InvalidStatus), talk(address, origin=origin):
        pass
    with pytest.raises(InvalidStatus), talk(address, origin=None):
        pass


@pytest.mark.parametrize(
    "path",
    ["../guard.py", "..%2fguard.py", "%2e%2e/guard.py", "/etc/passwd", "%2fetc%2fpasswd",
     "..\\guard.py", "static/../../guard.py", "%00", "."],
)  # fmt: skip
def test_only_the_pages_own_files(address: str, path: str) -> None:
    """No path leads out of the folder."""
    status, body = get(address, urlsplit(address).path + path)
    assert status in (400, 404, 405)
    assert b"import" not in body
    assert b"root:" not in body


def test_every_answer_says_what_a_page_may(address: str) -> None:
    """No script but our files, no frame, no cache; those that are refused say nothing at all."""
    with urllib.request.urlopen(address + "main.js") as answer:
        for name, value in HEADERS.items():
            assert answer.headers[name] == value
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers
    policy = dict(
        part.strip().split(" ", 1) for part in HEADERS["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"


def test_the_policy_is_in_force(address: str, browse: Callable) -> None:
    """The page works under it, and a script that came in from elsewhere would not run."""
    page = browse(address)
    page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "document.title = 'taken'";
          document.body.append(script);
          const image = document.createElement("img");
          image.setAttribute("onerror", "document.title = 'taken'");
          image.src = "nowhere.png";
          document.body.append(image);
        }"""
    )
    page.wait_for_timeout(200)
    assert page.title() == "spiral.retro · retrograd"
    complaints = browse.complaints  # type: ignore[attr-defined]
    assert len([one for one in complaints if "Content Security Policy" in one]) >= 2
    complaints.clear()


BAD_QUESTIONS = {
    "no JSON": "{",
    "no object": "[1]",
    "no question": "{}",
    "deep": "[" * 60_000,
    "deep object": '{"a":' * 10_000,
    "unknown": '{"number": 7, "ask": "__class__", "with": {}}',
    "no arguments": '{"number": 7, "ask": "moment"}',
    "a list of arguments": '{"number": 7, "ask": "moment", "with": [1, 2]}',
    "another argument": '{"number": 7, "ask": "runs", "with": {"viewer": 1}}',
    "a text for a number": '{"number": 7, "ask": "moment", "with": {"run": "1", "step": 0}}',
    "a truth for a number": '{"number": 7, "ask": "moment", "with": {"run": true, "step": 0}}',
    "a fraction": '{"number": 7, "ask": "moment", "with": {"run": 1, "step": 0.5}}',
    "NaN": '{"number": 7, "ask": "moment", "with": {"run": 1, "step": NaN}}',
    "infinity": '{"number": 7, "ask": "moment", "with": {"run": 1, "step": 1e999}}',
    "too far": '{"number": 7, "ask": "moment", "with": {"run": 1, "step": 401}}',
    "before the start": '{"number": 7, "ask": "moment", "with": {"run": 1, "step": -1}}',
    "huge": '{"number": 7, "ask": "moment", "with": {"run": 1, "step": 1' + "0" * 4000 + "}}",
    "longer than ints": '{"number": 7, "ask": "moment", "with": {"run": 1' + "0" * 5000 + "}}",
    "no such run": '{"number": 7, "ask": "run", "with": {"run": 2}}',
    "an object for a number of its own": '{"number": {"array": 0}, "ask": "runs", "with": {}}',
    "half a character": '{"number": 7, "ask": "\\ud800", "with": {}}',
}


@pytest.mark.parametrize("question", BAD_QUESTIONS.values(), ids=BAD_QUESTIONS.keys())
def test_bad_questions_are_answered(address: str, question: str) -> None:
    """In one line; and the next one is answered as if nothing had been."""
    with talk(address) as one:
        one.send(question)
        answer = said(one.recv(timeout=20))
        if '{"array"' not in question:  # which may be answered, to nobody
            assert "\n" not in answer["error"]
            assert 0 < len(answer["error"]) < 6000
            assert answer["number"] in (None, 7)
        one.send('{"number": 8, "ask": "runs", "with": {}}')
        assert said(one.recv(timeout=20))["number"] == 8


def test_a_fault_of_our_own_is_told(capsys: pytest.CaptureFixture) -> None:
    """Else the page would wait for ever."""

    def broken(name: str, arguments: dict) -> None:
        raise ZeroDivisionError("division by zero")

    answer = said(reply('{"number": 3, "ask": "runs"}', broken))
    assert answer["number"] == 3
    assert answer["error"].endswith("ZeroDivisionError: division by zero")
    assert "Traceback" in capsys.readouterr().err


def test_answers_do_not_wait(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One leaves at once, not when the one before it has been confirmed (Nagle's algorithm)."""
    noted, original = [], socket.socket.setsockopt

    def note(self: socket.socket, *option: int) -> None:
        noted.append((self.getsockname()[1], option))
        original(self, *option)

    monkeypatch.setattr(socket.socket, "setsockopt", note)
    with talk(address):
        pass
    port = urlsplit(address).port
    assert (port, (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)) in noted


@pytest.mark.parametrize("length", [1 << 17, serving.MOST_BYTES + 1])
def test_too_long_a_message(address: str, length: int) -> None:
    """Ends its connection, and no other."""
    with talk(address) as other:
        with talk(address) as one:
            with suppress(ConnectionClosed):  # before all of it was sent
                one.send("x" * length)
            with pytest.raises(ConnectionClosed):
                one.recv(timeout=20)
        other.send('{"number": 1, "ask": "runs", "with": {}}')
        assert said(other.recv(timeout=20))["number"] == 1


def test_binary_garbage(address: str) -> None:
    """Is answered, or ends its connection; the page goes on."""
    for garbage in (b"", b"\x00", b"\xff" * 100, b"\x04\x00\x00\x00[1]x", os.urandom(5000)):
        with talk(address) as one:
            one.send(garbage)
            one.send('{"number": 1, "ask": "runs", "with": {}}')
            with suppress(ConnectionClosed):
                assert {said(one.recv(timeout=20))["number"] for _ in range(2)} == {None, 1}
    assert get(address)[0] == 200


@contextmanager
def command(path: Path, *options: str, **environment: str) -> Iterator[subprocess.Popen]:
    """Run ``retrograd view`` as a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "view", str(path), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def address_of(process: subprocess.Popen) -> str:
    """Address that a command prints."""
    assert process.stdout
    return process.stdout.readline().split()[-1]


@pytest.mark.skipif(os.name != "posix", reason="another system's processes are ended otherwise")
@pytest.mark.parametrize("busy", [False, True], ids=["alone", "connected"])
def test_ctrl_c_ends_it(recorded: dict[str, Path], tmp_path: Path, busy: bool) -> None:
    """With one line, while pages are connected, too; and no file is left."""
    # A browser that does nothing, so that the file that leads it to us is made.
    with command(recorded["digits"], BROWSER="true %s", TMPDIR=str(tmp_path)) as process:
        address = address_of(process)
        arguments = Path(f"/proc/{process.pid}/cmdline")
        if arguments.exists():
            assert urlsplit(address).path.strip("/") not in arguments.read_text()
        while not list(tmp_path.glob("retrograd-*.html")):  # made behind what was printed
            assert process.poll() is None
        if busy:
            with talk(address) as one:
                for step in range(0, 150, 10):
                    asked = {"number": step, "ask": "moment", "with": {"run": 1, "step": step}}
                    one.send(json.dumps(asked))
                one.recv(timeout=60)
                process.send_signal(signal.SIGINT)
                _, errors = process.communicate(timeout=20)
        else:
            assert get(address)[0] == 200
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert without_compiling(errors) == "error: stopped by Ctrl-C: the file keeps its runs\n"
    assert list(tmp_path.glob("retrograd-*")) == []


def test_a_file_that_is_none(tmp_path: Path) -> None:
    """Is told before anything is served."""
    (tmp_path / "no.retro").write_text("no")
    with command(tmp_path / "no.retro", "--no-browser") as process:
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, "")
    assert errors == "error: no.retro is no file of runs: it is not an SQLite file\n"


def test_damage_that_is_found_late_is_told_on_the_terminal(tmp_path: Path) -> None:
    """Which has the address by then; the page has it in its notice."""
    store = Store(tmp_path / "r.retro", writable=True)
    store.write({"progress": [(1, "ended", "", 20, 4, 2, 0.5)]})
    store.close()
    with command(tmp_path / "r.retro", "--no-browser") as process:
        assert address_of(process)
        assert process.stderr is not None
        assert process.stderr.readline() == "error: r.retro is damaged: a run is missing\n"


def test_a_run_without_its_data_is_given_them(tmp_path: Path) -> None:
    """In the command; other data are refused before anything is served."""
    X, y = np.random.default_rng(0).normal(size=(30, 2)), np.arange(30) % 2
    path = tmp_path / "bare.retro"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MLPClassifier((3,), max_iter=4, random_state=0)
        model.set_callbacks(Recorder(path, keep_data=False)).fit(X, y)
    np.savez(tmp_path / "data.npz", X=X, y=y)
    np.savez(tmp_path / "other.npz", X=X + 1, y=y)
    with command(path, "--data", str(tmp_path / "other.npz"), "--no-browser") as process:
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, "")
    assert "X is not what run 1 of bare.retro was trained on" in errors
    with (
        command(path, "--data", str(tmp_path / "data.npz"), "--no-browser") as process,
        talk(address_of(process)) as one,
    ):
        one.send('{"number": 1, "ask": "moment", "with": {"run": 1, "step": 2}}')
        answer = said(one.recv(timeout=30))
    assert answer["answer"]["step"] == 2
    assert answer["answer"]["loss"] == open_run(path, data=(X, y)).at(2).loss


def test_a_port_that_is_taken(recorded: dict[str, Path], address: str) -> None:
    """Is told in one line."""
    port = str(urlsplit(address).port)
    with command(recorded["spiral"], "--no-browser", "--port", port) as process:
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, "")
    assert re.fullmatch(rf"error: port {port} cannot be served at: .*in use\n", errors)


def test_a_browser_may_come_at_once(recorded: dict[str, Path]) -> None:
    """The address is good from the moment it is told, before the engine is imported."""
    with command(recorded["spiral"], "--no-browser") as process:
        address = address_of(process)
        assert get(address)[0] == 200
        with talk(address) as one:
            one.send('{"number": 1, "ask": "runs", "with": {}}')
            assert said(one.recv(timeout=60))["answer"]["name"] == "spiral.retro"
