"""Transfers, and the steps of trades from the balance, without the framework.

Routing, parameters and dependencies of a framework cost more than the rest of a small request. This stands in
front of it for the few routes that carry nearly all requests; it uses the same functions as the framework's own
handlers of those routes, which answer where this one does not stand in front.
"""

import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import cast
from uuid import UUID

from litestar.exceptions import HTTPException

from karez.channels.api.acting import acting_party
from karez.channels.api.admission import admit
from karez.channels.api.asgi import Application, Message, Receive, Scope, Send
from karez.channels.api.asking import read_key
from karez.channels.api.bodies import SMALL_SIZE_MAX_BYTES, check_content_type
from karez.channels.api.caller import Caller
from karez.channels.api.context import Services
from karez.channels.api.devices import read_device
from karez.channels.api.exchange import Exchange
from karez.channels.api.replies import Header, Reply
from karez.channels.api.trade_desk import Action
from karez.channels.api.transfers import make_transfer
from karez.parties.roles import Permission

PATH = "/v1/transfers"
TRADES = "/v1/trades"

LOGGED_ONE_IN = 100
"""While the log is crowded, so many requests that are done share one line; all else has a line of its own."""

_MADE = frozenset({200, 201})
_STEP = re.compile(TRADES + "/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/(pay|ship|confirm)")

Handle = Callable[[Exchange, list[Header], Receive], Awaitable[Reply]]


class FastLane:
    """Answers POST /v1/transfers and the steps of trades, and passes everything else on.

    Args:
        services: What requests need.
        app: The rest of the API.
    """

    def __init__(self, services: Services, app: Application) -> None:
        self._services = services
        self._app = app
        self._crowd = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
        elif scope["path"] == PATH:
            await self._answer(scope, receive, send, PATH, self._transfer)
        elif (step := _step_of(scope["path"])) is not None and not _has_body(scope["headers"]):
            await self._answer(
                scope, receive, send, f"{TRADES}/{{trade_id}}/{step[1]}", partial(self._step, *step)
            )
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, route: str, handle: Handle) -> None:
        exchange = Exchange(self._services, "POST")
        try:
            reply = await handle(exchange, scope["headers"], receive)
        except Exception as error:  # whatever it is, it has an answer
            reply = exchange.refuse(error)
        await send(
            {
                "type": "http.response.start",
                "status": reply.status,
                "headers": [
                    (b"content-type", reply.content_type),
                    (b"content-length", b"%d" % len(reply.body)),
                    *exchange.headers(),
                    *reply.headers,
                ],
            }
        )
        await send({"type": "http.response.body", "body": reply.body, "more_body": False})
        exchange.finish(route, reply.status, self._stands_for(reply.status))

    async def _transfer(self, exchange: Exchange, headers: list[Header], receive: Receive) -> Reply:
        caller = await self._caller(exchange, headers, Permission.LEDGER_WRITE)
        check_content_type(_header(headers, b"content-type") or b"")
        message = await receive()
        body = message.get("body", b"")
        if message.get("more_body") or len(body) > SMALL_SIZE_MAX_BYTES:
            body = await _read_on(body, message, receive)
        return await make_transfer(self._services, caller, body)

    async def _step(
        self, trade: UUID, action: Action, exchange: Exchange, headers: list[Header], _receive: Receive
    ) -> Reply:
        caller = await self._caller(exchange, headers, Permission.PAYMENTS_WRITE)
        named, key = _header(headers, b"acting-for"), _header(headers, b"idempotency-key")
        device = _header(headers, b"device-id")
        party = await acting_party(self._services, caller, None if named is None else named.decode("latin-1"))
        reply = await self._services.trade_desk.step(
            caller,
            action,
            trade,
            party,
            read_key(None if key is None else key.decode("latin-1")),
            read_device(self._services, None if device is None else device.decode("latin-1")),
        )
        return Reply(200, reply)

    async def _caller(self, exchange: Exchange, headers: list[Header], needed: Permission) -> Caller:
        authentication = self._services.authentication
        authorization = _header(headers, b"authorization")
        # Most callers are remembered, and then there is nothing to wait for.
        caller = authentication.remembered(authorization) or await authentication.find(authorization)
        admit(exchange, caller, needed)
        return caller

    def _stands_for(self, status: int) -> int:
        if status not in _MADE or not self._services.log.is_crowded:
            return 1
        self._crowd += 1
        return 0 if self._crowd % LOGGED_ONE_IN else LOGGED_ONE_IN


def _step_of(path: str) -> tuple[UUID, Action] | None:
    """Read ``/v1/trades/<id>/<action>``; other addresses, and ids in other spellings, are for the framework."""
    match = _STEP.fullmatch(path)
    return None if match is None else (UUID(match[1]), cast(Action, match[2]))


def _has_body(headers: list[Header]) -> bool:
    return (_header(headers, b"content-length") or b"0") != b"0" or _header(
        headers, b"transfer-encoding"
    ) is not None


def _header(headers: list[Header], wanted: bytes) -> bytes | None:
    for name, value in headers:
        if name == wanted:
            return value
    return None


async def _read_on(body: bytes, message: Message, receive: Receive) -> bytes:
    while message.get("more_body") and len(body) <= SMALL_SIZE_MAX_BYTES:
        message = await receive()
        body += message.get("body", b"")
    if len(body) > SMALL_SIZE_MAX_BYTES:
        raise HTTPException(status_code=413)
    return body
