"""Writes what a group changes: each kind of row with one statement for the whole group."""

from collections.abc import Sequence

import numpy as np
import psycopg
from numpy.typing import NDArray

from karez.ledger.array_parameters import ArrayParameter, id_array, integer_array, text_array, uuid_array
from karez.ledger.batch import Batch, Evaluation
from karez.ledger.columns import AccountColumns
from karez.ledger.model import Status, TransferFlags
from karez.ledger.operations import Operation
from karez.ledger.slices import slice_bytes
from karez.ledger.transfer_fields import TransferFields

_SETTLING = int(TransferFlags.POST | TransferFlags.VOID)
_EXPIRY = int(TransferFlags.VOID | TransferFlags.EXPIRY)
_NANOSECONDS = 1_000_000_000

_INSERT_ACCOUNTS = """
INSERT INTO account (id, slot, institution, party, ledger, code, flags, user_data, timestamp_ns)
SELECT unnest(%s::uuid[]), unnest(%s::integer[]), unnest(%s::integer[]), unnest(%s::uuid[]), unnest(%s::integer[]),
       unnest(%s::integer[]), unnest(%s::integer[]), unnest(%s::bigint[]), %s
"""
_INSERT_SETTLEMENTS = """
INSERT INTO settlement (pending_id, transfer_id, status)
SELECT unnest(%s::uuid[]), unnest(%s::uuid[]), unnest(%s::smallint[])
"""
_DELETE_DEADLINES = "DELETE FROM pending_deadline WHERE pending_id = ANY(%s::uuid[])"
_INSERT_DEADLINES = """
INSERT INTO pending_deadline (pending_id, deadline_ns) SELECT unnest(%s::uuid[]), unnest(%s::bigint[])
"""
_INSERT_SPENT = """
INSERT INTO spent_transfer_id (id, status, timestamp_ns)
SELECT unnest(%s::uuid[]), unnest(%s::smallint[]), %s ON CONFLICT DO NOTHING
"""
_INSERT_OPERATIONS = """
INSERT INTO operation (id, institution, actor, kind, fingerprint, reply, timestamp_ns)
SELECT unnest(%s::uuid[]), unnest(%s::integer[]), unnest(%s::text[]), unnest(%s::text[]), unnest(%s::bytea[]),
       unnest(%s::text[]), %s
"""
_INSERT_EVENTS = """
INSERT INTO outbox_event (id, topic, institution, operation_id, payload, created_ns)
SELECT unnest(%s::uuid[]), unnest(%s::text[]), unnest(%s::integer[]), unnest(%s::uuid[]),
    unnest(%s::text[])::jsonb, %s
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
        connection.execute(_INSERT_DEADLINES, (_ids(transfers, timed), integer_array(deadlines)))
    settling = created & (transfers.flags & _SETTLING != 0)
    if settling.any():
        status = [_settled_status(flags) for flags in transfers.flags[settling].tolist()]
        connection.execute(
            _INSERT_SETTLEMENTS,
            (_pending_ids(transfers, settling), _ids(transfers, settling), _integers(status, "smallint")),
        )
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
        status = integer_array(evaluation.status[spent], "smallint")
        connection.execute(_INSERT_SPENT, (_ids(evaluation.transfers, spent), status, now_ns))


def write_operations(connection: psycopg.Connection, operations: Sequence[Operation], now_ns: int) -> None:
    """Record accepted operations with their replies, and announce their events."""
    if not operations:
        return
    connection.execute(
        _INSERT_OPERATIONS,
        (
            id_array([operation.id for operation in operations]),
            _integers([operation.institution for operation in operations]),
            text_array([operation.actor.encode() for operation in operations]),
            text_array([operation.kind.encode() for operation in operations]),
            text_array([operation.fingerprint for operation in operations], "bytea"),
            text_array([memoryview(operation.reply) for operation in operations]),
            now_ns,
        ),
    )
    events = [(operation, event) for operation in operations for event in operation.events]
    if events:
        connection.execute(
            _INSERT_EVENTS,
            (
                id_array([event.id for _, event in events]),
                text_array([event.topic.encode() for _, event in events]),
                _integers([operation.institution for operation, _ in events]),
                id_array([operation.id for operation, _ in events]),
                text_array([memoryview(event.payload) for _, event in events]),
                now_ns,
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
            id_array([account.id for account in accounts]),
            _integers(range(first_slot, first_slot + len(accounts))),
            _integers([account.institution for account in accounts]),
            id_array([account.party for account in accounts]),
            _integers([account.ledger for account in accounts]),
            _integers([account.code for account in accounts]),
            _integers([account.flags for account in accounts]),
            _integers([account.user_data for account in accounts], "bigint"),
            now_ns,
        ),
    )


def write_slices(
    connection: psycopg.Connection, columns: AccountColumns, slices: list[int], as_of_ns: int
) -> None:
    """Store the totals of some slices as they are now."""
    if slices:
        data = [slice_bytes(columns, slice_) for slice_ in slices]
        connection.execute(_UPSERT_SLICES, (as_of_ns, slices, data))


def _integers(values: Sequence[int], type_: str = "integer") -> ArrayParameter:
    return integer_array(np.array(values, np.int64), type_)


def _pending_ids(transfers: TransferFields, chosen: NDArray[np.bool_]) -> ArrayParameter:
    return uuid_array(transfers.pending_hi[chosen], transfers.pending_lo[chosen])


def _ids(transfers: TransferFields, chosen: NDArray[np.bool_]) -> ArrayParameter:
    return uuid_array(transfers.id_hi[chosen], transfers.id_lo[chosen])
