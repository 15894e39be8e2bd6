"""Reading trades."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import class_row

from karez.core.outcomes import Rejected
from karez.services.payments.trades.legs import Leg
from karez.services.payments.trades.states import State


@dataclass(frozen=True, slots=True)
class Trade:
    """Something that is bought.

    Attributes:
        id: Derived from the shop and its reference.
        reference: The shop's own name for it.
        shop: Who sells.
        buyer: Who pays, or is to pay; ``None`` is whoever pays first.
        title: What it is.
        category: Decides the timers.
        mode: ``escrow``, or ``direct``: the shop has the money at once.
        currency: ISO 4217 letters.
        amount_minor: The price.
        state: Where it stands.
        held_minor: In escrow.
        released_minor: Gone to the shop.
        returned_minor: Gone back to the buyer.
        legs: What it was paid from, as JSON.
        legs_refunded_minor: What was refunded after it was finished, where several sources paid.
        extended: Whether the buyer has taken more time once.
        due_ns: When the timer of its state runs out.
        created_ns: When it was ordered.
        paid_ns: When it was paid.
        finished_ns: When nothing was in escrow any more.
    """

    id: UUID
    reference: str
    shop: UUID
    buyer: UUID | None
    title: str
    category: str
    mode: str
    currency: str
    amount_minor: int
    state: str
    held_minor: int
    released_minor: int
    returned_minor: int
    legs: str
    legs_refunded_minor: int
    extended: bool
    due_ns: int | None
    created_ns: int
    paid_ns: int | None
    finished_ns: int | None

    @property
    def standing(self) -> State:
        """Return the state as a value of the state machine."""
        return State(self.state)

    @property
    def paid_from(self) -> tuple[Leg, ...]:
        """Return what it was paid from, in order."""
        return _decode_legs(self.legs)


_decode_legs = msgspec.json.Decoder(tuple[Leg, ...]).decode

COLUMNS = ", ".join(Trade.__dataclass_fields__)

_TRADE = f"SELECT {COLUMNS} FROM trade WHERE id = %s"  # noqa: S608 - names of our own columns
_PAGES = {
    side: f"SELECT {COLUMNS} FROM trade WHERE {column} = %s AND created_ns < %s ORDER BY created_ns DESC LIMIT %s"  # noqa: S608
    for side, column in (("sold", "shop"), ("bought", "buyer"))
}
_LATEST_NS = 2**63 - 1
_DUE = f"SELECT {COLUMNS} FROM trade WHERE due_ns <= %s ORDER BY due_ns LIMIT %s"  # noqa: S608


def find_trade(conn: psycopg.Connection[Any], trade: UUID) -> Trade:
    """Return a trade that the caller may see.

    Rejections: ``trade_not_found``.
    """
    with conn.cursor(row_factory=class_row(Trade), binary=True) as cursor:
        found = cursor.execute(_TRADE, (trade,)).fetchone()
    if found is None:
        raise Rejected("trade_not_found", f"There is no trade {trade} that you may see; look its id up.")
    return found


def due_trades(conn: psycopg.Connection[Any], now_ns: int, limit: int) -> list[Trade]:
    """Return trades whose timer has run out, the longest overdue first."""
    with conn.cursor(row_factory=class_row(Trade), binary=True) as cursor:
        return cursor.execute(_DUE, (now_ns, limit)).fetchall()


def trades_page(
    conn: psycopg.Connection[Any], party: UUID, side: str, before_ns: int | None, limit: int
) -> list[Trade]:
    """Return trades of a party, the latest first.

    Args:
        conn: In a transaction of the party.
        party: Whose.
        side: ``sold`` or ``bought``.
        before_ns: Ordered before this moment.
        limit: How many at most.
    """
    with conn.cursor(row_factory=class_row(Trade), binary=True) as cursor:
        return cursor.execute(
            _PAGES[side], (party, _LATEST_NS if before_ns is None else before_ns, limit)
        ).fetchall()
