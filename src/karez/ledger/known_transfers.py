"""Looks up what is stored about the ids that a batch names."""

from typing import Any
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray

from karez.ledger.batch import Known, StoredTransfer
from karez.ledger.columns import AccountColumns
from karez.ledger.id_filter import FAR_MAX, Halves
from karez.ledger.model import Status

_FIND = """
SELECT t.id, t.debit_account, t.credit_account, t.pending_id, t.amount, coalesce(t.user_data, 0), t.ledger,
       t.code, t.flags, coalesce(t.timeout_s, 0), t.timestamp_ns, s.status
FROM transfer_rows t LEFT JOIN settlement s ON s.pending_id = t.id
WHERE t.id = ANY(%s)
"""
_FIND_SPENT = "SELECT id FROM spent_transfer_id WHERE id = ANY(%s)"


_FIND_FAR = """
SELECT id FROM (
    SELECT id FROM transfer_rows WHERE id > %(newest)s
    UNION ALL SELECT id FROM spent_transfer_id WHERE id > %(newest)s
    UNION ALL SELECT id FROM operation WHERE id > %(newest)s
) far ORDER BY id DESC LIMIT %(limit)s
"""


def ids_to_uuids(hi: NDArray[np.uint64], lo: NDArray[np.uint64]) -> list[UUID]:
    """Join id halves."""
    return [UUID(int=high << 64 | low) for high, low in zip(hi.tolist(), lo.tolist(), strict=True)]


def find_known(
    connection: psycopg.Connection, columns: AccountColumns, ids: list[UUID], settled: list[UUID]
) -> Known:
    """Fetch stored transfers and spent ids in one round trip.

    Args:
        connection: In the bookkeeper's role.
        columns: To turn account ids into slots.
        ids: Ids of new transfers that may be stored already.
        settled: Ids of the pending transfers that the batch posts or voids.
    """
    if not ids and not settled:
        return Known()
    with connection.pipeline(), connection.cursor(binary=True) as found, connection.cursor() as spent:
        found.execute(_FIND, (ids + settled,))
        spent.execute(_FIND_SPENT, (ids,))
        rows = found.fetchall()
        failed = {row[0].int for row in spent}
    return Known(_stored(columns, rows), failed)


def find_far(connection: psycopg.Connection, newest: UUID) -> Halves:
    """Return all stored ids above the newest one that is not ahead of its time, or more than the filter keeps."""
    rows = connection.execute(_FIND_FAR, {"newest": newest, "limit": FAR_MAX + 1}).fetchall()
    return (
        np.array([id_.int >> 64 for (id_,) in rows], np.uint64),
        np.array([id_.int & 2**64 - 1 for (id_,) in rows], np.uint64),
    )


def _stored(columns: AccountColumns, rows: list[tuple[Any, ...]]) -> dict[int, StoredTransfer]:
    if not rows:
        return {}
    debit, credit = (_slots(columns, [row[column].int for row in rows]) for column in (1, 2))
    return {row[0].int: _one(row, debit[position], credit[position]) for position, row in enumerate(rows)}


def _one(row: tuple[Any, ...], debit: int, credit: int) -> StoredTransfer:
    _, _, _, pending_id, amount, user_data, ledger, code, flags, timeout_s, timestamp_ns, settled = row
    return StoredTransfer(
        debit,
        credit,
        pending_id.int if pending_id else 0,
        amount,
        user_data,
        ledger,
        code,
        flags,
        timeout_s,
        timestamp_ns,
        None if settled is None else Status(settled),
    )


def _slots(columns: AccountColumns, ids: list[int]) -> list[int]:
    hi = np.array([id_ >> 64 for id_ in ids], np.uint64)
    lo = np.array([id_ & 2**64 - 1 for id_ in ids], np.uint64)
    slots: list[int] = columns.index.find(hi, lo).tolist()
    return slots
