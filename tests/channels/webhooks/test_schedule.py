"""When messages are sent again, and when endpoints are given up."""

import pytest

from karez.channels.webhooks.schedule import (
    ATTEMPTS_MAX,
    DISABLED_AFTER_S,
    RETRY_PAUSES_S,
    Health,
    Verdict,
    health_after,
    verdict_on,
)
from karez.channels.webhooks.sender import Answer
from tests.channels.webhooks.making import NOW_NS, SECOND_NS

HOUR_S = 3_600
TAKEN = Answer(204, None, "", 1)
FAILED = Answer(500, None, "", 1)
SILENT = Answer(None, "timed_out", "", 15_000)
GONE = Answer(410, None, "", 1)


def test_a_message_has_ten_attempts_over_more_than_three_days() -> None:
    assert ATTEMPTS_MAX == 10
    assert sum(RETRY_PAUSES_S) == 75 * HOUR_S + 35 * 60 + 5
    assert list(RETRY_PAUSES_S) == sorted(RETRY_PAUSES_S)


@pytest.mark.parametrize("tries", range(1, ATTEMPTS_MAX))
@pytest.mark.parametrize("answer", [FAILED, SILENT, Answer(302, None, "", 1), Answer(199, None, "", 1)])
def test_what_was_not_taken_is_sent_again_after_a_pause_spread_by_a_fifth(tries: int, answer: Answer) -> None:
    pause_ns = RETRY_PAUSES_S[tries - 1] * SECOND_NS
    assert verdict_on(answer, tries, NOW_NS, 0.0) == Verdict("waiting", NOW_NS + pause_ns)
    assert verdict_on(answer, tries, NOW_NS, 0.5) == Verdict("waiting", NOW_NS + pause_ns * 11 // 10)


def test_the_last_attempt_is_the_last() -> None:
    assert verdict_on(FAILED, ATTEMPTS_MAX, NOW_NS, 0.0) == Verdict("failed")


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_every_2xx_is_a_success(status: int) -> None:
    assert verdict_on(Answer(status, None, "", 1), 1, NOW_NS, 0.0) == Verdict("delivered")


def test_a_receiver_that_is_gone_is_disabled_at_once() -> None:
    assert verdict_on(GONE, 1, NOW_NS, 0.0) == Verdict("failed")
    assert health_after([TAKEN, GONE], None, NOW_NS) == Health(NOW_NS, "gone")


def test_a_failure_begins_a_time_of_failing_and_a_success_ends_it() -> None:
    assert health_after([FAILED, SILENT], None, NOW_NS) == Health(NOW_NS)
    assert health_after([FAILED], NOW_NS - SECOND_NS, NOW_NS) == Health(NOW_NS - SECOND_NS)
    assert health_after([FAILED, TAKEN], NOW_NS - SECOND_NS, NOW_NS) == Health(None)


def test_after_three_days_of_failing_the_next_failure_is_the_last() -> None:
    since_ns = NOW_NS - DISABLED_AFTER_S * SECOND_NS
    assert health_after([FAILED], since_ns, NOW_NS) == Health(since_ns, "failing")
    assert health_after([FAILED], since_ns + 1, NOW_NS) == Health(since_ns + 1)
    assert health_after([TAKEN], since_ns, NOW_NS) == Health(None)
