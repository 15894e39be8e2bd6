"""Trades: ordering, shipping, confirming, closing."""

from collections.abc import Callable
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import UNSET, Meta, UnsetType

from karez.channels.api.acting import ACTING_FOR, ACTING_REFUSALS, party_of
from karez.channels.api.asking import asked
from karez.channels.api.bodies import Body, Query, or_none
from karez.channels.api.caller import Caller
from karez.channels.api.carrying import carry, content_of, key_of, no_facts
from karez.channels.api.context import Services
from karez.channels.api.documentation import KEY, Answer, Documentation, Link
from karez.channels.api.fields import (
    EXAMPLE_IDS,
    EXAMPLE_MOMENT,
    CurrencyCode,
    Moment,
    MoneyAmount,
    PageSize,
    PartyId,
    Reference,
    Text,
)
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment, parse_moment
from karez.channels.api.operations import IDEMPOTENCY_KEY, OPERATION_REFUSALS
from karez.channels.api.replies import Reply, json_reply, location, to_response
from karez.channels.api.trade_desk import Action
from karez.ledger.operations import Operation
from karez.parties.roles import Permission
from karez.services.asking import Asking
from karez.services.payments.house import House
from karez.services.payments.trades import operations as trades
from karez.services.payments.trades.changes import TradeReceipt
from karez.services.payments.trades.operations import Order, trade_id
from karez.services.payments.trades.records import Trade, find_trade, trades_page

Category = Annotated[
    str,
    Meta(
        pattern="^[a-z]{1,20}$",
        description="Decides the timers: goods, fresh, digital, service.",
        examples=["goods"],
    ),
]


class NewTrade(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An order that waits for its payment.

    Attributes:
        mode: `escrow`: the money waits until the buyer confirms; `direct`: the shop has it at once.
        buyer: Who is to pay; left out, whoever pays first.
    """

    reference: Reference
    title: Text
    category: Category = "goods"
    mode: Literal["escrow", "direct"] = "escrow"
    currency: CurrencyCode
    amount_minor: MoneyAmount
    buyer: PartyId | None = None


class TradeView(msgspec.Struct, frozen=True, kw_only=True):
    """A trade.

    Attributes:
        held_minor: In escrow.
        released_minor: Gone to the shop.
        returned_minor: Gone back to the buyer.
        due: When the timer of its state runs out.
    """

    id: UUID
    reference: str
    shop: PartyId
    buyer: PartyId | None
    title: str
    category: str
    mode: str
    currency: str
    amount_minor: int
    state: str
    held_minor: int
    released_minor: int
    returned_minor: int
    due: Moment | None
    created: Moment
    paid: Moment | None
    finished: Moment | None


class TradePage(msgspec.Struct, frozen=True):
    """Trades, the latest first."""

    items: list[TradeView]
    next_before: Moment | None


class TradesQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which trades.

    Attributes:
        side: `sold` or `bought`.
        before: Ordered before this moment.
    """

    side: Literal["sold", "bought"] = "bought"
    before: Moment | UnsetType = UNSET
    limit: PageSize = 50


_EXAMPLE_NEW = {
    "reference": "order-2026-000123",
    "title": "Two bowls",
    "category": "goods",
    "currency": "CNY",
    "amount_minor": 12_300,
}
EXAMPLE_RECEIPT = {
    "id": EXAMPLE_IDS[5],
    "reference": "order-2026-000123",
    "state": "created",
    "currency": "CNY",
    "amount_minor": 12_300,
    "held_minor": 0,
    "released_minor": 0,
    "returned_minor": 0,
}
_EXAMPLE = {
    **EXAMPLE_RECEIPT,
    "shop": EXAMPLE_IDS[6],
    "buyer": None,
    "title": "Two bowls",
    "category": "goods",
    "mode": "escrow",
    "due": EXAMPLE_MOMENT,
    "created": EXAMPLE_MOMENT,
    "paid": None,
    "finished": None,
}
_NEW_TRADE: Body[NewTrade] = Body(NewTrade, _EXAMPLE_NEW)
_TRADES_QUERY = Query(TradesQuery)
ACTION_REFUSALS = (
    *OPERATION_REFUSALS,
    *ACTING_REFUSALS,
    "trade_not_found",
    "trade_state_wrong",
    "trade_not_yours",
)

Decide = Callable[[Asking, House, Trade, UUID], Operation]


@post(
    "/v1/trades",
    opt={
        KEY: Documentation(
            name="orderTrade",
            topic="Trades",
            summary="Order, as the shop",
            access=Permission.PAYMENTS_WRITE,
            body=_NEW_TRADE,
            headers=(ACTING_FOR,),
            answers={
                201: Answer(
                    "Ordered, now or before",
                    TradeReceipt,
                    EXAMPLE_RECEIPT,
                    (Link("trade", "readTrade", {"trade_id": "$response.body#/id"}),),
                )
            },
            refusals=(
                *OPERATION_REFUSALS,
                *ACTING_REFUSALS,
                "currency_not_open",
                "category_unknown",
                "amount_too_large",
                "buyer_is_shop",
                "row_exists",
            ),
        )
    },
)
async def order_trade(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Make a trade under the shop's own reference."""
    body = await _NEW_TRADE.read(request)
    shop = await party_of(services, caller, request)
    new = Order(**msgspec.structs.asdict(body))

    ask = asked(caller, shop, f"trade.order/{body.reference}", content_of(body), None)
    reply = await carry(
        services, ask, no_facts, lambda asking, house, _: trades.order(asking, house, shop, new)
    )
    return to_response(Reply(201, reply, (location("/v1/trades", trade_id(shop, body.reference)),)))


@get(
    "/v1/trades/{trade_id:uuid}",
    opt={
        KEY: Documentation(
            name="readTrade",
            topic="Trades",
            summary="Read a trade, as its shop or buyer",
            access=Permission.PAYMENTS_READ,
            headers=(ACTING_FOR,),
            answers={200: Answer("The trade", TradeView, _EXAMPLE)},
            refusals=(*ACTING_REFUSALS, "trade_not_found"),
        )
    },
)
async def read_trade(
    request: AnyRequest, trade_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return a trade."""
    party = await party_of(services, caller, request)
    return json_reply(_view(await services.database.as_party(party, lambda conn: find_trade(conn, trade_id))))


@get(
    "/v1/trades",
    opt={
        KEY: Documentation(
            name="listTrades",
            topic="Trades",
            summary="List the trades of a shop or buyer, the latest first",
            access=Permission.PAYMENTS_READ,
            query=_TRADES_QUERY,
            headers=(ACTING_FOR,),
            answers={200: Answer("A page", TradePage, {"items": [_EXAMPLE], "next_before": None})},
            refusals=(*ACTING_REFUSALS, "moment_malformed"),
        )
    },
)
async def list_trades(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return a page of trades."""
    query = _TRADES_QUERY.read(request)
    party = await party_of(services, caller, request)
    before = or_none(query.before)
    before_ns = None if before is None else parse_moment(before)
    found = await services.database.as_party(
        party, lambda conn: trades_page(conn, party, query.side, before_ns, query.limit)
    )
    next_before = format_moment(found[-1].created_ns) if len(found) == query.limit else None
    return json_reply(TradePage([_view(each) for each in found], next_before))


def _documentation(name: str, summary: str, *refusals: str) -> dict[str, Documentation]:
    return {
        KEY: Documentation(
            name=name,
            topic="Trades",
            summary=summary,
            access=Permission.PAYMENTS_WRITE,
            headers=(ACTING_FOR, IDEMPOTENCY_KEY),
            answers={200: Answer("Done, now or before", TradeReceipt, EXAMPLE_RECEIPT)},
            refusals=(*ACTION_REFUSALS, *refusals),
        )
    }


@post(
    "/v1/trades/{trade_id:uuid}/ship", status_code=200, opt=_documentation("shipTrade", "Ship, as the shop")
)
async def ship_trade(
    request: AnyRequest, trade_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Record that the goods are on their way."""
    return await _step(request, trade_id, caller, services, "ship")


@post(
    "/v1/trades/{trade_id:uuid}/confirm",
    status_code=200,
    opt=_documentation("confirmTrade", "Confirm, as the buyer: the shop gets what is in escrow"),
)
async def confirm_trade(
    request: AnyRequest, trade_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Release the money to the shop."""
    return await _step(request, trade_id, caller, services, "confirm")


@post(
    "/v1/trades/{trade_id:uuid}/extend",
    status_code=200,
    opt=_documentation("extendTrade", "Take more time once, as the buyer", "trade_extended_before"),
)
async def extend_trade(
    request: AnyRequest, trade_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Move the moment at which the trade counts as confirmed."""
    return await _act(
        request,
        trade_id,
        caller,
        services,
        "extend",
        lambda ask, _, trade, party: trades.extend(ask, trade, party),
    )


@post(
    "/v1/trades/{trade_id:uuid}/close",
    status_code=200,
    opt=_documentation("closeTrade", "Close an order that is not paid"),
)
async def close_trade(
    request: AnyRequest, trade_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Close an unpaid trade."""
    return await _act(
        request,
        trade_id,
        caller,
        services,
        "close",
        lambda ask, _, trade, party: trades.close(ask, trade, party),
    )


async def _step(
    request: AnyRequest, trade: UUID, caller: Caller, services: Services, action: Action
) -> Response[bytes]:
    party = await party_of(services, caller, request)
    return to_response(
        Reply(200, await services.trade_desk.step(caller, action, trade, party, key_of(request)))
    )


async def _act(
    request: AnyRequest, trade: UUID, caller: Caller, services: Services, action: str, decide: Decide
) -> Response[bytes]:
    party = await party_of(services, caller, request)
    reply = await carry(
        services,
        asked(caller, party, f"trade.{action}/{trade}", b"", key_of(request)),
        lambda: services.database.as_party(party, lambda conn: find_trade(conn, trade)),
        lambda asking, house, found: decide(asking, house, found, party),
    )
    return to_response(Reply(200, reply))


def _view(trade: Trade) -> TradeView:
    return TradeView(
        id=trade.id,
        reference=trade.reference,
        shop=trade.shop,
        buyer=trade.buyer,
        title=trade.title,
        category=trade.category,
        mode=trade.mode,
        currency=trade.currency,
        amount_minor=trade.amount_minor,
        state=trade.state,
        held_minor=trade.held_minor,
        released_minor=trade.released_minor,
        returned_minor=trade.returned_minor,
        due=None if trade.due_ns is None else format_moment(trade.due_ns),
        created=format_moment(trade.created_ns),
        paid=None if trade.paid_ns is None else format_moment(trade.paid_ns),
        finished=None if trade.finished_ns is None else format_moment(trade.finished_ns),
    )


HANDLERS = (
    order_trade,
    read_trade,
    list_trades,
    ship_trade,
    confirm_trade,
    extend_trade,
    close_trade,
)
