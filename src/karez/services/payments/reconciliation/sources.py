"""From which banks a statement is fetched on each day, and until which day it is there.

A bank's day is over at midnight where the bank is; its statement is fetched four hours later, and asked for again and
again until the bank gives it. The next day's is fetched after that, so no day is left out, however long the bank or
Karez did not answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import psycopg
from psycopg.rows import class_row

from karez.core.calendars import Calendar, local_moment_ns
from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, RowInsert, RowUpdate, Scalar
from karez.services.asking import Asking
from karez.storage.selecting import columns_of, select

Connection = psycopg.Connection[Any]

FETCH_HOUR = 4
RETRY_S = 600
_LEASE_S = 120
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class StatementSource:
    """An account of Karez at a bank whose statements are fetched.

    Attributes:
        institution: The bank.
        currency: ISO 4217 letters.
        zone: Where its days begin and end.
        day: The next one of which the statement is fetched.
        due_ns: When that is tried next.
        trouble: Why it did not come the last time; ``None`` if it did.
    """

    institution: int
    currency: str
    zone: str
    day: date
    due_ns: int
    trouble: str | None


class SourceReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A bank whose statements are fetched."""

    bank: int
    currency: str
    zone: str
    first_day: date


_FIND = select(StatementSource, "FROM statement_source WHERE institution = %s AND currency = %s")
_ALL = select(StatementSource, "FROM statement_source ORDER BY institution, currency")
_TAKE = f"""
UPDATE statement_source SET due_ns = %(until_ns)s
WHERE (institution, currency) = (
    SELECT institution, currency FROM statement_source WHERE due_ns <= %(now_ns)s
    ORDER BY due_ns LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
)
RETURNING {columns_of(StatementSource)}
"""  # noqa: S608 - names of our own columns
_MOVE_ON = """
UPDATE statement_source SET day = %(day)s, due_ns = %(due_ns)s, trouble = %(trouble)s
WHERE institution = %(bank)s AND currency = %(currency)s AND due_ns = %(held_ns)s
"""


def fetch_from(
    asking: Asking, kept: StatementSource | None, bank: int, currency: str, zone: str, first_day: date
) -> Operation:
    """Fetch a bank's statements from a day on, or from another day on than until now.

    Args:
        asking: The operator's request.
        kept: What is fetched from there now.
        bank: The bank's institution number; it is linked.
        currency: ISO 4217 letters.
        zone: Where its days begin and end.
        first_day: The first one of which the statement is fetched.

    Rejections: ``zone_unknown``; in the book ``row_exists`` or ``row_state_changed`` after a lost race.
    """
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Rejected(
            "zone_unknown", f"There is no time zone {zone[:40]!r}; use a name such as Asia/Shanghai."
        ) from None
    key: dict[str, Scalar] = {"institution": bank, "currency": currency}
    values: dict[str, Scalar] = {
        "zone": zone,
        "day": first_day.isoformat(),
        "due_ns": fetched_ns(zone, first_day),
        "trouble": None,
    }
    row: RowInsert | RowUpdate = RowInsert(table="statement_source", key=key, values=values)
    if kept is not None:
        row = RowUpdate(
            table="statement_source", key=key, expected={"day": kept.day.isoformat()}, changes=values
        )
    reply = SourceReceipt(bank=bank, currency=currency, zone=zone, first_day=first_day)
    return asking.operation("reconciliation.fetch_from", reply, rows=(row,))


def fetched_ns(zone: str, day: date) -> int:
    """Return when the statement of a day is fetched."""
    return local_moment_ns(Calendar("", zone, {}), day + timedelta(days=1), FETCH_HOUR)


def find_source(conn: Connection, bank: int, currency: str) -> StatementSource | None:
    """Return what is fetched from a bank in a currency, as the operator."""
    with conn.cursor(row_factory=class_row(StatementSource)) as cursor:
        return cursor.execute(_FIND, (bank, currency)).fetchone()


def all_sources(conn: Connection) -> Sequence[StatementSource]:
    """Return all that is fetched, as the operator."""
    with conn.cursor(row_factory=class_row(StatementSource)) as cursor:
        return cursor.execute(_ALL).fetchall()


def take_source(conn: Connection, now_ns: int) -> StatementSource | None:
    """Take a statement that is to be fetched now, and commit that it is taken for two minutes.

    Args:
        conn: As a worker, outside any transaction.
        now_ns: The present moment.
    """
    parameters = {"now_ns": now_ns, "until_ns": now_ns + _LEASE_S * _NANOSECONDS}
    with conn.cursor(row_factory=class_row(StatementSource)) as cursor:
        return cursor.execute(_TAKE, parameters).fetchone()


def move_on(conn: Connection, source: StatementSource) -> None:
    """Record that the statement of a day has come, in the transaction that keeps it; the next day's is next.

    Args:
        conn: As a worker.
        source: As it was taken.
    """
    following = source.day + timedelta(days=1)
    _record(conn, source, following, fetched_ns(source.zone, following), None)


def try_later(conn: Connection, source: StatementSource, trouble: str, now_ns: int) -> None:
    """Record why the statement of a day has not come; it is tried again.

    Args:
        conn: As a worker.
        source: As it was taken.
        trouble: For the operator.
        now_ns: The present moment.
    """
    _record(conn, source, source.day, now_ns + RETRY_S * _NANOSECONDS, trouble)


def _record(conn: Connection, source: StatementSource, day: date, due_ns: int, trouble: str | None) -> None:
    conn.execute(
        _MOVE_ON,
        {
            "day": day,
            "due_ns": due_ns,
            "trouble": trouble,
            "bank": source.institution,
            "currency": source.currency,
            "held_ns": source.due_ns,
        },
    )
