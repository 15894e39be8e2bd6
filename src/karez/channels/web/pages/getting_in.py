"""Registering, logging in, logging out."""

from litestar import Response, get, post
from litestar.params import FromQuery

from karez.channels.web import logging_in, security
from karez.channels.web.forms import Form
from karez.channels.web.registering import Newcomer, register
from karez.channels.web.sentences import sentence_of
from karez.channels.web.visits import PLAIN_COOKIE, SECURE_COOKIE, TheVisit, Visit, path_here
from karez.core.outcomes import Rejected
from karez.parties import sessions

_FIELD_OF = {
    "name_malformed": "name",
    "phone_malformed": "login_name",
    "email_malformed": "login_name",
    "phone_taken": "login_name",
    "email_taken": "login_name",
}
_KINDS = ("person", "shop")


@get("/register", opt={"open": True})
async def show_registration(visit: TheVisit) -> Response[bytes]:
    """Show the form."""
    return visit.page("register.html", form=Form({"kind": "person"}))


@post("/register", status_code=303, opt={"open": True})
async def register_somebody(visit: TheVisit) -> Response[bytes]:
    """Register a person or shop, and log it in."""
    form = visit.form
    wrong = _not_private(visit)
    if wrong is not None:
        return visit.page("register.html", 422, form=form.wrong_as_a_whole(wrong))
    if form.text("kind") not in _KINDS:
        return visit.page("register.html", 422, form=form.wrong(kind=visit.say("Choose one of the two.")))
    newcomer = Newcomer(
        "shop" if form.text("kind") == "shop" else "person",
        form.text("name"),
        form.text("login_name"),
        form.values.get("password", ""),
    )
    try:
        party = await register(visit.services, newcomer, logging_in.address_of(visit))
    except Rejected as rejection:
        field = "password" if rejection.code.startswith("password_") else _FIELD_OF.get(rejection.code, "")
        return visit.page("register.html", 422, form=_wrong(visit, form, field, rejection))
    await logging_in.let_in(visit, party)
    return visit.go("/")


@get("/log-in", opt={"open": True})
async def show_login(visit: TheVisit, next: FromQuery[str | None] = None) -> Response[bytes]:
    """Show the form; who is logged in already goes on."""
    if visit.session is not None:
        return visit.go(path_here(next))
    return visit.page("log_in.html", form=Form({"next": path_here(next)}))


@post("/log-in", status_code=303, opt={"open": True})
async def log_in(visit: TheVisit) -> Response[bytes]:
    """Check name and password; which of the two is wrong is not told."""
    form = visit.form
    wrong = _not_private(visit)
    if wrong is None:
        try:
            party = await logging_in.check(visit, form.text("login_name"), form.values.get("password", ""))
        except Rejected as rejection:
            return visit.page("log_in.html", 429, form=_wrong(visit, form, "", rejection))
        if party is not None:
            await logging_in.let_in(visit, party)
            return visit.go(path_here(form.values.get("next")))
        wrong = visit.say("Phone or e-mail and password do not belong together. Check both.")
    return visit.page("log_in.html", 422, form=form.wrong_as_a_whole(wrong))


@post("/log-out", status_code=303)
async def log_out(visit: TheVisit) -> Response[bytes]:
    """End the session, here and in the table."""
    session, now_ns = visit.somebody, visit.services.clock.now_ns()
    await visit.services.database.as_party(
        session.party, lambda conn: sessions.end(conn, session.party, session.secret_hash, now_ns)
    )
    visit.drop_cookie(SECURE_COOKIE)
    visit.drop_cookie(PLAIN_COOKIE)
    return visit.go("/")


def _not_private(visit: Visit) -> str | None:
    if security.is_private(visit.headers):
        return None
    return visit.say(
        "This connection is not encrypted, so a password could be read on its way. Open Karez with https."
    )


def _wrong(visit: Visit, form: Form, field: str, rejection: Rejected) -> Form:
    sentence = sentence_of(rejection, visit.say)
    return form.wrong(**{field: sentence}) if field else form.wrong_as_a_whole(sentence)


HANDLERS = (show_registration, register_somebody, show_login, log_in, log_out)
