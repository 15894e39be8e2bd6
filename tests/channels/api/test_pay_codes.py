"""Payers show one-time codes and shops charge them, over HTTP."""

from datetime import datetime

import pytest

from tests.channels.api.making import assert_problem, fresh_id
from tests.channels.api.till import (
    charge,
    code_of_order,
    funds,
    pay,
    pay_code,
    read,
    sticker,
    takings,
    tea_house,
)
from tests.channels.api.timed import TimedTown
from tests.channels.api.town import Town, done
from tests.services.payments.qr.payloads import ANNEX, SHOWN_BY_A_PAYER


def test_a_payer_shows_a_code_the_shop_charges_it_and_both_see_it(town: Town) -> None:
    shop, ana = town.shop(), town.person(10_000)
    shown = pay_code(town, ana)
    assert len(shown["code"]) == 18
    assert done(read(town, ana, f"/v1/pay-codes/{shown['id']}"), 200).json()["state"] == "open"
    charged = done(charge(town, shop, shown["code"], 1_230), 201)
    trade = charged.json()
    assert (trade["state"], trade["released_minor"]) == ("finished", 1_230)
    assert charged.headers["location"] == f"/v1/trades/{trade['id']}"
    seen = done(read(town, ana, f"/v1/pay-codes/{shown['id']}"), 200).json()
    assert (seen["state"], seen["trade"]) == ("used", trade["id"])
    assert done(read(town, ana, f"/v1/trades/{trade['id']}"), 200).json()["title"] == "Green tea"
    assert done(read(town, ana, "/v1/trades"), 200).json()["items"][0]["id"] == trade["id"]
    assert (funds(town, ana), takings(town, shop)) == (8_770, 1_230)
    assert_problem(read(town, ana, f"/v1/pay-codes/{shown['id']}/picture"), 409, "pay_code_used")


def test_a_code_is_valid_for_a_minute_and_the_same_request_gets_the_same(town: Town) -> None:
    ana, key = town.person(), fresh_id()
    first = done(town.act(ana, "/v1/pay-codes", None, key), 201)
    assert done(town.act(ana, "/v1/pay-codes", None, key), 201).content == first.content
    assert pay_code(town, ana)["code"] != first.json()["code"]
    moment = datetime.fromisoformat(first.json()["expires"].replace("000Z", "+00:00")[:26] + "+00:00")
    assert 0 < moment.timestamp() - datetime.now().timestamp() <= 60
    assert_problem(town.act(ana, "/v1/pay-codes"), 400, "idempotency_key_missing")


def test_a_code_pays_into_escrow_and_for_an_order_that_was_there_before(town: Town) -> None:
    shop, ana = tea_house(town), town.person(10_000)
    held = done(charge(town, shop, pay_code(town, ana)["code"], 1_000, mode="escrow"), 201).json()
    assert (held["state"], held["held_minor"]) == ("paid", 1_000)
    trade, _ = code_of_order(town, shop, 2_500)
    body, key = {"pay_code": pay_code(town, ana)["code"]}, fresh_id()
    paid = done(town.act(shop, f"/v1/trades/{trade}/charge", body, key), 200)
    assert done(town.act(shop, f"/v1/trades/{trade}/charge", body, key), 200).content == paid.content
    assert (paid.json()["id"], paid.json()["held_minor"]) == (trade, 2_500)
    again = town.act(
        shop, f"/v1/trades/{trade}/charge", {"pay_code": pay_code(town, ana)["code"]}, fresh_id()
    )
    assert_problem(again, 409, "trade_state_wrong")
    assert funds(town, ana) == 6_500


def test_a_shop_charges_its_own_orders_only(town: Town) -> None:
    shop, other, ana = tea_house(town), town.shop(), town.person(10_000)
    trade, _ = code_of_order(town, shop, 2_500)
    body = {"pay_code": pay_code(town, ana)["code"]}
    assert_problem(town.act(other, f"/v1/trades/{trade}/charge", body, fresh_id()), 403, "trade_not_yours")
    assert_problem(
        town.act(other, f"/v1/trades/{fresh_id()}/charge", body, fresh_id()), 404, "trade_not_found"
    )
    assert funds(town, ana) == 10_000


def test_a_shop_that_has_lost_the_answer_asks_again_or_asks_for_the_sale(town: Town) -> None:
    shop, ana = town.shop(), town.person(10_000)
    code, key, reference = pay_code(town, ana)["code"], fresh_id(), fresh_id()
    missing = read(town, shop, "/v1/charges", reference=reference)
    assert_problem(missing, 404, "charge_not_found")
    first = done(charge(town, shop, code, 1_000, key, reference=reference), 201)
    assert done(charge(town, shop, code, 1_000, key, reference=reference), 201).content == first.content
    found = done(read(town, shop, "/v1/charges", reference=reference), 200)
    assert found.json() == first.json()
    assert_problem(read(town, town.shop(), "/v1/charges", reference=reference), 404, "charge_not_found")
    different = charge(town, shop, code, 999, key, reference=reference)
    assert_problem(different, 409, "pay_code_used")
    assert funds(town, ana) == 9_000


def test_a_used_code_and_a_used_reference_are_told_apart(town: Town) -> None:
    shop, ana = town.shop(), town.person(10_000)
    code, reference = pay_code(town, ana)["code"], fresh_id()
    done(charge(town, shop, code, 1_000, reference=reference), 201)
    assert_problem(charge(town, shop, code, 1_000), 409, "pay_code_used")
    fresh = pay_code(town, ana)["code"]
    assert_problem(charge(town, shop, fresh, 1_000, reference=reference), 409, "reference_used")
    done(charge(town, shop, fresh, 1_000), 201)


@pytest.mark.parametrize(
    ("level", "balance_minor", "amount_minor", "code"),
    [
        ("full", 1_000, 1_001, "balance_too_low"),
        ("basic", 500_000, 100_001, "payment_limit_exceeded"),
        ("basic", 500_000, 60_000, "day_limit_exceeded"),
    ],
)
def test_a_code_that_could_not_pay_is_still_good_for_less(
    town: Town, level: str, balance_minor: int, amount_minor: int, code: str
) -> None:
    shop, ana = town.shop(), town.person(balance_minor, level)
    if code == "day_limit_exceeded":
        done(charge(town, shop, pay_code(town, ana)["code"], 60_000), 201)
    shown, reference = pay_code(town, ana), fresh_id()
    assert_problem(charge(town, shop, shown["code"], amount_minor, reference=reference), 422, code)
    assert_problem(read(town, shop, "/v1/charges", reference=reference), 404, "charge_not_found")
    done(charge(town, shop, shown["code"], 1_000, reference=reference), 201)


def test_a_frozen_wallet_and_a_payer_without_one_are_not_charged(town: Town) -> None:
    shop, ana, ben = town.shop(), town.person(1_000), town.person(1_000)
    code = pay_code(town, ana)["code"]
    town.decide(f"/v1/wallets/{ana}/CNY/state", {"state": "frozen"})
    assert_problem(charge(town, shop, code, 100), 403, "wallet_frozen")
    abroad = charge(town, shop, pay_code(town, ben)["code"], 100, currency="EUR")
    assert_problem(abroad, 422, "pay_code_without_wallet")
    assert_problem(charge(town, shop, pay_code(town, shop)["code"], 100), 422, "buyer_is_shop")
    without_takings = charge(town, town.person(), pay_code(town, ben)["code"], 100)
    assert_problem(without_takings, 422, "payee_account_not_found")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "28",
        "291234567890123456",
        "２８１２３４５６７８９０１２３４５６",
        "28" + "🍵" * 16,
        ANNEX,
        "9" * 600,
    ],
)
def test_what_is_no_pay_code_is_refused(town: Town, text: str) -> None:
    assert_problem(charge(town, town.shop(), text, 100), 422, "pay_code_malformed")


def test_a_payers_code_of_another_scheme_is_named(town: Town) -> None:
    answer = charge(town, town.shop(), SHOWN_BY_A_PAYER, 100)
    assert_problem(answer, 422, "pay_code_malformed")
    assert "another scheme" in answer.json()["detail"]


def test_amounts_that_cannot_be_are_refused(town: Town) -> None:
    shop, ana = town.shop(), town.person(1_000)
    code = pay_code(town, ana)["code"]
    for amount_minor in (0, -1, 2**63):
        assert_problem(charge(town, shop, code, amount_minor), 400, "field_invalid")
    assert_problem(charge(town, shop, code, 2**63 - 1), 422, "amount_too_large")
    done(charge(town, shop, code, 1_000), 201)


def test_a_shop_cannot_guess_and_others_are_served_meanwhile(town: Town) -> None:
    shop, other, ana = town.shop(), town.shop(), town.person(10_000)
    answers = [charge(town, shop, f"28{number:016}", 1) for number in range(40)]
    codes = [answer.json()["code"] for answer in answers]
    assert codes[:30] == ["pay_code_unknown"] * 30
    assert codes[-1] == "rate_limited"
    assert int(answers[-1].headers["retry-after"]) >= 1
    shown = pay_code(town, ana)["code"]
    assert_problem(charge(town, shop, shown, 100), 429, "rate_limited")
    done(charge(town, other, shown, 100), 201)


def test_a_shop_cannot_search_for_what_a_payer_has(town: Town) -> None:
    shop, ana = town.shop(), town.person(10_000)
    code = pay_code(town, ana)["code"]
    told = [charge(town, shop, code, 10_001 + number).json()["code"] for number in range(32)]
    assert told[:30] == ["balance_too_low"] * 30
    assert told[-1] == "rate_limited"


def test_nobody_sees_the_code_of_another_payer(town: Town) -> None:
    ana, ben = town.person(), town.person()
    shown = pay_code(town, ana)
    for path in (f"/v1/pay-codes/{shown['id']}", f"/v1/pay-codes/{shown['id']}/picture"):
        assert_problem(read(town, ben, path), 404, "pay_code_unknown")


def test_after_a_minute_a_code_pays_nobody(timed_town: TimedTown) -> None:
    town = timed_town
    shop, ana = town.shop(), town.person(1_000)
    shown = pay_code(town, ana)
    town.clock.leap(61)
    assert_problem(charge(town, shop, shown["code"], 100), 409, "pay_code_expired")
    path = f"/v1/pay-codes/{shown['id']}"
    assert done(read(town, ana, path), 200).json()["state"] == "expired"
    assert_problem(read(town, ana, f"{path}/picture"), 409, "pay_code_expired")
    assert town.wallet(ana)["available_minor"] == 1_000


def test_a_charge_that_the_rules_against_fraud_stop_leaves_the_code_as_it_was(timed_town: TimedTown) -> None:
    town = timed_town
    rule = {"kind": "amount_band", "currency": "CNY", "from_minor": 50_000, "outcome": "refuse"}
    town.judge_by({"huge": rule})
    shop, ana = tea_house(town), town.person(100_000)
    shown = pay_code(town, ana)
    assert_problem(charge(town, shop, shown["code"], 50_000), 403, "payment_refused")
    assert_problem(pay(town, ana, sticker(town, shop)["text"], 50_000), 403, "payment_refused")
    assert done(read(town, ana, f"/v1/pay-codes/{shown['id']}"), 200).json()["state"] == "open"
    done(charge(town, shop, shown["code"], 49_999), 201)
    assert town.wallet(ana)["available_minor"] == 50_001
