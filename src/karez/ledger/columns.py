"""All accounts in memory, one numpy array per field, indexed by slot.

A slot is the place of an account in these arrays, given in the order of opening and kept for good.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from karez.ledger.id_index import IdIndex
from karez.ledger.model import Balance, NewAccount

NO_SLOT = -1


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
        institution: int32 owner by slot.
    """

    def __init__(self) -> None:
        capacity = 1_024
        self.index = IdIndex(capacity)
        self.totals = np.zeros((4, capacity), np.int64)
        self.ledger = np.zeros(capacity, np.int32)
        self.flags = np.zeros(capacity, np.int32)
        self.code = np.zeros(capacity, np.int32)
        self.institution = np.zeros(capacity, np.int32)

    def __len__(self) -> int:
        return len(self.index)

    def open(self, accounts: list[NewAccount]) -> range:
        """Add accounts with empty totals and return their slots; the ids must be new."""
        slots = self.index.add([account.id.int for account in accounts])
        self._reserve(slots.stop)
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
        self._reserve(len(hi))
        self.ledger[: len(hi)], self.flags[: len(hi)] = fields[0], fields[1]
        self.code[: len(hi)], self.institution[: len(hi)] = fields[2], fields[3]
        self.totals[:, : len(hi)] = totals

    def close_last(self, count: int) -> None:
        """Take back the accounts opened last, whose opening was not committed."""
        first = len(self.index) - count
        self.totals[:, first : first + count] = 0
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

    def _reserve(self, needed: int) -> None:
        capacity = len(self.ledger)
        if needed <= capacity:
            return
        while capacity < needed:
            capacity *= 2
        more = capacity - len(self.ledger)
        self.totals = np.concatenate([self.totals, np.zeros((4, more), np.int64)], axis=1)
        self.ledger = np.concatenate([self.ledger, np.zeros(more, np.int32)])
        self.flags = np.concatenate([self.flags, np.zeros(more, np.int32)])
        self.code = np.concatenate([self.code, np.zeros(more, np.int32)])
        self.institution = np.concatenate([self.institution, np.zeros(more, np.int32)])
