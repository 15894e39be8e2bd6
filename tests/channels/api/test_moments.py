"""Moments as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karez.channels.api.moments import format_moment, parse_moment
from karez.core.outcomes import Rejected


@given(st.integers(0, 2**63 - 1))
def test_no_nanosecond_is_lost(moment_ns: int) -> None:
    assert parse_moment(format_moment(moment_ns)) == moment_ns


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_texts_sort_as_their_moments(one: int, other: int) -> None:
    assert (format_moment(one) < format_moment(other)) == (one < other)


@pytest.mark.parametrize(
    ("text", "moment_ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T08:00:00.5+08:00", 500_000_000),
        ("2026-09-21T14:13:20.123456789Z", 1_790_000_000_123_456_789),
    ],
)
def test_other_spellings_of_a_moment_are_read(text: str, moment_ns: int) -> None:
    assert parse_moment(text) == moment_ns


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-09-21",
        "2026-09-21T14:13:20",
        "2026-02-30T00:00:00Z",
        "2026-09-21T24:13:20Z",
        "1969-12-31T23:59:59Z",
        "2300-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:00",
        "2026-09-21T14:13:20 08:00",
        "２026-09-21T14:13:20Z",
        "2026-09-21T14:13:20+99:99",
    ],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(Rejected) as refusal:
        parse_moment(text)
    assert refusal.value.code == "moment_malformed"
