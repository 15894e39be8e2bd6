"""What is left when workers are killed and servers restarted in the middle of their work."""

import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import pytest

from karez.core.clock import SimulatedClock
from karez.storage.database import Database, connect, prepare_database
from karez.storage.embedded import EmbeddedPostgres
from karez.storage.jobs import Job
from karez.storage.jobs_batch import run_batch
from karez.storage.jobs_worker import run_worker
from tests.conftest import SECRET_KEY
from tests.storage.effects import (
    NOW_NS,
    create_effect_table,
    mark,
    marks,
    no_chance,
    once_each,
    put_jobs,
    set_at_the_end,
    waiting_count,
)
from tests.storage.killable_worker import BATCH_LIMIT, killable_worker, let_do


def do_the_rest(conn: psycopg.Connection[Any]) -> None:
    """A killed worker's locks last until the server has noticed its death."""
    while waiting_count(conn):
        if not run_batch(conn, {"mark": mark}, NOW_NS, no_chance).taken:
            time.sleep(0.01)


def test_a_dozen_kills_lose_no_effect_and_double_none(database: Database) -> None:
    create_effect_table(database)
    count = 600
    with connect(database.worker) as conn:
        put_jobs(conn, count)
        for kill in range(12):
            with killable_worker(database) as worker:
                let_do(worker, 1 + (kill * 7) % (2 * BATCH_LIMIT))
        left_count = waiting_count(conn)
        assert count - 12 * BATCH_LIMIT <= left_count < count
        do_the_rest(conn)
        assert marks(conn) == once_each(count)


def test_a_kill_that_races_with_the_commit_is_all_or_nothing(database: Database) -> None:
    create_effect_table(database)
    count = 300
    with connect(database.worker) as conn:
        put_jobs(conn, count)
        for _ in range(6):
            with killable_worker(database) as worker:
                let_do(worker, BATCH_LIMIT)
                worker.send("go on")
        do_the_rest(conn)
        assert marks(conn) == once_each(count)


def test_two_workers_share_the_work_and_never_a_job(database: Database) -> None:
    create_effect_table(database)
    count, stop = 1_000, Event()
    met = [Event(), Event()]
    with connect(database.worker) as conn, ThreadPoolExecutor() as threads, set_at_the_end(stop, *met):
        put_jobs(conn, count)

        def meet_and_mark(own: Event, other: Event) -> Any:
            def handler(conn: psycopg.Connection[Any], jobs: Sequence[Job]) -> None:
                own.set()
                other.wait()
                mark(conn, jobs)

            return handler

        workers = [
            threads.submit(
                run_worker,
                database.worker,
                {"mark": meet_and_mark(met[own], met[1 - own])},
                SimulatedClock(NOW_NS),
                stop,
            )
            for own in (0, 1)
        ]
        while waiting_count(conn):
            time.sleep(0.01)
        stop.set()
        for worker in workers:
            worker.result()
        assert marks(conn) == once_each(count)


@pytest.fixture
def own_server() -> Iterator[EmbeddedPostgres]:
    """A server that a test may restart."""
    parent = Path(tempfile.mkdtemp(prefix="karez-test-"))
    try:
        with EmbeddedPostgres(parent / "data", {"shared_buffers": "16MB", "fsync": "off"}) as server:
            yield server
    finally:
        shutil.rmtree(parent)


def test_a_worker_goes_on_after_the_server_was_restarted_in_mid_batch(own_server: EmbeddedPostgres) -> None:
    database = prepare_database(own_server.conninfo(), SECRET_KEY, NOW_NS)
    create_effect_table(database)
    count, stop, in_mid_batch, server_is_back = 100, Event(), Event(), Event()

    def mark_over_the_restart(conn: psycopg.Connection[Any], jobs: Sequence[Job]) -> None:
        mark(conn, jobs[:10])
        in_mid_batch.set()
        server_is_back.wait()
        mark(conn, jobs[10:])

    with connect(database.worker) as conn:
        put_jobs(conn, count)
    with ThreadPoolExecutor() as threads, set_at_the_end(stop, server_is_back):
        handlers = {"mark": mark_over_the_restart}
        worker = threads.submit(run_worker, database.worker, handlers, SimulatedClock(NOW_NS), stop)
        in_mid_batch.wait()
        own_server.stop()
        own_server.start()
        server_is_back.set()
        with connect(database.worker) as conn:
            while waiting_count(conn):
                time.sleep(0.01)
            stop.set()
            worker.result()
            assert marks(conn) == once_each(count)
            assert conn.execute("SELECT count(*) FROM dead_job").fetchone() == (0,)
