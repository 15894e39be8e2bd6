"""Whom an event concerns, and what they are told."""

import json
from uuid import UUID

import psycopg
import pytest

from karez.channels.webhooks import endpoints, log, queueing
from karez.channels.webhooks.endpoints import Changes
from karez.storage.database import Database, connect
from karez.storage.tenant import as_person
from tests.channels.webhooks.making import (
    ANA,
    HARBOUR_BANK,
    HILL_BANK,
    NOW_NS,
    SHOP,
    announce,
    deliveries,
    queue,
    register,
)

URL = "https://shop.example/karez"


def told(database: Database, endpoint: UUID) -> set[int]:
    """The numbers of the events that an endpoint is told."""
    return {each.message.int for each in deliveries(database, endpoint)}


def body(database: Database, message: int) -> str:
    with connect(database.owner) as conn:
        row = conn.execute("SELECT body FROM webhook_delivery WHERE message = %s", (UUID(int=message),))
        return str((row.fetchone() or (None,))[0])


def test_everybody_is_told_what_concerns_them_and_nothing_else(banks: Database) -> None:
    harbour, _ = register(banks, URL, institution=HARBOUR_BANK)
    hill, _ = register(banks, URL, institution=HILL_BANK)
    ana, _ = register(banks, URL, party=ANA)
    shop, _ = register(banks, URL, party=SHOP)
    operator, _ = register(banks, URL)
    announce(banks, 1, institution=HARBOUR_BANK)
    announce(banks, 2, institution=0, parties=[ANA, SHOP], created_ns=NOW_NS + 1)
    announce(banks, 3, institution=HILL_BANK, parties=[SHOP], created_ns=NOW_NS + 2)
    announce(banks, 4, institution=0, created_ns=NOW_NS + 3)
    assert queue(banks) == 4
    assert told(banks, harbour) == {1}
    assert told(banks, hill) == {3}
    assert told(banks, ana) == {2}
    assert told(banks, shop) == {2, 3}
    assert told(banks, operator) == {1, 2, 3, 4}


def test_the_platforms_news_reaches_the_institutions_that_it_names(banks: Database) -> None:
    harbour, _ = register(banks, URL, institution=HARBOUR_BANK)
    hill, _ = register(banks, URL, institution=HILL_BANK)
    ana, _ = register(banks, URL, party=ANA)
    announce(banks, 1, institution=0, parties=[ANA], data={"institutions": [HARBOUR_BANK]})
    assert queue(banks) == 1
    assert (told(banks, harbour), told(banks, hill), told(banks, ana)) == ({1}, set(), {1})
    assert "institutions" not in body(banks, 1)


def test_an_endpoint_is_told_the_topics_that_it_asked_for(banks: Database) -> None:
    paid, _ = register(banks, URL, party=SHOP, topics=["trade.paid"])
    trades, _ = register(banks, URL, party=SHOP, topics=["wallet.frozen", "trade.*"])
    wallets, _ = register(banks, URL, party=SHOP, topics=["wallet.*"])
    for number, topic in enumerate(("trade.paid", "trade.shipped", "wallet.frozen", "trader.left")):
        announce(banks, number, topic=topic, parties=[SHOP], created_ns=NOW_NS + number)
    queue(banks)
    assert told(banks, paid) == {0}
    assert told(banks, trades) == {0, 1, 2}
    assert told(banks, wallets) == {2}


def test_a_party_that_is_named_twice_is_told_once(banks: Database) -> None:
    shop, _ = register(banks, URL, party=SHOP)
    announce(banks, 1, parties=[SHOP, SHOP])
    queue(banks)
    assert len(deliveries(banks, shop)) == 1


def test_the_body_tells_what_happened_but_not_whom_else_it_concerns(banks: Database) -> None:
    register(banks, URL, party=SHOP)
    data = {"title": "两个碗", "rate": 1.10, "big": 9_007_199_254_740_993}
    announce(banks, 1, parties=[SHOP, ANA], created_ns=NOW_NS + 123_456_789, data=data)
    queue(banks)
    text = body(banks, 1)
    assert str(ANA) not in text
    assert json.loads(text) == {
        "type": "trade.paid",
        "timestamp": "2026-09-21T14:13:20.123456Z",
        "data": {"amount_minor": 1_250, **data},
    }


@pytest.mark.parametrize(
    "payload", ["[1, 2]", '"text"', "null", '{"parties": "all", "a": 1}', '{"parties": [7]}']
)
def test_an_unsound_payload_goes_to_no_party_and_holds_nothing_up(banks: Database, payload: str) -> None:
    shop, _ = register(banks, URL, party=SHOP)
    operator, _ = register(banks, URL)
    with connect(banks.book) as conn:
        conn.execute(
            "INSERT INTO outbox_event VALUES (%(id)s, 'trade.paid', 0, %(id)s, %(payload)s, %(now)s)",
            {"id": UUID(int=1), "payload": payload, "now": NOW_NS},
        )
    announce(banks, 2, parties=[SHOP], created_ns=NOW_NS + 1)
    queue(banks)
    assert told(banks, shop) == {2}
    assert told(banks, operator) == {1, 2}


def test_who_is_suspended_or_deleted_is_told_nothing(banks: Database) -> None:
    deleted, _ = register(banks, URL, party=SHOP)
    bank, _ = register(banks, URL, institution=HARBOUR_BANK)
    with connect(banks.web) as conn, as_person(conn, SHOP):
        endpoints.delete(conn, deleted)
    with connect(banks.owner) as conn:
        conn.execute("UPDATE institution SET state = 'suspended' WHERE number = %s", (HARBOUR_BANK,))
    announce(banks, 1, institution=HARBOUR_BANK, parties=[SHOP])
    queue(banks)
    assert told(banks, bank) == set()
    with connect(banks.owner) as conn:
        assert conn.execute("SELECT count(*) FROM webhook_delivery").fetchone() == (0,)


def test_what_happens_while_an_endpoint_is_disabled_is_kept_and_sent_when_its_owner_asks(
    banks: Database,
) -> None:
    shop, _ = register(banks, URL, party=SHOP)
    quiet, _ = register(banks, URL, party=SHOP, topics=["wallet.*"])
    with connect(banks.web) as conn, as_person(conn, SHOP):
        for endpoint in (shop, quiet):
            endpoints.change(conn, endpoint, Changes(enabled=False))
    announce(banks, 1, 2, parties=[SHOP])
    queue(banks)
    assert [(each.state, each.attempts, each.due_ns) for each in deliveries(banks, shop)] == [
        ("failed", 0, None)
    ] * 2
    assert told(banks, quiet) == set()
    assert due(banks, shop) is None
    with connect(banks.web) as conn, as_person(conn, SHOP):
        endpoints.change(conn, shop, Changes(enabled=True))
    assert {each.state for each in deliveries(banks, shop)} == {"failed"}
    with connect(banks.web) as conn, as_person(conn, SHOP):
        assert log.recover(conn, shop, NOW_NS, NOW_NS + 1) == 2
    assert {(each.state, each.due_ns) for each in deliveries(banks, shop)} == {("waiting", NOW_NS + 1)}
    assert due(banks, shop) == NOW_NS + 1


def due(database: Database, endpoint: UUID) -> int | None:
    with connect(database.owner) as conn:
        row = conn.execute("SELECT due_ns FROM webhook_endpoint WHERE id = %s", (endpoint,)).fetchone()
    assert row is not None
    return None if row[0] is None else int(row[0])


def test_an_event_is_read_when_its_messages_are_queued_and_not_before(
    banks: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, _ = register(banks, URL, party=SHOP)
    announce(banks, 1, parties=[SHOP])
    with monkeypatch.context() as broken:
        broken.setattr(queueing, "_WAKE", "SELECT 1 / 0 WHERE %s > 0 AND %s::uuid[] IS NOT NULL")
        with pytest.raises(psycopg.errors.DivisionByZero):
            queue(banks)
    assert told(banks, shop) == set()
    assert queue(banks) == 1
    assert told(banks, shop) == {1}
    assert queue(banks) == 0


def test_many_events_are_read_in_pieces(banks: Database) -> None:
    shop, _ = register(banks, URL, party=SHOP)
    announce(banks, *range(1, 8), parties=[SHOP])
    with connect(banks.worker) as conn:
        assert [queueing.queue_events(conn, NOW_NS, 3) for _ in range(4)] == [3, 3, 1, 0]
    assert told(banks, shop) == set(range(1, 8))
