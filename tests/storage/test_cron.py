"""Cron lines against a slow reading of crontab(5)."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karez.core.outcomes import Rejected
from karez.storage.cron import next_cron_ns, parse_cron

SECOND_NS = 1_000_000_000
BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
DAY_MINUTES = 24 * 60


def to_ns(moment: datetime) -> int:
    return round(moment.timestamp()) * SECOND_NS


def next_moment(line: str, after: str) -> str:
    after_ns = to_ns(datetime.fromisoformat(after).replace(tzinfo=UTC))
    found_ns = next_cron_ns(parse_cron(line), after_ns)
    return datetime.fromtimestamp(found_ns / SECOND_NS, UTC).strftime("%a %Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("line", "after", "expected"),
    [
        ("* * * * *", "2026-07-01T12:00:59", "Wed 2026-07-01 12:01"),
        ("0 12 * * *", "2026-07-01T12:00:00", "Thu 2026-07-02 12:00"),
        ("30 9 * * 1-5", "2026-07-03T10:00:00", "Mon 2026-07-06 09:30"),
        ("*/15 * * * *", "2026-07-01T23:45:00", "Thu 2026-07-02 00:00"),
        ("5/20 3 * * *", "2026-07-01T03:05:00", "Wed 2026-07-01 03:25"),
        ("0 0 1,15 * *", "2026-12-15T00:00:00", "Fri 2027-01-01 00:00"),
        ("0 0 31 * *", "2026-03-31T00:00:00", "Sun 2026-05-31 00:00"),
        ("0 0 * * 0", "2026-07-01T00:00:00", "Sun 2026-07-05 00:00"),
        ("0 0 * * 7", "2026-07-01T00:00:00", "Sun 2026-07-05 00:00"),
        ("0 0 29 2 *", "2026-01-01T00:00:00", "Tue 2028-02-29 00:00"),
        ("0 0 29 2 *", "2096-03-01T00:00:00", "Fri 2104-02-29 00:00"),
        ("0 0 29 2 */7", "2088-03-01T00:00:00", "Sun 2128-02-29 00:00"),
        ("0 0 13 * 5", "2026-07-01T00:00:00", "Fri 2026-07-03 00:00"),
        ("0 0 13 * 5", "2026-07-10T00:00:00", "Mon 2026-07-13 00:00"),
        ("0 0 */2 * 1", "2026-07-01T00:00:00", "Mon 2026-07-13 00:00"),
    ],
)
def test_a_line_means_these_moments(line: str, after: str, expected: str) -> None:
    assert next_moment(line, after) == expected


@st.composite
def parts(draw: st.DrawFn, low: int, high: int) -> str:
    first, last = sorted((draw(st.integers(low, high)), draw(st.integers(low, high))))
    base = draw(st.sampled_from(["*", f"{first}", f"{first}-{last}"]))
    step = draw(st.sampled_from(["", "", f"/{draw(st.integers(1, high))}"]))
    return base + step


def fields(low: int, high: int) -> st.SearchStrategy[str]:
    return st.one_of(st.just("*"), st.lists(parts(low, high), min_size=1, max_size=3).map(",".join))


lines = st.tuples(*(fields(low, high) for low, high in BOUNDS)).map(" ".join)


def values(field: str, low: int, high: int) -> set[int]:
    """What a field holds, found by asking of every value whether a part of the list covers it."""
    found = set()
    for part in field.split(","):
        base, _, step = part.partition("/")
        first, _, last = base.partition("-")
        begin = low if base == "*" else int(first)
        end = int(last) if last else high if base == "*" or step else begin
        found |= {value for value in range(begin, end + 1) if (value - begin) % int(step or 1) == 0}
    return found


class SlowReading:
    """A line, of which only single moments can be asked."""

    def __init__(self, line: str) -> None:
        texts = line.split()
        self.minutes, self.hours, self.month_days, self.months, self.week_days = (
            values(text, *bounds) for text, bounds in zip(texts, BOUNDS, strict=True)
        )
        self.either_day = texts[2][0] != "*" and texts[4][0] != "*"

    def has_day(self, day: date) -> bool:
        by_month = day.day in self.month_days
        by_week = bool(self.week_days & ({0, 7} if day.isoweekday() == 7 else {day.isoweekday()}))
        return day.month in self.months and (by_month or by_week if self.either_day else by_month and by_week)

    def has(self, moment: datetime) -> bool:
        return moment.minute in self.minutes and moment.hour in self.hours and self.has_day(moment.date())

    def has_no_day_at_all(self) -> bool:
        last_days = [29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31 for month in self.months]
        return not self.either_day and min(self.month_days) > max(last_days)


@given(lines, st.datetimes(datetime(2024, 1, 1), datetime(2037, 1, 1)))
def test_the_next_moment_is_the_first_that_matches(line: str, after: datetime) -> None:
    after = after.replace(microsecond=0, tzinfo=UTC)
    reading = SlowReading(line)
    if reading.has_no_day_at_all():
        with pytest.raises(Rejected, match="no year has such a day"):
            parse_cron(line)
        return
    found = datetime.fromtimestamp(next_cron_ns(parse_cron(line), to_ns(after)) / SECOND_NS, UTC)
    assert found > after
    assert found.second == 0
    assert reading.has(found)
    days_later = (found.date() - after.date()).days
    assert not any(reading.has_day(after.date() + timedelta(days=days)) for days in range(1, days_later))
    for day in {after.date(), found.date()}:
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        moments = [midnight + timedelta(minutes=minutes) for minutes in range(DAY_MINUTES)]
        assert not any(reading.has(moment) for moment in moments if after < moment < found)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "5-1 * * * *",
        "*/0 * * * *",
        "-1 * * * *",
        "1, * * * *",
        "* * * JAN *",
        "* * * * MON",
        "@daily",
        "٣ * * * *",
        "0 0 31 2,4 *",
        "0 0 30 2 *",
    ],
)
def test_a_line_that_means_nothing_is_rejected_with_the_reason(line: str) -> None:
    with pytest.raises(Rejected, match="cannot be used") as refusal:
        parse_cron(line)
    assert refusal.value.code == "cron_malformed"
