"""What is old goes, what is waiting stays."""

from uuid import UUID

from karez.channels.webhooks import endpoints
from karez.channels.webhooks.cleaning import HANDLERS, KEPT_S, SCHEDULES, delete_old
from karez.core.clock import SimulatedClock
from karez.storage.database import Database, connect
from karez.storage.jobs_batch import run_batch
from karez.storage.schedules import fire_due_schedules, put_schedules
from karez.storage.tenant import as_person
from tests.channels.webhooks.making import (
    NOW_NS,
    SECOND_NS,
    SHOP,
    announce,
    attempts,
    deliveries,
    no_chance,
    queue,
    register,
    settle,
    worker,
)
from tests.channels.webhooks.receivers import Receiver

KEPT_NS = KEPT_S * SECOND_NS


def numbers(database: Database, endpoint: UUID) -> set[int]:
    return {each.message.int for each in deliveries(database, endpoint)}


def test_deliveries_that_ended_are_kept_for_thirty_days(
    banks: Database, clock: SimulatedClock, shop: Receiver
) -> None:
    endpoint, _ = register(banks, shop.url, party=SHOP)
    announce(banks, 1, 2, parties=[SHOP])
    with worker(banks, clock):
        settle(banks, clock)
        clock.advance(1)
        announce(banks, 3, parties=[SHOP], created_ns=clock.now_ns())
        settle(banks, clock)
    announce(banks, 4, parties=[SHOP], created_ns=clock.now_ns() + 1)
    queue(banks, NOW_NS)
    with connect(banks.worker) as conn:
        delete_old(conn, NOW_NS)
        assert numbers(banks, endpoint) == {1, 2, 3, 4}
        delete_old(conn, NOW_NS + SECOND_NS, limit_of_each=1)
        assert numbers(banks, endpoint) == {2, 3, 4}
        delete_old(conn, NOW_NS + SECOND_NS)
        assert numbers(banks, endpoint) == {3, 4}
        assert attempts(banks, endpoint, UUID(int=1)) == []
        put_schedules(conn, SCHEDULES, NOW_NS + KEPT_NS)
        tick_ns = NOW_NS + KEPT_NS + 600 * SECOND_NS
        assert fire_due_schedules(conn, tick_ns) == 1
        assert run_batch(conn, HANDLERS, tick_ns, no_chance).done == 1
    assert numbers(banks, endpoint) == {4}


def test_a_deleted_endpoint_goes_with_all_that_belongs_to_it(
    banks: Database, clock: SimulatedClock, shop: Receiver
) -> None:
    endpoint, _ = register(banks, shop.url, party=SHOP)
    announce(banks, 1, parties=[SHOP])
    with worker(banks, clock):
        settle(banks, clock)
        announce(banks, 2, parties=[SHOP], created_ns=NOW_NS + 1)
        with connect(banks.web) as conn, as_person(conn, SHOP):
            endpoints.delete(conn, endpoint)
        settle(banks, clock)
    with connect(banks.worker) as conn:
        delete_old(conn, NOW_NS)
    with connect(banks.owner) as conn:
        for table in ("webhook_endpoint", "webhook_delivery", "webhook_attempt", "webhook_secret"):
            assert conn.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
