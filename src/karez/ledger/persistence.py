"""Writes what a group changes: each kind of row with one statement for the whole group."""

from collections.abc import Sequence
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray

from karez.ledger.batch import Batch, Evaluation
from karez.ledger.columns import AccountColumns
from karez.ledger.known_transfers import ids_to_uuids
from karez.ledger.model import Status, TransferFlags
from karez.ledger.operations import Operation
from karez.ledger.slices import slice_bytes
from karez.ledger.transfer_fields import TransferFields

_SETTLING = int(TransferFlags.POST | TransferFlags.VOID)
_EXPIRY = int(TransferFlags.VOID | TransferFlags.EXPIRY)
_NANOSECONDS = 1_000_000_000

_INSERT_ACCOUNTS = """
INSERT INTO account (id, slot, institution, party, ledger, code, flags, user_data, timestamp_ns)
SELECT u.*, %s FROM unnest(%s::uuid[], %s::integer[], %s::integer[], %s::uuid[], %s::integer[], %s::integer[],
                           %s::integer[], %s::bigint[]) u
"""
_INSERT_SETTLEMENTS = """
INSERT INTO settlement (pending_id, transfer_id, status)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::smallint[])
"""
_DELETE_DEADLINES = "DELETE FROM pending_deadline WHERE pending_id = ANY(%s)"
_INSERT_DEADLINES = """
INSERT INTO pending_deadline (pending_id, deadline_ns) SELECT * FROM unnest(%s::uuid[], %s::bigint[])
"""
_INSERT_SPENT = """
INSERT INTO spent_transfer_id (id, status, timestamp_ns)
SELECT u.*, %s FROM unnest(%s::uuid[], %s::smallint[]) u ON CONFLICT DO NOTHING
"""
_INSERT_OPERATIONS = """
INSERT INTO operation (id, institution, actor, kind, fingerprint, reply, timestamp_ns)
SELECT u.*, %s FROM unnest(%s::uuid[], %s::integer[], %s::text[], %s::text[], %s::bytea[], %s::text[]) u
"""
_INSERT_EVENTS = """
INSERT INTO outbox_event (id, topic, institution, operation_id, payload, created_ns)
SELECT u.*, %s FROM unnest(%s::uuid[], %s::text[], %s::integer[], %s::uuid[], %s::jsonb[]) u
"""
_UPSERT_SLICES = """
INSERT INTO balance_slice (slice, totals, as_of_ns)
SELECT u.*, %s FROM unnest(%b::integer[], %b::bytea[]) u
ON CONFLICT (slice) DO UPDATE SET as_of_ns = excluded.as_of_ns, totals = excluded.totals
"""


def write_reservations(connection: psycopg.Connection, batch: Batch, evaluation: Evaluation) -> None:
    """Record settled reservations and the deadlines of new ones."""
    transfers = evaluation.transfers
    if transfers.plain:
        return
    created = evaluation.status == Status.CREATED
    timed = created & (transfers.timeout_s > 0)
    if timed.any():
        deadlines = batch.timestamp_ns[timed] + transfers.timeout_s[timed].astype(np.int64) * _NANOSECONDS
        connection.execute(_INSERT_DEADLINES, (_ids(transfers, timed), deadlines.tolist()))
    settling = created & (transfers.flags & _SETTLING != 0)
    if settling.any():
        settled = _pending_ids(transfers, settling)
        status = [_settled_status(flags) for flags in transfers.flags[settling].tolist()]
        connection.execute(_INSERT_SETTLEMENTS, (settled, _ids(transfers, settling), status))
    # A reservation may be made and settled in one batch; an expiry that comes too late still ends its deadline.
    over = settling | (transfers.flags == _EXPIRY)
    if over.any():
        connection.execute(_DELETE_DEADLINES, (_pending_ids(transfers, over),))


def _settled_status(flags: int) -> int:
    if flags & TransferFlags.EXPIRY:
        return Status.PENDING_TRANSFER_EXPIRED
    return (
        Status.PENDING_TRANSFER_ALREADY_POSTED
        if flags & TransferFlags.POST
        else Status.PENDING_TRANSFER_ALREADY_VOIDED
    )


def write_spent_ids(
    connection: psycopg.Connection, evaluation: Evaluation, spent: NDArray[np.bool_], now_ns: int
) -> None:
    """Remember the ids of the marked transfers, which were refused for a transient reason."""
    if spent.any():
        status = evaluation.status[spent].tolist()
        connection.execute(_INSERT_SPENT, (now_ns, _ids(evaluation.transfers, spent), status))


def write_operations(connection: psycopg.Connection, operations: Sequence[Operation], now_ns: int) -> None:
    """Record accepted operations with their replies, and announce their events."""
    if not operations:
        return
    connection.execute(
        _INSERT_OPERATIONS,
        (
            now_ns,
            [operation.id for operation in operations],
            [operation.institution for operation in operations],
            [operation.actor for operation in operations],
            [operation.kind for operation in operations],
            [operation.fingerprint for operation in operations],
            [bytes(operation.reply).decode() for operation in operations],
        ),
    )
    events = [(operation, event) for operation in operations for event in operation.events]
    if events:
        connection.execute(
            _INSERT_EVENTS,
            (
                now_ns,
                [event.id for _, event in events],
                [event.topic for _, event in events],
                [operation.institution for operation, _ in events],
                [operation.id for operation, _ in events],
                [bytes(event.payload).decode() for _, event in events],
            ),
        )


def write_accounts(
    connection: psycopg.Connection, operations: Sequence[Operation], first_slot: int, now_ns: int
) -> None:
    """Record the accounts that accepted operations open, in slot order."""
    accounts = [account for operation in operations for account in operation.accounts]
    if not accounts:
        return
    connection.execute(
        _INSERT_ACCOUNTS,
        (
            now_ns,
            [account.id for account in accounts],
            list(range(first_slot, first_slot + len(accounts))),
            [account.institution for account in accounts],
            [account.party for account in accounts],
            [account.ledger for account in accounts],
            [account.code for account in accounts],
            [account.flags for account in accounts],
            [account.user_data for account in accounts],
        ),
    )


def write_slices(
    connection: psycopg.Connection, columns: AccountColumns, slices: list[int], as_of_ns: int
) -> None:
    """Store the totals of some slices as they are now."""
    if slices:
        data = [slice_bytes(columns, slice_) for slice_ in slices]
        connection.execute(_UPSERT_SLICES, (as_of_ns, slices, data))


def _pending_ids(transfers: TransferFields, chosen: NDArray[np.bool_]) -> list[UUID]:
    return ids_to_uuids(transfers.pending_hi[chosen], transfers.pending_lo[chosen])


def _ids(transfers: TransferFields, chosen: NDArray[np.bool_]) -> list[UUID]:
    return ids_to_uuids(transfers.id_hi[chosen], transfers.id_lo[chosen])
