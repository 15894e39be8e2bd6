"""What the worker sends, when, and what it notes of it; over real sockets, in simulated time."""

import threading
from uuid import UUID

import pytest

from karez.channels.webhooks import delivering, endpoints, log
from karez.channels.webhooks.delivering import CALLS_MAX
from karez.channels.webhooks.endpoints import Changes
from karez.channels.webhooks.schedule import ATTEMPTS_MAX, RETRY_PAUSES_S
from karez.channels.webhooks.sender import Sender
from karez.core.clock import SimulatedClock
from karez.core.outcomes import Rejected
from karez.storage.database import Database, connect
from karez.storage.tenant import as_operator, as_person
from tests.channels.webhooks.forbidden import FORBIDDEN
from tests.channels.webhooks.making import (
    ANA,
    HARBOUR_BANK,
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
from tests.channels.webhooks.receivers import Reaction, Received, Receiver, receiver, wait_until
from tests.channels.webhooks.test_sender import AnyPort

HOUR_S = 3_600


def state_of(database: Database, endpoint: UUID) -> endpoints.Endpoint:
    with connect(database.web) as conn, as_operator(conn):
        return endpoints.find(conn, endpoint)


def change(database: Database, endpoint: UUID, changes: Changes) -> None:
    with connect(database.web) as conn, as_operator(conn):
        endpoints.change(conn, endpoint, changes)


def test_what_happened_arrives_once_and_signed(
    banks: Database, clock: SimulatedClock, shop: Receiver
) -> None:
    endpoint, secret = register(banks, shop.url, party=SHOP)
    announce(banks, *range(1, 41), parties=[SHOP])
    with worker(banks, clock):
        settle(banks, clock)
    assert sorted(shop.ids()) == sorted(str(UUID(int=number)) for number in range(1, 41))
    assert all(is_signed(each, secret) for each in shop.received)
    assert {each.state for each in deliveries(banks, endpoint)} == {"delivered"}
    (attempt,) = attempts(banks, endpoint, UUID(int=1))
    assert (attempt.number, attempt.status, attempt.answer, attempt.next_ns) == (1, 200, "ok", None)
    assert attempt.at_ns == NOW_NS


def test_a_receiver_that_is_down_for_a_day_gets_everything(
    banks: Database, clock: SimulatedClock, shop: Receiver
) -> None:
    shop.react = lambda _: Reaction(503, b"down")
    endpoint, secret = register(banks, shop.url, party=SHOP)
    with worker(banks, clock):
        for hour in range(24):
            announce(banks, *range(hour * 4, hour * 4 + 4), parties=[SHOP], created_ns=clock.now_ns())
            settle(banks, clock)
            clock.advance(HOUR_S)
            settle(banks, clock)
        assert {each.state for each in deliveries(banks, endpoint)} == {"waiting"}
        shop.react = lambda _: Reaction(200)
        for _ in range(24):
            clock.advance(HOUR_S)
            settle(banks, clock)
    assert len(deliveries(banks, endpoint)) == 96
    assert {each.state for each in deliveries(banks, endpoint)} == {"delivered"}
    assert all(is_signed(each, secret) for each in shop.received)
    assert {len(bodies) for bodies in shop.bodies_by_id().values()} == {1}
    assert state_of(banks, endpoint).failing_since_ns is None


def test_attempts_follow_the_schedule_and_end(banks: Database, clock: SimulatedClock, shop: Receiver) -> None:
    shop.react = lambda _: Reaction(500, b"broken")
    endpoint, _ = register(banks, shop.url, party=SHOP)
    announce(banks, 1, parties=[SHOP])
    moments = [NOW_NS]
    with worker(banks, clock):
        settle(banks, clock)
        for pause_s in RETRY_PAUSES_S:
            clock.advance(pause_s - 1)
            settle(banks, clock)
            assert len(shop.received) == len(moments)
            clock.advance(1)
            settle(banks, clock)
            moments.append(clock.now_ns())
    made = attempts(banks, endpoint, UUID(int=1))
    assert [each.at_ns for each in made] == moments
    assert [each.next_ns for each in made] == [*moments[1:], None]
    assert [each.number for each in made] == list(range(1, ATTEMPTS_MAX + 1))
    (delivery,) = deliveries(banks, endpoint)
    assert (delivery.state, delivery.attempts) == ("failed", ATTEMPTS_MAX)
    change(banks, endpoint, Changes(enabled=True))
    with worker(banks, clock), connect(banks.web) as conn:
        with as_person(conn, SHOP):
            log.resend(conn, endpoint, UUID(int=1), clock.now_ns())
        settle(banks, clock)
    (delivery,) = deliveries(banks, endpoint)
    assert (delivery.state, delivery.attempts) == ("waiting", ATTEMPTS_MAX + 1)
    assert {len(bodies) for bodies in shop.bodies_by_id().values()} == {1}


def test_three_days_of_failures_disable_an_endpoint(
    banks: Database, clock: SimulatedClock, shop: Receiver
) -> None:
    shop.react = lambda _: Reaction(500)
    endpoint, _ = register(banks, shop.url, party=SHOP)
    announce(banks, 1, parties=[SHOP])
    with worker(banks, clock):
        settle(banks, clock)
        clock.advance(72 * HOUR_S - 1)
        announce(banks, 2, parties=[SHOP], created_ns=clock.now_ns())
        settle(banks, clock)
        assert state_of(banks, endpoint).state == "enabled"
        clock.advance(1)
        announce(banks, 3, parties=[SHOP], created_ns=clock.now_ns())
        settle(banks, clock)
        disabled = state_of(banks, endpoint)
        assert (disabled.state, disabled.disabled_because) == ("disabled", "failing")
        announce(banks, 4, parties=[SHOP], created_ns=clock.now_ns())
        clock.advance(24 * HOUR_S * 2)
        settle(banks, clock)
    told = {each.message.int: each.state for each in deliveries(banks, endpoint)}
    assert told == {1: "failed", 2: "failed", 3: "failed", 4: "failed"}
    assert attempts(banks, endpoint, UUID(int=4)) == []


def test_gone_disables_at_once_and_nothing_more_is_sent(
    banks: Database, clock: SimulatedClock, shop: Receiver
) -> None:
    shop.react = lambda _: Reaction(410)
    endpoint, _ = register(banks, shop.url, party=SHOP)
    announce(banks, *range(1, 3 * CALLS_MAX + 1), parties=[SHOP])
    with worker(banks, clock):
        settle(banks, clock)
    assert (state_of(banks, endpoint).disabled_because, len(shop.received)) == ("gone", CALLS_MAX)
    assert {each.state for each in deliveries(banks, endpoint)} == {"failed"}


def test_after_an_outage_everything_is_recovered(
    banks: Database, clock: SimulatedClock, shop: Receiver
) -> None:
    shop.react = lambda _: Reaction(410)
    endpoint, _ = register(banks, shop.url, party=SHOP)
    announce(banks, 1, 2, parties=[SHOP])
    with worker(banks, clock):
        settle(banks, clock)
        shop.react = lambda _: Reaction(200)
        with connect(banks.web) as conn:
            with pytest.raises(Rejected, match="webhook_endpoint_disabled"), as_person(conn, SHOP):
                log.recover(conn, endpoint, NOW_NS, NOW_NS)
            with as_person(conn, SHOP):
                endpoints.change(conn, endpoint, Changes(enabled=True))
                assert log.recover(conn, endpoint, NOW_NS + 1, NOW_NS) == 0
                assert log.recover(conn, endpoint, NOW_NS, NOW_NS) == 2
        settle(banks, clock)
    assert {each.state for each in deliveries(banks, endpoint)} == {"delivered"}
    assert {len(bodies) for bodies in shop.bodies_by_id().values()} == {1}
    assert [each.number for each in attempts(banks, endpoint, UUID(int=1))] == [1, 2]


def test_a_message_that_was_taken_can_be_sent_again_with_the_same_bytes(
    banks: Database, clock: SimulatedClock, shop: Receiver
) -> None:
    endpoint, secret = register(banks, shop.url, party=SHOP)
    announce(banks, 1, parties=[SHOP])
    with worker(banks, clock):
        settle(banks, clock)
        clock.advance(HOUR_S)
        with connect(banks.web) as conn, as_person(conn, SHOP):
            assert log.resend(conn, endpoint, UUID(int=1), clock.now_ns()).state == "waiting"
        settle(banks, clock)
    first, second = shop.received
    assert (first.id, first.body) == (second.id, second.body)
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert is_signed(second, secret)
    assert deliveries(banks, endpoint)[0].attempts == 2


def test_a_test_message_is_sent_whatever_the_topics_are(
    banks: Database, clock: SimulatedClock, shop: Receiver
) -> None:
    endpoint, secret = register(banks, shop.url, party=SHOP, topics=["trade.paid"])
    with worker(banks, clock), connect(banks.web) as conn:
        with as_person(conn, SHOP):
            message = log.send_test(conn, endpoint, clock.now_ns()).message
        settle(banks, clock)
    (received,) = shop.received
    assert received.id == str(message)
    assert received.body.startswith(b'{"type":"webhook.test","timestamp":')
    assert is_signed(received, secret)


def test_while_a_secret_is_replaced_messages_carry_both_signatures(
    banks: Database, clock: SimulatedClock, shop: Receiver
) -> None:
    endpoint, old = register(banks, shop.url, party=SHOP)
    with connect(banks.web) as conn, as_person(conn, SHOP):
        new = endpoints.rotate_secret(conn, endpoints.sealer(banks.secret_key), endpoint, 60, NOW_NS)
    with worker(banks, clock):
        for number in (1, 2):
            announce(banks, number, parties=[SHOP], created_ns=clock.now_ns())
            settle(banks, clock)
            clock.advance(60)
    during, after = shop.received
    assert (is_signed(during, old), is_signed(during, new)) == (True, True)
    assert (is_signed(after, old), is_signed(after, new)) == (False, True)


def test_a_receiver_that_hangs_delays_nobody_else(
    banks: Database, clock: SimulatedClock, shop: Receiver
) -> None:
    held = threading.Event()
    with receiver(lambda _: Reaction(hold=held)) as slow:
        stuck, _ = register(banks, slow.url, party=ANA)
        quick, _ = register(banks, shop.url, party=SHOP)
        announce(banks, *range(100, 300), parties=[ANA])
        announce(banks, *range(1, 100), parties=[SHOP], created_ns=NOW_NS + 1)
        with worker(banks, clock):
            wait_until(lambda: len(slow.received) == CALLS_MAX, "the slow receiver to be called")
            wait_until(lambda: len(set(shop.ids())) == 99, "the quick receiver's messages")
            assert len(slow.received) == CALLS_MAX
            held.set()
            settle(banks, clock)
    for endpoint in (stuck, quick):
        assert {each.state for each in deliveries(banks, endpoint)} == {"delivered"}


def test_more_dead_receivers_than_there_are_lanes_let_the_living_through(
    banks: Database, clock: SimulatedClock, shop: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "LANES_MAX", 2)
    held, calls = threading.Event(), []
    with receiver(lambda _: Reaction(hold=held)) as dead:
        for number in range(4):
            register(banks, dead.url, party=UUID(int=1_000 + number))
        register(banks, shop.url, party=SHOP)
        announce(banks, *range(100, 130), parties=[UUID(int=1_000 + number) for number in range(4)])
        queue(banks)
        clock.advance(1)
        announce(banks, 1, parties=[SHOP], created_ns=clock.now_ns())

        def count_calls(_: Received) -> Reaction:
            calls.append(len(dead.received))
            return Reaction()

        shop.react = count_calls
        with worker(banks, clock, Sender(PRIVATE, limit_s=0.3)):
            wait_until(lambda: bool(calls), "the living receiver's message")
        held.set()
    assert calls[0] <= 6 * CALLS_MAX, "each dead receiver had one turn, and two were having another"


def test_messages_come_in_the_order_of_the_events_as_far_as_they_are_not_sent_together(
    banks: Database, clock: SimulatedClock, shop: Receiver
) -> None:
    register(banks, shop.url, party=SHOP)
    with worker(banks, clock):
        for number in range(1, 30):
            announce(banks, number, parties=[SHOP], created_ns=NOW_NS + number)
        settle(banks, clock)
    places = [UUID(id_).int for id_ in shop.ids()]
    assert all(abs(place - number) <= 2 * CALLS_MAX for number, place in enumerate(places, 1))


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_a_url_that_leads_inside_is_never_called_even_if_it_was_registered(
    banks: Database, clock: SimulatedClock, shop: Receiver, kind: str
) -> None:
    port = shop.url.rsplit(":", 1)[1].split("/")[0]
    endpoint, _ = register(banks, FORBIDDEN[kind].format(port=port), party=SHOP)
    announce(banks, 1, parties=[SHOP])
    with worker(banks, clock, Sender(AnyPort())):
        settle(banks, clock)
    (attempt,) = attempts(banks, endpoint, UUID(int=1))
    assert (attempt.status, attempt.error) == (None, "target_refused")
    assert shop.received == []


def test_what_waits_for_an_endpoint_that_was_disabled_or_suspended_is_not_sent(
    banks: Database, clock: SimulatedClock, shop: Receiver
) -> None:
    disabled, _ = register(banks, shop.url, party=SHOP)
    suspended, _ = register(banks, shop.url, institution=HARBOUR_BANK)
    announce(banks, 1, parties=[SHOP], institution=HARBOUR_BANK)
    queue(banks)
    change(banks, disabled, Changes(enabled=False))
    with connect(banks.owner) as conn:
        conn.execute("UPDATE institution SET state = 'suspended' WHERE number = %s", (HARBOUR_BANK,))
    with worker(banks, clock):
        settle(banks, clock)
    for endpoint in (disabled, suspended):
        (delivery,) = deliveries(banks, endpoint)
        assert (delivery.state, delivery.attempts) == ("failed", 0)
    assert shop.received == []


def test_a_broken_secret_stops_its_endpoint_and_no_other(
    banks: Database, clock: SimulatedClock, shop: Receiver
) -> None:
    broken, _ = register(banks, shop.url, party=ANA)
    register(banks, shop.url, party=SHOP)
    with connect(banks.owner) as conn:
        conn.execute("UPDATE webhook_secret SET sealed = '\\x01' WHERE endpoint = %s", (broken,))
    announce(banks, 1, parties=[ANA, SHOP])
    with worker(banks, clock):
        wait_until(lambda: len(shop.received) == 1, "the sound endpoint's message")
    assert deliveries(banks, broken)[0].state == "waiting"


def test_lost_connections_to_the_database_are_made_anew(
    banks: Database, clock: SimulatedClock, shop: Receiver
) -> None:
    endpoint, _ = register(banks, shop.url, party=SHOP)
    with worker(banks, clock), connect(banks.owner) as conn:
        for number in (1, 2, 3):
            announce(banks, number, parties=[SHOP], created_ns=NOW_NS + number)
            settle(banks, clock)
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE usename LIKE 'karez_worker_%' AND datname = current_database()"
            )
    assert {each.state for each in deliveries(banks, endpoint)} == {"delivered"}
    assert len(set(shop.ids())) == 3


def test_many_workers_at_once_send_each_message_once(
    banks: Database, clock: SimulatedClock, shop: Receiver
) -> None:
    register(banks, shop.url, party=SHOP)
    with receiver() as other:
        register(banks, other.url, party=SHOP)
        announce(banks, *range(1, 201), parties=[SHOP])
        with worker(banks, clock), worker(banks, clock), worker(banks, clock):
            settle(banks, clock)
        for each in (shop, other):
            assert len(each.ids()) == len(set(each.ids())) == 200
