"""Jobs that were given up, and their return."""

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest

from karez.core.outcomes import Rejected
from karez.storage.database import Database, connect
from karez.storage.jobs import Job, enqueue
from karez.storage.jobs_batch import run_batch
from karez.storage.jobs_dead import list_dead_jobs, revive_dead_jobs
from karez.storage.tenant import as_operator
from tests.storage.effects import (
    NOW_NS,
    create_effect_table,
    mark,
    marks,
    new_job,
    no_chance,
    put_jobs,
    waiting_count,
)


@pytest.fixture
def worker(database: Database) -> Iterator[psycopg.Connection[Any]]:
    create_effect_table(database)
    with connect(database.worker) as conn:
        yield conn


def reject(conn: psycopg.Connection[Any], jobs: Sequence[Job]) -> None:
    raise Rejected("account_closed", "The account is closed.")


def test_the_operator_lets_dead_jobs_try_again(database: Database, worker: psycopg.Connection[Any]) -> None:
    put_jobs(worker, 3)
    run_batch(worker, {"mark": reject}, NOW_NS, no_chance)
    with connect(database.web) as conn, as_operator(conn):
        dead = list_dead_jobs(conn, 10)
        chosen = [job.id for job in dead[:2]]
        assert revive_dead_jobs(conn, chosen, NOW_NS + 1) == 2
        assert [job.id for job in list_dead_jobs(conn, 10)] == [dead[2].id]
    assert run_batch(worker, {"mark": mark}, NOW_NS + 1, no_chance).done == 2


def test_a_revived_job_has_all_its_attempts_before_it(worker: psycopg.Connection[Any]) -> None:
    attempts: list[int] = []

    def note(conn: psycopg.Connection[Any], jobs: Sequence[Job]) -> None:
        attempts.extend(job.attempts for job in jobs)

    put_jobs(worker, 1)
    run_batch(worker, {"mark": reject}, NOW_NS, no_chance)
    revive_dead_jobs(worker, [list_dead_jobs(worker, 1)[0].id], NOW_NS)
    run_batch(worker, {"mark": note}, NOW_NS, no_chance)
    assert attempts == [0]


def test_a_job_that_dies_a_second_time_is_dead_once(worker: psycopg.Connection[Any]) -> None:
    job = new_job(1)
    for died_ns in (NOW_NS, NOW_NS + 5):
        enqueue(worker, [job], NOW_NS)
        run_batch(worker, {"mark": reject}, died_ns, no_chance)
    (dead,) = list_dead_jobs(worker, 10)
    assert dead.died_ns == NOW_NS + 5


def test_a_dead_job_gives_way_to_one_of_its_key_that_waits(worker: psycopg.Connection[Any]) -> None:
    enqueue(worker, [new_job(1, dedupe_key="totals")], NOW_NS)
    run_batch(worker, {"mark": reject}, NOW_NS, no_chance)
    enqueue(worker, [new_job(2, dedupe_key="totals")], NOW_NS)
    assert revive_dead_jobs(worker, [list_dead_jobs(worker, 1)[0].id], NOW_NS) == 0
    run_batch(worker, {"mark": mark}, NOW_NS, no_chance)
    assert marks(worker) == {2: 1}
    assert list_dead_jobs(worker, 1) == []


def test_the_last_to_die_are_listed_first_up_to_the_limit(worker: psycopg.Connection[Any]) -> None:
    for number in range(3):
        enqueue(worker, [new_job(number)], NOW_NS)
        run_batch(worker, {"mark": reject}, NOW_NS + number, no_chance)
    dead = list_dead_jobs(worker, 2)
    assert [job.died_ns - NOW_NS for job in dead] == [2, 1]
    assert bytes(dead[0].payload) == b'{"number": 2}'


def test_reviving_a_job_that_is_not_dead_changes_nothing(worker: psycopg.Connection[Any]) -> None:
    assert revive_dead_jobs(worker, [new_job(1).id], NOW_NS) == 0
    assert waiting_count(worker) == 0
