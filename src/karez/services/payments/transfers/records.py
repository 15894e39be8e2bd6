"""Reading transfers between people, and who can be paid."""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from karez.storage.selecting import select

Side = Literal["sent", "received"]


@dataclass(frozen=True, slots=True)
class Payee:
    """Somebody who can be paid in a currency.

    Attributes:
        party: Their id.
        named_by: How the payer named them: ``id``, ``phone`` or ``email``.
        masked_name: What the payer may see of the name; ``None`` where they were named by id or have none.
    """

    party: UUID
    named_by: str
    masked_name: str | None


@dataclass(frozen=True, slots=True)
class MoneyTransfer:
    """Money that was sent.

    Attributes:
        id: Its id, the operation's.
        payer: Who sent it.
        payee: Who got it.
        named_by: How the payer named the payee.
        payee_name: What the payer may see of the payee's name.
        currency: ISO 4217 letters.
        amount_minor: How much.
        note: What the payer wrote.
        made_ns: When.
    """

    id: UUID
    payer: UUID
    payee: UUID
    named_by: str
    payee_name: str | None
    currency: str
    amount_minor: int
    note: str | None
    made_ns: int


_PAGES = {
    side: select(
        MoneyTransfer,
        f"""FROM money_transfer WHERE {column} = %s AND made_ns < %s
            ORDER BY made_ns DESC FETCH FIRST %s ROWS WITH TIES""",
    )
    for side, column in (("sent", "payer"), ("received", "payee"))
}
_TRANSFER = select(MoneyTransfer, "FROM money_transfer WHERE id = %s")
_CAN_BE_PAID = """
    SELECT FROM wallet JOIN party ON party.id = wallet.party
    WHERE wallet.party = %s AND wallet.currency = %s AND party.kind = 'person' AND party.state = 'active'
"""


def can_be_paid(conn: psycopg.Connection[Any], party: UUID, currency: str) -> bool:
    """Tell whether a party is an active person with a wallet in a currency.

    Args:
        conn: In a transaction of the operator.
        party: Whose.
        currency: ISO 4217 letters.
    """
    return conn.execute(_CAN_BE_PAID, (party, currency)).fetchone() is not None


def transfers_page(
    conn: psycopg.Connection[Any], party: UUID, side: Side, before_ns: int, limit: int
) -> list[MoneyTransfer]:
    """Return transfers of a party, the latest first.

    Args:
        conn: In a transaction of the party.
        party: Whose.
        side: ``sent`` or ``received``.
        before_ns: Made before this moment.
        limit: How many at most, and those of the last one's moment.
    """
    with conn.cursor(row_factory=class_row(MoneyTransfer), binary=True) as cursor:
        return cursor.execute(_PAGES[side], (party, before_ns, limit)).fetchall()


def find_money_transfer(conn: psycopg.Connection[Any], transfer: UUID) -> MoneyTransfer | None:
    """Return a transfer that the caller may see.

    Args:
        conn: In a transaction of the payer, the payee or the operator.
        transfer: Its id.
    """
    with conn.cursor(row_factory=class_row(MoneyTransfer), binary=True) as cursor:
        return cursor.execute(_TRANSFER, (transfer,)).fetchone()
