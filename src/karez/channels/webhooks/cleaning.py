"""Deletes what nobody needs any more: deliveries that ended long ago, and what is left of deleted endpoints."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import psycopg

from karez.storage.jobs import Job
from karez.storage.jobs_batch import Handler
from karez.storage.schedules import Schedule

KEPT_S = 30 * 86_400

_LIMIT_OF_EACH = 5_000
_NANOSECONDS = 1_000_000_000

# Attempts go with their deliveries. What is waiting is kept, however old.
_DELETE_DELIVERIES = """
DELETE FROM webhook_delivery d USING webhook_endpoint e
CROSS JOIN LATERAL (
    SELECT message FROM webhook_delivery old
    WHERE old.endpoint = e.id AND old.state <> 'waiting' AND (old.created_ns < %s OR e.state = 'deleted')
    ORDER BY old.created_ns, old.message LIMIT %s
) gone
WHERE d.endpoint = e.id AND d.message = gone.message
"""
_DELETE_ENDPOINTS = """
DELETE FROM webhook_endpoint e
WHERE state = 'deleted' AND NOT EXISTS (SELECT FROM webhook_delivery d WHERE d.endpoint = e.id)
"""


def delete_old(conn: psycopg.Connection[Any], before_ns: int, limit_of_each: int = _LIMIT_OF_EACH) -> None:
    """Delete deliveries that ended, if they are old or their endpoint is deleted.

    Args:
        conn: As a worker.
        before_ns: What was queued before this moment is old.
        limit_of_each: How many of each endpoint at most; the rest waits for the next time.
    """
    conn.execute(_DELETE_DELIVERIES, (before_ns, limit_of_each))
    conn.execute(_DELETE_ENDPOINTS)


def _clean(conn: psycopg.Connection[Any], jobs: Sequence[Job]) -> None:
    delete_old(conn, max(job.run_at_ns for job in jobs) - KEPT_S * _NANOSECONDS)


_KIND = "webhooks.clean"

HANDLERS: Mapping[str, Handler] = {_KIND: _clean}
SCHEDULES = (Schedule(_KIND, _KIND, msgspec.Raw(b"{}"), every_s=600),)
