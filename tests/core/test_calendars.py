"""Business days are those of a place, and a day begins at that place's midnight."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karez.core.calendars import (
    CALENDARS,
    CHINA,
    WEEKDAYS,
    Calendar,
    is_business_day,
    local_day,
    local_moment_ns,
    next_business_day,
)
from karez.core.outcomes import Rejected

ONE_DAY = timedelta(days=1)
NEW_YORK = Calendar("new-york", "America/New_York", {})


def moment_ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


def test_without_exceptions_monday_to_friday_are_business_days() -> None:
    assert [is_business_day(WEEKDAYS, date(2026, 3, day)) for day in range(2, 9)] == [True] * 5 + [False] * 2
    assert next_business_day(WEEKDAYS, date(2026, 3, 6)) == date(2026, 3, 9)


def test_the_spring_festival_is_closed_and_its_saturdays_are_worked() -> None:
    assert next_business_day(CHINA, date(2026, 2, 13)) == date(2026, 2, 14)
    assert next_business_day(CHINA, date(2026, 2, 14)) == date(2026, 2, 24)
    assert next_business_day(CHINA, date(2026, 2, 27)) == date(2026, 2, 28)


def test_the_national_day_of_2026_closes_a_week() -> None:
    assert next_business_day(CHINA, date(2026, 9, 30)) == date(2026, 10, 8)
    assert is_business_day(CHINA, date(2026, 10, 10))


def test_china_has_248_business_days_in_2026() -> None:
    """365 days, 104 weekend days, 19 closed days in the week, 6 worked ones at weekends."""
    days = [date(2026, 1, 1) + number * ONE_DAY for number in range(365)]
    closed_in_the_week = [day for day in days if day.weekday() < 5 and not is_business_day(CHINA, day)]
    worked_weekends = [day for day in days if day.weekday() >= 5 and is_business_day(CHINA, day)]
    assert (len(closed_in_the_week), len(worked_weekends)) == (19, 6)
    assert sum(is_business_day(CHINA, day) for day in days) == 248


def test_a_payment_in_the_evening_of_utc_is_of_the_next_day_in_shanghai() -> None:
    assert local_day(WEEKDAYS, moment_ns("2026-03-01T17:30:00")) == date(2026, 3, 1)
    assert local_day(CHINA, moment_ns("2026-03-01T17:30:00")) == date(2026, 3, 2)
    assert local_moment_ns(CHINA, date(2026, 3, 2)) == moment_ns("2026-03-01T16:00:00")
    assert local_moment_ns(CHINA, date(2026, 3, 2), 2) == moment_ns("2026-03-01T18:00:00")


def test_a_day_on_which_clocks_are_set_has_another_length() -> None:
    spring = local_moment_ns(NEW_YORK, date(2026, 3, 9)) - local_moment_ns(NEW_YORK, date(2026, 3, 8))
    assert spring == 23 * 3_600 * 1_000_000_000


def test_a_calendar_that_is_always_closed_is_refused_rather_than_searched_for_ever() -> None:
    days = {date(2026, 1, 1) + number * ONE_DAY: False for number in range(800)}
    with pytest.raises(Rejected, match="no business day within a year"):
        next_business_day(Calendar("closed", "UTC", days), date(2026, 1, 1))


@given(day=st.dates(date(2000, 1, 1), date(2100, 1, 1)), name=st.sampled_from(sorted(CALENDARS)))
def test_between_a_day_and_its_next_business_day_all_are_closed(day: date, name: str) -> None:
    calendar = CALENDARS[name]
    reached = next_business_day(calendar, day)
    assert reached > day
    assert is_business_day(calendar, reached)
    passed = [day + number * ONE_DAY for number in range(1, (reached - day).days)]
    assert not any(is_business_day(calendar, each) for each in passed)


@given(day=st.dates(date(2000, 1, 1), date(2100, 1, 1)), name=st.sampled_from(sorted(CALENDARS)))
def test_a_day_is_the_moments_from_its_midnight_to_the_next(day: date, name: str) -> None:
    calendar = CALENDARS[name]
    first_ns, end_ns = local_moment_ns(calendar, day), local_moment_ns(calendar, day + ONE_DAY)
    assert local_day(calendar, first_ns) == local_day(calendar, end_ns - 1) == day
