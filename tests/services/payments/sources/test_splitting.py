"""A price is split over sources in order: each gives up to what it has, together exactly the price."""

import itertools
from collections.abc import Sequence
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from karez.core.ids import NIL
from karez.services.payments.sources.door import Wanted
from karez.services.payments.sources.splitting import SOURCES_MAX, check_sources, split
from karez.services.payments.trades.legs import Leg, returns
from tests.services.payments.memory_karez import refused

MAXIMA = st.lists(st.integers(-5, 5_000), min_size=1, max_size=SOURCES_MAX)


def given_by(maxima: Sequence[int]) -> list[int]:
    """Return the maxima that count: a wallet may be below zero, and gives nothing then."""
    return [max(each, 0) for each in maxima]


def splitting(price: int, maxima: Sequence[int]) -> list[int]:
    return split(price, [partial(_always, most) for most in maxima])


def _always(most: int, _left: int) -> int:
    return most


def test_the_example_in_the_rule() -> None:
    assert splitting(3_000, [500, 1_800, 9_999]) == [500, 1_800, 700]
    assert splitting(2_000, [500, 1_800, 9_999]) == [500, 1_500, 0]


@given(maxima=MAXIMA, price=st.integers(1, 40_000))
def test_together_the_sources_give_the_price_or_nothing(maxima: list[int], price: int) -> None:
    if sum(given_by(maxima)) < price:
        with refused("sources_too_small"):
            splitting(price, maxima)
        return
    parts = splitting(price, maxima)
    assert sum(parts) == price
    for part, most, later in zip(parts, given_by(maxima), [*parts[1:], 0], strict=True):
        assert 0 <= part <= most
        # Nobody gives anything while an earlier source has something left.
        assert part == most or later == 0


def test_a_source_that_is_not_needed_is_not_asked() -> None:
    def not_asked(_: int) -> int:
        raise AssertionError("it was asked")

    assert split(100, [lambda _: 100, not_asked]) == [100, 0]


@given(
    amounts=st.lists(st.integers(1, 3_000), min_size=1, max_size=5),
    cuts=st.lists(st.floats(0, 1), max_size=6),
)
def test_what_goes_back_in_any_parts_is_what_each_leg_gave_the_last_first(
    amounts: list[int], cuts: list[float]
) -> None:
    legs = [Leg(source="balance", account=NIL, amount_minor=amount) for amount in amounts]
    marks = sorted({0, sum(amounts), *(int(sum(amounts) * cut) for cut in cuts)})
    got = [0] * len(legs)
    for before, after in itertools.pairwise(marks):
        for index, _, part in returns(legs, before, after - before):
            # Whoever paid later has got everything back before.
            assert got[index + 1 :] == amounts[index + 1 :]
            got[index] += part
    assert got == amounts


def test_a_list_of_sources_names_some_and_each_of_them_once() -> None:
    coupon = Wanted("coupon", "a")
    check_sources([coupon, Wanted("coupon", "b"), Wanted("balance")])
    with refused("source_named_twice"):
        check_sources([coupon, Wanted("balance"), coupon])
    with refused("sources_out_of_range"):
        check_sources([])
    with refused("sources_out_of_range"):
        check_sources([Wanted("coupon", str(number)) for number in range(SOURCES_MAX + 1)])
