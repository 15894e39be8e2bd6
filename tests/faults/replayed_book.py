"""The balances as the stored transfers give them, one after the other: slow, plain, and nothing of Karez in it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

_PENDING, _POST, _VOID, _EXPIRY = 2, 4, 8, 1024
_SETTLING = _POST | _VOID


class Row(NamedTuple):
    """One stored transfer."""

    timestamp_ns: int
    id: UUID
    debit: UUID
    credit: UUID
    amount: int
    ledger: int
    flags: int
    pending_id: UUID | None
    operation_id: UUID | None


@dataclass(slots=True)
class Totals:
    """What one account has seen, in minor units."""

    debits_pending: int = 0
    debits_posted: int = 0
    credits_pending: int = 0
    credits_posted: int = 0


@dataclass(slots=True)
class ReplayedBook:
    """Applies rows in the order of their timestamps.

    Attributes:
        limited: Accounts whose debits must not exceed their credits.
        totals: By account.
        operations: The rows of each operation.
        row_count: How many rows have been applied.
        amount_sum: The sum of their amounts.
        last_ns: Timestamp of the last one.
    """

    limited: frozenset[UUID]
    totals: dict[UUID, Totals] = field(default_factory=dict)
    operations: dict[UUID, list[Row]] = field(default_factory=dict)
    row_count: int = 0
    amount_sum: int = 0
    last_ns: int = 0
    _reserved: dict[UUID, Row] = field(default_factory=dict)

    def apply(self, row: Row) -> Iterator[str]:
        """Add one row; yields a sentence for each rule that it breaks."""
        if row.timestamp_ns <= self.last_ns:
            yield f"transfer {row.id} has the timestamp {row.timestamp_ns}, which is not later than the one before"
        self.last_ns = row.timestamp_ns
        self.row_count += 1
        self.amount_sum += row.amount
        debit = self.totals.setdefault(row.debit, Totals())
        credit = self.totals.setdefault(row.credit, Totals())
        if row.flags & _SETTLING:
            yield from self._settle(row, debit, credit)
        elif row.flags & _PENDING:
            self._reserved[row.id] = row
            debit.debits_pending += row.amount
            credit.credits_pending += row.amount
        else:
            debit.debits_posted += row.amount
            credit.credits_posted += row.amount
        if row.operation_id:
            self.operations.setdefault(row.operation_id, []).append(row)
        if row.debit in self.limited and debit.debits_pending + debit.debits_posted > debit.credits_posted:
            yield f"account {row.debit} is overdrawn after transfer {row.id}: {debit}"

    def _settle(self, row: Row, debit: Totals, credit: Totals) -> Iterator[str]:
        reserved = self._reserved.pop(row.pending_id, None) if row.pending_id else None
        if reserved is None:
            yield f"transfer {row.id} settles {row.pending_id}, which is not an open reservation"
            return
        if (row.debit, row.credit, row.ledger) != (reserved.debit, reserved.credit, reserved.ledger):
            yield f"transfer {row.id} settles {row.pending_id} on other accounts"
        if row.amount > reserved.amount:
            yield f"transfer {row.id} takes {row.amount} of the {reserved.amount} reserved by {row.pending_id}"
        debit.debits_pending -= reserved.amount
        credit.credits_pending -= reserved.amount
        if row.flags & _POST:
            debit.debits_posted += row.amount
            credit.credits_posted += row.amount
