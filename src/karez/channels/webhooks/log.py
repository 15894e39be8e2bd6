"""What an owner sees of its deliveries, and how it has messages sent again or a test message sent."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from karez.channels.webhooks import endpoints
from karez.channels.webhooks.messages import body_of
from karez.channels.webhooks.schedule import State
from karez.core.ids import new_id
from karez.core.outcomes import Rejected

TEST_TOPIC = "webhook.test"

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message for one endpoint.

    Attributes:
        message: The message's id, the same at all endpoints and attempts.
        topic: What happened.
        state: ``waiting``, ``delivered`` or ``failed``.
        attempts: How many there were.
        due_ns: When the next one is due, if it waits.
        created_ns: When it was queued.
    """

    message: UUID
    topic: str
    state: State
    attempts: int
    due_ns: int | None
    created_ns: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to deliver a message.

    Attributes:
        number: From 1.
        at_ns: When it began.
        duration_ms: How long it took.
        status: HTTP status, if there was an answer.
        error: Why there was none, as in ``sender.Answer``.
        answer: The beginning of the answer.
        next_ns: When the next attempt was due then, if one was.
    """

    number: int
    at_ns: int
    duration_ms: int
    status: int | None
    error: str | None
    answer: str
    next_ns: int | None


_PAGE = """
SELECT message, topic, state, attempts, due_ns, created_ns FROM webhook_delivery
WHERE endpoint = %(endpoint)s
    AND (%(state)s::text IS NULL OR state = %(state)s)
    AND (%(after)s::uuid IS NULL OR (created_ns, message) < (
        SELECT created_ns, message FROM webhook_delivery WHERE endpoint = %(endpoint)s AND message = %(after)s
    ))
ORDER BY created_ns DESC, message DESC LIMIT %(limit)s
"""
_DELIVERY = """
SELECT message, topic, state, attempts, due_ns, created_ns FROM webhook_delivery WHERE endpoint = %s AND message = %s
"""
_ATTEMPTS = """
SELECT number, at_ns, duration_ms, status, error, answer, next_ns FROM webhook_attempt
WHERE endpoint = %s AND message = %s ORDER BY number
"""
_AGAIN = "UPDATE webhook_delivery SET state = 'waiting', tries = 0, due_ns = %s WHERE endpoint = %s"
_RESEND = f"{_AGAIN} AND message = %s"
_RECOVER = f"{_AGAIN} AND state = 'failed' AND created_ns >= %s"
_QUEUE = """
INSERT INTO webhook_delivery (endpoint, message, topic, body, state, due_ns, created_ns)
VALUES (%s, %s, %s, %s, 'waiting', %s, %s)
"""
_WAKE = "UPDATE webhook_endpoint SET due_ns = least(due_ns, %s) WHERE id = %s"


def deliveries_page(
    conn: Connection, endpoint: UUID, state: State | None, after: UUID | None, limit: int
) -> list[Delivery]:
    """Return deliveries of an endpoint, the latest first.

    Args:
        conn: In a transaction of its owner or the operator.
        endpoint: The endpoint's id.
        state: Only those in this state; ``None`` is all.
        after: The last message of the page before.
        limit: How many at most.

    Rejections: ``webhook_endpoint_not_found``.
    """
    endpoints.find(conn, endpoint)
    with conn.cursor(row_factory=class_row(Delivery)) as cursor:
        return cursor.execute(
            _PAGE, {"endpoint": endpoint, "state": state, "after": after, "limit": limit}
        ).fetchall()


def find_delivery(conn: Connection, endpoint: UUID, message: UUID) -> Delivery:
    """Return one delivery.

    Args:
        conn: In a transaction of the endpoint's owner or the operator.
        endpoint: The endpoint's id.
        message: The message's id.

    Rejections: ``webhook_endpoint_not_found``, ``webhook_delivery_not_found``.
    """
    endpoints.find(conn, endpoint)
    with conn.cursor(row_factory=class_row(Delivery)) as cursor:
        found = cursor.execute(_DELIVERY, (endpoint, message)).fetchone()
    if found is None:
        raise Rejected(
            "webhook_delivery_not_found",
            f"The endpoint {endpoint} has no message {message}; list its deliveries first.",
        )
    return found


def body_sent(conn: Connection, endpoint: UUID, message: UUID) -> str:
    """Return the body of a delivery that was found."""
    row = conn.execute(
        "SELECT body FROM webhook_delivery WHERE endpoint = %s AND message = %s", (endpoint, message)
    ).fetchone()
    assert row is not None, "the delivery was found in this transaction"
    return str(row[0])


def attempts_at(conn: Connection, endpoint: UUID, message: UUID) -> list[Attempt]:
    """Return the attempts to deliver a message, the first one first."""
    with conn.cursor(row_factory=class_row(Attempt)) as cursor:
        return cursor.execute(_ATTEMPTS, (endpoint, message)).fetchall()


def resend(conn: Connection, endpoint: UUID, message: UUID, now_ns: int) -> Delivery:
    """Have a message sent again, whatever became of it, with a new row of tries.

    Args:
        conn: In a transaction of the endpoint's owner or the operator.
        endpoint: The endpoint's id.
        message: The message's id.
        now_ns: The present moment.

    Rejections: ``webhook_endpoint_not_found``, ``webhook_delivery_not_found``, ``webhook_endpoint_disabled``.
    """
    find_delivery(conn, endpoint, message)
    _check_enabled(conn, endpoint)
    conn.execute(_RESEND, (now_ns, endpoint, message))
    conn.execute(_WAKE, (now_ns, endpoint))
    return find_delivery(conn, endpoint, message)


def recover(conn: Connection, endpoint: UUID, since_ns: int, now_ns: int) -> int:
    """Have everything sent that failed since a moment, as after an outage of the receiver or while it was disabled.

    Args:
        conn: In a transaction of the endpoint's owner or the operator.
        endpoint: The endpoint's id.
        since_ns: Messages from this moment on.
        now_ns: The present moment.

    Returns:
        How many messages that are.

    Rejections: ``webhook_endpoint_not_found``, ``webhook_endpoint_disabled``.
    """
    _check_enabled(conn, endpoint)
    count = conn.execute(_RECOVER, (now_ns, endpoint, since_ns)).rowcount
    conn.execute(_WAKE, (now_ns, endpoint))
    return count


def send_test(conn: Connection, endpoint: UUID, now_ns: int) -> Delivery:
    """Queue a message that says nothing, whatever the endpoint's topics are.

    Args:
        conn: In a transaction of the endpoint's owner or the operator.
        endpoint: The endpoint's id.
        now_ns: The present moment.

    Rejections: ``webhook_endpoint_not_found``, ``webhook_endpoint_disabled``.
    """
    _check_enabled(conn, endpoint)
    message, body = new_id(now_ns), body_of(TEST_TOPIC, now_ns, {})
    conn.execute(_QUEUE, (endpoint, message, TEST_TOPIC, body, now_ns, now_ns))
    conn.execute(_WAKE, (now_ns, endpoint))
    return find_delivery(conn, endpoint, message)


def _check_enabled(conn: Connection, endpoint: UUID) -> None:
    if endpoints.find(conn, endpoint).state != "enabled":
        raise Rejected(
            "webhook_endpoint_disabled",
            f"The endpoint {endpoint} is disabled; enable it first, then repeat this.",
        )
