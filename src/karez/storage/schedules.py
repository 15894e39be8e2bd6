"""Work that comes back: every so many seconds, or at the moments of a cron line.

A schedule only puts jobs; it does no work itself. The row lock sees to it that one worker fires a tick, and
the tick and its job commit together. Ticks that were missed, because nobody was there or because a simulated
clock leapt, become one job: a handler asks what is due by now, not which tick it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import psycopg

from karez.core.ids import new_id
from karez.storage.cron import next_cron_ns, parse_cron
from karez.storage.jobs import DEFAULT_QUEUE, NewJob, enqueue

_NANOSECONDS = 1_000_000_000
_FIRE_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Schedule:
    """A job that is put again and again; exactly one of ``every_s`` and ``cron`` is given.

    Attributes:
        name: Unique name.
        kind: The job's kind.
        payload: The job's JSON.
        every_s: Whole seconds between two ticks.
        cron: A line of five fields, in UTC.
        queue: The job's queue.
    """

    name: str
    kind: str
    payload: msgspec.Raw
    every_s: int | None = None
    cron: str | None = None
    queue: str = DEFAULT_QUEUE

    def __post_init__(self) -> None:
        if (self.every_s is None) == (self.cron is None) or (self.every_s is not None and self.every_s <= 0):
            raise ValueError(f"the schedule {self.name} needs every_s above 0 or a cron line, and not both")


# What stays the same is not written, so that every start of every worker may say what it needs.
_PUT = """
INSERT INTO schedule (name, queue, kind, payload, every_s, cron, next_run_ns)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::jsonb[], %s::integer[], %s::text[], %s::bigint[])
ON CONFLICT (name) DO UPDATE SET
    queue = excluded.queue, kind = excluded.kind, payload = excluded.payload,
    every_s = excluded.every_s, cron = excluded.cron,
    next_run_ns = CASE
        WHEN (schedule.every_s, schedule.cron) IS DISTINCT FROM (excluded.every_s, excluded.cron)
        THEN excluded.next_run_ns ELSE schedule.next_run_ns END
WHERE (schedule.queue, schedule.kind, schedule.payload, schedule.every_s, schedule.cron)
    IS DISTINCT FROM (excluded.queue, excluded.kind, excluded.payload, excluded.every_s, excluded.cron)
"""
_IS_ANY_DUE = "SELECT EXISTS (SELECT FROM schedule WHERE next_run_ns <= %s)"
_TAKE = """
SELECT name, kind, payload::text, every_s, cron, queue, next_run_ns FROM schedule
WHERE next_run_ns <= %s ORDER BY next_run_ns, name LIMIT %s FOR UPDATE SKIP LOCKED
"""
_MOVE_ON = """
UPDATE schedule SET next_run_ns = moved.next_run_ns
FROM unnest(%s::text[], %s::bigint[]) moved (name, next_run_ns) WHERE schedule.name = moved.name
"""


def next_run_ns(schedule: Schedule, last_ns: int, now_ns: int) -> int:
    """Return the first tick after now; ticks between the last one and now are passed over.

    Args:
        schedule: The schedule.
        last_ns: A tick of the schedule, from which ``every_s`` is counted.
        now_ns: The present moment, not before ``last_ns``.

    Raises:
        Rejected: ``cron_malformed``.
    """
    if schedule.cron is not None:
        return next_cron_ns(parse_cron(schedule.cron), now_ns)
    assert schedule.every_s is not None
    every_ns = schedule.every_s * _NANOSECONDS
    return now_ns + every_ns - (now_ns - last_ns) % every_ns


def put_schedules(conn: psycopg.Connection[Any], schedules: Sequence[Schedule], now_ns: int) -> None:
    """Make or change schedules, in the caller's transaction; their next ticks stay unless the rhythm changes.

    Args:
        conn: As a worker.
        schedules: With distinct names.
        now_ns: The present moment; a new rhythm begins here, with its first tick after it.

    Raises:
        Rejected: ``cron_malformed``.
    """
    conn.execute(
        _PUT,
        (
            [each.name for each in schedules],
            [each.queue for each in schedules],
            [each.kind for each in schedules],
            [bytes(each.payload).decode() for each in schedules],
            [each.every_s for each in schedules],
            [each.cron for each in schedules],
            [next_run_ns(each, now_ns, now_ns) for each in schedules],
        ),
    )


def drop_schedule(conn: psycopg.Connection[Any], name: str) -> None:
    """End a schedule, in the caller's transaction; a job that it has put stays.

    Args:
        conn: As a worker.
        name: Whose; if there is none, nothing happens.
    """
    conn.execute("DELETE FROM schedule WHERE name = %s", (name,))


def fire_due_schedules(conn: psycopg.Connection[Any], now_ns: int) -> int:
    """Put the jobs of all schedules that are due, one each, in one transaction.

    Args:
        conn: As a worker, outside any transaction.
        now_ns: The present moment.

    Returns:
        How many were put.
    """
    if conn.execute(_IS_ANY_DUE, (now_ns,)).fetchone() == (False,):
        return 0
    with conn.transaction():
        rows = conn.execute(_TAKE, (now_ns, _FIRE_LIMIT)).fetchall()
        if not rows:
            return 0
        due = [
            (Schedule(name, kind, msgspec.Raw(payload), *others), tick_ns)
            for name, kind, payload, *others, tick_ns in rows
        ]
        jobs = [
            NewJob(new_id(now_ns), each.kind, each.payload, run_at_ns=tick_ns, queue=each.queue)
            for each, tick_ns in due
        ]
        enqueue(conn, jobs, now_ns)
        names = [each.name for each, _ in due]
        conn.execute(_MOVE_ON, (names, [next_run_ns(each, tick_ns, now_ns) for each, tick_ns in due]))
    return len(jobs)
