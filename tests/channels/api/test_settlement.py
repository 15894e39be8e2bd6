"""Settlement over HTTP: shops get what they sold on the next business day, once, less the fees."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import httpx
import pytest

from karez.core.ids import new_id
from karez.ledger.client import BookClient
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.house import read_house
from karez.services.payments.refunds.operations import NewRefund, refund, refund_id
from karez.services.payments.refunds.records import refund_facts
from karez.services.payments.settlement.due import SWEEPS
from karez.storage.database import connect
from karez.storage.tenant import as_operator
from tests.channels.api.making import HARBOUR_BANK, assert_problem, fresh_id
from tests.channels.api.timed import DAY_S, TimedTown
from tests.channels.api.town import done

IBAN = "DE89370400440532013000"


@pytest.fixture(scope="module")
def paying_bank(timed_town: TimedTown) -> TimedTown:
    """The town, with Harbour Bank paying out to shops."""
    body = {"institution": HARBOUR_BANK, "currency": "CNY", "holder": "Karez", "account": "1234567890"}
    done(timed_town.operator.post("/v1/payout-banks", json=body), 201)
    return timed_town


def agreed_shop(town: TimedTown, **plan: Any) -> str:
    shop = town.shop()
    agree(town, shop, **plan)
    return shop


def agree(town: TimedTown, shop: str, **plan: Any) -> None:
    body = {"shop": shop, "currency": "CNY", "terms": [{"rate_bps": 60}], **plan}
    done(town.operator.post("/v1/fee-plans", json=body, headers={"Idempotency-Key": fresh_id()}), 201)


def sell(town: TimedTown, shop: str, *amounts_minor: int) -> list[str]:
    buyer = town.person(sum(amounts_minor))
    trades = [town.order(shop, amount_minor, mode="direct") for amount_minor in amounts_minor]
    for trade in trades:
        done(town.act(buyer, f"/v1/trades/{trade}/pay"), 200)
    return trades


def give_back(town: TimedTown, shop: str, trade: str, amount_minor: int) -> None:
    """Refund, as the shop."""
    reference = fresh_id()

    async def submit() -> None:
        book = BookClient(town.book_socket)
        with connect(town.database.web) as conn, as_operator(conn):
            facts = refund_facts(conn, UUID(trade), refund_id(UUID(trade), reference))
            house = read_house(conn)
        asking = Asking(new_id(town.clock.now_ns()), "test", b"", town.clock.now_ns())
        made = refund(asking, house, facts, UUID(shop), NewRefund(reference, amount_minor))
        assert (await book.submit(made)).accepted
        book.close()

    asyncio.run(submit())


def pass_days(town: TimedTown, days: int = 4) -> None:
    """Let time pass; four days have a business day among them, whatever day it is."""
    town.clock.leap(days * DAY_S)
    while town.sweep(SWEEPS):
        pass


def read(town: TimedTown, shop: str, path: str, **query: Any) -> dict[str, Any]:
    answer = done(town.bank.get(path, headers={"Acting-For": shop}, params=query), 200)
    return dict(answer.json())


def batches(town: TimedTown, shop: str) -> list[dict[str, Any]]:
    return list(read(town, shop, "/v1/settlement-batches")["items"])


def balance(town: TimedTown, account: UUID) -> int:
    async def ask() -> int:
        book = BookClient(town.book_socket)
        (found,) = await book.balances([account])
        book.close()
        return 0 if found is None else found.credits_posted - found.debits_posted

    return asyncio.run(ask())


def with_bank_account(town: TimedTown, shop: str, number: str = IBAN) -> str:
    body = {"bank": HARBOUR_BANK, "holder": "Corner shop", "number": number}
    account = done(town.act(shop, "/v1/bank-accounts", body), 201).json()["id"]
    headers = {"Acting-For": shop, "Idempotency-Key": fresh_id()}
    path = "/v1/settlement-accounts/CNY/destination"
    done(town.bank.put(path, json={"bank_account": account}, headers=headers), 200)
    return str(account)


def test_what_a_shop_sold_is_in_its_wallet_on_the_next_business_day(timed_town: TimedTown) -> None:
    town, shop = timed_town, agreed_shop(timed_town)
    fees_before_minor = balance(town, accounts.fees("CNY"))
    sell(town, shop, 10_000, 5_000)
    assert town.sweep(SWEEPS) == 0
    pass_days(town)
    (batch,) = batches(town, shop)
    assert (batch["payments"], batch["gross_minor"], batch["fee_minor"], batch["paid_minor"]) == (
        2,
        15_000,
        90,
        14_910,
    )
    assert (town.wallet(shop)["available_minor"], town.wallet(shop)["takings_minor"]) == (14_910, 0)
    assert balance(town, accounts.fees("CNY")) - fees_before_minor == 90


def test_money_in_escrow_is_settled_once_the_trade_is_finished(timed_town: TimedTown) -> None:
    town, shop = timed_town, agreed_shop(timed_town)
    buyer, trade = town.person(3_000), town.order(shop, 3_000)
    done(town.act(buyer, f"/v1/trades/{trade}/pay"), 200)
    pass_days(town)
    assert batches(town, shop) == []
    done(town.act(buyer, f"/v1/trades/{trade}/confirm"), 200)
    pass_days(town)
    assert [batch["gross_minor"] for batch in batches(town, shop)] == [3_000]


def test_a_part_that_is_released_is_settled_when_it_is_and_the_rest_when_the_trade_ends(
    timed_town: TimedTown,
) -> None:
    town, shop = timed_town, agreed_shop(timed_town, terms=[{"rate_bps": 60, "minimum_minor": 10}])
    buyer, trade = town.person(3_000), town.order(shop, 3_000)
    done(town.act(buyer, f"/v1/trades/{trade}/pay"), 200)
    done(town.act(buyer, f"/v1/trades/{trade}/release", {"amount_minor": 1_000}, fresh_id()), 200)
    pass_days(town)
    (part,) = batches(town, shop)
    assert (part["gross_minor"], part["fee_minor"], part["paid_minor"]) == (1_000, 10, 990)
    (line,) = read(town, shop, f"/v1/settlement-batches/{part['id']}/lines")["items"]
    assert (line["kind"], line["trade"], line["fee_minor"]) == ("release", trade, 10)
    done(town.act(buyer, f"/v1/trades/{trade}/confirm"), 200)
    pass_days(town)
    rest = batches(town, shop)[0]
    assert (rest["gross_minor"], rest["fee_minor"], rest["paid_minor"]) == (2_000, 8, 1_992)
    assert town.wallet(shop)["takings_minor"] == 0


def test_lines_tell_what_a_batch_is_made_of_page_by_page(timed_town: TimedTown) -> None:
    town, shop = timed_town, agreed_shop(timed_town)
    trades = sell(town, shop, 10_000, 5_000, 1_230)
    pass_days(town)
    (batch,) = batches(town, shop)
    path = f"/v1/settlement-batches/{batch['id']}/lines"
    first = read(town, shop, path, limit=2)
    after = {"after": first["next_after"], "after_id": first["next_after_id"]}
    rest = read(town, shop, path, limit=2, **after)
    lines = first["items"] + rest["items"]
    assert [line["trade"] for line in lines] == trades
    assert sum(line["amount_minor"] for line in lines) == batch["gross_minor"]
    assert sum(line["fee_minor"] for line in lines) == batch["fee_minor"] == 60 + 30 + 7
    assert rest["next_after"] is None


def test_a_refund_of_what_was_paid_out_is_carried_and_never_lost(timed_town: TimedTown) -> None:
    town, shop = timed_town, agreed_shop(timed_town, refund_fee_policy="proportional")
    (trade,) = sell(town, shop, 10_000)
    pass_days(town)
    give_back(town, shop, trade, 3_333)
    give_back(town, shop, trade, 3_333)
    assert town.wallet(shop)["takings_minor"] == -6_666
    pass_days(town)
    refunded = batches(town, shop)[0]
    assert (refunded["refunds"], refunded["refunded_minor"], refunded["fee_minor"]) == (2, 6_666, -39)
    assert (refunded["paid_minor"], refunded["carried_minor"]) == (0, -6_627)
    assert read(town, shop, "/v1/settlement-accounts")["items"][0]["carried_minor"] == -6_627
    sell(town, shop, 10_000)
    pass_days(town)
    latest = batches(town, shop)[0]
    assert (latest["brought_minor"], latest["paid_minor"], latest["carried_minor"]) == (-6_627, 3_313, 0)
    assert town.wallet(shop)["takings_minor"] == 0
    assert town.wallet(shop)["available_minor"] == 9_940 + 3_313


def test_each_payment_pays_by_the_plan_and_category_that_were_valid(timed_town: TimedTown) -> None:
    town = timed_town
    shop = agreed_shop(town, terms=[{"rate_bps": 100}, {"category": "digital", "fixed_minor": 7}])
    sell(town, shop, 10_000)
    buyer, trade = town.person(500), town.order(shop, 500, mode="direct", category="digital")
    done(town.act(buyer, f"/v1/trades/{trade}/pay"), 200)
    agree(town, shop, terms=[{"rate_bps": 200}])
    sell(town, shop, 10_000)
    pass_days(town)
    assert [batch["fee_minor"] for batch in batches(town, shop)] == [100 + 7 + 200]
    past = {"shop": shop, "currency": "CNY", "terms": [{}], "valid_from": "2020-01-01T00:00:00Z"}
    answer = town.operator.post("/v1/fee-plans", json=past, headers={"Idempotency-Key": fresh_id()})
    assert_problem(answer, 422, "fee_plan_in_the_past")


def test_however_many_workers_settle_a_day_it_is_settled_once(timed_town: TimedTown) -> None:
    town = timed_town
    shops = [agreed_shop(town) for _ in range(4)]
    for shop in shops:
        sell(town, shop, 10_000)
    town.clock.leap(4 * DAY_S)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: town.sweep(SWEEPS), range(64)))
    pass_days(town)
    for shop in shops:
        assert [batch["paid_minor"] for batch in batches(town, shop)] == [9_940]
        assert town.wallet(shop)["available_minor"] == 9_940
        assert town.wallet(shop)["takings_minor"] == 0


def test_of_64_first_plans_at_once_one_begins_the_settlement(timed_town: TimedTown) -> None:
    town, shop = timed_town, timed_town.shop()
    body = {"shop": shop, "currency": "CNY", "terms": [{"rate_bps": 60}]}
    keys = [fresh_id() for _ in range(2)]

    def agree_once(number: int) -> httpx.Response:
        return town.operator.post("/v1/fee-plans", json=body, headers={"Idempotency-Key": keys[number % 2]})

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(agree_once, range(64)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 2
    plans = read(town, shop, "/v1/fee-plans", currency="CNY")["items"]
    assert [plan["valid_from"][:4] for plan in plans] == ["1970", plans[1]["valid_from"][:4]]
    assert len(read(town, shop, "/v1/settlement-accounts")["items"]) == 1


def test_days_missed_while_no_worker_ran_are_settled_one_by_one(timed_town: TimedTown) -> None:
    town, shop = timed_town, agreed_shop(timed_town)
    sell(town, shop, 10_000)
    town.clock.leap(4 * DAY_S)
    sell(town, shop, 5_000)
    pass_days(town)
    gross = [batch["gross_minor"] for batch in batches(town, shop)]
    assert sorted(gross) == [5_000, 10_000]


def test_a_payout_goes_by_file_to_the_shops_bank(paying_bank: TimedTown) -> None:
    town, shop = paying_bank, agreed_shop(paying_bank)
    with_bank_account(town, shop)
    sell(town, shop, 10_000)
    clearing_before_minor = balance(town, accounts.clearing(HARBOUR_BANK, "CNY"))
    pass_days(town)
    (payout,) = read(town, shop, "/v1/payouts")["items"]
    assert (payout["state"], payout["amount_minor"]) == ("in_file", 9_940)
    assert town.wallet(shop)["available_minor"] == 0
    assert balance(town, accounts.payout_transit(HARBOUR_BANK, "CNY")) >= 9_940
    files = done(town.bank.get("/v1/payout-files"), 200).json()["items"]
    content = done(town.bank.get(f"/v1/payout-files/{files[0]['id']}"), 200)
    assert content.headers["content-type"].startswith("application/xml")
    assert f"<IBAN>{IBAN}</IBAN>" in content.text
    assert payout["id"].replace("-", "") in content.text
    assert town.operator.get(f"/v1/payout-files/{files[0]['id']}").content == content.content
    done(report(town, payout["id"], "paid"), 200)
    assert read(town, shop, "/v1/payouts")["items"][0]["state"] == "paid"
    assert balance(town, accounts.clearing(HARBOUR_BANK, "CNY")) - clearing_before_minor == 9_940


def report(town: TimedTown, payout: str, outcome: str, key: str | None = None) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return town.bank.post(f"/v1/payouts/{payout}/outcome", json={"outcome": outcome}, headers=headers)


@pytest.mark.parametrize("was_paid", [False, True])
def test_what_the_bank_returns_is_in_the_shops_wallet(paying_bank: TimedTown, was_paid: bool) -> None:
    town, shop = paying_bank, agreed_shop(paying_bank)
    with_bank_account(town, shop, "6222021001121234")
    sell(town, shop, 10_000)
    pass_days(town)
    (payout,) = read(town, shop, "/v1/payouts")["items"]
    transit_before_minor = balance(town, accounts.payout_transit(HARBOUR_BANK, "CNY"))
    if was_paid:
        done(report(town, payout["id"], "paid"), 200)
    done(report(town, payout["id"], "returned"), 200)
    assert town.wallet(shop)["available_minor"] == 9_940
    assert transit_before_minor - balance(town, accounts.payout_transit(HARBOUR_BANK, "CNY")) == 9_940
    late = report(town, payout["id"], "paid", fresh_id())
    assert assert_problem(late, 409, "payout_state_wrong") == {"state": "returned"}


def test_of_64_reports_at_once_one_moves_the_money(paying_bank: TimedTown) -> None:
    town, shop = paying_bank, agreed_shop(paying_bank)
    with_bank_account(town, shop, "6222021001129999")
    sell(town, shop, 10_000)
    pass_days(town)
    (payout,) = read(town, shop, "/v1/payouts")["items"]
    with ThreadPoolExecutor(16) as threads:
        same = list(threads.map(lambda _: report(town, payout["id"], "returned"), range(32)))
        others = list(threads.map(lambda _: report(town, payout["id"], "returned", fresh_id()), range(32)))
    assert {(answer.status_code, answer.content) for answer in same} == {(200, same[0].content)}
    assert {answer.status_code for answer in others} == {409}
    assert town.wallet(shop)["available_minor"] == 9_940


def test_an_account_number_is_shown_by_its_end_and_stored_sealed(paying_bank: TimedTown) -> None:
    town, shop = paying_bank, agreed_shop(paying_bank)
    with_bank_account(town, shop, "6222 0210 0112 7788")
    assert [each["number"] for each in read(town, shop, "/v1/bank-accounts")["items"]] == ["**** 7788"]
    with connect(town.database.owner) as conn:
        stored = "\n".join(
            str(row) for table in ("bank_account", "operation") for row in conn.execute(f"TABLE {table}")
        )
    assert "7788" in stored
    assert "622202100112" not in stored
    again = {"bank": HARBOUR_BANK, "holder": "Another", "number": "6222021001127788"}
    assert_problem(town.act(shop, "/v1/bank-accounts", again), 409, "bank_account_exists")
    broken = {**again, "number": "DE89370400440532013001"}
    assert_problem(town.act(shop, "/v1/bank-accounts", broken), 422, "bank_account_malformed")


def test_the_statement_of_a_day_is_a_bank_file(timed_town: TimedTown) -> None:
    town, shop = timed_town, agreed_shop(timed_town)
    sell(town, shop, 10_000)
    pass_days(town)
    (batch,) = batches(town, shop)
    with connect(town.database.owner) as conn:
        row = conn.execute(
            "SELECT to_timestamp(settled_ns / 1e9) AT TIME ZONE 'UTC' FROM settlement_batch WHERE id = %s",
            (batch["id"],),
        ).fetchone()
    assert row is not None
    day = row[0].date().isoformat()
    query = {"currency": "CNY", "day": day}
    path = "/v1/account-statements"
    open_day = town.bank.get(path, headers={"Acting-For": shop}, params=query)
    assert_problem(open_day, 422, "statement_day_open")
    town.clock.leap(DAY_S)
    wallet = done(town.bank.get(path, headers={"Acting-For": shop}, params=query), 200)
    assert '<Amt Ccy="CNY">99.40</Amt>' in wallet.text
    takings = done(
        town.bank.get(path, headers={"Acting-For": shop}, params={**query, "account": "takings"}), 200
    )
    assert '<Amt Ccy="CNY">0.60</Amt>' in takings.text


@pytest.mark.parametrize("name", ["%C2%82%1D%E1%A3%86", "x" * 81, "harbour bank", "%C3%A4"])
def test_a_calendar_has_a_name_that_can_be_written_everywhere(timed_town: TimedTown, name: str) -> None:
    answer = timed_town.operator.put(
        f"/v1/business-calendars/{name}",
        json={"zone": "Asia/Shanghai"},
        headers={"Idempotency-Key": fresh_id()},
    )
    assert_problem(answer, 422, "calendar_name_malformed")


def test_a_shop_is_settled_by_the_calendar_that_the_operator_entered(timed_town: TimedTown) -> None:
    town = timed_town
    name = "closed_" + fresh_id().replace("-", "_")
    town.decide(f"/v1/business-calendars/{name}", {"zone": "Asia/Shanghai"})
    names = [each["name"] for each in done(town.bank.get("/v1/business-calendars"), 200).json()["items"]]
    assert names[:2] == ["weekdays", "china"]
    assert name in names
    shop = agreed_shop(town, calendar=name)
    assert read(town, shop, "/v1/settlement-accounts")["items"][0]["calendar"] == name
    wrong = {"shop": shop, "currency": "CNY", "terms": [{}], "calendar": "nowhere"}
    answer = town.operator.post("/v1/fee-plans", json=wrong, headers={"Idempotency-Key": fresh_id()})
    assert_problem(answer, 404, "calendar_not_found")
