"""When the schedule of an agreement acts."""

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from karez.services.payments.agreements.records import Agreement
from karez.services.payments.agreements.schedules import (
    NOTHING,
    Next,
    next_after_pause,
    next_announced,
    next_from,
    next_try_ns,
)


def at(year: int, month: int, day: int, hour: int) -> int:
    """Return an hour of Shanghai, which is 8 ahead of UTC."""
    return round(datetime(year, month, day, hour, tzinfo=UTC).timestamp() - 8 * 3_600) * 10**9


MONTHLY = Agreement(
    id=UUID(int=1),
    payer=UUID(int=2),
    shop=UUID(int=3),
    reference=None,
    title="Video",
    currency="CNY",
    amount_max_minor=5_000,
    fixed_minor=5_000,
    count_max=None,
    sum_max_minor=None,
    period_unit="month",
    period_every=1,
    period_day=5,
    zone="Asia/Shanghai",
    first_day=date(2026, 1, 5),
    notice_days=3,
    valid_until_ns=at(2027, 1, 1, 0),
    state="active",
    deducted_count=0,
    deducted_minor=0,
    last_period=-1,
    attempt=0,
    due_ns=None,
    notice_ns=None,
    signed_ns=at(2026, 1, 1, 0),
    ended_ns=None,
)


def test_a_deduction_is_announced_so_many_days_before() -> None:
    assert next_from(MONTHLY, 1) == Next(at(2026, 2, 5, 9), at(2026, 2, 2, 9))
    assert next_from(replace(MONTHLY, notice_days=0), 1) == Next(at(2026, 2, 5, 9), None)


def test_nothing_is_deducted_after_the_end() -> None:
    assert next_from(MONTHLY, 11) == Next(at(2026, 12, 5, 9), at(2026, 12, 2, 9))
    assert next_from(MONTHLY, 12) == NOTHING


def test_a_failed_deduction_is_tried_again_after_6_hours_1_day_and_2_days() -> None:
    now_ns, tries = at(2026, 1, 5, 9), []
    for attempt in range(3):
        again_ns = next_try_ns(replace(MONTHLY, attempt=attempt), 0, now_ns)
        assert again_ns is not None
        tries.append(again_ns)
        now_ns = again_ns
    assert tries == [at(2026, 1, 5, 15), at(2026, 1, 6, 15), at(2026, 1, 8, 15)]
    assert next_try_ns(replace(MONTHLY, attempt=3), 0, now_ns) is None


def test_no_try_reaches_into_the_next_period_or_beyond_the_end() -> None:
    daily = replace(MONTHLY, period_unit="day", period_day=None, notice_days=0)
    assert next_try_ns(daily, 0, at(2026, 1, 5, 9)) == at(2026, 1, 5, 15)
    assert next_try_ns(replace(daily, attempt=1), 0, at(2026, 1, 5, 15)) is None
    ending = replace(MONTHLY, valid_until_ns=at(2026, 1, 5, 12))
    assert next_try_ns(ending, 0, at(2026, 1, 5, 9)) is None


def test_a_try_before_nine_of_the_next_periods_first_day_would_use_that_period_up() -> None:
    every_other_day = replace(MONTHLY, period_unit="day", period_every=2, period_day=None, notice_days=0)
    late_ns = at(2026, 1, 6, 7)
    assert next_try_ns(replace(every_other_day, attempt=1), 0, late_ns) is None
    assert next_try_ns(replace(every_other_day, attempt=0), 0, late_ns) == at(2026, 1, 6, 13)


def test_no_try_is_made_after_the_next_deduction_is_announced() -> None:
    weekly = replace(
        MONTHLY, period_unit="week", period_day=1, first_day=date(2026, 1, 5), notice_days=5, attempt=2
    )
    assert next_try_ns(weekly, 0, at(2026, 1, 6, 15)) is None
    assert next_try_ns(replace(weekly, notice_days=3), 0, at(2026, 1, 6, 15)) == at(2026, 1, 8, 15)


@pytest.mark.parametrize(
    ("now_ns", "coming"),
    [
        (at(2026, 2, 2, 9), Next(at(2026, 2, 5, 9), None)),
        (at(2026, 2, 2, 23), Next(at(2026, 2, 5, 9), None)),
        (at(2026, 2, 3, 0), Next(at(2026, 2, 6, 9), None)),
        (at(2026, 2, 20, 12), Next(at(2026, 2, 23, 9), None)),
        # On 3 March it would be deducted after the notice for March is given, so February is left out.
        (at(2026, 2, 28, 12), Next(at(2026, 3, 5, 9), at(2026, 3, 2, 9))),
    ],
)
def test_a_notice_that_is_late_moves_its_deduction(now_ns: int, coming: Next) -> None:
    due = replace(MONTHLY, last_period=0, due_ns=at(2026, 2, 5, 9), notice_ns=at(2026, 2, 2, 9))
    assert next_announced(due, now_ns) == coming


@pytest.mark.parametrize(
    ("now_ns", "last_period", "due_ns"),
    [
        (at(2026, 2, 1, 12), 0, at(2026, 2, 5, 9)),
        (at(2026, 2, 2, 9), 0, at(2026, 3, 5, 9)),  # its notice is due at this moment and may have been given
        (at(2026, 2, 4, 12), 0, at(2026, 3, 5, 9)),  # too late to announce it
        (at(2026, 2, 6, 12), 1, at(2026, 3, 5, 9)),
        (at(2025, 12, 1, 0), -1, at(2026, 1, 5, 9)),
    ],
)
def test_after_a_pause_it_goes_on_with_what_can_still_be_announced(
    now_ns: int, last_period: int, due_ns: int
) -> None:
    assert next_after_pause(replace(MONTHLY, last_period=last_period), now_ns).due_ns == due_ns


def test_after_a_pause_beyond_the_end_nothing_is_left() -> None:
    assert next_after_pause(MONTHLY, at(2026, 12, 30, 0)) == NOTHING
