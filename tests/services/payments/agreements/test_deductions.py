"""What may be deducted under an agreement, decided without a book."""

from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from karez.core.ids import new_id
from karez.core.outcomes import Rejected
from karez.ledger.operations import RowUpdate
from karez.services.asking import Asking
from karez.services.payments.agreements.deductions import Deduction, deduct, deduct_by_schedule, fail
from karez.services.payments.agreements.records import Agreement
from karez.services.payments.house import Currency, House
from karez.services.payments.wallets.records import Wallet
from tests.services.payments.agreements.test_schedules import MONTHLY, at

HOUSE = House(9, {"CNY": Currency("CNY", 2, 1, 2, 3)})
WALLET = Wallet(MONTHLY.payer, "CNY", "person", "open", "full", None, 0)
ON_REQUEST = replace(MONTHLY, fixed_minor=None, notice_days=0)
NOW_NS = at(2026, 2, 5, 10)


def asking(now_ns: int = NOW_NS) -> Asking:
    return Asking(new_id(now_ns), "test", b"", now_ns)


def changes_of(agreement: Agreement, amount_minor: int = 100, now_ns: int = NOW_NS) -> RowUpdate:
    made = deduct(
        asking(now_ns), HOUSE, agreement, WALLET, False, agreement.shop, Deduction("x", amount_minor)
    )
    update = made.rows[0]
    assert isinstance(update, RowUpdate)
    return update


def refusal(agreement: Agreement, amount_minor: int = 100, now_ns: int = NOW_NS) -> str:
    with pytest.raises(Rejected) as refused:
        changes_of(agreement, amount_minor, now_ns)
    return refused.value.code


def test_a_deduction_uses_its_period_up_and_counts() -> None:
    update = changes_of(replace(ON_REQUEST, deducted_count=1, deducted_minor=50, last_period=0))
    assert update.changes == {"deducted_count": 2, "deducted_minor": 150, "last_period": 1, "attempt": 0}
    assert update.expected["last_period"] == 0
    assert update.expected["state"] == "active"


def test_what_the_rule_does_not_allow_is_refused_by_its_name() -> None:
    assert refusal(ON_REQUEST, 5_001) == "deduction_exceeds_max"
    assert refusal(ON_REQUEST, 0) == "amount_not_positive"
    assert refusal(replace(ON_REQUEST, last_period=1)) == "period_used"
    assert refusal(ON_REQUEST, now_ns=at(2026, 1, 4, 23)) == "period_not_begun"
    assert refusal(ON_REQUEST, now_ns=at(2027, 1, 1, 0)) == "agreement_ended"
    assert refusal(replace(ON_REQUEST, state="paused")) == "agreement_state_wrong"
    assert refusal(replace(ON_REQUEST, count_max=3, deducted_count=3)) == "agreement_used_up"
    assert refusal(replace(ON_REQUEST, sum_max_minor=149, deducted_minor=50)) == "agreement_used_up"
    assert refusal(MONTHLY) == "agreement_scheduled"


def test_who_asks_for_more_than_is_left_of_the_sum_is_told_what_is_left() -> None:
    with pytest.raises(Rejected) as refused:
        changes_of(replace(ON_REQUEST, sum_max_minor=149, deducted_minor=50), 100)
    assert refused.value.facts == {"left_minor": 99}
    assert (
        changes_of(replace(ON_REQUEST, sum_max_minor=149, deducted_minor=50), 99).changes["state"] == "ended"
    )


@pytest.mark.parametrize(("count_max", "sum_max_minor"), [(1, None), (None, 100), (1, 100)])
def test_the_last_deduction_ends_the_agreement(count_max: int | None, sum_max_minor: int | None) -> None:
    last = replace(ON_REQUEST, count_max=count_max, sum_max_minor=sum_max_minor)
    changes = changes_of(last).changes
    assert (changes["state"], changes["ended_ns"]) == ("ended", NOW_NS)


def test_a_sum_that_is_too_small_for_the_schedule_ends_the_agreement() -> None:
    used_up = replace(MONTHLY, sum_max_minor=5_000, deducted_minor=1, due_ns=NOW_NS)
    made = deduct_by_schedule(asking(), HOUSE, used_up, WALLET)
    assert made.kind == "agreement.end"
    assert made.transfers == ()


def test_after_a_failure_for_good_the_next_period_comes() -> None:
    tired = replace(MONTHLY, attempt=3, last_period=0, due_ns=NOW_NS, first_day=date(2026, 1, 5))
    update = fail(asking(), tired, Rejected("balance_too_low", "Too low.")).rows[0]
    assert isinstance(update, RowUpdate)
    assert update.changes == {
        "last_period": 1,
        "attempt": 0,
        "due_ns": at(2026, 3, 5, 9),
        "notice_ns": at(2026, 3, 2, 9),
    }


def test_a_shop_of_another_agreement_deducts_nothing() -> None:
    with pytest.raises(Rejected) as refused:
        deduct(asking(), HOUSE, ON_REQUEST, WALLET, False, UUID(int=99), Deduction("x", 1))
    assert refused.value.code == "agreement_not_yours"
