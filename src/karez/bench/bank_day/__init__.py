"""Makes a day at a bank, with everything that a bank does to payments, and some things that are wrong with it.

Each group of items has its own names and its own other sides, so that what is planted is all that can be found: a
payment that happens to look like another one would be a break of its own.
"""

from datetime import timedelta
from random import Random

from karez.bench.bank_day.items import COVERED_UNTIL, TOLERANCES, BankDay, Maker, Planted, planted_form
from karez.bench.bank_day.ordinary import ORDINARY
from karez.bench.bank_day.wrong import WRONG

__all__ = ["COVERED_UNTIL", "TOLERANCES", "BankDay", "Planted", "make_bank_day", "planted_form"]

_WAITING = 20


def make_bank_day(payments: int, breaks_of_each_kind: int, seed: int) -> BankDay:
    """Return a day of a size.

    Args:
        payments: Expected movements, at least; the last group may add a few.
        breaks_of_each_kind: How many of each of the eight kinds are planted.
        seed: Makes the same day again.
    """
    maker = Maker(Random(seed))  # noqa: S311 - no secret
    day = maker.day
    for kind, ways in WRONG.items():
        for number in range(breaks_of_each_kind):
            movements, entries = ways[number % len(ways)](maker)
            day.planted.add(
                (kind, frozenset(each.id for each in movements), frozenset(each.id for each in entries))
            )
    for _ in range(_WAITING):
        day.movements.append(maker.movement(day=COVERED_UNTIL - timedelta(days=1)))
    usual, weights = list(ORDINARY), list(ORDINARY.values())
    while len(day.movements) < payments:
        (make,) = maker.random.choices(usual, weights)
        make(maker)
    maker.random.shuffle(day.movements)
    maker.random.shuffle(day.entries)
    return day
