"""Making one transfer: the same for the fast lane and for the framework's route."""

import time
from typing import Any
from uuid import UUID

import psycopg

from karez.channels.api.caller import Caller
from karez.channels.api.context import Services
from karez.channels.api.moments import format_moment
from karez.channels.api.problems import transfer_refusal
from karez.channels.api.replies import Reply, encode
from karez.channels.api.transfer_body import NEW_TRANSFER, TransferReceipt, record_of
from karez.ledger.model import Status

USED_IDS = frozenset(
    status for status in Status if status.code.startswith("exists_with_different_") or status is Status.EXISTS
)


async def make_transfer(services: Services, caller: Caller, body: bytes | bytearray) -> Reply:
    """Have the bookkeeper carry a transfer out, and answer.

    Args:
        services: Where the bookkeeper is.
        caller: An institution with ``ledger:write``.
        body: ``NewTransfer`` as JSON.

    Returns:
        201 with a ``TransferReceipt`` for a new transfer, 200 with the same for a repeated one, or the book's
        refusal.

    Rejections: those of ``Body.decode`` and ``record_of``; ``institution_needed``, ``rate_limited``.
    """
    caller.allowance.transfers.take(1, time.monotonic())
    transfer = NEW_TRANSFER.decode(body)
    status, timestamp_ns = await services.book.transfer(record_of(transfer), caller.institution)
    if status is Status.CREATED:
        return Reply(201, _receipt(transfer.id, timestamp_ns))
    if status not in USED_IDS:
        return transfer_refusal(status)
    made = await services.database.as_caller(
        caller, lambda conn: own_transfers(conn, [transfer.id], caller.institution)
    )
    if transfer.id not in made:
        return transfer_refusal(Status.ID_ALREADY_FAILED)
    if status is Status.EXISTS:
        return Reply(200, _receipt(transfer.id, made[transfer.id]))
    return transfer_refusal(status)


def own_transfers(conn: psycopg.Connection[Any], ids: list[UUID], institution: int) -> dict[UUID, int]:
    """Return when those transfers were made that an institution made itself.

    What another institution has used an id for is not told, not even by comparing: for this one the id is spent.

    Args:
        conn: In a transaction of the caller.
        ids: Of transfers.
        institution: Whose accounts they debit.
    """
    rows = conn.execute(
        "SELECT id, timestamp_ns FROM transfer WHERE id = ANY(%s) AND debit_institution = %s",
        (ids, institution),
    )
    return dict(rows.fetchall())


def _receipt(id_: UUID, timestamp_ns: int) -> bytes:
    return encode(TransferReceipt(id=id_, status="created", timestamp=format_moment(timestamp_ns)))
