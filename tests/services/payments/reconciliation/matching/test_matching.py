"""What belongs together is found: one to one, one to several, several to one, by name or without."""

from datetime import timedelta

import pytest

from karez.services.payments.reconciliation.matching.reconciling import reconcile
from karez.services.payments.reconciliation.matching.worktable import MatchRule
from tests.services.payments.reconciliation.matching.making import entry, movement, only_match, reconciled


@pytest.mark.parametrize("spelling", ["PO-17", "po-17", " PO- 17"])
def test_one_payment_and_one_entry_of_its_reference_match_however_the_bank_spells_it(spelling: str) -> None:
    assert only_match([movement("PO-17")], [entry("other", spelling)]).rule is MatchRule.REFERENCE


def test_a_reference_is_also_found_in_the_text() -> None:
    only_match([movement("PO-000017")], [entry("payer-1", text="thanks for PO-000017, paid")])


def test_one_entry_settles_all_payments_that_it_lists() -> None:
    names = ["A", "B", "C"]
    movements = [movement(name, -100 * number) for number, name in enumerate(names, 1)]
    only_match(movements, [entry(*names, amount_minor=-600)])


def test_one_entry_under_the_name_of_a_batch_settles_the_batch() -> None:
    batch = [movement(f"PO-{number}", -number, batch="B-7") for number in range(1, 501)]
    assert only_match(batch, [entry("B-7", amount_minor=-125_250)]).rule is MatchRule.BATCH


def test_a_batch_that_lists_some_of_its_payments_is_still_the_whole_batch() -> None:
    batch = [movement(name, -100, batch="B-7") for name in "ABCD"]
    only_match(batch, [entry("B-7", "A", "C", amount_minor=-400)])


def test_a_batch_that_the_bank_books_one_by_one_matches_one_by_one() -> None:
    batch = [movement(name, -100, batch="B-7") for name in "ABCD"]
    found = reconciled(batch, [entry(each.reference, "B-7", amount_minor=-100) for each in batch])
    assert sorted(len(match.movements) for match in found.matches) == [1, 1, 1, 1]
    assert all(match.movements[0].reference == match.entries[0].references[0] for match in found.matches)


def test_a_batch_without_the_rejected_payment_is_told_from_the_rejected_payment() -> None:
    batch = [movement(f"PO-{number}", -number, batch="B-7") for number in range(1, 101)]
    found = reconciled(batch, [entry("B-7", amount_minor=-5_050 + 40)])
    (match,) = found.matches
    assert len(match.movements) == 99
    assert [each.movements[0].reference for each in found.breaks] == ["PO-40"]


def test_a_batch_that_says_nothing_is_found_by_its_sum_where_only_one_has_it() -> None:
    batch = [movement(f"PO-{number}", -number, batch="B-7") for number in range(1, 101)]
    assert only_match(batch, [entry(amount_minor=-5_050, counterparty="")]).rule is MatchRule.BATCH_TOTAL


def test_two_batches_of_one_sum_are_not_told_apart_by_it() -> None:
    batches = [movement("", -100, batch=name) for name in ("B-7", "B-7", "B-8", "B-8")]
    assert not reconciled(batches, [entry(amount_minor=-200, counterparty="")]).matches


def test_parts_of_a_payment_under_its_reference_are_that_payment() -> None:
    only_match([movement("A", 100)], [entry("A", amount_minor=part) for part in (20, 30, 50)])


def test_a_fee_that_is_booked_apart_is_part_of_a_payment_expected_without_it() -> None:
    only_match([movement("A", 98)], [entry("A", amount_minor=100), entry("A", amount_minor=-2)])


def test_a_booking_that_is_undone_and_done_again_is_one_payment() -> None:
    only_match([movement("A", 100)], [entry("A", amount_minor=amount) for amount in (100, -100, 100)])


def test_a_wrong_currency_that_the_bank_has_corrected_is_no_break() -> None:
    wrong = entry("A", amount_minor=100, currency="USD")
    undone = entry("A", amount_minor=-100, currency="USD")
    only_match([movement("A", 100)], [wrong, undone, entry("A", amount_minor=100)])


def test_an_entry_without_a_reference_matches_by_amount_day_and_other_side() -> None:
    match = only_match([movement("A", counterparty="77")], [entry(counterparty="77", late_days=3)])
    assert match.rule is MatchRule.AMOUNT_DAY_COUNTERPARTY


def test_a_standing_payment_matches_day_by_day() -> None:
    movements = [movement(counterparty="77", day=entry(late_days=days).day) for days in (0, 7, 14)]
    entries = [entry(counterparty="77", late_days=days) for days in (15, 8, 1)]
    found = reconciled(movements, entries)
    assert not found.breaks
    assert all((match.entries[0].day - match.movements[0].day).days == 1 for match in found.matches)


def test_several_payments_to_one_shop_are_found_in_the_entry_of_their_sum() -> None:
    movements = [
        movement(name, -amount, counterparty="77") for name, amount in (("A", 50), ("B", 30), ("C", 47))
    ]
    found = reconciled(movements, [entry(amount_minor=-97, counterparty="77")])
    (match,) = found.matches
    assert match.rule is MatchRule.SUM
    assert {each.reference for each in match.movements} == {"A", "C"}


def test_a_payment_in_parts_without_a_reference_is_found_by_their_sum() -> None:
    only_match(
        [movement("A", 100, counterparty="77")],
        [entry(amount_minor=part, counterparty="77") for part in (20, 80)],
    )


def test_a_sum_that_several_choices_make_up_matches_none() -> None:
    movements = [movement(name, -50, counterparty="77") for name in "ABC"]
    assert not reconciled(movements, [entry(amount_minor=-100, counterparty="77")]).matches


def test_a_payment_that_may_still_come_is_waited_for_and_is_no_break() -> None:
    coming = movement("A", day=entry(late_days=27).day)  # three days before the end of March
    found = reconciled([coming], [])
    assert not found.breaks
    (waiting,) = found.waiting
    assert (waiting.movement, waiting.until.isoformat()) == (coming, "2026-04-01")


def test_nothing_and_nothing_is_nothing() -> None:
    found = reconciled([], [])
    assert (found.matches, found.breaks, found.waiting) == ((), (), ())


def test_of_a_standing_payment_under_one_reference_the_missing_month_is_told() -> None:
    months = [movement("RENT", day=entry(late_days=days).day) for days in (0, 10, 20)]
    for missing in range(3):
        booked = [entry("RENT", late_days=days + 1) for days in (0, 10, 20)]
        del booked[missing]
        found = reconciled(months, booked)
        assert [match.movements[0] for match in found.matches] == [
            month for number, month in enumerate(months) if number != missing
        ]
        assert [each.movements for each in found.breaks] == [(months[missing],)]


def test_of_several_entries_the_nearest_one_is_taken_for_the_payment() -> None:
    booked = [entry("A", late_days=days) for days in (-9, 1, 9)]
    found = reconciled([movement("A")], booked)
    assert [match.entries for match in found.matches] == [(booked[1],)]


def test_the_sum_of_some_payments_under_another_reference_is_not_taken_for_them() -> None:
    movements = [movement(name, -50, counterparty="77") for name in "AB"]
    assert not reconciled(movements, [entry("X-1", amount_minor=-100, counterparty="77")]).matches


def test_on_the_last_day_of_its_tolerance_a_payment_is_missing() -> None:
    covered = entry(late_days=3).day
    assert not reconcile([movement("A")], [], covered).waiting
    assert reconcile([movement("A")], [], covered - timedelta(days=1)).waiting
