"""Asking for background work."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any
from uuid import UUID

import psycopg
import pytest

from karez.storage.database import Database, connect
from karez.storage.jobs import enqueue
from karez.storage.jobs_batch import run_batch
from karez.storage.tenant import as_entrance, as_institution, as_operator, as_person
from tests.storage.effects import (
    NOW_NS,
    create_effect_table,
    mark,
    marks,
    new_job,
    no_chance,
    once_each,
    put_jobs,
    set_at_the_end,
    waiting_count,
)


@pytest.fixture
def worker(database: Database) -> Iterator[psycopg.Connection[Any]]:
    create_effect_table(database)
    with connect(database.worker) as conn:
        yield conn


def test_a_job_is_done_with_what_was_asked_for(worker: psycopg.Connection[Any]) -> None:
    enqueue(worker, [new_job(7)], NOW_NS)
    run_batch(worker, {"mark": mark}, NOW_NS, no_chance)
    assert marks(worker) == {7: 1}
    assert waiting_count(worker) == 0


def test_a_transaction_that_is_rolled_back_has_asked_for_nothing(worker: psycopg.Connection[Any]) -> None:
    with worker.transaction(force_rollback=True):
        put_jobs(worker, 10)
    assert waiting_count(worker) == 0


def test_many_jobs_are_asked_for_with_one_statement(worker: psycopg.Connection[Any]) -> None:
    with worker.transaction():
        worker.execute("SET LOCAL statement_timeout = '5s'")
        assert enqueue(worker, [new_job(number) for number in range(5_000)], NOW_NS) == 5_000
    assert waiting_count(worker) == 5_000


def test_asking_for_no_jobs_is_no_statement(worker: psycopg.Connection[Any]) -> None:
    worker.close()
    assert enqueue(worker, [], NOW_NS) == 0


def test_a_job_that_waits_already_is_not_added_again(worker: psycopg.Connection[Any]) -> None:
    job = new_job(1)
    assert enqueue(worker, [job], NOW_NS) == 1
    assert enqueue(worker, [job, new_job(2)], NOW_NS) == 1
    assert waiting_count(worker) == 2


def test_one_job_with_a_key_waits_at_a_time(worker: psycopg.Connection[Any]) -> None:
    keyed = [new_job(number, dedupe_key="statement of account 7") for number in range(2)]
    assert enqueue(worker, keyed, NOW_NS) == 1
    assert enqueue(worker, [new_job(2, dedupe_key="statement of account 7", queue="night")], NOW_NS) == 1
    run_batch(worker, {"mark": mark}, NOW_NS, no_chance)
    assert enqueue(worker, [new_job(3, dedupe_key="statement of account 7")], NOW_NS) == 1


def test_a_job_asked_for_while_its_like_is_at_work_is_not_lost(
    database: Database, worker: psycopg.Connection[Any]
) -> None:
    """The one at work may have read the state from before the change that calls for the new one."""
    at_work, may_end = Event(), Event()

    def slow_mark(conn: psycopg.Connection[Any], jobs: Any) -> None:
        mark(conn, jobs)
        at_work.set()
        may_end.wait()

    enqueue(worker, [new_job(0, dedupe_key="totals")], NOW_NS)
    with ThreadPoolExecutor() as threads, set_at_the_end(may_end), connect(database.worker) as second:
        batch = threads.submit(run_batch, worker, {"mark": slow_mark}, NOW_NS, no_chance)
        at_work.wait()
        asking = threads.submit(enqueue, second, [new_job(1, dedupe_key="totals")], NOW_NS)
        may_end.set()
        assert asking.result() == 1
        batch.result()
        run_batch(second, {"mark": mark}, NOW_NS, no_chance)
        assert marks(second) == once_each(2)


def test_every_kind_of_caller_may_ask_and_only_the_operator_may_look(database: Database) -> None:
    party = UUID(int=1)
    with connect(database.web) as conn:
        callers = [as_institution(conn, 7), as_person(conn, party), as_entrance(conn), as_operator(conn)]
        for caller in callers:
            with caller:
                assert enqueue(conn, [new_job(0)], NOW_NS) == 1
        for caller in [as_institution(conn, 7), as_person(conn, party), as_entrance(conn)]:
            with pytest.raises(psycopg.errors.InsufficientPrivilege), caller:
                waiting_count(conn)
        with as_operator(conn):
            assert waiting_count(conn) == len(callers)


def test_the_bookkeeper_may_ask_for_jobs_and_read_back_their_keys(database: Database) -> None:
    with connect(database.book) as conn:
        assert enqueue(conn, [new_job(0)], NOW_NS) == 1
        assert conn.execute("SELECT count(id) FROM job").fetchone() == (1,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("SELECT payload FROM job")
