"""What callers hand to the bookkeeper, and how many submissions become one batch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from karez.ledger.batch import Batch
from karez.ledger.columns import AccountColumns
from karez.ledger.model import TRANSFER_DTYPE, TransferFlags, transfers_to_array
from karez.ledger.operations import Operation, Outcome

_RESERVED_FLAG = 1 << 30


@dataclass(frozen=True, slots=True)
class TransferSubmission:
    """Transfers that stand for themselves: each its own outcome, chains among them.

    Attributes:
        transfers: Array of ``TRANSFER_DTYPE``.
        institution: int32 by transfer, who asks; 0 means Karez itself.
        chain_end: bool by transfer, true where a chain may not go on.
        by_bookkeeper: Whether these are the bookkeeper's own expiries.
    """

    transfers: NDArray[np.void]
    institution: NDArray[np.int32]
    chain_end: NDArray[np.bool_]
    by_bookkeeper: bool = False


@dataclass(frozen=True, slots=True)
class TransferOutcome:
    """The statuses of one ``TransferSubmission``.

    Attributes:
        status: uint8 ``Status`` by transfer.
        first_timestamp_ns: Timestamp of the first transfer; each next one is later by one.
    """

    status: NDArray[np.uint8]
    first_timestamp_ns: int


Submission = TransferSubmission | Operation
SubmissionOutcome = TransferOutcome | Outcome


@dataclass(slots=True)
class Group:
    """Submissions that are evaluated and committed together.

    Attributes:
        submissions: In order.
        spans: For each submission its first and one past its last transfer in ``transfers``.
        transfers: All transfers, one after another.
        institution: Who asks, by transfer.
        chain_end: By transfer.
        operation_index: By transfer the index of its operation in ``submissions``, -1 if it stands for itself.
    """

    submissions: Sequence[Submission]
    spans: list[tuple[int, int]]
    transfers: NDArray[np.void]
    institution: NDArray[np.int32]
    chain_end: NDArray[np.bool_]
    operation_index: NDArray[np.int64]

    def batch(
        self, columns: AccountColumns, maybe_known: NDArray[np.bool_], first_timestamp_ns: int
    ) -> Batch:
        """Look the accounts up and return the batch, timestamps rising by one from the first."""
        transfers = self.transfers
        count = len(transfers)
        return Batch(
            transfers,
            columns.index.find(
                np.ascontiguousarray(transfers["debit_hi"]), np.ascontiguousarray(transfers["debit_lo"])
            ),
            columns.index.find(
                np.ascontiguousarray(transfers["credit_hi"]), np.ascontiguousarray(transfers["credit_lo"])
            ),
            self.chain_end,
            self.institution,
            maybe_known,
            np.arange(first_timestamp_ns, first_timestamp_ns + count),
        )


def make_group(submissions: Sequence[Submission]) -> Group:
    """Lay the transfers of all submissions side by side."""
    if len(submissions) == 1 and isinstance(submissions[0], TransferSubmission):
        return _single(submissions[0])
    parts, institutions, ends = [np.zeros(0, TRANSFER_DTYPE)], [np.zeros(0, np.int32)], [np.zeros(0, bool)]
    operation_index = [np.zeros(0, np.int64)]
    spans = []
    position = 0
    for index, submission in enumerate(submissions):
        if isinstance(submission, TransferSubmission):
            part = (
                submission.transfers if submission.by_bookkeeper else _without_own_flags(submission.transfers)
            )
            institutions.append(submission.institution)
            ends.append(submission.chain_end)
            operation_index.append(np.full(len(part), -1, np.int64))
        else:
            part = _as_chain(submission)
            institutions.append(np.full(len(part), submission.institution, np.int32))
            ends.append(np.arange(len(part)) == len(part) - 1)
            operation_index.append(np.full(len(part), index, np.int64))
        parts.append(part)
        spans.append((position, position + len(part)))
        position += len(part)
    return Group(
        submissions,
        spans,
        np.concatenate(parts),
        np.concatenate(institutions),
        np.concatenate(ends),
        np.concatenate(operation_index),
    )


def _single(submission: TransferSubmission) -> Group:
    count = len(submission.transfers)
    transfers = submission.transfers if submission.by_bookkeeper else _without_own_flags(submission.transfers)
    alone = np.full(count, -1, np.int64)
    return Group([submission], [(0, count)], transfers, submission.institution, submission.chain_end, alone)


def _without_own_flags(transfers: NDArray[np.void]) -> NDArray[np.void]:
    """A caller may not mark a transfer as an expiry: such a flag counts as one without meaning."""
    own = transfers["flags"] & int(TransferFlags.EXPIRY) != 0
    if not own.any():
        return transfers
    marked = transfers.copy()
    marked["flags"][own] |= _RESERVED_FLAG
    return marked


def _as_chain(operation: Operation) -> NDArray[np.void]:
    if not operation.transfers:
        return np.zeros(0, TRANSFER_DTYPE)
    part = transfers_to_array(list(operation.transfers))
    part["flags"][:-1] |= int(TransferFlags.LINKED)
    part["flags"][-1] &= ~int(TransferFlags.LINKED)
    return part
