"""Jobs that call somebody outside, with no transaction open over the call."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from karez.storage.database import Database, connect
from karez.storage.jobs import enqueue
from karez.storage.jobs_dead import list_dead_jobs
from karez.storage.jobs_lease import Lease, fail_leases, finish_leases, take_leases
from karez.storage.jobs_retry import RetryRule, Settled
from tests.storage.effects import NOW_NS, SECOND_NS, new_job, no_chance, number_of, put_jobs, waiting_count

LEASE_S = 60
LEASE_NS = LEASE_S * SECOND_NS


@pytest.fixture
def worker(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with connect(database.worker) as conn:
        yield conn


def take(conn: psycopg.Connection[Any], now_ns: int = NOW_NS, **choices: Any) -> list[Lease]:
    return take_leases(conn, ["mark"], now_ns, LEASE_S, **choices)


def test_a_job_on_lease_is_nobody_elses_and_no_transaction_is_open(
    database: Database, worker: psycopg.Connection[Any]
) -> None:
    put_jobs(worker, 3)
    leases = take(worker, limit=2)
    assert [lease.taken_until_ns for lease in leases] == [NOW_NS + LEASE_NS] * 2
    assert worker.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    with connect(database.worker) as second:
        assert len(take(second)) == 1
        assert take(second, NOW_NS + LEASE_NS - 1) == []


def test_a_finished_job_is_gone(worker: psycopg.Connection[Any]) -> None:
    put_jobs(worker, 2)
    leases = take(worker)
    assert finish_leases(worker, leases) == {lease.job.id for lease in leases}
    assert waiting_count(worker) == 0


def test_a_result_that_is_rolled_back_leaves_the_lease(worker: psycopg.Connection[Any]) -> None:
    put_jobs(worker, 1)
    leases = take(worker)
    with worker.transaction(force_rollback=True):
        finish_leases(worker, leases)
    assert take(worker) == []
    assert len(take(worker, NOW_NS + LEASE_NS)) == 1


def test_who_was_too_slow_learns_that_the_job_is_somebody_elses(worker: psycopg.Connection[Any]) -> None:
    put_jobs(worker, 1)
    slow = take(worker)
    quick = take(worker, NOW_NS + LEASE_NS)
    assert [lease.job.attempts for lease in slow + quick] == [0, 1]
    assert finish_leases(worker, slow) == set()
    assert fail_leases(worker, [(slow[0], ValueError())], RetryRule(), NOW_NS, no_chance) == Settled(0, 0)
    assert finish_leases(worker, quick) == {quick[0].job.id}


def test_who_was_slow_but_not_overtaken_may_still_finish(worker: psycopg.Connection[Any]) -> None:
    put_jobs(worker, 1)
    leases = take(worker)
    assert finish_leases(worker, leases) == {leases[0].job.id}
    assert take(worker, NOW_NS + 2 * LEASE_NS) == []


def test_a_call_that_fails_is_tried_again_and_then_given_up(worker: psycopg.Connection[Any]) -> None:
    rule = RetryRule(max_attempts=2, first_pause_s=10)
    put_jobs(worker, 1)
    (lease,) = take(worker, retry=rule)
    error = TimeoutError("no answer")
    assert fail_leases(worker, [(lease, error)], rule, NOW_NS, no_chance) == Settled(1, 0)
    assert take(worker, NOW_NS + 5 * SECOND_NS - 1, retry=rule) == []
    (lease,) = take(worker, NOW_NS + 5 * SECOND_NS, retry=rule)
    assert fail_leases(worker, [(lease, error)], rule, NOW_NS, no_chance) == Settled(0, 1)
    (dead,) = list_dead_jobs(worker, 10)
    assert (dead.attempts, dead.error) == (2, "TimeoutError: no answer")


def test_a_job_that_kills_its_workers_is_given_up(worker: psycopg.Connection[Any]) -> None:
    rule = RetryRule(max_attempts=3)
    put_jobs(worker, 1)
    for death in range(3):
        assert len(take(worker, NOW_NS + death * LEASE_NS, retry=rule)) == 1
    assert take(worker, NOW_NS + 3 * LEASE_NS, retry=rule) == []
    (dead,) = list_dead_jobs(worker, 10)
    assert (dead.attempts, waiting_count(worker)) == (3, 0)
    assert "job_gave_no_result" in dead.error


def test_a_job_on_lease_keeps_no_similar_job_away(worker: psycopg.Connection[Any]) -> None:
    enqueue(worker, [new_job(1, dedupe_key="notice")], NOW_NS)
    (lease,) = take(worker)
    assert enqueue(worker, [new_job(2, dedupe_key="notice")], NOW_NS) == 1
    assert fail_leases(worker, [(lease, ValueError())], RetryRule(), NOW_NS, no_chance) == Settled(1, 0)
    both = take(worker, NOW_NS + 3_600 * SECOND_NS)
    assert {number_of(lease.job) for lease in both} == {1, 2}


def test_a_lease_of_no_time_is_refused(worker: psycopg.Connection[Any]) -> None:
    with pytest.raises(ValueError, match="over before it begins"):
        take_leases(worker, ["mark"], NOW_NS, 0)
