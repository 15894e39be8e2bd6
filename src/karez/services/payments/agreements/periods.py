"""The days on which an agreement lets money be deducted.

A period begins on its day and lasts until the next one begins; in each there is one deduction at most. Days are those
of the agreement's own time zone. All days are counted from the first one, so nothing drifts.

Worked example: monthly on day 31, first day 2024-01-31. The next days are 2024-02-29, 2024-03-31 and 2024-04-30: a
month that is too short takes its last day, and the one after it is none the worse.

Source of the rule for short months: RFC 7529, section 4.1, ``SKIP=BACKWARD``.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from karez.core.clock import to_datetime
from karez.core.outcomes import Rejected

Unit = Literal["day", "week", "month"]

_EVERY_MAX = {"day": 366, "week": 52, "month": 12}
_DAY_MAX = {"week": 7, "month": 31}
_BEGINS = time(9)
"""When a deduction is made on its day, by local time: people are awake and banks are open."""
_SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Period:
    """A rule for days.

    Attributes:
        unit: ``day``, ``week`` or ``month``.
        every: Of how many units a period is.
        day: Of the week, 1 is Monday, or of the month; ``None`` where the unit is a day.
        zone: Name of the time zone in the IANA database.
    """

    unit: Unit
    every: int
    day: int | None
    zone: str


def check_period(period: Period) -> None:
    """Refuse a rule that has no meaning.

    Rejections: ``period_invalid``, ``zone_unknown``.
    """
    most = _EVERY_MAX[period.unit]
    if not 1 <= period.every <= most:
        raise Rejected("period_invalid", f"A period is of 1 to {most} {period.unit}s, not {period.every}.")
    day_max = _DAY_MAX.get(period.unit)
    if day_max is None and period.day is not None:
        raise Rejected("period_invalid", "A period of days begins on no particular day; leave the day out.")
    if day_max is not None and not (period.day is not None and 1 <= period.day <= day_max):
        raise Rejected(
            "period_invalid", f"A period of {period.unit}s begins on a day from 1 to {day_max}; name it."
        )
    try:
        ZoneInfo(period.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Rejected(
            "zone_unknown", f"There is no time zone {period.zone[:40]!r}; name one like Asia/Shanghai."
        ) from None


def first_day(period: Period, earliest: date) -> date:
    """Return the first day of the rule that is not before another day."""
    if period.unit == "day":
        return earliest
    assert period.day is not None, "the rule was checked"
    if period.unit == "week":
        return earliest + timedelta(days=(period.day - earliest.isoweekday()) % 7)
    this_month = _in_month(earliest.year, earliest.month, period.day)
    return this_month if this_month >= earliest else _month_later(earliest, 1, period.day)


def day_of(period: Period, first: date, number: int) -> date:
    """Return the day on which a period begins.

    Args:
        period: The rule.
        first: The day of period 0.
        number: From 0.
    """
    if period.unit == "month":
        assert period.day is not None, "the rule was checked"
        return _month_later(first, number * period.every, period.day)
    return first + timedelta(days=number * period.every * (7 if period.unit == "week" else 1))


def shortest_days(period: Period) -> int:
    """Return how many days the shortest period of the rule has."""
    return period.every * {"day": 1, "week": 7, "month": 28}[period.unit]


def number_on(period: Period, first: date, day: date) -> int:
    """Return the number of the period that a day is in; below 0 before the first one."""
    if period.unit == "month":
        months = (day.year - first.year) * 12 + day.month - first.month
        number = months // period.every
        return number if day_of(period, first, number) <= day else number - 1
    return (day - first).days // (period.every * (7 if period.unit == "week" else 1))


def local_day(now_ns: int, zone: str) -> date:
    """Return which day a moment is of in a time zone."""
    return to_datetime(now_ns).astimezone(ZoneInfo(zone)).date()


def moment_on(day: date, zone: str, hour: time = _BEGINS) -> int:
    """Return a moment of a day, the one at which deductions are made if none is named, in ns since 1970-01-01 UTC."""
    return round(datetime.combine(day, hour, ZoneInfo(zone)).timestamp()) * _SECOND_NS


def _month_later(day: date, months: int, day_of_month: int) -> date:
    year, month_index = divmod(day.year * 12 + day.month - 1 + months, 12)
    return _in_month(year, month_index + 1, day_of_month)


def _in_month(year: int, month: int, day_of_month: int) -> date:
    return date(year, month, min(day_of_month, monthrange(year, month)[1]))
