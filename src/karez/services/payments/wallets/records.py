"""Reading wallets."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from karez.core.outcomes import Rejected
from karez.services.payments.wallets.limits import LevelName


@dataclass(frozen=True, slots=True)
class Wallet:
    """A wallet without its balance, which is in the book.

    Attributes:
        party: Whose.
        currency: ISO 4217 letters.
        kind: ``person`` or ``shop``.
        state: ``open`` or ``frozen``.
        level: How well its holder is known.
        freeze_id: The reservation that freezes it.
        opened_ns: When it was opened.
    """

    party: UUID
    currency: str
    kind: str
    state: str
    level: LevelName
    freeze_id: UUID | None
    opened_ns: int


_WALLETS = "SELECT party, currency, kind, state, level, freeze_id, opened_ns FROM wallet WHERE party = %s"


def wallets_of(conn: psycopg.Connection[Any], party: UUID) -> list[Wallet]:
    """Return the wallets of a party that the caller may see."""
    with conn.cursor(row_factory=class_row(Wallet)) as cursor:
        return cursor.execute(_WALLETS + " ORDER BY currency", (party,)).fetchall()


def find_wallet(conn: psycopg.Connection[Any], party: UUID, currency: str) -> Wallet:
    """Return one wallet.

    Rejections: ``wallet_not_found``.
    """
    with conn.cursor(row_factory=class_row(Wallet), binary=True) as cursor:
        found = cursor.execute(_WALLETS + " AND currency = %s", (party, currency)).fetchone()
    if found is None:
        raise Rejected("wallet_not_found", f"There is no wallet in {currency[:3]} here; open one first.")
    return found
