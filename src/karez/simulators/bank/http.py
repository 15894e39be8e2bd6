"""The little of HTTP that the bank needs, with faults: no answer, a broken connection, an error page of a proxy."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from karez.simulators.bank.bank import Fault

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BREAKING = "karez.break_connection"

_BODY_SIZE_MAX_BYTES = 1 << 20
_HANG_LIMIT_S = 60.0


class TooLarge(Exception):
    """A body larger than any that belongs here."""


@dataclass(frozen=True, slots=True)
class Request:
    """What came.

    Attributes:
        method: Such as ``POST``.
        path: Without the query.
        query: What follows the question mark.
        headers: By lower-case name.
        body: Whole.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def target(self) -> str:
        """Return path and query as they were sent."""
        return f"{self.path}?{self.query}" if self.query else self.path


@dataclass(frozen=True, slots=True)
class Response:
    """What goes back.

    Attributes:
        status: HTTP status.
        body: Whole.
        kind: Its media type.
        headers: Further ones.
        fault: What happens instead.
        delay_ms: How long it waits before.
    """

    status: int
    body: bytes = b""
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    fault: Fault | None = None
    delay_ms: int = 0


class BreakableProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which lets the application break the connection."""

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.scope["extensions"] = {BREAKING: cast(dict[object, object], {"break": self._break})}

    def _break(self) -> None:
        self.transport.abort()


async def read_request(scope: Message, receive: Receive) -> Request:
    """Read a request whole.

    Raises:
        TooLarge: It has no end that belongs here.
    """
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > _BODY_SIZE_MAX_BYTES:
            raise TooLarge
    headers = cast(Iterable[tuple[bytes, bytes]], scope["headers"])
    return Request(
        scope["method"],
        scope["path"],
        scope["query_string"].decode("latin-1"),
        {name.decode("latin-1"): value.decode("latin-1") for name, value in headers},
        body,
    )


async def respond(response: Response, scope: Message, receive: Receive, send: Send) -> None:
    """Send a response, or do what is to happen instead."""
    if response.fault is Fault.BREAK:
        scope["extensions"][BREAKING]["break"]()
        return
    if response.fault is Fault.HANG:
        await _hang(receive)
        scope["extensions"][BREAKING]["break"]()
        return
    if response.fault is Fault.ERROR:
        response = Response(503, b"<html>upstream error</html>", "text/html")
    await asyncio.sleep(response.delay_ms / 1_000)
    headers = {
        "content-type": response.kind,
        "content-length": str(len(response.body)),
        **response.headers,
    }
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": encoded})
    await send({"type": "http.response.body", "body": response.body})


async def _hang(receive: Receive) -> None:
    """Wait until the caller has gone."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_HANG_LIMIT_S):
            while (await receive())["type"] != "http.disconnect":
                pass
