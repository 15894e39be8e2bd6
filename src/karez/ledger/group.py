"""What callers hand to the bookkeeper, and how many submissions become one batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from karez.ledger.batch import Batch
from karez.ledger.columns import AccountColumns
from karez.ledger.id_filter import IdFilter
from karez.ledger.model import TransferFlags, transfers_to_array
from karez.ledger.operations import Operation, Outcome
from karez.ledger.transfer_fields import TransferFields

_EXPIRY = np.uint64(TransferFlags.EXPIRY)
_LINKED = int(TransferFlags.LINKED)
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
    lengths = [len(each.transfers) for each in submissions]
    ends = list(accumulate(lengths))
    parts: list[_Part] = []
    for _, neighbours in groupby(submissions, type):
        alike = list(neighbours)
        operations = [each for each in alike if isinstance(each, Operation)]
        parts += [_operations_part(operations)] if operations else []
        parts += [_transfers_part(each) for each in alike if isinstance(each, TransferSubmission)]
    transfers = TransferFields.of(*(part.transfers for part in parts))
    _refuse_expiries(transfers, submissions, lengths)
    owners = [index if isinstance(each, Operation) else -1 for index, each in enumerate(submissions)]
    return Group(
        submissions,
        [(end - length, end) for end, length in zip(ends, lengths, strict=True)],
        transfers,
        _joined([part.institution for part in parts], np.int32),
        _joined([part.chain_end for part in parts], np.bool_),
        np.repeat(np.array(owners, np.int64), lengths),
    )


class _Part(NamedTuple):
    """Transfers, who asks for each, and where a chain may not go on."""

    transfers: NDArray[np.void]
    institution: NDArray[np.int32]
    chain_end: NDArray[np.bool_]


def _transfers_part(submission: TransferSubmission) -> _Part:
    chain_end = submission.chain_end.copy()
    chain_end[-1:] = True
    return _Part(submission.transfers, submission.institution, chain_end)


def _operations_part(operations: list[Operation]) -> _Part:
    """Make a chain of each operation's transfers."""
    counts = [len(operation.transfers) for operation in operations]
    transfers = transfers_to_array([transfer for operation in operations for transfer in operation.transfers])
    institution = np.repeat(np.array([operation.institution for operation in operations], np.int32), counts)
    chain_end = np.zeros(len(transfers), bool)
    chain_end[np.cumsum(counts)[np.array(counts) > 0] - 1] = True
    flags = transfers["flags"]
    flags[:] = np.where(chain_end, flags & ~_LINKED, flags | _LINKED)
    return _Part(transfers, institution, chain_end)


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
