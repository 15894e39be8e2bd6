"""Business days: on which days banks settle, and when a day begins.

A day belongs to a place. A calendar names its time zone, so a payment at 2026-03-01 17:30 UTC is of 2 March in
Shanghai, and "settled on the next business day" means the next one of that calendar, from midnight there.

Worked example: the Spring Festival of 2026 closes China from Sunday 15 to Monday 23 February; Saturday 14 is worked
instead. So what was sold on Friday 13 settles on Saturday 14, and what was sold on Saturday 14 on Tuesday 24.

Source of ``CHINA``: General Office of the State Council, Notice on the arrangement of some public holidays in 2026
(November 2025). Days after 2026 are weekdays only until the next notice is entered as an institution's calendar.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from karez.core.clock import to_datetime
from karez.core.outcomes import Rejected

_NANOSECONDS = 1_000_000_000
_ONE_DAY = timedelta(days=1)
_SATURDAY = 5
_CLOSED_DAYS_MAX = 366


@dataclass(frozen=True, slots=True)
class Calendar:
    """The business days of a place.

    Attributes:
        name: Such as ``china``.
        zone: IANA name of the time zone in which its days begin and end.
        exceptions: Days that are not as their weekday says: open at a weekend (true), closed in the week (false).
    """

    name: str
    zone: str
    exceptions: Mapping[date, bool]


def is_business_day(calendar: Calendar, day: date) -> bool:
    """Tell whether a day is one of business: as the calendar's exceptions say, else Monday to Friday."""
    return calendar.exceptions.get(day, day.weekday() < _SATURDAY)


def next_business_day(calendar: Calendar, day: date) -> date:
    """Return the first business day after a day.

    Rejections: ``calendar_closed``, where there is none within a year.
    """
    for number in range(1, _CLOSED_DAYS_MAX + 1):
        later = day + number * _ONE_DAY
        if is_business_day(calendar, later):
            return later
    raise Rejected(
        "calendar_closed",
        f"The calendar {calendar.name!r} has no business day within a year after {day}; correct its exceptions.",
    )


def local_day(calendar: Calendar, moment_ns: int) -> date:
    """Return the day that a moment is part of at the calendar's place.

    Args:
        calendar: Tells the time zone.
        moment_ns: Nanoseconds since 1970-01-01 UTC.
    """
    return to_datetime(moment_ns).astimezone(ZoneInfo(calendar.zone)).date()


def local_moment_ns(calendar: Calendar, day: date, hour: int = 0) -> int:
    """Return the moment at which an hour begins at the calendar's place.

    Where clocks are set forward over that hour it is the hour after the gap; where they are set back it is the first
    of the two.

    Args:
        calendar: Tells the time zone.
        day: The day there.
        hour: 0 to 23; 0 is the beginning of the day.
    """
    return int(datetime.combine(day, time(hour), ZoneInfo(calendar.zone)).timestamp()) * _NANOSECONDS


def _days(year: int, text: str) -> Iterator[date]:
    """Read days such as ``"2/15-2/23 5/1"``."""
    for part in text.split():
        first, _, last = part.partition("-")
        day, end = _day(year, first), _day(year, last or first)
        while day <= end:
            yield day
            day += _ONE_DAY


def _day(year: int, text: str) -> date:
    month, _, day = text.partition("/")
    return date(year, int(month), int(day))


WEEKDAYS = Calendar("weekdays", "UTC", MappingProxyType({}))
"""Monday to Friday, in UTC."""

CHINA = Calendar(
    "china",
    "Asia/Shanghai",
    MappingProxyType(
        {
            **dict.fromkeys(
                _days(2026, "1/1-1/3 2/15-2/23 4/4-4/6 5/1-5/5 6/19-6/21 9/25-9/27 10/1-10/7"), False
            ),
            **dict.fromkeys(_days(2026, "1/4 2/14 2/28 5/9 9/20 10/10"), True),
        }
    ),
)
"""Mainland China, with the holidays and the worked weekends of 2026."""

CALENDARS: Mapping[str, Calendar] = MappingProxyType({each.name: each for each in (WEEKDAYS, CHINA)})
"""Those that are there from the beginning; institutions add theirs as data."""
