"""What callers hand to the bookkeeper, and how many submissions become one batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from karez.ledger.batch import Batch
from karez.ledger.columns import AccountColumns
from karez.ledger.id_filter import IdFilter
from karez.ledger.model import TRANSFER_DTYPE, TransferFlags, transfers_to_array
from karez.ledger.operations import Operation, Outcome
from karez.ledger.transfer_fields import TransferFields

_EXPIRY = np.uint64(TransferFlags.EXPIRY)
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
    transfers: TransferFields
    institution: NDArray[np.int32]
    chain_end: NDArray[np.bool_]
    operation_index: NDArray[np.int64]

    def batch(self, columns: AccountColumns, id_filter: IdFilter, first_timestamp_ns: int) -> Batch:
        """Look ids and accounts up and return the batch, timestamps rising by one from the first."""
        transfers = self.transfers
        debit, credit = columns.index.find(transfers.account_hi, transfers.account_lo)
        return Batch(
            transfers,
            debit,
            credit,
            self.chain_end,
            self.institution,
            id_filter.maybe_known(transfers.id_hi, transfers.id_lo),
            np.arange(first_timestamp_ns, first_timestamp_ns + len(transfers)),
        )


def make_group(submissions: Sequence[Submission]) -> Group:
    """Lay the transfers of all submissions side by side."""
    parts = [_part(submission) for submission in submissions]
    lengths = [len(part[0]) for part in parts]
    ends = list(accumulate(lengths))
    transfers = TransferFields.of(*(part[0] for part in parts))
    _refuse_expiries(transfers, submissions, lengths)
    owners = [index if isinstance(each, Operation) else -1 for index, each in enumerate(submissions)]
    return Group(
        submissions,
        [(end - length, end) for end, length in zip(ends, lengths, strict=True)],
        transfers,
        _joined([part[1] for part in parts], np.int32),
        _joined([part[2] for part in parts], np.bool_),
        np.repeat(np.array(owners, np.int64), lengths),
    )


def _part(submission: Submission) -> tuple[NDArray[np.void], NDArray[np.int32], NDArray[np.bool_]]:
    """Return a submission's transfers, who asks for each, and where a chain may not go on."""
    if isinstance(submission, TransferSubmission):
        chain_end = submission.chain_end.copy()
        chain_end[-1:] = True
        return submission.transfers, submission.institution, chain_end
    count = len(submission.transfers)
    institution = np.full(count, submission.institution, np.int32)
    return _as_chain(submission), institution, np.arange(count) == count - 1


def _joined(parts: list[NDArray[Any]], dtype: DTypeLike) -> NDArray[Any]:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.zeros(0, dtype)


def _refuse_expiries(
    transfers: TransferFields, submissions: Sequence[Submission], lengths: list[int]
) -> None:
    """A caller may not mark a transfer as an expiry: such a flag counts as one without meaning."""
    marked = transfers.flagged(_EXPIRY)
    if marked.any():
        callers = [not (isinstance(each, TransferSubmission) and each.by_bookkeeper) for each in submissions]
        transfers.flags[marked & np.repeat(callers, lengths)] |= _RESERVED_FLAG


def _as_chain(operation: Operation) -> NDArray[np.void]:
    if not operation.transfers:
        return np.zeros(0, TRANSFER_DTYPE)
    part = transfers_to_array(list(operation.transfers))
    part["flags"][:-1] |= int(TransferFlags.LINKED)
    part["flags"][-1] &= ~int(TransferFlags.LINKED)
    return part
