"""Cron lines against a slow reading of crontab(5)."""

from datetime import UTC, datetime, timedelta

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
        ("0 0 29 2 */7", "2072-03-01T00:00:00", "Sun 2112-02-28 00:00"),
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


def matches(line: str, moment: datetime) -> bool:
    texts = line.split()
    minute, hour, month_day, month, week_day = (
        values(text, low, high) for text, (low, high) in zip(texts, BOUNDS, strict=True)
    )
    by_month = moment.day in month_day
    by_week = moment.isoweekday() in week_day or (moment.isoweekday() == 7 and 0 in week_day)
    restricted = texts[2][0] != "*" and texts[4][0] != "*"
    return (
        moment.minute in minute
        and moment.hour in hour
        and moment.month in month
        and (by_month or by_week if restricted else by_month and by_week)
    )


@given(lines, st.datetimes(datetime(2024, 1, 1), datetime(2037, 1, 1)))
def test_the_next_moment_is_the_first_that_matches(line: str, after: datetime) -> None:
    after = after.replace(microsecond=0, tzinfo=UTC)
    try:
        cron = parse_cron(line)
    except Rejected:
        month_days, months = (values(line.split()[place], *BOUNDS[place]) for place in (2, 3))
        assert min(month_days) > max(29 if month == 2 else 31 - (month in (4, 6, 9, 11)) for month in months)
        return
    found = datetime.fromtimestamp(next_cron_ns(cron, to_ns(after)) / SECOND_NS, UTC)
    assert found > after
    assert found.second == 0
    assert matches(line, found)
    minute = after.replace(second=0)
    for _ in range(2 * DAY_MINUTES):
        minute += timedelta(minutes=1)
        if minute >= found:
            return
        assert not matches(line, minute)
    for day in range((found.date() - minute.date()).days):
        noon = datetime.combine(minute.date() + timedelta(days=day), minute.time(), UTC)
        assert not matches_day(line, noon) or noon.date() == found.date() or day == 0


def matches_day(line: str, moment: datetime) -> bool:
    """Whether any minute of a day matches; every field of the time has at least one value."""
    return matches("* * " + line.split(maxsplit=2)[2], moment)


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
