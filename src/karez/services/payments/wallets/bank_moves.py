"""Top-ups and withdrawals: money between a wallet and its holder's account at a bank.

An instruction to the bank is the whole record of it. A withdrawal is reserved at once and leaves the wallet when the
bank has paid it out; a top-up arrives when the bank has collected it.
"""

from uuid import UUID

import msgspec

from karez.ledger.operations import Operation
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.banks.instructing import NewInstruction, instruct, instruction_id
from karez.services.payments.banks.records import BankChoice, Connection, Direction, Instruction
from karez.services.payments.banks.settlers import Effects, Ending, Settler, Settlers, collected
from karez.services.payments.fraud.attempts import Fingerprints, PaymentAttempt, bank_account
from karez.services.payments.house import House
from karez.services.payments.trades.operations import check_amount
from karez.services.payments.wallets.limits import check_payment, limit_use
from karez.services.payments.wallets.operations import check_open
from karez.services.payments.wallets.records import Wallet

TOP_UP = "top_up"
WITHDRAWAL = "withdrawal"


class BankMoveReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """An instruction that was given to a bank."""

    id: UUID
    bank: int
    direction: str
    currency: str
    amount_minor: int


def top_up(
    asking: Asking, house: House, bank: BankChoice, wallet: Wallet, reference: str, amount_minor: int
) -> Operation:
    """Have a bank collect money from its customer's account for the customer's wallet.

    Args:
        asking: The holder's request.
        house: The payment house.
        bank: Which bank.
        wallet: The holder's.
        reference: What the bank calls the account.
        amount_minor: How much.

    Rejections: ``bank_not_open``, ``currency_not_open``, ``amount_not_positive``, ``amount_too_large``.
    """
    check_amount(amount_minor)
    return _instructed(asking, house, bank, wallet, ("collect", TOP_UP), reference, amount_minor)


def withdraw(
    asking: Asking, house: House, bank: BankChoice, wallet: Wallet, reference: str, amount_minor: int
) -> Operation:
    """Have a bank pay money from a wallet out to its holder's account, within the limits of the wallet's level.

    Rejections: as of ``top_up``; ``wallet_frozen``, ``payment_limit_exceeded``; in the book ``exceeds_credits``.
    """
    check_amount(amount_minor)
    check_open(wallet)
    check_payment(wallet.level, amount_minor, house.currency(wallet.currency))
    return _instructed(asking, house, bank, wallet, ("pay_out", WITHDRAWAL), reference, amount_minor)


def withdrawal_attempt(
    asking: Asking, bank: BankChoice, wallet: Wallet, reference: str, amount_minor: int, device: Fingerprints
) -> PaymentAttempt:
    """Return what the rules against fraud judge before money leaves a wallet for a bank account.

    Args:
        asking: The holder's request.
        bank: Which bank.
        wallet: The holder's.
        reference: What the bank calls the account.
        amount_minor: How much.
        device: On which it is asked for.
    """
    return PaymentAttempt(
        id=asking.id,
        person=wallet.party,
        shop=bank_account(bank.institution, reference),
        currency=wallet.currency,
        amount_minor=amount_minor,
        at_ns=asking.now_ns,
        device=device,
    )


def _instructed(
    asking: Asking,
    house: House,
    bank: BankChoice,
    wallet: Wallet,
    what: tuple[Direction, str],
    reference: str,
    amount_minor: int,
) -> Operation:
    direction, purpose = what
    new = NewInstruction(
        party=wallet.party,
        direction=direction,
        purpose=purpose,
        subject=asking.id,
        currency=wallet.currency,
        amount_minor=amount_minor,
        account=accounts.wallet(wallet.party, wallet.currency),
        reference=reference,
        remark="Karez",
    )
    effects = instruct(asking, house, bank, new)
    limited = (
        limit_use(asking, wallet.party, wallet.level, amount_minor, house.currency(wallet.currency))
        if purpose == WITHDRAWAL
        else ()
    )
    receipt = BankMoveReceipt(
        id=instruction_id(asking),
        bank=bank.institution,
        direction=direction,
        currency=wallet.currency,
        amount_minor=amount_minor,
    )
    return asking.operation(
        f"wallet.{purpose}", receipt, transfers=(*limited, *effects.transfers), rows=effects.rows
    )


def _read(_conn: Connection, _instruction: Instruction) -> None:
    """Nothing but the instruction is needed."""


def _settle(asking: Asking, house: House, instruction: Instruction, ending: Ending, _facts: None) -> Effects:
    moved = (
        (collected(asking, house, instruction),)
        if ending.succeeded and instruction.direction == "collect"
        else ()
    )
    done = {TOP_UP: "wallet.topped_up", WITHDRAWAL: "wallet.withdrawn"}[instruction.purpose]
    topic = done if ending.succeeded else f"wallet.{instruction.purpose}_failed"
    told = {
        "id": instruction.id,
        "bank": instruction.bank,
        "currency": instruction.currency,
        "amount_minor": instruction.amount_minor,
        "code": ending.code,
    }
    return Effects(transfers=moved, events=(asking.event(topic, (instruction.party,), told),))


SETTLERS: Settlers = {purpose: Settler(read=_read, settle=_settle) for purpose in (TOP_UP, WITHDRAWAL)}
"""By purpose."""
