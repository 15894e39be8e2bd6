"""One's own account: what is known of one, the password, and where one is logged in."""

from litestar import Response, get, post
from litestar.params import FromQuery

from karez.channels.api.caller_database import Connection
from karez.channels.web import logging_in
from karez.channels.web.forms import Form
from karez.channels.web.sentences import sentence_of
from karez.channels.web.visits import TheVisit, Visit
from karez.core.outcomes import Rejected
from karez.parties import logins, passwords, sessions, throttling
from karez.parties.disclosure import Reader, disclose
from karez.parties.personal import FIELDS, PersonalData
from karez.parties.sessions import Session

_ACCOUNT = {"form": "/account"}


@get("/account", opt=_ACCOUNT)
async def show_account(visit: TheVisit, changed: FromQuery[str | None] = None) -> Response[bytes]:
    """Show the account."""
    return await _show(visit, Form(), 200, is_changed=changed is not None)


@post("/account/password", status_code=303, opt=_ACCOUNT)
async def change_password(visit: TheVisit) -> Response[bytes]:
    """Replace the password, give this browser a new session and end all others."""
    services, party, form = visit.services, visit.party, visit.form
    now_ns = services.clock.now_ns()
    subject = services.sealer.blind_indexes("password-change", str(party))[0]
    try:
        await services.database.as_entrance(
            lambda conn: throttling.take_try(conn, subject, throttling.BY_NAME, now_ns)
        )
        digest = await services.database.as_party(party, lambda conn: logins.password_digest(conn, party))
        if not await logging_in.is_right_in_thread(form.values.get("old_password", ""), digest):
            sentence = visit.say("This is not your present password.")
            return await _show(visit, form.wrong(old_password=sentence), 422)
        new = form.values.get("new_password", "")
        personal = await services.database.as_party(party, lambda conn: _own_data(conn, visit))
        passwords.check_new_password(new, [text.split("@")[0] for _, text in personal.given()])
    except Rejected as rejection:
        field = "old_password" if rejection.code == "too_many_tries" else "new_password"
        return await _show(visit, form.wrong(**{field: sentence_of(rejection, visit.say)}), 422)
    new_digest = await logging_in.digest_in_thread(new)

    def work(conn: Connection) -> None:
        logins.change_password(conn, party, new_digest, now_ns)
        sessions.end_others(conn, party, visit.somebody.secret_hash, now_ns)

    await services.database.as_party(party, work)
    await services.database.as_entrance(lambda conn: throttling.give_back(conn, subject, throttling.BY_NAME))
    await logging_in.let_in(visit, party)
    return visit.go("/account?changed=password")


@post("/account/sessions", status_code=303, opt=_ACCOUNT)
async def end_session(visit: TheVisit) -> Response[bytes]:
    """Log out another browser."""
    party, now_ns = visit.party, visit.services.clock.now_ns()
    try:
        ended = bytes.fromhex(visit.form.text("session"))
    except ValueError:
        return visit.go("/account")
    await visit.services.database.as_party(party, lambda conn: sessions.end(conn, party, ended, now_ns))
    return visit.go("/account")


async def _show(visit: Visit, form: Form, status: int, *, is_changed: bool = False) -> Response[bytes]:
    party, now_ns = visit.party, visit.services.clock.now_ns()

    def read(conn: Connection) -> tuple[PersonalData, list[Session]]:
        return _own_data(conn, visit), sessions.live_ones(conn, party, now_ns)

    personal, live = await visit.services.database.as_party(party, read)
    return visit.page("account.html", status, form=form, personal=personal, sessions=live, changed=is_changed)


def _own_data(conn: Connection, visit: Visit) -> PersonalData:
    """Read one's own data, which leaves a line in one's own access log."""
    services, party = visit.services, visit.party
    reader = Reader(visit.actor, "own-view", None)
    return disclose(conn, services.sealer, [party], FIELDS, reader, services.clock.now_ns())[party]


HANDLERS = (show_account, change_password, end_session)
