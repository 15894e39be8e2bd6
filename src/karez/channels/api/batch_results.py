"""What became of a batch of transfers: a line for each, or only those that were not made."""

import time
from typing import Annotated
from uuid import UUID

import msgspec
import numpy as np
from msgspec import UNSET, Meta, UnsetType
from numpy.typing import NDArray

from karez.channels.api.caller import Caller
from karez.channels.api.context import Services
from karez.channels.api.fields import EXAMPLE_IDS, EXAMPLE_MOMENT, Moment, TransferId
from karez.channels.api.moments import format_moment
from karez.channels.api.replies import Reply, encode
from karez.channels.api.transfer_batch import TRANSFER_BATCH, ColumnBatch, batch_array
from karez.channels.api.transfers import USED_IDS, own_transfers
from karez.ledger.model import Status
from karez.ledger.sentences import SENTENCES

StatusCode = Annotated[
    str,
    Meta(
        description="`created`, `exists` for one that an earlier request has made, or why it was refused: "
        "/problems/{status} explains it."
    ),
]


class TransferResult(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """What became of one transfer.

    Attributes:
        id: Its id.
        status: What became of it.
        timestamp: When it was committed, if this request has made it.
        detail: Why it was not made, for people.
    """

    id: TransferId
    status: StatusCode
    timestamp: Moment | UnsetType = UNSET
    detail: str | UnsetType = UNSET


class BatchSummary(msgspec.Struct, kw_only=True, frozen=True):
    """What became of a batch in columns.

    Attributes:
        count: How many transfers it had.
        created: How many were made by this request.
        first_timestamp: Timestamp of the first transfer; that of each next one is later by one nanosecond.
        not_created: For every other status the indexes of its transfers, from 0.
    """

    count: int
    created: int
    first_timestamp: Moment
    not_created: dict[str, list[int]]


EXAMPLE_RESULTS = [
    {"id": EXAMPLE_IDS[1], "status": "created", "timestamp": EXAMPLE_MOMENT},
    {"id": EXAMPLE_IDS[4], "status": "exceeds_credits", "detail": SENTENCES[Status.EXCEEDS_CREDITS]},
]

_USED = np.isin(np.arange(256), list(USED_IDS))
_CODES = {status.value: status.code for status in Status}


async def make_transfers(services: Services, caller: Caller, body: bytes) -> Reply:
    """Have the bookkeeper carry a batch out, and answer in the form in which it came.

    Args:
        services: Where the bookkeeper is.
        caller: An institution with ``ledger:write``.
        body: A list of ``BatchTransfer`` or a ``ColumnBatch`` as JSON.

    Returns:
        200 with a list of ``TransferResult`` or a ``BatchSummary``.

    Rejections: those of ``Body.decode`` and ``batch_array``; ``institution_needed``, ``rate_limited``.
    """
    batch = TRANSFER_BATCH.decode(body)
    transfers = batch_array(batch)
    caller.allowance.transfers.take(len(transfers), time.monotonic())
    outcome = await services.book.transfers(transfers, caller.institution)
    status = await _own_statuses(services, caller, transfers, outcome.status)
    if isinstance(batch, ColumnBatch):
        return Reply(200, encode(_summary(status, outcome.first_timestamp_ns)))
    return Reply(200, encode(_results(transfers, status, outcome.first_timestamp_ns)))


async def _own_statuses(
    services: Services, caller: Caller, transfers: NDArray[np.void], status: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Put a spent id in place of what would tell about a transfer of another institution."""
    used = np.flatnonzero(_USED[status])
    if len(used) == 0:
        return status
    ids = _ids(transfers[used])
    own = await services.database.as_caller(caller, lambda conn: own_transfers(conn, ids, caller.institution))
    foreign = [id_ not in own for id_ in ids]
    status = status.copy()
    status[used[foreign]] = Status.ID_ALREADY_FAILED
    return status


def _ids(transfers: NDArray[np.void]) -> list[UUID]:
    halves = zip(transfers["id_hi"].tolist(), transfers["id_lo"].tolist(), strict=True)
    return [UUID(int=high << 64 | low) for high, low in halves]


def _summary(status: NDArray[np.uint8], first_timestamp_ns: int) -> BatchSummary:
    made = status == Status.CREATED
    return BatchSummary(
        count=len(status),
        created=int(made.sum()),
        first_timestamp=format_moment(first_timestamp_ns),
        not_created={
            _CODES[value]: np.flatnonzero(status == value).tolist()
            for value in np.unique(status[~made]).tolist()
        },
    )


def _results(
    transfers: NDArray[np.void], status: NDArray[np.uint8], first_timestamp_ns: int
) -> list[TransferResult]:
    results = []
    for index, (id_, value) in enumerate(zip(_ids(transfers), status.tolist(), strict=True)):
        if value == Status.CREATED:
            moment = format_moment(first_timestamp_ns + index)
            results.append(TransferResult(id=id_, status="created", timestamp=moment))
        else:
            results.append(TransferResult(id=id_, status=_CODES[value], detail=SENTENCES[Status(value)]))
    return results
