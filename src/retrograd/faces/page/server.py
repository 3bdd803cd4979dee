"""The server: hands out the page's files, and answers its questions over a WebSocket."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from retrograd.faces.page.joined import join_modules, join_styles

if TYPE_CHECKING:
    from retrograd.faces.page.asking import Answering

STATIC = Path(__file__).parent / "static"
# Characters of a question, but for an uploaded table, which comes in binary.
MOST_CHARACTERS = 1 << 16


def make_application(answering: "Answering") -> Starlette:
    """Make the application that serves one page.

    Parameters
    ----------
    answering : callable
        Answers a question, given its name and its arguments; called in threads.
    """

    async def index(request: Any) -> FileResponse:
        return FileResponse(STATIC / "index.html")

    def script(request: Any) -> Response:
        return Response(join_modules("main"), media_type="text/javascript")

    def styles(request: Any) -> Response:
        return Response(join_styles(), media_type="text/css")

    async def socket(connection: WebSocket) -> None:
        await connection.accept()
        await _converse(connection, answering)

    return Starlette(
        routes=[
            Route("/", index),
            Route("/main.js", script),
            Route("/page.css", styles),
            WebSocketRoute("/socket", socket),
            Mount("/", StaticFiles(directory=STATIC)),
        ]
    )


async def _converse(connection: WebSocket, answering: "Answering") -> None:
    """Answer question after question; one that takes long does not hold up the others."""
    sending = asyncio.Lock()
    under_way: set[asyncio.Task] = set()

    async def reply(asked: str | bytes) -> None:
        message = await asyncio.to_thread(_reply, asked, answering)
        async with sending:
            with suppress(WebSocketDisconnect, RuntimeError):  # it may have gone meanwhile
                await connection.send_bytes(message)

    try:
        while True:
            received = await connection.receive()
            if received["type"] == "websocket.disconnect":
                return
            asked = received.get("text") or received.get("bytes") or ""
            if isinstance(asked, str) and len(asked) > MOST_CHARACTERS:
                await connection.close(1009)
                return
            task = asyncio.create_task(reply(asked))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
    finally:
        for task in under_way:
            task.cancel()


def _reply(asked: str | bytes, answering: "Answering") -> bytes:
    """Answer a question; this imports NumPy, which is not to hold up the page itself."""
    from retrograd.faces.page.asking import reply

    return reply(asked, answering)
