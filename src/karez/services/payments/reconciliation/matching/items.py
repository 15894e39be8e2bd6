"""The two sides of a reconciliation, as it compares them: what Karez expects and what the bank says.

Amounts are signed: above zero comes in, below zero goes out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from karez.core.money import currency_exponent, format_minor
from karez.services.payments.bankfiles.statements import BankEntry


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that Karez expects to come or go at a bank.

    Attributes:
        id: Of the movement.
        reference: What the bank was told to call it.
        batch: What the file or order is called in which it went to the bank; empty if it went alone.
        amount_minor: How much, signed.
        currency: ISO 4217 letters.
        day: When the bank should book it.
        counterparty: The other side's account number; empty if it is unknown.
    """

    id: UUID
    reference: str
    batch: str
    amount_minor: int
    currency: str
    day: date
    counterparty: str


@dataclass(frozen=True, slots=True)
class Entry:
    """Money that came or went, as the bank says.

    Attributes:
        id: Of the entry.
        references: What the parties called it, as far as the bank passed it on.
        amount_minor: How much, signed.
        currency: ISO 4217 letters.
        day: When the bank booked it.
        counterparty: The other side's account number; empty if it is unknown.
        text: What was written to it.
    """

    id: UUID
    references: tuple[str, ...]
    amount_minor: int
    currency: str
    day: date
    counterparty: str
    text: str


Item = Movement | Entry


def entry_of(id_: UUID, told: BankEntry) -> Entry:
    """Return an entry of a bank's file as it is compared."""
    return Entry(
        id_,
        told.references,
        told.signed_minor,
        told.currency,
        told.booking_day,
        told.counterparty,
        told.text,
    )


def name_of(reference: str) -> str:
    """Return a reference as it is compared: banks change capitals and add spaces."""
    return "".join(reference.split()).upper()


def totals(items: Iterable[Item]) -> dict[str, int]:
    """Return the sum in each currency, without those of zero."""
    sums: dict[str, int] = {}
    for item in items:
        sums[item.currency] = sums.get(item.currency, 0) + item.amount_minor
    return {currency: amount for currency, amount in sums.items() if amount}


def differences(movements: Iterable[Movement], entries: Iterable[Entry]) -> dict[str, int]:
    """Return how much more than expected the bank has in each currency, without those of zero."""
    sums = totals(entries)
    for currency, amount in totals(movements).items():
        sums[currency] = sums.get(currency, 0) - amount
    return {currency: amount for currency, amount in sums.items() if amount}


def told_amount(amount_minor: int, currency: str) -> str:
    """Write an amount as people read it, with the currency."""
    return f"{format_minor(amount_minor, currency_exponent(currency))} {currency}"
