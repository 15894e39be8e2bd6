"""Holds over HTTP: reserved until captured, released or expired; never captured beyond what is held."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from karez.services.payments.holds.due import SWEEPS
from karez.services.payments.invariants import INVARIANTS
from karez.storage.database import connect
from tests.channels.api.making import assert_problem, fresh_id
from tests.channels.api.timed import DAY_S, TimedTown
from tests.channels.api.town import CURRENCY, Town, done

SEEDS = range(20 if os.environ.get("KAREZ_LONG") else 2)


def place(town: Town, payer: str, shop: str, amount_minor: int = 1_000, **more: Any) -> str:
    body = {
        "id": fresh_id(),
        "shop": shop,
        "title": "Room 12",
        "currency": CURRENCY,
        "amount_minor": amount_minor,
        **more,
    }
    return str(done(town.act(payer, "/v1/holds", body), 201).json()["id"])


def capture(
    town: Town, hold: str, shop: str, amount_minor: int, *, final: bool = True, reference: str | None = None
) -> httpx.Response:
    body = {"reference": reference or fresh_id(), "amount_minor": amount_minor, "final": final}
    return town.act(shop, f"/v1/holds/{hold}/capture", body)


def read(town: Town, hold: str, party: str) -> dict[str, Any]:
    answer = town.bank.get(f"/v1/holds/{hold}", headers={"Acting-For": party})
    found: dict[str, Any] = done(answer, 200).json()
    return found


def purse(town: Town, party: str) -> tuple[int, int]:
    wallet = town.wallet(party)
    return wallet["available_minor"], wallet["reserved_minor"]


def test_what_is_held_cannot_be_spent_and_is_nobody_elses_yet(town: Town) -> None:
    payer, shop = town.person(1_500), town.shop()
    hold = place(town, payer, shop, reference="booking-81")
    assert purse(town, payer) == (500, 1_000)
    assert town.wallet(shop)["takings_minor"] == 0
    assert_problem(town.act(payer, f"/v1/trades/{town.order(shop, 501)}/pay"), 422, "balance_too_low")
    for party in (payer, shop):
        found = read(town, hold, party)
        assert (found["state"], found["held_minor"], found["reference"]) == ("held", 1_000, "booking-81")


def test_a_capture_takes_a_part_and_the_rest_is_free(town: Town) -> None:
    payer, shop = town.person(1_500), town.shop()
    hold = place(town, payer, shop)
    taken = done(capture(town, hold, shop, 400), 200).json()
    assert taken["hold"] == {
        "id": hold,
        "state": "captured",
        "currency": CURRENCY,
        "amount_minor": 1_000,
        "held_minor": 0,
        "captured_minor": 400,
    }
    assert purse(town, payer) == (1_100, 0)
    assert town.wallet(shop)["takings_minor"] == 400
    assert_problem(capture(town, hold, shop, 1), 409, "hold_state_wrong")


def test_a_capture_is_a_direct_trade_of_the_shop(town: Town) -> None:
    payer, shop = town.person(1_500), town.shop()
    taken = done(capture(town, place(town, payer, shop), shop, 400, reference="night-1"), 200).json()
    for party in (payer, shop):
        answer = town.bank.get(f"/v1/trades/{taken['trade']}", headers={"Acting-For": party})
        trade = done(answer, 200).json()
        assert (trade["reference"], trade["mode"], trade["state"]) == ("night-1", "direct", "finished")
        assert (trade["buyer"], trade["shop"], trade["released_minor"]) == (payer, shop, 400)


def test_what_is_held_is_captured_in_several_parts(town: Town) -> None:
    payer, shop = town.person(1_000), town.shop()
    hold = place(town, payer, shop)
    done(capture(town, hold, shop, 300, final=False), 200)
    assert purse(town, payer) == (0, 700)
    facts = assert_problem(capture(town, hold, shop, 701), 422, "capture_exceeds_hold")
    assert facts == {"held_minor": 700}
    done(capture(town, hold, shop, 200, final=False), 200)
    done(capture(town, hold, shop, 100), 200)
    assert purse(town, payer) == (400, 0)
    assert town.wallet(shop)["takings_minor"] == 600
    assert read(town, hold, shop)["state"] == "captured"


def test_a_capture_of_all_ends_the_hold_even_if_more_was_to_come(town: Town) -> None:
    payer, shop = town.person(1_000), town.shop()
    hold = place(town, payer, shop)
    assert done(capture(town, hold, shop, 1_000, final=False), 200).json()["hold"]["state"] == "captured"


def test_the_shop_releases_what_it_does_not_need(town: Town) -> None:
    payer, shop = town.person(1_000), town.shop()
    hold = place(town, payer, shop)
    assert_problem(town.act(payer, f"/v1/holds/{hold}/release"), 403, "hold_not_yours")
    assert_problem(capture(town, hold, payer, 1), 403, "hold_not_yours")
    first = done(town.act(shop, f"/v1/holds/{hold}/release"), 200)
    assert done(town.act(shop, f"/v1/holds/{hold}/release"), 200).content == first.content
    assert purse(town, payer) == (1_000, 0)
    assert_problem(capture(town, hold, shop, 1), 409, "hold_state_wrong")


def test_a_reference_of_another_trade_is_refused(town: Town) -> None:
    payer, shop = town.person(1_000), town.shop()
    town.order(shop, 5, reference="used")
    assert_problem(capture(town, place(town, payer, shop), shop, 5, reference="used"), 409, "reference_used")


def test_a_hold_keeps_to_the_limits_and_needs_a_shop(town: Town) -> None:
    limited, shop = town.person(200_000, level="basic"), town.shop()
    body = {"id": fresh_id(), "shop": shop, "title": "x", "currency": CURRENCY, "amount_minor": 100_001}
    assert_problem(town.act(limited, "/v1/holds", body), 422, "payment_limit_exceeded")
    place(town, limited, shop, 60_000)
    assert_problem(
        town.act(limited, "/v1/holds", {**body, "amount_minor": 60_000}), 422, "day_limit_exceeded"
    )
    nowhere = {**body, "id": fresh_id(), "shop": town.person(), "amount_minor": 1}
    assert_problem(town.act(limited, "/v1/holds", nowhere), 422, "payee_account_not_found")
    assert_problem(town.act(shop, "/v1/holds", {**nowhere, "shop": shop}), 422, "buyer_is_shop")


def test_a_captured_payment_is_refused_when_the_payer_is_frozen_only_if_it_was_not_held(town: Town) -> None:
    payer, shop = town.person(1_000), town.shop()
    hold = place(town, payer, shop, 600)
    town.decide(f"/v1/wallets/{payer}/CNY/state", {"state": "frozen"})
    done(capture(town, hold, shop, 200, final=False), 200)
    done(capture(town, hold, shop, 400), 200)
    assert town.wallet(shop)["takings_minor"] == 600


@pytest.mark.parametrize("seed", SEEDS)
def test_64_captures_at_once_never_take_more_than_is_held(town: Town, seed: int) -> None:
    payer, shop = town.person(2_000), town.shop()
    hold = place(town, payer, shop, 1_000)
    with ThreadPoolExecutor(64) as threads:
        answers = list(threads.map(lambda _: capture(town, hold, shop, 90, final=False), range(64)))
    taken = [answer for answer in answers if answer.status_code == 200]
    assert len(taken) == 11
    assert {answer.json()["code"] for answer in answers if answer.status_code != 200} == {
        "capture_exceeds_hold"
    }
    assert town.wallet(shop)["takings_minor"] == 990
    assert purse(town, payer) == (1_000, 10)


@pytest.mark.parametrize("seed", SEEDS)
def test_of_64_final_captures_and_releases_at_once_one_ends_the_hold(town: Town, seed: int) -> None:
    payer, shop = town.person(1_000), town.shop()
    hold = place(town, payer, shop, 1_000)

    def step(number: int) -> httpx.Response:
        if number % 2:
            return town.act(shop, f"/v1/holds/{hold}/release", key=fresh_id())
        return capture(town, hold, shop, 700)

    with ThreadPoolExecutor(64) as threads:
        answers = list(threads.map(step, range(64)))
    assert [answer.status_code for answer in answers].count(200) == 1
    assert {answer.json()["code"] for answer in answers if answer.status_code != 200} == {"hold_state_wrong"}
    captured_minor = read(town, hold, payer)["captured_minor"]
    assert purse(town, payer) == (1_000 - captured_minor, 0)
    assert town.wallet(shop)["takings_minor"] == captured_minor


def test_one_capture_sent_64_times_has_identical_answers(town: Town) -> None:
    payer, shop = town.person(1_000), town.shop()
    hold, reference = place(town, payer, shop, 1_000), fresh_id()
    with ThreadPoolExecutor(64) as threads:
        answers = list(
            threads.map(lambda _: capture(town, hold, shop, 90, final=False, reference=reference), range(64))
        )
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}
    assert town.wallet(shop)["takings_minor"] == 90


def test_both_sides_find_it_in_their_lists(town: Town) -> None:
    payer, shop = town.person(1_000), town.shop()
    held = [place(town, payer, shop, 10) for _ in range(3)]
    for party, side in ((payer, "placed"), (shop, "received")):
        answer = town.bank.get("/v1/holds", params={"side": side}, headers={"Acting-For": party})
        assert [each["id"] for each in answer.json()["items"]] == held[::-1]
    answer = town.bank.get("/v1/holds", params={"side": "received"}, headers={"Acting-For": payer})
    assert answer.json()["items"] == []


def test_a_hold_ends_by_itself_and_its_row_learns_of_it(timed_town: TimedTown) -> None:
    town = timed_town
    payer, shop = town.person(1_000), town.shop()
    hold = place(town, payer, shop, expires_in_s=DAY_S)
    done(capture(town, hold, shop, 100, final=False), 200)
    town.clock.leap(DAY_S - 60)
    assert town.sweep(SWEEPS) == 0
    done(capture(town, hold, shop, 100, final=False), 200)
    town.clock.leap(120)
    assert_problem(capture(town, hold, shop, 100), 409, "hold_expired")
    assert_problem(town.act(shop, f"/v1/holds/{hold}/release"), 409, "hold_expired")
    assert town.sweep(SWEEPS) == 1
    assert town.sweep(SWEEPS) == 0
    found = read(town, hold, payer)
    assert (found["state"], found["held_minor"], found["captured_minor"]) == ("expired", 0, 200)
    assert_problem(capture(town, hold, shop, 100), 409, "hold_expired")
    town.deposit(payer, 1)  # a commit of the book, which looks for what has expired
    assert purse(town, payer) == (801, 0)


def test_what_is_captured_of_holds_is_paid_once_in_the_book_and_in_the_trades(timed_town: TimedTown) -> None:
    town = timed_town
    payer, shop = town.person(5_000), town.shop()
    hold = place(town, payer, shop, expires_in_s=DAY_S)
    done(capture(town, hold, shop, 100, final=False), 200)
    done(capture(town, place(town, payer, shop), shop, 300), 200)
    done(town.act(shop, f"/v1/holds/{place(town, payer, shop)}/release"), 200)
    town.clock.leap(DAY_S + 5)
    town.sweep(SWEEPS)
    town.deposit(payer, 1)
    with connect(town.database.owner) as conn:
        assert [violation for invariant in INVARIANTS for violation in invariant(conn)] == []
