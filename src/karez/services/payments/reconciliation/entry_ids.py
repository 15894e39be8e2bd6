"""What makes an entry of a bank the same entry, in whichever file it comes.

A bank may tell of an entry twice: in a notification at once, and in the statement of the day. Where it gives the
entry a name of its own, the name with the amount is the entry. Where it does not, everything that it says is. Of
entries that say the same, the first is the first in any file, the second the second.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from karez.core.ids import NIL, derived_id
from karez.services.payments.bankfiles.statements import BankEntry, BankStatement


class BookedEntry(NamedTuple):
    """An entry that is final.

    Attributes:
        id: The same whenever it comes.
        place: In its statement.
        entry: What the bank says.
    """

    id: UUID
    place: int
    entry: BankEntry


def booked_entries(bank: int, statements: Sequence[BankStatement]) -> tuple[list[BookedEntry], ...]:
    """Return what each statement of a file has that is final and moves money.

    Args:
        bank: The bank's institution number.
        statements: All of the file, in its order.
    """
    of_file: Counter[UUID] = Counter()
    found = []
    for statement in statements:
        # Statements follow one another. Reports within a day may tell everything anew.
        seen = Counter() if statement.until_day is None else of_file
        booked = []
        for place, entry in enumerate(statement.entries):
            if entry.booked and entry.amount_minor:
                alike = _identity(bank, statement.account, entry)
                seen[alike] += 1
                booked.append(BookedEntry(derived_id(alike, seen[alike]), place, entry))
        found.append(booked)
    return tuple(found)


def _identity(bank: int, account: str, entry: BankEntry) -> UUID:
    if entry.bank_reference:
        told: tuple[str, ...] = ("named", entry.bank_reference)
    else:
        days = entry.booking_day.isoformat(), entry.value_day.isoformat()
        other_side = entry.counterparty, entry.counterparty_name
        told = ("unnamed", *days, *other_side, entry.text, *entry.references)
    return derived_id(NIL, "bank entry", bank, account, entry.signed_minor, entry.currency, *told)
