"""The search for summands agrees with trying every choice, and knows when it does not know."""

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from karez.services.payments.reconciliation.matching.sums import CHOICES_AMOUNTS_MAX, find_summands

AMOUNTS = st.lists(st.integers(-20, 20).filter(bool), min_size=1, max_size=9)


@settings(deadline=None)
@given(AMOUNTS, st.integers(-60, 60))
def test_a_choice_is_found_exactly_if_it_is_all_or_the_only_one(amounts: list[int], target: int) -> None:
    choices = [
        places
        for size in range(1, len(amounts) + 1)
        for places in combinations(range(len(amounts)), size)
        if sum(amounts[place] for place in places) == target
    ]
    everything = tuple(range(len(amounts)))
    expected = everything if everything in choices else choices[0] if len(choices) == 1 else None
    assert find_summands(amounts, target) == expected


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 10**12), min_size=CHOICES_AMOUNTS_MAX + 1, max_size=200, unique=True), st.data()
)
def test_among_many_amounts_all_and_all_but_one_are_found(amounts: list[int], data: st.DataObject) -> None:
    assert find_summands(amounts, sum(amounts)) == tuple(range(len(amounts)))
    left_out = data.draw(st.integers(0, len(amounts) - 1))
    assert find_summands(amounts, sum(amounts) - amounts[left_out]) == tuple(
        place for place in range(len(amounts)) if place != left_out
    )


def test_among_many_equal_amounts_the_left_out_one_is_unknown() -> None:
    assert find_summands([7] * 20, 19 * 7) is None


def test_sums_beyond_64_bits_are_not_searched_but_all_of_them_are_recognised() -> None:
    amounts = [2**62, 2**62, 1]
    assert find_summands(amounts, 2**62 + 1) is None
    assert find_summands(amounts, 2**63 + 1) == (0, 1, 2)
