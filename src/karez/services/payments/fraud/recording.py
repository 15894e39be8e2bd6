"""Keeping decisions: an allowed one in the operation that pays, a stopped one in an operation of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import class_row

from karez.core.ids import derived_id
from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, RowInsert
from karez.services.asking import Asking, encode
from karez.services.payments.fraud.attempts import Observed, PaymentAttempt
from karez.services.payments.fraud.deciding import Decision, Reason, decide
from karez.services.payments.fraud.rules import NamedRule


class PaymentStopped(Rejected):
    """A payment that does not pass.

    Args:
        code: As of ``Rejected``.
        sentence: As of ``Rejected``; it does not tell which rule was hit, because thieves read it too.
        record: The operation that keeps the decision, to be carried out by whoever tells the caller.
        decision: Id of the decision, for customer service.
    """

    def __init__(self, code: str, sentence: str, record: Operation, decision: UUID) -> None:
        super().__init__(code, sentence, decision=decision)
        self.record = record


class DecisionReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A decision that was kept."""

    id: UUID
    outcome: str


def decision_id(attempt: PaymentAttempt) -> UUID:
    """Return the id of the decision about an attempt; trying again later is another decision."""
    return derived_id(attempt.id, "fraud decision", attempt.at_ns)


def decision_row(attempt: PaymentAttempt, decision: Decision) -> RowInsert:
    """Return the row that keeps a decision."""
    return RowInsert(
        table="fraud_decision",
        key={"person": str(attempt.person), "at_ns": attempt.at_ns, "id": str(decision_id(attempt))},
        values={
            "shop": str(attempt.shop),
            "card": _bytea(attempt.card),
            "device": _bytea(attempt.device),
            "amount_minor": attempt.amount_minor,
            "score_bps": None if attempt.score is None else attempt.score.fraud_bps,
            "outcome": decision.outcome,
            "currency": attempt.currency,
            "reasons": encode(decision.reasons).decode(),
        },
    )


def passed(
    asking: Asking, rules: Sequence[NamedRule], attempt: PaymentAttempt, observed: Observed
) -> tuple[RowInsert, ...]:
    """Return what the paying operation has to write so that this payment was judged, or stop it.

    Args:
        asking: The payer's request.
        rules: Those that hold.
        attempt: What is judged.
        observed: What is known.

    Rejections: ``payment_refused``, ``payment_needs_confirmation``, both as ``PaymentStopped``.
    """
    decision = decide(rules, attempt, observed)
    if decision.outcome == "allow":
        return (decision_row(attempt, decision),)
    id_ = decision_id(attempt)
    record = refused(asking, attempt, decision)
    if decision.outcome == "challenge":
        raise PaymentStopped(
            "payment_needs_confirmation",
            "Confirm in your app that it is you who pays, then send this payment again.",
            record,
            id_,
        )
    raise PaymentStopped(
        "payment_refused",
        f"This payment was stopped for safety; pay in another way, or ask customer service about {id_}.",
        record,
        id_,
    )


def refused(asking: Asking, attempt: PaymentAttempt, decision: Decision) -> Operation:
    """Keep the decision about an attempt that is not paid, and announce it to the operator alone.

    Args:
        asking: The payer's request; the operation gets an id of its own.
        attempt: What was judged.
        decision: What was decided.
    """
    id_ = decision_id(attempt)
    own = Asking(derived_id(id_, "record"), asking.actor, asking.fingerprint, asking.now_ns)
    told = {
        "id": id_,
        "outcome": decision.outcome,
        "person": attempt.person,
        "shop": attempt.shop,
        "currency": attempt.currency,
        "amount_minor": attempt.amount_minor,
        "rules": [reason.rule for reason in decision.reasons],
    }
    return own.operation(
        "fraud.refused",
        DecisionReceipt(id=id_, outcome=decision.outcome),
        rows=(decision_row(attempt, decision),),
        events=(own.event("fraud.refused", (), told),),
    )


@dataclass(frozen=True, slots=True)
class KeptDecision:
    """A decision as it is kept.

    Attributes:
        person: Who paid, or tried to.
        at_ns: When.
        id: Of the decision.
        shop: Who was to be paid.
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
    amount_minor: int
    currency: str
    score_bps: int | None
    outcome: str
    reasons: str

    @property
    def why(self) -> tuple[Reason, ...]:
        """Return every rule that was hit."""
        return _decode_reasons(self.reasons)


_decode_reasons = msgspec.json.Decoder(tuple[Reason, ...]).decode

_KEPT = f"SELECT {', '.join(KeptDecision.__dataclass_fields__)} FROM fraud_decision"  # noqa: S608 - our own columns
_STOPPED = f"{_KEPT} WHERE outcome <> 'allow' AND at_ns < %s ORDER BY at_ns DESC LIMIT %s"
_OF_PERSON = f"{_KEPT} WHERE person = %s AND at_ns < %s ORDER BY at_ns DESC LIMIT %s"


def stopped_page(conn: psycopg.Connection[Any], before_ns: int, limit: int) -> list[KeptDecision]:
    """Return what was stopped before a moment, the latest first.

    Args:
        conn: In a transaction of the operator.
        before_ns: The moment.
        limit: How many at most.
    """
    with conn.cursor(row_factory=class_row(KeptDecision), binary=True) as cursor:
        return cursor.execute(_STOPPED, (before_ns, limit)).fetchall()


def person_page(
    conn: psycopg.Connection[Any], person: UUID, before_ns: int, limit: int
) -> list[KeptDecision]:
    """Return what was decided about a person before a moment, the latest first."""
    with conn.cursor(row_factory=class_row(KeptDecision), binary=True) as cursor:
        return cursor.execute(_OF_PERSON, (person, before_ns, limit)).fetchall()


def _bytea(fingerprints: tuple[bytes, ...]) -> str | None:
    return "\\x" + fingerprints[0].hex() if fingerprints else None
