"""The items of a generated day, each with a name, an amount and another side of its own."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from uuid import UUID

from karez.services.payments.reconciliation.matching.breaks import Break, BreakKind
from karez.services.payments.reconciliation.matching.items import Entry, Movement
from karez.services.payments.reconciliation.matching.tolerances import Tolerances

DAY = date(2026, 3, 2)
COVERED_UNTIL = DAY + timedelta(days=14)
TOLERANCES = Tolerances()

_AMOUNTS_MINOR = (2_000, 500_000_000)

Planted = tuple[BreakKind, frozenset[UUID], frozenset[UUID]]
"""A break: its kind, and the ids of our and the bank's items."""


@dataclass(slots=True)
class BankDay:
    """A generated day.

    Attributes:
        movements: What is expected.
        entries: What the bank says.
        settled_before: What earlier days have settled and the bank repeats.
        planted: All breaks that are in it.
    """

    movements: list[Movement] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    settled_before: list[Movement] = field(default_factory=list)
    planted: set[Planted] = field(default_factory=set)


def planted_form(found: Break) -> Planted:
    """Return a break that was found in the form of those that are planted."""
    return (
        found.kind,
        frozenset(each.id for each in found.movements),
        frozenset(each.id for each in found.entries),
    )


class Maker:
    """Makes items and puts them into a day.

    Args:
        random: Where everything that is not the same comes from.
    """

    def __init__(self, random: Random) -> None:
        self.random = random
        self.day = BankDay()
        self._numbers = itertools.count(1)
        self._used_amounts: set[int] = set()

    def name(self, start: str) -> str:
        """Return a name that nothing else has."""
        return f"{start}-{next(self._numbers):08}"

    def amount(self) -> int:
        """Return an amount that no other item has, in or out."""
        while True:
            amount_minor = self.random.randint(*_AMOUNTS_MINOR)
            if amount_minor not in self._used_amounts:
                self._used_amounts.add(amount_minor)
                return amount_minor * self.random.choice((1, -1))

    def movement(
        self, amount_minor: int = 0, batch: str = "", counterparty: str = "", day: date = DAY
    ) -> Movement:
        """Return a movement with a reference of its own."""
        return Movement(
            id=self._id(),
            reference=self.name("PO"),
            batch=batch,
            amount_minor=amount_minor or self.amount(),
            currency="CNY",
            day=day,
            counterparty=counterparty or self.name("622202"),
        )

    def batch(self, at_least: int, at_most: int, batch: str = "", counterparty: str = "") -> list[Movement]:
        """Return outgoing movements of one batch or to one other side."""
        return [
            self.movement(-abs(self.amount()), batch, counterparty)
            for _ in range(self.random.randint(at_least, at_most))
        ]

    def entry(
        self,
        like: Movement,
        *references: str,
        amount_minor: int = 0,
        currency: str = "CNY",
        late_days: int | None = None,
        counterparty: str | None = None,
        text: str = "",
    ) -> Entry:
        """Return what the bank says about a movement, in time unless told otherwise."""
        late = self.random.randint(0, TOLERANCES.days) if late_days is None else late_days
        return Entry(
            id=self._id(),
            references=references,
            amount_minor=amount_minor or like.amount_minor,
            currency=currency,
            day=like.day + timedelta(days=late),
            counterparty=like.counterparty if counterparty is None else counterparty,
            text=text,
        )

    def whole_entry(
        self, batch: Sequence[Movement], *references: str, more_minor: int = 0, late_days: int | None = None
    ) -> Entry:
        """Return one entry for several movements."""
        total = sum(movement.amount_minor for movement in batch) + more_minor
        return self.entry(batch[0], *references, amount_minor=total, late_days=late_days, counterparty="")

    def parts(self, amount_minor: int, at_most: int) -> list[int]:
        """Return an amount in several parts that are not zero."""
        count = self.random.randint(2, at_most)
        cuts = sorted(self.random.sample(range(1, abs(amount_minor)), count - 1))
        sign = 1 if amount_minor > 0 else -1
        return [sign * (end - start) for start, end in itertools.pairwise([0, *cuts, abs(amount_minor)])]

    def add(self, movements: Sequence[Movement], entries: Sequence[Entry]) -> None:
        """Put items into the day."""
        self.day.movements += movements
        self.day.entries += entries

    def _id(self) -> UUID:
        return UUID(int=self.random.getrandbits(128))
