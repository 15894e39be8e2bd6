"""The pauses between the attempts at a job."""

from hypothesis import given
from hypothesis import strategies as st

from karez.storage.jobs_retry import RetryRule, retry_pause_ns
from tests.storage.effects import SECOND_NS

chances = st.floats(0, 1, exclude_max=True)


def test_pauses_double_up_to_the_longest() -> None:
    rule = RetryRule(first_pause_s=2, longest_pause_s=60)
    assert [retry_pause_ns(rule, failures, 0) // SECOND_NS for failures in range(1, 8)] == [
        1, 2, 4, 8, 16, 30, 30,
    ]  # fmt: skip


def test_chance_spreads_a_pause_over_its_second_half() -> None:
    rule = RetryRule(first_pause_s=10)
    assert [retry_pause_ns(rule, 1, chance) for chance in (0, 0.5, 0.9)] == [
        5_000_000_000, 7_500_000_000, 9_500_000_000,
    ]  # fmt: skip


@given(st.integers(1, 100_000), chances, chances)
def test_no_pause_leaves_its_bounds(failures: int, chance: float, other_chance: float) -> None:
    rule = RetryRule()
    pause_ns = retry_pause_ns(rule, failures, chance)
    assert SECOND_NS // 2 <= pause_ns <= 3_600 * SECOND_NS
    assert pause_ns <= 2 * retry_pause_ns(rule, failures + 1, other_chance)
