"""From transfers to account entries: a background worker that follows the book.

The bookkeeper commits in the order of timestamps, so what is visible is always complete up to its newest
transfer. The projection keeps the timestamp up to which it has come (the *watermark*) and moves it in the same
transaction in which it writes the entries. So each transfer is projected exactly once, whenever the worker
dies; and a second worker waits for the row of the watermark, then goes on where the first one ended.
"""

import threading
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from karez.ledger.array_parameters import ArrayParameter, array_cursor, integer_array, uuid_array
from karez.ledger.copy_rows import parse_rows
from karez.ledger.known_totals import KnownTotals
from karez.ledger.running_totals import running_totals
from karez.storage.jobs_worker import keep_working

SLICE_TRANSFERS = 20_000
_KNOWN_ACCOUNTS_MAX = 1_000_000

_LOCK = """
SELECT p.watermark_ns, w.last_timestamp_ns
FROM projection p JOIN book_writer w ON w.last_timestamp_ns > p.watermark_ns
WHERE p.name = 'account_entry' FOR UPDATE OF p
"""
_ADVANCE = "UPDATE projection SET watermark_ns = %s WHERE name = 'account_entry'"
_MOVEMENT_COLUMNS = [
    ("id", "uuid"),
    ("timestamp_ns", "bigint"),
    ("debit_account", "uuid"),
    ("credit_account", "uuid"),
    ("debit_institution", "integer"),
    ("credit_institution", "integer"),
    ("operation_id", "uuid"),
    ("amount", "bigint"),
    ("flags", "integer"),
    ("code", "integer"),
    ("pending_change", "bigint"),
    ("posted_change", "bigint"),
]
_COPY_MOVEMENTS = """
COPY (
    SELECT id, timestamp_ns, debit_account, credit_account, debit_institution, credit_institution,
           coalesce(operation_id, '00000000-0000-0000-0000-000000000000'),
           amount, flags, code, pending_change, posted_change
    FROM transfer_movement WHERE timestamp_ns > %s AND timestamp_ns <= %s ORDER BY timestamp_ns LIMIT %s
) TO STDOUT (FORMAT BINARY)
"""
_INSERT_ENTRIES = """
INSERT INTO account_entry (
    account, timestamp_ns, institution, party, transfer_id, operation_id, counterparty, side, amount, flags, code,
    debits_pending, debits_posted, credits_pending, credits_posted
)
SELECT account, timestamp_ns, institution, nullif(party, '00000000-0000-0000-0000-000000000000'), transfer_id,
       nullif(operation_id, '00000000-0000-0000-0000-000000000000'), counterparty, side, amount, flags, code,
       dp, dd, cp, cd
FROM (
    SELECT unnest(%s::uuid[]) AS account, unnest(%s::bigint[]) AS timestamp_ns,
           unnest(%s::integer[]) AS institution, unnest(%s::uuid[]) AS party,
           unnest(%s::uuid[]) AS transfer_id, unnest(%s::uuid[]) AS operation_id,
           unnest(%s::uuid[]) AS counterparty, unnest(%s::smallint[]) AS side, unnest(%s::bigint[]) AS amount,
           unnest(%s::integer[]) AS flags, unnest(%s::integer[]) AS code, unnest(%s::bigint[]) AS dp,
           unnest(%s::bigint[]) AS dd, unnest(%s::bigint[]) AS cp, unnest(%s::bigint[]) AS cd
) entry
"""


class EntryProjector:
    """Projects slice after slice and remembers the totals it has reached."""

    def __init__(self) -> None:
        self._known = KnownTotals()
        self._known_at_ns = 0

    def project(self, connection: psycopg.Connection[Any], limit_transfers: int) -> int:
        """Append the entries of the next transfers after the watermark, in one transaction.

        Args:
            connection: An autocommit connection of the worker's login role.
            limit_transfers: How many transfers at most.

        Returns:
            How many transfers were projected; fewer than the limit if these were all.
        """
        known, self._known = self._known, KnownTotals()
        with connection.transaction():
            row = connection.execute(_LOCK).fetchone()
            if row is None:
                self._known = known
                return 0
            watermark_ns, last_ns = row
            if self._known_at_ns != watermark_ns or len(known) > _KNOWN_ACCOUNTS_MAX:
                known = KnownTotals()
            movements = _copy_movements(connection, watermark_ns, last_ns, limit_transfers)
            if len(movements):
                with array_cursor(connection) as cursor:
                    cursor.execute(_INSERT_ENTRIES, _make_entries(connection, movements, known))
            reached_ns = last_ns if len(movements) < limit_transfers else int(movements["timestamp_ns"][-1])
            connection.execute(_ADVANCE, (reached_ns,))
        # Only now it is sure that these totals are those of the watermark.
        self._known, self._known_at_ns = known, reached_ns
        return len(movements)


def project_entries(connection: psycopg.Connection[Any], limit_transfers: int) -> int:
    """Append the entries of the next transfers once; for a worker that goes on, see ``run_projector``.

    Args:
        connection: An autocommit connection of the worker's login role.
        limit_transfers: How many transfers at most.

    Returns:
        How many transfers were projected.
    """
    return EntryProjector().project(connection, limit_transfers)


def run_projector(conninfo: str, stop: threading.Event, slice_transfers: int = SLICE_TRANSFERS) -> None:
    """Keep the entries up to date until told to stop; survives the loss of the server.

    Args:
        conninfo: Connection string of the worker's login role.
        stop: Set it to end after the current slice.
        slice_transfers: How many transfers go into one transaction.
    """
    projector = EntryProjector()

    def work(connection: psycopg.Connection[Any]) -> int:
        return projector.project(connection, slice_transfers)

    keep_working(conninfo, work, stop, portion=slice_transfers, longest_pause_s=0.1)


def _copy_movements(
    connection: psycopg.Connection[Any], after_ns: int, until_ns: int, limit: int
) -> NDArray[np.void]:
    with connection.cursor() as cursor, cursor.copy(_COPY_MOVEMENTS, (after_ns, until_ns, limit)) as copy:
        return parse_rows(b"".join(bytes(block) for block in copy), _MOVEMENT_COLUMNS)


def _make_entries(
    connection: psycopg.Connection[Any], movements: NDArray[np.void], known: KnownTotals
) -> list[ArrayParameter]:
    """Return the columns of the entries of some movements, sorted by account, and bring the totals forward."""
    account_hi, counterparty_hi = _both_legs(movements, "{}_account_hi", np.uint64)
    account_lo, counterparty_lo = _both_legs(movements, "{}_account_lo", np.uint64)
    institution, _ = _both_legs(movements, "{}_institution", np.int32)
    slots = known.slots(connection, account_hi, account_lo)
    # Legs lie in the order of time, and a stable sort keeps it within each account.
    order = np.argsort(slots, kind="stable")
    slots = slots[order]
    origin, is_credit = np.divmod(order, 2)
    moved = movements[origin]
    changes = np.zeros((len(order), 2, 2), np.int64)
    legs = np.arange(len(order))
    changes[legs, is_credit, 0] = moved["pending_change"]
    changes[legs, is_credit, 1] = moved["posted_change"]
    totals = running_totals(slots, changes.reshape(-1, 4), known.totals)
    return [
        uuid_array(account_hi[order], account_lo[order]),
        integer_array(moved["timestamp_ns"]),
        integer_array(institution[order], "integer"),
        uuid_array(known.party_hi[slots], known.party_lo[slots]),
        uuid_array(moved["id_hi"], moved["id_lo"]),
        uuid_array(moved["operation_id_hi"], moved["operation_id_lo"]),
        uuid_array(counterparty_hi[order], counterparty_lo[order]),
        integer_array(1 - 2 * is_credit, "smallint"),
        integer_array(moved["amount"]),
        integer_array(moved["flags"], "integer"),
        integer_array(moved["code"], "integer"),
        *(integer_array(totals[:, kind]) for kind in range(4)),
    ]


def _both_legs(
    movements: NDArray[np.void], name: str, type_: type[np.generic]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return a field of each leg and the same of its counterpart; debit and credit legs take turns."""
    debit, credit = movements[name.format("debit")], movements[name.format("credit")]
    own = np.stack([debit, credit], axis=1).astype(type_)
    return own.ravel(), own[:, ::-1].ravel()
