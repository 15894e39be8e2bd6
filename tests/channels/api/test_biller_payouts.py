"""Payouts of billers over HTTP: what their bills brought is at their bank on the next business day, once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import httpx
import pytest

from karez.services.payments import accounts
from karez.services.payments.invariants import INVARIANTS
from karez.services.payments.settlement.due import SWEEPS
from karez.storage.database import connect
from tests.channels.api.billing import Biller, biller
from tests.channels.api.making import HARBOUR_BANK, assert_problem, fresh_id
from tests.channels.api.test_reconciliation import table, take_in, today
from tests.channels.api.test_settlement import balance, pass_days, report
from tests.channels.api.test_settlement import paying_bank as paying_bank
from tests.channels.api.timed import DAY_S, TimedTown
from tests.channels.api.town import done

IBAN = "DE89370400440532013000"
NUMBER = "0012345678"
BANK_ACCOUNT = {"bank": HARBOUR_BANK, "holder": "Turfan Water", "number": IBAN}


@pytest.fixture
def water(paying_bank: TimedTown) -> Iterator[Biller]:
    """A water company whose money goes to its bank account."""
    with biller(paying_bank.api, paying_bank.world, paying_bank.operator) as admitted:
        done(agree(admitted.client), 200)
        yield admitted


def agree(client: httpx.Client, **more: Any) -> httpx.Response:
    headers = {"Idempotency-Key": fresh_id()}
    return client.put("/v1/biller-accounts/CNY", json={**BANK_ACCOUNT, **more}, headers=headers)


def pay(town: TimedTown, water: Biller, *amounts_minor: int) -> list[str]:
    """Let people pay a bill each, and return their payments."""
    service, payments = water.service(), []
    for amount_minor in amounts_minor:
        (bill,) = water.upload(service, [{"account_number": NUMBER, "amount_minor": amount_minor}])
        body = {"id": fresh_id(), "account_number": NUMBER, "amount_minor": amount_minor}
        receipt = done(town.act(town.person(amount_minor), f"/v1/bills/{bill}/pay", body), 201)
        payments.append(receipt.json()["id"])
    return payments


def payouts(water: Biller) -> list[dict[str, Any]]:
    return list(done(water.client.get("/v1/biller-payouts"), 200).json()["items"])


def kept_minor(town: TimedTown, water: Biller) -> int:
    return balance(town, accounts.biller_takings(water.number, "CNY"))


def carried_minor(water: Biller) -> int:
    (account,) = done(water.client.get("/v1/biller-accounts"), 200).json()["items"]
    return int(account["carried_minor"])


def assert_billers_are_whole(town: TimedTown) -> None:
    (check,) = (each for each in INVARIANTS if each.__name__ == "billers_are_paid_what_their_bills_brought")
    with connect(town.database.owner) as conn:
        assert check(conn) == []


def test_what_bills_brought_goes_by_file_to_the_billers_bank_and_is_paid_by_its_statement(
    paying_bank: TimedTown,
    water: Biller,
) -> None:
    town = paying_bank
    pay(town, water, 8_640, 1_360)
    assert payouts(water) == []
    pass_days(town)
    (payout,) = payouts(water)
    assert (payout["state"], payout["amount_minor"], kept_minor(town, water)) == ("in_file", 10_000, 0)
    name = UUID(payout["id"]).hex
    file = done(town.bank.get("/v1/payout-files"), 200).json()["items"][0]
    content = done(town.bank.get(f"/v1/payout-files/{file['id']}"), 200).text
    assert all(text in content for text in (name, "Turfan Water", f"<IBAN>{IBAN}</IBAN>", "100.00"))
    clearing = accounts.clearing(HARBOUR_BANK, "CNY")
    before_minor = balance(town, clearing)
    take_in(town, table(f"{today(town)},-100.00,CNY,{name},"))
    town.sweep(SWEEPS)
    assert payouts(water)[0]["state"] == "paid"
    assert balance(town, clearing) - before_minor == 10_000
    pass_days(town)
    assert len(payouts(water)) == 1
    assert_billers_are_whole(town)


def test_what_the_bank_returns_is_the_billers_again_and_goes_to_the_account_agreed_on_since(
    paying_bank: TimedTown,
    water: Biller,
) -> None:
    town = paying_bank
    pay(town, water, 500)
    pass_days(town)
    (payout,) = payouts(water)
    done(report(town, payout["id"], "returned"), 200)
    assert kept_minor(town, water) == 500
    assert_billers_are_whole(town)
    number = "6222021001127788"
    done(agree(water.client, number=number), 200)
    pass_days(town)
    again, first = payouts(water)
    assert (again["state"], again["amount_minor"], first["state"]) == ("in_file", 500, "returned")
    assert again["bank_account"] != first["bank_account"]
    file = done(town.bank.get("/v1/payout-files"), 200).json()["items"][0]
    assert number in town.bank.get(f"/v1/payout-files/{file['id']}").text
    assert_billers_are_whole(town)


def test_what_is_given_back_after_it_was_paid_out_is_carried_until_payments_make_up_for_it(
    paying_bank: TimedTown,
    water: Biller,
) -> None:
    town = paying_bank
    (payment,) = pay(town, water, 500)
    pass_days(town)
    done(water.give_back(payment), 200)
    assert kept_minor(town, water) == -500
    pass_days(town)
    assert (len(payouts(water)), carried_minor(water)) == (1, -500)
    pay(town, water, 700)
    pass_days(town)
    assert ([each["amount_minor"] for each in payouts(water)], carried_minor(water)) == ([200, 500], 0)
    assert_billers_are_whole(town)


def test_however_many_workers_look_at_once_a_day_is_paid_out_once(
    paying_bank: TimedTown,
    water: Biller,
) -> None:
    town = paying_bank
    pay(town, water, 500)
    town.clock.leap(4 * DAY_S)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: town.sweep(SWEEPS), range(32)))
    pass_days(town)
    assert [each["amount_minor"] for each in payouts(water)] == [500]
    assert kept_minor(town, water) == 0


def test_of_16_bank_accounts_at_once_the_biller_has_one(paying_bank: TimedTown) -> None:
    town = paying_bank
    with biller(town.api, town.world, town.operator) as gas:
        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(lambda n: agree(gas.client, number=f"62220210011{n:05}"), range(16)))
        assert {answer.status_code for answer in answers} == {200}
        assert carried_minor(gas) == 0


def test_the_biller_is_who_hears_of_its_payout(paying_bank: TimedTown, water: Biller) -> None:
    town = paying_bank
    pay(town, water, 500)
    pass_days(town)
    (payout,) = payouts(water)
    done(report(town, payout["id"], "paid"), 200)
    with connect(town.database.owner) as conn:
        told = conn.execute(
            "SELECT topic, payload -> 'parties', payload -> 'institutions' FROM outbox_event"
            " WHERE payload ->> 'id' = %(id)s OR payload ->> 'payout' = %(id)s ORDER BY topic",
            {"id": payout["id"]},
        ).fetchall()
    assert told == [("biller.settled", [], [water.number]), ("payout.paid", [], [water.number])]


def test_of_the_money_of_a_biller_without_a_bank_account_nothing_moves(
    paying_bank: TimedTown,
) -> None:
    town = paying_bank
    with biller(town.api, town.world, town.operator) as gas:
        pay(town, gas, 300)
        pass_days(town)
        assert kept_minor(town, gas) == 300
        # The operator may agree for it; what was there before is in the first payout.
        done(agree(town.operator, institution=gas.number), 200)
        pass_days(town)
        assert [each["amount_minor"] for each in payouts(gas)] == [300]


def test_only_the_bank_says_what_became_of_a_payout_and_billers_see_their_own_only(
    paying_bank: TimedTown,
    water: Biller,
) -> None:
    town = paying_bank
    pay(town, water, 500)
    pass_days(town)
    (payout,) = payouts(water)
    for outcome in ("paid", "returned"):
        path = f"/v1/payouts/{payout['id']}/outcome"
        assert_problem(water.client.post(path, json={"outcome": outcome}), 404, "payout_not_found")
    with biller(town.api, town.world, town.operator) as gas:
        assert payouts(gas) == []
        foreign = agree(gas.client, institution=water.number)
        assert_problem(foreign, 403, "institution_not_yours")
    # The bank pays it and sees it in its files, but it is no payout of its own.
    assert done(town.bank.get("/v1/biller-payouts"), 200).json()["items"] == []
    done(report(town, payout["id"], "paid"), 200)


def test_a_bank_account_is_agreed_on_with_billers_only_and_as_it_can_be_paid(
    paying_bank: TimedTown,
    water: Biller,
) -> None:
    (account,) = done(water.client.get("/v1/biller-accounts"), 200).json()["items"]
    assert (account["number"], account["calendar"]) == ("**** 3000", "weekdays")
    assert_problem(agree(paying_bank.bank), 403, "biller_needed")
    assert_problem(agree(water.client, bank=water.number), 422, "payout_bank_not_found")
    assert_problem(agree(water.client, number="DE89370400440532013001"), 422, "bank_account_malformed")
    assert_problem(agree(water.client, calendar="nowhere"), 404, "calendar_not_found")
    unknown = agree(paying_bank.operator, institution=999_999)
    assert_problem(unknown, 422, "institution_not_found")
