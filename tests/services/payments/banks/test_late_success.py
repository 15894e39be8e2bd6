"""A bank that moves the money after everybody has given up: it is found, booked once, and people are told."""

from threading import Event

import pytest

from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation
from karez.services.payments import accounts
from karez.services.payments.banks.interventions import ask_again, dismiss, give_up
from karez.services.payments.banks.records import Connection, Instruction, flagged_instructions
from karez.services.payments.banks.schedule import WATCH_PAUSE_S, WATCH_S
from karez.services.payments.banks.settlers import Settler
from karez.services.payments.banks.states import State
from karez.storage.database import connect
from karez.storage.tenant import as_operator
from tests.services.payments.banks.desk import SETTLERS, Desk, payload, plainly
from tests.simulators.bank_process import BALANCE_MINOR

PATIENCE_S = 60.0


def giving_up(desk: Desk, instruction: Instruction) -> Operation:
    settler = SETTLERS[instruction.purpose]
    return give_up(desk.asking(), desk.office.house, instruction, settler, None, "x")


def look_again(desk: Desk, instruction: Instruction) -> None:
    """Tell Karez that the bank has news, as a notice or a person does."""
    desk.office.done(ask_again(desk.asking(), instruction))


def given_up(desk: Desk, instruction_of: Instruction) -> Instruction:
    desk.office.done(giving_up(desk, instruction_of))
    return desk.read(instruction_of.id)


def test_a_collection_that_succeeds_after_it_was_given_up_goes_to_the_wallet(desk: Desk) -> None:
    party, account = desk.person(), desk.bank.customer()
    desk.bank.behave(account, "succeed_later", queries=2)
    with desk.worker():
        instruction = desk.instruct("collect", party, account)
        given = given_up(desk, desk.until_waiting(instruction))
        assert given.standing is State.GIVEN_UP
        assert given.due_ns == desk.clock.now_ns() + WATCH_PAUSE_S * 1_000_000_000
        assert desk.events(instruction) == ["bank.given_up", "top_up.failed"]
        desk.to_next_call(instruction)
        desk.until(lambda: (desk.read(instruction).due_ns or 0) > desk.clock.now_ns(), "the first look")
        desk.to_next_call(instruction)
        desk.until(lambda: desk.read(instruction).standing is State.SUCCEEDED_LATE, "the late success")
    assert (desk.wallet(party), desk.held(), desk.bank.balance(account)) == (
        1_000,
        1_000,
        BALANCE_MINOR - 1_000,
    )
    assert desk.events(instruction) == ["bank.given_up", "top_up.failed", "bank.break"]


def test_a_late_collection_of_somebody_without_a_wallet_goes_to_suspense(desk: Desk) -> None:
    nobody, account = desk.asking().id, desk.bank.customer()
    suspense = accounts.suspense("CNY")
    (before,) = desk.balances(suspense)
    desk.bank.behave(account, "succeed_later", queries=1)
    with desk.worker():
        instruction = desk.instruct("collect", nobody, account, account=suspense)
        given = given_up(desk, desk.until_waiting(instruction))
        look_again(desk, given)
        desk.until(lambda: desk.read(instruction).standing is State.SUCCEEDED_LATE, "the late success")
    assert desk.balances(suspense) == [before + 1_000]
    assert desk.held() == 1_000


def test_a_pay_out_that_succeeds_after_it_was_given_up_is_owed_by_suspense(desk: Desk) -> None:
    party, account = desk.person(1_000), desk.bank.customer()
    suspense = accounts.suspense("CNY")
    (before,) = desk.balances(suspense)
    desk.bank.behave(account, "succeed_later", queries=1)
    with desk.worker():
        instruction = desk.instruct("pay_out", party, account)
        given = given_up(desk, desk.until_waiting(instruction))
        # The wallet has its money back, and spends it.
        (second,) = desk.carry_through(desk.instruct("pay_out", party, account))
        assert second.standing is State.SUCCEEDED
        look_again(desk, given)
        desk.until(lambda: desk.read(instruction).standing is State.SUCCEEDED_LATE, "the late success")
    assert desk.balances(suspense) == [before - 1_000]
    assert (desk.wallet(party), desk.held(), desk.bank.balance(account)) == (0, -2_000, BALANCE_MINOR + 2_000)
    with connect(desk.office.database.web) as conn, as_operator(conn):
        queue = flagged_instructions(conn, 2**63 - 1, 1_000)
    (flagged,) = [each for each in queue if each.id == instruction]
    with connect(desk.office.database.owner) as conn:
        told = payload(conn, "bank.break", instruction)
    assert told["why"] == "The bank has moved the money although the instruction was given up here."
    desk.office.done(dismiss(desk.asking(), flagged, "x"))
    assert desk.read(instruction).flagged_ns is None


@pytest.mark.parametrize("direction", ["collect", "pay_out"])
def test_a_bank_that_takes_back_its_refusal_is_believed(desk: Desk, direction: str) -> None:
    is_in = direction == "collect"
    party, account = desk.person(0 if is_in else 1_000), desk.bank.customer()
    (suspense,) = desk.balances(accounts.suspense("CNY"))
    desk.bank.behave(account, "wrong_decline")
    with desk.worker():
        instruction = desk.instruct("collect" if is_in else "pay_out", party, account)
        (declined,) = desk.carry_through(instruction)
        assert (declined.standing, declined.due_ns) == (State.DECLINED, None)
        look_again(desk, declined)
        desk.until(lambda: desk.read(instruction).standing is State.SUCCEEDED_LATE, "the late success")
    assert desk.wallet(party) == 1_000
    assert desk.held() == (1_000 if is_in else -1_000)
    assert desk.balances(accounts.suspense("CNY")) == [suspense - (0 if is_in else 1_000)]
    assert desk.read(instruction).flagged_ns is not None


def test_a_bank_that_keeps_to_its_refusal_changes_nothing(desk: Desk) -> None:
    party, account = desk.person(1_000), desk.bank.customer()
    desk.bank.behave(account, "decline")
    with desk.worker():
        instruction = desk.instruct("pay_out", party, account)
        (declined,) = desk.carry_through(instruction)
        look_again(desk, declined)
        desk.until(lambda: desk.read(instruction).due_ns is None, "the second refusal")
    assert (desk.read(instruction).standing, desk.wallet(party)) == (State.DECLINED, 1_000)


def test_a_refusal_of_what_was_given_up_ends_the_watch(desk: Desk) -> None:
    party, account = desk.person(1_000), desk.bank.customer()
    desk.bank.behave(account, "decline_later", queries=1)
    with desk.worker():
        instruction = desk.instruct("pay_out", party, account)
        given_up(desk, desk.until_waiting(instruction))
        desk.to_next_call(instruction)
        desk.until(lambda: desk.read(instruction).standing is State.DECLINED, "the refusal")
    ended = desk.read(instruction)
    assert (ended.due_ns, desk.wallet(party)) == (None, 1_000)
    assert desk.events(instruction) == ["bank.given_up", "withdrawal.failed"]


def test_the_watch_ends_after_a_month(desk: Desk) -> None:
    party, account = desk.person(), desk.bank.customer()
    desk.bank.behave(account, "succeed_later", queries=1_000)
    with desk.worker():
        instruction = desk.instruct("collect", party, account)
        given_up(desk, desk.until_waiting(instruction))
        for _ in range(WATCH_S // WATCH_PAUSE_S):
            desk.to_next_call(instruction)
        assert desk.until_waiting(instruction).due_ns is None
    assert desk.read(instruction).standing is State.GIVEN_UP


def test_a_decision_that_comes_while_people_give_up_is_booked_as_late(desk: Desk) -> None:
    """The worker has the bank's success in its hands when the operator's operation gets to the book first."""
    has_answer, may_go_on = Event(), Event()

    def read(_conn: Connection, _instruction: Instruction) -> None:
        has_answer.set()
        may_go_on.wait(PATIENCE_S)

    desk.settlers = {"withdrawal": Settler(read, plainly)}
    party, account = desk.person(1_000), desk.bank.customer()
    with desk.worker():
        instruction = desk.instruct("pay_out", party, account)
        assert has_answer.wait(PATIENCE_S)
        desk.office.done(giving_up(desk, desk.read(instruction)))
        may_go_on.set()
        desk.until(lambda: desk.read(instruction).standing is State.SUCCEEDED_LATE, "the late success")
    assert desk.wallet(party) == 1_000
    assert desk.held() == -1_000
    assert desk.events(instruction) == ["bank.given_up", "withdrawal.failed", "bank.break"]


def test_what_has_ended_is_not_given_up_asked_for_or_dismissed(desk: Desk) -> None:
    party, account = desk.person(), desk.bank.customer()
    instruction = desk.instruct("collect", party, account)
    with pytest.raises(Rejected) as refused:
        dismiss(desk.asking(), desk.read(instruction), "x")
    assert refused.value.code == "instruction_not_flagged"
    with pytest.raises(Rejected) as refused:
        ask_again(desk.asking(), desk.read(instruction))
    assert refused.value.code == "instruction_being_sent"
    with desk.worker():
        (ended,) = desk.carry_through(instruction)
    with pytest.raises(Rejected) as refused:
        giving_up(desk, ended)
    assert refused.value.code == "instruction_ended"
    with pytest.raises(Rejected) as refused:
        ask_again(desk.asking(), ended)
    assert refused.value.code == "instruction_ended"
