"""Trades over HTTP: money waits in escrow until the buyer confirms, and every request has one effect."""

from concurrent.futures import ThreadPoolExecutor

from tests.channels.api.making import assert_problem, fresh_id
from tests.channels.api.town import Town, done


def test_money_waits_in_escrow_until_the_buyer_confirms(town: Town) -> None:
    buyer, shop = town.person(10_000), town.shop()
    trade = town.order(shop, 3_000)
    paid = done(town.act(buyer, f"/v1/trades/{trade}/pay"), 200).json()
    assert (paid["state"], paid["held_minor"]) == ("paid", 3_000)
    assert town.wallet(buyer)["available_minor"] == 7_000
    assert town.wallet(shop)["takings_minor"] == 0
    done(town.act(shop, f"/v1/trades/{trade}/ship"), 200)
    confirmed = done(town.act(buyer, f"/v1/trades/{trade}/confirm"), 200).json()
    assert (confirmed["state"], confirmed["held_minor"], confirmed["released_minor"]) == (
        "finished",
        0,
        3_000,
    )
    assert town.wallet(shop)["takings_minor"] == 3_000


def test_a_direct_payment_is_the_shops_at_once(town: Town) -> None:
    buyer, shop = town.person(10_000), town.shop()
    trade = town.order(shop, 3_000, mode="direct")
    assert done(town.act(buyer, f"/v1/trades/{trade}/pay"), 200).json()["state"] == "finished"
    assert town.wallet(shop)["takings_minor"] == 3_000


def test_the_same_request_64_times_is_one_payment_with_identical_answers(town: Town) -> None:
    buyer, shop = town.person(10_000), town.shop()
    trade, key = town.order(shop, 3_000), fresh_id()
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: town.act(buyer, f"/v1/trades/{trade}/pay", key=key), range(64)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}
    assert town.wallet(buyer)["available_minor"] == 7_000


def test_of_64_buyers_at_once_one_pays(town: Town) -> None:
    shop = town.shop()
    buyers = [town.person(5_000) for _ in range(8)]
    trade = town.order(shop, 3_000, mode="direct")
    with ThreadPoolExecutor(16) as threads:
        answers = list(
            threads.map(
                lambda n: town.act(buyers[n % 8], f"/v1/trades/{trade}/pay", key=fresh_id()), range(64)
            )
        )
    assert sorted(answer.status_code for answer in answers)[:2] == [200, 404]
    assert town.wallet(shop)["takings_minor"] == 3_000


def test_too_little_money_or_room_is_told_by_its_name(town: Town) -> None:
    shop, poor, limited = town.shop(), town.person(100), town.person(200_000, level="basic")
    assert_problem(town.act(poor, f"/v1/trades/{town.order(shop, 3_000)}/pay"), 422, "balance_too_low")
    large = town.order(shop, 100_001)
    assert_problem(town.act(limited, f"/v1/trades/{large}/pay"), 422, "payment_limit_exceeded")
    done(town.act(limited, f"/v1/trades/{town.order(shop, 60_000)}/pay"), 200)
    assert_problem(town.act(limited, f"/v1/trades/{town.order(shop, 60_000)}/pay"), 422, "day_limit_exceeded")
    done(town.act(limited, f"/v1/trades/{town.order(shop, 40_000)}/pay"), 200)


def test_a_frozen_wallet_pays_nothing_until_it_is_lifted(town: Town) -> None:
    shop, buyer = town.shop(), town.person(5_000)
    trade = town.order(shop, 3_000)
    town.decide(f"/v1/wallets/{buyer}/CNY/state", {"state": "frozen"})
    assert town.wallet(buyer)["available_minor"] == 0
    town.deposit(buyer, 5_000)
    assert_problem(town.act(buyer, f"/v1/trades/{trade}/pay"), 403, "wallet_frozen")
    town.decide(f"/v1/wallets/{buyer}/CNY/state", {"state": "open"})
    done(town.act(buyer, f"/v1/trades/{trade}/pay"), 200)
    assert town.wallet(buyer)["available_minor"] == 7_000


def test_what_a_state_does_not_know_is_refused_by_name(town: Town) -> None:
    shop, buyer = town.shop(), town.person(5_000)
    trade = town.order(shop, 3_000)
    assert assert_problem(town.act(shop, f"/v1/trades/{trade}/ship"), 409, "trade_state_wrong") == {
        "state": "created"
    }
    done(town.act(shop, f"/v1/trades/{trade}/close"), 200)
    assert_problem(town.act(buyer, f"/v1/trades/{trade}/pay"), 409, "trade_state_wrong")
    assert_problem(town.act(shop, f"/v1/trades/{town.order(shop, 1)}/pay"), 422, "buyer_is_shop")


def test_many_steps_in_one_request_have_an_outcome_each(town: Town) -> None:
    shop, rich, poor = town.shop(), town.person(10_000), town.person(100)
    trades = [town.order(shop, 1_000) for _ in range(4)]
    steps = [{"action": "pay", "trade": trade, "party": rich} for trade in trades[:3]]
    steps += [{"action": "pay", "trade": trades[3], "party": poor}, {**steps[0], "trade": fresh_id()}]
    answers = [done(town.bank.post("/v1/trades/batch", json=steps), 200) for _ in range(2)]
    assert answers[0].content == answers[1].content
    items = answers[0].json()["items"]
    assert [item["receipt"] and item["receipt"]["state"] for item in items] == ["paid"] * 3 + [None] * 2
    assert [item["code"] for item in items] == [None] * 3 + ["balance_too_low", "trade_not_found"]
    confirmed = [{"action": "confirm", "trade": trade, "party": rich} for trade in trades[:3]]
    done(town.bank.post("/v1/trades/batch", json=[*confirmed, *confirmed]), 200)
    assert town.wallet(shop)["takings_minor"] == 3_000
