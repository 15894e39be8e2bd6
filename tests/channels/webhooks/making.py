"""Endpoints, events and workers for the tests of webhooks."""

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from standardwebhooks import Webhook

from karez.channels.webhooks import endpoints
from karez.channels.webhooks.delivering import deliver_webhooks
from karez.channels.webhooks.endpoints import NewEndpoint
from karez.channels.webhooks.log import Attempt, Delivery, attempts_at, deliveries_page
from karez.channels.webhooks.queueing import queue_events, queue_webhooks
from karez.channels.webhooks.sender import Sender
from karez.channels.webhooks.targets import TargetRules
from karez.core.clock import Clock, to_datetime
from karez.core.ids import new_id
from karez.storage.database import Database, connect
from karez.storage.tenant import as_institution, as_operator, as_person
from tests.channels.webhooks.receivers import Received, wait_until

NOW_NS = 1_790_000_000_000_000_000
SECOND_NS = 1_000_000_000
HARBOUR_BANK, HILL_BANK = 2, 3
ANA, SHOP = UUID(int=0xA), UUID(int=0x5)
PRIVATE = TargetRules(private=True)


def found_institutions(database: Database) -> None:
    """Register the two banks."""
    with connect(database.owner) as conn:
        conn.execute("""
            INSERT INTO institution VALUES
                (2, 'harbour-bank', 'Harbour Bank', 'bank', 'open', 0),
                (3, 'hill-bank', 'Hill Bank', 'bank', 'open', 0)
        """)


def register(
    database: Database,
    url: str,
    *,
    institution: int | None = None,
    party: UUID | None = None,
    topics: Sequence[str] = ("*",),
    now_ns: int = NOW_NS,
) -> tuple[UUID, str]:
    """Register an endpoint as its owner, the operator if none is named; return its id and secret."""
    new = NewEndpoint(new_id(now_ns), institution, party, url, list(topics), "")
    with connect(database.web) as conn:
        if party is not None:
            acting = as_person(conn, party)
        else:
            acting = as_operator(conn) if institution is None else as_institution(conn, institution)
        with acting:
            secret = endpoints.register(conn, endpoints.sealer(database.secret_key), new, now_ns)
    return new.id, secret


def announce(
    database: Database,
    *ids: int,
    topic: str = "trade.paid",
    institution: int = 0,
    parties: Sequence[UUID] = (),
    created_ns: int = NOW_NS,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Write events as the bookkeeper does."""
    payload = {"amount_minor": 1_250, **(data or {}), "parties": [str(party) for party in parties]}
    with connect(database.book) as conn:
        conn.execute(
            """
            INSERT INTO outbox_event (id, topic, institution, operation_id, payload, created_ns)
            SELECT u, %s, %s, u, %s, %s FROM unnest(%s::uuid[]) u
            """,
            (
                topic,
                institution,
                msgspec.json.encode(payload).decode(),
                created_ns,
                [UUID(int=id_) for id_ in ids],
            ),
        )


def queue(database: Database, now_ns: int = NOW_NS) -> int:
    """Queue the messages of all new events."""
    with connect(database.worker) as conn:
        return queue_events(conn, now_ns)


def no_chance() -> float:
    """Pauses are as short as they can be."""
    return 0.0


@contextlib.contextmanager
def worker(database: Database, clock: Clock, sender: Sender | None = None) -> Iterator[None]:
    """Run both loops of the worker."""
    stop = threading.Event()
    with ThreadPoolExecutor(2) as threads:
        works = [
            threads.submit(queue_webhooks, database.worker, clock, stop, longest_pause_s=0.02),
            threads.submit(
                deliver_webhooks,
                database.worker,
                database.secret_key,
                clock,
                stop,
                sender or Sender(PRIVATE),
                chance=no_chance,
                longest_pause_s=0.02,
            ),
        ]
        try:
            yield
        finally:
            stop.set()
    for work in works:
        work.result()


def settle(database: Database, clock: Clock) -> None:
    """Wait until the worker has read all events and done all that is due now."""
    with connect(database.owner) as conn:
        wait_until(lambda: _is_idle(conn, clock.now_ns()), "the worker to be idle")


def _is_idle(conn: psycopg.Connection[Any], now_ns: int) -> bool:
    row = conn.execute(
        """
        SELECT NOT EXISTS (
                SELECT FROM outbox_event e LEFT JOIN outbox_cursor c ON c.consumer = 'webhooks'
                WHERE c.consumer IS NULL OR (e.created_ns, e.id) > (c.created_ns, c.id)
            ) AND NOT EXISTS (SELECT FROM webhook_endpoint WHERE due_ns <= %s OR taken_until_ns > 0)
        """,
        (now_ns,),
    ).fetchone()
    return row is not None and bool(row[0])


def deliveries(database: Database, endpoint: UUID) -> list[Delivery]:
    """All deliveries of an endpoint, the latest first."""
    with connect(database.web) as conn, as_operator(conn):
        return deliveries_page(conn, endpoint, None, None, 1_000)


def attempts(database: Database, endpoint: UUID, message: UUID) -> list[Attempt]:
    """All attempts to deliver a message."""
    with connect(database.web) as conn, as_operator(conn):
        return attempts_at(conn, endpoint, message)


def is_signed(received: Received, secret: str) -> bool:
    """Tell whether the library of Standard Webhooks makes one of the signatures that came."""
    moment = to_datetime(int(received.headers["webhook-timestamp"]) * SECOND_NS)
    expected = Webhook(secret).sign(received.id, moment, received.body.decode())
    return expected in received.headers["webhook-signature"].split(" ")
