"""Reading chargebacks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from karez.core.outcomes import Rejected
from karez.parties import people
from karez.services.payments import accounts
from karez.services.payments.chargebacks.states import State
from karez.services.payments.opened import opened_accounts
from karez.services.payments.trades.records import COLUMNS as TRADE_COLUMNS
from karez.services.payments.trades.records import Trade, find_trade


@dataclass(frozen=True, slots=True)
class Chargeback:
    """What was taken back from a shop.

    Attributes:
        trade: Of which trade.
        number: Which of the trade's.
        id: Derived from the trade and the number.
        reference: The opener's own name for it.
        shop: From whom.
        buyer: For whom.
        bank: The institution that opened it; ``None`` is the operator.
        currency: ISO 4217 letters.
        amount_minor: How much.
        reason: Why.
        state: Where it stands.
        evidence: What the shop says.
        file_sha256: Digest of a file that the shop keeps as proof.
        decision_reason: Why it was decided so.
        due_ns: Until when the shop may answer.
        opened_ns: When it was opened.
        decided_ns: When it was decided.
    """

    trade: UUID
    number: int
    id: UUID
    reference: str
    shop: UUID
    buyer: UUID
    bank: int | None
    currency: str
    amount_minor: int
    reason: str
    state: str
    evidence: str | None
    file_sha256: str | None
    decision_reason: str | None
    due_ns: int | None
    opened_ns: int
    decided_ns: int | None

    @property
    def standing(self) -> State:
        """Return the state as a value of the state machine."""
        return State(self.state)


@dataclass(frozen=True, slots=True)
class OpeningFacts:
    """What a chargeback is opened by.

    Attributes:
        trade: What was paid.
        buyer_institution: Through whom its buyer came.
        last: The trade's last chargeback.
        is_counted: Whether what can still go back of the trade has its account in the book.
        has_reserve: Whether the reserve of the trade's currency has one.
        has_clearing: Whether the bank that opens it has one to be paid into; the operator needs none.
    """

    trade: Trade
    buyer_institution: int | None
    last: Chargeback | None
    is_counted: bool
    has_reserve: bool
    has_clearing: bool


_COLUMNS = ", ".join(Chargeback.__dataclass_fields__)
_LAST = f"SELECT {_COLUMNS} FROM chargeback WHERE trade = %s ORDER BY number DESC LIMIT 1"  # noqa: S608 - names of our own columns
_TRADES = f"SELECT {TRADE_COLUMNS} FROM trade WHERE id = ANY(%s)"  # noqa: S608 - names of our own columns
_BY_ID = f"SELECT {_COLUMNS} FROM chargeback WHERE id = %s"  # noqa: S608 - names of our own columns
_BY_SHOP = (
    f"SELECT {_COLUMNS} FROM chargeback WHERE shop = %s AND opened_ns < %s ORDER BY opened_ns DESC LIMIT %s"  # noqa: S608 - names of our own columns
)
_DUE = f"SELECT {_COLUMNS} FROM chargeback WHERE due_ns <= %s ORDER BY due_ns LIMIT %s"  # noqa: S608 - names of our own columns


def opening_facts(conn: psycopg.Connection[Any], trade: UUID, bank: int | None) -> OpeningFacts:
    """Return what a chargeback is opened by.

    Args:
        conn: In a transaction of the operator: whether the opener may know of the trade is decided by the facts.
        trade: What was paid.
        bank: Who opens it; ``None`` is the operator.

    Rejections: ``trade_not_found``.
    """
    found = find_trade(conn, trade)
    buyer = None if found.buyer is None else people.known(conn, [found.buyer]).get(found.buyer)
    with conn.cursor(row_factory=class_row(Chargeback), binary=True) as cursor:
        last = cursor.execute(_LAST, (trade,)).fetchone()
    counted, reserve = accounts.refundable(trade), accounts.chargeback_reserve(found.currency)
    clearing = [] if bank is None else [accounts.clearing(bank, found.currency)]
    opened = opened_accounts(conn, [counted, reserve, *clearing])
    return OpeningFacts(
        trade=found,
        buyer_institution=None if buyer is None else buyer.institution,
        last=last,
        is_counted=counted in opened,
        has_reserve=reserve in opened,
        has_clearing=opened.issuperset(clearing),
    )


def trades_of(conn: psycopg.Connection[Any], chargebacks: Sequence[Chargeback]) -> dict[UUID, Trade]:
    """Return the trades of chargebacks by their ids."""
    with conn.cursor(row_factory=class_row(Trade), binary=True) as cursor:
        found = cursor.execute(_TRADES, ([each.trade for each in chargebacks],))
        return {trade.id: trade for trade in found}


def find_chargeback(conn: psycopg.Connection[Any], chargeback: UUID) -> Chargeback:
    """Return a chargeback that the caller may see.

    Rejections: ``chargeback_not_found``.
    """
    with conn.cursor(row_factory=class_row(Chargeback), binary=True) as cursor:
        found = cursor.execute(_BY_ID, (chargeback,)).fetchone()
    if found is None:
        raise Rejected(
            "chargeback_not_found", f"There is no chargeback {chargeback} that you may see; look its id up."
        )
    return found


def chargebacks_page(
    conn: psycopg.Connection[Any], shop: UUID, before_ns: int, limit: int
) -> list[Chargeback]:
    """Return chargebacks of a shop, the latest first."""
    with conn.cursor(row_factory=class_row(Chargeback), binary=True) as cursor:
        return cursor.execute(_BY_SHOP, (shop, before_ns, limit)).fetchall()


def due_chargebacks(conn: psycopg.Connection[Any], now_ns: int, limit: int) -> list[Chargeback]:
    """Return chargebacks that the shop has not answered in time, the longest overdue first."""
    with conn.cursor(row_factory=class_row(Chargeback), binary=True) as cursor:
        return cursor.execute(_DUE, (now_ns, limit)).fetchall()
