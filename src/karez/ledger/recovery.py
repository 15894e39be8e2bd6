"""From the database back into memory: balance slices, then the transfers that came after them."""

import numpy as np
import psycopg
from numpy.typing import NDArray

from karez.ledger.columns import AccountColumns
from karez.ledger.copy_rows import parse_rows
from karez.ledger.model import TransferFlags
from karez.ledger.slices import SLICE_ACCOUNTS, SlicePlan, read_slice
from karez.ledger.transfer_rules import CREDITS_PENDING, CREDITS_POSTED, DEBITS_PENDING, DEBITS_POSTED

_ACCOUNT_COLUMNS = [
    ("id", "uuid"),
    ("slot", "integer"),
    ("ledger", "integer"),
    ("flags", "integer"),
    ("code", "integer"),
    ("institution", "integer"),
]
_COPY_ACCOUNTS = """
COPY (SELECT id, slot, ledger, flags, code, institution FROM account ORDER BY slot)
TO STDOUT (FORMAT BINARY)
"""
_SLICES = "SELECT slice, as_of_ns, totals FROM balance_slice ORDER BY slice"
_LATER_COLUMNS = [
    ("debit_account", "uuid"),
    ("credit_account", "uuid"),
    ("timestamp_ns", "bigint"),
    ("amount", "bigint"),
    ("reserved", "bigint"),
    ("flags", "integer"),
]
_COPY_LATER = """
COPY (
    SELECT t.debit_account, t.credit_account, t.timestamp_ns, t.amount, coalesce(p.amount, 0), t.flags
    FROM transfer_rows t LEFT JOIN transfer_rows p ON t.flags & 12 <> 0 AND p.id = t.pending_id
    WHERE t.timestamp_ns > {after_ns}
) TO STDOUT (FORMAT BINARY)
"""
_POST = int(TransferFlags.POST)
_VOID = int(TransferFlags.VOID)
_PENDING = int(TransferFlags.PENDING)


def recover(
    connection: psycopg.Connection, replay_from_ns: int, plan: SlicePlan | None = None
) -> AccountColumns:
    """Rebuild the account columns.

    Args:
        connection: In the bookkeeper's role.
        replay_from_ns: Transfers up to this moment are contained in the slices.
        plan: Learns which slices are behind.

    Returns:
        The columns as of the last commit.
    """
    columns = AccountColumns()
    stored = parse_rows(_copy_out(connection, _COPY_ACCOUNTS), _ACCOUNT_COLUMNS)
    if len(stored) == 0:
        return columns
    assert int(stored["slot"][-1]) == len(stored) - 1, "account slots must be dense"
    totals = np.zeros((4, len(stored)), np.int64)
    as_of_ns = np.zeros(-(-len(stored) // SLICE_ACCOUNTS), np.int64)
    for slice_, slice_as_of_ns, data in connection.execute(_SLICES):
        part = read_slice(data)
        first = slice_ * SLICE_ACCOUNTS
        totals[:, first : first + part.shape[1]] = part
        as_of_ns[slice_] = slice_as_of_ns
    fields = np.array([stored[name] for name in ("ledger", "flags", "code", "institution")], np.int32)
    columns.load(stored["id_hi"].astype(np.uint64), stored["id_lo"].astype(np.uint64), fields, totals)
    later = parse_rows(
        _copy_out(connection, _COPY_LATER.format(after_ns=int(replay_from_ns))), _LATER_COLUMNS
    )
    if len(later):
        _replay(columns, later, as_of_ns, plan)
    return columns


def _copy_out(connection: psycopg.Connection, statement: str) -> bytes:
    with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        return b"".join(bytes(block) for block in copy)


def _replay(
    columns: AccountColumns,
    later: NDArray[np.void],
    as_of_ns: NDArray[np.int64],
    plan: SlicePlan | None,
) -> None:
    timestamp_ns = later["timestamp_ns"].astype(np.int64)
    flags = later["flags"].astype(np.int64)
    amount = later["amount"].astype(np.int64)
    reserved = later["reserved"].astype(np.int64)
    settling = flags & (_POST | _VOID) != 0
    pending_change = np.where(settling, -reserved, np.where(flags & _PENDING != 0, amount, 0))
    posted_change = np.where(flags & (_PENDING | _VOID) != 0, 0, amount)
    for side, pending_total, posted_total in (
        ("debit", DEBITS_PENDING, DEBITS_POSTED),
        ("credit", CREDITS_PENDING, CREDITS_POSTED),
    ):
        slots = columns.index.find(
            later[side + "_account_hi"].astype(np.uint64), later[side + "_account_lo"].astype(np.uint64)
        )
        unseen = timestamp_ns > as_of_ns[slots // SLICE_ACCOUNTS]
        np.add.at(columns.totals[pending_total], slots[unseen], pending_change[unseen])
        np.add.at(columns.totals[posted_total], slots[unseen], posted_change[unseen])
        if plan is not None and unseen.any():
            plan.mark(slots[unseen], int(timestamp_ns[unseen].min()))
