"""All accounts in memory, one record of 64 bytes each, indexed by slot.

A slot is the place of an account, given in the order of opening and kept for good. A record is one cache line, so
a batch that touches accounts all over the book waits for memory once an account, not once a field.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from karez.ledger.id_index import IdIndex
from karez.ledger.model import Balance, NewAccount

_CAPACITY = 1_024
_FIELDS = [
    ("debits_pending", "<i8"),
    ("debits_posted", "<i8"),
    ("credits_pending", "<i8"),
    ("credits_posted", "<i8"),
    ("ledger", "<i4"),
    ("flags", "<i4"),
    ("code", "<i4"),
    ("institution", "<i4"),
]
_TOTALS = slice(2, 6)
"""Where the totals lie among the eight 64-bit words of a record: after the id."""


@dataclass(frozen=True, slots=True)
class Undo:
    """What some accounts held at a moment."""

    slots: list[int]
    totals: NDArray[np.int64]


class AccountColumns:
    """The accounts that the bookkeeper evaluates against.

    Attributes:
        index: From account id to slot.
        totals: int64, shape (4, capacity): debits pending, debits posted, credits pending, credits posted.
        ledger: int32 unit number by slot.
        flags: int32 ``AccountFlags`` by slot.
        code: int32 kind of account by slot.
        institution: int32 owner by slot.
        scratch: int64 by slot, for sums over a batch; whoever uses it leaves zeros.
    """

    def __init__(self) -> None:
        self.index = IdIndex(_CAPACITY, _FIELDS)
        self.scratch = np.zeros(_CAPACITY, np.int64)
        self._find_fields()

    def __len__(self) -> int:
        return len(self.index)

    def open(self, accounts: list[NewAccount]) -> range:
        """Add accounts with empty totals and return their slots; the ids must be new."""
        slots = self.index.add([account.id.int for account in accounts])
        self._find_fields()
        fields = slice(slots.start, slots.stop)
        self.ledger[fields] = [account.ledger for account in accounts]
        self.flags[fields] = [account.flags for account in accounts]
        self.code[fields] = [account.code for account in accounts]
        self.institution[fields] = [account.institution for account in accounts]
        return slots

    def load(
        self,
        hi: NDArray[np.uint64],
        lo: NDArray[np.uint64],
        fields: NDArray[np.int32],
        totals: NDArray[np.int64],
    ) -> None:
        """Fill the empty columns with stored accounts in slot order.

        Args:
            hi: Upper id halves.
            lo: Lower id halves.
            fields: int32, shape (4, n): ledger, flags, code, institution.
            totals: int64, shape (4, n).
        """
        self.index.add_halves(hi, lo)
        self._find_fields()
        for column, values in zip(
            (self.ledger, self.flags, self.code, self.institution), fields, strict=True
        ):
            column[: len(hi)] = values
        self.totals[:, : len(hi)] = totals

    def close_last(self, count: int) -> None:
        """Take back the accounts opened last, whose opening was not committed."""
        self.index.remove_last(count)

    def balance(self, slot: int) -> Balance:
        """Return one account's totals."""
        debits_pending, debits_posted, credits_pending, credits_posted = self.totals[:, slot].tolist()
        return Balance(
            debits_pending=debits_pending,
            debits_posted=debits_posted,
            credits_pending=credits_pending,
            credits_posted=credits_posted,
        )

    def remember(self, slots: list[int]) -> Undo:
        """Keep the present totals of some accounts."""
        return Undo(slots, self.totals[:, slots])

    def restore(self, undo: Undo) -> None:
        """Put back what was remembered."""
        self.totals[:, undo.slots] = undo.totals

    def _find_fields(self) -> None:
        """Point the columns at the index's records, which move when it grows."""
        records = self.index.records
        self.totals = records.view(np.int64).reshape(len(records), -1)[:, _TOTALS].T
        self.ledger, self.flags = records["ledger"], records["flags"]
        self.code, self.institution = records["code"], records["institution"]
        if len(self.scratch) < len(records):
            self.scratch = np.zeros(len(records), np.int64)
