"""A ledger that lives in memory alone: for replaying recordings and for proving evaluation.

It keeps what the database keeps for the real one: every accepted transfer, every spent id, every settled
reservation.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from karez.ledger.batch import TRUSTED, Batch, Known, StoredTransfer
from karez.ledger.columns import AccountColumns
from karez.ledger.model import TRANSIENT, NewAccount, Status, TransferFlags
from karez.ledger.transfer_fields import TransferFields
from karez.ledger.transfer_rules import Event
from karez.ledger.vectorised import evaluate, evaluate_sequentially, events_of

_SETTLED_BY = {
    int(TransferFlags.POST): Status.PENDING_TRANSFER_ALREADY_POSTED,
    int(TransferFlags.VOID): Status.PENDING_TRANSFER_ALREADY_VOIDED,
}


class MemoryBook:
    """Evaluates batches and remembers their outcome.

    Args:
        vectorised: Whether to evaluate with numpy, or one transfer at a time.
    """

    def __init__(self, vectorised: bool = True) -> None:
        self.columns = AccountColumns()
        self._vectorised = vectorised
        self._known = Known()
        self._next_ns = 1

    def open(self, accounts: list[NewAccount]) -> None:
        """Open accounts with new ids."""
        self.columns.open(accounts)

    def submit(self, transfers: NDArray[np.void], later_ns: int = 0) -> list[Status]:
        """Evaluate one batch of ``TRANSFER_DTYPE`` and return one status for each transfer.

        Args:
            transfers: The batch, in order.
            later_ns: How much time has passed since the last batch.
        """
        count = len(transfers)
        self._next_ns += later_ns
        chain_end = np.zeros(count, bool)
        chain_end[-1:] = True
        fields = TransferFields.of(transfers)
        debit, credit = self.columns.index.find(fields.account_hi, fields.account_lo)
        batch = Batch(
            fields,
            debit,
            credit,
            chain_end,
            np.full(count, TRUSTED, np.int32),
            np.ones(count, bool),
            np.arange(self._next_ns, self._next_ns + count),
        )
        batch.maybe_known = np.array(
            [event.id in self._known.transfers or event.id in self._known.failed for event in _events(batch)],
            bool,
        )
        self._next_ns += count
        decide = evaluate if self._vectorised else evaluate_sequentially
        evaluation = decide(self.columns, batch, self._known)
        batch.transfers = evaluation.transfers
        batch.debit, batch.credit = evaluation.debit, evaluation.credit
        statuses = [Status(value) for value in evaluation.status.tolist()]
        self._remember(batch, statuses)
        return statuses

    def _remember(self, batch: Batch, statuses: list[Status]) -> None:
        known = self._known
        for event, status in zip(_events(batch), statuses, strict=True):
            if status in TRANSIENT:
                known.failed.add(event.id)
            if status != Status.CREATED:
                continue
            known.transfers[event.id] = StoredTransfer(
                event.debit,
                event.credit,
                event.pending_id,
                event.amount,
                event.user_data,
                event.ledger,
                event.code,
                event.flags,
                event.timeout_s,
                event.timestamp_ns,
            )
            settled = _SETTLED_BY.get(event.flags & (TransferFlags.POST | TransferFlags.VOID))
            if settled is not None:
                reserved = known.transfers[event.pending_id]
                known.transfers[event.pending_id] = replace(reserved, settled=settled)


def _events(batch: Batch) -> list[Event]:
    return events_of(batch, np.arange(len(batch)))
