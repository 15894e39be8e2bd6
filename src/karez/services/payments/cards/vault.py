"""The vault: the one place where card numbers are kept, sealed, in a table that one database role may touch.

A number goes in where a card is bound, and nobody asks for it again: everything else knows the card's token, which is
random. The same number of the same person always has the same token; this is seen by a keyed fingerprint, of which
without the key nobody learns anything. Numbers of one person are out of the reach of a transaction that is opened for
another one.
"""

from typing import Any
from uuid import UUID

import psycopg

from karez.core.ids import new_id
from karez.core.sealing import Place, Sealer
from karez.services.payments.cards.numbers import CardNumber, numbers_in

Connection = psycopg.Connection[Any]

_FIND = (
    "SELECT token, sealed IS NOT NULL FROM card_number WHERE party = %s AND number_index = ANY(%s) FOR UPDATE"
)
_PUT = """
INSERT INTO card_number (party, number_index, token, sealed, stored_ns) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (party, number_index) DO NOTHING
"""
_PUT_AGAIN = (
    "UPDATE card_number SET sealed = %s, stored_ns = %s WHERE party = %s AND token = %s AND sealed IS NULL"
)
_FORGET = """
UPDATE card_number n SET sealed = NULL WHERE party = %s AND token = %s
    AND NOT EXISTS (SELECT FROM card c WHERE c.party = n.party AND c.id = n.token AND c.state IN ('asked', 'bound'))
"""
_IS_ONE = "SELECT EXISTS (SELECT FROM card_number WHERE party = %s AND number_index = ANY(%s))"


def sealer(secret_key: bytes) -> Sealer:
    """Return what seals card numbers, and nothing else.

    Args:
        secret_key: ``Database.secret_key``.
    """
    return Sealer({1: secret_key}, "card number")


def place_of(token: UUID) -> Place:
    """Return where the number of a card is stored."""
    return Place("card_number", "sealed", token)


def put_number(conn: Connection, sealing: Sealer, party: UUID, number: CardNumber, now_ns: int) -> UUID:
    """Keep a card number and return the card's token: a new one, or the one that this number had before.

    Args:
        conn: In a transaction of the vault for the party.
        sealing: From ``sealer``.
        party: Whose card it is.
        number: What is kept.
        now_ns: The present moment.
    """
    indexes = sealing.blind_indexes("card number", number.digits)
    found = conn.execute(_FIND, (party, indexes)).fetchone()
    if found is None:
        token = new_id(now_ns)
        conn.execute(_PUT, (party, indexes[0], token, sealing.seal(number.digits, place_of(token)), now_ns))
        # Whoever binds the same card in this moment may have been first: theirs is the token then.
        found = conn.execute(_FIND, (party, indexes)).fetchone()
    assert found is not None, "what was put in, or stood in the way of it, is there"
    token, is_kept = found
    if not is_kept:
        sealed = sealing.seal(number.digits, place_of(token))
        conn.execute(_PUT_AGAIN, (sealed, now_ns, party, token))
    return UUID(str(token))


def forget_number(conn: Connection, party: UUID, token: UUID) -> None:
    """Forget the number of a card unless it is in use; its token stays for when the card is bound again.

    Whoever binds it again in this moment puts the number in once more after the card waits for its code.
    """
    conn.execute(_FORGET, (party, token))


def holds_number(conn: Connection, sealing: Sealer, party: UUID, text: str) -> bool:
    """Tell whether a text holds the number of one of the party's cards, such as one that a bank should not tell."""
    indexes = [index for digits in numbers_in(text) for index in sealing.blind_indexes("card number", digits)]
    row = conn.execute(_IS_ONE, (party, indexes)).fetchone()
    return row is not None and bool(row[0])
