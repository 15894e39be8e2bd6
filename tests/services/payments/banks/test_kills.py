"""A worker that is killed at the worst moments leaves an instruction that the next one brings to its one end."""

import pytest

from karez.services.payments.banks.serving import LEASE_S
from karez.services.payments.banks.states import State
from tests.services.payments.banks.desk import Desk
from tests.services.payments.banks.killable_worker import POINTS, killable_worker
from tests.simulators.bank_process import BALANCE_MINOR


def check_one_effect(desk: Desk, account: str, sign: int, wallet_minor: int) -> None:
    assert (desk.held(), desk.bank.balance(account)) == (sign * 1_000, BALANCE_MINOR - sign * 1_000)
    assert wallet_minor == (1_000 if sign == 1 else 0)


@pytest.mark.parametrize("direction", ["collect", "pay_out"])
@pytest.mark.parametrize("point", POINTS)
def test_a_kill_has_one_effect(desk: Desk, point: str, direction: str) -> None:
    is_in = direction == "collect"
    party, account = desk.person(0 if is_in else 1_000), desk.bank.customer()
    instruction = desk.instruct("collect" if is_in else "pay_out", party, account, 1_000)
    with killable_worker(desk, point) as worker:
        assert worker.recv() == "here"
        if point != "after it was booked, before the worker hears of it":
            assert desk.read(instruction).standing is State.SENT
    desk.clock.advance(LEASE_S)
    with desk.worker():
        (ended,) = desk.carry_through(instruction)
    assert ended.standing is State.SUCCEEDED
    check_one_effect(desk, account, 1 if is_in else -1, desk.wallet(party))
    assert len(desk.events(instruction)) == 1


def test_a_kill_while_the_bank_is_at_it_has_one_effect(desk: Desk) -> None:
    party, account = desk.person(), desk.bank.customer()
    desk.bank.behave(account, "time_out_after")
    instruction = desk.instruct("collect", party, account, 1_000)
    with killable_worker(desk, "after the answer, before it is booked"):
        desk.until(lambda: desk.bank.seen(instruction) is not None, "the call")
    assert desk.read(instruction).standing is State.SENT
    desk.clock.advance(LEASE_S)
    with desk.worker():
        (ended,) = desk.carry_through(instruction)
    assert ended.standing is State.SUCCEEDED
    check_one_effect(desk, account, 1, desk.wallet(party))
    seen = desk.bank.seen(instruction)
    assert seen is not None
    assert seen["orders"] == 1


def test_many_kills_of_a_busy_worker_double_and_lose_nothing(desk: Desk) -> None:
    account = desk.bank.customer()
    party = desk.person(20_000)
    instructions = []
    for number in range(20):
        amount_minor = 100 + number
        instructions.append(
            desk.instruct("collect" if number % 2 else "pay_out", party, account, amount_minor)
        )
    points = list(POINTS)
    for kill in range(6):
        with killable_worker(desk, points[kill % len(points)]) as worker:
            worker.poll(10)
            for _ in range(kill):
                worker.send("go on")
                worker.poll(0.2)
        desk.clock.advance(LEASE_S)
    with desk.worker():
        ended = desk.carry_through(*instructions)
    assert {each.standing for each in ended} == {State.SUCCEEDED}
    moved = sum((100 + number) * (1 if number % 2 else -1) for number in range(20))
    assert (desk.wallet(party), desk.held()) == (20_000 + moved, moved)
    assert desk.bank.balance(account) == BALANCE_MINOR - moved
