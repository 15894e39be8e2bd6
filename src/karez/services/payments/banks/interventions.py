"""What people and notices do to an instruction: ask the bank at once, stop waiting for it, take it off the queue."""

import msgspec

from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, RowUpdate
from karez.services.asking import Asking
from karez.services.payments.banks.endings import InstructionReceipt, settled
from karez.services.payments.banks.records import Instruction
from karez.services.payments.banks.settlers import Facts, Settler
from karez.services.payments.banks.states import OPEN, Happening, State, reached
from karez.services.payments.house import House

_ASKABLE = frozenset({State.UNKNOWN, State.PROCESSING, State.DECLINED, State.GIVEN_UP})


def ask_again(asking: Asking, instruction: Instruction) -> Operation:
    """Have a worker ask the bank at once, because somebody says that there is news.

    Nothing but the bank's own answer moves money, so it does not matter who says so.

    Rejections: ``instruction_ended``, ``instruction_being_sent``.
    """
    if instruction.standing in OPEN - _ASKABLE:
        raise Rejected(
            "instruction_being_sent",
            f"The instruction {instruction.id} is on its way to the bank; read it again in a moment.",
        )
    if instruction.standing not in _ASKABLE:
        raise Rejected(
            "instruction_ended",
            f"The bank has carried out the instruction {instruction.id}; there is nothing to ask it.",
        )
    row = RowUpdate(
        table="bank_instruction",
        key={"id": str(instruction.id)},
        expected={"state": instruction.state},
        changes={"due_ns": asking.now_ns},
    )
    return asking.operation("bank.ask_again", _unchanged(instruction), rows=(row,))


def give_up(
    asking: Asking,
    house: House,
    instruction: Instruction,
    settler: Settler[Facts],
    facts: Facts,
    reason: str,
) -> Operation:
    """Stop waiting for a bank; if it moves the money after all, that is found and booked.

    Args:
        asking: The operator's request.
        house: The payment house.
        instruction: As it was read.
        settler: Of its purpose.
        facts: What the settler has read.
        reason: Why, for whoever asks later.

    Rejections: ``instruction_ended``, and whatever the settler rejects.
    """
    new = reached(instruction.standing, Happening.GIVING_UP)
    if new is None:
        raise Rejected(
            "instruction_ended",
            f"The instruction {instruction.id} is {instruction.state.replace('_', ' ')}; it waits for nobody.",
            state=instruction.state,
        )
    ended = settled(asking, house, instruction, new, "given_up", settler, facts)
    event = asking.event("bank.given_up", (), {"instruction": instruction.id, "reason": reason})
    return msgspec.structs.replace(ended, events=(*ended.events, event))


def dismiss(asking: Asking, instruction: Instruction, reason: str) -> Operation:
    """Take an instruction that people have dealt with out of their queue.

    Args:
        asking: The operator's request.
        instruction: As it was read.
        reason: What they did about it, for whoever asks later.

    Rejections: ``instruction_not_flagged``.
    """
    if instruction.flagged_ns is None or instruction.standing in OPEN:
        raise Rejected(
            "instruction_not_flagged",
            f"The instruction {instruction.id} is not ended and flagged; give it up first, or leave it as it is.",
        )
    row = RowUpdate(
        table="bank_instruction",
        key={"id": str(instruction.id)},
        expected={"state": instruction.state, "flagged_ns": instruction.flagged_ns},
        changes={"flagged_ns": None},
    )
    event = asking.event("bank.dismissed", (), {"instruction": instruction.id, "reason": reason})
    return asking.operation("bank.dismiss", _unchanged(instruction), rows=(row,), events=(event,))


def _unchanged(instruction: Instruction) -> InstructionReceipt:
    return InstructionReceipt(id=instruction.id, state=instruction.state, answer_code=instruction.answer_code)
