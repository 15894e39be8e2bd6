"""Asking for background work in the transaction that makes it necessary.

A job is a row. If the transaction rolls back, nobody has asked for anything; if it commits, the work will be
done however often programs or the machine are killed in between:

    with connection.transaction():
        ...  # the rows that call for a receipt
        job = NewJob(new_id(now_ns), "send_receipt", msgspec.Raw(b'{"trade": 7}'), run_at_ns=now_ns)
        enqueue(connection, [job], now_ns)

``jobs_batch`` does work inside the database, ``jobs_lease`` work that calls others, ``jobs_worker`` is the
loop.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
import psycopg

DEFAULT_QUEUE = "default"


@dataclass(frozen=True, slots=True)
class NewJob:
    """Work to be done later.

    Attributes:
        id: A job whose id is already waiting is not added again.
        kind: Chooses the handler.
        payload: JSON for the handler.
        run_at_ns: The earliest moment.
        queue: Workers serve one queue each, so that slow work does not hold up quick work.
        priority: Lower numbers go first among jobs that are due.
        dedupe_key: While a job with this key waits in the queue, another one is not added. Adding one waits
            as long as the first is at work, since only its end tells; so it is not for slow handlers, and not
            for jobs that come from the bookkeeper, which must not wait.
    """

    id: UUID
    kind: str
    payload: msgspec.Raw
    run_at_ns: int
    queue: str = DEFAULT_QUEUE
    priority: int = 0
    dedupe_key: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A job in the hands of a worker.

    Attributes:
        id: As it was given; stays the same over all attempts, so it can make the effect idempotent.
        queue: Where it waited.
        kind: Chooses the handler.
        payload: JSON for the handler.
        priority: Lower numbers go first.
        run_at_ns: When it was due.
        attempts: How often it has been tried before.
        dedupe_key: What kept similar jobs away.
        created_ns: When it was asked for.
    """

    id: UUID
    queue: str
    kind: str
    payload: msgspec.Raw
    priority: int
    run_at_ns: int
    attempts: int
    dedupe_key: str | None
    created_ns: int


def job_from_row(row: Sequence[Any]) -> Job:
    """Read a row of ``job`` with the columns in the order of ``Job``'s attributes, the payload as text."""
    id_, queue, kind, payload, *others = row
    return Job(id_, queue, kind, msgspec.Raw(payload), *others)


# No conflict target: naming one would need the right to read jobs, which those who ask for work do not have.
_ENQUEUE = """
INSERT INTO job (created_ns, id, queue, kind, payload, priority, run_at_ns, dedupe_key)
SELECT %s, u.* FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::jsonb[], %s::smallint[], %s::bigint[],
                           %s::text[]) u
ON CONFLICT DO NOTHING
"""


def enqueue(conn: psycopg.Connection[Any], jobs: Sequence[NewJob], now_ns: int) -> int:
    """Ask for work with one statement, in the caller's transaction.

    Args:
        conn: A connection of any role that may ask for work.
        jobs: The work.
        now_ns: The present moment.

    Returns:
        How many are new; the others wait already, by their id or by their ``dedupe_key``.
    """
    if not jobs:
        return 0
    return conn.execute(
        _ENQUEUE,
        (
            now_ns,
            [job.id for job in jobs],
            [job.queue for job in jobs],
            [job.kind for job in jobs],
            [bytes(job.payload).decode() for job in jobs],
            [job.priority for job in jobs],
            [job.run_at_ns for job in jobs],
            [job.dedupe_key for job in jobs],
        ),
    ).rowcount
