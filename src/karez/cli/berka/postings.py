"""From the bank's rows to what is booked, in the order in which it is booked.

The difference between a row's published balance and what the book then holds is booked beside the row, if it is
no more than a rounding. A greater one is left alone: it is the file's, and the comparison must find it.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from karez.cli.berka.bank_rows import BankRow
from karez.cli.berka.day_order import ROUNDING_MAX_MINOR, misses_by, order_day


class Posting(NamedTuple):
    """One row of the bank and its rounding.

    Attributes:
        row: The row.
        rounding_minor: What is to be booked besides the row's change; 0 where it fits or where nothing will.
    """

    row: BankRow
    rounding_minor: int


def plan_postings(rows: Iterable[BankRow]) -> list[Posting]:
    """Put the rows of one bank into order, by day and account, and give each its rounding.

    Args:
        rows: In any order.
    """
    days: dict[tuple[int, int], list[BankRow]] = defaultdict(list)
    for row in rows:
        days[row.day.toordinal(), row.account].append(row)
    held_minor: dict[int, int] = defaultdict(int)
    postings = []
    for (_, account), day_rows in sorted(days.items()):
        for row in order_day(day_rows, held_minor[account]):
            miss_minor = misses_by(row, held_minor[account])
            rounding_minor = miss_minor if abs(miss_minor) <= ROUNDING_MAX_MINOR else 0
            held_minor[account] += row.change_minor + rounding_minor
            postings.append(Posting(row, rounding_minor))
    return postings
