"""Everything that one address answers: the fast lane, the API and the pages.

Each first part of a path belongs to one of the two; an address that nobody has is answered as a page to whoever asks
for one, and as a problem to programs.
"""

from collections.abc import Iterable

from litestar.handlers import HTTPRouteHandler

from karez.channels.api.asgi import Application, Receive, Scope, Send
from karez.channels.api.context import ApiContext, Services
from karez.channels.api.fast_lane import FastLane
from karez.channels.api.framework import framework
from karez.channels.api.observed import NOT_TO_BE_KEPT, Observed
from karez.channels.api.routes import HANDLERS as API
from karez.channels.web.framework import pages
from karez.channels.web.pages import HANDLERS as PAGES


def make_app(context: ApiContext) -> Application:
    """Make the application of one web process.

    Args:
        context: What it stands on.
    """
    services = Services(context)
    api = Observed(services, framework(services), NOT_TO_BE_KEPT)
    return FastLane(services, _Doors(api, Observed(services, pages(services), ())))


class _Doors:
    """Sends each request to the API or to the pages."""

    def __init__(self, api: Application, pages: Application) -> None:
        self._api = api
        self._pages = pages
        self._of_api, self._of_pages = _first_parts(API), _first_parts(PAGES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        await (self._pages if self._is_page(scope) else self._api)(scope, receive, send)

    def _is_page(self, scope: Scope) -> bool:
        if scope["type"] != "http":
            return False
        first = scope["path"].split("/", 2)[1]
        if first in self._of_api or first in self._of_pages:
            return first in self._of_pages
        accepted = dict(scope["headers"]).get(b"accept", b"")
        return b"text/html" in accepted


def _first_parts(handlers: Iterable[HTTPRouteHandler]) -> frozenset[str]:
    return frozenset(path.split("/", 2)[1] for handler in handlers for path in handler.paths)
