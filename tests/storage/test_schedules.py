"""Work that comes back."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from karez.core.outcomes import Rejected
from karez.storage.database import Database, connect
from karez.storage.jobs import Job
from karez.storage.jobs_batch import run_batch
from karez.storage.schedules import Schedule, drop_schedule, fire_due_schedules, next_run_ns, put_schedules
from tests.storage.effects import NOW_NS, SECOND_NS, no_chance, waiting_count

EMPTY = msgspec.Raw(b"{}")
MINUTELY = Schedule("minutely", "count", EMPTY, every_s=60)
MINUTE_NS = 60 * SECOND_NS
NINE_NS = 1_700_038_800 * SECOND_NS  # 2023-11-15 09:00 UTC


@pytest.fixture
def worker(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with connect(database.worker) as conn:
        yield conn


def test_a_schedule_puts_its_job_once_a_tick(worker: psycopg.Connection[Any]) -> None:
    put_schedules(worker, [MINUTELY], NOW_NS)
    fired = [
        fire_due_schedules(worker, NOW_NS + seconds * SECOND_NS) for seconds in (0, 59, 60, 61, 119, 120)
    ]
    assert fired == [0, 0, 1, 0, 0, 1]
    assert waiting_count(worker) == 2


def test_a_cron_schedule_follows_its_line(worker: psycopg.Connection[Any]) -> None:
    put_schedules(worker, [Schedule("opening", "open", EMPTY, cron="30 9 * * *")], NINE_NS)
    fired = [fire_due_schedules(worker, NINE_NS + minutes * MINUTE_NS) for minutes in (29, 30, 31, 1_470)]
    assert fired == [0, 1, 0, 1]


def test_missed_ticks_become_one_job_and_the_rhythm_stays(worker: psycopg.Connection[Any]) -> None:
    put_schedules(worker, [MINUTELY], NOW_NS)
    late_ns = NOW_NS + 10 * MINUTE_NS + 5 * SECOND_NS
    assert fire_due_schedules(worker, late_ns) == 1
    assert fire_due_schedules(worker, late_ns) == 0
    assert fire_due_schedules(worker, NOW_NS + 11 * MINUTE_NS - 1) == 0
    assert fire_due_schedules(worker, NOW_NS + 11 * MINUTE_NS) == 1


def test_the_job_carries_what_the_schedule_says(worker: psycopg.Connection[Any]) -> None:
    seen: list[Job] = []
    nightly = Schedule("nightly", "interest", msgspec.Raw(b'{"product": 3}'), every_s=60, queue="night")
    put_schedules(worker, [nightly], NOW_NS)
    fire_due_schedules(worker, NOW_NS + MINUTE_NS)
    handlers = {"interest": lambda _conn, jobs: seen.extend(jobs)}
    run_batch(worker, handlers, NOW_NS + MINUTE_NS, no_chance, queue="night")
    (job,) = seen
    assert (job.kind, bytes(job.payload), job.queue) == ("interest", b'{"product": 3}', "night")
    assert job.run_at_ns == NOW_NS + MINUTE_NS


def test_two_workers_fire_each_tick_once(database: Database) -> None:
    ticks = range(1, 51)
    both = Barrier(2)

    def fire_all() -> int:
        with connect(database.worker) as conn:
            fired_count = 0
            for tick in ticks:
                both.wait()
                fired_count += fire_due_schedules(conn, NOW_NS + tick * MINUTE_NS)
            return fired_count

    with connect(database.worker) as conn, ThreadPoolExecutor() as threads:
        put_schedules(conn, [MINUTELY], NOW_NS)
        workers = [threads.submit(fire_all) for _ in range(2)]
        assert sum(worker.result() for worker in workers) == len(ticks)
        assert waiting_count(conn) == len(ticks)


def test_a_tick_that_is_being_fired_is_nobody_elses(
    database: Database, worker: psycopg.Connection[Any]
) -> None:
    put_schedules(worker, [MINUTELY], NOW_NS)
    with connect(database.worker) as second, second.transaction(force_rollback=True):
        assert fire_due_schedules(second, NOW_NS + MINUTE_NS) == 1
        assert fire_due_schedules(worker, NOW_NS + MINUTE_NS) == 0
    assert waiting_count(worker) == 0
    assert fire_due_schedules(worker, NOW_NS + MINUTE_NS) == 1


def test_saying_again_what_is_needed_moves_no_tick(worker: psycopg.Connection[Any]) -> None:
    put_schedules(worker, [MINUTELY], NOW_NS)
    put_schedules(worker, [MINUTELY], NOW_NS + 30 * SECOND_NS)
    changed = Schedule("minutely", "count", msgspec.Raw(b'{"twice": true}'), every_s=60)
    put_schedules(worker, [changed], NOW_NS + 40 * SECOND_NS)
    assert fire_due_schedules(worker, NOW_NS + MINUTE_NS) == 1
    assert worker.execute("SELECT payload FROM job").fetchone() == ({"twice": True},)


def test_a_new_rhythm_begins_when_it_is_said(worker: psycopg.Connection[Any]) -> None:
    put_schedules(worker, [MINUTELY], NOW_NS)
    put_schedules(worker, [Schedule("minutely", "count", EMPTY, every_s=90)], NOW_NS + 30 * SECOND_NS)
    assert fire_due_schedules(worker, NOW_NS + 119 * SECOND_NS) == 0
    assert fire_due_schedules(worker, NOW_NS + 120 * SECOND_NS) == 1
    put_schedules(worker, [Schedule("minutely", "count", EMPTY, cron="* * * * *")], NOW_NS)
    assert worker.execute("SELECT every_s, cron FROM schedule").fetchone() == (None, "* * * * *")


def test_a_dropped_schedule_puts_nothing_more(worker: psycopg.Connection[Any]) -> None:
    put_schedules(worker, [MINUTELY], NOW_NS)
    drop_schedule(worker, "minutely")
    drop_schedule(worker, "never there")
    assert fire_due_schedules(worker, NOW_NS + MINUTE_NS) == 0


@pytest.mark.parametrize("rhythm", [{}, {"every_s": 0}, {"every_s": 60, "cron": "* * * * *"}])
def test_a_schedule_has_exactly_one_rhythm(rhythm: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="needs every_s above 0 or a cron line"):
        Schedule("unclear", "count", EMPTY, **rhythm)


def test_a_malformed_cron_line_is_rejected_when_it_is_put(worker: psycopg.Connection[Any]) -> None:
    with pytest.raises(Rejected, match="cron_malformed"):
        put_schedules(worker, [Schedule("unclear", "count", EMPTY, cron="at nine")], NOW_NS)


@given(st.integers(1, 10**6), st.integers(0, 10**18))
def test_the_next_tick_is_the_first_after_now_in_the_old_rhythm(every_s: int, late_ns: int) -> None:
    now_ns = NOW_NS + late_ns
    tick_ns = next_run_ns(Schedule("any", "count", EMPTY, every_s=every_s), NOW_NS, now_ns)
    assert now_ns < tick_ns <= now_ns + every_s * SECOND_NS
    assert (tick_ns - NOW_NS) % (every_s * SECOND_NS) == 0
