"""The loop of a worker."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import msgspec
import psycopg

from karez.core.clock import SimulatedClock
from karez.storage.database import Database, connect
from karez.storage.jobs import Job
from karez.storage.jobs_worker import keep_working, run_worker
from karez.storage.schedules import Schedule, put_schedules
from tests.storage.effects import (
    NOW_NS,
    create_effect_table,
    mark,
    marks,
    once_each,
    put_jobs,
    set_at_the_end,
    waiting_count,
)


def test_a_worker_that_is_told_to_stop_finishes_the_batch_at_hand(database: Database) -> None:
    create_effect_table(database)
    stop = Event()

    def mark_and_stop(conn: psycopg.Connection[Any], jobs: Sequence[Job]) -> None:
        stop.set()
        mark(conn, jobs)

    with connect(database.worker) as conn:
        put_jobs(conn, 10)
        run_worker(database.worker, {"mark": mark_and_stop}, SimulatedClock(NOW_NS), stop, batch_limit=4)
        assert set(marks(conn).values()) == {1}
        assert len(marks(conn)) == 4
        assert waiting_count(conn) == 6


def test_an_idle_worker_finds_a_job_that_comes_later(database: Database) -> None:
    create_effect_table(database)
    stop, idle = Event(), Event()

    def mark_and_stop(conn: psycopg.Connection[Any], jobs: Sequence[Job]) -> None:
        stop.set()
        mark(conn, jobs)

    with ThreadPoolExecutor() as threads, set_at_the_end(stop), connect(database.worker) as conn:
        clock = ClockThatTells(idle.set)
        worker = threads.submit(run_worker, database.worker, {"mark": mark_and_stop}, clock, stop)
        idle.wait()
        put_jobs(conn, 1)
        worker.result()
        assert marks(conn) == once_each(1)


class ClockThatTells:
    """Tells when it is asked for the third time: the worker has looked twice then and found nothing."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self._asked_count = 0
        self._tell = tell

    def now_ns(self) -> int:
        self._asked_count += 1
        if self._asked_count == 3:
            self._tell()
        return NOW_NS


def test_a_worker_does_what_schedules_put(database: Database) -> None:
    create_effect_table(database)
    stop = Event()

    def mark_and_stop(conn: psycopg.Connection[Any], jobs: Sequence[Job]) -> None:
        stop.set()
        mark(conn, jobs)

    nightly = Schedule("nightly", "mark", msgspec.Raw(b'{"number": 0}'), every_s=60)
    with connect(database.worker) as conn:
        put_schedules(conn, [nightly], NOW_NS)
        clock = SimulatedClock(NOW_NS)
        clock.advance(60)
        run_worker(database.worker, {"mark": mark_and_stop}, clock, stop)
        assert marks(conn) == once_each(1)


def test_work_goes_on_after_its_connection_was_cut_off(database: Database) -> None:
    stop = Event()
    seen: set[int] = set()

    def work(conn: psycopg.Connection[Any]) -> int:
        seen.add(conn.info.backend_pid)
        if len(seen) < 3:
            conn.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        stop.set()
        return 0

    keep_working(database.worker, work, stop)
    assert len(seen) == 3


def test_work_that_is_told_to_stop_before_it_begins_does_nothing(database: Database) -> None:
    stop = Event()
    stop.set()

    def work(conn: psycopg.Connection[Any]) -> int:
        raise AssertionError("worked")

    keep_working(database.worker, work, stop)


def test_small_portions_of_work_are_let_gather_and_large_ones_follow_at_once(database: Database) -> None:
    portions = [5, 5, 3, 5, 0]
    waits: list[float | None] = []

    class Stop(Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout)
            return super().wait(0)

    stop = Stop()

    def work(conn: psycopg.Connection[Any]) -> int:
        done = portions.pop(0)
        if not portions:
            stop.set()
        waits.append(None)
        return done

    keep_working(database.worker, work, stop, portion=5)
    is_pause = [each is not None for each in waits]
    assert is_pause == [False, False, False, True, False, False, True]
