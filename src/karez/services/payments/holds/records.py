"""Reading holds."""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from karez.core.outcomes import Rejected
from karez.storage.selecting import select

Side = Literal["placed", "received"]


@dataclass(frozen=True, slots=True)
class Hold:
    """Money that is reserved for a shop.

    Attributes:
        id: Its id, the operation's that placed it.
        payer: Whose money.
        shop: For whom.
        reference: What shop and payer know it by.
        title: What it is for.
        currency: ISO 4217 letters.
        amount_minor: What was reserved.
        held_minor: What is still reserved.
        captured_minor: What the shop has taken.
        pending_id: The reservation in the book as it stands now.
        state: ``held``, ``captured``, ``released`` or ``expired``.
        due_ns: When it ends by itself; ``None`` once it has ended.
        placed_ns: When it was placed.
        ended_ns: When nothing was reserved any more.
    """

    id: UUID
    payer: UUID
    shop: UUID
    reference: str | None
    title: str
    currency: str
    amount_minor: int
    held_minor: int
    captured_minor: int
    pending_id: UUID
    state: str
    due_ns: int | None
    placed_ns: int
    ended_ns: int | None


_HOLD = select(Hold, "FROM hold WHERE id = %s")
_DUE = select(Hold, "FROM hold WHERE due_ns <= %s ORDER BY due_ns LIMIT %s")
_PAGES = {
    side: select(
        Hold,
        f"FROM hold WHERE {column} = %s AND placed_ns < %s ORDER BY placed_ns DESC FETCH FIRST %s ROWS WITH TIES",
    )
    for side, column in (("placed", "payer"), ("received", "shop"))
}


def find_hold(conn: psycopg.Connection[Any], hold: UUID) -> Hold:
    """Return a hold that the caller may see.

    Rejections: ``hold_not_found``.
    """
    with conn.cursor(row_factory=class_row(Hold), binary=True) as cursor:
        found = cursor.execute(_HOLD, (hold,)).fetchone()
    if found is None:
        raise Rejected("hold_not_found", f"There is no hold {hold} that you may see; look its id up.")
    return found


def due_holds(conn: psycopg.Connection[Any], now_ns: int, limit: int) -> list[Hold]:
    """Return holds whose time is over, the longest overdue first."""
    with conn.cursor(row_factory=class_row(Hold), binary=True) as cursor:
        return cursor.execute(_DUE, (now_ns, limit)).fetchall()


def holds_page(
    conn: psycopg.Connection[Any], party: UUID, side: Side, before_ns: int, limit: int
) -> list[Hold]:
    """Return holds of a party, the latest first.

    Args:
        conn: In a transaction of the party.
        party: Whose.
        side: ``placed`` by it or ``received`` by it.
        before_ns: Placed before this moment.
        limit: How many at most, and those of the last one's moment.
    """
    with conn.cursor(row_factory=class_row(Hold), binary=True) as cursor:
        return cursor.execute(_PAGES[side], (party, before_ns, limit)).fetchall()
