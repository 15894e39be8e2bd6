"""What a settler returns happens with the money or not at all; one that cannot does not hold the money up."""

from typing import Any

import pytest

from karez.core.outcomes import Rejected
from karez.ledger.operations import RowUpdate
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import TransferCode
from karez.services.payments.banks.records import Connection, Instruction
from karez.services.payments.banks.settlers import Effects, Ending, Settler, collected
from karez.services.payments.banks.states import State
from karez.services.payments.house import House, money_moves
from karez.services.payments.wallets.records import Wallet, find_wallet
from karez.storage.database import connect
from tests.services.payments.banks.desk import SETTLERS, Desk, nothing_known, payload
from tests.simulators.bank_process import BALANCE_MINOR


def settling(desk: Desk, settler: Settler[Any]) -> None:
    desk.settlers = {**SETTLERS, "top_up": settler, "withdrawal": settler}


def test_a_settler_moves_the_money_on_in_the_same_operation(desk: Desk) -> None:
    shop = desk.person()

    def settle(asking: Asking, house: House, instruction: Instruction, _: Ending, __: None) -> Effects:
        on = money_moves(
            asking.made_id("on"),
            instruction.account,
            accounts.wallet(shop, "CNY"),
            instruction.amount_minor,
            house.currency("CNY").money,
            TransferCode.PAYMENT,
        )
        return Effects(transfers=(collected(asking, house, instruction), on))

    settling(desk, Settler(nothing_known, settle))
    payer, account = desk.person(), desk.bank.customer()
    with desk.worker():
        desk.carry_through(desk.instruct("collect", payer, account))
    assert (desk.wallet(payer), desk.wallet(shop)) == (0, 1_000)


def refusing(_asking: Asking, _house: House, _instruction: Instruction, _ending: Ending, _: None) -> Effects:
    raise Rejected("trade_state_wrong", "This trade cannot be paid: it was closed.")


def overdrawing(asking: Asking, house: House, instruction: Instruction, ending: Ending, _: None) -> Effects:
    """The book refuses this, because the wallet has only what has just come, if anything."""
    beyond = money_moves(
        asking.made_id("beyond"),
        instruction.account,
        accounts.fees("CNY"),
        10 * instruction.amount_minor,
        house.currency("CNY").money,
        TransferCode.FEE,
    )
    is_in = ending.succeeded and instruction.direction == "collect"
    return Effects(transfers=((collected(asking, house, instruction),) if is_in else ()) + (beyond,))


@pytest.mark.parametrize("settle", [refusing, overdrawing])
def test_money_that_no_settler_takes_goes_to_the_wallet(desk: Desk, settle: Any) -> None:
    settling(desk, Settler(nothing_known, settle))
    party, account = desk.person(), desk.bank.customer()
    with desk.worker():
        instruction = desk.instruct("collect", party, account)
        (ended,) = desk.carry_through(instruction)
    assert ended.standing is State.SUCCEEDED
    assert ended.flagged_ns is not None
    assert (desk.wallet(party), desk.held()) == (1_000, 1_000)
    assert desk.events(instruction) == ["bank.break"]
    with connect(desk.office.database.owner) as conn:
        why = payload(conn, "bank.break", instruction)["why"]
    assert why.startswith("This trade cannot be paid" if settle is refusing else "The debit account")


@pytest.mark.parametrize("settle", [refusing, overdrawing])
@pytest.mark.parametrize("outcome", [State.SUCCEEDED, State.DECLINED])
def test_a_pay_out_ends_as_the_bank_says_without_its_settler(desk: Desk, settle: Any, outcome: State) -> None:
    settling(desk, Settler(nothing_known, settle))
    party, account = desk.person(1_000), desk.bank.customer()
    if outcome is State.DECLINED:
        desk.bank.behave(account, "decline")
    with desk.worker():
        instruction = desk.instruct("pay_out", party, account)
        (ended,) = desk.carry_through(instruction)
    assert ended.standing is outcome
    assert desk.wallet(party) == (0 if outcome is State.SUCCEEDED else 1_000)
    assert desk.events(instruction) == ["bank.break"]


def test_a_settler_decides_anew_when_what_it_read_has_changed(desk: Desk) -> None:
    """The first look is out of date by the time the book sees it."""
    read_count = 0

    def read(conn: Connection, instruction: Instruction) -> Wallet:
        nonlocal read_count
        found = find_wallet(conn, instruction.party, "CNY")
        read_count += 1
        if read_count == 1:
            with connect(desk.office.database.owner) as other:
                other.execute("UPDATE wallet SET level = 'verified' WHERE party = %s", (instruction.party,))
        return found

    def settle(asking: Asking, house: House, instruction: Instruction, _: Ending, wallet: Wallet) -> Effects:
        row = RowUpdate(
            table="wallet",
            key={"party": str(wallet.party), "currency": "CNY"},
            expected={"level": wallet.level},
            changes={"state": "open"},
        )
        return Effects(transfers=(collected(asking, house, instruction),), rows=(row,))

    settling(desk, Settler(read, settle))
    party, account = desk.person(), desk.bank.customer()
    with desk.worker():
        (ended,) = desk.carry_through(desk.instruct("collect", party, account))
    assert (ended.standing, ended.flagged_ns, read_count) == (State.SUCCEEDED, None, 2)
    assert desk.wallet(party) == 1_000


def test_a_settler_that_fails_holds_up_its_own_money_alone(desk: Desk) -> None:
    def failing(_: Asking, __: House, ___: Instruction, ____: Ending, _____: None) -> Effects:
        raise ZeroDivisionError

    desk.settlers = {**SETTLERS, "card_payment": Settler(nothing_known, failing)}
    party, account = desk.person(), desk.bank.customer()
    with desk.worker():
        held_up = desk.instruct("collect", party, account, purpose="card_payment")
        desk.until(lambda: desk.bank.seen(held_up) is not None, "the call")
        (ended,) = desk.carry_through(desk.instruct("collect", party, account))
    assert ended.standing is State.SUCCEEDED
    assert desk.read(held_up).standing is State.SENT
    assert (desk.wallet(party), desk.held()) == (1_000, 1_000)
    desk.settlers = {**SETTLERS, "card_payment": SETTLERS["top_up"]}
    with desk.worker():
        desk.clock.advance(61)
        (mended,) = desk.carry_through(held_up)
    assert mended.standing is State.SUCCEEDED
    assert (desk.wallet(party), desk.bank.balance(account)) == (2_000, BALANCE_MINOR - 2_000)


def test_a_settler_that_leaves_collected_money_at_the_bank_is_not_let_through(desk: Desk) -> None:
    def forgetful(_: Asking, __: House, ___: Instruction, ____: Ending, _____: None) -> Effects:
        return Effects()

    settling(desk, Settler(nothing_known, forgetful))
    party, account = desk.person(), desk.bank.customer()
    with desk.worker():
        instruction = desk.instruct("collect", party, account)
        desk.until(lambda: desk.bank.seen(instruction) is not None, "the call")
    assert desk.read(instruction).standing is State.SENT
