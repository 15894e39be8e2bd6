"""When a bank is called again."""

from hypothesis import given
from hypothesis import strategies as st

from karez.services.payments.banks.schedule import (
    FLAG_AFTER_S,
    FLAGGED_PAUSE_S,
    PAUSES_S,
    WATCH_PAUSE_S,
    WATCH_S,
    Next,
    next_call,
)
from karez.services.payments.banks.states import OPEN, State
from tests.services.payments.banks.test_connector import instruction

SECOND_NS = 1_000_000_000


def pause_s(attempts: int, age_s: int = 0, chance: float = 0.0) -> float:
    now_ns = age_s * SECOND_NS
    next_ = next_call(instruction(attempts=attempts), State.UNKNOWN, now_ns, chance, is_alarming=False)
    assert next_.due_ns is not None
    return (next_.due_ns - now_ns) / SECOND_NS


def test_the_pauses_grow() -> None:
    assert [pause_s(attempts) for attempts in range(1, 8)] == [*PAUSES_S, 3_600, 3_600]


def test_after_a_day_people_are_told_once_and_the_bank_is_asked_on() -> None:
    now_ns = FLAG_AFTER_S * SECOND_NS
    first = next_call(instruction(attempts=30), State.UNKNOWN, now_ns, 0.0, is_alarming=False)
    assert first == Next(now_ns + FLAGGED_PAUSE_S * SECOND_NS, now_ns)
    again = instruction(attempts=31, flagged_ns=first.flagged_ns)
    assert next_call(again, State.UNKNOWN, 2 * now_ns, 0.0, is_alarming=True).flagged_ns == now_ns


def test_what_alarms_is_flagged_at_once() -> None:
    assert next_call(instruction(), State.UNKNOWN, 7, 0.0, is_alarming=True).flagged_ns == 7


def test_what_the_bank_never_saw_is_sent_at_once() -> None:
    assert next_call(instruction(), State.CREATED, 7, 0.5, is_alarming=False) == Next(7, None)


def test_what_was_given_up_is_watched_for_a_month() -> None:
    given_up = instruction(ended_ns=0, state="given_up")
    day_ns = WATCH_PAUSE_S * SECOND_NS
    assert next_call(given_up, State.GIVEN_UP, day_ns, 0.0, is_alarming=False) == Next(2 * day_ns, None)
    over_ns = WATCH_S * SECOND_NS
    assert next_call(given_up, State.GIVEN_UP, over_ns, 0.0, is_alarming=False) == Next(None, None)
    assert next_call(given_up, State.DECLINED, day_ns, 0.0, is_alarming=False) == Next(None, None)


@given(
    st.sampled_from(sorted(OPEN - {State.CREATED})),
    st.integers(1, 1_000),
    st.integers(0, 10**7),
    st.floats(0, 1, exclude_max=True),
)
def test_what_is_open_is_always_asked_for_again_later(
    state: State, attempts: int, age_s: int, chance: float
) -> None:
    now_ns = age_s * SECOND_NS
    next_ = next_call(instruction(attempts=attempts), state, now_ns, chance, is_alarming=False)
    assert next_.due_ns is not None
    assert PAUSES_S[0] * SECOND_NS <= next_.due_ns - now_ns <= 1.1 * FLAGGED_PAUSE_S * SECOND_NS
    assert (next_.flagged_ns is not None) is (age_s >= FLAG_AFTER_S)
