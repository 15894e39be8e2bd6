"""What accounts must show, worked out one transfer at a time in plain Python."""

from typing import NamedTuple
from uuid import UUID

from karez.ledger.model import AMOUNT_MAX, Balance, Transfer, TransferFlags

POST, VOID, PENDING = TransferFlags.POST, TransferFlags.VOID, TransferFlags.PENDING


class Line(NamedTuple):
    """One line of a statement."""

    timestamp_ns: int
    transfer_id: UUID
    operation_id: UUID | None
    counterparty: UUID
    side: str
    amount: int
    balance_after: Balance


class PlainBook:
    """The lines of every account, in the order in which the book committed them."""

    def __init__(self, accounts: list[UUID]) -> None:
        self.lines: dict[UUID, list[Line]] = {account: [] for account in accounts}
        self._reserved: dict[UUID, Transfer] = {}

    def balance(self, account: UUID, at_ns: int = AMOUNT_MAX) -> Balance:
        """The totals after the last line up to a moment."""
        return next(
            (line.balance_after for line in reversed(self.lines[account]) if line.timestamp_ns <= at_ns),
            Balance(),
        )

    def apply(self, timestamp_ns: int, transfer: Transfer, operation_id: UUID | None) -> None:
        """Book one accepted transfer as it was asked for, by itself or in an operation."""
        if transfer.flags & (POST | VOID):
            reserved = self._reserved[transfer.pending_id]
            whole = bool(transfer.flags & VOID) or transfer.amount == AMOUNT_MAX
            amount = reserved.amount if whole else transfer.amount
            pending, posted = -reserved.amount, amount if transfer.flags & POST else 0
            debit, credit = reserved.debit_account_id, reserved.credit_account_id
        else:
            debit, credit = transfer.debit_account_id, transfer.credit_account_id
            amount = self._balanced(transfer)
            pending, posted = (amount, 0) if transfer.flags & PENDING else (0, amount)
            if transfer.flags & PENDING:
                self._reserved[transfer.id] = Transfer(
                    id=transfer.id, debit_account_id=debit, credit_account_id=credit, amount=amount
                )
        for account, side, counterparty in ((debit, "debit", credit), (credit, "credit", debit)):
            after = _moved(self.balance(account), side, pending, posted)
            line = Line(timestamp_ns, transfer.id, operation_id, counterparty, side, amount, after)
            self.lines[account].append(line)

    def _balanced(self, transfer: Transfer) -> int:
        if not transfer.flags & TransferFlags.BALANCING_DEBIT:
            return transfer.amount
        old = self.balance(transfer.debit_account_id)
        left = old.credits_posted - old.debits_posted - old.debits_pending
        return min(transfer.amount, max(left, 0))


def _moved(old: Balance, side: str, pending: int, posted: int) -> Balance:
    if side == "debit":
        return Balance(
            debits_pending=old.debits_pending + pending,
            debits_posted=old.debits_posted + posted,
            credits_pending=old.credits_pending,
            credits_posted=old.credits_posted,
        )
    return Balance(
        debits_pending=old.debits_pending,
        debits_posted=old.debits_posted,
        credits_pending=old.credits_pending + pending,
        credits_posted=old.credits_posted + posted,
    )
