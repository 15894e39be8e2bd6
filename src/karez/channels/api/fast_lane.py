"""POST /v1/transfers without the framework.

Routing, parameters and dependencies of a framework cost more than the rest of a small request. This function
stands in front of it for the one route that carries nearly all requests; it uses the same functions as the
framework's own handler of that route, which answers where this one does not stand in front.
"""

from litestar.exceptions import HTTPException

from karez.channels.api.admission import admit
from karez.channels.api.asgi import Application, Message, Receive, Scope, Send
from karez.channels.api.bodies import SMALL_SIZE_MAX_BYTES, check_content_type
from karez.channels.api.context import Services
from karez.channels.api.exchange import Exchange
from karez.channels.api.replies import Header
from karez.channels.api.transfers import make_transfer
from karez.parties.roles import Permission

PATH = "/v1/transfers"

LOGGED_ONE_IN = 100
"""While the log is crowded, so many transfers that are made share one line; all else has a line of its own."""

_CREATED = 201


class FastLane:
    """Answers POST /v1/transfers and passes everything else on.

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
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(self._services, "POST")
        authentication = self._services.authentication
        try:
            authorization, content_type = _read_headers(scope["headers"])
            # Most callers are remembered, and then there is nothing to wait for.
            caller = authentication.remembered(authorization) or await authentication.find(authorization)
            admit(exchange, caller, Permission.LEDGER_WRITE)
            check_content_type(content_type)
            message = await receive()
            body = message.get("body", b"")
            if message.get("more_body") or len(body) > SMALL_SIZE_MAX_BYTES:
                body = await _read_on(body, message, receive)
            reply = await make_transfer(self._services, caller, body)
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
        exchange.finish(PATH, reply.status, self._stands_for(reply.status))

    def _stands_for(self, status: int) -> int:
        if status != _CREATED or not self._services.log.is_crowded:
            return 1
        self._crowd += 1
        return 0 if self._crowd % LOGGED_ONE_IN else LOGGED_ONE_IN


def _read_headers(headers: list[Header]) -> tuple[bytes | None, bytes]:
    """Return the authorization, if there is one, and the content type."""
    authorization: bytes | None = None
    content_type = b""
    for name, value in headers:
        if name == b"authorization":
            authorization = value
        elif name == b"content-type":
            content_type = value
    return authorization, content_type


async def _read_on(body: bytes, message: Message, receive: Receive) -> bytes:
    while message.get("more_body") and len(body) <= SMALL_SIZE_MAX_BYTES:
        message = await receive()
        body += message.get("body", b"")
    if len(body) > SMALL_SIZE_MAX_BYTES:
        raise HTTPException(status_code=413)
    return body
