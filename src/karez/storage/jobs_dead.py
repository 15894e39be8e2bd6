"""Jobs that were given up: what they were, why, and how to let them try again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
import psycopg


@dataclass(frozen=True, slots=True)
class DeadJob:
    """A job that was given up.

    Attributes:
        id: The job's id.
        queue: Where it waited.
        kind: What it was to do.
        payload: Its JSON.
        attempts: How often it was tried.
        created_ns: When it was asked for.
        died_ns: When it was given up.
        error: The error of the last attempt.
    """

    id: UUID
    queue: str
    kind: str
    payload: msgspec.Raw
    attempts: int
    created_ns: int
    died_ns: int
    error: str


_LIST = """
SELECT id, queue, kind, payload::text, attempts, created_ns, died_ns, error FROM dead_job
ORDER BY died_ns DESC, id DESC LIMIT %s
"""
_REVIVE = """
WITH revived AS (
    DELETE FROM dead_job WHERE id = ANY(%s) RETURNING *
)
INSERT INTO job (id, queue, kind, payload, priority, run_at_ns, dedupe_key, created_ns)
SELECT id, queue, kind, payload, priority, %s, dedupe_key, created_ns FROM revived
ON CONFLICT DO NOTHING
"""


def list_dead_jobs(conn: psycopg.Connection[Any], limit: int) -> list[DeadJob]:
    """Return the jobs that were given up, the last ones first.

    Args:
        conn: As the operator or as a worker.
        limit: How many at most.
    """
    return [
        DeadJob(id_, queue, kind, msgspec.Raw(payload), *others)
        for id_, queue, kind, payload, *others in conn.execute(_LIST, (limit,)).fetchall()
    ]


def revive_dead_jobs(conn: psycopg.Connection[Any], ids: Sequence[UUID], now_ns: int) -> int:
    """Put dead jobs back into their queues, with all their attempts before them.

    Args:
        conn: As the operator or as a worker.
        ids: Which; those that are not dead are passed over.
        now_ns: The present moment, when they are due.

    Returns:
        How many wait again. A dead job in whose place a job of the same key waits is removed and not counted.
    """
    return conn.execute(_REVIVE, (list(ids), now_ns)).rowcount
