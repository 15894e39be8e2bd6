"""Paying what was scanned: the sticker of a shop or the code of an order, from the payer's own sources.

What a repetition may find changed (a sticker that was withdrawn, an order that is paid) is decided upon, not refused
while it is read: so whoever has not got the answer to a payment gets it by asking again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation
from karez.services.asking import Asking
from karez.services.payments.house import House
from karez.services.payments.qr.doors import find_named_trade
from karez.services.payments.qr.karez_codes import ShopCodeNamed, what_is_named
from karez.services.payments.qr.operations import order_by_sticker, pay_shop_code
from karez.services.payments.qr.ordering import as_trade
from karez.services.payments.qr.records import ShopCode, find_shop_code, needed_front
from karez.services.payments.qr.rules import price_differs
from karez.services.payments.sources.door import Wanted
from karez.services.payments.sources.paying import Payment, pay_from_sources, payment_of
from karez.services.payments.trades.operations import Order


@dataclass(frozen=True, slots=True)
class Sticker:
    """A sticker that was scanned.

    Attributes:
        code: The sticker.
        new: What is bought by it.
    """

    code: ShopCode
    new: Order


@dataclass(frozen=True, slots=True)
class ScannedPayment:
    """What the payment of a scanned code is decided by.

    Attributes:
        payment: Of the order, which a sticker's payment makes.
        sticker: What was scanned; none if it was the code of an order.
    """

    payment: Payment
    sticker: Sticker | None


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a payer has scanned and wants to pay.

    Attributes:
        text: As the payer's app has read it.
        amount_minor: What the payer has typed; for an order it may be left out.
        wanted: The payer's sources, checked.
    """

    text: str
    amount_minor: int | None
    wanted: Sequence[Wanted]


def read_scanned(
    conn: psycopg.Connection[Any], scanned: Scanned, payer: UUID, request: UUID, now_ns: int
) -> ScannedPayment:
    """Read what the payment of a scanned code is decided by.

    Args:
        conn: In a transaction of the payer.
        scanned: What is to be paid.
        payer: Who pays.
        request: Id of the payer's request.
        now_ns: The present moment.

    Rejections: those of ``what_is_named`` and ``payment_of``; ``shop_code_unknown``, ``shop_code_amount_needed``,
        ``qr_order_gone``, ``qr_price_differs``.
    """
    named = what_is_named(scanned.text)
    if isinstance(named, ShopCodeNamed):
        code = find_shop_code(conn, named.code)
        if scanned.amount_minor is None:
            raise Rejected(
                "shop_code_amount_needed",
                "This code names no amount; have the payer type it and send it along.",
            )
        front = needed_front(conn, code.shop)
        new = order_by_sticker(request, code, front, scanned.amount_minor, payer)
        payment = payment_of(conn, as_trade(code.shop, new, now_ns), payer, scanned.wanted)
        return ScannedPayment(payment, Sticker(code, new))
    trade = find_named_trade(conn, named)
    if scanned.amount_minor not in (None, trade.amount_minor):
        raise price_differs()
    return ScannedPayment(payment_of(conn, trade, payer, scanned.wanted), None)


def pay_scanned(
    asking: Asking, house: House, facts: ScannedPayment, available_minor: Mapping[UUID, int]
) -> Operation:
    """Pay a scanned code.

    In the book one payment of an order passes, because each expects it to be unpaid; a sticker is paid by any number.

    Rejections: those of ``pay_shop_code`` and ``pay_from_sources``.
    """
    if facts.sticker is None:
        return pay_from_sources(asking, house, facts.payment, available_minor)
    sticker = facts.sticker
    return pay_shop_code(asking, house, sticker.code, sticker.new, facts.payment, available_minor)
