"""Doing jobs that call somebody outside, such as a bank: never with a transaction open over the call.

The work has three steps: taking a lease (committed), the call, the result (committed with ``finish_leases``).
A lease is a promise to be done by a moment; until then the job is not due for anybody else. When the worker
dies the lease runs out and the job is taken again, so the call may happen twice: send the job's id as
idempotency key.

    leases = take_leases(connection, ["notify"], now_ns, lease_s=60)
    ...  # calls, no transaction open
    with connection.transaction():
        finish_leases(connection, done)
        fail_leases(connection, [(lease, error)], rule, now_ns, chance)
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import psycopg

from karez.core.outcomes import Unavailable
from karez.storage.jobs import DEFAULT_QUEUE, Job, job_from_row
from karez.storage.jobs_retry import DEFAULT_RETRY, Chance, Failure, RetryRule, Settled, bury, settle_failures

_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Lease:
    """A job that is this worker's until a moment.

    Attributes:
        job: The job.
        taken_until_ns: From then on others may take it.
    """

    job: Job
    taken_until_ns: int


# A job on lease is one that is due later, so it needs no state of its own. The attempt counts from the start,
# because a worker that is killed by the job cannot count it. Similar jobs are let in again from here on, as
# the handler has read what it acts upon.
_TAKE = """
UPDATE job SET run_at_ns = %s, attempts = attempts + 1, dedupe_key = NULL
WHERE id = ANY(ARRAY(SELECT lock_due_jobs(%s, %s, %s, %s)))
RETURNING id, queue, kind, payload::text, priority, run_at_ns, attempts - 1, dedupe_key, created_ns
"""
_END = """
DELETE FROM job USING unnest(%s::uuid[], %s::bigint[]) held (id, taken_until_ns)
WHERE job.id = held.id AND job.run_at_ns = held.taken_until_ns
RETURNING job.id
"""


def take_leases(
    conn: psycopg.Connection[Any],
    kinds: Sequence[str],
    now_ns: int,
    lease_s: float,
    *,
    queue: str = DEFAULT_QUEUE,
    limit: int = 20,
    retry: RetryRule = DEFAULT_RETRY,
) -> list[Lease]:
    """Take jobs that are due, and commit that they are taken.

    A job whose leases ran out again and again, because its worker died each time, is put among the dead
    instead.

    Args:
        conn: A connection of the worker's login role, outside any transaction.
        kinds: The kinds of job that the caller can do.
        now_ns: The present moment.
        lease_s: How long the work may take, more than 0.
        queue: From where to take them.
        limit: How many at most.
        retry: Tells how many attempts a job has.
    """
    taken_until_ns = now_ns + round(lease_s * _NANOSECONDS)
    if taken_until_ns <= now_ns:
        raise ValueError(f"a lease of {lease_s} s is over before it begins")
    with conn.transaction():
        rows = conn.execute(_TAKE, (taken_until_ns, queue, list(kinds), now_ns, limit)).fetchall()
        leases = [Lease(job_from_row(row), taken_until_ns) for row in rows]
        exhausted = [lease for lease in leases if lease.job.attempts >= retry.max_attempts]
        if exhausted:
            finish_leases(conn, exhausted)
            bury(conn, [_without_result(lease.job) for lease in exhausted], now_ns)
    return [lease for lease in leases if lease.job.attempts < retry.max_attempts]


def finish_leases(conn: psycopg.Connection[Any], leases: Sequence[Lease]) -> set[UUID]:
    """Acknowledge jobs that are done, in the transaction that writes their results.

    Args:
        conn: In the caller's transaction.
        leases: As they were taken.

    Returns:
        Ids of the jobs that still were the caller's. Of the others the lease has run out and somebody else
        has taken the job: their results are not to be written.
    """
    held = ([lease.job.id for lease in leases], [lease.taken_until_ns for lease in leases])
    return {id_ for (id_,) in conn.execute(_END, held).fetchall()}


def fail_leases(
    conn: psycopg.Connection[Any],
    failures: Sequence[tuple[Lease, Exception]],
    rule: RetryRule,
    now_ns: int,
    chance: Chance,
) -> Settled:
    """Give back jobs that failed, for another try or among the dead; those that were lost are left alone.

    Args:
        conn: In the caller's transaction.
        failures: The leases and what went wrong.
        rule: When to try again.
        now_ns: The present moment.
        chance: Gives a new number from 0 up to 1 at each call.
    """
    held = finish_leases(conn, [lease for lease, _ in failures])
    ours = [Failure(lease.job, error) for lease, error in failures if lease.job.id in held]
    return settle_failures(conn, ours, rule, now_ns, chance)


def _without_result(job: Job) -> Failure:
    error = Unavailable(
        "job_gave_no_result",
        f"{job.attempts} workers took this job and none came back with a result; look for what stops them in "
        "their logs, then put the job back.",
    )
    return Failure(replace(job, attempts=job.attempts - 1), error)
