"""The exchange's market: pairs and margins, the banks' limits and rates, and squaring what was sold."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post, put
from litestar.params import FromPath
from msgspec import Meta

from karez.channels.api.asking import asked
from karez.channels.api.bodies import Body
from karez.channels.api.caller import Caller
from karez.channels.api.caller_database import Connection
from karez.channels.api.carrying import carry, content_of, needed_key, no_facts
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import (
    EXAMPLE_IDS,
    EXAMPLE_MOMENT,
    CurrencyCode,
    InstitutionNumber,
    Moment,
    MoneyAmount,
    NewId,
)
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import parse_moment
from karez.channels.api.operations import NEEDED_KEY, OPERATION_REFUSALS
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.core.outcomes import Rejected
from karez.parties.roles import Permission
from karez.services.payments import accounts
from karez.services.payments.exchange.market import (
    Delivered,
    LimitReceipt,
    PairFacts,
    PairReceipt,
    RateReceipt,
    SquareReceipt,
    decide_pair,
    give_rate,
    grant,
    square,
)
from karez.services.payments.exchange.rates import PRICE_MAX, Rate
from karez.services.payments.exchange.records import Limit, Pair, limits_of, pair_of
from karez.services.payments.opened import opened_accounts

Price = Annotated[int, Meta(ge=1, le=PRICE_MAX, description="Whole number with `scale` decimals.")]
LimitAmount = Annotated[int, Meta(ge=0, le=2**53, description="Minor units of the currency.")]


class NewPair(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """That one currency may be paid for what is priced in another.

    Attributes:
        margin_bps: What Karez adds, in hundredths of a percent.
        quote_s: How long a quote holds.
    """

    paid: CurrencyCode
    priced: CurrencyCode
    margin_bps: Annotated[int, Meta(ge=0, le=2_000)]
    quote_s: Annotated[int, Meta(ge=1, le=86_400)] = 300


class NewLimit(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How much of a currency Karez may sell before it has bought it."""

    limit_minor: LimitAmount


class NewRate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A rate of the calling bank: one base costs `ask` and brings `bid` of the counter currency.

    Attributes:
        id: Your own new id; it makes retries safe.
        scale: How many decimals bid and ask have.
    """

    id: NewId
    base: CurrencyCode
    counter: CurrencyCode
    bid: Price
    ask: Price
    scale: Annotated[int, Meta(ge=0, le=12)]
    valid_until: Moment


class AmountDelivered(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An amount of a currency."""

    currency: CurrencyCode
    amount_minor: MoneyAmount


class NewSquare(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a bank has delivered, and what it was paid for it out of what it holds.

    Attributes:
        id: Your own new id; it makes retries safe.
    """

    id: NewId
    institution: InstitutionNumber
    delivered: AmountDelivered
    paid: AmountDelivered


class PositionView(msgspec.Struct, frozen=True, kw_only=True):
    """What Karez can do in one currency through the calling bank.

    Attributes:
        limit_minor: What the bank grants.
        available_minor: What Karez can still sell.
        position_minor: What Karez has bought and not sold; below zero what it has sold and must buy.
    """

    currency: str
    limit_minor: int
    available_minor: int
    position_minor: int


class PositionList(msgspec.Struct, frozen=True):
    """The positions in all currencies of the calling bank."""

    items: list[PositionView]


_EXAMPLE_PAIR = {"paid": "CNY", "priced": "USD", "margin_bps": 100, "quote_s": 300}
_EXAMPLE_RATE = {
    "id": EXAMPLE_IDS[1],
    "base": "USD",
    "counter": "CNY",
    "bid": 71_134,
    "ask": 71_234,
    "scale": 4,
}
_EXAMPLE_SQUARE = {
    "id": EXAMPLE_IDS[2],
    "delivered": {"currency": "USD", "amount_minor": 1_000},
    "paid": {"currency": "CNY", "amount_minor": 7_124},
}
_PAIR: Body[NewPair] = Body(NewPair, _EXAMPLE_PAIR)
_LIMIT: Body[NewLimit] = Body(NewLimit, {"limit_minor": 1_000_000})
_RATE: Body[NewRate] = Body(NewRate, {**_EXAMPLE_RATE, "valid_until": EXAMPLE_MOMENT})
_SQUARE: Body[NewSquare] = Body(NewSquare, {**_EXAMPLE_SQUARE, "institution": 2})
_BANK_REFUSALS = (*OPERATION_REFUSALS, "institution_needed", "bank_needed", "currency_not_open")


@put(
    "/v1/exchange-pairs",
    opt={
        KEY: Documentation(
            name="decideExchangePair",
            topic="Exchange",
            summary="Let one currency be paid for what is priced in another, as the operator",
            access=Permission.OPERATOR,
            body=_PAIR,
            headers=(NEEDED_KEY,),
            answers={200: Answer("Decided", PairReceipt, _EXAMPLE_PAIR)},
            refusals=(
                *OPERATION_REFUSALS,
                "idempotency_key_missing",
                "currency_not_open",
                "exchange_pair_out_of_range",
            ),
        )
    },
)
async def decide_exchange_pair(
    request: AnyRequest, caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Open a pair or change its margin; quotes that were made keep theirs."""
    body = await _PAIR.read(request)
    new = Pair(body.paid, body.priced, body.margin_bps, body.quote_s)
    needed = [accounts.exchange_margin(new.paid), accounts.exchange_delivery(new.priced)]

    def read(conn: Connection) -> PairFacts:
        return PairFacts(pair_of(conn, new.paid, new.priced), opened_accounts(conn, needed))

    reply = await carry(
        services,
        asked(caller, None, "exchange.decide_pair", content_of(body), needed_key(request)),
        lambda: services.database.as_operator(read),
        lambda asking, house, facts: decide_pair(asking, house, facts, new),
    )
    return to_response(Reply(200, reply))


@put(
    "/v1/exchange-limits/{currency:str}",
    opt={
        KEY: Documentation(
            name="grantExchangeLimit",
            topic="Exchange",
            summary="Let Karez sell so much of a currency before it has bought it, as the bank",
            access=Permission.PAYMENTS_WRITE,
            body=_LIMIT,
            headers=(NEEDED_KEY,),
            answers={
                200: Answer("Granted", LimitReceipt, {"bank": 2, "currency": "USD", "limit_minor": 1_000_000})
            },
            refusals=(*_BANK_REFUSALS, "idempotency_key_missing", "exchange_limit_in_use"),
        )
    },
)
async def grant_exchange_limit(
    request: AnyRequest, currency: FromPath[str], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Set the limit of a currency; the first time opens the position."""
    body = await _LIMIT.read(request)
    bank = caller.institution

    def read(conn: Connection) -> Limit | None:
        _check_bank(conn, caller)
        return {limit.currency: limit for limit in limits_of(conn, bank)}.get(currency)

    reply = await carry(
        services,
        asked(caller, None, f"exchange.grant/{currency}", content_of(body), needed_key(request)),
        lambda: services.database.as_caller(caller, read),
        lambda asking, house, known: grant(asking, house, bank, currency, known, body.limit_minor),
    )
    return to_response(Reply(200, reply))


@get(
    "/v1/exchange-positions",
    opt={
        KEY: Documentation(
            name="listExchangePositions",
            topic="Exchange",
            summary="List what Karez can still sell through the calling bank",
            access=Permission.PAYMENTS_READ,
            answers={
                200: Answer(
                    "Each currency",
                    PositionList,
                    {
                        "items": [
                            {
                                "currency": "USD",
                                "limit_minor": 1_000_000,
                                "available_minor": 999_000,
                                "position_minor": -1_000,
                            }
                        ]
                    },
                )
            },
            refusals=("institution_needed",),
        )
    },
)
async def list_exchange_positions(caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return the calling bank's positions, as the book has them now."""
    bank = caller.institution
    limits = await services.database.as_caller(caller, lambda conn: limits_of(conn, bank))
    balances = await services.book.balances(
        [accounts.exchange_position(bank, limit.currency) for limit in limits]
    )
    views = []
    for limit, balance in zip(limits, balances, strict=True):
        assert balance is not None, "a limit is set together with its position"
        available_minor = balance.credits_posted - balance.debits_posted
        views.append(
            PositionView(
                currency=limit.currency,
                limit_minor=limit.limit_minor,
                available_minor=available_minor,
                position_minor=available_minor - limit.limit_minor,
            )
        )
    return json_reply(PositionList(views))


@post(
    "/v1/exchange-rates",
    opt={
        KEY: Documentation(
            name="giveExchangeRate",
            topic="Exchange",
            summary="Give a rate, as the bank; the next one for the pair replaces it",
            access=Permission.PAYMENTS_WRITE,
            body=_RATE,
            answers={201: Answer("Given, now or before", RateReceipt, _EXAMPLE_RATE)},
            refusals=(
                *_BANK_REFUSALS,
                "moment_malformed",
                "exchange_not_open",
                "exchange_rate_out_of_range",
                "exchange_rate_expired",
                "row_exists",
            ),
        )
    },
)
async def give_exchange_rate(
    request: AnyRequest, caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Record a rate."""
    body = await _RATE.read(request)
    bank, valid_until_ns = caller.institution, parse_moment(body.valid_until)

    def read(conn: Connection) -> frozenset[str]:
        _check_bank(conn, caller)
        return frozenset(limit.currency for limit in limits_of(conn, bank))

    def rate_of(id_: UUID) -> Rate:
        return Rate(id_, bank, body.base, body.counter, body.bid, body.ask, body.scale, valid_until_ns)

    reply = await carry(
        services,
        asked(caller, None, "exchange.give_rate", content_of(body), body.id),
        lambda: services.database.as_caller(caller, read),
        lambda asking, house, open_in: give_rate(asking, house, rate_of(asking.made_id("rate")), open_in),
    )
    return to_response(Reply(201, reply))


@post(
    "/v1/exchange-settlements",
    opt={
        KEY: Documentation(
            name="squareExchange",
            topic="Exchange",
            summary="Record that a bank has delivered what was sold and was paid for it, as the operator",
            access=Permission.OPERATOR,
            body=_SQUARE,
            answers={201: Answer("Recorded, now or before", SquareReceipt, {**_EXAMPLE_SQUARE, "bank": 2})},
            refusals=(
                *OPERATION_REFUSALS,
                "currency_not_open",
                "exchange_limit_exceeded",
                "payer_account_not_found",
                "payee_account_not_found",
            ),
        )
    },
)
async def square_exchange(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Book a delivery and its payment."""
    body = await _SQUARE.read(request)
    delivered, paid = (
        Delivered(currency=each.currency, amount_minor=each.amount_minor)
        for each in (body.delivered, body.paid)
    )

    reply = await carry(
        services,
        asked(caller, None, "exchange.square", content_of(body), body.id),
        no_facts,
        lambda asking, house, _: square(asking, house, body.institution, delivered, paid),
    )
    return to_response(Reply(201, reply))


def _check_bank(conn: Connection, caller: Caller) -> None:
    """Refuse an institution that is no bank."""
    row = conn.execute("SELECT kind FROM institution WHERE number = %s", (caller.institution,)).fetchone()
    if row is None or row[0] != "bank":
        raise Rejected("bank_needed", "Only a bank can do this; use the credential of one.")


HANDLERS = (
    decide_exchange_pair,
    grant_exchange_limit,
    list_exchange_positions,
    give_exchange_rate,
    square_exchange,
)
