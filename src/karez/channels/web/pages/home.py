"""The home page: what somebody has, what happened lately, and what they can do."""

from datetime import timedelta
from uuid import UUID

import psycopg
from litestar import Response, get, post

from karez.channels.api.asking import asked
from karez.channels.api.caller_database import Connection
from karez.channels.api.carrying import carry
from karez.channels.web.activity import latest
from karez.channels.web.balances import balances_of
from karez.channels.web.charts import bars
from karez.channels.web.languages import TIME_ZONE
from karez.channels.web.sentences import sentence_of
from karez.channels.web.visits import TheVisit, Visit
from karez.core.clock import to_datetime
from karez.core.outcomes import Rejected
from karez.parties import people
from karez.services.payments.trades.records import trades_page
from karez.services.payments.trades.takings import taken_by_day
from karez.services.payments.wallets import operations as wallets

_LINES = 10
_DAYS = 14
_DAY_NS = 86_400_000_000_000


@get("/", opt={"open": True})
async def show_home(visit: TheVisit) -> Response[bytes]:
    """Show the start page, or the home of whoever is logged in."""
    if visit.session is None:
        return visit.page("start.html")
    return await _home(visit)


@post("/balances", status_code=303, opt={"form": "/"})
async def open_balance(visit: TheVisit) -> Response[bytes]:
    """Open a balance in a currency; again is the same."""
    services, party = visit.services, visit.party
    currency = visit.form.text("currency")

    def kind_of(conn: Connection) -> people.Kind:
        return people.known(conn, [party])[party].kind

    try:
        await carry(
            services,
            asked(visit, party, f"wallet.open/{currency}", b"", None),
            lambda: services.database.as_party(party, kind_of),
            lambda asking, house, kind: wallets.open_wallet(asking, house, party, kind, currency),
        )
    except Rejected as rejection:
        return await _home(visit, sentence_of(rejection, visit.say))
    return visit.go("/")


async def _home(visit: Visit, trouble: str | None = None) -> Response[bytes]:
    services, session = visit.services, visit.somebody
    party = session.party
    house = await services.house_keeper.house()
    if not house.currencies:
        house = await services.house_keeper.read_again()
    balances = await balances_of(services, party)
    held = {each.currency for each in balances}
    shown = {
        "trouble": trouble,
        "balances": balances,
        "currencies_to_open": sorted(set(house.currencies) - held),
    }
    status = 200 if trouble is None else 422
    if session.kind == "person":
        lines = await services.database.as_party(party, lambda conn: latest(conn, party, _LINES))
        return visit.page("home_person.html", status, lines=lines, **shown)
    orders, takings = await services.database.as_party(
        party, lambda conn: _trade(conn, visit, party, sorted(held))
    )
    return visit.page("home_shop.html", status, orders=orders, takings=takings, **shown)


def _trade(
    conn: psycopg.Connection[object], visit: Visit, party: UUID, currencies: list[str]
) -> tuple[object, object]:
    """Return a shop's latest orders, and for each currency its bars of the last days with a table of the same."""
    now_ns = visit.services.clock.now_ns()
    offset = to_datetime(now_ns).astimezone(TIME_ZONE).utcoffset() or timedelta()
    offset_ns = round(offset.total_seconds()) * 1_000_000_000
    today = (now_ns + offset_ns) // _DAY_NS
    charts = []
    for currency in currencies:
        taken = taken_by_day(conn, party, currency, now_ns - 2 * _DAYS * _DAY_NS, offset_ns)
        days = []
        for day in range(today - _DAYS + 1, today + 1):
            taken_minor = taken.get(day, 0)
            label = visit.language.day(day * _DAY_NS)
            days.append((label, visit.language.money(taken_minor, currency), taken_minor))
        total_minor = sum(day[2] for day in days)
        charts.append({"currency": currency, "bars": bars(days), "days": days, "sum_minor": total_minor})
    return trades_page(conn, party, "sold", None, _LINES), charts


HANDLERS = (show_home, open_balance)
