"""The pages as an application: who may come in, what is refused and how that looks."""

import hmac
from typing import Any, cast

from litestar import Litestar, Request, Response
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import ClientException, HTTPException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from karez.channels.api.asgi import Application
from karez.channels.api.context import Services
from karez.channels.api.observed import EXCHANGE
from karez.channels.web import security
from karez.channels.web.forms import read_form
from karez.channels.web.pages import HANDLERS
from karez.channels.web.sentences import sentence_of
from karez.channels.web.visits import FormOutOfDate, LogInNeeded, Visit
from karez.core.outcomes import Rejected, Unavailable
from karez.parties import sessions

BODY_SIZE_MAX_BYTES = 65_536

_VISIT = "visit"
_CHANGING = ("POST",)


def pages(services: Services) -> Application:
    """Make the application of the pages.

    Args:
        services: What handlers use; opened and closed by whoever made them.
    """

    async def enter(connection: ASGIConnection[Any, Any, Any, State], handler: BaseRouteHandler) -> None:
        visit = _visit(services, connection)
        if handler.opt.get("static"):
            return
        secret, now_ns = visit.secret, services.clock.now_ns()
        known = (
            None
            if secret is None
            else await services.database.as_entrance(lambda conn: sessions.find(conn, secret, now_ns))
        )
        visit.session = known if known is not None and known.is_live(now_ns) else None
        is_open = bool(handler.opt.get("open"))
        if connection.scope.get("method") in _CHANGING:
            if not security.is_from_here(visit.headers):
                raise PermissionDeniedException("form_from_elsewhere")
            visit.is_reading = False
            try:
                visit.form = read_form(await cast(Request[Any, Any, Any], connection).body())
            except ValueError:
                raise ClientException from None
            shown = visit.form.values.get("form_token", "")
            if visit.session is not None and not is_open and not hmac.compare_digest(shown, visit.form_token):
                raise FormOutOfDate
        if visit.session is None and not is_open:
            raise LogInNeeded(None if known is None else known.party)
        kinds = handler.opt.get("kinds")
        if visit.session is not None and kinds and visit.session.kind not in kinds:
            raise HTTPException(status_code=404)

    def visit_of(request: Request[Any, Any, Any]) -> Visit:
        return cast(Visit, request.scope["state"][_VISIT])

    def refuse(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        visit = _visit(services, request)
        return _refusal(visit, request, error)

    litestar = Litestar(
        route_handlers=list(HANDLERS),
        guards=[enter],
        dependencies={"visit": Provide(visit_of, sync_to_thread=False)},
        exception_handlers={Exception: refuse},
        response_headers=dict(security.HEADERS),
        request_max_body_size=BODY_SIZE_MAX_BYTES,
        openapi_config=None,
        logging_config=None,
    )
    return cast(Application, litestar)


def _visit(services: Services, connection: ASGIConnection[Any, Any, Any, Any]) -> Visit:
    """Return the visit of a connection, made at the first question."""
    state = connection.scope["state"]
    if _VISIT not in state:
        client = connection.scope.get("client") or ("", 0)
        state[_VISIT] = Visit(services, connection.scope["path"], dict(connection.headers), client[0])
    return cast(Visit, state[_VISIT])


def _refusal(visit: Visit, request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    form_path = request.scope["path"]
    handler = request.scope.get("route_handler")
    if handler is not None:
        form_path = handler.opt.get("form", form_path)
    if isinstance(error, LogInNeeded):
        is_form = request.method in _CHANGING
        if is_form and error.party is not None:
            visit.keep_draft(error.party, form_path)
        return visit.go(f"/log-in?next={form_path}")
    if isinstance(error, FormOutOfDate):
        visit.keep_draft(visit.party, form_path)
        return visit.go(form_path)
    # The exchange knows every kind of trouble, counts it, and logs what is nobody's fault outside.
    reply = request.scope["state"][EXCHANGE].refuse(error)
    status = error.status_code if isinstance(error, HTTPException) else reply.status
    heading, sentence = _words(visit, status, error)
    code = error.code if isinstance(error, Rejected | Unavailable) else None
    answer = visit.page("problem.html", status, heading=heading, sentence=sentence, code=code)
    for name, value in security.HEADERS.items():
        answer.headers[name] = value
    return answer


def _words(visit: Visit, status: int, error: Exception) -> tuple[str, str]:
    """Return the heading of a page about trouble, and its sentence."""
    say = visit.say
    if isinstance(error, Rejected):
        return say("This did not work"), sentence_of(error, say)
    if status in (404, 405):
        return say("Nothing here"), say(
            "There is no such page, or it is not yours to see. Go on from the home page."
        )
    if status == 403:
        return say("Not from here"), say(
            "This form was not sent by a page of Karez. Open Karez itself and try again."
        )
    if status < 500:
        return say("This cannot be read"), say(
            "What was sent is incomplete or too long. Go back and try again."
        )
    if isinstance(error, Unavailable):
        return say("Not just now"), say(
            "A part of Karez does not answer. Nothing is lost; wait a moment and load the page again."
        )
    return say("Our mistake"), say("Karez made a mistake and has written it down. Go back and try again.")
