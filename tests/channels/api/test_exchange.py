"""Exchange over HTTP: each currency balances, quotes are used once and in time, and no limit is exceeded."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from karez.services.payments.settlement.due import SWEEPS
from karez.services.payments.trades import due as trades
from karez.storage.database import connect
from tests.channels.api.making import HARBOUR_BANK, assert_problem, fresh_id
from tests.channels.api.timed import DAY_S, TimedTown
from tests.channels.api.town import done, open_town

_SUMS = """
SELECT u.code, sum(m.posted_change * side.sign)::bigint
FROM transfer_movement m
CROSS JOIN (VALUES (1), (-1)) AS side (sign)
JOIN account a ON a.id = CASE side.sign WHEN 1 THEN m.credit_account ELSE m.debit_account END
JOIN unit u ON u.number = a.ledger
GROUP BY u.code
"""


def in_days(town: TimedTown, days: int) -> str:
    now = datetime.fromtimestamp(town.clock.now_ns() / 1e9, UTC)
    return (now + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def put(client: httpx.Client, path: str, body: Any) -> httpx.Response:
    return client.put(path, json=body, headers={"Idempotency-Key": fresh_id()})


def give_rate(town: TimedTown, ask: int = 70_000, days: int = 3_000) -> None:
    body = {
        "id": fresh_id(),
        "base": "USD",
        "counter": "CNY",
        "bid": 69_000,
        "ask": ask,
        "scale": 4,
        "valid_until": in_days(town, days),
    }
    done(town.bank.post("/v1/exchange-rates", json=body), 201)


@pytest.fixture(scope="module")
def market(timed_town: TimedTown) -> TimedTown:
    """The town with USD, exchanged through Harbour Bank at 7.0000 with a margin of 1 %."""
    open_town(timed_town.bank, timed_town.operator, "USD")
    for currency in ("USD", "CNY"):
        done(put(timed_town.bank, f"/v1/exchange-limits/{currency}", {"limit_minor": 10_000_000}), 200)
    pair = {"paid": "CNY", "priced": "USD", "margin_bps": 100, "quote_s": 300}
    done(put(timed_town.operator, "/v1/exchange-pairs", pair), 200)
    give_rate(timed_town)
    return timed_town


def sold_in_usd(town: TimedTown, price_minor: int, mode: str = "direct") -> tuple[str, str]:
    shop = town.party("shops", currency="USD")
    return shop, town.order(shop, price_minor, currency="USD", mode=mode)


def ask_quote(town: TimedTown, buyer: str, trade: str) -> dict[str, Any]:
    body = {"trade": trade, "currency": "CNY"}
    return dict(done(town.act(buyer, "/v1/exchange-quotes", body, fresh_id()), 201).json())


def position(town: TimedTown, currency: str) -> dict[str, int]:
    items = done(town.bank.get("/v1/exchange-positions"), 200).json()["items"]
    (found,) = [each for each in items if each["currency"] == currency]
    return dict(found)


def sums(town: TimedTown) -> set[int]:
    with connect(town.database.owner) as conn:
        return {total for _, total in _rows(conn)}


def _rows(conn: psycopg.Connection[Any]) -> list[tuple[str, int]]:
    return [(code, total) for code, total in conn.execute(_SUMS)]


def test_a_buyer_with_yuan_pays_what_is_priced_in_dollars(market: TimedTown) -> None:
    buyer = market.person(10_000)
    shop, trade = sold_in_usd(market, 1_000)
    before = {currency: position(market, currency)["position_minor"] for currency in ("USD", "CNY")}
    quote = ask_quote(market, buyer, trade)
    assert (quote["price_minor"], quote["paid_minor"], quote["margin_minor"]) == (1_000, 7_070, 70)
    paid = done(market.act(buyer, f"/v1/exchange-quotes/{quote['id']}/pay"), 200).json()
    assert (paid["state"], paid["currency"], paid["amount_minor"]) == ("finished", "USD", 1_000)
    assert market.wallet(buyer)["available_minor"] == 10_000 - 7_070
    assert market.wallet(shop, "USD")["takings_minor"] == 1_000
    assert position(market, "USD")["position_minor"] - before["USD"] == -1_000
    assert position(market, "CNY")["position_minor"] - before["CNY"] == 7_000
    assert sums(market) == {0}


def test_a_bank_that_delivers_squares_the_position(market: TimedTown) -> None:
    buyer = market.person(10_000)
    _, trade = sold_in_usd(market, 1_000)
    quote = ask_quote(market, buyer, trade)
    done(market.act(buyer, f"/v1/exchange-quotes/{quote['id']}/pay"), 200)
    before = position(market, "USD")["position_minor"]
    body = {
        "id": fresh_id(),
        "institution": HARBOUR_BANK,
        "delivered": {"currency": "USD", "amount_minor": 1_000},
        "paid": {"currency": "CNY", "amount_minor": 7_000},
    }
    first = done(market.operator.post("/v1/exchange-settlements", json=body), 201)
    assert market.operator.post("/v1/exchange-settlements", json=body).content == first.content
    assert position(market, "USD")["position_minor"] - before == 1_000
    assert sums(market) == {0}


def test_the_shop_is_settled_in_its_own_currency(market: TimedTown) -> None:
    buyer = market.person(10_000)
    shop, trade = sold_in_usd(market, 1_000)
    plan = {"shop": shop, "currency": "USD", "terms": [{"rate_bps": 100}]}
    done(
        market.operator.post("/v1/fee-plans", json=plan, headers={"Idempotency-Key": fresh_id()}),
        201,
    )
    quote = ask_quote(market, buyer, trade)
    done(market.act(buyer, f"/v1/exchange-quotes/{quote['id']}/pay"), 200)
    market.clock.leap(4 * DAY_S)
    while market.sweep(SWEEPS):
        pass
    assert market.wallet(shop, "USD")["available_minor"] == 990


def test_a_quote_ends_with_its_time(market: TimedTown) -> None:
    buyer = market.person(10_000)
    _, trade = sold_in_usd(market, 1_000)
    quote = ask_quote(market, buyer, trade)
    market.clock.leap(301)
    late = market.act(buyer, f"/v1/exchange-quotes/{quote['id']}/pay")
    assert_problem(late, 409, "exchange_quote_expired")
    assert market.wallet(buyer)["available_minor"] == 10_000


def test_a_quote_holds_while_the_rate_moves_and_is_used_once(market: TimedTown) -> None:
    buyer = market.person(100_000)
    _, trade = sold_in_usd(market, 1_000)
    quote, other = ask_quote(market, buyer, trade), ask_quote(market, buyer, trade)
    give_rate(market, ask=90_000)
    try:
        done(market.act(buyer, f"/v1/exchange-quotes/{quote['id']}/pay"), 200)
        assert market.wallet(buyer)["available_minor"] == 100_000 - 7_070
        _, dear = sold_in_usd(market, 1_000)
        assert ask_quote(market, buyer, dear)["paid_minor"] == 9_090
    finally:
        give_rate(market)
    again = market.act(buyer, f"/v1/exchange-quotes/{quote['id']}/pay", key=fresh_id())
    assert_problem(again, 409, "exchange_quote_used")
    paid = market.act(buyer, f"/v1/exchange-quotes/{other['id']}/pay")
    assert_problem(paid, 409, "trade_state_wrong")


def test_another_ones_quote_is_as_if_there_were_none(market: TimedTown) -> None:
    buyer, other = market.person(10_000), market.person(10_000)
    _, trade = sold_in_usd(market, 1_000)
    quote = ask_quote(market, buyer, trade)
    foreign = market.act(other, f"/v1/exchange-quotes/{quote['id']}/pay")
    assert_problem(foreign, 404, "exchange_quote_not_found")


def test_of_64_at_once_one_pays_and_the_same_request_has_identical_answers(market: TimedTown) -> None:
    buyer = market.person(100_000)
    _, trade = sold_in_usd(market, 1_000)
    quote, key = ask_quote(market, buyer, trade), fresh_id()
    path = f"/v1/exchange-quotes/{quote['id']}/pay"
    with ThreadPoolExecutor(16) as threads:
        answers = list(
            threads.map(lambda n: market.act(buyer, path, key=key if n % 2 else fresh_id()), range(64))
        )
    same = {(answer.status_code, answer.content) for answer in answers[1::2]}
    paid = {answer.content for answer in answers if answer.status_code == 200}
    assert len(same) == 1
    assert len(paid) == 1
    assert market.wallet(buyer)["available_minor"] == 100_000 - 7_070
    assert sums(market) == {0}


def test_however_many_buy_at_once_no_more_is_sold_than_the_bank_grants(market: TimedTown) -> None:
    sold = -position(market, "USD")["position_minor"]
    done(put(market.bank, "/v1/exchange-limits/USD", {"limit_minor": sold + 3_500}), 200)
    try:
        buyers = [market.person(10_000) for _ in range(64)]
        quotes = [ask_quote(market, buyer, sold_in_usd(market, 1_000)[1]) for buyer in buyers]
        with ThreadPoolExecutor(16) as threads:
            answers = list(
                threads.map(
                    lambda n: market.act(buyers[n], f"/v1/exchange-quotes/{quotes[n]['id']}/pay"), range(64)
                )
            )
        assert [answer.status_code for answer in answers].count(200) == 3
        for answer in answers:
            if answer.status_code != 200:
                assert_problem(answer, 409, "exchange_limit_exceeded")
        assert position(market, "USD")["available_minor"] == 500
        lower = put(market.bank, "/v1/exchange-limits/USD", {"limit_minor": sold})
        assert_problem(lower, 409, "exchange_limit_in_use")
    finally:
        done(put(market.bank, "/v1/exchange-limits/USD", {"limit_minor": 10_000_000}), 200)
    assert sums(market) == {0}


def test_money_that_goes_back_is_the_payers_own_currency_again(market: TimedTown) -> None:
    buyer = market.person(10_000)
    _, trade = sold_in_usd(market, 1_000, mode="escrow")
    quote = ask_quote(market, buyer, trade)
    done(market.act(buyer, f"/v1/exchange-quotes/{quote['id']}/pay"), 200)
    market.clock.leap(31 * DAY_S)
    while market.sweep(trades.SWEEPS):
        pass
    assert market.wallet(buyer)["available_minor"] == 10_000
    assert sums(market) == {0}


def refund(town: TimedTown, shop: str, trade: str, amount_minor: int) -> httpx.Response:
    body = {"reference": fresh_id(), "amount_minor": amount_minor}
    return town.act(shop, f"/v1/trades/{trade}/refunds", body)


def paid_in_yuan(town: TimedTown, price_minor: int, mode: str = "direct") -> tuple[str, str, str]:
    buyer = town.person(10_000)
    shop, trade = sold_in_usd(town, price_minor, mode)
    quote = ask_quote(town, buyer, trade)
    done(town.act(buyer, f"/v1/exchange-quotes/{quote['id']}/pay"), 200)
    return buyer, shop, trade


def test_an_exchanged_payment_that_goes_back_in_parts_goes_back_to_the_fen(market: TimedTown) -> None:
    give_rate(market, ask=71_111)
    try:
        buyer, shop, trade = paid_in_yuan(market, 999, mode="escrow")
        for amount_minor in (333, 332):
            done(refund(market, shop, trade, amount_minor), 201)
        done(market.act(buyer, f"/v1/trades/{trade}/release", {"amount_minor": 1}, fresh_id()), 200)
        done(market.act(buyer, f"/v1/trades/{trade}/confirm"), 200)
        for amount_minor in (1, 332):
            done(refund(market, shop, trade, amount_minor), 201)
            assert_problem(refund(market, shop, trade, 334), 422, "refund_exceeds_payment")
        assert_problem(refund(market, shop, trade, 2), 422, "refund_exceeds_payment")
        done(refund(market, shop, trade, 1), 201)
        assert market.wallet(buyer)["available_minor"] == 10_000
        assert market.wallet(shop, "USD")["takings_minor"] == 0
    finally:
        give_rate(market)
    assert sums(market) == {0}


def test_64_refunds_at_once_of_an_exchanged_payment_sum_to_it(market: TimedTown) -> None:
    give_rate(market, ask=71_111)
    try:
        buyer, shop, trade = paid_in_yuan(market, 613)
        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(lambda _: refund(market, shop, trade, 10), range(64)))
        assert [answer.status_code for answer in answers].count(201) == 61
        done(refund(market, shop, trade, 3), 201)
        assert market.wallet(buyer)["available_minor"] == 10_000
    finally:
        give_rate(market)
    assert sums(market) == {0}


def test_what_a_bank_cannot_give_back_yet_stays_where_it_is(market: TimedTown) -> None:
    buyer, shop, trade = paid_in_yuan(market, 1_000)
    bought = position(market, "CNY")["position_minor"]
    body = {
        "id": fresh_id(),
        "institution": HARBOUR_BANK,
        "delivered": {"currency": "USD", "amount_minor": 1},
        "paid": {"currency": "CNY", "amount_minor": bought},
    }
    done(market.operator.post("/v1/exchange-settlements", json=body), 201)
    done(put(market.bank, "/v1/exchange-limits/CNY", {"limit_minor": 0}), 200)
    try:
        assert_problem(refund(market, shop, trade, 1_000), 409, "exchange_return_limited")
        assert market.wallet(shop, "USD")["takings_minor"] == 1_000
    finally:
        done(put(market.bank, "/v1/exchange-limits/CNY", {"limit_minor": 10_000_000}), 200)
    done(refund(market, shop, trade, 1_000), 201)
    assert market.wallet(buyer)["available_minor"] == 10_000
    assert sums(market) == {0}


def test_a_price_that_no_amount_can_pay_is_not_quoted(market: TimedTown) -> None:
    give_rate(market, ask=10**15)
    try:
        _, trade = sold_in_usd(market, 10**9)
        assert_problem(ask_quote_in(market, market.person(1), trade, "CNY"), 422, "amount_too_large")
    finally:
        give_rate(market)


def test_what_is_not_open_is_refused_by_its_name(market: TimedTown) -> None:
    buyer = market.person(10_000)
    trade = market.order(market.shop(), 1_000)
    wrong = market.act(buyer, "/v1/exchange-quotes", {"trade": trade, "currency": "USD"}, fresh_id())
    assert_problem(wrong, 422, "exchange_not_open")
    done(
        put(
            market.operator,
            "/v1/exchange-pairs",
            {"paid": "USD", "priced": "CNY", "margin_bps": 0, "quote_s": 1},
        ),
        200,
    )
    assert ask_quote_in(market, buyer, trade, "USD").status_code == 201
    poor = {"paid": "USD", "priced": "USD", "margin_bps": 0, "quote_s": 1}
    assert_problem(put(market.operator, "/v1/exchange-pairs", poor), 422, "exchange_pair_out_of_range")


def ask_quote_in(town: TimedTown, buyer: str, trade: str, currency: str) -> httpx.Response:
    return town.act(buyer, "/v1/exchange-quotes", {"trade": trade, "currency": currency}, fresh_id())
