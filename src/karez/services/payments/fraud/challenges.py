"""Payments that wait until their payer has confirmed them in a second way.

A challenged payment is remembered under its request's id. Once the challenge is confirmed, the same request, sent
again within the challenge's time, is judged as one that the payer stands by: rules that challenge let it pass, rules
that refuse do not. It pays once; every further repetition gets the reply of that one payment.

A credential cannot confirm what it has asked for itself: whoever has stolen one would pass every challenge with it.
Whatever makes sure of the payer in another way, such as the app of a bank or, later, a message to a telephone, has
a credential of its own and confirms here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import class_row

from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, RowInsert, RowUpdate
from karez.services.asking import Asking
from karez.services.payments.fraud.attempts import PaymentAttempt
from karez.storage.selecting import select

LIFE_S = 900
"""A challenge is confirmed, and its payment made, within 15 minutes."""

_SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Challenge:
    """A payment that was challenged.

    Attributes:
        person: Whose payment.
        id: Of the decision about it.
        shop: Who is to be paid.
        currency: ISO 4217 letters.
        amount_minor: How much.
        asked_by: Who has asked for the payment.
        expires_ns: Until when it can be confirmed and paid.
        confirmed_by: Who has confirmed it.
        confirmed_ns: When.
    """

    person: UUID
    id: UUID
    shop: UUID
    currency: str
    amount_minor: int
    asked_by: str
    expires_ns: int
    confirmed_by: str | None
    confirmed_ns: int | None

    def state(self, now_ns: int) -> str:
        """Return ``open``, ``confirmed`` or ``expired``."""
        if now_ns >= self.expires_ns:
            return "expired"
        return "open" if self.confirmed_ns is None else "confirmed"


class ChallengeReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A challenge that was confirmed."""

    id: UUID
    state: str


_CONFIRMED = select(
    Challenge,
    "FROM fraud_challenge WHERE (person, id) IN (SELECT * FROM unnest(%s::uuid[], %s::uuid[]))"
    " AND confirmed_ns IS NOT NULL",
)
_OF_PERSON = select(Challenge, "FROM fraud_challenge WHERE person = %s AND id = %s")


def expires_ns(now_ns: int) -> int:
    """Return until when a challenge of this moment can be confirmed and paid."""
    return now_ns + LIFE_S * _SECOND_NS


def challenge_row(asking: Asking, attempt: PaymentAttempt, id_: UUID) -> RowInsert:
    """Return the row of a new challenge.

    Args:
        asking: The payer's request.
        attempt: What was challenged.
        id_: Of the decision.
    """
    return RowInsert(
        table="fraud_challenge",
        key={"person": str(attempt.person), "id": str(id_)},
        values={
            "shop": str(attempt.shop),
            "currency": attempt.currency,
            "amount_minor": attempt.amount_minor,
            "asked_by": asking.actor,
            "expires_ns": expires_ns(asking.now_ns),
            "confirmed_by": None,
            "confirmed_ns": None,
        },
    )


def confirmed(conn: psycopg.Connection[Any], asked: Sequence[tuple[UUID, UUID]]) -> dict[UUID, Challenge]:
    """Return those of some challenges that were confirmed, by their ids.

    Args:
        conn: In a transaction of the operator.
        asked: The payer and the id of each.
    """
    people, ids = [person for person, _ in asked], [id_ for _, id_ in asked]
    with conn.cursor(row_factory=class_row(Challenge), binary=True) as cursor:
        return {each.id: each for each in cursor.execute(_CONFIRMED, (people, ids))}


def find_challenge(conn: psycopg.Connection[Any], person: UUID, id_: UUID) -> Challenge:
    """Return a challenge of a payer.

    Args:
        conn: In a transaction of the payer.
        person: The payer.
        id_: The challenge's.

    Rejections: ``challenge_not_found``.
    """
    with conn.cursor(row_factory=class_row(Challenge), binary=True) as cursor:
        found = cursor.execute(_OF_PERSON, (person, id_)).fetchone()
    if found is None:
        raise Rejected("challenge_not_found", f"There is no challenge {id_} of this payer; look its id up.")
    return found


def _who(actor: str) -> str:
    """Return who asks, whoever it asks for: one credential may charge a payer for a shop and act for the payer."""
    return actor.partition(" for ")[0]


def confirm(asking: Asking, challenge: Challenge) -> Operation:
    """Say that the payer stands by a payment.

    Args:
        asking: The request of whoever has made sure of the payer.
        challenge: As it was read.

    Rejections: ``challenge_expired``, ``challenge_asked_by_you``, ``challenge_confirmed_before``; in the book
        ``row_state_changed``, which is a lost race.
    """
    if challenge.confirmed_ns is not None:
        raise Rejected(
            "challenge_confirmed_before", "This challenge was confirmed before; send the payment again."
        )
    if challenge.state(asking.now_ns) == "expired":
        raise Rejected(
            "challenge_expired", "The time of this challenge is over; begin the payment anew under a new id."
        )
    if _who(challenge.asked_by) == _who(asking.actor):
        raise Rejected(
            "challenge_asked_by_you",
            "What has asked for a payment cannot confirm it; confirm it with another credential, which has made sure "
            "of the payer in a second way.",
        )
    row = RowUpdate(
        table="fraud_challenge",
        key={"person": str(challenge.person), "id": str(challenge.id)},
        expected={"confirmed_ns": None},
        changes={"confirmed_by": asking.actor, "confirmed_ns": asking.now_ns},
    )
    reply = ChallengeReceipt(id=challenge.id, state="confirmed")
    return asking.operation("fraud.confirm_challenge", reply, rows=(row,))
