"""Jobs that leave a mark: each adds a row to a table without a unique key, so doing one twice would show."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event
from typing import Any

import msgspec
import psycopg

from karez.core.ids import new_id
from karez.storage.database import Database, connect
from karez.storage.jobs import Job, NewJob, enqueue

NOW_NS = 1_700_000_000_000_000_000
SECOND_NS = 1_000_000_000


def create_effect_table(database: Database) -> None:
    with connect(database.owner) as conn:
        conn.execute("CREATE TABLE effect (number integer NOT NULL)")
        conn.execute("GRANT SELECT, INSERT ON effect TO karez_jobs")


def new_job(number: int, **choices: Any) -> NewJob:
    """A job whose effect is a row with this number."""
    payload = msgspec.Raw(msgspec.json.encode({"number": number}))
    common: dict[str, Any] = {"id": new_id(NOW_NS), "kind": "mark", "payload": payload, "run_at_ns": NOW_NS}
    return NewJob(**common | choices)


def put_jobs(conn: psycopg.Connection[Any], count: int) -> None:
    enqueue(conn, [new_job(number) for number in range(count)], NOW_NS)


def number_of(job: Job) -> int:
    return int(msgspec.json.decode(job.payload)["number"])


def mark(conn: psycopg.Connection[Any], jobs: Sequence[Job]) -> None:
    """The handler that leaves the marks."""
    conn.execute(
        "INSERT INTO effect SELECT * FROM unnest(%s::integer[])", ([number_of(job) for job in jobs],)
    )


def marks(conn: psycopg.Connection[Any]) -> Counter[int]:
    """How often each mark was left."""
    return Counter(number for (number,) in conn.execute("SELECT number FROM effect").fetchall())


def waiting_count(conn: psycopg.Connection[Any]) -> int:
    row = conn.execute("SELECT count(*) FROM job").fetchone()
    assert row is not None
    return int(row[0])


def once_each(count: int) -> Counter[int]:
    return Counter(range(count))


def once_each_of(*numbers: int) -> Counter[int]:
    return Counter(numbers)


@contextmanager
def set_at_the_end(*events: Event) -> Iterator[None]:
    """Let threads that wait for an event go on, so that a test which fails does not hang."""
    try:
        yield
    finally:
        for event in events:
            event.set()


def no_chance() -> float:
    """Chance taken out, so that a pause is half of its longest."""
    return 0.0
