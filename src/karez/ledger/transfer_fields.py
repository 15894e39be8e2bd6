"""Transfers as one array per field, since numpy is slow on the fields of records."""

import numpy as np
from numpy.typing import NDArray

from karez.ledger.model import TRANSFER_DTYPE

_WORD_COUNT = TRANSFER_DTYPE.itemsize // 8
_NO_WORDS = np.zeros((0, _WORD_COUNT), np.uint64)


class TransferFields:
    """The transfers of a batch, field by field; all fields are views into ``words`` and have n elements.

    Args:
        words: uint64, shape (12, n): the words of ``TRANSFER_DTYPE`` in their order.
    """

    __slots__ = (
        "account_hi",
        "account_lo",
        "amount",
        "code",
        "credit_hi",
        "credit_lo",
        "debit_hi",
        "debit_lo",
        "flags",
        "form",
        "id_hi",
        "id_lo",
        "ledger",
        "pending_hi",
        "pending_lo",
        "plain",
        "timeout_s",
        "user_data",
        "words",
    )

    def __init__(self, words: NDArray[np.uint64]) -> None:
        self.words = words
        self.id_hi, self.id_lo, self.debit_hi, self.debit_lo, self.credit_hi, self.credit_lo = words[:6]
        self.account_hi, self.account_lo = words[2:6:2], words[3:6:2]
        """Debit and credit, one above the other."""
        self.pending_hi, self.pending_lo = words[6:8]
        self.amount, self.user_data = words[8:10].view(np.int64)
        halves = words[10:].view(np.int32)
        self.ledger, self.code = halves[0, ::2], halves[0, 1::2]
        self.flags, self.timeout_s = halves[1, ::2], halves[1, 1::2]
        self.form: NDArray[np.uint64] = words[11]
        """Flags and timeout in one: zero for a plain transfer."""
        self.plain = not self.form.any()
        """Whether all of them are plain, so that nobody need look for flags."""

    @classmethod
    def of(cls, *parts: NDArray[np.void]) -> "TransferFields":
        """Copy arrays of ``TRANSFER_DTYPE``, one after another."""
        # As plain words, since numpy joins arrays of records field by field in Python.
        words = [np.ascontiguousarray(part).view(np.uint64).reshape(-1, _WORD_COUNT) for part in parts]
        joined = words[0] if len(words) == 1 else np.concatenate([_NO_WORDS, *words])
        return cls(np.ascontiguousarray(joined.T))

    def __len__(self) -> int:
        return len(self.id_hi)

    def flagged(self, flags: np.uint64) -> NDArray[np.bool_]:
        """Mark the transfers that have any of these flags."""
        if self.plain:
            return np.zeros(len(self), bool)
        flagged: NDArray[np.bool_] = (self.form & flags) != 0
        return flagged

    def copy(self) -> "TransferFields":
        """Return fields that can be changed on their own."""
        return TransferFields(self.words.copy())
