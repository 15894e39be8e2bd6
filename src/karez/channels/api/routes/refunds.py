"""Refunds: giving back a part of a trade, and what was given back."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import UNSET, Meta, UnsetType

from karez.channels.api.acting import ACTING_FOR, ACTING_REFUSALS, party_of
from karez.channels.api.asking import asked
from karez.channels.api.bodies import Body, Query, or_none
from karez.channels.api.caller_database import Connection
from karez.channels.api.carrying import carry, content_of
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import EXAMPLE_IDS, EXAMPLE_MOMENT, Moment, MoneyAmount, PageSize, Reference
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment, parse_moment
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.channels.api.routes.trades import ACTION_REFUSALS
from karez.parties.roles import Permission
from karez.services.payments.refunds import operations as refunds
from karez.services.payments.refunds.operations import NewRefund, Part, RefundReceipt, refund_id
from karez.services.payments.refunds.records import Refund, refund_facts, refunds_page
from karez.services.payments.trades.records import find_trade

_LINES_MAX = 100
_LATEST_NS = 2**63 - 1


class RefundRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to go back.

    Attributes:
        reason: What the buyer is told.
        lines: Your own names of the order's lines that are refunded.
    """

    reference: Reference
    amount_minor: MoneyAmount
    reason: Annotated[str, Meta(max_length=200, pattern=r"^[^\u0000-\u001f\u007f]*$")] = ""
    lines: Annotated[list[Reference], Meta(max_length=_LINES_MAX)] = []


class RefundView(msgspec.Struct, frozen=True, kw_only=True):
    """A refund.

    Attributes:
        taken_from: `escrow` or `takings`.
        parts: Where the money went, the source that paid last first.
        lines: The shop's own names of what was refunded.
    """

    id: UUID
    trade: UUID
    reference: str
    currency: str
    amount_minor: int
    taken_from: str
    parts: tuple[Part, ...]
    reason: str
    lines: tuple[str, ...]
    refunded: Moment


class RefundPage(msgspec.Struct, frozen=True):
    """Refunds of a trade, the latest first."""

    items: list[RefundView]
    next_before: Moment | None


class RefundsQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which refunds.

    Attributes:
        before: Made before this moment.
    """

    before: Moment | UnsetType = UNSET
    limit: PageSize = 50


_RECEIPT = {
    "id": EXAMPLE_IDS[2],
    "trade": EXAMPLE_IDS[5],
    "reference": "refund-1",
    "currency": "CNY",
    "amount_minor": 500,
    "taken_from": "takings",
    "parts": [{"source": "balance", "amount_minor": 500}],
    "reason": "One bowl was broken.",
    "lines": ["bowl-2"],
}
_NEW: Body[RefundRequest] = Body(
    RefundRequest,
    {
        "reference": "refund-1",
        "amount_minor": 500,
        "reason": "One bowl was broken.",
        "lines": ["bowl-2"],
    },
)
_QUERY = Query(RefundsQuery)


@post(
    "/v1/trades/{trade_id:uuid}/refunds",
    opt={
        KEY: Documentation(
            name="refundTrade",
            topic="Refunds",
            summary="Refund a part or all of a trade, as the shop",
            description="The same reference is refunded once, however often it is sent. What is in escrow goes back "
            "from there; once the trade is finished, the money comes from the shop's takings. The source that paid "
            "last gets its money back first.",
            access=Permission.PAYMENTS_WRITE,
            body=_NEW,
            headers=(ACTING_FOR,),
            answers={201: Answer("Refunded, now or before", RefundReceipt, _RECEIPT)},
            refusals=(
                *ACTION_REFUSALS,
                "exchange_return_limited",
                "amount_above_escrow",
                "refund_exceeds_payment",
                "refund_reference_used",
            ),
        )
    },
)
async def refund_trade(
    request: AnyRequest, trade_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Give a part of a payment back to where it came from."""
    body = await _NEW.read(request)
    shop = await party_of(services, caller, request)
    new = NewRefund(body.reference, body.amount_minor, body.reason, tuple(body.lines))
    id_ = refund_id(trade_id, body.reference)
    reply = await carry(
        services,
        asked(caller, shop, f"trade.refund/{trade_id}", content_of(body), None),
        lambda: services.database.as_party(shop, lambda conn: refund_facts(conn, trade_id, id_)),
        lambda asking, house, facts: refunds.refund(asking, house, facts, shop, new),
    )
    return to_response(Reply(201, reply))


@get(
    "/v1/trades/{trade_id:uuid}/refunds",
    opt={
        KEY: Documentation(
            name="listRefunds",
            topic="Refunds",
            summary="List the refunds of a trade, as its shop or buyer, the latest first",
            access=Permission.PAYMENTS_READ,
            query=_QUERY,
            headers=(ACTING_FOR,),
            answers={
                200: Answer(
                    "A page",
                    RefundPage,
                    {"items": [{**_RECEIPT, "refunded": EXAMPLE_MOMENT}], "next_before": None},
                )
            },
            refusals=(*ACTING_REFUSALS, "trade_not_found", "moment_malformed"),
        )
    },
)
async def list_refunds(
    request: AnyRequest, trade_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return a page of refunds."""
    query = _QUERY.read(request)
    party = await party_of(services, caller, request)
    before = or_none(query.before)
    before_ns = _LATEST_NS if before is None else parse_moment(before)

    def read(conn: Connection) -> list[Refund]:
        find_trade(conn, trade_id)
        return refunds_page(conn, trade_id, before_ns, query.limit)

    found = await services.database.as_party(party, read)
    next_before = format_moment(found[-1].refunded_ns) if len(found) == query.limit else None
    return json_reply(RefundPage([_view(each) for each in found], next_before))


def _view(refund: Refund) -> RefundView:
    return RefundView(
        id=refund.id,
        trade=refund.trade,
        reference=refund.reference,
        currency=refund.currency,
        amount_minor=refund.amount_minor,
        taken_from=refund.taken_from,
        parts=tuple(Part(source=leg.source, amount_minor=leg.amount_minor) for leg in refund.went_to),
        reason=refund.reason,
        lines=refund.line_names,
        refunded=format_moment(refund.refunded_ns),
    )


HANDLERS = (refund_trade, list_refunds)
