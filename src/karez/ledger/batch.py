"""A batch of transfers ready for evaluation, and what evaluation makes of it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from karez.ledger.model import Status
from karez.ledger.transfer_fields import TransferFields

TRUSTED = 0
"""In ``Batch.institution``: asked for by Karez itself, which may debit any account."""


@dataclass(slots=True)
class Batch:
    """Transfers in the order in which they are evaluated, from one or many callers.

    Attributes:
        transfers: The n transfers.
        debit: int64 slots, -1 where no account has the given id.
        credit: int64 slots, likewise.
        chain_end: bool, true where a linked chain may not go on because the caller's part ends here.
        institution: int32, who asks; an institution debits its own accounts only.
        maybe_known: bool, false where the id is certainly new.
        timestamp_ns: int64, strictly rising.
    """

    transfers: TransferFields
    debit: NDArray[np.int64]
    credit: NDArray[np.int64]
    chain_end: NDArray[np.bool_]
    institution: NDArray[np.int32]
    maybe_known: NDArray[np.bool_]
    timestamp_ns: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.transfers)


@dataclass(frozen=True, slots=True)
class StoredTransfer:
    """A transfer that was accepted earlier.

    Attributes:
        debit: Slot of the debit account.
        credit: Slot of the credit account.
        pending_id: 128-bit integer, 0 for none.
        timestamp_ns: When it was accepted.
        settled: For a pending transfer: how it ended, or ``None`` while it is open.
    """

    debit: int
    credit: int
    pending_id: int
    amount: int
    user_data: int
    ledger: int
    code: int
    flags: int
    timeout_s: int
    timestamp_ns: int
    settled: Status | None = None


@dataclass(slots=True)
class Known:
    """What is stored about the ids that a batch names: its own ids as far as they may be known, and the
    pending transfers that it settles.

    Attributes:
        transfers: By 128-bit id.
        failed: Ids that were refused for a transient reason and are spent.
    """

    transfers: dict[int, StoredTransfer] = field(default_factory=dict)
    failed: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Evaluation:
    """The outcome of a batch, already applied to the account columns.

    Attributes:
        status: uint8 ``Status``, by transfer.
        transfers: The batch's with what evaluation resolved: amounts of balancing transfers, posts and voids;
            ledger, code and account ids of posts and voids.
        debit: int64 slots with those of posts and voids filled in.
        credit: int64 slots, likewise.
        undo: Steps that take the batch out of the columns again, last one first.
    """

    status: NDArray[np.uint8]
    transfers: TransferFields
    debit: NDArray[np.int64]
    credit: NDArray[np.int64]
    undo: list[Callable[[], None]] = field(default_factory=list)

    def take_back(self) -> None:
        """Restore the columns to what they were before the batch."""
        for undo in reversed(self.undo):
            undo()
