"""Bills over HTTP: uploaded by their billers, paid once, returned, and paid by standing orders when they are due."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest

from karez.core.clock import to_datetime
from karez.services.payments.bills.due import SWEEPS
from karez.storage.database import connect
from tests.channels.api.billing import Biller, biller, upload_body
from tests.channels.api.living import LiveApi
from tests.channels.api.making import World, assert_problem, fresh_id
from tests.channels.api.timed import DAY_S, TimedTown
from tests.channels.api.town import CURRENCY, Town, done

SEEDS = range(20 if os.environ.get("KAREZ_LONG") else 2)
NUMBER = "0012345678"


@pytest.fixture(scope="module")
def water(api: LiveApi, world: World, town: Town) -> Iterator[Biller]:
    """A water company."""
    with biller(api, world, town.operator) as admitted:
        yield admitted


@pytest.fixture(scope="module")
def timed_water(timed_town: TimedTown) -> Iterator[Biller]:
    """A water company of the town in which time is moved."""
    with biller(timed_town.api, timed_town.world, timed_town.operator) as admitted:
        yield admitted


def look_up(town: Town, service: str, payer: str, number: str = NUMBER) -> httpx.Response:
    return town.act(payer, f"/v1/biller-services/{service}/look-up", {"account_number": number})


def pay(
    town: Town, bill: str, payer: str, amount_minor: int, number: str = NUMBER, id_: str | None = None
) -> httpx.Response:
    body = {"id": id_ or fresh_id(), "account_number": number, "amount_minor": amount_minor}
    return town.act(payer, f"/v1/bills/{bill}/pay", body)


def one_bill(water: Biller, amount_minor: int = 8_640, **more: Any) -> tuple[str, str]:
    """Upload a bill and return its service and its id."""
    service = water.service(**more)
    return service, water.upload(service, [{"account_number": NUMBER, "amount_minor": amount_minor}])[0]


def balance(town: Town, party: str) -> int:
    return town.wallet(party)["available_minor"]


def test_a_bill_is_looked_up_by_its_account_number_and_paid(town: Town, water: Biller) -> None:
    payer = town.person(10_000)
    service, bill = one_bill(water)
    (found,) = done(look_up(town, service, payer), 200).json()["items"]
    assert (found["id"], found["left_minor"], found["label"]) == (bill, 8_640, "Water, October")
    receipt = done(pay(town, bill, payer, 8_640), 201).json()
    assert receipt["left_minor"] == 0
    assert balance(town, payer) == 1_360
    assert done(look_up(town, service, payer), 200).json()["items"] == []
    answer = town.bank.get(f"/v1/bill-payments/{receipt['id']}", headers={"Acting-For": payer})
    assert done(answer, 200).json()["account_number"] == NUMBER
    listed = town.bank.get("/v1/bill-payments", headers={"Acting-For": payer}).json()["items"]
    assert [each["id"] for each in listed] == [receipt["id"]]
    seen = water.read(bill)
    assert (seen["state"], seen["paid_minor"]) == ("paid", 8_640)
    assert [each["id"] for each in seen["payments"]] == [receipt["id"]]


def test_without_its_account_number_a_bill_is_not_there(town: Town, water: Biller) -> None:
    payer = town.person(10_000)
    service, bill = one_bill(water)
    guessed = pay(town, bill, payer, 8_640, number="0012345679")
    missing = pay(town, fresh_id(), payer, 8_640)
    assert_problem(guessed, 404, "bill_not_found")
    assert_problem(missing, 404, "bill_not_found")
    assert_problem(look_up(town, service, payer, "12"), 422, "account_number_malformed")
    assert_problem(look_up(town, fresh_id(), payer), 404, "biller_service_not_found")


def test_a_bill_is_paid_whole_unless_its_biller_allows_parts(town: Town, water: Biller) -> None:
    payer = town.person(10_000)
    _, whole = one_bill(water, 500)
    for amount_minor in (499, 501):
        facts = assert_problem(pay(town, whole, payer, amount_minor), 422, "bill_amount_wrong")
        assert facts == {"left_minor": 500}
    _, in_parts = one_bill(water, 500, allows_parts=True)
    assert done(pay(town, in_parts, payer, 200), 201).json()["left_minor"] == 300
    assert_problem(pay(town, in_parts, payer, 301), 422, "bill_amount_wrong")
    assert done(pay(town, in_parts, payer, 300), 201).json()["left_minor"] == 0
    assert_problem(pay(town, in_parts, payer, 1), 409, "bill_state_wrong")


def test_a_thousand_bills_are_uploaded_all_or_none(town: Town, water: Biller) -> None:
    payer, service = town.person(), water.service()
    bills = [
        {"account_number": NUMBER if n < 3 else f"{n:010}", "amount_minor": n + 1, "reference": f"b-{n}"}
        for n in range(1_000)
    ]
    body = upload_body(service, bills)
    first = done(water.client.post("/v1/bills", json=body), 201)
    assert first.json() == {"service": service, "count": 1_000, "amount_minor": 500_500}
    assert done(water.client.post("/v1/bills", json=body), 201).content == first.content
    assert len(look_up(town, service, payer).json()["items"]) == 3
    fresh = {"account_number": NUMBER, "amount_minor": 1, "reference": "fresh"}

    def refused(bill: dict[str, Any], status: int, code: str) -> dict[str, Any]:
        answer = water.client.post("/v1/bills", json=upload_body(service, [fresh, bill]))
        return assert_problem(answer, status, code)

    assert refused({**fresh, "reference": "b-7"}, 409, "bill_exists") == {"reference": "b-7"}
    assert refused(fresh, 422, "bill_twice") == {"reference": "fresh"}
    assert refused({**fresh, "reference": "x", "account_number": "7"}, 422, "account_number_malformed")
    refused({**fresh, "reference": "x", "amount_minor": 0}, 400, "field_invalid")
    assert len(look_up(town, service, payer).json()["items"]) == 3


def test_only_billers_send_bills_and_only_for_their_own_services(
    town: Town, water: Biller, harbour: httpx.Client
) -> None:
    new = {
        "code": fresh_id(),
        "name_en": "x",
        "name_zh": "x",
        "category": "water",
        "currency": CURRENCY,
        "account_form": "[0-9]",
    }
    assert_problem(harbour.post("/v1/biller-services", json=new), 403, "biller_needed")
    twice = {**new, "code": "twice"}
    first = done(water.client.post("/v1/biller-services", json=twice), 201)
    assert done(water.client.post("/v1/biller-services", json=twice), 201).content == first.content
    other = {**twice, "name_en": "Other"}
    assert_problem(water.client.post("/v1/biller-services", json=other), 409, "biller_code_used")
    slow = {**new, "account_form": "[0-9]{1,9}[0-9]{1,9}"}
    assert_problem(water.client.post("/v1/biller-services", json=slow), 422, "account_form_invalid")
    closed = {**new, "currency": "XXX"}
    assert_problem(water.client.post("/v1/biller-services", json=closed), 422, "currency_not_open")
    service, bill = one_bill(water)
    foreign = upload_body(service, [{"account_number": NUMBER, "amount_minor": 1}])
    assert_problem(harbour.post("/v1/bills", json=foreign), 404, "biller_service_not_found")
    assert_problem(harbour.post(f"/v1/bills/{bill}/withdraw"), 404, "bill_not_found")
    catalogue = town.bank.get("/v1/biller-services").json()["items"]
    assert service in [each["id"] for each in catalogue]


def test_a_biller_withdraws_what_nobody_has_paid(town: Town, water: Biller) -> None:
    payer = town.person(10_000)
    _, bill = one_bill(water, 500, allows_parts=True)
    done(pay(town, bill, payer, 200), 201)
    assert_problem(water.client.post(f"/v1/bills/{bill}/withdraw"), 409, "bill_partly_paid")
    _, other = one_bill(water, 500)
    first = done(water.client.post(f"/v1/bills/{other}/withdraw"), 200)
    assert done(water.client.post(f"/v1/bills/{other}/withdraw"), 200).content == first.content
    assert_problem(pay(town, other, payer, 500), 409, "bill_state_wrong")


def test_a_biller_returns_a_payment(town: Town, water: Biller) -> None:
    payer = town.person(10_000)
    _, bill = one_bill(water, 500)
    payment = done(pay(town, bill, payer, 500), 201).json()["id"]
    returned = done(water.give_back(payment), 200)
    assert returned.json()["bill"]["state"] == "withdrawn"
    assert done(water.give_back(payment), 200).content == returned.content
    assert_problem(water.give_back(payment, reason="Again"), 409, "bill_payment_returned")
    assert balance(town, payer) == 10_000
    receipt = town.bank.get(f"/v1/bill-payments/{payment}", headers={"Acting-For": payer}).json()
    assert (receipt["state"], receipt["reason"]) == ("returned", "Closed")


def test_a_bill_that_is_open_again_is_paid_again(town: Town, water: Biller) -> None:
    payer = town.person(10_000)
    _, bill = one_bill(water, 500)
    payment = done(pay(town, bill, payer, 500), 201).json()["id"]
    assert done(water.give_back(payment, reopen=True), 200).json()["bill"]["state"] == "open"
    done(pay(town, bill, payer, 500), 201)
    assert balance(town, payer) == 9_500


@pytest.mark.parametrize("seed", SEEDS)
def test_of_64_payers_at_once_one_pays(town: Town, water: Biller, seed: int) -> None:
    payers = [town.person(20_000) for _ in range(16)]
    _, bill = one_bill(water)
    with ThreadPoolExecutor(64) as threads:
        answers = list(threads.map(lambda n: pay(town, bill, payers[n % 16], 8_640), range(64)))
    assert [answer.status_code for answer in answers].count(201) == 1
    assert {answer.json()["code"] for answer in answers if answer.status_code != 201} == {"bill_state_wrong"}
    assert sum(balance(town, payer) for payer in payers) == 320_000 - 8_640


@pytest.mark.parametrize("seed", SEEDS)
def test_64_parts_at_once_never_pay_more_than_the_bill(town: Town, water: Biller, seed: int) -> None:
    payer = town.person(100_000)
    _, bill = one_bill(water, 1_000, allows_parts=True)
    with ThreadPoolExecutor(64) as threads:
        answers = list(threads.map(lambda _: pay(town, bill, payer, 90), range(64)))
    assert [answer.status_code for answer in answers].count(201) == 11
    assert balance(town, payer) == 100_000 - 990
    assert water.read(bill)["paid_minor"] == 990


def test_one_payment_sent_64_times_has_identical_answers(town: Town, water: Biller) -> None:
    payer, id_ = town.person(100_000), fresh_id()
    _, bill = one_bill(water, 1_000)
    with ThreadPoolExecutor(64) as threads:
        answers = list(threads.map(lambda _: pay(town, bill, payer, 1_000, id_=id_), range(64)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert balance(town, payer) == 99_000


@pytest.mark.parametrize("seed", SEEDS)
def test_of_64_returns_at_once_one_gives_the_money_back(town: Town, water: Biller, seed: int) -> None:
    payer = town.person(10_000)
    _, bill = one_bill(water, 500)
    payment = done(pay(town, bill, payer, 500), 201).json()["id"]
    with ThreadPoolExecutor(64) as threads:
        answers = list(threads.map(lambda n: water.give_back(payment, reason=str(n)), range(64)))
    assert [answer.status_code for answer in answers].count(200) == 1
    assert balance(town, payer) == 10_000


def order(town: Town, service: str, payer: str, amount_max_minor: int = 10_000) -> str:
    body = {"service": service, "account_number": NUMBER, "amount_max_minor": amount_max_minor}
    return str(done(town.act(payer, "/v1/standing-orders", body, fresh_id()), 201).json()["id"])


def due_in(town: TimedTown, days: float) -> str:
    due = to_datetime(town.clock.now_ns()) + timedelta(days=days)
    return due.isoformat().replace("+00:00", "Z")


def sweep(town: TimedTown) -> None:
    """Let standing orders act until nothing is due any more, and see that this comes to an end."""
    for _ in range(20):
        if town.sweep(SWEEPS) == 0:
            return
    raise AssertionError("the sweeps do not come to rest")


def topics(town: TimedTown, bill: str) -> list[str]:
    """Return what was announced of a bill, in order."""
    with connect(town.database.owner) as conn:
        rows = conn.execute(
            "SELECT topic FROM outbox_event WHERE payload->>'bill' = %s ORDER BY created_ns", (bill,)
        )
        return [topic for (topic,) in rows]


def test_a_standing_order_pays_when_a_bill_is_due(timed_town: TimedTown, timed_water: Biller) -> None:
    town, water = timed_town, timed_water
    payer, service = town.person(10_000), water.service()

    def upload(days: float) -> str:
        bill = {"account_number": NUMBER, "amount_minor": 500, "due": due_in(town, days)}
        return water.upload(service, [bill])[0]

    before = upload(2)
    order(town, service, payer)
    after = upload(1)
    town.clock.leap(65)
    sweep(town)
    assert balance(town, payer) == 10_000
    town.clock.leap(DAY_S)
    sweep(town)
    assert (water.read(before)["state"], water.read(after)["state"]) == ("open", "paid")
    town.clock.leap(DAY_S)
    sweep(town)
    assert water.read(before)["state"] == "paid"
    assert balance(town, payer) == 9_000


def test_a_stopped_order_pays_nothing_and_another_payer_can_take_over(
    timed_town: TimedTown, timed_water: Biller
) -> None:
    town, water = timed_town, timed_water
    former, next_, service = town.person(10_000), town.person(10_000), water.service()
    stopped = order(town, service, former)
    bill = {"account_number": NUMBER, "amount_minor": 500, "due": due_in(town, 1)}
    (uploaded,) = water.upload(service, [bill])
    first = done(town.act(former, f"/v1/standing-orders/{stopped}/stop", key=fresh_id()), 200)
    assert first.json()["state"] == "stopped"
    again = town.act(former, f"/v1/standing-orders/{stopped}/stop", key=fresh_id())
    assert_problem(again, 409, "standing_order_stopped")
    town.clock.leap(DAY_S + 5)
    sweep(town)
    assert water.read(uploaded)["state"] == "open"
    order(town, service, next_)
    town.clock.leap(65)
    sweep(town)
    assert water.read(uploaded)["state"] == "paid"
    assert (balance(town, former), balance(town, next_)) == (10_000, 9_500)


def test_without_money_an_order_tries_again_and_then_gives_up(
    timed_town: TimedTown, timed_water: Biller
) -> None:
    town, water = timed_town, timed_water
    payer, service = town.person(), water.service()
    order(town, service, payer)
    bill = {"account_number": NUMBER, "amount_minor": 500, "due": due_in(town, 0)}
    (uploaded,) = water.upload(service, [bill])
    for wait_s in (0, 6 * 3_600, DAY_S, 2 * DAY_S, 9 * DAY_S):
        town.clock.leap(wait_s + 5)
        sweep(town)
    assert topics(town, uploaded) == [*["bill.auto_pay_delayed"] * 3, "bill.auto_pay_failed"]
    town.deposit(payer, 500)
    order(town, service, payer)
    town.clock.leap(65)
    sweep(town)
    assert water.read(uploaded)["state"] == "paid"


def test_nobodys_order_keeps_anothers_from_being_carried_out(
    timed_town: TimedTown, timed_water: Biller
) -> None:
    """Whoever ordered first is too poor, the next one's order is too small; the third one pays."""
    town, water = timed_town, timed_water
    poor, small, rich = town.person(), town.person(10_000), town.person(10_000)
    service = water.service()
    for payer, amount_max_minor in ((poor, 10_000), (small, 499), (rich, 10_000)):
        order(town, service, payer, amount_max_minor)
    bill = {"account_number": NUMBER, "amount_minor": 500, "due": due_in(town, 0)}
    (uploaded,) = water.upload(service, [bill])
    town.clock.leap(5)
    sweep(town)
    assert topics(town, uploaded) == ["bill.auto_pay_failed", "bill.auto_pay_failed", "bill.paid"]
    assert [balance(town, payer) for payer in (poor, small, rich)] == [0, 10_000, 9_500]


def test_a_stopped_order_leaves_its_bills_to_the_next_one(timed_town: TimedTown, timed_water: Biller) -> None:
    town, water = timed_town, timed_water
    former, next_, service = town.person(10_000), town.person(10_000), water.service()
    stopped = order(town, service, former)
    order(town, service, next_)
    town.clock.leap(65)
    sweep(town)
    bill = {"account_number": NUMBER, "amount_minor": 500, "due": due_in(town, 1)}
    (uploaded,) = water.upload(service, [bill])
    done(town.act(former, f"/v1/standing-orders/{stopped}/stop", key=fresh_id()), 200)
    town.clock.leap(DAY_S + 5)
    sweep(town)
    assert water.read(uploaded)["state"] == "paid"
    assert (balance(town, former), balance(town, next_)) == (10_000, 9_500)


def test_what_is_paid_in_one_sweep_is_found_page_by_page(timed_town: TimedTown, timed_water: Biller) -> None:
    town, water = timed_town, timed_water
    payer, service = town.person(10_000), water.service()
    order(town, service, payer)
    bill = {"account_number": NUMBER, "amount_minor": 10, "due": due_in(town, 0)}
    uploaded = water.upload(service, [bill] * 7)
    town.clock.leap(5)
    sweep(town)
    found: list[str] = []
    query: dict[str, Any] = {"limit": 3}
    while True:
        answer = town.bank.get("/v1/bill-payments", params=query, headers={"Acting-For": payer}).json()
        found += [each["bill"] for each in answer["items"]]
        if answer["next_before"] is None:
            break
        query["before"] = answer["next_before"]
    assert len(found) == 7
    assert set(found) == set(uploaded)


def test_a_payer_finds_all_standing_orders_page_by_page(town: Town, water: Biller) -> None:
    payer = town.person()
    placed = [order(town, water.service(), payer) for _ in range(3)]
    headers = {"Acting-For": payer}
    first = done(town.bank.get("/v1/standing-orders", params={"limit": 2}, headers=headers), 200).json()
    rest = town.bank.get(
        "/v1/standing-orders", params={"limit": 2, "before": first["next_before"]}, headers=headers
    ).json()
    assert [each["id"] for each in (*first["items"], *rest["items"])] == placed[::-1]
    assert rest["next_before"] is None


def test_a_bill_that_is_too_large_for_the_order_is_left_to_its_payer(
    timed_town: TimedTown, timed_water: Biller
) -> None:
    town, water = timed_town, timed_water
    payer, service = town.person(10_000), water.service()
    order(town, service, payer, 499)
    bill = {"account_number": NUMBER, "amount_minor": 500, "due": due_in(town, 0)}
    (uploaded,) = water.upload(service, [bill])
    town.clock.leap(5)
    sweep(town)
    assert topics(town, uploaded) == ["bill.auto_pay_failed"]
    done(pay(town, uploaded, payer, 500), 201)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_bill_is_paid_once_by_its_payer_and_many_workers_together(
    timed_town: TimedTown, timed_water: Biller, seed: int
) -> None:
    town, water = timed_town, timed_water
    payer, service = town.person(10_000), water.service()
    order(town, service, payer)
    bill = {"account_number": NUMBER, "amount_minor": 500, "due": due_in(town, 0)}
    (uploaded,) = water.upload(service, [bill])
    town.clock.leap(5)

    def step(number: int) -> int:
        return town.sweep(SWEEPS) if number % 2 else pay(town, uploaded, payer, 500).status_code

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(step, range(16)))
    assert balance(town, payer) == 9_500
    assert len(water.read(uploaded)["payments"]) == 1
