"""Reading payments for which a bank was asked."""

from dataclasses import dataclass
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from karez.core.ids import derived_id
from karez.services.payments.banks.records import Connection, Instruction
from karez.services.payments.trades.legs import Leg
from karez.services.payments.trades.records import Trade, find_trade


@dataclass(frozen=True, slots=True)
class Attempt:
    """A payment for which a bank was asked.

    Attributes:
        trade: What was to be paid.
        instruction: What the bank was asked by.
        payer: Who was to pay.
        asked: The operation that reserved the other legs.
        legs: All legs in order, as JSON.
        bank_leg: Which of them is the bank's.
        limited: Whether the payer's limit of 24 hours was used.
        state: ``asked``, ``paid`` or ``declined``.
        code: What the bank said.
        asked_ns: When it was asked.
        ended_ns: When it was over.
    """

    trade: UUID
    instruction: UUID
    payer: UUID
    asked: UUID
    legs: str
    bank_leg: int
    limited: bool
    state: str
    code: str
    asked_ns: int
    ended_ns: int | None

    @property
    def planned(self) -> tuple[Leg, ...]:
        """Return all legs in order."""
        return _decode_legs(self.legs)

    def reservation(self, number: int) -> UUID:
        """Return the transfer that reserves a leg."""
        return derived_id(self.asked, "leg", number)

    @property
    def limit_use(self) -> UUID:
        """Return the transfer that has used the payer's limit."""
        return derived_id(self.asked, "limit", 0)


_decode_legs = msgspec.json.Decoder(tuple[Leg, ...]).decode

_COLUMNS = ", ".join(Attempt.__dataclass_fields__)
_FIND = f"SELECT {_COLUMNS} FROM payment_attempt WHERE trade = %s AND instruction = %s"  # noqa: S608 - names of our own columns


def attempt_of(conn: Connection, instruction: Instruction) -> tuple[Trade, Attempt]:
    """Return the trade and the attempt that an instruction belongs to, as a worker.

    Args:
        conn: With rights to all of them.
        instruction: To collect a part of a trade's price.
    """
    with conn.cursor(row_factory=class_row(Attempt), binary=True) as cursor:
        attempt = cursor.execute(_FIND, (instruction.subject, instruction.id)).fetchone()
    assert attempt is not None, "an instruction is made together with its attempt"
    return find_trade(conn, instruction.subject), attempt
