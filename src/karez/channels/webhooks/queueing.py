"""Writes a delivery for each endpoint that an event concerns; a consumer of the outbox.

Reading an event and queueing its messages commit together, so none is lost and none is queued twice. What happens
while an endpoint is disabled is kept as failed without an attempt: nothing is sent by itself once the endpoint is
enabled again, but its owner can read what was missed and have all of it sent (``log.recover``).
"""

import threading
from typing import Any

import msgspec
import psycopg

from karez.channels.webhooks.messages import message_of
from karez.channels.webhooks.topics import patterns_of
from karez.core.clock import Clock
from karez.storage.jobs_worker import keep_working
from karez.storage.outbox import OutboxEvent, read_events

CONSUMER = "webhooks"

_EVENTS_LIMIT = 500

# Three questions instead of one with OR, so that each has its index.
_QUEUE = """
WITH told AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(messages)s)
        AS m (id uuid, topic text, patterns text[], institutions integer[], parties uuid[], body text)
), concerned AS (
    SELECT told.id AS message, e.id AS endpoint, e.state = 'enabled' AS is_enabled
    FROM told CROSS JOIN LATERAL unnest(told.institutions) concerned (institution)
    JOIN webhook_endpoint e ON e.institution = concerned.institution
    JOIN institution i ON i.number = e.institution AND i.state <> 'suspended'
    WHERE e.state <> 'deleted' AND e.topics && told.patterns
    UNION
    SELECT told.id, e.id, e.state = 'enabled'
    FROM told CROSS JOIN LATERAL unnest(told.parties) concerned (party)
    JOIN webhook_endpoint e ON e.party = concerned.party
    WHERE e.state <> 'deleted' AND e.topics && told.patterns
    UNION
    SELECT told.id, e.id, e.state = 'enabled'
    FROM told JOIN webhook_endpoint e ON e.institution IS NULL AND e.party IS NULL
    WHERE e.state <> 'deleted' AND e.topics && told.patterns
)
INSERT INTO webhook_delivery (endpoint, message, topic, body, state, due_ns, created_ns)
SELECT endpoint, message, topic, body, CASE WHEN is_enabled THEN 'waiting' ELSE 'failed' END,
    CASE WHEN is_enabled THEN %(now_ns)s::bigint END, %(now_ns)s
FROM concerned JOIN told ON told.id = concerned.message
ON CONFLICT DO NOTHING
RETURNING endpoint, state
"""
_IS_ANYBODY_LISTENING = "SELECT EXISTS (SELECT FROM webhook_endpoint WHERE state <> 'deleted')"
_WAKE = "UPDATE webhook_endpoint SET due_ns = least(due_ns, %s) WHERE id = ANY(%s)"


def queue_webhooks(
    conninfo: str, clock: Clock, stop: threading.Event, *, longest_pause_s: float = 0.5
) -> None:
    """Queue messages for what is announced, until told to stop; one of several workers does it at a time.

    Args:
        conninfo: Connection string of the worker's login role.
        clock: Tells when the messages are due: at once.
        stop: Set it to end the loop.
        longest_pause_s: How long an event may wait to be read.
    """
    keep_working(
        conninfo,
        lambda conn: queue_events(conn, clock.now_ns()),
        stop,
        portion=_EVENTS_LIMIT,
        longest_pause_s=longest_pause_s,
    )


def queue_events(conn: psycopg.Connection[Any], now_ns: int, limit: int = _EVENTS_LIMIT) -> int:
    """Read the next events and queue their messages, in one transaction.

    Args:
        conn: As a worker, outside any transaction.
        now_ns: The present moment.
        limit: How many events at most.

    Returns:
        How many events were read.
    """
    with conn.transaction():
        events = read_events(conn, CONSUMER, limit)
        if events and conn.execute(_IS_ANYBODY_LISTENING).fetchone() == (True,):
            parameters = {"messages": _rows(events), "now_ns": now_ns}
            queued = conn.execute(_QUEUE, parameters)
            woken = {endpoint for endpoint, state in queued if state == "waiting"}
            if woken:
                conn.execute(_WAKE, (now_ns, list(woken)))
    return len(events)


def _rows(events: list[OutboxEvent]) -> str:
    messages = [message_of(event) for event in events]
    rows = [{"patterns": patterns_of(each.topic), **msgspec.to_builtins(each)} for each in messages]
    return msgspec.json.encode(rows).decode()
