"""How the money of a red packet is split."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karez.core.outcomes import Rejected
from karez.services.payments.redpackets.splitting import (
    SHARES_MAX,
    Split,
    place_in_line,
    seed_digest,
    shares_of,
)

SEEDS = st.binary(min_size=16, max_size=16)
COUNTS = st.integers(1, SHARES_MAX)
SPLITS: st.SearchStrategy[Split] = st.sampled_from(["equal", "random"])


@given(SPLITS, COUNTS, st.integers(0, 10**13), SEEDS)
def test_the_shares_are_the_amount_to_the_fen_and_none_is_empty(
    split: Split, count: int, more_minor: int, seed: bytes
) -> None:
    shares = shares_of(split, count + more_minor, count, seed)
    assert len(shares) == count
    assert sum(shares) == count + more_minor
    assert min(shares) >= 1


@given(COUNTS, st.integers(0, 10**9), SEEDS)
def test_equal_shares_differ_by_one_fen_at_most(count: int, more_minor: int, seed: bytes) -> None:
    shares = shares_of("equal", count + more_minor, count, seed)
    assert max(shares) - min(shares) <= 1


@given(COUNTS, st.integers(0, 10**9), SEEDS)
def test_the_seed_alone_decides_so_anybody_can_repeat_the_split(
    count: int, more_minor: int, seed: bytes
) -> None:
    once = shares_of("random", count + more_minor, count, seed)
    assert shares_of("random", count + more_minor, count, seed) == once


def test_a_published_split_stays_the_same_in_every_release() -> None:
    assert shares_of("random", 8_800, 5, bytes(range(16))) == (1_468, 146, 2_000, 3_091, 2_095)
    assert seed_digest(bytes(range(16))).startswith("be45cb2605bf36be")


def test_every_way_to_cut_is_as_likely_as_any_other() -> None:
    """6 fen in 3 shares can be cut in 10 ways; chi-square of 9 degrees stays below 27.9 in 999 of 1,000 runs."""
    runs = 10_000
    seen = Counter(shares_of("random", 6, 3, number.to_bytes(16, "big")) for number in range(runs))
    assert len(seen) == 10
    assert sum((count - runs / 10) ** 2 / (runs / 10) for count in seen.values()) < 27.9


def test_no_place_is_better_than_another() -> None:
    runs = 4_000
    totals = [0] * 10
    for number in range(runs):
        for place, share_minor in enumerate(shares_of("random", 1_000, 10, number.to_bytes(16, "big"))):
            totals[place] += share_minor
    assert all(0.93 < total / runs / 100 < 1.07 for total in totals)


@given(SEEDS, st.uuids(), st.integers(1, SHARES_MAX))
def test_whoever_reaches_reaches_for_a_share_that_is_there(seed: bytes, party: object, free: int) -> None:
    assert 0 <= place_in_line(seed, str(party), free) < free


@pytest.mark.parametrize(
    ("amount_minor", "count", "code"),
    [(100, 0, "shares_too_many"), (1_000, 101, "shares_too_many"), (4, 5, "share_too_small")],
)
def test_what_cannot_be_split_is_refused(amount_minor: int, count: int, code: str) -> None:
    with pytest.raises(Rejected) as refusal:
        shares_of("random", amount_minor, count, bytes(16))
    assert refusal.value.code == code
