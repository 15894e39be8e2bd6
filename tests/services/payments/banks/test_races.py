"""Many at once: a wallet pays out what is in it and no more, and any number of workers have one effect."""

import socket
from collections import Counter
from contextlib import ExitStack

from karez.services.payments.banks.serving import CALLS_MAX
from karez.services.payments.banks.states import State
from tests.services.payments.banks.desk import SHORT_CALL_LIMIT_S, Desk
from tests.simulators.bank_process import BALANCE_MINOR


def test_64_withdrawals_at_once_never_exceed_the_balance(desk: Desk) -> None:
    party, account = desk.person(1_000), desk.bank.customer()
    desk.bank.behave(account, "decline")
    made = [desk.instructing("pay_out", party, account, 100) for _ in range(64)]
    outcomes = desk.office.submit(*made)
    accepted = [operation for operation, outcome in zip(made, outcomes, strict=True) if outcome.accepted]
    assert len(accepted) == 10
    assert {outcome.code for outcome in outcomes if not outcome.accepted} == {"exceeds_credits"}
    with desk.worker():
        ended = desk.carry_through(*(desk.instruction_of(operation) for operation in accepted))
    assert sorted(each.standing for each in ended) == [State.DECLINED] + 9 * [State.SUCCEEDED]
    assert (desk.wallet(party), desk.bank.balance(account)) == (100, BALANCE_MINOR + 900)


def test_four_workers_at_once_have_one_effect(desk: Desk) -> None:
    party, account = desk.person(10_000), desk.bank.customer()
    for behaviour in ("time_out_after", "time_out_before", "succeed_later", "reset_after", "wrong_duplicate"):
        desk.bank.behave(account, behaviour)
    instructions = [
        desk.instruct("collect" if number % 2 else "pay_out", party, account, 100 + number)
        for number in range(30)
    ]
    with ExitStack() as workers:
        for _ in range(4):
            workers.enter_context(desk.worker(call_limit_s=SHORT_CALL_LIMIT_S))
        ended = desk.carry_through(*instructions)
    assert {each.standing for each in ended} == {State.SUCCEEDED}
    moved = sum((100 + number) * (1 if number % 2 else -1) for number in range(30))
    assert (desk.wallet(party), desk.held()) == (10_000 + moved, moved)
    assert desk.bank.balance(account) == BALANCE_MINOR - moved


def test_a_bank_that_does_not_answer_holds_up_nobody_else(desk: Desk, other_desk: Desk) -> None:
    party, account = desk.person(), desk.bank.customer()
    with socket.create_server(("127.0.0.1", 0)) as dead:
        other_desk.link(url=f"http://127.0.0.1:{dead.getsockname()[1]}")
        unanswered = [other_desk.instruct("collect", party, account) for _ in range(CALLS_MAX + 8)]
        desk.clock.advance(1)

        def states() -> Counter[State]:
            return Counter(desk.read(each).standing for each in unanswered)

        with desk.worker(call_limit_s=20.0):
            desk.until(lambda: states()[State.SENT] == CALLS_MAX, "the calls of the dead bank")
            (ended,) = desk.carry_through(desk.instruct("collect", party, account))
            assert ended.standing is State.SUCCEEDED
            assert states() == {State.SENT: CALLS_MAX, State.CREATED: 8}
            dead.close()
