"""On which days the periods of an agreement begin."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karez.core.outcomes import Rejected
from karez.services.payments.agreements.periods import (
    Period,
    check_period,
    day_of,
    first_day,
    local_day,
    moment_on,
    number_on,
)

ZONE = "Asia/Shanghai"
DAYS = st.dates(date(2000, 1, 1), date(2100, 12, 31))
PERIODS = st.one_of(
    st.builds(Period, st.just("day"), st.integers(1, 366), st.none(), st.just(ZONE)),
    st.builds(Period, st.just("week"), st.integers(1, 52), st.integers(1, 7), st.just(ZONE)),
    st.builds(Period, st.just("month"), st.integers(1, 12), st.integers(1, 31), st.just(ZONE)),
)


def months(every: int, day: int) -> Period:
    return Period("month", every, day, ZONE)


def days_of(period: Period, first: date, count: int) -> list[str]:
    return [day_of(period, first, number).isoformat() for number in range(count)]


@pytest.mark.parametrize(
    ("period", "first", "days"),
    [
        (months(1, 31), date(2024, 1, 31), ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]),
        (months(1, 30), date(2023, 1, 30), ["2023-01-30", "2023-02-28", "2023-03-30", "2023-04-30"]),
        (months(1, 31), date(2023, 2, 28), ["2023-02-28", "2023-03-31", "2023-04-30", "2023-05-31"]),
        (months(12, 29), date(2024, 2, 29), ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]),
        (months(1, 29), date(1900, 1, 29), ["1900-01-29", "1900-02-28"]),
        (months(3, 15), date(2023, 11, 15), ["2023-11-15", "2024-02-15", "2024-05-15", "2024-08-15"]),
        (Period("week", 2, 1, ZONE), date(2024, 2, 26), ["2024-02-26", "2024-03-11", "2024-03-25"]),
        (Period("day", 30, None, ZONE), date(2024, 2, 1), ["2024-02-01", "2024-03-02", "2024-04-01"]),
    ],
)  # fmt: skip
def test_periods_begin_on_their_days(period: Period, first: date, days: list[str]) -> None:
    assert days_of(period, first, len(days)) == days


@pytest.mark.parametrize(
    ("period", "earliest", "first"),
    [
        (months(1, 31), date(2024, 2, 10), date(2024, 2, 29)),
        (months(1, 5), date(2024, 2, 5), date(2024, 2, 5)),
        (months(1, 5), date(2024, 12, 6), date(2025, 1, 5)),
        (Period("week", 1, 7, ZONE), date(2024, 2, 26), date(2024, 3, 3)),
        (Period("week", 1, 1, ZONE), date(2024, 2, 26), date(2024, 2, 26)),
        (Period("day", 3, None, ZONE), date(2024, 2, 26), date(2024, 2, 26)),
    ],
)
def test_the_first_period_begins_on_the_first_day_of_the_rule(
    period: Period, earliest: date, first: date
) -> None:
    assert first_day(period, earliest) == first


@given(PERIODS, DAYS, st.integers(0, 500))
def test_every_day_is_in_exactly_one_period(period: Period, earliest: date, later_days: int) -> None:
    first = first_day(period, earliest)
    day = first + timedelta(days=later_days)
    number = number_on(period, first, day)
    assert number >= 0
    assert day_of(period, first, number) <= day < day_of(period, first, number + 1)


@given(PERIODS, DAYS)
def test_the_first_day_is_soon_and_of_period_0(period: Period, earliest: date) -> None:
    first = first_day(period, earliest)
    assert timedelta(0) <= first - earliest <= timedelta(days=31)
    assert day_of(period, first, 0) == first
    assert number_on(period, first, first) == 0
    assert number_on(period, first, first - timedelta(days=1)) < 0


@given(DAYS, st.integers(1, 12), st.integers(1, 31))
def test_no_day_drifts_after_a_short_month(earliest: date, every: int, day: int) -> None:
    period = months(every, day)
    first = first_day(period, earliest)
    for number in range(48):
        found = day_of(period, first, number)
        assert found.day == day or (found + timedelta(days=1)).day == 1


def test_days_are_those_of_the_agreements_own_zone() -> None:
    just_before_midnight_ns = round(datetime(2024, 2, 29, 15, 59, 59, tzinfo=UTC).timestamp()) * 10**9
    assert local_day(just_before_midnight_ns, ZONE) == date(2024, 2, 29)
    assert local_day(just_before_midnight_ns + 10**9, ZONE) == date(2024, 3, 1)
    assert local_day(just_before_midnight_ns, "America/New_York") == date(2024, 2, 29)
    nine = datetime(2024, 3, 10, 13, tzinfo=UTC)  # the day on which New York leaps from 2 to 3 o'clock
    assert moment_on(date(2024, 3, 10), "America/New_York") == round(nine.timestamp()) * 10**9


@pytest.mark.parametrize(
    ("period", "code"),
    [
        (Period("day", 0, None, ZONE), "period_invalid"),
        (Period("day", 367, None, ZONE), "period_invalid"),
        (Period("day", 1, 1, ZONE), "period_invalid"),
        (Period("week", 1, 8, ZONE), "period_invalid"),
        (Period("week", 1, None, ZONE), "period_invalid"),
        (Period("month", 13, 1, ZONE), "period_invalid"),
        (Period("month", 1, 32, ZONE), "period_invalid"),
        (Period("month", 1, 1, "Mars/Olympus"), "zone_unknown"),
        (Period("month", 1, 1, "Asia"), "zone_unknown"),
        (Period("month", 1, 1, "../etc/passwd"), "zone_unknown"),
        (Period("month", 1, 1, ""), "zone_unknown"),
    ],
)
def test_a_rule_without_meaning_is_refused(period: Period, code: str) -> None:
    with pytest.raises(Rejected) as refused:
        check_period(period)
    assert refused.value.code == code


@given(PERIODS)
def test_a_rule_with_a_meaning_passes(period: Period) -> None:
    check_period(period)
