"""Around the framework: every answer gets its headers, its line in the log and its place in the figures."""

from karez.channels.api.asgi import Application, Message, Receive, Scope, Send
from karez.channels.api.context import Services
from karez.channels.api.exchange import Exchange
from karez.channels.api.replies import Header

EXCHANGE = "exchange"
"""Under which ``scope["state"]`` holds the request's ``Exchange``."""

NOT_TO_BE_KEPT: tuple[Header, ...] = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)
"""Headers of answers that are made for one caller."""

_UNMATCHED = "unmatched"
_CLIENT_CLOSED_REQUEST = 499


class Observed:
    """Passes requests on and watches their answers.

    Args:
        services: Where they are logged and counted.
        app: Who answers.
        headers: What every answer has besides those of its exchange.
    """

    def __init__(self, services: Services, app: Application, headers: tuple[Header, ...]) -> None:
        self._services = services
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(self._services, scope["method"])
        scope.setdefault("state", {})[EXCHANGE] = exchange
        status = _CLIENT_CLOSED_REQUEST

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *exchange.headers(), *self._headers]
            await send(message)

        try:
            await self._app(scope, receive, send_observed)
        finally:
            exchange.finish(scope.get("path_template") or _UNMATCHED, status)
