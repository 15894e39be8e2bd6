"""Exchange for payers: asking for a quote, and paying a trade by it."""

from uuid import UUID

import msgspec
from litestar import Response, post
from litestar.params import FromPath

from karez.channels.api.acting import ACTING_FOR, ACTING_REFUSALS, party_of
from karez.channels.api.asking import asked
from karez.channels.api.bodies import Body
from karez.channels.api.caller_database import Connection
from karez.channels.api.carrying import carry, content_of, key_of, needed_key
from karez.channels.api.devices import DEVICE_ID, device_of
from karez.channels.api.documentation import KEY, Answer, Documentation, Link
from karez.channels.api.fields import EXAMPLE_IDS, EXAMPLE_MOMENT, CurrencyCode, Moment
from karez.channels.api.fraud_guard import STOPPING_REFUSALS
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment
from karez.channels.api.operations import IDEMPOTENCY_KEY, NEEDED_KEY, OPERATION_REFUSALS
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.parties.roles import Permission
from karez.services.payments.exchange.operations import (
    QuoteFacts,
    QuoteReceipt,
    pay_by_quote,
    quote,
    quote_attempt,
)
from karez.services.payments.exchange.records import Quote, find_quote, pair_of, valid_rates
from karez.services.payments.trades.changes import TradeReceipt
from karez.services.payments.trades.records import Trade, find_trade
from karez.services.payments.wallets.records import Wallet, find_wallet


class WantedQuote(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to be paid, and in which currency.

    Attributes:
        trade: What is to be paid.
        currency: The payer's.
    """

    trade: UUID
    currency: CurrencyCode


class QuoteView(msgspec.Struct, frozen=True, kw_only=True):
    """What a trade costs in the payer's currency.

    Attributes:
        paid_minor: What the payer pays, margin and all.
        margin_minor: What of it Karez earns.
        expires: It does not hold from this moment on.
    """

    id: UUID
    trade: UUID
    priced: str
    price_minor: int
    paid: str
    paid_minor: int
    margin_minor: int
    expires: Moment


_EXAMPLE = {
    "id": EXAMPLE_IDS[3],
    "trade": EXAMPLE_IDS[5],
    "priced": "USD",
    "price_minor": 1_000,
    "paid": "CNY",
    "paid_minor": 7_195,
    "margin_minor": 71,
    "expires": EXAMPLE_MOMENT,
}
_EXAMPLE_RECEIPT = {
    "id": EXAMPLE_IDS[5],
    "reference": "order-2026-000123",
    "state": "paid",
    "currency": "USD",
    "amount_minor": 1_000,
    "held_minor": 1_000,
    "released_minor": 0,
    "returned_minor": 0,
}
_WANTED: Body[WantedQuote] = Body(WantedQuote, {"trade": EXAMPLE_IDS[5], "currency": "CNY"})


@post(
    "/v1/exchange-quotes",
    opt={
        KEY: Documentation(
            name="quoteExchange",
            topic="Exchange",
            summary="Ask what a trade costs in another currency, as its buyer",
            access=Permission.PAYMENTS_WRITE,
            body=_WANTED,
            headers=(ACTING_FOR, NEEDED_KEY),
            answers={
                201: Answer(
                    "The price holds until it expires",
                    QuoteView,
                    _EXAMPLE,
                    (Link("pay", "payByQuote", {"quote_id": "$response.body#/id"}),),
                )
            },
            refusals=(
                *OPERATION_REFUSALS,
                *ACTING_REFUSALS,
                "idempotency_key_missing",
                "trade_not_found",
                "trade_state_wrong",
                "buyer_is_shop",
                "currency_not_open",
                "exchange_not_open",
                "exchange_rate_missing",
                "amount_too_large",
            ),
        )
    },
)
async def quote_exchange(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Lock the best rate for a while; nothing is paid or reserved yet."""
    body = await _WANTED.read(request)
    payer = await party_of(services, caller, request)

    async def read() -> QuoteFacts:
        trade = await services.database.as_party(payer, lambda conn: find_trade(conn, body.trade))
        now_ns = services.clock.now_ns()

        def market(conn: Connection) -> QuoteFacts:
            rates = valid_rates(conn, body.currency, trade.currency, now_ns)
            return QuoteFacts(trade, pair_of(conn, body.currency, trade.currency), rates)

        return await services.database.as_operator(market)

    reply = await carry(
        services,
        asked(caller, payer, "exchange.quote", content_of(body), needed_key(request)),
        read,
        lambda asking, house, facts: quote(asking, house, facts, payer, body.currency),
    )
    made = msgspec.json.decode(reply, type=QuoteReceipt)
    told = msgspec.structs.asdict(made)
    expires = format_moment(told.pop("expires_ns"))
    return json_reply(QuoteView(**told, expires=expires), 201)


@post(
    "/v1/exchange-quotes/{quote_id:uuid}/pay",
    status_code=200,
    opt={
        KEY: Documentation(
            name="payByQuote",
            topic="Exchange",
            summary="Pay the trade of a quote from the buyer's balance in the quote's currency",
            access=Permission.PAYMENTS_WRITE,
            headers=(ACTING_FOR, IDEMPOTENCY_KEY, DEVICE_ID),
            answers={200: Answer("Paid, now or before", TradeReceipt, _EXAMPLE_RECEIPT)},
            refusals=(
                *OPERATION_REFUSALS,
                *ACTING_REFUSALS,
                *STOPPING_REFUSALS,
                "exchange_quote_not_found",
                "exchange_quote_used",
                "exchange_quote_expired",
                "exchange_limit_exceeded",
                "trade_not_found",
                "trade_state_wrong",
                "buyer_is_shop",
                "wallet_not_found",
                "wallet_frozen",
                "balance_too_low",
                "payment_limit_exceeded",
                "day_limit_exceeded",
                "payer_account_not_found",
                "payee_account_not_found",
            ),
        )
    },
)
async def pay_by_exchange(
    request: AnyRequest, quote_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Pay a trade by a quote."""
    payer = await party_of(services, caller, request)
    device = device_of(services, request)

    def read(conn: Connection) -> tuple[Trade, Wallet, Quote]:
        found = find_quote(conn, quote_id)
        return find_trade(conn, found.trade), find_wallet(conn, payer, found.paid), found

    reply = await carry(
        services,
        asked(caller, payer, f"exchange.pay/{quote_id}", b"", key_of(request)),
        lambda: services.database.as_party(payer, read),
        lambda asking, house, facts: pay_by_quote(asking, house, *facts),
        lambda asking, facts: quote_attempt(asking, facts[0], payer, facts[2], device),
    )
    return to_response(Reply(200, reply))


HANDLERS = (quote_exchange, pay_by_exchange)
