"""Instructing a bank: what a room adds to its own operation when it wants a bank to move money."""

from dataclasses import dataclass
from uuid import UUID

from karez.core.outcomes import Rejected
from karez.ledger.model import TransferFlags
from karez.ledger.operations import RowInsert
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import TransferCode
from karez.services.payments.banks.records import BankChoice, Direction
from karez.services.payments.banks.settlers import Effects
from karez.services.payments.banks.states import State
from karez.services.payments.house import House, money_moves


@dataclass(frozen=True, slots=True)
class NewInstruction:
    """What a bank is to do with its customer's money.

    Attributes:
        party: Whose money it is.
        direction: ``collect``: the bank takes it from its customer for Karez; ``pay_out``: the other way.
        purpose: Under which its settler is known.
        subject: What it is for.
        currency: ISO 4217 letters.
        amount_minor: How much, above 0.
        account: The account of the book that is paid out of, or that the money goes to.
        reference: What the bank calls its customer's account or card; empty where the customer chooses at its page.
        remark: What the customer reads on the bank's statement.
        return_url: Where the bank's page sends the browser in the end.
        code: Why a pay-out leaves its account.
    """

    party: UUID
    direction: Direction
    purpose: str
    subject: UUID
    currency: str
    amount_minor: int
    account: UUID
    reference: str
    remark: str
    return_url: str | None = None
    code: TransferCode = TransferCode.WITHDRAWAL


def instruction_id(asking: Asking, number: int = 0) -> UUID:
    """Return the id of the instruction that a request makes."""
    return asking.made_id("bank instruction", number)


def instruct(
    asking: Asking, house: House, bank: BankChoice, new: NewInstruction, *, number: int = 0
) -> Effects:
    """Return what instructs a bank, as a part of the operation that asks for it.

    The money of a pay-out is reserved until the bank has decided, however long that takes.

    Args:
        asking: The request.
        house: The payment house.
        bank: Which is instructed.
        new: What it is to do.
        number: Tells several instructions of one request apart.

    Rejections: ``bank_not_open``, ``currency_not_open``; in the book ``exceeds_credits`` where a pay-out's account
        has too little.
    """
    currency = house.currency(new.currency)
    if bank.state != "open" or new.currency not in bank.currencies:
        raise Rejected(
            "bank_not_open",
            f"The bank {bank.institution} takes no instructions in {new.currency} just now; choose another bank, or "
            "try again later.",
        )
    assert new.amount_minor > 0, "whoever instructs has checked the amount"
    id_ = instruction_id(asking, number)
    row = RowInsert(
        table="bank_instruction",
        key={"id": str(id_)},
        values={
            "bank": bank.institution,
            "party": str(new.party),
            "direction": new.direction,
            "purpose": new.purpose,
            "subject": str(new.subject),
            "currency": new.currency,
            "amount_minor": new.amount_minor,
            "account": str(new.account),
            "reservation": None if new.direction == "collect" else str(asking.made_id("reservation", number)),
            "reference": new.reference,
            "remark": new.remark,
            "return_url": new.return_url,
            "state": State.CREATED,
            "answer_code": "",
            "attempts": 0,
            "due_ns": asking.now_ns,
            "flagged_ns": None,
            "created_ns": asking.now_ns,
            "ended_ns": None,
        },
    )
    if new.direction == "collect":
        return Effects(rows=(row,))
    reserved = money_moves(
        asking.made_id("reservation", number),
        new.account,
        accounts.clearing(bank.institution, new.currency),
        new.amount_minor,
        currency.money,
        new.code,
        flags=TransferFlags.PENDING,
    )
    return Effects(transfers=(reserved,), rows=(row,))
