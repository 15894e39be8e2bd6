"""Reading accounts, transfers, operations and units as the caller may see them."""

from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from karez.channels.api.views import AccountView, OperationView, TransferView, UnitView

Connection = psycopg.Connection[Any]

_ACCOUNT = "SELECT id, ledger, code, institution, flags, party, user_data, timestamp_ns FROM account"
_TRANSFER = """
SELECT id, timestamp_ns, debit_account, credit_account, amount, ledger, code, flags, pending_id,
    coalesce(timeout_s, 0), coalesce(user_data, 0), operation_id, debit_institution, credit_institution
FROM transfer WHERE id = %s
"""
_OPERATION = "SELECT id, kind, institution, actor, timestamp_ns, reply FROM operation WHERE id = %s"
_UNITS = "SELECT number, code, exponent, description FROM unit ORDER BY number"


def find_account(conn: Connection, account: UUID) -> AccountView | None:
    """Return an account, if the caller may see it."""
    row = conn.execute(_ACCOUNT + " WHERE id = %s", (account,)).fetchone()
    return None if row is None else AccountView.from_row(row)


def accounts_page(conn: Connection, after: UUID | None, limit: int) -> list[AccountView]:
    """Return the caller's accounts in the order of their ids.

    Args:
        conn: In a transaction of the caller.
        after: Leave out ids up to this one.
        limit: How many at most.
    """
    condition = "" if after is None else " WHERE id > %(after)s"
    rows = conn.execute(
        _ACCOUNT + condition + " ORDER BY id LIMIT %(limit)s", {"after": after, "limit": limit}
    )
    return [AccountView.from_row(row) for row in rows]


def find_transfer(conn: Connection, transfer: UUID) -> TransferView | None:
    """Return a transfer, if the caller may see it."""
    row = conn.execute(_TRANSFER, (transfer,)).fetchone()
    return None if row is None else TransferView.from_row(row)


def find_operation(conn: Connection, operation: UUID) -> OperationView | None:
    """Return an operation that was carried out, if the caller may see it."""
    row = conn.execute(_OPERATION, (operation,)).fetchone()
    return None if row is None else OperationView.from_row(row)


def units(conn: Connection) -> list[UnitView]:
    """Return all units in the order of their numbers."""
    with conn.cursor(row_factory=class_row(UnitView)) as cursor:
        return cursor.execute(_UNITS).fetchall()
