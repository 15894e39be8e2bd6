"""Asking for a quote, and paying a trade by it.

    payer's wallet CNY --71.24--> position CNY of the bank       position USD of the bank --10.00--> delivery USD
                       --0.71---> margin CNY                     delivery USD --10.00--> escrow USD

Each currency balances by itself: nothing crosses from one to the other but the promise of the quote.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec

from karez.core.outcomes import Rejected
from karez.ledger.model import Transfer
from karez.ledger.operations import Operation, RowInsert, RowUpdate
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import TransferCode
from karez.services.payments.exchange.legs import Exchanged, leg_of
from karez.services.payments.exchange.rates import Rate, best_rate, cost_of
from karez.services.payments.exchange.records import Pair, Quote
from karez.services.payments.fraud.attempts import Fingerprints, PaymentAttempt
from karez.services.payments.fraud.paid_trades import charge_attempt
from karez.services.payments.house import House, money_moves
from karez.services.payments.trades.operations import check_amount, check_payer, pay
from karez.services.payments.trades.records import Trade
from karez.services.payments.wallets.limits import check_payment, limit_use
from karez.services.payments.wallets.records import Wallet

_SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class QuoteFacts:
    """What a quote is made of.

    Attributes:
        trade: What is to be paid.
        pair: What was decided on the two currencies, if anything.
        rates: The banks' valid ones.
    """

    trade: Trade
    pair: Pair | None
    rates: Sequence[Rate]


class QuoteReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A quote.

    Attributes:
        paid_minor: What the payer pays, margin and all.
        margin_minor: What of it Karez earns.
        expires_ns: It does not hold from this moment on.
    """

    id: UUID
    trade: UUID
    priced: str
    price_minor: int
    paid: str
    paid_minor: int
    margin_minor: int
    expires_ns: int


def quote(asking: Asking, house: House, facts: QuoteFacts, payer: UUID, paid_code: str) -> Operation:
    """Make a quote: what a trade costs the payer in its currency, for a while.

    Args:
        asking: The payer's request.
        house: The payment house.
        facts: What it is made of.
        payer: Who asks.
        paid_code: The payer's currency.

    Rejections: ``currency_not_open``, ``exchange_not_open``, ``exchange_rate_missing``, ``amount_too_large``,
        those of ``check_payer``.
    """
    trade, pair = facts.trade, facts.pair
    check_payer(trade, payer)
    priced, paid = house.currency(trade.currency), house.currency(paid_code)
    if pair is None:
        raise Rejected(
            "exchange_not_open",
            f"What is priced in {priced.code} cannot be paid in {paid.code}; use a wallet in {priced.code}.",
        )
    rate = best_rate(facts.rates, trade.amount_minor, priced, paid)
    cost = cost_of(rate, trade.amount_minor, priced, paid, pair.margin_bps)
    check_amount(cost.paid_minor)
    reply = QuoteReceipt(
        id=asking.made_id("quote"),
        trade=trade.id,
        priced=priced.code,
        price_minor=trade.amount_minor,
        paid=paid.code,
        paid_minor=cost.paid_minor,
        margin_minor=cost.margin_minor,
        expires_ns=min(asking.now_ns + pair.quote_s * _SECOND_NS, rate.valid_until_ns),
    )
    row = RowInsert(
        table="exchange_quote",
        key={"id": str(reply.id)},
        values={
            "payer": str(payer),
            "trade": str(trade.id),
            "bank": rate.bank,
            "rate": str(rate.id),
            "priced": priced.code,
            "price_minor": trade.amount_minor,
            "paid": paid.code,
            "bank_minor": cost.bank_minor,
            "margin_minor": cost.margin_minor,
            "state": "open",
            "expires_ns": reply.expires_ns,
            "quoted_ns": asking.now_ns,
        },
    )
    return asking.operation("exchange.quote", reply, rows=(row,))


def pay_by_quote(asking: Asking, house: House, trade: Trade, wallet: Wallet, found: Quote) -> Operation:
    """Pay a trade by a quote, from a wallet in the quote's currency.

    Args:
        asking: The payer's request.
        house: The payment house.
        trade: What is paid.
        wallet: The payer's wallet in the currency of the quote.
        found: The quote.

    Rejections: ``exchange_quote_used``, ``exchange_quote_expired``, ``payment_limit_exceeded``, those of ``pay``; in
        the book ``exceeds_credits`` where the wallet has too little or the bank's limit is used up.
    """
    if found.state != "open":
        raise Rejected(
            "exchange_quote_used", f"The quote {found.id} has been paid by already; ask for a new one."
        )
    if asking.now_ns >= found.expires_ns:
        raise Rejected(
            "exchange_quote_expired", f"The quote {found.id} does not hold any more; ask for a new one."
        )
    cost, paid = found.cost, house.currency(found.paid)
    check_payment(wallet.level, cost.paid_minor, paid)
    used = RowUpdate(
        table="exchange_quote",
        key={"id": str(found.id)},
        expected={"state": found.state},
        changes={"state": "used"},
    )
    leg = leg_of(Exchanged(found.id, found.bank, found.paid, cost), trade.currency, trade.amount_minor)
    limited = limit_use(asking, wallet.party, wallet.level, cost.paid_minor, paid)
    return pay(
        asking,
        house,
        trade,
        wallet,
        (leg,),
        before=(*limited, *_exchanged(asking, house, trade, wallet, found)),
        rows=(used,),
    )


def quote_attempt(
    asking: Asking, trade: Trade, payer: UUID, found: Quote, device: Fingerprints
) -> PaymentAttempt:
    """Return what the rules against fraud judge before a trade is paid by a quote: what leaves the payer's wallet.

    Args:
        asking: The payer's request.
        trade: What is paid.
        payer: Who pays.
        found: The quote.
        device: On which it is paid.
    """
    return charge_attempt(asking, payer, trade.shop, found.paid, found.cost.paid_minor, device)


def _exchanged(
    asking: Asking, house: House, trade: Trade, wallet: Wallet, found: Quote
) -> tuple[Transfer, ...]:
    """Return what brings the payer's money to the bank's position, and the trade's out of it."""
    paid, priced = house.currency(found.paid).money, house.currency(trade.currency).money
    source = accounts.wallet(wallet.party, found.paid)
    bought = accounts.exchange_position(found.bank, found.paid)
    sold = accounts.exchange_position(found.bank, trade.currency)
    margin, delivery = accounts.exchange_margin(found.paid), accounts.exchange_delivery(trade.currency)
    steps = (
        (source, bought, found.bank_minor, paid, TransferCode.EXCHANGE),
        (source, margin, found.margin_minor, paid, TransferCode.EXCHANGE_MARGIN),
        (sold, delivery, trade.amount_minor, priced, TransferCode.EXCHANGE_SALE),
    )
    return tuple(
        money_moves(asking.made_id("exchange", number), debit, credit, amount_minor, unit, code)
        for number, (debit, credit, amount_minor, unit, code) in enumerate(steps)
        if amount_minor
    )
