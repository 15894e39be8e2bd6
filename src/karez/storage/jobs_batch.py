"""Doing jobs whose whole effect lies in the database: effect and acknowledgement commit together.

A batch of jobs is taken out of the queue, done, and committed in one transaction. The lock on the deleted
rows is the lease: a worker that dies loses its transaction and with it the locks, so the jobs are in the
queue again as if nobody had touched them, and nothing of what they did is left. There is no "running" state
that could get stuck.

Handlers get all jobs of their kind in the batch at once, so that they can write with one statement. They run
in a savepoint. When a batch fails it is halved until the culprits stand alone; their neighbours succeed.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from karez.storage.jobs import DEFAULT_QUEUE, Job, job_from_row
from karez.storage.jobs_retry import DEFAULT_RETRY, Chance, Failure, RetryRule, settle_failures

# Does jobs of one kind: all or, by raising an exception, none. It must neither commit nor roll back, and it
# may be called again with a part of the same jobs once what it wrote has been undone.
Handler = Callable[[psycopg.Connection[Any], Sequence[Job]], None]

# The array makes sure that the function is called once, not for each row of the table.
_TAKE = """
DELETE FROM job WHERE id = ANY(ARRAY(SELECT lock_due_jobs(%s, %s, %s, %s)))
RETURNING id, queue, kind, payload::text, priority, run_at_ns, attempts, dedupe_key, created_ns
"""


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What became of the jobs of a batch.

    Attributes:
        done: Number of jobs that are done.
        retried: Number of jobs that failed and will be tried again.
        dead: Number of jobs that failed for good.
    """

    done: int
    retried: int
    dead: int

    @property
    def taken(self) -> int:
        """Return the number of jobs in the batch."""
        return self.done + self.retried + self.dead


def run_batch(
    conn: psycopg.Connection[Any],
    handlers: Mapping[str, Handler],
    now_ns: int,
    chance: Chance,
    *,
    queue: str = DEFAULT_QUEUE,
    limit: int = 20,
    retry: RetryRule = DEFAULT_RETRY,
) -> BatchOutcome:
    """Take jobs that are due and do them, in one transaction.

    Args:
        conn: A connection of the worker's login role, outside any transaction.
        handlers: By kind of job; jobs of other kinds stay where they are, for workers that know them.
        now_ns: The present moment.
        chance: Gives a new number from 0 up to 1 at each call, to spread out retries.
        queue: From where to take them.
        limit: How many at most. Jobs that lock accounts hold the locks until the whole batch is done: few
            then.
        retry: What to do with those that fail.

    Raises:
        psycopg.OperationalError: The connection is lost; nothing has happened, or everything has.
    """
    with conn.transaction():
        by_kind: dict[str, list[Job]] = defaultdict(list)
        for job in _take(conn, list(handlers), now_ns, queue, limit):
            by_kind[job.kind].append(job)
        failures = [failure for kind, jobs in by_kind.items() for failure in _do(conn, handlers[kind], jobs)]
        settled = settle_failures(conn, failures, retry, now_ns, chance)
    taken = sum(len(jobs) for jobs in by_kind.values())
    return BatchOutcome(taken - len(failures), settled.retried, settled.dead)


def _take(conn: psycopg.Connection[Any], kinds: list[str], now_ns: int, queue: str, limit: int) -> list[Job]:
    rows = conn.execute(_TAKE, (queue, kinds, now_ns, limit)).fetchall()
    return sorted(map(job_from_row, rows), key=lambda job: (job.priority, job.run_at_ns, job.id))


def _do(conn: psycopg.Connection[Any], handler: Handler, jobs: Sequence[Job]) -> list[Failure]:
    """Do jobs of one kind; returns those that cannot be done."""
    try:
        with conn.transaction():
            handler(conn, jobs)
    except Exception as error:
        if conn.closed or conn.broken:
            raise
        if len(jobs) == 1:
            return [Failure(jobs[0], error)]
    else:
        return []
    half = len(jobs) // 2
    return _do(conn, handler, jobs[:half]) + _do(conn, handler, jobs[half:])
