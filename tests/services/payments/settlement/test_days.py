"""T+1: which days are settled together."""

from datetime import date

from karez.core.calendars import CHINA, WEEKDAYS, local_moment_ns
from karez.services.payments.settlement.days import cut_of, first_cut, next_cut

HOUR_NS = 3_600_000_000_000


def test_a_weekend_is_settled_on_monday() -> None:
    friday = cut_of(WEEKDAYS, date(2026, 3, 6))
    monday = next_cut(WEEKDAYS, friday.day)
    assert monday.day == date(2026, 3, 9)
    assert monday.until_ns - friday.until_ns == 72 * HOUR_NS


def test_the_cut_is_two_hours_after_local_midnight() -> None:
    cut = cut_of(CHINA, date(2026, 3, 9))
    assert cut.until_ns == local_moment_ns(CHINA, date(2026, 3, 9))
    assert cut.due_ns - cut.until_ns == 2 * HOUR_NS


def test_a_holiday_is_settled_after_it() -> None:
    assert next_cut(CHINA, date(2026, 2, 14)).day == date(2026, 2, 24)


def test_what_is_sold_today_is_not_settled_today() -> None:
    noon_ns = local_moment_ns(CHINA, date(2026, 3, 9), 12)
    assert first_cut(CHINA, noon_ns).day == date(2026, 3, 10)
