"""Reading refunds."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import class_row

from karez.services.payments.refundable import is_counted
from karez.services.payments.trades.legs import Leg
from karez.services.payments.trades.records import Trade, find_trade


@dataclass(frozen=True, slots=True)
class Refund:
    """What a shop has given back of a trade.

    Attributes:
        trade: Of which trade.
        id: Derived from the trade and the reference.
        reference: The shop's own name for it.
        shop: Who gives.
        buyer: Who gets.
        currency: ISO 4217 letters.
        amount_minor: How much.
        taken_from: ``escrow``, or ``takings`` of the shop once the trade was finished.
        parts: The legs of the payment that got something, with how much of each, as JSON.
        reason: What the buyer is told.
        lines: The shop's own names of what was refunded, as JSON.
        refunded_ns: When.
    """

    trade: UUID
    id: UUID
    reference: str
    shop: UUID
    buyer: UUID
    currency: str
    amount_minor: int
    taken_from: str
    parts: str
    reason: str
    lines: str
    refunded_ns: int

    @property
    def went_to(self) -> tuple[Leg, ...]:
        """Return where it went, the first one first."""
        return _decode_parts(self.parts)

    @property
    def line_names(self) -> tuple[str, ...]:
        """Return the shop's own names of what was refunded."""
        return _decode_lines(self.lines)


@dataclass(frozen=True, slots=True)
class RefundFacts:
    """What a refund is decided by.

    Attributes:
        trade: What was paid.
        earlier: The refund that has the same reference.
        is_counted: Whether what can still be refunded of the finished trade has its account in the book.
    """

    trade: Trade
    earlier: Refund | None
    is_counted: bool


_decode_parts = msgspec.json.Decoder(tuple[Leg, ...]).decode
_decode_lines = msgspec.json.Decoder(tuple[str, ...]).decode

_COLUMNS = ", ".join(Refund.__dataclass_fields__)
_REFUND = f"SELECT {_COLUMNS} FROM refund WHERE trade = %s AND id = %s"  # noqa: S608 - names of our own columns
_REFUNDS = f"""
SELECT {_COLUMNS} FROM refund WHERE trade = %s AND refunded_ns < %s ORDER BY refunded_ns DESC LIMIT %s
"""  # noqa: S608 - names of our own columns


def refund_facts(conn: psycopg.Connection[Any], trade: UUID, refund: UUID) -> RefundFacts:
    """Return what a refund is decided by.

    Args:
        conn: In a transaction of the shop.
        trade: What was paid.
        refund: The id that the refund has or will have.

    Rejections: ``trade_not_found``.
    """
    found = find_trade(conn, trade)
    with conn.cursor(row_factory=class_row(Refund), binary=True) as cursor:
        earlier = cursor.execute(_REFUND, (trade, refund)).fetchone()
    return RefundFacts(found, earlier, is_counted(conn, trade))


def refunds_page(conn: psycopg.Connection[Any], trade: UUID, before_ns: int, limit: int) -> list[Refund]:
    """Return refunds of a trade, the latest first.

    Args:
        conn: In a transaction of one of its parties.
        trade: Which.
        before_ns: Made before this moment.
        limit: How many at most.
    """
    with conn.cursor(row_factory=class_row(Refund), binary=True) as cursor:
        return cursor.execute(_REFUNDS, (trade, before_ns, limit)).fetchall()
