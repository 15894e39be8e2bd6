"""Looks up what is stored about the ids that a batch names."""

from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray

from karez.ledger.batch import Known, StoredTransfer
from karez.ledger.columns import AccountColumns
from karez.ledger.model import Status

_FIND = """
SELECT t.id, t.debit_account, t.credit_account, t.pending_id, t.amount, coalesce(t.user_data, 0), t.ledger,
       t.code, t.flags, coalesce(t.timeout_s, 0), t.timestamp_ns, s.status
FROM transfer_rows t LEFT JOIN settlement s ON s.pending_id = t.id
WHERE t.id = ANY(%s)
"""
_FIND_SPENT = "SELECT id FROM spent_transfer_id WHERE id = ANY(%s)"


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


def _stored(columns: AccountColumns, rows: list[tuple[UUID, UUID, UUID, UUID, int, int, int, int, int, int, int, int | None]]) -> dict[int, StoredTransfer]:
    if not rows:
        return {}
    accounts = [[row[position].int for row in rows] for position in (1, 2)]
    debit, credit = (
        columns.index.find(
            np.array([id_ >> 64 for id_ in side], np.uint64),
            np.array([id_ & 2**64 - 1 for id_ in side], np.uint64),
        ).tolist()
        for side in accounts
    )
    return {
        row[0].int: StoredTransfer(
            debit[index], credit[index], row[3].int if row[3] else 0, *row[4:11], None if row[11] is None else Status(row[11])
        )
        for index, row in enumerate(rows)
    }
