"""From which banks statements are fetched every day."""

from datetime import date
from typing import Annotated

import msgspec
from litestar import Response, get, put
from msgspec import Meta

from karez.channels.api.asking import asked
from karez.channels.api.bodies import Body
from karez.channels.api.caller_database import Connection
from karez.channels.api.carrying import carry, content_of, needed_key
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import EXAMPLE_MOMENT, CurrencyCode, InstitutionNumber, Moment
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment
from karez.channels.api.operations import NEEDED_KEY, OPERATION_REFUSALS
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.core.outcomes import Rejected
from karez.parties.roles import Permission
from karez.services.payments.reconciliation.sources import (
    SourceReceipt,
    StatementSource,
    all_sources,
    fetch_from,
    find_source,
)

_IS_LINKED = "SELECT FROM bank_link WHERE institution = %s AND %s = ANY(currencies)"


class NewSource(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A bank whose statements are to be fetched.

    Attributes:
        institution: The bank; it is linked.
        zone: Where its days begin and end.
        first_day: The first one of which the statement is fetched.
    """

    institution: InstitutionNumber
    currency: CurrencyCode
    zone: Annotated[str, Meta(min_length=1, max_length=64)] = "Asia/Shanghai"
    first_day: date


class SourceView(msgspec.Struct, frozen=True, kw_only=True):
    """What is fetched from a bank.

    Attributes:
        next_day: Of which the statement is fetched next.
        next_try: When.
        trouble: Why it did not come the last time; null if it did.
    """

    bank: InstitutionNumber
    currency: str
    zone: str
    next_day: date
    next_try: Moment
    trouble: str | None


class SourceList(msgspec.Struct, frozen=True):
    """All that is fetched."""

    items: list[SourceView]


_EXAMPLE = {
    "bank": 2,
    "currency": "CNY",
    "zone": "Asia/Shanghai",
    "next_day": "2026-09-21",
    "next_try": EXAMPLE_MOMENT,
    "trouble": None,
}
_SOURCE: Body[NewSource] = Body(NewSource, {"institution": 2, "currency": "CNY", "first_day": "2026-09-21"})


@put(
    "/v1/statement-sources",
    opt={
        KEY: Documentation(
            name="fetchStatements",
            topic="Reconciliation",
            summary="Have a bank's statement of every day fetched, taken in and compared, as the operator",
            access=Permission.OPERATOR,
            body=_SOURCE,
            headers=(NEEDED_KEY,),
            answers={
                200: Answer(
                    "Fetched from that day on",
                    SourceReceipt,
                    {"bank": 2, "currency": "CNY", "zone": "Asia/Shanghai", "first_day": "2026-09-21"},
                )
            },
            refusals=(*OPERATION_REFUSALS, "idempotency_key_missing", "bank_not_linked", "zone_unknown"),
        )
    },
)
async def fetch_statements(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Fetch from a bank."""
    body = await _SOURCE.read(request)

    def read(conn: Connection) -> StatementSource | None:
        if conn.execute(_IS_LINKED, (body.institution, body.currency)).fetchone() is None:
            raise Rejected(
                "bank_not_linked",
                f"Karez does not talk to bank {body.institution} in {body.currency}; link the bank first.",
            )
        return find_source(conn, body.institution, body.currency)

    what = f"reconciliation.fetch_from/{body.institution}"
    reply = await carry(
        services,
        asked(caller, None, what, content_of(body), needed_key(request)),
        lambda: services.database.as_operator(read),
        lambda asking, _, kept: fetch_from(
            asking, kept, body.institution, body.currency, body.zone, body.first_day
        ),
    )
    return to_response(Reply(200, reply))


@get(
    "/v1/statement-sources",
    opt={
        KEY: Documentation(
            name="listStatementSources",
            topic="Reconciliation",
            summary="List the banks whose statements are fetched, as the operator",
            access=Permission.OPERATOR,
            answers={200: Answer("All of them", SourceList, {"items": [_EXAMPLE]})},
        )
    },
)
async def list_statement_sources(services: TheServices) -> Response[bytes]:
    """Return all that is fetched."""
    found = await services.database.as_operator(all_sources)
    return json_reply(SourceList([_view(each) for each in found]))


def _view(source: StatementSource) -> SourceView:
    return SourceView(
        bank=source.institution,
        currency=source.currency,
        zone=source.zone,
        next_day=source.day,
        next_try=format_moment(source.due_ns),
        trouble=source.trouble,
    )


HANDLERS = (fetch_statements, list_statement_sources)
