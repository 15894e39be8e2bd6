"""Settlement: the batches of a shop and their lines."""

from datetime import date
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.params import FromPath
from msgspec import UNSET, UnsetType

from karez.channels.api.acting import ACTING_FOR, ACTING_REFUSALS, party_of
from karez.channels.api.bodies import Query, or_none
from karez.channels.api.caller_database import Connection
from karez.channels.api.documentation import KEY, Answer, Documentation, Link
from karez.channels.api.fields import EXAMPLE_IDS, EXAMPLE_MOMENT, Moment, PageSize
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment, parse_moment
from karez.channels.api.replies import json_reply
from karez.parties.roles import Permission
from karez.services.payments.settlement.batches import LineKind, Movement, line_fee
from karez.services.payments.settlement.fees import AgreedPlans
from karez.services.payments.settlement.movements import Span, movements_page
from karez.services.payments.settlement.records import (
    Batch,
    agreed_plans,
    batches_page,
    find_batch,
)

_LATEST_NS = 2**63 - 1


class BatchView(msgspec.Struct, frozen=True, kw_only=True):
    """What a shop got on one day: brought + gross - refunded + adjusted - fee = paid + carried.

    Attributes:
        adjusted_minor: What chargebacks took, below zero, and brought back.
        fee_minor: Fees less what came back of them.
        brought_minor: Owed from the batch before.
        carried_minor: Owed to the next one.
        payout: The payout to a bank; null where the wallet got it.
    """

    id: UUID
    currency: str
    day: date
    from_: Moment = msgspec.field(name="from")
    until: Moment
    payments: int
    gross_minor: int
    refunds: int
    refunded_minor: int
    adjusted_minor: int
    fee_minor: int
    brought_minor: int
    paid_minor: int
    carried_minor: int
    payout: UUID | None


class BatchPage(msgspec.Struct, frozen=True):
    """Batches, the latest first."""

    items: list[BatchView]
    next_before: Moment | None


class BatchesQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which batches.

    Attributes:
        before: With lines that end before this moment.
    """

    before: Moment | UnsetType = UNSET
    limit: PageSize = 50


class LineView(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a batch.

    Attributes:
        kind: A `release` is a part of a trade, whose `payment` is the rest.
        id: Of the trade, the release, the refund or the chargeback.
        amount_minor: Below zero if the shop lost it.
        fee_minor: What it cost; below zero is what came back of a fee.
    """

    kind: LineKind
    id: UUID
    trade: UUID
    reference: str
    amount_minor: int
    fee_minor: int
    moment: Moment


class LinePage(msgspec.Struct, frozen=True):
    """Lines in the order of time."""

    items: list[LineView]
    next_after: Moment | None
    next_after_id: UUID | None


class LinesQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which lines: those after the last one of the page before.

    Attributes:
        after: `next_after` of the page before.
        after_id: `next_after_id` of the page before.
    """

    after: Moment | UnsetType = UNSET
    after_id: UUID | UnsetType = UNSET
    limit: PageSize = 200


_EXAMPLE_BATCH = {
    "id": EXAMPLE_IDS[4],
    "currency": "CNY",
    "day": "2026-09-21",
    "from": EXAMPLE_MOMENT,
    "until": EXAMPLE_MOMENT,
    "payments": 2,
    "gross_minor": 15_000,
    "refunds": 0,
    "refunded_minor": 0,
    "adjusted_minor": 0,
    "fee_minor": 90,
    "brought_minor": 0,
    "paid_minor": 14_910,
    "carried_minor": 0,
    "payout": None,
}
_EXAMPLE_LINE = {
    "kind": "payment",
    "id": EXAMPLE_IDS[5],
    "trade": EXAMPLE_IDS[5],
    "reference": "order-2026-000123",
    "amount_minor": 10_000,
    "fee_minor": 60,
    "moment": EXAMPLE_MOMENT,
}
_BATCHES_QUERY = Query(BatchesQuery)
_LINES_QUERY = Query(LinesQuery)


@get(
    "/v1/settlement-batches",
    opt={
        KEY: Documentation(
            name="listSettlementBatches",
            topic="Settlement",
            summary="List the batches of a shop, the latest first",
            access=Permission.PAYMENTS_READ,
            query=_BATCHES_QUERY,
            headers=(ACTING_FOR,),
            answers={200: Answer("A page", BatchPage, {"items": [_EXAMPLE_BATCH], "next_before": None})},
            refusals=(*ACTING_REFUSALS, "moment_malformed"),
        )
    },
)
async def list_settlement_batches(
    request: AnyRequest, caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return a page of batches."""
    query = _BATCHES_QUERY.read(request)
    shop = await party_of(services, caller, request)
    before = or_none(query.before)
    before_ns = _LATEST_NS if before is None else parse_moment(before)
    found = await services.database.as_party(
        shop, lambda conn: batches_page(conn, shop, before_ns, query.limit)
    )
    next_before = format_moment(found[-1].until_ns) if len(found) == query.limit else None
    return json_reply(BatchPage([_batch_view(each) for each in found], next_before))


@get(
    "/v1/settlement-batches/{batch_id:uuid}",
    opt={
        KEY: Documentation(
            name="readSettlementBatch",
            topic="Settlement",
            summary="Read a batch, as its shop",
            access=Permission.PAYMENTS_READ,
            headers=(ACTING_FOR,),
            answers={
                200: Answer(
                    "The batch",
                    BatchView,
                    _EXAMPLE_BATCH,
                    (Link("lines", "listSettlementLines", {"batch_id": "$response.body#/id"}),),
                )
            },
            refusals=(*ACTING_REFUSALS, "settlement_batch_not_found"),
        )
    },
)
async def read_settlement_batch(
    request: AnyRequest, batch_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return a batch."""
    shop = await party_of(services, caller, request)
    return json_reply(
        _batch_view(await services.database.as_party(shop, lambda conn: find_batch(conn, batch_id)))
    )


@get(
    "/v1/settlement-batches/{batch_id:uuid}/lines",
    opt={
        KEY: Documentation(
            name="listSettlementLines",
            topic="Settlement",
            summary="List the lines of a batch, as its shop",
            access=Permission.PAYMENTS_READ,
            query=_LINES_QUERY,
            headers=(ACTING_FOR,),
            answers={
                200: Answer(
                    "A page",
                    LinePage,
                    {"items": [_EXAMPLE_LINE], "next_after": None, "next_after_id": None},
                )
            },
            refusals=(*ACTING_REFUSALS, "settlement_batch_not_found", "moment_malformed"),
        )
    },
)
async def list_settlement_lines(
    request: AnyRequest, batch_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return a page of lines, read from the trades, refunds and chargebacks themselves."""
    query = _LINES_QUERY.read(request)
    shop = await party_of(services, caller, request)
    after = or_none(query.after)
    after_ns = -1 if after is None else parse_moment(after)

    def read(conn: Connection) -> tuple[AgreedPlans, list[Movement]]:
        batch = find_batch(conn, batch_id)
        span = Span(batch.shop, batch.currency, batch.from_ns, batch.until_ns)
        lines = movements_page(conn, span, after_ns, or_none(query.after_id), query.limit)
        return agreed_plans(conn, batch.shop, batch.currency), lines

    plans, lines = await services.database.as_party(shop, read)
    last = lines[-1] if len(lines) == query.limit else None
    return json_reply(
        LinePage(
            [_line_view(plans, each) for each in lines],
            None if last is None else format_moment(last.moment_ns),
            None if last is None else last.id,
        )
    )


def _batch_view(batch: Batch) -> BatchView:
    return BatchView(
        id=batch.id,
        currency=batch.currency,
        day=batch.day,
        from_=format_moment(batch.from_ns),
        until=format_moment(batch.until_ns),
        payments=batch.payments,
        gross_minor=batch.gross_minor,
        refunds=batch.refunds,
        refunded_minor=batch.refunded_minor,
        adjusted_minor=batch.adjusted_minor,
        fee_minor=batch.fee_minor,
        brought_minor=batch.brought_minor,
        paid_minor=batch.paid_minor,
        carried_minor=batch.carried_minor,
        payout=batch.payout,
    )


def _line_view(plans: AgreedPlans, line: Movement) -> LineView:
    return LineView(
        kind=line.kind,
        id=line.id,
        trade=line.trade,
        reference=line.reference,
        amount_minor=line.amount_minor,
        fee_minor=line_fee(plans, line),
        moment=format_moment(line.moment_ns),
    )


HANDLERS = (
    list_settlement_batches,
    read_settlement_batch,
    list_settlement_lines,
)
