"""What a scanned text asks to be paid: the door of every "pay by QR"."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from karez.core.outcomes import Rejected
from karez.services.payments.qr.karez_codes import ShopCodeNamed, TradeNamed, what_is_named
from karez.services.payments.qr.records import ShopCode, ShownFront, find_front, find_shop_code, needed_front
from karez.services.payments.qr.rules import check_hanging, check_shown_price
from karez.services.payments.trades.records import Trade, find_trade


@dataclass(frozen=True, slots=True)
class PaymentAsked:
    """What a payer is asked to pay, from Karez's own records.

    Attributes:
        shop: Who is paid.
        front: What the shop shows of itself; none if it has only ordered through the API.
        currency: ISO 4217 letters.
        amount_minor: How much; none if the payer types the amount.
        trade: The order; none if there is none yet. It is paid like any trade.
        code: The sticker; none if it was the code of an order. It is paid by ``operations.pay_shop_code``.
    """

    shop: UUID
    front: ShownFront | None
    currency: str
    amount_minor: int | None
    trade: Trade | None = None
    code: ShopCode | None = None


def resolve(conn: psycopg.Connection[Any], text: str) -> PaymentAsked:
    """Return what a scanned text asks to be paid.

    Args:
        conn: In a transaction of the payer.
        text: As the payer's app has read it.

    Rejections: those of ``what_is_named``; ``shop_code_unknown``, ``shop_code_withdrawn``, ``shopfront_missing``,
        ``qr_order_gone``, ``qr_price_differs``.
    """
    named = what_is_named(text)
    if isinstance(named, ShopCodeNamed):
        code = find_shop_code(conn, named.code)
        check_hanging(code)
        return PaymentAsked(code.shop, needed_front(conn, code.shop), code.currency, None, code=code)
    trade = find_named_trade(conn, named)
    return PaymentAsked(
        trade.shop, find_front(conn, trade.shop), trade.currency, trade.amount_minor, trade=trade
    )


def find_named_trade(conn: psycopg.Connection[Any], named: TradeNamed) -> Trade:
    """Return the order that a code names.

    Args:
        conn: In a transaction of the payer.
        named: By the code.

    Rejections: ``qr_order_gone``, the same for an order that somebody else has paid and for one that never was;
        ``qr_price_differs``.
    """
    try:
        trade = find_trade(conn, named.trade)
    except Rejected:
        raise Rejected(
            "qr_order_gone",
            "The order of this code is paid by somebody else, or not meant for you; ask the shop for a new code.",
        ) from None
    check_shown_price(trade, named.currency, named.amount_minor)
    return trade
