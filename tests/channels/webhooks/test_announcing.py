"""An endpoint that Karez disables is announced to its owner and the operator, by the book."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from karez.channels.webhooks.announcing import SWEEPS
from karez.core.clock import SimulatedClock
from karez.ledger.client import BookClient
from karez.services.sweeps import sweep_once
from karez.storage.database import Database, connect
from tests.channels.api.living import bookkeeper
from tests.channels.webhooks.making import (
    ANA,
    HARBOUR_BANK,
    NOW_NS,
    SHOP,
    announce,
    deliveries,
    queue,
    register,
    settle,
    worker,
)
from tests.channels.webhooks.receivers import Reaction, Receiver


@pytest.fixture
def book_socket(banks: Database, tmp_path: Path) -> Iterator[Path]:
    """A bookkeeper that runs."""
    path = tmp_path / "book"
    with bookkeeper(banks, path):
        yield path


def sweep(database: Database, book_socket: Path) -> int:
    async def once() -> int:
        book = BookClient(book_socket)
        try:
            with connect(database.worker) as conn:
                return await sweep_once(conn, book, SimulatedClock(NOW_NS), SWEEPS)
        finally:
            book.close()

    return asyncio.run(once())


def announced(database: Database) -> list[tuple[str, int, dict[str, object]]]:
    with connect(database.owner) as conn:
        rows = conn.execute(
            "SELECT topic, institution, payload FROM outbox_event WHERE topic LIKE 'webhook.%' ORDER BY id"
        )
        return rows.fetchall()


@pytest.mark.parametrize(("institution", "party"), [(HARBOUR_BANK, None), (None, SHOP), (None, None)])
def test_a_disabled_endpoint_is_announced_once(
    banks: Database,
    clock: SimulatedClock,
    shop: Receiver,
    book_socket: Path,
    institution: int | None,
    party: UUID | None,
) -> None:
    shop.react = lambda _: Reaction(410)
    endpoint, _ = register(banks, shop.url, institution=institution, party=party)
    announce(banks, 1, institution=HARBOUR_BANK, parties=[SHOP])
    with worker(banks, clock):
        settle(banks, clock)
    assert [sweep(banks, book_socket) for _ in range(2)] == [1, 0]
    with connect(banks.worker) as conn:
        assert SWEEPS[0].find(conn, NOW_NS, 10) == []
    ((topic, owner, payload),) = announced(banks)
    assert (topic, owner) == ("webhook.endpoint_disabled", institution or 0)
    assert payload["parties"] == ([] if party is None else [str(party)])
    assert (payload["endpoint"], payload["disabled_because"]) == (str(endpoint), "gone")
    assert shop.url not in json.dumps(payload)


def test_the_announcement_reaches_the_owners_other_endpoints_and_nobody_else(
    banks: Database, clock: SimulatedClock, shop: Receiver, book_socket: Path
) -> None:
    shop.react = lambda _: Reaction(410)
    register(banks, shop.url, party=SHOP, topics=["trade.*"])
    announce(banks, 1, parties=[SHOP])
    with worker(banks, clock):
        settle(banks, clock)
    other, _ = register(banks, "http://127.0.0.1:1/", party=SHOP, topics=["webhook.*"])
    stranger, _ = register(banks, "http://127.0.0.1:1/", party=ANA)
    sweep(banks, book_socket)
    queue(banks)
    assert [each.topic for each in deliveries(banks, other)] == ["webhook.endpoint_disabled"]
    assert deliveries(banks, stranger) == []
