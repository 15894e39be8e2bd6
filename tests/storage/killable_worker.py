"""A worker in a process of its own that waits for a word after every job, to be killed at an exact point."""

import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from threading import Event
from typing import Any

import psycopg

from karez.core.clock import SimulatedClock
from karez.storage.database import Database
from karez.storage.jobs import Job
from karez.storage.jobs_worker import run_worker
from tests.storage.effects import NOW_NS, mark

BATCH_LIMIT = 20


def _work(conninfo: str, pipe: Connection) -> None:
    def mark_when_told(conn: psycopg.Connection[Any], jobs: Sequence[Job]) -> None:
        for job in jobs:
            mark(conn, [job])
            pipe.send("marked")
            pipe.recv()

    run_worker(conninfo, {"mark": mark_when_told}, SimulatedClock(NOW_NS), Event(), batch_limit=BATCH_LIMIT)


@contextmanager
def killable_worker(database: Database) -> Iterator[Connection]:
    """Start a worker that sends a word after each mark and waits for one; in the end it is killed."""
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    process = spawning.Process(target=_work, args=(database.worker, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        process.kill()
        process.join()
        ours.close()


def let_do(worker: Connection, count: int) -> None:
    """Let a worker do so many jobs; it then stands between the last one's mark and whatever comes next."""
    for done in range(count):
        worker.recv()
        if done < count - 1:
            worker.send("go on")
