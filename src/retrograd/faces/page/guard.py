"""The guard: lets in who has the secret of the address, and came by it on this machine."""

import hmac
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Application = Callable[[Scope, Callable, Callable], Awaitable[None]]

# Only what comes with the page runs or is drawn; nobody frames it, nothing tells of it elsewhere.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def new_secret() -> str:
    """Draw a secret that goes into an address, of 192 bits."""
    return secrets.token_urlsafe(24)


class Guard:
    """Lets through to an application what comes from its own page, and nothing else.

    Every path begins with the secret. The host must be the one that we serve, or a foreign name
    was made to lead here (DNS rebinding); and an origin, where the browser tells one, must be ours.

    Parameters
    ----------
    application : ASGI application
        It sees paths without the secret.
    secret : str
    port : int
        The one served at 127.0.0.1.
    """

    def __init__(self, application: Application, secret: str, port: int) -> None:
        self.application, self.secret = application, secret
        self.hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}

    async def __call__(self, scope: Scope, receive: Callable, send: Callable) -> None:
        """Serve one request or connection."""
        if scope["type"] == "lifespan":
            await self.application(scope, receive, send)
            return
        if not self.lets_in(scope):
            await _refuse(scope, receive, send)
            return
        prefix = f"/{self.secret}"
        inner = {**scope, "path": scope["path"][len(prefix) :], "root_path": ""}
        inner["raw_path"] = inner["path"].encode()

        async def sealed(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                extra = [(key.lower().encode(), value.encode()) for key, value in HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", []), *extra]}
            await send(message)

        await self.application(inner, receive, sealed)

    def lets_in(self, scope: Scope) -> bool:
        """Whether a request has the secret, asks for our host, and comes from our own page."""
        headers: dict[bytes, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name, []).append(value.decode("latin-1"))
        hosts, origins = headers.get(b"host", []), headers.get(b"origin", [])
        if len(hosts) != 1 or hosts[0] not in self.hosts or len(origins) > 1:
            return False
        if origins and origins[0] != f"http://{hosts[0]}":
            return False
        if scope["type"] == "websocket" and not origins:
            return False
        start, path = f"/{self.secret}/", scope["path"]
        return hmac.compare_digest(path[: len(start)].encode(), start.encode())


async def _refuse(scope: Scope, receive: Callable, send: Callable) -> None:
    """Say no more than that there is nothing."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})
