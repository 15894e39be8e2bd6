"""Chargebacks over HTTP: the money is reserved until it is decided, and nothing goes back to a buyer twice."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from karez.ledger.client import BookClient
from karez.parties.roles import Permission
from karez.parties.tokens import Owner
from karez.services.payments import accounts
from karez.services.payments.chargebacks.due import SWEEPS
from karez.services.payments.settlement import due as settlement
from tests.channels.api.making import HARBOUR_BANK, HILL_BANK, assert_problem, fresh_id
from tests.channels.api.timed import DAY_S, TimedTown
from tests.channels.api.town import done


def sale(town: TimedTown, amount_minor: int = 10_000) -> tuple[str, str, str]:
    buyer, shop = town.person(amount_minor), town.shop()
    trade = town.order(shop, amount_minor, mode="direct")
    done(town.act(buyer, f"/v1/trades/{trade}/pay"), 200)
    return buyer, shop, trade


def charge(client: httpx.Client, trade: str, amount_minor: int, reference: str = "cb-1") -> httpx.Response:
    body = {"trade": trade, "reference": reference, "amount_minor": amount_minor, "reason": "Not delivered"}
    return client.post("/v1/chargebacks", json=body)


def opened(client: httpx.Client, trade: str, amount_minor: int, reference: str = "cb-1") -> str:
    return str(done(charge(client, trade, amount_minor, reference), 201).json()["id"])


def decide(client: httpx.Client, id_: str, outcome: str, key: str | None = None) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    body = {"outcome": outcome, "reason": "It is proved"}
    return client.post(f"/v1/chargebacks/{id_}/decide", json=body, headers=headers)


def refund(town: TimedTown, shop: str, trade: str, amount_minor: int) -> httpx.Response:
    body = {"reference": fresh_id(), "amount_minor": amount_minor}
    return town.act(shop, f"/v1/trades/{trade}/refunds", body)


def balance(town: TimedTown, account: Any) -> int:
    async def ask() -> int:
        book = BookClient(town.book_socket)
        (found,) = await book.balances([account])
        book.close()
        return 0 if found is None else found.credits_posted - found.debits_posted

    return asyncio.run(ask())


def answered(town: TimedTown, shop: str, id_: str) -> None:
    done(town.act(shop, f"/v1/chargebacks/{id_}/represent", {"evidence": "Signed on 2 March"}), 200)


SCOPES = (Permission.PAYMENTS_READ, Permission.PAYMENTS_WRITE)
LONG_NS = 3_650 * DAY_S * 1_000_000_000
RESERVE = accounts.chargeback_reserve("CNY")


def test_a_shop_that_proves_its_case_has_its_money_again(timed_town: TimedTown) -> None:
    town = timed_town
    _, shop, trade = sale(town)
    reserve_minor = balance(town, RESERVE)
    id_ = opened(town.bank, trade, 4_000)
    assert town.wallet(shop)["takings_minor"] == 6_000
    assert balance(town, RESERVE) - reserve_minor == 4_000
    answer = town.act(shop, f"/v1/chargebacks/{id_}/represent", {"evidence": "Signed on 2 March"})
    assert done(answer, 200).json()["state"] == "represented"
    done(decide(town.bank, id_, "won"), 200)
    assert town.wallet(shop)["takings_minor"] == 10_000
    assert balance(town, RESERVE) == reserve_minor
    done(refund(town, shop, trade, 10_000), 201)


def test_a_bank_that_wins_pays_its_customer_itself(timed_town: TimedTown) -> None:
    town = timed_town
    buyer, shop, trade = sale(town)
    clearing = accounts.clearing(HARBOUR_BANK, "CNY")
    before_minor = balance(town, clearing)
    id_ = opened(town.bank, trade, 10_000)
    answered(town, shop, id_)
    done(decide(town.bank, id_, "lost"), 200)
    assert balance(town, clearing) - before_minor == 10_000
    assert (town.wallet(shop)["takings_minor"], town.wallet(buyer)["available_minor"]) == (0, 0)
    assert_problem(refund(town, shop, trade, 1), 422, "refund_exceeds_payment")


def test_nobody_decides_against_a_shop_that_may_still_answer(timed_town: TimedTown) -> None:
    town = timed_town
    _, shop, trade = sale(town)
    for opener in (town.bank, town.operator):
        id_ = opened(opener, trade, 5_000, fresh_id())
        assert_problem(decide(opener, id_, "lost"), 409, "chargeback_answer_awaited")
        assert town.wallet(shop)["takings_minor"] == 5_000
        done(decide(opener, id_, "won"), 200)
        assert town.wallet(shop)["takings_minor"] == 10_000


def test_a_bank_without_an_account_to_be_paid_into_opens_no_chargeback(timed_town: TimedTown) -> None:
    town = timed_town
    done(town.operator.post("/v1/payment-currencies", json={"currency": "GBP"}), 201)
    clearing = {"institution": HILL_BANK, "currency": "GBP"}
    done(town.operator.post("/v1/clearing-accounts", json=clearing), 201)
    buyer, shop = town.party("people", currency="GBP"), town.party("shops", currency="GBP")
    with town.api.client(town.world.token(Owner(institution=HILL_BANK), *SCOPES, life_ns=LONG_NS)) as hill:
        money = {"id": fresh_id(), "to": buyer, "currency": "GBP", "amount_minor": 1_000}
        done(hill.post("/v1/deposits", json=money), 201)
    trade = town.order(shop, 1_000, currency="GBP", mode="direct")
    done(town.act(buyer, f"/v1/trades/{trade}/pay"), 200)
    assert_problem(charge(town.bank, trade, 1_000), 409, "chargeback_clearing_missing")
    assert town.wallet(shop, "GBP")["takings_minor"] == 1_000


def test_what_the_operator_takes_back_goes_to_the_buyer(timed_town: TimedTown) -> None:
    town = timed_town
    buyer, shop, trade = sale(town)
    id_ = opened(town.operator, trade, 4_000)
    assert_problem(town.bank.get(f"/v1/chargebacks/{id_}"), 404, "chargeback_not_found")
    answered(town, shop, id_)
    done(decide(town.operator, id_, "lost"), 200)
    assert (town.wallet(shop)["takings_minor"], town.wallet(buyer)["available_minor"]) == (6_000, 4_000)


def test_a_shop_that_does_not_answer_in_time_has_lost(timed_town: TimedTown) -> None:
    town = timed_town
    buyer, shop, trade = sale(town)
    id_ = opened(town.operator, trade, 10_000)
    town.clock.leap(10 * DAY_S - 3_600)
    town.sweep(SWEEPS)
    assert done(town.operator.get(f"/v1/chargebacks/{id_}"), 200).json()["state"] == "open"
    town.clock.leap(3_700)
    late = town.act(shop, f"/v1/chargebacks/{id_}/represent", {"evidence": "Too late"})
    assert_problem(late, 409, "chargeback_too_late")
    assert town.sweep(SWEEPS) == 1
    assert done(town.operator.get(f"/v1/chargebacks/{id_}"), 200).json()["state"] == "lost"
    assert town.wallet(buyer)["available_minor"] == 10_000


def test_what_is_charged_back_cannot_be_refunded_nor_the_reverse(timed_town: TimedTown) -> None:
    town = timed_town
    _, shop, trade = sale(town)
    done(refund(town, shop, trade, 3_000), 201)
    assert_problem(charge(town.bank, trade, 7_001), 422, "refund_exceeds_payment")
    opened(town.bank, trade, 5_000)
    assert_problem(refund(town, shop, trade, 2_001), 422, "refund_exceeds_payment")
    done(refund(town, shop, trade, 2_000), 201)
    assert_problem(charge(town.bank, trade, 10_001, "cb-2"), 409, "chargeback_open_already")


def test_a_trade_has_one_open_chargeback_at_a_time(timed_town: TimedTown) -> None:
    town = timed_town
    _, _, trade = sale(town)
    first = opened(town.bank, trade, 1_000)
    told = assert_problem(charge(town.bank, trade, 1_000, "cb-2"), 409, "chargeback_open_already")
    assert told == {"chargeback": first}
    done(decide(town.bank, first, "won"), 200)
    assert opened(town.bank, trade, 1_000, "cb-2") != first
    assert_problem(decide(town.bank, first, "lost", fresh_id()), 409, "chargeback_state_wrong")


@pytest.mark.parametrize("seed", range(4))
def test_of_64_refunds_and_chargebacks_at_once_no_more_goes_back_than_was_paid(
    timed_town: TimedTown, seed: int
) -> None:
    town = timed_town
    _, shop, trade = sale(town, 10_000)

    def attempt(number: int) -> tuple[int, int]:
        amount_minor = 300 + 10 * ((number + seed) % 7)
        if number % 2:
            return refund(town, shop, trade, amount_minor).status_code, amount_minor
        return charge(town.bank, trade, 10 * amount_minor, f"cb-{number}").status_code, 10 * amount_minor

    with ThreadPoolExecutor(16) as threads:
        outcomes = list(threads.map(attempt, range(64)))
    gone_minor = sum(amount_minor for status, amount_minor in outcomes if status == 201)
    charged = [amount for number, (status, amount) in enumerate(outcomes) if not number % 2 and status == 201]
    assert gone_minor <= 10_000
    assert len(charged) == 1
    assert town.wallet(shop)["takings_minor"] == 10_000 - gone_minor


def test_the_same_request_64_times_opens_one_with_identical_answers(timed_town: TimedTown) -> None:
    town = timed_town
    _, shop, trade = sale(town)
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: charge(town.bank, trade, 4_000), range(64)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert town.wallet(shop)["takings_minor"] == 6_000
    id_ = answers[0].json()["id"]
    answered(town, shop, id_)
    # The reserve holds others' money as well: it is the state that lets one decision pass, not what is there.
    opened(town.bank, sale(town, 100_000)[2], 100_000)
    with ThreadPoolExecutor(16) as threads:
        decided = list(
            threads.map(lambda n: decide(town.bank, id_, ("won", "lost")[n % 2], fresh_id()), range(64))
        )
    assert [answer.status_code for answer in decided].count(200) == 1


def test_a_trade_in_escrow_is_disputed_not_charged_back(timed_town: TimedTown) -> None:
    town = timed_town
    buyer, shop = town.person(1_000), town.shop()
    trade = town.order(shop, 1_000)
    done(town.act(buyer, f"/v1/trades/{trade}/pay"), 200)
    told = assert_problem(charge(town.bank, trade, 1_000), 409, "trade_state_wrong")
    assert told == {"state": "paid"}


def test_a_chargeback_is_a_line_of_the_shops_settlement(timed_town: TimedTown) -> None:
    town = timed_town
    _, shop, trade = sale(town)
    plan = {"shop": shop, "currency": "CNY", "terms": [{"rate_bps": 60}]}
    headers = {"Idempotency-Key": fresh_id()}
    done(town.operator.post("/v1/fee-plans", json=plan, headers=headers), 201)
    id_ = opened(town.bank, trade, 4_000)
    town.clock.leap(4 * DAY_S)
    while town.sweep(settlement.SWEEPS):
        pass
    acting = {"Acting-For": shop}
    (batch,) = done(town.bank.get("/v1/settlement-batches", headers=acting), 200).json()["items"]
    assert (batch["adjusted_minor"], batch["paid_minor"]) == (-4_000, 10_000 - 60 - 4_000)
    done(decide(town.bank, id_, "won"), 200)
    town.clock.leap(4 * DAY_S)
    while town.sweep(settlement.SWEEPS):
        pass
    latest = done(town.bank.get("/v1/settlement-batches", headers=acting), 200).json()["items"][0]
    assert (latest["adjusted_minor"], latest["paid_minor"]) == (4_000, 4_000)
    path = f"/v1/settlement-batches/{latest['id']}/lines"
    (line,) = done(town.bank.get(path, headers=acting), 200).json()["items"]
    assert (line["kind"], line["id"]) == ("chargeback_won", id_)
    assert town.wallet(shop)["takings_minor"] == 0
