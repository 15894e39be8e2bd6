"""The framework: all routes, each behind the guard that its documentation asks for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import cast

import msgspec
from litestar import Litestar, Request, Response
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler

from karez.channels.api.admission import admit
from karez.channels.api.asgi import Application
from karez.channels.api.bodies import SMALL_SIZE_MAX_BYTES
from karez.channels.api.caller import Caller
from karez.channels.api.context import Services
from karez.channels.api.documentation import KEY, Documentation
from karez.channels.api.observed import EXCHANGE
from karez.channels.api.openapi import openapi_document
from karez.channels.api.reference_page import reference_page
from karez.channels.api.replies import to_response
from karez.channels.api.routes import HANDLERS


def framework(services: Services) -> Application:
    """Make the framework's application.

    Args:
        services: What handlers use.
    """
    document = openapi_document(HANDLERS, version("karez"))

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        async with services.bank_connector:
            services.open()
            try:
                yield
            finally:
                services.close()

    async def guard(
        connection: ASGIConnection[object, object, object, State], handler: BaseRouteHandler
    ) -> None:
        documentation: Documentation | None = handler.opt.get(KEY)
        if documentation is None or documentation.access == "public":
            return
        authorization = connection.headers.get("authorization")
        caller = await services.authentication.find(
            None if authorization is None else authorization.encode("latin-1")
        )
        admit(connection.scope["state"][EXCHANGE], caller, documentation.access)

    def refuse(request: Request[object, object, State], error: Exception) -> Response[bytes]:
        return to_response(request.scope["state"][EXCHANGE].refuse(error))

    def caller(request: Request[object, object, State]) -> Caller:
        found: Caller | None = request.scope["state"][EXCHANGE].caller
        assert found is not None, "a route that asks who calls is not public"
        return found

    litestar = Litestar(
        route_handlers=list(HANDLERS),
        guards=[guard],
        dependencies={
            "services": Provide(lambda: services, sync_to_thread=False),
            "caller": Provide(caller, sync_to_thread=False),
        },
        exception_handlers={Exception: refuse},
        request_max_body_size=SMALL_SIZE_MAX_BYTES,
        lifespan=[lifespan],
        state=State({"openapi": msgspec.json.encode(document), "page": reference_page(document)}),
        openapi_config=None,
        logging_config=None,
    )
    # Its own types are narrower than the protocol, which allows any mapping.
    return cast(Application, litestar)
