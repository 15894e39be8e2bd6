"""When the schedule of an agreement acts: the notice, the deduction, and the tries after one that failed.

A deduction that fails, for example because the balance is too low, is tried again 6 hours later, then 1 day and then
2 days later, as long as that is in its own period and before the next one is announced. After the last try the
period has failed for good; the agreement goes on with the next one. The time is counted from the try that failed: if
nobody was there to make it, the next one does not follow at once.

A payer has the agreed days between the notice and the deduction. If nobody was there to give a notice on its day, the
deduction waits as many days from the day on which it is given.

Worked example: 50.00 on day 5 at 09:00, and the balance is 20.00. The next tries are on day 5 at 15:00, on day 6 at
15:00 and on day 8 at 15:00. If money comes in on day 7, the last one succeeds.
"""

from dataclasses import dataclass
from datetime import time, timedelta

from karez.services.payments.agreements.periods import day_of, local_day, moment_on, number_on
from karez.services.payments.agreements.records import Agreement
from karez.services.payments.trades.timers import later_ns

RETRY_AFTER_S = (6 * 3_600, 86_400, 2 * 86_400)


@dataclass(frozen=True, slots=True)
class Next:
    """What the schedule does next.

    Attributes:
        due_ns: When it deducts; ``None`` if never again.
        notice_ns: When it announces that; ``None`` if it does not.
    """

    due_ns: int | None
    notice_ns: int | None


NOTHING = Next(None, None)


def next_from(agreement: Agreement, number: int) -> Next:
    """Return when a period is deducted and announced.

    Args:
        agreement: With a schedule.
        number: Of the period.
    """
    day = day_of(agreement.period, agreement.first_day, number)
    due_ns = moment_on(day, agreement.zone)
    if due_ns >= agreement.valid_until_ns:
        return NOTHING
    if agreement.notice_days == 0:
        return Next(due_ns, None)
    return Next(due_ns, moment_on(day - timedelta(days=agreement.notice_days), agreement.zone))


def next_after_pause(agreement: Agreement, now_ns: int) -> Next:
    """Return when the schedule goes on: with the first period that is still to be announced, or deducted."""
    number = max(period_at(agreement, now_ns), agreement.last_period + 1, 0)
    while True:
        coming = next_from(agreement, number)
        acts_ns = coming.due_ns if coming.notice_ns is None else coming.notice_ns
        if acts_ns is None or acts_ns > now_ns:
            return coming
        number += 1


def next_announced(agreement: Agreement, now_ns: int) -> Next:
    """Return when the schedule deducts what is announced now.

    A notice that is late moves its deduction; if that would reach into the next period, this one is left out.

    Args:
        agreement: Whose notice is due.
        now_ns: When the notice is given.
    """
    assert agreement.due_ns is not None, "what is announced is due"
    day = local_day(now_ns, agreement.zone) + timedelta(days=agreement.notice_days)
    if day <= local_day(agreement.due_ns, agreement.zone):
        return Next(agreement.due_ns, None)
    number = period_at(agreement, agreement.due_ns)
    moved_ns = moment_on(day, agreement.zone)
    if moved_ns < _ends_ns(agreement, number):
        return Next(moved_ns, None)
    return next_after_pause(agreement, now_ns)


def period_at(agreement: Agreement, moment_ns: int) -> int:
    """Return the number of the period that a moment is in."""
    return number_on(agreement.period, agreement.first_day, local_day(moment_ns, agreement.zone))


def next_try_ns(agreement: Agreement, number: int, now_ns: int) -> int | None:
    """Return when a period is tried again after a try that failed; ``None`` if it has failed for good.

    Args:
        agreement: With the tries that failed before.
        number: Of the period.
        now_ns: When the try failed.
    """
    if agreement.attempt >= len(RETRY_AFTER_S):
        return None
    again_ns = later_ns(now_ns, RETRY_AFTER_S[agreement.attempt])
    return again_ns if again_ns < _ends_ns(agreement, number) else None


def _ends_ns(agreement: Agreement, number: int) -> int:
    """Return when it is too late to deduct a period: its last day is over, or the next one is to be announced."""
    following = day_of(agreement.period, agreement.first_day, number + 1)
    ends_ns = min(moment_on(following, agreement.zone, time.min), agreement.valid_until_ns)
    coming = next_from(agreement, number + 1)
    return ends_ns if coming.notice_ns is None else min(ends_ns, coming.notice_ns)
