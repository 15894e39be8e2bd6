"""How an instruction ends: the operation that moves the money, settles what the instruction was for, and closes it.

Whatever the bank has done is booked. Where nobody can take the money as it was meant, it goes to the party's wallet,
or to suspense where the party has none, and the instruction is flagged for people:

collected, and nobody takes it      clearing -> wallet or suspense
paid out after it was given up      suspense -> clearing: somebody has been paid whose money Karez gave back
"""

from collections.abc import Mapping
from uuid import UUID

import msgspec

from karez.core.clock import to_datetime
from karez.ledger.model import AMOUNT_MAX, Transfer, TransferFlags
from karez.ledger.operations import Operation, RowInsert, RowUpdate
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import TransferCode
from karez.services.payments.banks.records import Instruction
from karez.services.payments.banks.schedule import watched_from
from karez.services.payments.banks.settlers import Effects, Ending, Facts, Settler, collected
from karez.services.payments.banks.states import OPEN, State, moves_money
from karez.services.payments.house import House, money_moves
from karez.services.payments.reconciliation.doors import Expectation, expect_movement
from karez.services.payments.reconciliation.matching.items import Movement

_KINDS: Mapping[State, str] = {
    State.SUCCEEDED: "bank.succeed",
    State.DECLINED: "bank.decline",
    State.GIVEN_UP: "bank.give_up",
    State.SUCCEEDED_LATE: "bank.succeed_late",
}


class InstructionReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """An instruction after a change."""

    id: UUID
    state: str
    answer_code: str


def settled(
    asking: Asking,
    house: House,
    instruction: Instruction,
    new: State,
    code: str,
    settler: Settler[Facts],
    facts: Facts,
) -> Operation:
    """Return the operation that ends an instruction as its settler says.

    Args:
        asking: The bank's decision, or the people's.
        house: The payment house.
        instruction: As it was read; open.
        new: ``SUCCEEDED``, ``DECLINED`` or ``GIVEN_UP``.
        code: The bank's word.
        settler: Of its purpose.
        facts: What the settler has read.

    Rejections: whatever the settler rejects.
    """
    assert instruction.standing in OPEN, "what has ended is not settled again"
    ending = Ending(new is State.SUCCEEDED, code)
    effects = settler.settle(asking, house, instruction, ending, facts)
    _check_collection(instruction, new, effects)
    return _ended(asking, instruction, new, code, effects, flagged_ns=None)


def unsettled(
    asking: Asking,
    house: House,
    instruction: Instruction,
    new: State,
    code: str,
    *,
    has_wallet: bool,
    why: str,
) -> Operation:
    """Return the operation that ends an instruction whose settler cannot: the money is booked and people are told.

    Args:
        asking: The bank's decision.
        house: The payment house.
        instruction: As it was read.
        new: The state that it gets.
        code: The bank's word.
        has_wallet: Whether the party has a wallet in the currency.
        why: For people.
    """
    told = {
        "instruction": instruction.id,
        "bank": instruction.bank,
        "purpose": instruction.purpose,
        "subject": instruction.subject,
        "state": new,
        "currency": instruction.currency,
        "amount_minor": instruction.amount_minor,
        "why": why,
    }
    effects = Effects(
        transfers=_unclaimed(asking, house, instruction, new, has_wallet=has_wallet),
        events=(asking.event("bank.break", (), told),),
    )
    return _ended(asking, instruction, new, code, effects, flagged_ns=asking.now_ns)


def _ended(
    asking: Asking,
    instruction: Instruction,
    new: State,
    code: str,
    effects: Effects,
    *,
    flagged_ns: int | None,
) -> Operation:
    assert moves_money(instruction.standing, new), f"{instruction.standing} does not end as {new}"
    row = RowUpdate(
        table="bank_instruction",
        key={"id": str(instruction.id)},
        expected={"state": instruction.state},
        changes={
            "state": new,
            "answer_code": code,
            "due_ns": watched_from(asking.now_ns) if new is State.GIVEN_UP else None,
            "flagged_ns": flagged_ns,
            "ended_ns": asking.now_ns,
        },
    )
    return asking.operation(
        _KINDS[new],
        InstructionReceipt(id=instruction.id, state=new, answer_code=code),
        accounts=effects.accounts,
        transfers=(*_end_of_reservation(asking, instruction, new), *effects.transfers),
        rows=(row, *_expected(asking, instruction, new), *effects.rows),
        events=effects.events,
    )


def _expected(asking: Asking, instruction: Instruction, new: State) -> tuple[RowInsert, ...]:
    """Return the row by which the bank's statement is expected to have what it says that it has moved."""
    if new not in (State.SUCCEEDED, State.SUCCEEDED_LATE):
        return ()
    sign = 1 if instruction.direction == "collect" else -1
    movement = Movement(
        id=instruction.id,
        reference=instruction.id.hex,
        batch="",
        amount_minor=sign * instruction.amount_minor,
        currency=instruction.currency,
        day=to_datetime(asking.now_ns).date(),
        counterparty="",
    )
    return (expect_movement(asking, None, Expectation(instruction.bank, movement)),)


def _end_of_reservation(asking: Asking, instruction: Instruction, new: State) -> tuple[Transfer, ...]:
    """Post or release what a pay-out holds; after that, a late success has nothing to post."""
    if instruction.reservation is None or new is State.SUCCEEDED_LATE:
        return ()
    is_paid = new is State.SUCCEEDED
    return (
        Transfer(
            id=asking.made_id("end of reservation"),
            pending_id=instruction.reservation,
            amount=AMOUNT_MAX if is_paid else 0,
            flags=int(TransferFlags.POST if is_paid else TransferFlags.VOID),
        ),
    )


def _unclaimed(
    asking: Asking, house: House, instruction: Instruction, new: State, *, has_wallet: bool
) -> tuple[Transfer, ...]:
    suspense = accounts.suspense(instruction.currency)
    if new not in (State.SUCCEEDED, State.SUCCEEDED_LATE):
        return ()
    if instruction.direction == "collect":
        wallet = accounts.wallet(instruction.party, instruction.currency)
        return (collected(asking, house, instruction, wallet if has_wallet else suspense),)
    if new is State.SUCCEEDED:
        return ()
    return (
        money_moves(
            asking.made_id("late"),
            suspense,
            accounts.clearing(instruction.bank, instruction.currency),
            instruction.amount_minor,
            house.currency(instruction.currency).money,
            TransferCode.WITHDRAWAL,
        ),
    )


def _check_collection(instruction: Instruction, new: State, effects: Effects) -> None:
    """A settler that left collected money at the bank, or took more, would falsify the book."""
    clearing = accounts.clearing(instruction.bank, instruction.currency)
    taken_minor = sum(each.amount for each in effects.transfers if each.debit_account_id == clearing)
    is_collected = instruction.direction == "collect" and new is State.SUCCEEDED
    assert taken_minor == (instruction.amount_minor if is_collected else 0), (
        f"the settler of {instruction.purpose} takes {taken_minor} out of the clearing account"
    )
