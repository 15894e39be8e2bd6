"""Writes what a group changes: each kind of row with one statement for the whole group."""

from collections.abc import Sequence
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray

from karez.ledger.batch import FLAGS_TIMEOUT, PENDING_HI, PENDING_LO, USER_DATA, Batch, Evaluation
from karez.ledger.columns import AccountColumns
from karez.ledger.copy_rows import COPY_TRANSFERS, HEADER, TRAILER, blank_transfers
from karez.ledger.known_transfers import ids_to_uuids
from karez.ledger.model import Status, TransferFlags
from karez.ledger.operations import Operation
from karez.ledger.slices import slice_bytes

_SETTLING = int(TransferFlags.POST | TransferFlags.VOID)
_NANOSECONDS = 1_000_000_000
_HALF = np.uint64(32)
_ROWS_AT_ONCE = 2_048
"""So many rows fit into a processor's cache, and PostgreSQL reads them while the next ones are made."""

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


def write_transfers(
    connection: psycopg.Connection,
    columns: AccountColumns,
    batch: Batch,
    evaluation: Evaluation,
    operation_ids: tuple[NDArray[np.uint64], NDArray[np.uint64]] | None,
) -> None:
    """Append the accepted transfers of a batch.

    Args:
        connection: In the bookkeeper's transaction.
        columns: For the account ids and owners.
        batch: What was evaluated.
        evaluation: What came of it.
        operation_ids: Halves of the operation's id by transfer; ``None`` if none belongs to one.
    """
    created = evaluation.status == Status.CREATED
    if not created.any():
        return
    words = batch.words
    full = (words[PENDING_HI] | words[PENDING_LO] | words[USER_DATA] | words[FLAGS_TIMEOUT] >> _HALF) != 0
    if operation_ids is not None:
        full |= (operation_ids[0] | operation_ids[1]) != 0
    with connection.cursor() as cursor, cursor.copy(COPY_TRANSFERS) as copy:
        copy.write(HEADER)
        for slim, chosen in ((True, created & ~full), (False, created & full)):
            indexes = np.flatnonzero(chosen)
            rows = blank_transfers(min(len(indexes), _ROWS_AT_ONCE), slim)
            for first in range(0, len(indexes), _ROWS_AT_ONCE):
                part = indexes[first : first + _ROWS_AT_ONCE]
                part_rows = rows[: len(part)]
                _fill_rows(part_rows, part, columns, batch, evaluation)
                if not slim:
                    _fill_further(part_rows, part, evaluation, operation_ids)
                copy.write(part_rows.view(np.uint8).data)
        copy.write(TRAILER)


def _fill_rows(
    rows: NDArray[np.void],
    chosen: NDArray[np.int64],
    columns: AccountColumns,
    batch: Batch,
    evaluation: Evaluation,
) -> None:
    source = evaluation.transfers.take(chosen)
    debit, credit = evaluation.debit[chosen], evaluation.credit[chosen]
    for name in ("id_hi", "id_lo", "amount", "ledger", "code", "flags"):
        rows[name] = source[name]
    rows["timestamp_ns"] = batch.timestamp_ns[chosen]
    rows["debit_account_hi"], rows["debit_account_lo"] = columns.index.hi[debit], columns.index.lo[debit]
    rows["credit_account_hi"], rows["credit_account_lo"] = columns.index.hi[credit], columns.index.lo[credit]
    rows["debit_institution"] = columns.institution[debit]
    rows["credit_institution"] = columns.institution[credit]


def _fill_further(
    rows: NDArray[np.void],
    chosen: NDArray[np.int64],
    evaluation: Evaluation,
    operation_ids: tuple[NDArray[np.uint64], NDArray[np.uint64]] | None,
) -> None:
    source = evaluation.transfers.take(chosen)
    rows["user_data"], rows["timeout_s"] = source["user_data"], source["timeout_s"]
    rows["pending_id_hi"], rows["pending_id_lo"] = source["pending_hi"], source["pending_lo"]
    if operation_ids is not None:
        rows["operation_id_hi"], rows["operation_id_lo"] = (half[chosen] for half in operation_ids)


def write_reservations(connection: psycopg.Connection, batch: Batch, evaluation: Evaluation) -> None:
    """Record settled reservations and the deadlines of new ones."""
    transfers = evaluation.transfers
    created = evaluation.status == Status.CREATED
    settling = created & (transfers["flags"] & _SETTLING != 0)
    if settling.any():
        settled = ids_to_uuids(transfers["pending_hi"][settling], transfers["pending_lo"][settling])
        status = [_settled_status(flags) for flags in transfers["flags"][settling].tolist()]
        connection.execute(_INSERT_SETTLEMENTS, (settled, _ids(transfers[settling]), status))
        connection.execute(_DELETE_DEADLINES, (settled,))
    timed = created & (transfers["timeout_s"] > 0)
    if timed.any():
        deadlines = batch.timestamp_ns[timed] + transfers["timeout_s"][timed].astype(np.int64) * _NANOSECONDS
        connection.execute(_INSERT_DEADLINES, (_ids(transfers[timed]), deadlines.tolist()))


def _settled_status(flags: int) -> int:
    if flags & TransferFlags.EXPIRY:
        return Status.PENDING_TRANSFER_EXPIRED
    return (
        Status.PENDING_TRANSFER_ALREADY_POSTED
        if flags & TransferFlags.POST
        else Status.PENDING_TRANSFER_ALREADY_VOIDED
    )


def write_spent_ids(
    connection: psycopg.Connection, transfers: NDArray[np.void], status: NDArray[np.uint8], now_ns: int
) -> None:
    """Remember the ids of transfers that were refused for a transient reason."""
    if len(transfers):
        connection.execute(_INSERT_SPENT, (now_ns, _ids(transfers), status.astype(int).tolist()))


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


def _ids(transfers: NDArray[np.void]) -> list[UUID]:
    return ids_to_uuids(transfers["id_hi"], transfers["id_lo"])
