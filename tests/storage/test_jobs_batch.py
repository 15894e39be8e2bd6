"""Doing jobs: effect and acknowledgement are one."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import psycopg
import pytest

from karez.core.outcomes import Rejected, Unavailable
from karez.storage.database import Database, connect
from karez.storage.jobs import Job, enqueue
from karez.storage.jobs_batch import BatchOutcome, run_batch
from karez.storage.jobs_dead import list_dead_jobs
from karez.storage.jobs_retry import RetryRule
from tests.storage.effects import (
    NOW_NS,
    SECOND_NS,
    create_effect_table,
    mark,
    marks,
    new_job,
    no_chance,
    number_of,
    once_each,
    once_each_of,
    put_jobs,
    set_at_the_end,
    waiting_count,
)

POISON = 7


@pytest.fixture
def worker(database: Database) -> Iterator[psycopg.Connection[Any]]:
    create_effect_table(database)
    with connect(database.worker) as conn:
        yield conn


def mark_or_choke(conn: psycopg.Connection[Any], jobs: Sequence[Job]) -> None:
    """Leaves the marks of all jobs, then fails if the poisonous one is among them."""
    mark(conn, jobs)
    if POISON in [number_of(job) for job in jobs]:
        raise ZeroDivisionError("poison")


def test_the_neighbours_of_a_poisonous_job_succeed(worker: psycopg.Connection[Any]) -> None:
    put_jobs(worker, 20)
    outcome = run_batch(worker, {"mark": mark_or_choke}, NOW_NS, no_chance)
    assert outcome == BatchOutcome(done=19, retried=1, dead=0)
    assert marks(worker) == once_each(20) - once_each_of(POISON)


def test_a_poisonous_job_ends_among_the_dead_with_its_error(worker: psycopg.Connection[Any]) -> None:
    enqueue(worker, [new_job(POISON)], NOW_NS)
    rule = RetryRule(max_attempts=3)
    now_ns = NOW_NS
    for _ in range(2):
        assert run_batch(worker, {"mark": mark_or_choke}, now_ns, no_chance, retry=rule).retried == 1
        now_ns += 3_600 * SECOND_NS
    assert run_batch(worker, {"mark": mark_or_choke}, now_ns, no_chance, retry=rule).dead == 1
    assert waiting_count(worker) == 0
    assert marks(worker) == {}
    (dead,) = list_dead_jobs(worker, 10)
    assert (dead.attempts, dead.died_ns, dead.error) == (3, now_ns, "ZeroDivisionError: poison")


def test_a_failed_job_comes_back_after_its_pause_and_knows_its_attempts(
    worker: psycopg.Connection[Any],
) -> None:
    seen: list[Job] = []

    def fail_first(conn: psycopg.Connection[Any], jobs: Sequence[Job]) -> None:
        seen.extend(jobs)
        if jobs[0].attempts == 0:
            raise ValueError("not yet")

    rule = RetryRule(first_pause_s=10)
    enqueue(worker, [new_job(1)], NOW_NS)
    run_batch(worker, {"mark": fail_first}, NOW_NS, lambda: 0.5, retry=rule)
    due_ns = NOW_NS + 7_500_000_000
    assert run_batch(worker, {"mark": fail_first}, due_ns - 1, no_chance).taken == 0
    assert run_batch(worker, {"mark": fail_first}, due_ns, no_chance).done == 1
    assert [job.attempts for job in seen] == [0, 1]
    assert seen[0].id == seen[1].id


def test_a_rejected_job_is_not_tried_again(worker: psycopg.Connection[Any]) -> None:
    def reject(conn: psycopg.Connection[Any], jobs: Sequence[Job]) -> None:
        raise Rejected("account_closed", "The account 7 is closed.")

    put_jobs(worker, 1)
    assert run_batch(worker, {"mark": reject}, NOW_NS, no_chance).dead == 1
    assert list_dead_jobs(worker, 1)[0].error == "Rejected: account_closed: The account 7 is closed."


def test_what_is_unavailable_says_how_long_to_wait(worker: psycopg.Connection[Any]) -> None:
    def find_it_closed(conn: psycopg.Connection[Any], jobs: Sequence[Job]) -> None:
        raise Unavailable("bank_closed", "The bank opens in an hour.", retry_after_s=3_600)

    put_jobs(worker, 1)
    run_batch(worker, {"mark": find_it_closed}, NOW_NS, no_chance)
    assert run_batch(worker, {"mark": mark}, NOW_NS + 3_599 * SECOND_NS, no_chance).taken == 0
    assert run_batch(worker, {"mark": mark}, NOW_NS + 3_600 * SECOND_NS, no_chance).done == 1


def test_a_statement_that_fails_spoils_only_its_own_job(worker: psycopg.Connection[Any]) -> None:
    def divide(conn: psycopg.Connection[Any], jobs: Sequence[Job]) -> None:
        mark(conn, jobs)
        for job in jobs:
            conn.execute("SELECT 1 / %s", (number_of(job),))

    put_jobs(worker, 10)
    assert run_batch(worker, {"mark": divide}, NOW_NS, no_chance) == BatchOutcome(9, 1, 0)
    assert marks(worker) == once_each(10) - once_each_of(0)


@pytest.mark.parametrize("text", ["zero\x00byte", "half \ud800 a character", "long" * 10_000])
def test_an_error_of_any_text_can_be_kept(worker: psycopg.Connection[Any], text: str) -> None:
    def fail(conn: psycopg.Connection[Any], jobs: Sequence[Job]) -> None:
        raise ValueError(text)

    put_jobs(worker, 1)
    outcome = run_batch(worker, {"mark": fail}, NOW_NS, no_chance, retry=RetryRule(max_attempts=1))
    assert outcome.dead == 1
    assert list_dead_jobs(worker, 1)[0].error.startswith("ValueError: ")


def test_jobs_of_unknown_kinds_wait_for_workers_that_know_them(worker: psycopg.Connection[Any]) -> None:
    enqueue(worker, [new_job(1, kind="paint"), new_job(2)], NOW_NS)
    assert run_batch(worker, {"mark": mark}, NOW_NS, no_chance).done == 1
    assert run_batch(worker, {"paint": mark}, NOW_NS, no_chance).done == 1


def test_urgent_jobs_go_first_and_then_those_that_are_due_longest(worker: psycopg.Connection[Any]) -> None:
    order: list[int] = []

    def note(conn: psycopg.Connection[Any], jobs: Sequence[Job]) -> None:
        order.extend(number_of(job) for job in jobs)

    jobs = [
        new_job(4, priority=1),
        new_job(3, run_at_ns=NOW_NS),
        new_job(2, run_at_ns=NOW_NS - 1),
        new_job(1, priority=-1),
        new_job(5, priority=-1, run_at_ns=NOW_NS + 1),
    ]
    enqueue(worker, jobs, NOW_NS)
    run_batch(worker, {"mark": note}, NOW_NS, no_chance, limit=3)
    run_batch(worker, {"mark": note}, NOW_NS, no_chance)
    assert order == [1, 2, 3, 4]


def test_each_queue_has_its_own_workers(worker: psycopg.Connection[Any]) -> None:
    enqueue(worker, [new_job(1, queue="slow"), new_job(2)], NOW_NS)
    run_batch(worker, {"mark": mark}, NOW_NS, no_chance)
    assert marks(worker) == {2: 1}
    run_batch(worker, {"mark": mark}, NOW_NS, no_chance, queue="slow")
    assert marks(worker) == {1: 1, 2: 1}


def test_a_job_may_put_the_next_step_under_its_own_key(worker: psycopg.Connection[Any]) -> None:
    def mark_and_go_on(conn: psycopg.Connection[Any], jobs: Sequence[Job]) -> None:
        mark(conn, jobs)
        following = [new_job(number_of(job) + 1, dedupe_key=job.dedupe_key) for job in jobs]
        assert enqueue(conn, following, NOW_NS) == len(jobs)

    enqueue(worker, [new_job(0, dedupe_key="application 7")], NOW_NS)
    for _ in range(3):
        run_batch(worker, {"mark": mark_and_go_on}, NOW_NS, no_chance)
    assert marks(worker) == once_each(3)


def test_a_failed_job_gives_way_to_one_of_its_key_that_was_added_meanwhile(
    worker: psycopg.Connection[Any],
) -> None:
    def hand_over(conn: psycopg.Connection[Any], jobs: Sequence[Job]) -> None:
        enqueue(conn, [new_job(2, kind="mark", dedupe_key="totals")], NOW_NS)

    def fail(conn: psycopg.Connection[Any], jobs: Sequence[Job]) -> None:
        raise ValueError("failed")

    enqueue(worker, [new_job(1, kind="fail", dedupe_key="totals"), new_job(3, kind="hand over")], NOW_NS)
    run_batch(worker, {"fail": fail, "hand over": hand_over}, NOW_NS, no_chance)
    run_batch(worker, {"mark": mark}, NOW_NS, no_chance)
    assert marks(worker) == {2: 1}
    assert waiting_count(worker) == 0


def test_jobs_at_work_are_nobody_elses(database: Database, worker: psycopg.Connection[Any]) -> None:
    at_work, may_end = Event(), Event()

    def slow_mark(conn: psycopg.Connection[Any], jobs: Sequence[Job]) -> None:
        mark(conn, jobs)
        at_work.set()
        may_end.wait()

    put_jobs(worker, 30)
    with ThreadPoolExecutor() as threads, set_at_the_end(may_end), connect(database.worker) as second:
        first = threads.submit(run_batch, worker, {"mark": slow_mark}, NOW_NS, no_chance, limit=20)
        at_work.wait()
        assert run_batch(second, {"mark": mark}, NOW_NS, no_chance).done == 10
        assert run_batch(second, {"mark": mark}, NOW_NS, no_chance).taken == 0
        may_end.set()
        assert first.result().done == 20
        assert marks(second) == once_each(30)
