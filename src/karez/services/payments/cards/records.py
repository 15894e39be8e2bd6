"""Reading cards."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from karez.core.outcomes import Rejected
from karez.services.payments.cards.states import State
from karez.storage.selecting import select

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Card:
    """A card, without its number.

    Attributes:
        party: Whose it is.
        id: The token of its number.
        bank: Institution number of the bank that has issued it.
        currency: ISO 4217 letters; of the account behind it.
        scheme: Whose rules it follows, such as ``visa``.
        ending: The last four digits of its number.
        expiry: Its last month, such as ``2029-08``.
        state: Where it stands.
        binding: What the bank calls its challenge.
        tries: How many codes came for this challenge.
        challenge_until_ns: When this challenge is over.
        again_from_ns: When the next challenge may begin.
        reference: What the bank calls it in orders; empty until it is bound.
        limit_account: In the book, of what may be paid in 24 hours.
        payment_max_minor: The most for one payment.
        day_max_minor: The most for 24 hours.
        asked_ns: When this challenge began.
        first_bound_ns: When it was bound for the first time; its limit is funded since then.
        bound_ns: When it was bound.
        ended_ns: When it was unbound or refused.
    """

    party: UUID
    id: UUID
    bank: int
    currency: str
    scheme: str
    ending: str
    expiry: str
    state: str
    binding: UUID
    tries: int
    challenge_until_ns: int
    again_from_ns: int
    reference: str = field(repr=False)
    limit_account: UUID
    payment_max_minor: int
    day_max_minor: int
    asked_ns: int
    first_bound_ns: int | None
    bound_ns: int | None
    ended_ns: int | None

    @property
    def standing(self) -> State:
        """Return the state as a value of the state machine."""
        return State(self.state)


_CARDS = select(Card, "FROM card WHERE party = %s")


def look_up_card(conn: Connection, party: UUID, card: UUID) -> Card | None:
    """Return a card, if it was ever asked for.

    Args:
        conn: In a transaction of the party.
        party: Whose it is.
        card: Its token.
    """
    with conn.cursor(row_factory=class_row(Card), binary=True) as cursor:
        return cursor.execute(_CARDS + " AND id = %s", (party, card)).fetchone()


def find_card(conn: Connection, party: UUID, card: UUID) -> Card:
    """Return a card of the party.

    Rejections: ``card_not_found``.
    """
    found = look_up_card(conn, party, card)
    if found is None:
        raise Rejected("card_not_found", f"There is no card {card} of yours; list your cards.")
    return found


def cards_of(conn: Connection, party: UUID) -> list[Card]:
    """Return the cards of a party, those asked for last first."""
    with conn.cursor(row_factory=class_row(Card), binary=True) as cursor:
        return cursor.execute(_CARDS + " ORDER BY asked_ns DESC, id", (party,)).fetchall()
