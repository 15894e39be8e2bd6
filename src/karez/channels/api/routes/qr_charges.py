"""Charging whoever has shown a pay code, as the shop."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import Meta

from karez.channels.api.acting import ACTING_FOR, ACTING_REFUSALS, party_of
from karez.channels.api.asking import asked
from karez.channels.api.bodies import Body, Query
from karez.channels.api.carrying import carry, content_of, needed_key
from karez.channels.api.context import Services
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import CurrencyCode, MoneyAmount, Reference, Text
from karez.channels.api.fraud_guard import STOPPING_REFUSALS
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.operations import NEEDED_KEY
from karez.channels.api.replies import Reply, json_reply, location, to_response
from karez.channels.api.routes.trade_payments import pay_trade
from karez.channels.api.routes.trades import EXAMPLE_RECEIPT, Category
from karez.core.outcomes import Rejected
from karez.parties.roles import Permission
from karez.services.payments.fraud.paid_trades import charge_attempt, trade_attempt
from karez.services.payments.qr import operations
from karez.services.payments.qr.charging import Shown, read_charge, read_shown
from karez.services.payments.qr.pay_codes import fingerprints, read_pay_code
from karez.services.payments.trades.changes import TradeReceipt, receipt_of
from karez.services.payments.trades.operations import Mode, Order, trade_id
from karez.services.payments.trades.records import Trade, find_trade

ShownCode = Annotated[
    str,
    Meta(max_length=4_096, description="As it was scanned or typed.", examples=["281234567890123456"]),
]


class NewCharge(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A sale to whoever has shown a pay code.

    Attributes:
        reference: Names the sale for ever, also for asking what became of it.
        mode: `direct`: the shop has the money at once; `escrow`: it waits until the payer confirms.
    """

    pay_code: ShownCode
    reference: Reference
    title: Text
    category: Category = "service"
    mode: Mode = "direct"
    currency: CurrencyCode
    amount_minor: MoneyAmount


class ShownPayCode(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a payer has shown."""

    pay_code: ShownCode


class ChargeQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which sale."""

    reference: Reference


_CHARGE: Body[NewCharge] = Body(
    NewCharge,
    {
        "pay_code": "281234567890123456",
        "reference": "sale-2026-000123",
        "title": "Green tea",
        "currency": "CNY",
        "amount_minor": 1_230,
    },
)
_SHOWN: Body[ShownPayCode] = Body(ShownPayCode, {"pay_code": "281234567890123456"})
_QUERY = Query(ChargeQuery)
_EXAMPLE = {**EXAMPLE_RECEIPT, "state": "finished", "released_minor": 12_300}
_PAY_TRADE: Documentation = pay_trade.opt[KEY]
_REFUSALS = (
    *_PAY_TRADE.refusals,
    "idempotency_key_missing",
    "pay_code_malformed",
    "pay_code_unknown",
    "pay_code_used",
    "pay_code_expired",
    "pay_code_without_wallet",
)


@post(
    "/v1/charges",
    opt={
        KEY: Documentation(
            name="chargePayCode",
            topic="QR codes",
            summary="Charge whoever has shown a pay code, as the shop",
            description="If the answer is lost, send the same request again: the code is charged once. A shop "
            "that is wrong about codes, or about what payers have, too often within a minute has to wait.",
            access=Permission.PAYMENTS_WRITE,
            body=_CHARGE,
            headers=(ACTING_FOR, NEEDED_KEY),
            answers={201: Answer("Charged, now or before", TradeReceipt, _EXAMPLE)},
            refusals=(
                *_REFUSALS,
                *STOPPING_REFUSALS,
                "reference_used",
                "currency_not_open",
                "category_unknown",
                "amount_too_large",
            ),
        )
    },
)
async def charge_pay_code(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Sell something to whoever has shown a code."""
    body = await _CHARGE.read(request)
    shop = await party_of(services, caller, request)
    by = fingerprints(services.pay_code_sealer, read_pay_code(body.pay_code))
    new = Order(
        reference=body.reference,
        title=body.title,
        category=body.category,
        mode=body.mode,
        currency=body.currency,
        amount_minor=body.amount_minor,
        buyer=None,
    )
    reply = await _counted(
        services,
        shop,
        lambda: carry(
            services,
            asked(caller, shop, "qr.charge", content_of(body), needed_key(request)),
            lambda: services.database.as_operator(
                lambda conn: read_charge(conn, by, body.currency, shop, body.reference)
            ),
            lambda asking, house, facts: operations.charge(
                asking, house, shop, new, facts[0].code, facts[0].wallet, is_reference_used=facts[1]
            ),
            lambda asking, facts: charge_attempt(
                asking, facts[0].code.payer, shop, body.currency, body.amount_minor
            ),
        ),
    )
    return to_response(Reply(201, reply, (location("/v1/trades", trade_id(shop, body.reference)),)))


@get(
    "/v1/charges",
    opt={
        KEY: Documentation(
            name="findCharge",
            topic="QR codes",
            summary="Ask by its reference what became of a sale, as the shop",
            description="While a request is still on its way, nothing may be charged yet; to be sure, send that "
            "request again.",
            access=Permission.PAYMENTS_READ,
            query=_QUERY,
            headers=(ACTING_FOR,),
            answers={200: Answer("The sale", TradeReceipt, _EXAMPLE)},
            refusals=(*ACTING_REFUSALS, "field_missing", "charge_not_found"),
        )
    },
)
async def find_charge(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return a sale by its reference."""
    reference = _QUERY.read(request).reference
    shop = await party_of(services, caller, request)
    try:
        found = await services.database.as_party(
            shop, lambda conn: find_trade(conn, trade_id(shop, reference))
        )
    except Rejected:
        raise Rejected(
            "charge_not_found",
            f"Nothing was charged under the reference {reference!r}; send the charge, the same if you did before.",
        ) from None
    return json_reply(receipt_of(found, {}))


@post(
    "/v1/trades/{trade_id:uuid}/charge",
    status_code=200,
    opt={
        KEY: Documentation(
            name="chargeTrade",
            topic="QR codes",
            summary="Have an order paid by whoever has shown a pay code, as the shop",
            access=Permission.PAYMENTS_WRITE,
            body=_SHOWN,
            headers=(ACTING_FOR, NEEDED_KEY),
            answers={200: Answer("Charged, now or before", TradeReceipt, _EXAMPLE)},
            refusals=(*_REFUSALS, *STOPPING_REFUSALS),
        )
    },
)
async def charge_trade(
    request: AnyRequest, trade_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Have an order paid by a code."""
    body = await _SHOWN.read(request)
    shop = await party_of(services, caller, request)
    by = fingerprints(services.pay_code_sealer, read_pay_code(body.pay_code))

    async def read() -> tuple[Trade, Shown]:
        trade = await services.database.as_party(shop, lambda conn: find_trade(conn, trade_id))
        shown = await services.database.as_operator(lambda conn: read_shown(conn, by, trade.currency))
        return trade, shown

    reply = await _counted(
        services,
        shop,
        lambda: carry(
            services,
            asked(caller, shop, f"qr.charge_trade/{trade_id}", content_of(body), needed_key(request)),
            read,
            lambda asking, house, facts: operations.charge_trade(
                asking, house, shop, facts[0], facts[1].code, facts[1].wallet
            ),
            lambda asking, facts: trade_attempt(asking, facts[0], facts[1].code.payer, ()),
        ),
    )
    return to_response(Reply(200, reply))


async def _counted(services: Services, shop: UUID, charge: Callable[[], Awaitable[bytes]]) -> bytes:
    """Make a charge, unless the shop was wrong too often."""
    tries = services.pay_code_tries
    tries.check(shop)
    try:
        return await charge()
    except Rejected as rejection:
        tries.count(shop, rejection.code)
        raise


HANDLERS = (charge_pay_code, find_charge, charge_trade)
