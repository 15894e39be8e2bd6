"""Reading decisions that were kept."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import class_row

from karez.core.outcomes import Rejected
from karez.services.payments.fraud.deciding import Outcome, Reason
from karez.storage.selecting import select


@dataclass(frozen=True, slots=True)
class KeptDecision:
    """A decision as it is kept.

    Attributes:
        person: Who paid, or tried to.
        at_ns: When.
        id: Of the decision.
        shop: Who was to be paid.
        card: The fingerprint of the card that was used.
        device: The fingerprint of the device that was used.
        amount_minor: How much.
        currency: ISO 4217 letters.
        score_bps: What a model thought.
        outcome: ``allow``, ``challenge`` or ``refuse``.
        reasons: As JSON.
    """

    person: UUID
    at_ns: int
    id: UUID
    shop: UUID
    card: bytes | None
    device: bytes | None
    amount_minor: int
    currency: str
    score_bps: int | None
    outcome: Outcome
    reasons: str

    @property
    def why(self) -> tuple[Reason, ...]:
        """Return every rule that was hit."""
        return _decode_reasons(self.reasons)


_decode_reasons = msgspec.json.Decoder(tuple[Reason, ...]).decode

_ORDER = "AND at_ns < %(before_ns)s ORDER BY at_ns DESC FETCH FIRST %(limit)s ROWS WITH TIES"
_STOPPED = select(KeptDecision, f"FROM fraud_decision WHERE outcome <> 'allow' {_ORDER}")
_STOPPED_SO = select(
    KeptDecision, f"FROM fraud_decision WHERE outcome <> 'allow' AND outcome = %(outcome)s {_ORDER}"
)
_PAGES = {
    (column, so): select(KeptDecision, f"FROM fraud_decision WHERE {column} = %(party)s {so} {_ORDER}")
    for column in ("person", "shop")
    for so in ("", "AND outcome = %(outcome)s")
}
_ONE = select(KeptDecision, "FROM fraud_decision WHERE id = %s AND outcome <> 'allow'")


def stopped_page(
    conn: psycopg.Connection[Any], outcome: Outcome | None, before_ns: int, limit: int
) -> list[KeptDecision]:
    """Return what was stopped before a moment, the latest first.

    Args:
        conn: In a transaction of the operator.
        outcome: ``challenge`` or ``refuse``; ``None`` is both.
        before_ns: The moment.
        limit: How many at most, and those of the last one's moment.
    """
    asked = {"outcome": outcome, "before_ns": before_ns, "limit": limit}
    with conn.cursor(row_factory=class_row(KeptDecision), binary=True) as cursor:
        return cursor.execute(_STOPPED if outcome is None else _STOPPED_SO, asked).fetchall()


def party_page(
    conn: psycopg.Connection[Any],
    side: str,
    party: UUID,
    outcome: Outcome | None,
    before_ns: int,
    limit: int,
) -> list[KeptDecision]:
    """Return what was decided about a party before a moment, the latest first.

    Args:
        conn: In a transaction of the operator.
        side: ``person`` who pays, or ``shop`` that is paid.
        party: Which one.
        outcome: ``None`` is any.
        before_ns: The moment.
        limit: How many at most, and those of the last one's moment.
    """
    asked = {"party": party, "outcome": outcome, "before_ns": before_ns, "limit": limit}
    with conn.cursor(row_factory=class_row(KeptDecision), binary=True) as cursor:
        return cursor.execute(
            _PAGES[side, "" if outcome is None else "AND outcome = %(outcome)s"], asked
        ).fetchall()


def find_stopped(conn: psycopg.Connection[Any], id_: UUID) -> KeptDecision:
    """Return the decision that stopped a payment.

    Args:
        conn: In a transaction of the operator.
        id_: Of the decision, as the payer was told it.

    Rejections: ``fraud_decision_not_found``.
    """
    with conn.cursor(row_factory=class_row(KeptDecision), binary=True) as cursor:
        found = cursor.execute(_ONE, (id_,)).fetchone()
    if found is None:
        raise Rejected(
            "fraud_decision_not_found",
            f"No payment was stopped by a decision {id_}; list a person's decisions to see those that were allowed.",
        )
    return found
