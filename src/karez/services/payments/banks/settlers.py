"""The door through which a room lets banks move money for it: what a bank's decision means to whatever asked for it.

A room that gives instructions (top-ups, withdrawals, card payments, payouts, refunds to cards) writes one ``Settler``
for each purpose and puts it into a mapping ``SETTLERS``; the worker process hands all of them to the loop that talks
to the banks. What a settler returns becomes a part of the one operation that also ends the instruction: all of it
happens or nothing, once.

    def settle(asking, house, instruction, ending, facts):
        if ending.succeeded:
            moved = (collected(asking, house, instruction),)
            return Effects(transfers=moved, rows=(top_up_row("succeeded"),), events=(...,))
        return Effects(rows=(top_up_row("failed"),), events=(...,))

    SETTLERS = {"top_up": Settler(read=read_top_up, settle=settle)}

The money of a pay-out is the banks' own business: it was reserved when the instruction was made, and is posted or
released here. The money of a collection is the settler's: it takes exactly the amount out of the clearing account of
the bank, with ``collected`` or with transfers of its own.

A settler that cannot take the money any more, because a trade was closed meanwhile, says where it goes instead, such
as to the payer's wallet. If it refuses, or the book refuses what it returned, the instruction ends without it, the
money of a collection goes to the party's wallet or to suspense, and people are told. So too when a bank moves the
money after the instruction was declined or given up: the settler was told that it failed, and is not called again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from karez.ledger.model import NewAccount, Transfer
from karez.ledger.operations import Event, RowInsert, RowUpdate
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import TransferCode
from karez.services.payments.banks.records import Connection, Instruction
from karez.services.payments.house import House, money_moves

Facts = TypeVar("Facts")


@dataclass(frozen=True, slots=True)
class Effects:
    """A part of an operation."""

    accounts: tuple[NewAccount, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    rows: tuple[RowInsert | RowUpdate, ...] = ()
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Ending:
    """How an instruction ended.

    Attributes:
        succeeded: Whether the bank has moved the money.
        code: Why not: the bank's word, such as ``insufficient_funds``, or ``given_up``.
    """

    succeeded: bool
    code: str


@dataclass(frozen=True, slots=True)
class Settler(Generic[Facts]):
    """What a bank's decision means for one purpose.

    Attributes:
        read: Reads what the rule needs to know, as a worker: ``read(connection, instruction)``.
        settle: The rule, pure: ``settle(asking, house, instruction, ending, facts)``. It runs again with facts that
            are read anew when one of its rows was not as it expected.
    """

    read: Callable[[Connection, Instruction], Facts]
    settle: Callable[[Asking, House, Instruction, Ending, Facts], Effects]


Settlers = Mapping[str, Settler[Any]]
"""By purpose."""


def collected(
    asking: Asking, house: House, instruction: Instruction, account: UUID | None = None
) -> Transfer:
    """Return the transfer that brings collected money to an account of the book.

    Args:
        asking: The bank's decision.
        house: The payment house.
        instruction: Which collects.
        account: Where the money goes; the instruction's account if left out.
    """
    return money_moves(
        asking.made_id("collected"),
        accounts.clearing(instruction.bank, instruction.currency),
        account or instruction.account,
        instruction.amount_minor,
        house.currency(instruction.currency).money,
        TransferCode.DEPOSIT,
    )
