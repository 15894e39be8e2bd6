"""What becomes of a job that failed: more tries after longer and longer pauses, then a place among the dead.

The pause doubles with each attempt and is then spread out, so that jobs which failed together because
something was down do not come back together and bring it down again. With the default rule the pauses are at
most 1, 2, 4 ... 1,024 seconds, so a job is given up after a quarter to half an hour.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from karez.core.outcomes import Rejected, Unavailable
from karez.storage.jobs import Job

Chance = Callable[[], float]

_NANOSECONDS = 1_000_000_000
_ERROR_SIZE_CHARS = 2_000


@dataclass(frozen=True, slots=True)
class RetryRule:
    """How long to go on with a job that fails.

    Attributes:
        max_attempts: After so many failures the job is dead.
        first_pause_s: Pause after the first failure, before it is spread out.
        longest_pause_s: No pause is longer, but one that the failure itself asks for.
    """

    max_attempts: int = 12
    first_pause_s: float = 1.0
    longest_pause_s: float = 3_600.0


DEFAULT_RETRY = RetryRule()


@dataclass(frozen=True, slots=True)
class Failure:
    """A job that failed, and how."""

    job: Job
    error: Exception


@dataclass(frozen=True, slots=True)
class Settled:
    """How many failed jobs will be tried again, and how many are dead."""

    retried: int
    dead: int


_PUT_BACK = """
INSERT INTO job (id, queue, kind, payload, priority, run_at_ns, attempts, dedupe_key, created_ns)
SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::jsonb[], %s::smallint[], %s::bigint[],
                     %s::integer[], %s::text[], %s::bigint[])
ON CONFLICT DO NOTHING
"""
_BURY = """
INSERT INTO dead_job (died_ns, id, queue, kind, payload, priority, attempts, dedupe_key, created_ns, error)
SELECT %s, u.* FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::jsonb[], %s::smallint[], %s::integer[],
                           %s::text[], %s::bigint[], %s::text[]) u
ON CONFLICT (id) DO UPDATE SET
    queue = excluded.queue, kind = excluded.kind, payload = excluded.payload, priority = excluded.priority,
    attempts = excluded.attempts, dedupe_key = excluded.dedupe_key, created_ns = excluded.created_ns,
    died_ns = excluded.died_ns, error = excluded.error
"""


def retry_pause_ns(rule: RetryRule, failures: int, chance: float) -> int:
    """Return the pause before the next attempt: a doubling one, of which the second half is left to chance.

    Args:
        rule: The rule.
        failures: How often the job has failed, 1 or more.
        chance: From 0 up to 1; decides where in the second half of the pause the next attempt falls.
    """
    doublings = min(failures - 1, 62)
    pause_s = min(rule.first_pause_s * 2.0**doublings, rule.longest_pause_s)
    return round(pause_s * (0.5 + chance / 2) * _NANOSECONDS)


def settle_failures(
    conn: psycopg.Connection[Any], failures: Sequence[Failure], rule: RetryRule, now_ns: int, chance: Chance
) -> Settled:
    """Put failed jobs back for another try, or among the dead, in the caller's transaction.

    A job that was ``Rejected`` is dead at once, as the same request would be rejected again. One that found
    something ``Unavailable`` waits at least as long as that asks for.

    Args:
        conn: In the transaction that has taken the jobs out of the queue.
        failures: The jobs and their errors.
        rule: When to try again.
        now_ns: The present moment.
        chance: Gives a new number from 0 up to 1 at each call.
    """
    dead = [each for each in failures if _is_final(each, rule)]
    retried = [each for each in failures if not _is_final(each, rule)]
    if retried:
        _put_back(conn, retried, [now_ns + _pause_ns(each, rule, chance()) for each in retried])
    if dead:
        bury(conn, dead, now_ns)
    return Settled(len(retried), len(dead))


def _is_final(failure: Failure, rule: RetryRule) -> bool:
    return isinstance(failure.error, Rejected) or failure.job.attempts + 1 >= rule.max_attempts


def _pause_ns(failure: Failure, rule: RetryRule, chance: float) -> int:
    pause_ns = retry_pause_ns(rule, failure.job.attempts + 1, chance)
    if isinstance(failure.error, Unavailable) and failure.error.retry_after_s is not None:
        return max(pause_ns, round(failure.error.retry_after_s * _NANOSECONDS))
    return pause_ns


def _put_back(conn: psycopg.Connection[Any], failures: Sequence[Failure], run_at_ns: Sequence[int]) -> None:
    """If a job of the same key was added meanwhile, it does this one's work as well."""
    jobs = [failure.job for failure in failures]
    conn.execute(
        _PUT_BACK,
        (
            [job.id for job in jobs],
            [job.queue for job in jobs],
            [job.kind for job in jobs],
            [bytes(job.payload).decode() for job in jobs],
            [job.priority for job in jobs],
            list(run_at_ns),
            [job.attempts + 1 for job in jobs],
            [job.dedupe_key for job in jobs],
            [job.created_ns for job in jobs],
        ),
    )


def bury(conn: psycopg.Connection[Any], failures: Sequence[Failure], now_ns: int) -> None:
    """Put jobs among the dead, in the transaction that has taken them out of the queue."""
    jobs = [failure.job for failure in failures]
    conn.execute(
        _BURY,
        (
            now_ns,
            [job.id for job in jobs],
            [job.queue for job in jobs],
            [job.kind for job in jobs],
            [bytes(job.payload).decode() for job in jobs],
            [job.priority for job in jobs],
            [job.attempts + 1 for job in jobs],
            [job.dedupe_key for job in jobs],
            [job.created_ns for job in jobs],
            [_describe(failure.error) for failure in failures],
        ),
    )


def _describe(error: Exception) -> str:
    """Name an error in a form that PostgreSQL can keep: no zero bytes, no halves of characters."""
    text = f"{type(error).__name__}: {error}"[:_ERROR_SIZE_CHARS]
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
