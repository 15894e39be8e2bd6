"""The moments that a line like ``30 9 1,15 * 1-5`` stands for, in UTC.

Five fields: minute, hour, day of the month, month, day of the week (0 or 7 is Sunday). A field is ``*``, a
number, a range ``1-5``, any of these with a step (``*/10``, and ``5/10`` from 5 to the end), or a list of
such parts. As in crontab(5), when the day of the month and the day of the week are both restricted (neither
begins with ``*``) either of them is enough.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from karez.core.outcomes import Rejected

_PART = re.compile(r"(?:\*|(?P<first>[0-9]{1,2})(?:-(?P<last>[0-9]{1,2}))?)(?:/(?P<step>[0-9]{1,2}))?")
_FIELDS = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of the month", 1, 31),
    ("month", 1, 12),
    ("day of the week", 0, 7),
)
_NANOSECONDS = 1_000_000_000
_SUNDAY = 7

# The longest wait is for a 29 February on a certain day of the week, across a year like 2100: 40 years.
_SEARCH_LIMIT_DAYS = 41 * 366


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed line.

    Attributes:
        minutes: Ascending.
        hours: Ascending.
        month_days: 1 to 31.
        months: 1 to 12.
        week_days: 1 (Monday) to 7 (Sunday).
        either_day: Whether one of ``month_days`` and ``week_days`` is enough.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    month_days: frozenset[int]
    months: frozenset[int]
    week_days: frozenset[int]
    either_day: bool

    def has_day(self, day: date) -> bool:
        """Tell whether anything happens on a day."""
        by_month, by_week = day.day in self.month_days, day.isoweekday() in self.week_days
        wanted = by_month or by_week if self.either_day else by_month and by_week
        return wanted and day.month in self.months


def parse_cron(line: str) -> Cron:
    """Read a line.

    Raises:
        Rejected: ``cron_malformed``, also for a day that no year has.
    """
    fields = line.split()
    if len(fields) != len(_FIELDS):
        raise _malformed(line, f"it has {len(fields)} fields, not {len(_FIELDS)}")
    minutes, hours, month_days, months, week_days = (
        _read_field(line, text, *names) for text, names in zip(fields, _FIELDS, strict=True)
    )
    cron = Cron(
        tuple(sorted(minutes)),
        tuple(sorted(hours)),
        frozenset(month_days),
        frozenset(months),
        frozenset(day or _SUNDAY for day in week_days),
        either_day=not fields[2].startswith("*") and not fields[4].startswith("*"),
    )
    leap_year = (date(2000, 1, 1) + timedelta(days=days) for days in range(366))
    if not cron.either_day and not any(day.month in months and day.day in month_days for day in leap_year):
        raise _malformed(line, "no year has such a day")
    return cron


def next_cron_ns(cron: Cron, after_ns: int) -> int:
    """Return the first moment of a cron after another moment.

    Args:
        cron: The line.
        after_ns: Nanoseconds since 1970-01-01 UTC.
    """
    after = datetime.fromtimestamp(after_ns // _NANOSECONDS, UTC)
    first = after.replace(second=0) + timedelta(minutes=1)
    day, earliest = first.date(), (first.hour, first.minute)
    for _ in range(_SEARCH_LIMIT_DAYS):
        if cron.has_day(day):
            for hour in cron.hours:
                for minute in cron.minutes:
                    if (hour, minute) >= earliest:
                        moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
                        return int(moment.timestamp()) * _NANOSECONDS
        day, earliest = day + timedelta(days=1), (0, 0)
    raise AssertionError(f"{cron} has no moment within {_SEARCH_LIMIT_DAYS} days after {after}")


def _read_field(line: str, text: str, name: str, low: int, high: int) -> set[int]:
    values: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise _malformed(line, f"{part!r} in the field {name} is not a number, range or step")
        step = int(match["step"] or 1)
        if match["first"] is None:
            first, last = low, high
        else:
            first = int(match["first"])
            last = int(match["last"]) if match["last"] else high if match["step"] else first
        if not low <= first <= last <= high or step == 0:
            raise _malformed(line, f"{part!r} in the field {name} does not lie within {low} to {high}")
        values.update(range(first, last + 1, step))
    return values


def _malformed(line: str, reason: str) -> Rejected:
    return Rejected(
        "cron_malformed", f"The cron line {line!r} cannot be used: {reason}; write it like '30 9 1,15 * 1-5'."
    )
