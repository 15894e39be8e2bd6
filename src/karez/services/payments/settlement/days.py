"""Which days are settled when: T+1 on the calendar that was agreed with the shop.

On every business day the batch is cut at 02:00 local time and contains what became the shop's before that day's
midnight. So what was sold on Friday, Saturday and Sunday is settled together on Monday.

The two hours between midnight and the cut are there because a payment carries the moment at which it was decided,
which is a little earlier than the one at which the book has it: by 02:00 the book has all payments of the day before.
"""

from dataclasses import dataclass
from datetime import date

from karez.core.calendars import Calendar, local_day, local_moment_ns, next_business_day

CUT_HOUR = 2
FILE_HOUR = 4
"""When the day's payouts are put into files for the banks."""


@dataclass(frozen=True, slots=True)
class Cut:
    """When a batch is made and what it contains.

    Attributes:
        day: The business day on which the shop gets the money.
        until_ns: What became the shop's before this moment, the day's midnight, is in it.
        due_ns: When it is made.
    """

    day: date
    until_ns: int
    due_ns: int


def cut_of(calendar: Calendar, day: date) -> Cut:
    """Return the cut of a business day."""
    return Cut(day, local_moment_ns(calendar, day), local_moment_ns(calendar, day, CUT_HOUR))


def first_cut(calendar: Calendar, now_ns: int) -> Cut:
    """Return the first cut for a shop that is settled from now on."""
    return next_cut(calendar, local_day(calendar, now_ns))


def next_cut(calendar: Calendar, day: date) -> Cut:
    """Return the cut after that of a day."""
    return cut_of(calendar, next_business_day(calendar, day))
