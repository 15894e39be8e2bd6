"""Claim: one worker does at least 1,000 small jobs a second, each with a row as its effect, durably.

Three shapes of work, each beside plain inserts of the same rows with the same number of statements and
commits: ``set_based`` writes a batch with one statement, ``one_by_one`` with a statement a job, ``single``
commits every job. The server is one of our own with its normal settings, so every commit waits for the disk.
"""

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import msgspec
import psycopg

from karez.core.clock import SimulatedClock
from karez.core.ids import new_id
from karez.storage.database import Database, connect, prepare_database
from karez.storage.embedded import EmbeddedPostgres
from karez.storage.jobs import Job, NewJob, enqueue
from karez.storage.jobs_worker import run_worker

ROUNDS = 7
NOW_NS = 1_700_000_000_000_000_000

INSERT_ONE = "INSERT INTO effect (id, number) VALUES (%s, %s)"
INSERT_MANY = "INSERT INTO effect (id, number) SELECT * FROM unnest(%s::uuid[], %s::integer[])"

Write = Callable[[psycopg.Connection[Any], Sequence[Job]], None]


@dataclass(frozen=True)
class Shape:
    """One way to do the work."""

    name: str
    count: int
    batch_limit: int
    write: Write


def write_set(conn: psycopg.Connection[Any], jobs: Sequence[Job]) -> None:
    """Write all effects with one statement."""
    conn.execute(INSERT_MANY, ([job.id for job in jobs], [number_of(job) for job in jobs]))


def write_each(conn: psycopg.Connection[Any], jobs: Sequence[Job]) -> None:
    """Write every effect with its own statement."""
    for job in jobs:
        conn.execute(INSERT_ONE, (job.id, number_of(job)))


def number_of(job: Job) -> int:
    """Read the payload, as a real handler does."""
    return int(msgspec.json.decode(job.payload)["number"])


SHAPES = (
    Shape("set_based", 10_000, 50, write_set),
    Shape("one_by_one", 5_000, 20, write_each),
    Shape("single", 1_000, 1, write_each),
)


def new_jobs(count: int) -> list[NewJob]:
    """Make jobs that are due."""
    return [
        NewJob(new_id(NOW_NS), "mark", msgspec.Raw(b'{"number": %d}' % number), run_at_ns=NOW_NS)
        for number in range(count)
    ]


def enqueue_rate(conn: psycopg.Connection[Any], jobs: Sequence[NewJob]) -> float:
    """Ask for all jobs in one transaction; jobs a second."""
    conn.execute("TRUNCATE job, effect")
    started_s = time.perf_counter()
    enqueue(conn, jobs, NOW_NS)
    return len(jobs) / (time.perf_counter() - started_s)


def work_rate(database: Database, shape: Shape) -> float:
    """Let one worker do all jobs that wait; jobs a second."""
    stop, done_count = Event(), 0

    def handler(conn: psycopg.Connection[Any], jobs: Sequence[Job]) -> None:
        nonlocal done_count
        shape.write(conn, jobs)
        done_count += len(jobs)
        if done_count == shape.count:
            stop.set()

    started_s = time.perf_counter()
    clock = SimulatedClock(NOW_NS)
    run_worker(database.worker, {"mark": handler}, clock, stop, batch_limit=shape.batch_limit)
    return shape.count / (time.perf_counter() - started_s)


def plain_rate(database: Database, shape: Shape, jobs: Sequence[NewJob]) -> float:
    """Write the same rows without any queue; rows a second."""
    as_taken = [
        Job(job.id, job.queue, job.kind, job.payload, job.priority, job.run_at_ns, 0, None, NOW_NS)
        for job in jobs
    ]
    started_s = time.perf_counter()
    with connect(database.worker) as conn:
        for first in range(0, shape.count, shape.batch_limit):
            with conn.transaction():
                shape.write(conn, as_taken[first : first + shape.batch_limit])
    return shape.count / (time.perf_counter() - started_s)


def measure(database: Database) -> dict[str, object]:
    """Run all shapes in turn, round by round, and return the medians."""
    rates: dict[str, list[tuple[float, float, float]]] = {shape.name: [] for shape in SHAPES}
    with connect(database.owner) as owner:
        owner.execute("CREATE TABLE effect (id uuid PRIMARY KEY, number integer NOT NULL)")
        owner.execute("GRANT INSERT ON effect TO karez_jobs")
        for round_ in range(ROUNDS):
            for shape in SHAPES:
                print(f"round {round_ + 1} of {ROUNDS}: {shape.name}", file=sys.stderr)
                jobs = new_jobs(shape.count)
                enqueued = enqueue_rate(owner, jobs)
                worked = work_rate(database, shape)
                owner.execute("TRUNCATE effect")
                rates[shape.name].append((enqueued, worked, plain_rate(database, shape, jobs)))
    return {
        shape.name: {
            "batch_limit": shape.batch_limit,
            "enqueued_per_s": round(statistics.median(enqueued for enqueued, _, _ in rates[shape.name])),
            "jobs_per_s": round(statistics.median(worked for _, worked, _ in rates[shape.name])),
            "plain_rows_per_s": round(statistics.median(plain for _, _, plain in rates[shape.name])),
            "ratio": round(statistics.median(worked / plain for _, worked, plain in rates[shape.name]), 3),
        }
        for shape in SHAPES
    }


def main() -> None:
    """Measure on a server of our own and print one JSON object."""
    parent = Path(tempfile.mkdtemp(prefix="karez-bench-"))
    try:
        with EmbeddedPostgres(parent / "data") as server:
            database = prepare_database(server.conninfo(), b"a key for a benchmark, 32 bytes..", NOW_NS)
            print(msgspec.json.format(msgspec.json.encode(measure(database))).decode())
    finally:
        shutil.rmtree(parent)


if __name__ == "__main__":
    main()
