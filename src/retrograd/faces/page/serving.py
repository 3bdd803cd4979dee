"""Serving: a free port, a secret address, the browser, and an end with Ctrl-C."""

import asyncio
import os
import signal
import socket
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn

from retrograd.faces.page.guard import Guard, new_secret
from retrograd.faces.page.server import make_application

if TYPE_CHECKING:
    from retrograd.faces.page.asking import Answering

HOST = "127.0.0.1"
# Bytes of one message from the page; a dropped table is the largest.
MOST_BYTES = 64 << 20
# Questions under way at once, though most wait for one another: those that need not have room.
MOST_AT_ONCE = 32
# What ends a process as Ctrl-C does: it is told to, or its terminal is closed.
ENDING = ("SIGTERM", "SIGHUP")


# Browsers from the snap store have a /tmp of their own; of the home folder they see what is not
# hidden.
SNAPS = Path("/snap/bin")
SNAP_BROWSERS = ("firefox", "chromium", "brave", "opera", "vivaldi")


class PortError(OSError):
    """Nothing can be served at a port; the message says why."""


class Answerers(ThreadPoolExecutor):
    """Threads whose answers nobody waits for in the end: a kernel may be compiled for one."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Have them end once they have answered what they are at."""
        super().shutdown(wait=False, cancel_futures=True)


class Serving:
    """A page that is being served, from the moment it is made until ``run`` returns.

    Parameters
    ----------
    answering : callable
        Answers a question, given its name and its arguments.
    port : int, default=0
        0 is any free one.

    Attributes
    ----------
    address : str
        With its secret.

    Raises
    ------
    PortError
        If the port is taken.
    """

    def __init__(self, answering: "Answering", port: int = 0) -> None:
        # Only of a socket whose protocol is named asyncio knows that small messages cannot wait.
        self._socket = socket.socket(proto=socket.IPPROTO_TCP)
        if os.name == "posix":  # elsewhere it would share the port with whoever has it
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((HOST, port))
        except OSError as error:
            self._socket.close()
            reason = error.strerror or error
            raise PortError(f"port {port} cannot be served at: {reason}") from None
        # From now on a browser waits for us, where it would else be refused until ``run``.
        self._socket.listen()
        port = self._socket.getsockname()[1]
        secret = new_secret()
        self.address = f"http://{HOST}:{port}/{secret}/"
        self._server = uvicorn.Server(
            uvicorn.Config(
                Guard(make_application(answering), secret, port),
                log_level="warning",
                access_log=False,
                server_header=False,
                ws="websockets-sansio",
                ws_max_size=MOST_BYTES,
                ws_per_message_deflate=False,
                lifespan="off",
                timeout_graceful_shutdown=1,
            )
        )

    def run(self, let_go: Callable[[], None] = lambda: None) -> None:
        """Serve until Ctrl-C, which may come once ``let_go`` is called; see ``signals_kept``."""
        try:
            asyncio.run(self._serve(let_go))
        finally:
            self._socket.close()

    async def _serve(self, let_go: Callable[[], None]) -> None:
        asyncio.get_running_loop().set_default_executor(Answerers(MOST_AT_ONCE))
        let_go()
        with self._ended_by_hangup():
            await self._server.serve(sockets=[self._socket])

    @contextmanager
    def _ended_by_hangup(self) -> Iterator[None]:
        """Have a closed terminal end it between two answers, as uvicorn has other signals."""
        number = getattr(signal, "SIGHUP", None)
        before = None if number is None else signal.getsignal(number)
        if number is None or not callable(before):
            yield
            return
        came: list[int] = []

        def end(number: int, _: Any) -> None:
            came.append(number)
            self._server.should_exit = True

        signal.signal(number, end)
        try:
            yield
        finally:
            signal.signal(number, before)
        if came:
            signal.raise_signal(number)

    def stop(self) -> None:
        """End it, from another thread."""
        self._server.should_exit = True


def open_browser(address: str) -> Callable[[], None]:
    """Open the browser at an address, which no command line of another program shows.

    A browser is started with what it opens among its arguments, and those any user of the machine
    can list: so it is given a file that only we can read, and that leads on.

    Returns
    -------
    callable
        Removes that file. If none can be made, nothing is opened.
    """
    try:
        path = _leading_to(address)
    except (OSError, RuntimeError):
        print("note: no browser is opened: there is no place for a temporary file", file=sys.stderr)
        return lambda: None
    # Browsers that do not go to the background would keep us.
    threading.Thread(target=webbrowser.open, args=[path.as_uri()], daemon=True).start()
    return lambda: path.unlink(missing_ok=True)


def _leading_to(address: str) -> Path:
    """Write a file that leads to an address, for our eyes and the browser's; its path."""
    is_snap = any((SNAPS / name).exists() for name in SNAP_BROWSERS)
    folder = Path.home() if is_snap else None  # which raises RuntimeError if there is none
    handle, name = tempfile.mkstemp(suffix=".html", prefix="retrograd-", dir=folder)
    path = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(
                "<!doctype html><meta charset=utf-8><title>retrograd</title>"
                f'<meta http-equiv=refresh content="0; url={address}">'
                f'<a href="{address}">retrograd</a>'
            )
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


@contextmanager
def signals_kept() -> Iterator[Callable[[], None]]:
    """Keep Ctrl-C, and what ends a process likewise, waiting until it is called or the block ends.

    In the midst of an import it would leave a lock taken that other threads wait for; and of making
    its loop, asyncio could not clear away what it has of it.
    """
    came: list[int] = []
    numbers = [getattr(signal, name) for name in ("SIGINT", *ENDING) if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        numbers = []
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        signal.signal(number, lambda number, _: came.append(number))

    def let_go() -> None:
        while before:
            signal.signal(*before.popitem())
        while came:
            signal.raise_signal(came.pop())

    try:
        yield let_go
    finally:
        let_go()


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let a block come to its end, and with it the process, where a signal would cut it off.

    Examples
    --------
    >>> import signal
    >>> try:
    ...     with ended_by_signals():
    ...         signal.raise_signal(signal.SIGTERM)
    ... except SystemExit as ended:
    ...     print(ended.code)
    143
    """

    def end(number: int, _: Any) -> None:
        sys.exit(128 + number)

    numbers = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]
    # Who has them ignored, as nohup does, wants it so.
    mine = [number for number in numbers if signal.getsignal(number) == signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():
        mine = []
    for number in mine:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, signal.SIG_DFL)
