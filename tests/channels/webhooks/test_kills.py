"""A worker that is killed in the middle: nothing is lost, and what comes twice is the same to the byte."""

import asyncio
import multiprocessing
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from uuid import UUID

from karez.channels.webhooks.delivering import CALLS_MAX, LEASE_S, deliver_webhooks
from karez.channels.webhooks.lanes import Settled, release_lane, take_lanes
from karez.channels.webhooks.schedule import Health, Verdict
from karez.channels.webhooks.sender import Answer, Sender
from karez.core.clock import SimulatedClock
from karez.storage.database import Database, connect_async
from tests.channels.webhooks.making import (
    NOW_NS,
    PRIVATE,
    SHOP,
    announce,
    attempts,
    deliveries,
    is_signed,
    queue,
    register,
    settle,
    worker,
)
from tests.channels.webhooks.receivers import Reaction, Receiver, wait_until

LEASE_NS = round(LEASE_S * 1_000_000_000)


def _deliver(conninfo: str, secret_key: bytes, now_ns: int) -> None:
    deliver_webhooks(conninfo, secret_key, SimulatedClock(now_ns), threading.Event(), Sender(PRIVATE))


@contextmanager
def killed_worker(database: Database, now_ns: int) -> Iterator[None]:
    """Run a worker as a process of its own and kill it at the end."""
    process = multiprocessing.get_context("spawn").Process(
        target=_deliver, args=(database.worker, database.secret_key, now_ns)
    )
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def test_what_a_killed_worker_was_sending_is_sent_again_as_it_was(
    banks: Database, clock: SimulatedClock, shop: Receiver
) -> None:
    held = threading.Event()
    shop.react = lambda _: Reaction(hold=held)
    endpoint, secret = register(banks, shop.url, party=SHOP)
    announce(banks, *range(1, 21), parties=[SHOP])
    queue(banks)
    with killed_worker(banks, NOW_NS):
        wait_until(lambda: len(shop.received) == CALLS_MAX, "the worker to send")
    held.set()
    assert {each.state for each in deliveries(banks, endpoint)} == {"waiting"}
    clock.advance(LEASE_S)
    with worker(banks, clock):
        settle(banks, clock)
    bodies = shop.bodies_by_id()
    assert len(bodies) == 20
    assert {len(each) for each in bodies.values()} == {1}
    assert len(shop.received) == 20 + CALLS_MAX
    assert all(is_signed(each, secret) for each in shop.received)
    assert {each.state for each in deliveries(banks, endpoint)} == {"delivered"}


def has_received(shop: Receiver, count: int) -> bool:
    return len(shop.received) >= count


def test_kills_at_any_moment_lose_nothing(banks: Database, clock: SimulatedClock, shop: Receiver) -> None:
    endpoint, _ = register(banks, shop.url, party=SHOP)
    announce(banks, *range(1, 301), parties=[SHOP])
    queue(banks)
    for kill in range(4):
        enough = len(shop.received) + 7 + 9 * kill
        with killed_worker(banks, clock.now_ns()):
            wait_until(partial(has_received, shop, enough), "messages")
        clock.advance(LEASE_S)
    with worker(banks, clock):
        settle(banks, clock)
    assert set(shop.ids()) == {str(UUID(int=number)) for number in range(1, 301)}
    assert {len(each) for each in shop.bodies_by_id().values()} == {1}
    assert {each.state for each in deliveries(banks, endpoint)} == {"delivered"}


def test_a_receiver_that_is_down_for_a_day_gets_everything_though_workers_are_killed(
    banks: Database, clock: SimulatedClock, shop: Receiver
) -> None:
    shop.react = lambda _: Reaction(503, b"down")
    endpoint, secret = register(banks, shop.url, party=SHOP)
    for hour in range(0, 24, 4):
        announce(banks, *range(hour * 4, hour * 4 + 16), parties=[SHOP], created_ns=clock.now_ns())
        queue(banks, clock.now_ns())
        enough = len(shop.received) + 3
        with killed_worker(banks, clock.now_ns()):
            wait_until(partial(has_received, shop, enough), "messages")
        clock.advance(LEASE_S)
        with worker(banks, clock):
            settle(banks, clock)
            clock.advance(4 * 3_600 - LEASE_S)
            settle(banks, clock)
    assert {each.state for each in deliveries(banks, endpoint)} == {"waiting"}
    shop.react = lambda _: Reaction(200)
    with worker(banks, clock):
        for _ in range(24):
            clock.advance(3_600)
            settle(banks, clock)
    assert len(deliveries(banks, endpoint)) == 96
    assert {each.state for each in deliveries(banks, endpoint)} == {"delivered"}
    assert all(is_signed(each, secret) for each in shop.received)
    assert {len(each) for each in shop.bodies_by_id().values()} == {1}


def test_who_comes_back_after_its_lease_writes_nothing(banks: Database) -> None:
    endpoint, _ = register(banks, "http://127.0.0.1:1/", party=SHOP)
    announce(banks, 1, parties=[SHOP])
    queue(banks)

    async def overtaken() -> tuple[bool, bool]:
        async with await connect_async(banks.worker) as conn:
            (slow,) = await take_lanes(conn, NOW_NS, NOW_NS + LEASE_NS, 10, 10)
            assert await take_lanes(conn, NOW_NS + LEASE_NS - 1, NOW_NS + 2 * LEASE_NS, 10, 10) == []
            later_ns = NOW_NS + LEASE_NS
            (quick,) = await take_lanes(conn, later_ns, later_ns + LEASE_NS, 10, 10)
            settled = [Settled(quick.due[0], Verdict("delivered"), Answer(200, None, "ok", 1), later_ns)]
            return (
                await release_lane(conn, slow, settled, Health(None), later_ns),
                await release_lane(conn, quick, settled, Health(None), later_ns),
            )

    assert asyncio.run(overtaken()) == (False, True)
    assert len(attempts(banks, endpoint, UUID(int=1))) == 1
