"""Statements of wallets and takings as bank files."""

from datetime import date
from typing import Literal

import msgspec
from litestar import Response, get

from karez.channels.api.acting import ACTING_FOR, ACTING_REFUSALS, party_of
from karez.channels.api.bodies import Query
from karez.channels.api.caller_database import Connection
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import CurrencyCode
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.replies import Reply, to_response
from karez.channels.api.routes.fee_plans import CalendarName
from karez.core.money import currency_exponent
from karez.parties.roles import Permission
from karez.services.payments import accounts
from karez.services.payments.settlement.agreed_calendars import find_calendar
from karez.services.payments.settlement.statements import written_statement

_XML = b"application/xml"


class AccountFileQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Of which account and day.

    Attributes:
        account: `wallet` or `takings`.
        day: It must be over.
        calendar: Tells when the day begins and ends.
    """

    account: Literal["wallet", "takings"] = "wallet"
    currency: CurrencyCode
    day: date
    calendar: CalendarName = "weekdays"


_QUERY = Query(AccountFileQuery)


@get(
    "/v1/account-statements",
    opt={
        KEY: Documentation(
            name="readAccountFile",
            topic="Wallets",
            summary="Fetch the statement of a wallet or of takings for a day, as ISO 20022 camt.053",
            access=Permission.PAYMENTS_READ,
            query=_QUERY,
            headers=(ACTING_FOR,),
            answers={200: Answer("The same bytes each time", str, media_type="application/xml")},
            refusals=(
                *ACTING_REFUSALS,
                "field_missing",
                "currency_unknown",
                "calendar_not_found",
                "statement_day_open",
                "statement_too_long",
            ),
        )
    },
)
async def read_account_file(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Write the statement of a day that is over."""
    query = _QUERY.read(request)
    party = await party_of(services, caller, request)
    currency_exponent(query.currency)
    account = accounts.wallet if query.account == "wallet" else accounts.takings
    now_ns = services.clock.now_ns()

    def read(conn: Connection) -> bytes:
        calendar = find_calendar(conn, query.calendar)
        return written_statement(
            conn, account(party, query.currency), query.currency, calendar, query.day, now_ns
        )

    content = await services.database.as_party(party, read)
    return to_response(Reply(200, content, content_type=_XML))


HANDLERS = (read_account_file,)
