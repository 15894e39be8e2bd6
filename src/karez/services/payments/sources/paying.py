"""Paying a trade from several sources at once: all of them give their part, or none does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import psycopg

from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation
from karez.services.asking import Asking
from karez.services.payments.house import House
from karez.services.payments.sources.asking_bank import ask_bank
from karez.services.payments.sources.door import Funds, Wanted
from karez.services.payments.sources.registry import SOURCES
from karez.services.payments.sources.splitting import split
from karez.services.payments.trades.operations import check_payer, pay
from karez.services.payments.trades.records import Trade, find_trade
from karez.services.payments.wallets.records import Wallet, find_wallet


@dataclass(frozen=True, slots=True)
class Payment:
    """What a payment is decided by.

    Attributes:
        trade: What is to be paid.
        wallet: The payer's, in the trade's currency.
        funds: What the payer's list names, in order.
    """

    trade: Trade
    wallet: Wallet
    funds: tuple[Funds, ...]

    def counted_in(self) -> list[UUID]:
        """Return the accounts whose balances must be known to split the price.

        The last source gives all that is left, and the book knows best whether it can.
        """
        return [each.counted_in for each in self.funds[:-1] if each.counted_in is not None]


def read_payment(
    conn: psycopg.Connection[Any], trade: UUID, payer: UUID, wanted: Sequence[Wanted]
) -> Payment:
    """Read what a payment is decided by.

    Args:
        conn: In a transaction of the payer.
        trade: What is to be paid.
        payer: Who pays.
        wanted: The payer's list, checked.

    Rejections: ``trade_not_found``, ``wallet_not_found``, ``source_unknown``, and those of the sources.
    """
    return payment_of(conn, find_trade(conn, trade), payer, wanted)


def payment_of(conn: psycopg.Connection[Any], trade: Trade, payer: UUID, wanted: Sequence[Wanted]) -> Payment:
    """Read what the payment of a trade is decided by, also of one that is made with its payment.

    Args:
        conn: In a transaction of the payer.
        trade: What is to be paid.
        payer: Who pays.
        wanted: The payer's list, checked.

    Rejections: ``wallet_not_found``, ``source_unknown``, and those of the sources.
    """
    wallet = find_wallet(conn, payer, trade.currency)
    for each in wanted:
        if each.kind not in SOURCES:
            raise Rejected(
                "source_unknown", f"There is no source {each.kind[:20]!r}; choose from {', '.join(SOURCES)}."
            )
    funds = tuple(SOURCES[each.kind].read(conn, trade, payer, each.reference) for each in wanted)
    return Payment(trade, wallet, funds)


def pay_from_sources(
    asking: Asking, house: House, payment: Payment, available_minor: Mapping[UUID, int]
) -> Operation:
    """Pay a trade from the payer's list of sources, or ask the bank that is one of them.

    Args:
        asking: The payer's request.
        house: The payment house.
        payment: As it was read.
        available_minor: What can be spent of the accounts ``payment.counted_in()``.

    Rejections: those of ``pay`` and of the sources; ``sources_too_small``, ``sources_of_two_banks``.
    """
    trade = payment.trade
    check_payer(trade, payment.wallet.party)
    parts = split(
        trade.amount_minor,
        [partial(_most_minor, asking.now_ns, each, available_minor) for each in payment.funds],
    )
    drawn = [
        funds.draw(asking, house, number, part_minor)
        for number, (funds, part_minor) in enumerate(zip(payment.funds, parts, strict=True))
        if part_minor
    ]
    if any(each.collecting is not None for each in drawn):
        return ask_bank(asking, house, trade, payment.wallet, drawn)
    return pay(
        asking,
        house,
        trade,
        payment.wallet,
        [each.leg for each in drawn],
        before=tuple(transfer for each in drawn for transfer in each.before),
        rows=tuple(row for each in drawn for row in each.rows),
    )


def _most_minor(now_ns: int, funds: Funds, available_minor: Mapping[UUID, int], left_minor: int) -> int:
    counted = funds.counted_in
    return funds.most_minor(now_ns, left_minor, None if counted is None else available_minor.get(counted))
