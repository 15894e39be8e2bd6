"""Business time stands still until it is moved, and moves forward only."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karez.core.clock import Clock, SimulatedClock, SystemClock, to_datetime

YEAR_S = 365 * 86_400


def test_a_simulated_clock_stands_still_until_it_is_advanced() -> None:
    clock: Clock = SimulatedClock(start_ns=5)
    assert clock.now_ns() == clock.now_ns() == 5


def test_a_simulated_year_is_exact_to_the_nanosecond() -> None:
    clock = SimulatedClock(start_ns=1)
    clock.advance(YEAR_S)
    clock.advance(0.25)
    assert clock.now_ns() == YEAR_S * 1_000_000_000 + 250_000_001


@pytest.mark.parametrize("seconds", [-1, -1e-9, float("nan")])
def test_a_clock_is_never_moved_back(seconds: float) -> None:
    clock = SimulatedClock(start_ns=7)
    with pytest.raises(ValueError):  # noqa: PT011
        clock.advance(seconds)
    assert clock.now_ns() == 7


def test_the_system_clock_tells_a_time_that_does_not_run_backwards_in_one_process() -> None:
    clock: Clock = SystemClock()
    assert 0 < clock.now_ns() <= clock.now_ns()


@given(st.integers(-(2**62), 2**62))
def test_a_moment_becomes_a_utc_datetime_cut_to_microseconds(moment_ns: int) -> None:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert to_datetime(moment_ns) == epoch + timedelta(microseconds=moment_ns // 1_000)
    assert to_datetime(moment_ns).tzinfo is UTC
