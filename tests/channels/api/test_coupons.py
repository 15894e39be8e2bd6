"""Coupons and payments from several sources over HTTP."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from karez.channels.api.moments import format_moment
from karez.core.clock import SystemClock
from tests.channels.api.making import assert_problem, fresh_id
from tests.channels.api.test_refunds import refund
from tests.channels.api.timed import DAY_S, TimedTown
from tests.channels.api.town import Town, done

SEEDS = range(20) if os.environ.get("KAREZ_LONG") else range(1)
YEAR_NS = 365 * DAY_S * 1_000_000_000
LATER = format_moment(SystemClock().now_ns() + 9 * YEAR_NS)


def campaign(town: Town, face_minor: int, count: int, shop: str | None = None, **more: Any) -> httpx.Response:
    """Try to make a campaign of the bank, or of a shop."""
    body = {
        "reference": fresh_id(),
        "title": "Spring",
        "currency": "CNY",
        "face_minor": face_minor,
        "count": count,
        "until": LATER,
        **more,
    }
    headers = {} if shop is None else {"Acting-For": shop}
    return town.bank.post("/v1/coupon-campaigns", json=body, headers=headers)


def claim(town: Town, party: str, campaign_id: str) -> httpx.Response:
    """Try to claim a coupon."""
    return town.act(party, f"/v1/coupon-campaigns/{campaign_id}/claim")


def coupon(town: Town, party: str, face_minor: int, **more: Any) -> str:
    """Claim a coupon of a new campaign of the bank."""
    made = done(campaign(town, face_minor, 10, **more), 201).json()["id"]
    return str(done(claim(town, party, made), 201).json()["id"])


def pay(town: Town, buyer: str, trade: str, *coupons_and_balance: str) -> httpx.Response:
    """Try to pay from coupons and, where it says so, the balance."""
    sources = [
        {"kind": "balance"} if each == "balance" else {"kind": "coupon", "coupon": each}
        for each in coupons_and_balance
    ]
    return town.act(buyer, f"/v1/trades/{trade}/pay", {"sources": sources})


def coupons_of(town: Town, party: str) -> list[dict[str, Any]]:
    answer = town.bank.get("/v1/coupons", headers={"Acting-For": party})
    return list(done(answer, 200).json()["items"])


def left(town: Town, campaign_id: str, party: str) -> int | None:
    answer = town.bank.get("/v1/coupon-campaigns", params={"limit": 1000}, headers={"Acting-For": party})
    found = {each["id"]: each["left"] for each in done(answer, 200).json()["items"]}
    return found.get(campaign_id)


def test_a_coupon_and_the_balance_pay_together(town: Town) -> None:
    shop, buyer = town.shop(), town.person(10_000)
    trade, gift = town.order(shop, 3_000), coupon(town, buyer, 500)
    assert done(pay(town, buyer, trade, gift, "balance"), 200).json()["held_minor"] == 3_000
    assert town.wallet(buyer)["available_minor"] == 7_500
    (held,) = coupons_of(town, buyer)
    assert (held["state"], held["trade"]) == ("used", trade)
    done(town.act(buyer, f"/v1/trades/{trade}/confirm"), 200)
    assert town.wallet(shop)["takings_minor"] == 3_000


def test_each_source_gives_what_it_has_in_order(town: Town) -> None:
    shop, buyer = town.shop(), town.person(1_800)
    first, second = coupon(town, buyer, 500), coupon(town, buyer, 700)
    enough = town.order(shop, 2_000)
    done(pay(town, buyer, enough, "balance", first, second), 200)
    assert town.wallet(buyer)["available_minor"] == 0
    states = {each["id"]: each["state"] for each in coupons_of(town, buyer)}
    assert states == {first: "used", second: "claimed"}
    too_much = town.order(shop, 701)
    facts = assert_problem(pay(town, buyer, too_much, "balance", second), 422, "sources_too_small")
    assert facts == {"missing_minor": 1}
    assert_problem(pay(town, buyer, too_much, second, "balance"), 422, "balance_too_low")
    assert coupons_of(town, buyer)[0]["state"] == "claimed"


def test_a_refund_goes_back_in_reverse_order_to_the_fen(town: Town) -> None:
    shop, buyer = town.shop(), town.person(10_000)
    campaign_id = done(campaign(town, 500, 10), 201).json()["id"]
    gift = done(claim(town, buyer, campaign_id), 201).json()["id"]
    trade = town.order(shop, 3_000, mode="direct")
    done(pay(town, buyer, trade, gift, "balance"), 200)
    assert left(town, campaign_id, buyer) == 9
    parts = [done(refund(town, shop, trade, amount), 201).json()["parts"] for amount in (2_499, 2, 499)]
    assert parts == [
        [{"source": "balance", "amount_minor": 2_499}],
        [{"source": "balance", "amount_minor": 1}, {"source": "coupon", "amount_minor": 1}],
        [{"source": "coupon", "amount_minor": 499}],
    ]
    assert_problem(refund(town, shop, trade, 1), 422, "refund_exceeds_payment")
    assert town.wallet(buyer)["available_minor"] == 10_000
    assert town.wallet(shop)["takings_minor"] == 0
    # It went back in two parts, so the money is the campaign's and the coupon is spent.
    assert left(town, campaign_id, buyer) == 10
    assert coupons_of(town, buyer)[0]["state"] == "used"


def test_a_payment_that_goes_back_at_once_gives_the_coupon_back(town: Town) -> None:
    shop, buyer = town.shop(), town.person(10_000)
    gift = coupon(town, buyer, 500)
    for mode in ("direct", "escrow"):
        trade = town.order(shop, 3_000, mode=mode)
        done(pay(town, buyer, trade, gift, "balance"), 200)
        done(refund(town, shop, trade, 3_000), 201)
        (held,) = coupons_of(town, buyer)
        assert (held["state"], held["trade"], held["worth_minor"]) == ("claimed", None, 500)
    assert town.wallet(buyer)["available_minor"] == 10_000


def test_a_price_below_the_coupons_worth_uses_all_of_it(town: Town) -> None:
    shop, buyer = town.shop(), town.person()
    campaign_id = done(campaign(town, 500, 1), 201).json()["id"]
    gift = done(claim(town, buyer, campaign_id), 201).json()["id"]
    trade = town.order(shop, 200, mode="direct")
    done(pay(town, buyer, trade, gift), 200)
    assert town.wallet(shop)["takings_minor"] == 200
    assert left(town, campaign_id, buyer) == 0
    done(refund(town, shop, trade, 200), 201)
    assert coupons_of(town, buyer)[0]["worth_minor"] == 200


@pytest.mark.parametrize("seed", SEEDS)
def test_refunds_of_several_sources_at_once_give_each_what_it_gave(town: Town, seed: int) -> None:
    shop, buyer = town.shop(), town.person(10_000)
    trade = town.order(shop, 4_000 + seed, mode="direct")
    done(pay(town, buyer, trade, coupon(town, buyer, 700), coupon(town, buyer, 900), "balance"), 200)
    with ThreadPoolExecutor(32) as threads:
        answers = list(threads.map(lambda n: refund(town, shop, trade, 97 + n), range(64)))
    made = [answer.json() for answer in answers if answer.status_code == 201]
    assert {answer.json()["code"] for answer in answers if answer.status_code != 201} == {
        "refund_exceeds_payment"
    }
    refunded = sum(each["amount_minor"] for each in made)
    assert refunded <= 4_000 + seed
    to_balance = min(refunded, 2_400 + seed)
    assert town.wallet(buyer)["available_minor"] == 7_600 - seed + to_balance
    by_source = [part for each in made for part in each["parts"]]
    assert sum(part["amount_minor"] for part in by_source if part["source"] == "balance") == to_balance
    assert town.wallet(shop)["takings_minor"] == 4_000 + seed - refunded


@pytest.mark.parametrize("seed", SEEDS)
def test_of_64_claims_of_the_last_coupon_one_succeeds(town: Town, seed: int) -> None:
    people = [town.person() for _ in range(64)]
    campaign_id = done(campaign(town, 500 + seed, 1), 201).json()["id"]
    with ThreadPoolExecutor(32) as threads:
        answers = list(threads.map(lambda person: claim(town, person, campaign_id), people))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 63
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"coupons_gone"}
    assert sum(len(coupons_of(town, person)) for person in people) == 1
    assert left(town, campaign_id, people[0]) == 0


def test_a_reference_names_one_campaign_of_a_funder(town: Town) -> None:
    reference = fresh_id()
    first = done(campaign(town, 500, 1, reference=reference), 201)
    assert campaign(town, 500, 1, reference=reference).content == first.content
    told = assert_problem(campaign(town, 600, 1, reference=reference), 409, "campaign_reference_used")
    assert told == {"campaign": first.json()["id"]}


def test_one_person_has_one_coupon_however_often_it_is_claimed(town: Town) -> None:
    person, campaign_id = town.person(), done(campaign(town, 500, 10), 201).json()["id"]
    with ThreadPoolExecutor(32) as threads:
        answers = list(threads.map(lambda _: claim(town, person, campaign_id), range(64)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert left(town, campaign_id, person) == 9


def test_of_64_payments_with_one_coupon_one_succeeds(town: Town) -> None:
    shop, buyer = town.shop(), town.person()
    gift = coupon(town, buyer, 500)
    trades = [town.order(shop, 500, mode="direct") for _ in range(16)]
    with ThreadPoolExecutor(32) as threads:
        answers = list(threads.map(lambda n: pay(town, buyer, trades[n % 16], gift), range(64)))
    assert len({answer.content for answer in answers if answer.status_code == 200}) == 1
    assert {answer.json()["code"] for answer in answers if answer.status_code != 200} == {"coupon_used"}
    assert town.wallet(shop)["takings_minor"] == 500


def test_the_same_payment_64_times_is_one_payment_with_identical_answers(town: Town) -> None:
    shop, buyer = town.shop(), town.person(10_000)
    gift, trade = coupon(town, buyer, 500), town.order(shop, 3_000)
    with ThreadPoolExecutor(32) as threads:
        answers = list(threads.map(lambda _: pay(town, buyer, trade, gift, "balance"), range(64)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}
    assert town.wallet(buyer)["available_minor"] == 7_500
    assert_problem(pay(town, buyer, trade, "balance"), 409, "trade_state_wrong")


def test_a_shops_campaign_is_paid_by_the_shop_and_pays_there_alone(town: Town) -> None:
    shop, other, buyer = town.shop(), town.shop(), town.person(10_000)
    assert_problem(campaign(town, 500, 10, shop), 422, "balance_too_low")
    town.deposit(shop, 6_000)
    campaign_id = done(campaign(town, 500, 10, shop), 201).json()["id"]
    assert town.wallet(shop)["available_minor"] == 1_000
    gift = done(claim(town, buyer, campaign_id), 201).json()["id"]
    elsewhere = town.order(other, 1_000)
    assert_problem(pay(town, buyer, elsewhere, gift, "balance"), 422, "coupon_not_for_this")
    done(pay(town, buyer, town.order(shop, 1_000), gift, "balance"), 200)
    path, key = f"/v1/coupon-campaigns/{campaign_id}/close", fresh_id()
    assert_problem(town.act(other, path, key=fresh_id()), 404, "campaign_not_found")
    closed = done(town.act(shop, path, key=key), 200)
    assert town.act(shop, path, key=key).content == closed.content
    assert town.wallet(shop)["available_minor"] == 5_500
    assert_problem(claim(town, town.person(), campaign_id), 409, "campaign_closed")
    assert claim(town, buyer, campaign_id).json()["id"] == gift
    assert_problem(campaign(town, 500, 10, buyer), 403, "shop_needed")


def test_what_a_coupon_asks_for_is_told_by_its_name(town: Town) -> None:
    shop, buyer, other = town.shop(), town.person(10_000), town.person(10_000)
    gift = coupon(town, buyer, 500, minimum_minor=2_000)
    trade = town.order(shop, 1_999)
    facts = assert_problem(pay(town, buyer, trade, gift, "balance"), 422, "spend_below_minimum")
    assert facts == {"minimum_minor": 2_000}
    assert_problem(pay(town, other, trade, gift, "balance"), 404, "coupon_not_found")
    assert_problem(pay(town, buyer, trade, "balance", "balance"), 422, "source_named_twice")
    assert_problem(pay(town, buyer, trade), 400, "field_invalid")
    unknown = {"sources": [{"kind": "gold"}]}
    assert_problem(town.act(buyer, f"/v1/trades/{trade}/pay", unknown), 400, "field_invalid")
    assert_problem(campaign(town, 500, 1, until="2020-01-01T00:00:00Z"), 422, "campaign_too_short")
    assert_problem(campaign(town, 500, 1, until="2199-01-01T00:00:00Z"), 422, "campaign_too_long")
    assert_problem(campaign(town, 10**17, 10), 422, "amount_too_large")


def test_a_coupon_ends_with_its_time_and_the_money_is_the_campaigns(timed_town: TimedTown) -> None:
    town = timed_town
    shop, buyer = town.shop(), town.person(10_000)
    until = format_moment(town.clock.now_ns() + 5 * DAY_S * 1_000_000_000)
    campaign_id = done(campaign(town, 500, 1, until=until), 201).json()["id"]
    gift = done(claim(town, buyer, campaign_id), 201).json()["id"]
    town.clock.leap(6 * DAY_S)
    trade = town.order(shop, 3_000)
    assert_problem(pay(town, buyer, trade, gift, "balance"), 409, "coupon_expired")
    assert_problem(claim(town, town.person(), campaign_id), 409, "campaign_closed")
    budget = town.bank.get("/v1/coupon-campaigns", params={"limit": 1000}).json()["items"]
    assert campaign_id in [each["id"] for each in budget]
    path = f"/v1/coupon-campaigns/{campaign_id}/close"
    headers = {"Idempotency-Key": fresh_id()}
    assert done(town.bank.post(path, headers=headers), 200).json()["state"] == "closed"


def test_an_institution_lists_and_closes_its_own_campaigns_only(
    town: Town, hill: httpx.Client, harbour: httpx.Client
) -> None:
    campaign_id = done(campaign(town, 500, 10), 201).json()["id"]
    path, headers = f"/v1/coupon-campaigns/{campaign_id}/close", {"Idempotency-Key": fresh_id()}
    assert_problem(hill.post(path, headers=headers), 404, "campaign_not_found")
    assert campaign_id not in hill.get("/v1/coupon-campaigns", params={"limit": 1000}).text
    assert campaign_id in harbour.get("/v1/coupon-campaigns", params={"limit": 1000}).text
    done(harbour.post(path, headers=headers), 200)


def test_only_the_payers_own_money_counts_towards_the_limit(town: Town) -> None:
    shop, buyer = town.shop(), town.person(200_000, level="basic")
    gift = coupon(town, buyer, 50_000)
    trade = town.order(shop, 140_000)
    done(pay(town, buyer, trade, gift, "balance"), 200)
    over = town.order(shop, 10_001)
    assert_problem(pay(town, buyer, over, "balance"), 422, "day_limit_exceeded")
