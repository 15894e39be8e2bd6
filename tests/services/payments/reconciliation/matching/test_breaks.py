"""Each kind of break is told for what it is, with a reason that names the payment and an action that helps."""

from itertools import product

import pytest

from karez.services.payments.reconciliation.matching.breaks import ALLOWED, Action, Break, BreakKind
from karez.services.payments.reconciliation.matching.items import Entry, Movement
from tests.services.payments.reconciliation.matching.making import entry, movement, only_break, reconciled


def check(found: Break, kind: BreakKind, action: Action, *said: str) -> None:
    """Hold a break against what it should be."""
    assert (found.kind, found.action) == (kind, action)
    for words in said:
        assert words in found.reason


def test_what_the_bank_does_not_have_is_asked_for() -> None:
    found = only_break([movement("PO-1", -9_750)], [])
    check(found, BreakKind.MISSING_AT_BANK, Action.QUERY_BANK)
    assert found.reason == (
        "97.50 CNY out was expected on 2026-03-02 under 'PO-1', and the bank's statements until 2026-03-31 do not "
        "have it."
    )


def test_what_nobody_expects_goes_to_suspense_if_it_came_and_is_asked_about_if_it_went() -> None:
    came = only_break([], [entry("X-1")])
    check(came, BreakKind.MISSING_IN_BOOK, Action.POST_TO_SUSPENSE, "100.00 CNY in", "'X-1'")
    went = only_break([], [entry(amount_minor=-500)])
    check(went, BreakKind.MISSING_IN_BOOK, Action.QUERY_BANK, "5.00 CNY out", "no reference")


@pytest.mark.parametrize(
    ("expected", "booked", "said"),
    [
        (10_000, 10_001, "the bank has 0.01 CNY more"),
        (10_000, 1_000, "the bank has 90.00 CNY less"),
        (10_000, -10_000, "the bank has 200.00 CNY less"),
        (-10_000, -9_999, "the bank has 0.01 CNY more"),
    ],
)
def test_another_amount_under_the_reference_is_asked_about(expected: int, booked: int, said: str) -> None:
    found = only_break([movement("A", expected)], [entry("A", amount_minor=booked)])
    check(found, BreakKind.AMOUNT_DIFFERS, Action.QUERY_BANK, said, "'A'")


@pytest.mark.parametrize(("expected", "booked"), [(10_000, 9_999), (10_000, 9_500), (-10_000, -10_500)])
def test_a_little_less_under_the_reference_is_the_bank_s_fee(expected: int, booked: int) -> None:
    found = only_break([movement("A", expected)], [entry("A", amount_minor=booked)])
    check(found, BreakKind.FEE_DEDUCTED, Action.BOOK_BANK_FEE, "less, which is as much as a fee may be")


@pytest.mark.parametrize(
    ("expected", "booked"), [(10_000, 9_499), (-10_000, -10_501), (10**9, 10**9 - 5_001)]
)
def test_more_than_a_fee_may_be_is_no_fee(expected: int, booked: int) -> None:
    found = only_break([movement("A", expected)], [entry("A", amount_minor=booked)])
    assert found.kind is BreakKind.AMOUNT_DIFFERS


def test_a_fee_beside_the_whole_payment_is_a_fee() -> None:
    fee = entry("A", amount_minor=-200)
    found = only_break([movement("A")], [entry("A"), fee])
    check(found, BreakKind.FEE_DEDUCTED, Action.BOOK_BANK_FEE, "2.00 CNY out", "whose payment is settled")
    assert (found.movements, found.entries) == ((), (fee,))


def test_the_fee_of_a_whole_batch_is_a_fee() -> None:
    batch = [movement(name, -10_000, batch="B-7") for name in "AB"]
    assert only_break(batch, [entry("B-7", amount_minor=-20_300)]).kind is BreakKind.FEE_DEDUCTED


def test_another_currency_under_the_reference_is_asked_about() -> None:
    found = only_break([movement("A")], [entry("A", currency="USD")])
    check(found, BreakKind.CURRENCY_DIFFERS, Action.QUERY_BANK, "100.00 CNY in", "100.00 USD in")


@pytest.mark.parametrize(("sign", "action"), [(1, Action.REFUND_PAYER), (-1, Action.QUERY_BANK)])
def test_what_is_booked_once_more_goes_back_if_it_came_and_is_asked_for_if_it_went(
    sign: int, action: Action
) -> None:
    first = entry("A", amount_minor=sign * 100)
    again = entry("A", amount_minor=sign * 100, late_days=5)
    found = only_break([movement("A", sign * 100)], [again, first])
    check(found, BreakKind.DUPLICATE_AT_BANK, action, "once more", "'A'")
    assert found.entries == (again,)


def test_what_an_earlier_run_has_settled_is_a_duplicate_when_it_comes_again() -> None:
    found = only_break([], [entry("A")], settled_before=[movement("A")])
    assert found.kind is BreakKind.DUPLICATE_AT_BANK


def test_a_batch_that_comes_again_is_a_duplicate() -> None:
    batch = [movement(name, -100, batch="B-7") for name in "ABC"]
    again = entry("B-7", amount_minor=-300, late_days=1)
    assert only_break(batch, [entry("B-7", amount_minor=-300), again]).entries == (again,)
    assert only_break([], [again], settled_before=batch).kind is BreakKind.DUPLICATE_AT_BANK


def test_a_payment_of_a_batch_booked_twice_does_not_stand_for_the_missing_one_of_the_same_amount() -> None:
    batch = [movement(name, -100, batch="B-7") for name in "ABC"]
    entries = [entry("A", "B-7", amount_minor=-100) for _ in range(2)] + [
        entry("B", "B-7", amount_minor=-100)
    ]
    kinds = {each.kind: each for each in reconciled(batch, entries).breaks}
    assert kinds.keys() == {BreakKind.DUPLICATE_AT_BANK, BreakKind.MISSING_AT_BANK}
    assert kinds[BreakKind.MISSING_AT_BANK].movements[0].reference == "C"


def test_a_wrong_amount_in_a_batch_does_not_stand_for_another_payment_of_it() -> None:
    batch = [movement("A", -10_000, batch="B-7"), movement("C", -9_000, batch="B-7")]
    kinds = {each.kind for each in reconciled(batch, [entry("A", "B-7", amount_minor=-9_000)]).breaks}
    assert kinds == {BreakKind.AMOUNT_DIFFERS, BreakKind.MISSING_AT_BANK}


def test_a_payment_that_comes_back_is_a_surprise_that_says_so() -> None:
    back = entry("A", amount_minor=10_000, late_days=2)
    found = only_break([movement("A", -10_000)], [entry("A", amount_minor=-10_000), back])
    check(found, BreakKind.MISSING_IN_BOOK, Action.GIVE_BACK, "may have been returned")


@pytest.mark.parametrize("late_days", [4, -4, 20])
def test_a_day_too_far_away_is_shown_and_can_be_accepted(late_days: int) -> None:
    found = only_break([movement("A")], [entry("A", late_days=late_days)])
    check(found, BreakKind.DATE_DIFFERS, Action.ACCEPT_DAY, "expected on 2026-03-02", "more than 3 days off")


def test_a_batch_some_of_which_is_expected_much_later_is_shown_too() -> None:
    batch = [movement("A", -100, batch="B-7"), movement("B", -100, batch="B-7", day=entry(late_days=9).day)]
    for late_days in (0, 9):
        found = only_break(batch, [entry("B-7", amount_minor=-200, late_days=late_days)])
        assert found.kind is BreakKind.DATE_DIFFERS


@pytest.mark.parametrize("late_days", [3, 0, -3])
def test_a_day_within_the_tolerance_is_in_time(late_days: int) -> None:
    assert not reconciled([movement("A")], [entry("A", late_days=late_days)]).breaks


def test_the_right_amount_under_a_reference_that_is_not_ours_is_for_somebody_to_confirm() -> None:
    found = only_break([movement("A-17", counterparty="77")], [entry("A-71", counterparty="77")])
    check(found, BreakKind.REFERENCE_UNCLEAR, Action.CONFIRM_MATCH, "'A-71'", "would fit 'A-17'")


def test_an_amount_and_a_day_alone_are_for_somebody_to_confirm() -> None:
    found = only_break([movement("A")], [entry(counterparty="")])
    check(found, BreakKind.REFERENCE_UNCLEAR, Action.CONFIRM_MATCH)


def test_two_payments_that_look_the_same_are_for_somebody_to_confirm() -> None:
    found = only_break(
        [movement(name, counterparty="77") for name in "AB"], [entry(counterparty="77") for _ in range(2)]
    )
    check(found, BreakKind.REFERENCE_UNCLEAR, Action.CONFIRM_MATCH, "2 entries of the bank and 2 expected")


def test_where_there_is_one_too_many_of_two_that_look_the_same_the_bank_is_asked() -> None:
    found = only_break([movement("A", counterparty="77")], [entry(counterparty="77") for _ in range(2)])
    check(found, BreakKind.REFERENCE_UNCLEAR, Action.QUERY_BANK, "2 entries of the bank and 1 expected")


def test_where_one_of_two_that_look_the_same_is_missing_the_bank_is_asked() -> None:
    found = only_break([movement(name, counterparty="77") for name in "AB"], [entry(counterparty="77")])
    check(found, BreakKind.REFERENCE_UNCLEAR, Action.QUERY_BANK, "1 entries of the bank and 2 expected")


def test_the_same_amount_from_another_account_is_not_taken_for_ours() -> None:
    kinds = {each.kind for each in reconciled([movement("A")], [entry()]).breaks}
    assert kinds == {BreakKind.MISSING_AT_BANK, BreakKind.MISSING_IN_BOOK}


def test_every_action_that_is_offered_is_allowed() -> None:
    ours: list[tuple[Movement, ...]] = [(), (movement("A"),), (movement("A", -5), movement("B"))]
    theirs: list[tuple[Entry, ...]] = [(), (entry("A"),), (entry("A", amount_minor=-5),)]
    for kind, movements, entries in product(BreakKind, ours, theirs):
        assert Break(kind, movements, entries, "").action in ALLOWED[kind]


def test_there_are_eight_kinds_and_each_has_actions() -> None:
    assert len(BreakKind) == 8
    assert ALLOWED.keys() == set(BreakKind)
