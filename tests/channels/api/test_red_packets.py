"""Red packets over HTTP: one share each, no share twice, and what is left goes back after a day."""

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from karez.core.ids import new_id
from karez.ledger.client import BookClient
from karez.services.asking import Asking
from karez.services.payments.house import read_house
from karez.services.payments.redpackets.due import SWEEPS
from karez.services.payments.redpackets.operations import grab as decide_grab
from karez.services.payments.redpackets.records import read_packet
from karez.services.payments.redpackets.splitting import shares_of
from karez.storage.database import connect
from karez.storage.tenant import as_operator
from tests.channels.api.making import assert_problem, fresh_id
from tests.channels.api.timed import DAY_S, TimedTown
from tests.channels.api.town import CURRENCY, Town, done

SEEDS = range(20 if os.environ.get("KAREZ_LONG") else 2)


def send(
    town: Town, sender: str, amount_minor: int = 1_000, share_count: int = 10, **more: Any
) -> dict[str, Any]:
    body = {
        "id": fresh_id(),
        "currency": CURRENCY,
        "amount_minor": amount_minor,
        "share_count": share_count,
        **more,
    }
    sent: dict[str, Any] = done(town.act(sender, "/v1/red-packets", body), 201).json()
    return sent


def grab(town: Town, packet: str, party: str, key: str | None = None) -> httpx.Response:
    return town.act(party, f"/v1/red-packets/{packet}/grab", key=key)


def read(town: Town, packet: str, party: str) -> dict[str, Any]:
    answer = town.bank.get(f"/v1/red-packets/{packet}", headers={"Acting-For": party})
    found: dict[str, Any] = done(answer, 200).json()
    return found


def balance(town: Town, parties: Sequence[str]) -> int:
    return sum(town.wallet(party)["available_minor"] for party in parties)


def test_everybody_takes_a_share_and_the_shares_are_the_gift(town: Town) -> None:
    sender, takers = town.person(1_000), [town.person() for _ in range(3)]
    packet = send(town, sender, 1_000, 3)["id"]
    assert balance(town, [sender]) == 0
    taken = [done(grab(town, packet, taker), 200).json()["amount_minor"] for taker in takers]
    assert sum(taken) == 1_000
    assert [balance(town, [taker]) for taker in takers] == taken
    assert read(town, packet, sender)["state"] == "empty"
    assert_problem(grab(town, packet, town.person()), 409, "red_packet_empty")


def test_what_is_given_is_reserved_until_it_is_taken(town: Town) -> None:
    sender, taker = town.person(1_000), town.person()
    packet = send(town, sender, 900, 2, split="equal")["id"]
    assert (town.wallet(sender)["available_minor"], town.wallet(sender)["reserved_minor"]) == (100, 900)
    done(grab(town, packet, taker), 200)
    assert (town.wallet(sender)["available_minor"], town.wallet(sender)["reserved_minor"]) == (100, 450)
    assert_problem(town.act(sender, f"/v1/trades/{town.order(town.shop(), 101)}/pay"), 422, "balance_too_low")


def test_an_equal_split_differs_by_one_fen_at_most(town: Town) -> None:
    sender, takers = town.person(100), [town.person() for _ in range(3)]
    packet = send(town, sender, 100, 3, split="equal")["id"]
    assert sorted(done(grab(town, packet, taker), 200).json()["amount_minor"] for taker in takers) == [
        33,
        33,
        34,
    ]


def test_the_split_is_proven_by_the_seed_that_is_shown_at_the_end(town: Town) -> None:
    sender, taker = town.person(500), town.person()
    sent = send(town, sender, 500, 2)
    assert read(town, sent["id"], sender)["seed"] is None
    done(grab(town, sent["id"], taker), 200)
    done(grab(town, sent["id"], sender), 200)
    found = read(town, sent["id"], taker)
    seed = bytes.fromhex(found["seed"])
    assert sha256(seed).hexdigest() == sent["seed_digest"] == found["seed_digest"]
    shares = shares_of("random", 500, 2, seed)
    assert {each["share"]: each["amount_minor"] for each in found["grabs"]} == dict(enumerate(shares))


def test_who_took_what_is_for_those_who_took_part(town: Town) -> None:
    sender, taker, other = town.person(500), town.person(), town.person()
    packet = send(town, sender, 500, 2)["id"]
    done(grab(town, packet, taker), 200)
    assert [each["party"] for each in read(town, packet, sender)["grabs"]] == [taker]
    assert [each["party"] for each in read(town, packet, taker)["grabs"]] == [taker]
    assert read(town, packet, other)["grabs"] is None


def test_a_packet_for_a_group_is_for_nobody_else(town: Town) -> None:
    sender, friend, stranger = town.person(500), town.person(), town.person()
    packet = send(town, sender, 500, 2, recipients=[friend])["id"]
    assert_problem(grab(town, packet, stranger), 404, "red_packet_not_found")
    assert_problem(grab(town, packet, sender), 403, "red_packet_not_for_you")
    done(grab(town, packet, friend), 200)


@pytest.mark.parametrize("seed", SEEDS)
def test_of_64_people_at_once_ten_get_the_ten_shares(town: Town, seed: int) -> None:
    sender, people = town.person(8_800), [town.person() for _ in range(64)]
    packet = send(town, sender, 8_800, 10)["id"]
    with ThreadPoolExecutor(64) as threads:
        answers = list(threads.map(lambda person: grab(town, packet, person), people))
    won = [answer.json() for answer in answers if answer.status_code == 200]
    lost = {answer.json()["code"] for answer in answers if answer.status_code != 200}
    assert len(won) == 10
    assert lost == {"red_packet_empty"}
    assert {each["share"] for each in won} == set(range(10))
    assert sum(each["amount_minor"] for each in won) == 8_800 == balance(town, people)


def test_nobody_waits_for_the_others_to_take_their_shares(town: Town, socket_path: Path) -> None:
    """One after the other, 64 people at 10 shares would need 64 + 63 + ... + 55 = 595 operations."""

    async def operations() -> int:
        book = BookClient(socket_path)
        try:
            return int((await book.statistics())["operations"])
        finally:
            book.close()

    sender, people = town.person(8_800), [town.person() for _ in range(64)]
    packet = send(town, sender, 8_800, 10)["id"]
    before = asyncio.run(operations())
    with ThreadPoolExecutor(64) as threads:
        list(threads.map(lambda person: grab(town, packet, person), people))
    assert asyncio.run(operations()) - before < 300


@pytest.mark.parametrize("seed", SEEDS)
def test_one_person_who_grabs_64_times_at_once_gets_one_share(town: Town, seed: int) -> None:
    sender, greedy = town.person(8_800), town.person()
    packet = send(town, sender, 8_800, 10)["id"]
    with ThreadPoolExecutor(64) as threads:
        answers = list(threads.map(lambda _: grab(town, packet, greedy, fresh_id()), range(64)))
    won = [answer.json() for answer in answers if answer.status_code == 200]
    assert len(won) == 1
    assert {answer.json()["code"] for answer in answers if answer.status_code != 200} == {
        "red_packet_grabbed_before"
    }
    assert balance(town, [greedy]) == won[0]["amount_minor"]
    assert read(town, packet, sender)["left_count"] == 9


def test_one_grab_sent_64_times_has_identical_answers(town: Town) -> None:
    sender, taker = town.person(8_800), town.person()
    packet = send(town, sender, 8_800, 10)["id"]
    with ThreadPoolExecutor(64) as threads:
        answers = list(threads.map(lambda _: grab(town, packet, taker), range(64)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}


def test_one_gift_sent_64_times_is_given_once(town: Town) -> None:
    sender = town.person(1_000)
    body = {"id": fresh_id(), "currency": CURRENCY, "amount_minor": 300, "share_count": 3}
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: town.act(sender, "/v1/red-packets", body), range(64)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert balance(town, [sender]) == 700
    listed = town.bank.get("/v1/red-packets", headers={"Acting-For": sender}).json()
    assert [each["id"] for each in listed["items"]] == [answers[0].json()["id"]]


def test_what_cannot_be_given_or_taken_is_told_by_its_name(town: Town) -> None:
    sender = town.person(100)
    body = {"id": fresh_id(), "currency": CURRENCY, "amount_minor": 101, "share_count": 1}
    assert_problem(town.act(sender, "/v1/red-packets", body), 422, "balance_too_low")
    too_small = {**body, "amount_minor": 1, "share_count": 2}
    assert_problem(town.act(sender, "/v1/red-packets", too_small), 422, "share_too_small")
    packet, penniless = send(town, sender, 100, 2)["id"], fresh_id()
    done(town.bank.post("/v1/people", json={"id": penniless, "name": "No wallet"}), 201)
    assert_problem(grab(town, packet, penniless), 422, "payee_account_not_found")
    assert_problem(grab(town, fresh_id(), sender), 404, "red_packet_not_found")


def test_after_a_day_what_is_left_goes_back(timed_town: TimedTown) -> None:
    town = timed_town
    sender, taker, late = town.person(1_000), town.person(), town.person()
    packet = send(town, sender, 900, 3)["id"]
    taken_minor = done(grab(town, packet, taker), 200).json()["amount_minor"]
    town.clock.leap(DAY_S - 60)
    assert town.sweep(SWEEPS) == 0
    town.clock.leap(120)
    assert_problem(grab(town, packet, late), 409, "red_packet_ended")
    assert town.sweep(SWEEPS) == 1
    assert town.sweep(SWEEPS) == 0
    assert balance(town, [sender]) == 1_000 - taken_minor
    found = read(town, packet, sender)
    assert (found["state"], found["returned_minor"]) == ("ended", 900 - taken_minor)
    assert_problem(grab(town, packet, late), 409, "red_packet_ended")


def test_a_grab_that_was_decided_before_the_end_is_refused_by_the_book_after_it(
    timed_town: TimedTown,
) -> None:
    town = timed_town
    sender, late = town.person(1_000), town.person()
    id_ = send(town, sender, 900, 3)["id"]
    with connect(town.database.web) as conn, as_operator(conn):
        packet, house = read_packet(conn, UUID(id_)), read_house(conn)
    town.clock.leap(DAY_S + 5)
    assert town.sweep(SWEEPS) == 1
    asking = Asking(new_id(packet.sent_ns), "test", b"", packet.sent_ns)
    outcome = town.submit(decide_grab(asking, house, packet, UUID(late)))
    assert (outcome.accepted, outcome.code) == (False, "pending_transfer_already_voided")
    assert balance(town, [sender, late]) == balance(town, [sender]) == 1_000


@pytest.mark.parametrize("seed", SEEDS)
def test_no_fen_is_lost_when_shares_are_taken_while_the_rest_goes_back(
    timed_town: TimedTown, seed: int
) -> None:
    """Grabs that were decided just before the end meet the sweep in the book."""
    town = timed_town
    sender, people = town.person(5_000), [town.person() for _ in range(16)]
    packet = send(town, sender, 5_000, 30)["id"]
    town.clock.leap(DAY_S - 0.15)
    with ThreadPoolExecutor(17) as threads:
        grabs = [threads.submit(grab, town, packet, person) for person in people]
        while town.sweep(SWEEPS) == 0:
            pass
        for each in grabs:
            assert each.result().status_code in (200, 409)
    found = read(town, packet, sender)
    assert found["state"] == "ended"
    assert balance(town, people) == sum(each["amount_minor"] for each in found["grabs"])
    assert balance(town, people) + found["returned_minor"] == 5_000 == balance(town, [sender, *people])
