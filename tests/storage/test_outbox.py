"""Reading what operations have announced."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import psycopg
import pytest

from karez.storage.database import Database, connect
from karez.storage.outbox import delete_read_events, drop_consumer, read_events
from karez.storage.tenant import as_institution, as_operator, as_person

NOW_NS = 1_700_000_000_000_000_000


@pytest.fixture
def worker(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with connect(database.worker) as conn:
        yield conn


@pytest.fixture
def book(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with connect(database.book) as conn:
        yield conn


def announce(
    book: psycopg.Connection[Any], created_ns: int, ids: Sequence[int], institution: int = 7
) -> None:
    """What the bookkeeper writes in one commit."""
    book.execute(
        """
        INSERT INTO outbox_event (id, topic, institution, operation_id, payload, created_ns)
        SELECT u, 'trade.paid', %s, u, '{"amount_minor": 5}', %s FROM unnest(%s::uuid[]) u
        """,
        (institution, created_ns, [UUID(int=number) for number in ids]),
    )


def read(
    conn: psycopg.Connection[Any], consumer: str = "webhooks", limit: int = 100, **choices: Any
) -> list[int]:
    """The ids of the next events, read and committed."""
    with conn.transaction():
        return [event.id.int for event in read_events(conn, consumer, limit, **choices)]


def test_an_event_arrives_as_it_was_announced(
    book: psycopg.Connection[Any], worker: psycopg.Connection[Any]
) -> None:
    announce(book, NOW_NS, [3])
    with worker.transaction():
        (event,) = read_events(worker, "webhooks", 10)
    assert (event.id, event.operation_id) == (UUID(int=3), UUID(int=3))
    assert (event.topic, event.institution, event.created_ns) == ("trade.paid", 7, NOW_NS)
    assert bytes(event.payload) == b'{"amount_minor": 5}'


def test_every_consumer_sees_every_event_in_the_order_of_the_commits(
    book: psycopg.Connection[Any], worker: psycopg.Connection[Any]
) -> None:
    announce(book, NOW_NS, [9, 8])
    announce(book, NOW_NS + 1, [1, 2])
    assert read(worker, "webhooks") == [8, 9, 1, 2]
    announce(book, NOW_NS + 2, [5])
    assert read(worker, "webhooks") == [5]
    assert read(worker, "webhooks") == []
    assert read(worker, "notices") == [8, 9, 1, 2, 5]


def test_a_commit_larger_than_the_limit_is_read_in_pieces(
    book: psycopg.Connection[Any], worker: psycopg.Connection[Any]
) -> None:
    announce(book, NOW_NS, range(1, 8))
    assert [read(worker, limit=3) for _ in range(4)] == [[1, 2, 3], [4, 5, 6], [7], []]


def test_events_whose_effect_did_not_commit_are_read_again(
    book: psycopg.Connection[Any], worker: psycopg.Connection[Any]
) -> None:
    announce(book, NOW_NS, [1, 2])
    with worker.transaction(force_rollback=True):
        assert len(read_events(worker, "webhooks", 1)) == 1
    assert read(worker, limit=1) == [1]
    with worker.transaction(force_rollback=True):
        assert len(read_events(worker, "webhooks", 1)) == 1
    assert read(worker) == [2]


def test_one_worker_at_a_time_reads_for_a_consumer(
    database: Database, book: psycopg.Connection[Any], worker: psycopg.Connection[Any]
) -> None:
    announce(book, NOW_NS, [1, 2])
    assert read(worker, limit=1) == [1]
    with connect(database.worker) as second, second.transaction():
        assert [event.id.int for event in read_events(second, "webhooks", 1)] == [2]
        assert read(worker) == []
        assert read(worker, "notices") == [1, 2]
    assert read(worker) == []


def test_reading_outside_a_transaction_is_refused(worker: psycopg.Connection[Any]) -> None:
    with pytest.raises(RuntimeError, match="needs a transaction"):
        read_events(worker, "webhooks", 10)


def test_events_after_a_given_moment_are_left_for_later(
    book: psycopg.Connection[Any], worker: psycopg.Connection[Any]
) -> None:
    announce(book, NOW_NS, [1])
    announce(book, NOW_NS + 1, [2])
    assert read(worker, until_ns=NOW_NS) == [1]
    assert read(worker) == [2]


def test_events_are_deleted_once_everybody_has_read_them(
    book: psycopg.Connection[Any], worker: psycopg.Connection[Any]
) -> None:
    announce(book, NOW_NS, [1, 2, 3])
    announce(book, NOW_NS + 1, [4])
    later_ns = NOW_NS + 2
    assert delete_read_events(worker, later_ns, 10) == 0
    read(worker, "webhooks")
    read(worker, "notices", limit=2)
    assert delete_read_events(worker, NOW_NS, 10) == 0
    assert delete_read_events(worker, later_ns, 1) == 1
    assert delete_read_events(worker, later_ns, 10) == 1
    drop_consumer(worker, "notices")
    assert delete_read_events(worker, later_ns, 10) == 2


def test_each_caller_sees_the_events_that_are_theirs(
    database: Database, book: psycopg.Connection[Any]
) -> None:
    announce(book, NOW_NS, [1, 2], institution=7)
    announce(book, NOW_NS, [3], institution=8)
    count = "SELECT count(*) FROM outbox_event"
    with connect(database.web) as conn:
        with as_institution(conn, 7):
            assert conn.execute(count).fetchone() == (2,)
        with as_operator(conn):
            assert conn.execute(count).fetchone() == (3,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege), as_person(conn, UUID(int=1)):
            conn.execute(count)


def test_the_bookkeeper_takes_no_event_back(book: psycopg.Connection[Any]) -> None:
    announce(book, NOW_NS, [1])
    for statement in ("DELETE FROM outbox_event", "UPDATE outbox_event SET institution = 8"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            book.execute(statement)
