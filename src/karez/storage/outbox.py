"""Reading what operations have announced: every consumer sees every committed event, in order, at least once.

Events are written by the bookkeeper alone, in the transaction of the operation that announces them. Each of
its commits carries a later ``created_ns`` than the one before, so whoever reads in the order of
``(created_ns, id)`` misses none. A consumer's place is a row; reading moves it, in the transaction in which
the consumer acts:

    with connection.transaction():
        for event in read_events(connection, "webhooks", limit=100):
            ...  # rows, or jobs for what lies outside the database

If that transaction does not commit, the same events are read again.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg.pq import TransactionStatus

from karez.core.ids import NIL


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """Something that has happened.

    Attributes:
        id: Receivers use it to drop repetitions.
        topic: What happened, for example ``account.opened``.
        institution: Whose it is.
        operation_id: What made it happen.
        payload: JSON object.
        created_ns: When it was committed.
    """

    id: UUID
    topic: str
    institution: int
    operation_id: UUID
    payload: msgspec.Raw
    created_ns: int


_TAKE_PLACE = "SELECT created_ns, id FROM outbox_cursor WHERE consumer = %s FOR UPDATE SKIP LOCKED"
# Asked before inserting, because an insert would wait for whoever is about to move the place.
_OPEN_PLACE = """
INSERT INTO outbox_cursor (consumer, created_ns, id)
SELECT %(consumer)s, 0, %(id)s WHERE NOT EXISTS (SELECT FROM outbox_cursor WHERE consumer = %(consumer)s)
ON CONFLICT DO NOTHING RETURNING created_ns, id
"""
_READ = """
SELECT id, topic, institution, operation_id, payload::text, created_ns FROM outbox_event
WHERE (created_ns, id) > (%s, %s) AND created_ns <= %s ORDER BY created_ns, id LIMIT %s
"""
_MOVE = "UPDATE outbox_cursor SET created_ns = %s, id = %s WHERE consumer = %s"
_SLOWEST = "SELECT created_ns, id FROM outbox_cursor ORDER BY created_ns, id LIMIT 1"
_DELETE_READ = """
DELETE FROM outbox_event WHERE id = ANY(ARRAY(
    SELECT id FROM outbox_event WHERE (created_ns, id) <= (%s, %s) AND created_ns < %s
    ORDER BY created_ns, id LIMIT %s
))
"""
_LATEST_NS = 2**63 - 1


def read_events(
    conn: psycopg.Connection[Any], consumer: str, limit: int, until_ns: int = _LATEST_NS
) -> list[OutboxEvent]:
    """Return the consumer's next events and move its place behind them, in the caller's transaction.

    Args:
        conn: As a worker, in a transaction.
        consumer: Its name; a new one begins with the oldest event that is kept.
        limit: How many at most.
        until_ns: Events after this moment are left for later. On a distributed PostgreSQL, whose machines do
            not show a commit all at once, pass a moment at least one second ago.

    Returns:
        The events in order; none if there are no more, or while another worker reads for this consumer.
    """
    if conn.info.transaction_status != TransactionStatus.INTRANS:
        raise RuntimeError("reading events moves the consumer's place, so it needs a transaction to act in")
    place = conn.execute(_TAKE_PLACE, (consumer,)).fetchone()
    if place is None:
        place = conn.execute(_OPEN_PLACE, {"consumer": consumer, "id": NIL}).fetchone()
    if place is None:
        return []
    events = [
        OutboxEvent(id_, topic, institution, operation_id, msgspec.Raw(payload), created_ns)
        for id_, topic, institution, operation_id, payload, created_ns in conn.execute(
            _READ, (*place, until_ns, limit)
        )
    ]
    if events:
        conn.execute(_MOVE, (events[-1].created_ns, events[-1].id, consumer))
    return events


def drop_consumer(conn: psycopg.Connection[Any], consumer: str) -> None:
    """Forget the place of a consumer that is no longer run, so that events need not be kept for it."""
    conn.execute("DELETE FROM outbox_cursor WHERE consumer = %s", (consumer,))


def delete_read_events(conn: psycopg.Connection[Any], before_ns: int, limit: int) -> int:
    """Delete old events that every consumer has read; without a consumer, none.

    Args:
        conn: As a worker.
        before_ns: Events from this moment on are kept in any case.
        limit: How many at most.

    Returns:
        How many were deleted; fewer than ``limit`` means that no more can be.
    """
    slowest = conn.execute(_SLOWEST).fetchone()
    if slowest is None:
        return 0
    return conn.execute(_DELETE_READ, (*slowest, before_ns, limit)).rowcount
