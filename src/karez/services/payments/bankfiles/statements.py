"""What a bank says about an account, whichever kind of file it came in.

opening balance 1,000.00 + entries (250.00 in, 50.00 out) = closing balance 1,200.00
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from karez.core.money import Money
from karez.core.outcomes import Rejected


class Direction(StrEnum):
    """Which way an entry moves the account's balance, seen from its owner."""

    CREDIT = "credit"
    DEBIT = "debit"


@dataclass(frozen=True, slots=True, kw_only=True)
class BankEntry:
    """One line of an account.

    Attributes:
        booking_day: When the bank booked it.
        value_day: From when it bears interest.
        amount_minor: How much, never below zero.
        currency: ISO 4217 letters.
        direction: In or out.
        references: What the parties called the payment or its batch; the bank passes these on.
        bank_reference: What the bank itself calls the entry; empty if it gives no name.
        counterparty: The other side's account number; empty if it is unknown or there are several.
        counterparty_name: The other side's name, likewise.
        text: What the payer or the bank wrote to it.
        booked: Whether it is final; otherwise the bank only announces it.
    """

    booking_day: date
    value_day: date
    amount_minor: int
    currency: str
    direction: Direction
    references: tuple[str, ...] = ()
    bank_reference: str = ""
    counterparty: str = ""
    counterparty_name: str = ""
    text: str = ""
    booked: bool = True

    @property
    def signed_minor(self) -> int:
        """Return the amount, below zero if it goes out."""
        return self.amount_minor if self.direction is Direction.CREDIT else -self.amount_minor


@dataclass(frozen=True, slots=True)
class Balance:
    """What stood on an account.

    Attributes:
        amount_minor: How much, below zero if the account was overdrawn.
        currency: ISO 4217 letters.
        day: At its beginning for an opening balance, at its end for a closing one.
    """

    amount_minor: int
    currency: str
    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class BankStatement:
    """Entries of one account.

    Attributes:
        identification: The bank's name for the statement; empty if it gives none.
        account: The account's number.
        entries: In the bank's order.
        until_day: The last day of which it has every entry; ``None`` for a report within a day and for a
            notification of single entries.
        opening: The booked balance before the entries, if it is told.
        closing: The booked balance after them, if it is told.
    """

    identification: str
    account: str
    entries: tuple[BankEntry, ...]
    until_day: date | None = None
    opening: Balance | None = None
    closing: Balance | None = None


def check_balances(statement: BankStatement) -> None:
    """Refuse a statement whose entries do not lead from its opening to its closing balance.

    Where the bank does not tell both balances, or books in several currencies, nothing can be said.

    Rejections: ``statement_not_balanced``, ``amount_too_large``.
    """
    opening, closing = statement.opening, statement.closing
    if opening is None or closing is None:
        return
    booked = [entry for entry in statement.entries if entry.booked]
    if {opening.currency, closing.currency, *(entry.currency for entry in booked)} != {opening.currency}:
        return
    entries_minor = sum(entry.signed_minor for entry in booked)
    reached = Money(opening.amount_minor + entries_minor, opening.currency)
    told = Money(closing.amount_minor, closing.currency)
    if reached != told:
        raise Rejected(
            "statement_not_balanced",
            f"The entries of statement {statement.identification[:40]!r} lead to {reached}, but its closing balance "
            f"is {told}; entries are missing or doubled, so ask the bank for the whole file again.",
        )
