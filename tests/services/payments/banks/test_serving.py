"""Whatever a bank does with an instruction, the money moves once, in the book as at the bank."""

import pytest

from karez.services.payments.banks.schedule import PAUSES_S
from karez.services.payments.banks.states import State
from tests.services.payments.banks.desk import CALL_LIMIT_S, SHORT_CALL_LIMIT_S, Desk
from tests.simulators.bank_process import BALANCE_MINOR


def test_a_collection_brings_money_into_the_wallet(desk: Desk) -> None:
    party, account = desk.person(), desk.bank.customer()
    with desk.worker():
        instruction = desk.instruct("collect", party, account, 700)
        (ended,) = desk.carry_through(instruction)
    assert ended.standing is State.SUCCEEDED
    assert (desk.wallet(party), desk.held(), desk.bank.balance(account)) == (700, 700, BALANCE_MINOR - 700)
    assert desk.events(instruction) == ["top_up.succeeded"]


def test_a_pay_out_is_reserved_first_and_gone_when_the_bank_has_paid(desk: Desk) -> None:
    party, account = desk.person(1_000), desk.bank.customer()
    instruction = desk.instruct("pay_out", party, account, 700)
    assert desk.wallet(party) == 1_000
    (second,) = desk.office.submit(desk.instructing("pay_out", party, account, 301))
    assert second.code == "exceeds_credits"
    with desk.worker():
        (ended,) = desk.carry_through(instruction)
    assert ended.standing is State.SUCCEEDED
    assert (desk.wallet(party), desk.held(), desk.bank.balance(account)) == (300, -700, BALANCE_MINOR + 700)


def test_a_declined_collection_moves_nothing_and_says_why(desk: Desk) -> None:
    party, account = desk.person(), desk.bank.customer(balance_minor=10)
    with desk.worker():
        instruction = desk.instruct("collect", party, account, 700)
        (ended,) = desk.carry_through(instruction)
    assert (ended.standing, ended.answer_code) == (State.DECLINED, "insufficient_funds")
    assert (desk.wallet(party), desk.held()) == (0, 0)
    assert desk.events(instruction) == ["top_up.failed"]


def test_a_declined_pay_out_gives_the_money_back(desk: Desk) -> None:
    party, account = desk.person(1_000), desk.bank.customer()
    desk.bank.behave(account, "decline", reason="account_closed")
    instruction = desk.instruct("pay_out", party, account, 1_000)
    with desk.worker():
        (ended,) = desk.carry_through(instruction)
        assert (ended.standing, ended.answer_code) == (State.DECLINED, "account_closed")
        (again,) = desk.carry_through(desk.instruct("pay_out", party, account, 1_000))
    assert again.standing is State.SUCCEEDED
    assert (desk.wallet(party), desk.bank.balance(account)) == (0, BALANCE_MINOR + 1_000)


MISBEHAVIOURS = {
    "time_out_before": 2,
    "time_out_after": 1,
    "error_before": 2,
    "error_after": 1,
    "reset_before": 2,
    "reset_after": 1,
    "answer_late": 1,
    "answer_twice": 1,
    "succeed_later": 1,
    "wrong_duplicate": 2,
}
"""How often the bank then sees the order: what never came is sent again, and nothing else is."""
UNANSWERED = frozenset({"time_out_before", "time_out_after", "answer_late", "wrong_duplicate"})


@pytest.mark.parametrize("direction", ["collect", "pay_out"])
@pytest.mark.parametrize("behaviour", MISBEHAVIOURS)
def test_whatever_the_bank_does_the_money_moves_once(desk: Desk, behaviour: str, direction: str) -> None:
    is_in = direction == "collect"
    party, account = desk.person(0 if is_in else 1_000), desk.bank.customer()
    desk.bank.behave(account, behaviour)
    limit_s = SHORT_CALL_LIMIT_S if behaviour in UNANSWERED else CALL_LIMIT_S
    with desk.worker(call_limit_s=limit_s):
        instruction = desk.instruct("collect" if is_in else "pay_out", party, account, 1_000)
        (ended,) = desk.carry_through(instruction)
    assert ended.standing is State.SUCCEEDED
    sign = 1 if is_in else -1
    assert desk.wallet(party) == (1_000 if is_in else 0)
    assert (desk.held(), desk.bank.balance(account)) == (sign * 1_000, BALANCE_MINOR - sign * 1_000)
    seen = desk.bank.seen(instruction)
    assert seen is not None
    # Of an order that was lost before the bank saw it, the bank has seen the second one alone.
    never_came = MISBEHAVIOURS[behaviour] == 2 and behaviour != "wrong_duplicate"
    assert seen["orders"] == (1 if never_came else MISBEHAVIOURS[behaviour])
    assert len(desk.events(instruction)) == 1


def test_a_refusal_that_comes_late_gives_the_money_back(desk: Desk) -> None:
    party, account = desk.person(1_000), desk.bank.customer()
    desk.bank.behave(account, "decline_later", reason="name_differs", queries=3)
    with desk.worker():
        instruction = desk.instruct("pay_out", party, account, 1_000)
        assert desk.until_waiting(instruction).standing is State.PROCESSING
        (ended,) = desk.carry_through(instruction)
    assert (ended.standing, ended.answer_code, desk.wallet(party)) == (State.DECLINED, "name_differs", 1_000)


def test_the_bank_is_asked_at_ever_longer_pauses_and_in_the_end_people_are(desk: Desk) -> None:
    party, account = desk.person(1_000), desk.bank.customer()
    desk.bank.behave(account, "succeed_later", queries=1_000)
    with desk.worker():
        instruction = desk.instruct("pay_out", party, account, 1_000)
        pauses = []
        while desk.until_waiting(instruction).flagged_ns is None:
            waiting = desk.until_waiting(instruction)
            assert waiting.due_ns is not None
            pauses.append((waiting.due_ns - desk.clock.now_ns()) // 1_000_000_000)
            desk.to_next_call(instruction)
    assert pauses[: len(PAUSES_S)] == list(PAUSES_S)
    assert set(pauses[len(PAUSES_S) :]) == {PAUSES_S[-1]}
    assert 86_400 <= sum(pauses) <= 86_400 + PAUSES_S[-1]
    seen = desk.bank.seen(instruction)
    assert seen is not None
    assert seen["orders"] == 1
    assert desk.read(instruction).standing is State.PROCESSING
