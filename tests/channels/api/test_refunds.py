"""Refunds over HTTP: partial and repeated, never more than was paid, back to where the money came from."""

import os
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.channels.api.making import assert_problem, fresh_id
from tests.channels.api.town import Town, done

SEEDS = range(20) if os.environ.get("KAREZ_LONG") else range(1)


def refund(
    town: Town, shop: str, trade: str, amount_minor: int, reference: str | None = None, **more: Any
) -> httpx.Response:
    """Refund a part of a trade, as the shop."""
    body = {"reference": reference or fresh_id(), "amount_minor": amount_minor, **more}
    return town.act(shop, f"/v1/trades/{trade}/refunds", body)


def sold(town: Town, amount_minor: int, mode: str = "direct") -> tuple[str, str, str]:
    """Sell something to somebody with 100.00; return shop, buyer and trade."""
    shop, buyer = town.shop(), town.person(10_000)
    trade = town.order(shop, amount_minor, mode=mode)
    done(town.act(buyer, f"/v1/trades/{trade}/pay"), 200)
    return shop, buyer, trade


def test_a_finished_trade_is_refunded_in_parts_until_nothing_is_left(town: Town) -> None:
    shop, buyer, trade = sold(town, 3_000)
    made = done(refund(town, shop, trade, 1_000, "r-1", reason="One is broken", lines=["bowl-2"]), 201).json()
    assert (made["taken_from"], made["parts"]) == ("takings", [{"source": "balance", "amount_minor": 1_000}])
    assert (made["reason"], made["lines"]) == ("One is broken", ["bowl-2"])
    done(refund(town, shop, trade, 1_999, "r-2"), 201)
    assert_problem(refund(town, shop, trade, 2), 422, "refund_exceeds_payment")
    done(refund(town, shop, trade, 1, "r-3"), 201)
    assert_problem(refund(town, shop, trade, 1), 422, "refund_exceeds_payment")
    assert town.wallet(buyer)["available_minor"] == 10_000
    assert town.wallet(shop)["takings_minor"] == 0
    for party in (shop, buyer):
        answer = town.bank.get(f"/v1/trades/{trade}/refunds", headers={"Acting-For": party})
        found = done(answer, 200).json()["items"]
        assert [each["reference"] for each in found] == ["r-3", "r-2", "r-1"]
        assert {**made, "refunded": found[2]["refunded"]} == found[2]


def test_refunds_after_settlement_leave_takings_below_zero(town: Town) -> None:
    shop, _, trade = sold(town, 3_000)
    other_shop_sale = sold(town, 100)
    done(refund(town, shop, trade, 3_000), 201)
    assert town.wallet(shop)["takings_minor"] == 0
    assert town.wallet(other_shop_sale[0])["takings_minor"] == 100


def test_before_it_is_confirmed_the_money_comes_out_of_escrow(town: Town) -> None:
    shop, buyer, trade = sold(town, 3_000, "escrow")
    path = f"/v1/trades/{trade}"
    assert done(refund(town, shop, trade, 800), 201).json()["taken_from"] == "escrow"
    assert town.wallet(buyer)["available_minor"] == 7_800
    facts = assert_problem(refund(town, shop, trade, 2_201), 422, "amount_above_escrow")
    assert facts == {"held_minor": 2_200}
    part = {"amount_minor": 1_200}
    released = done(town.act(buyer, f"{path}/release", part, key=fresh_id()), 200).json()
    assert (released["state"], released["held_minor"], released["released_minor"]) == ("paid", 1_000, 1_200)
    done(town.act(buyer, f"{path}/confirm"), 200)
    assert_problem(refund(town, shop, trade, 2_201), 422, "refund_exceeds_payment")
    assert done(refund(town, shop, trade, 2_200), 201).json()["taken_from"] == "takings"
    assert town.wallet(buyer)["available_minor"] == 10_000
    assert town.wallet(shop)["takings_minor"] == 0


def test_all_that_is_held_refunded_ends_the_trade(town: Town) -> None:
    shop, buyer, trade = sold(town, 3_000, "escrow")
    done(refund(town, shop, trade, 3_000), 201)
    read = town.bank.get(f"/v1/trades/{trade}", headers={"Acting-For": buyer}).json()
    assert (read["state"], read["returned_minor"]) == ("returned", 3_000)
    assert_problem(refund(town, shop, trade, 1), 409, "trade_state_wrong")


def test_a_reference_is_refunded_once_and_its_answer_is_the_same(town: Town) -> None:
    shop, buyer, trade = sold(town, 3_000)
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: refund(town, shop, trade, 700, "only-once"), range(64)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert town.wallet(buyer)["available_minor"] == 7_700
    facts = assert_problem(refund(town, shop, trade, 701, "only-once"), 409, "refund_reference_used")
    assert facts == {"refund": answers[0].json()["id"]}
    assert town.wallet(buyer)["available_minor"] == 7_700


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("mode", ["direct", "escrow"])
def test_64_refunds_at_once_never_exceed_the_payment(town: Town, seed: int, mode: str) -> None:
    chance = random.Random(seed)
    shop, buyer, trade = sold(town, 5_000, mode)
    amounts = [chance.randint(1, 500) for _ in range(64)]
    with ThreadPoolExecutor(32) as threads:
        answers = list(threads.map(lambda amount: refund(town, shop, trade, amount), amounts))
    refunded = sum(
        amount for amount, answer in zip(amounts, answers, strict=True) if answer.status_code == 201
    )
    codes = Counter(answer.json()["code"] for answer in answers if answer.status_code != 201)
    assert codes.keys() <= {"refund_exceeds_payment", "amount_above_escrow", "trade_state_wrong"}
    assert codes
    assert refunded <= 5_000
    # Whatever was refused did not fit any more.
    refused = [a for a, answer in zip(amounts, answers, strict=True) if answer.status_code != 201]
    assert min(refused) > 5_000 - refunded
    assert town.wallet(buyer)["available_minor"] == 5_000 + refunded
    if mode == "direct":
        assert town.wallet(shop)["takings_minor"] == 5_000 - refunded


def test_only_the_shop_refunds_and_only_what_was_paid(town: Town) -> None:
    shop, buyer, trade = sold(town, 3_000)
    assert_problem(refund(town, buyer, trade, 1), 403, "trade_not_yours")
    assert_problem(refund(town, town.shop(), trade, 1), 404, "trade_not_found")
    assert_problem(refund(town, shop, town.order(shop, 100), 1), 409, "trade_state_wrong")
    assert_problem(refund(town, shop, trade, 0), 400, "field_invalid")
    assert_problem(refund(town, shop, trade, 1, reason="x" * 201), 400, "field_invalid")
    assert_problem(refund(town, shop, trade, 1, lines=["l"] * 101), 400, "field_invalid")


def test_a_part_is_released_by_the_buyer_alone_up_to_what_is_held(town: Town) -> None:
    shop, buyer, trade = sold(town, 3_000, "escrow")

    def release(party: str, amount_minor: int, key: str | None) -> httpx.Response:
        return town.act(party, f"/v1/trades/{trade}/release", {"amount_minor": amount_minor}, key=key)

    assert_problem(release(buyer, 1, None), 400, "idempotency_key_missing")
    assert_problem(release(shop, 1, fresh_id()), 403, "trade_not_yours")
    assert_problem(release(buyer, 3_001, fresh_id()), 422, "amount_above_escrow")
    key = fresh_id()
    first, second = release(buyer, 500, key), release(buyer, 500, key)
    assert done(first, 200).content == second.content
    assert town.wallet(shop)["takings_minor"] == 500
    assert done(release(buyer, 2_500, fresh_id()), 200).json()["state"] == "finished"


def test_64_parts_released_at_once_are_what_the_shop_gets(town: Town) -> None:
    shop, buyer, trade = sold(town, 3_000, "escrow")
    body = {"amount_minor": 97}
    with ThreadPoolExecutor(32) as threads:
        answers = list(
            threads.map(
                lambda _: town.act(buyer, f"/v1/trades/{trade}/release", body, key=fresh_id()), range(64)
            )
        )
    assert Counter(answer.status_code for answer in answers) == {200: 30, 422: 34}
    read = town.bank.get(f"/v1/trades/{trade}", headers={"Acting-For": buyer}).json()
    assert (read["held_minor"], read["released_minor"]) == (90, 2_910)
    assert town.wallet(shop)["takings_minor"] == 2_910
