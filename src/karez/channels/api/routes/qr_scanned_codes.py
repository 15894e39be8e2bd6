"""What a scanned text is, and paying by it."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Response, post
from msgspec import Meta

from karez.channels.api.acting import ACTING_FOR, ACTING_REFUSALS, party_of
from karez.channels.api.asking import asked
from karez.channels.api.bodies import Body
from karez.channels.api.carrying import carry, content_of, needed_key
from karez.channels.api.context import Services
from karez.channels.api.devices import DEVICE_ID, card_of, device_of
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import EXAMPLE_IDS, MoneyAmount, PartyId
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.operations import NEEDED_KEY
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.channels.api.routes.qr_shop_codes import EXAMPLE_TEXT
from karez.channels.api.routes.qr_shopfronts import EXAMPLE_FRONT, ShopfrontBody, front_view
from karez.channels.api.routes.trade_payments import NewPayment, available_minor, pay_trade
from karez.channels.api.routes.trades import EXAMPLE_RECEIPT
from karez.parties.roles import Permission
from karez.services.payments.fraud.paid_trades import trade_attempt
from karez.services.payments.qr.consumer_emv import is_consumer_presented
from karez.services.payments.qr.doors import PaymentAsked, resolve
from karez.services.payments.qr.emv import MerchantCode
from karez.services.payments.qr.karez_codes import is_of_karez
from karez.services.payments.qr.pay_codes import is_pay_code
from karez.services.payments.qr.scanning import Scanned, ScannedPayment, pay_scanned, read_scanned
from karez.services.payments.sources.splitting import check_sources
from karez.services.payments.trades.changes import PaymentReceipt

ScannedText = Annotated[
    str, Meta(max_length=4_096, description="As the scanner has read it.", examples=[EXAMPLE_TEXT])
]


class ScannedCode(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A text that was scanned."""

    text: ScannedText


class ScannedCodeView(msgspec.Struct, frozen=True, kw_only=True):
    """What a scanned text is.

    Attributes:
        kind: `shop_code`: of a shop, the payer types the amount; `order`: of one order; `pay_code`: of a payer, for a
            shop to charge; `other_scheme`, `other_payer`: of a shop or payer of another scheme than Karez.
        action: What can be done with it now: `pay`, `charge`, or nothing.
        shop: Who is paid.
        front: What the shop shows of itself; for Karez's own codes as Karez knows it, else as the code says.
        currency: ISO 4217 letters.
        amount_minor: How much; none if the payer types it.
        trade: The order.
        title: What it is for.
        trade_state: Where the order stands.
    """

    kind: Literal["shop_code", "order", "pay_code", "other_scheme", "other_payer"]
    action: Literal["pay", "charge"] | None = None
    shop: PartyId | None = None
    front: ShopfrontBody | None = None
    currency: str | None = None
    amount_minor: int | None = None
    trade: UUID | None = None
    title: str | None = None
    trade_state: str | None = None


class PaymentByCode(NewPayment, kw_only=True, forbid_unknown_fields=True):
    """A payment by a scanned code.

    Attributes:
        amount_minor: What the payer has typed; an order's own price if it is left out.
    """

    text: ScannedText
    amount_minor: MoneyAmount | None = None


_CODE: Body[ScannedCode] = Body(ScannedCode, {"text": EXAMPLE_TEXT})
_PAYMENT: Body[PaymentByCode] = Body(
    PaymentByCode, {"text": EXAMPLE_TEXT, "amount_minor": 1_230, "sources": [{"kind": "balance"}]}
)
_BROKEN = (
    "qr_not_merchant_presented",
    "qr_checksum_wrong",
    "qr_truncated",
    "qr_malformed",
    "qr_too_long",
    "qr_field_repeated",
    "qr_field_malformed",
    "qr_mandatory_field_missing",
    "qr_currency_unknown",
    "qr_amount_malformed",
)
_NAMED = (
    "qr_order_gone",
    "qr_price_differs",
    "shop_code_unknown",
    "shop_code_withdrawn",
    "shopfront_missing",
)
_PAY_TRADE: Documentation = pay_trade.opt[KEY]


@post(
    "/v1/scanned-codes",
    status_code=200,
    opt={
        KEY: Documentation(
            name="readScannedCode",
            topic="QR codes",
            summary="Find out what a scanned text is and what can be done with it, as whoever has scanned it",
            description="A broken code is refused by the field that is wrong. Whether a pay code is good, only its "
            "charge tells.",
            access=Permission.PAYMENTS_READ,
            body=_CODE,
            headers=(ACTING_FOR,),
            answers={
                200: Answer(
                    "What it is",
                    ScannedCodeView,
                    {
                        "kind": "shop_code",
                        "action": "pay",
                        "shop": EXAMPLE_IDS[6],
                        "front": EXAMPLE_FRONT,
                        "currency": "CNY",
                        "amount_minor": None,
                        "trade": None,
                        "title": None,
                        "trade_state": None,
                    },
                )
            },
            refusals=(*ACTING_REFUSALS, *_BROKEN, *_NAMED),
        )
    },
)
async def read_scanned_code(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Tell what a scanned text is."""
    text = (await _CODE.read(request)).text
    party = await party_of(services, caller, request)
    if is_pay_code(text):
        return json_reply(ScannedCodeView(kind="pay_code", action="charge"))
    if is_consumer_presented(text):
        return json_reply(ScannedCodeView(kind="other_payer"))
    code = MerchantCode.read(text)
    if not is_of_karez(code):
        return json_reply(
            ScannedCodeView(
                kind="other_scheme",
                front=front_view(code.shopfront),
                currency=code.currency,
                amount_minor=code.amount_minor,
            )
        )
    return json_reply(_view(await services.database.as_party(party, lambda conn: resolve(conn, text))))


@post(
    "/v1/scanned-codes/pay",
    status_code=200,
    opt={
        KEY: Documentation(
            name="payScannedCode",
            topic="QR codes",
            summary="Pay by a shop's code: an order, or an amount that you type",
            description="An order is paid as by `payTrade`. Of a code without an amount a trade is made that is paid "
            "from the beginning; it is refunded and settled like every other one.",
            access=Permission.PAYMENTS_WRITE,
            body=_PAYMENT,
            headers=(ACTING_FOR, NEEDED_KEY, DEVICE_ID),
            answers={
                200: Answer("Paid, now or before", PaymentReceipt, {**EXAMPLE_RECEIPT, "state": "finished"})
            },
            refusals=(
                *_PAY_TRADE.refusals,
                *_BROKEN,
                *_NAMED,
                "idempotency_key_missing",
                "qr_scheme_unknown",
                "shop_code_amount_needed",
                "amount_too_large",
                "currency_not_open",
            ),
        )
    },
)
async def pay_scanned_code(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Pay by a code."""
    body = await _PAYMENT.read(request)
    payer = await party_of(services, caller, request)
    scanned = Scanned(body.text, body.amount_minor, [each.wanted for each in body.sources])
    check_sources(scanned.wanted)
    ask = asked(caller, payer, "qr.pay_scanned_code", content_of(body), needed_key(request))
    device, card = device_of(services, request), card_of(services, scanned.wanted)
    reply = await carry(
        services,
        ask,
        lambda: _read(services, scanned, payer, ask.id),
        lambda asking, house, facts: pay_scanned(asking, house, *facts),
        lambda asking, facts: trade_attempt(asking, facts[0].payment.trade, payer, device, card),
    )
    return to_response(Reply(200, reply))


async def _read(
    services: Services, scanned: Scanned, payer: UUID, request: UUID
) -> tuple[ScannedPayment, dict[UUID, int]]:
    now_ns = services.clock.now_ns()
    facts = await services.database.as_party(
        payer, lambda conn: read_scanned(conn, scanned, payer, request, now_ns)
    )
    return facts, await available_minor(services, facts.payment)


def _view(asked_for: PaymentAsked) -> ScannedCodeView:
    trade = asked_for.trade
    is_payable = trade is None or trade.state == "created"
    return ScannedCodeView(
        kind="shop_code" if trade is None else "order",
        action="pay" if is_payable else None,
        shop=asked_for.shop,
        front=None if asked_for.front is None else front_view(asked_for.front.front),
        currency=asked_for.currency,
        amount_minor=asked_for.amount_minor,
        trade=None if trade is None else trade.id,
        title=None if trade is None else trade.title,
        trade_state=None if trade is None else trade.state,
    )


HANDLERS = (read_scanned_code, pay_scanned_code)
