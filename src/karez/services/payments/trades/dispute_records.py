"""Reading disputes and their evidence."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from karez.core.outcomes import Rejected
from karez.services.payments.trades.records import Trade, find_trade

Side = Literal["buyer", "shop"]
Verdict = Literal["full", "partial", "refused"]


@dataclass(frozen=True, slots=True)
class Dispute:
    """A disagreement about what is in escrow.

    Attributes:
        trade: About which trade.
        id: Derived from the trade and the number.
        number: Its place among the trade's disputes, from 0.
        shop: Who sells.
        buyer: Who has paid.
        opened_by: Which of them has opened it.
        reason: Why.
        currency: ISO 4217 letters.
        wanted_minor: How much is to go back to the buyer, as the opener sees it.
        state: ``open``, ``withdrawn``, ``accepted`` by the other side, or ``decided`` by the operator.
        trade_state: Where the trade stood.
        remaining_ns: What was left of its timer.
        buyer_evidence: How many pieces of evidence the buyer has given.
        shop_evidence: How many the shop has.
        decision: ``full``, ``partial`` or ``refused``.
        decision_reason: Why so.
        returned_minor: What went back to the buyer.
        opened_ns: When it was opened.
        ended_ns: When it was over.
    """

    trade: UUID
    id: UUID
    number: int
    shop: UUID
    buyer: UUID
    opened_by: Side
    reason: str
    currency: str
    wanted_minor: int
    state: str
    trade_state: str
    remaining_ns: int
    buyer_evidence: int
    shop_evidence: int
    decision: Verdict | None
    decision_reason: str | None
    returned_minor: int
    opened_ns: int
    ended_ns: int | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one side says about a dispute.

    Attributes:
        trade: About which trade.
        dispute: In which dispute.
        number: Its place in the dispute, from 0.
        given_by: By which side.
        content: What is said.
        file_sha256: Digest of a file that the side keeps as proof, in hexadecimal.
        given_ns: When.
    """

    trade: UUID
    dispute: UUID
    number: int
    given_by: Side
    content: str
    file_sha256: str | None
    given_ns: int


_COLUMNS = ", ".join(Dispute.__dataclass_fields__)
_EVIDENCE_COLUMNS = ", ".join(Evidence.__dataclass_fields__)
_OF_TRADE = f"SELECT {_COLUMNS} FROM trade_dispute WHERE trade = %s ORDER BY number"  # noqa: S608 - names of our own columns
_OPEN = f"""
SELECT {_COLUMNS} FROM trade_dispute WHERE state = 'open' AND opened_ns > %s ORDER BY opened_ns LIMIT %s
"""  # noqa: S608 - names of our own columns
_EVIDENCE = f"""
SELECT {_EVIDENCE_COLUMNS} FROM trade_evidence WHERE trade = ANY(%s) ORDER BY trade, dispute, number
"""  # noqa: S608 - names of our own columns


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A trade with all of its disputes, the last one last."""

    trade: Trade
    disputes: tuple[Dispute, ...]

    def dispute(self, id_: UUID) -> Dispute:
        """Return one of the disputes.

        Rejections: ``dispute_not_found``.
        """
        for each in self.disputes:
            if each.id == id_:
                return each
        raise Rejected("dispute_not_found", f"There is no dispute {id_} of this trade; list its disputes.")


def disputes_of(conn: psycopg.Connection[Any], trade: UUID) -> tuple[Dispute, ...]:
    """Return the disputes of a trade that the caller may see, the first one first."""
    with conn.cursor(row_factory=class_row(Dispute), binary=True) as cursor:
        return tuple(cursor.execute(_OF_TRADE, (trade,)).fetchall())


def find_disagreement(conn: psycopg.Connection[Any], trade: UUID) -> Disagreement:
    """Return a trade that the caller may see, with its disputes.

    Rejections: ``trade_not_found``.
    """
    return Disagreement(find_trade(conn, trade), disputes_of(conn, trade))


def open_disputes(conn: psycopg.Connection[Any], after_ns: int, limit: int) -> tuple[Dispute, ...]:
    """Return disputes that wait for a decision, the oldest first.

    Args:
        conn: In a transaction of the operator.
        after_ns: Opened after this moment.
        limit: How many at most.
    """
    with conn.cursor(row_factory=class_row(Dispute), binary=True) as cursor:
        return tuple(cursor.execute(_OPEN, (after_ns, limit)).fetchall())


def evidence_of(
    conn: psycopg.Connection[Any], disputes: Sequence[Dispute]
) -> dict[tuple[UUID, UUID], list[Evidence]]:
    """Return the evidence of some disputes by trade and dispute, in the order in which it was given."""
    found: dict[tuple[UUID, UUID], list[Evidence]] = defaultdict(list)
    with conn.cursor(row_factory=class_row(Evidence), binary=True) as cursor:
        for each in cursor.execute(_EVIDENCE, ([dispute.trade for dispute in disputes],)):
            found[each.trade, each.dispute].append(each)
    return found
