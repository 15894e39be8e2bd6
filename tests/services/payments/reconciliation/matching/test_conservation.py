"""Whatever lies on the two sides, every item ends in one place and what matches has the same sum."""

from collections import Counter
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karez.bench.bank_day import COVERED_UNTIL, TOLERANCES, BankDay, make_bank_day, planted_form
from karez.services.payments.reconciliation.matching.breaks import Break, BreakKind
from karez.services.payments.reconciliation.matching.items import Entry, Movement, differences, totals
from karez.services.payments.reconciliation.matching.reconciling import Reconciliation, reconcile
from karez.services.payments.reconciliation.matching.worktable import Match

# Few names, amounts, days and sides, so that items meet in every way.
NAMES = st.sampled_from(["", "A", "B", "C", "D"])
BATCHES = st.sampled_from(["", "A", "X", "Y"])
AMOUNTS = st.sampled_from([-200, -100, -98, -2, 2, 50, 98, 100, 148, 200])
CURRENCIES = st.sampled_from(["CNY", "CNY", "CNY", "USD"])
DAYS = st.integers(0, 9).map(lambda days: date(2026, 3, 1) + timedelta(days=days))
SIDES = st.sampled_from(["", "77", "88"])
IDS = st.integers(1, 2**64).map(lambda number: UUID(int=number))
MOVEMENTS = st.builds(Movement, IDS, NAMES, BATCHES, AMOUNTS, CURRENCIES, DAYS, SIDES)
ENTRIES = st.builds(
    Entry,
    IDS,
    st.lists(NAMES | BATCHES, max_size=3).map(tuple),
    st.just(0) | AMOUNTS,
    CURRENCIES,
    DAYS,
    SIDES,
    st.sampled_from(["", "for A", "nothing else"]),
)


def check_conservation(movements: list[Movement], entries: list[Entry], found: Reconciliation) -> None:
    """Hold a result against its items."""
    placed: list[Match | Break] = [*found.matches, *found.breaks]
    ours = Counter(each.id for one in placed for each in one.movements)
    ours.update(each.movement.id for each in found.waiting)
    theirs = Counter(each.id for one in placed for each in one.entries)
    assert ours == Counter(each.id for each in movements)
    assert theirs == Counter(each.id for each in entries)
    for match in found.matches:
        assert match.movements
        assert match.entries
        assert not differences(match.movements, match.entries)
        days = {each.day for each in match.movements}, {each.day for each in match.entries}
        assert all(TOLERANCES.is_near(first, second) for first in days[0] for second in days[1])
    broken = [item for each in found.breaks for item in each.movements]
    waiting = [each.movement for each in found.waiting]
    surprising = [item for each in found.breaks for item in each.entries]
    assert totals([*surprising, *_negated([*broken, *waiting])]) == differences(movements, entries)


def _negated(movements: list[Movement]) -> list[Movement]:
    return [Movement(each.id, "", "", -each.amount_minor, each.currency, each.day, "") for each in movements]


@settings(max_examples=500, deadline=None)
@given(
    st.lists(MOVEMENTS, max_size=8, unique_by=lambda each: each.id),
    st.lists(ENTRIES, max_size=8, unique_by=lambda each: each.id),
    st.lists(MOVEMENTS, max_size=2),
    DAYS,
)
def test_every_item_ends_in_one_match_or_break_and_the_sums_agree(
    movements: list[Movement], entries: list[Entry], settled_before: list[Movement], covered_until: date
) -> None:
    found = reconcile(movements, entries, covered_until, TOLERANCES, settled_before)
    check_conservation(movements, entries, found)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(MOVEMENTS, max_size=8, unique_by=lambda each: each.id),
    st.lists(ENTRIES, max_size=8, unique_by=lambda each: each.id),
)
def test_the_same_items_give_the_same_result(movements: list[Movement], entries: list[Entry]) -> None:
    once = reconcile(movements, entries, COVERED_UNTIL)
    assert reconcile(movements, entries, COVERED_UNTIL) == once


def check_planted(day: BankDay) -> None:
    """Hold what is found against what was planted."""
    found = reconcile(day.movements, day.entries, COVERED_UNTIL, TOLERANCES, day.settled_before)
    check_conservation(day.movements, day.entries, found)
    assert {planted_form(each) for each in found.breaks} == day.planted
    assert len(found.breaks) == len(day.planted)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_on_any_day_all_planted_breaks_are_found_and_no_other(seed: int) -> None:
    check_planted(make_bank_day(600, 4, seed))


def test_among_100_000_payments_all_200_planted_breaks_of_8_kinds_are_found_and_no_other() -> None:
    day = make_bank_day(100_000, 25, seed=1)
    assert len(day.movements) >= 100_000
    assert Counter(kind for kind, _, _ in day.planted) == dict.fromkeys(BreakKind, 25)
    check_planted(day)


SIZE = 20_000


@pytest.mark.parametrize(
    ("reference", "batch", "counterparty"),
    [("", "", "77"), ("A", "", "77"), ("", "B", ""), ("", "B", "77"), ("", "", "")],
)
@pytest.mark.parametrize("amounts", [1, SIZE])
def test_a_side_where_everything_looks_alike_is_worked_through_too(
    reference: str, batch: str, counterparty: str, amounts: int
) -> None:
    day = date(2026, 3, 2)
    movements = [
        Movement(UUID(int=n + 1), reference, batch, -(n % amounts + 1), "CNY", day, counterparty)
        for n in range(SIZE)
    ]
    names = tuple(filter(None, (reference, batch)))
    entries = [
        Entry(UUID(int=n + 1), names, -(n % amounts + 2), "CNY", day, counterparty, "") for n in range(SIZE)
    ]
    check_conservation(movements, entries, reconcile(movements, entries, COVERED_UNTIL))
