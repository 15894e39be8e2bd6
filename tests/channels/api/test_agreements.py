"""Agreements over HTTP: once a period, never beyond what was agreed, announced before and tried again after."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest

from karez.core.clock import to_datetime
from karez.services.payments.agreements.due import SWEEPS
from karez.storage.database import connect
from tests.channels.api.making import assert_problem, fresh_id
from tests.channels.api.timed import DAY_S, TimedTown
from tests.channels.api.town import CURRENCY, Town, done

SEEDS = range(20 if os.environ.get("KAREZ_LONG") else 2)
DAILY = {"unit": "day", "every": 1}


def sign(town: Town, payer: str, shop: str, **more: Any) -> str:
    body = {
        "id": fresh_id(),
        "shop": shop,
        "title": "Video",
        "currency": CURRENCY,
        "amount_max_minor": 3_000,
        "period": DAILY,
        **more,
    }
    return str(done(town.act(payer, "/v1/agreements", body), 201).json()["id"])


def deduct(
    town: Town, agreement: str, shop: str, amount_minor: int = 2_500, reference: str | None = None
) -> httpx.Response:
    body = {"reference": reference or fresh_id(), "amount_minor": amount_minor}
    return town.act(shop, f"/v1/agreements/{agreement}/deductions", body)


def act(town: Town, agreement: str, party: str, action: str) -> httpx.Response:
    return town.act(party, f"/v1/agreements/{agreement}/{action}", key=fresh_id())


def read(town: Town, agreement: str, party: str, path: str = "") -> dict[str, Any]:
    answer = town.bank.get(f"/v1/agreements/{agreement}{path}", headers={"Acting-For": party})
    found: dict[str, Any] = done(answer, 200).json()
    return found


def takings(town: Town, shop: str) -> int:
    return town.wallet(shop)["takings_minor"]


def topics(town: TimedTown, agreement: str) -> list[str]:
    """Return what was announced of an agreement, in order."""
    with connect(town.database.owner) as conn:
        rows = conn.execute(
            "SELECT topic FROM outbox_event WHERE payload->>'id' = %s ORDER BY created_ns", (agreement,)
        )
        return [topic.removeprefix("agreement.") for (topic,) in rows]


def sweep(town: TimedTown) -> None:
    """Let the schedules act until nothing is due any more, and see that this comes to an end."""
    for _ in range(20):
        if town.sweep(SWEEPS) == 0:
            return
    raise AssertionError("the sweeps do not come to rest")


def leap_to_nine(town: TimedTown) -> None:
    """Move the time to a little after the next 09:00 of Shanghai."""
    now = to_datetime(town.clock.now_ns()) + timedelta(hours=8)
    nine = now.replace(hour=9, minute=0, second=5, microsecond=0)
    town.clock.leap(((nine if nine > now else nine + timedelta(days=1)) - now).total_seconds())


def test_a_shop_deducts_once_a_period(town: Town) -> None:
    payer, shop = town.person(10_000), town.shop()
    agreement = sign(town, payer, shop)
    made = done(deduct(town, agreement, shop, reference="usage-1"), 201).json()
    assert (made["period"], made["amount_minor"]) == (0, 2_500)
    assert takings(town, shop) == 2_500
    assert town.wallet(payer)["available_minor"] == 7_500
    assert_problem(deduct(town, agreement, shop), 409, "period_used")
    found = read(town, agreement, payer)
    assert (found["state"], found["deducted_count"], found["deducted_minor"]) == ("active", 1, 2_500)
    (listed,) = read(town, agreement, shop, "/deductions")["items"]
    assert (listed["state"], listed["trade"]) == ("paid", made["trade"])
    trade = town.bank.get(f"/v1/trades/{made['trade']}", headers={"Acting-For": payer}).json()
    assert (trade["reference"], trade["state"], trade["mode"]) == ("usage-1", "finished", "direct")


def test_what_was_not_agreed_to_is_refused_by_its_name(town: Town) -> None:
    payer, shop = town.person(10_000), town.shop()
    agreement = sign(town, payer, shop, count_max=1)
    facts = assert_problem(deduct(town, agreement, shop, 3_001), 422, "deduction_exceeds_max")
    assert facts == {"amount_max_minor": 3_000}
    assert_problem(deduct(town, agreement, payer), 403, "agreement_not_yours")
    town.order(shop, 5, reference="used")
    assert_problem(deduct(town, agreement, shop, reference="used"), 409, "reference_used")
    done(deduct(town, agreement, shop), 201)
    assert read(town, agreement, payer)["state"] == "ended"
    assert_problem(deduct(town, agreement, shop), 409, "agreement_state_wrong")
    small = sign(town, payer, shop, sum_max_minor=100)
    assert_problem(deduct(town, small, shop, 101), 409, "agreement_used_up")
    poor = town.person(10)
    assert_problem(deduct(town, sign(town, poor, shop), shop, 11), 422, "balance_too_low")
    scheduled = sign(town, payer, shop, fixed_minor=5, notice_days=1)
    assert_problem(deduct(town, scheduled, shop), 409, "agreement_scheduled")
    later = sign(town, payer, shop, notice_days=2)
    assert_problem(deduct(town, later, shop), 409, "period_not_begun")


def test_only_what_has_a_meaning_is_signed(town: Town) -> None:
    payer, shop = town.person(), town.shop()
    wrong: list[tuple[dict[str, Any], int, str]] = [
        ({"shop": town.person()}, 422, "payee_account_not_found"),
        ({"shop": fresh_id()}, 422, "payee_account_not_found"),
        ({"shop": payer}, 422, "buyer_is_shop"),
        ({"fixed_minor": 3_001}, 422, "fixed_amount_too_large"),
        ({"period": {"unit": "month"}}, 422, "period_invalid"),
        ({"fixed_minor": 5, "notice_days": 2}, 422, "notice_too_long"),
        ({"period": {**DAILY, "zone": "Mars/Olympus"}}, 422, "zone_unknown"),
        ({"valid_until": "2020-01-01T00:00:00Z"}, 422, "validity_invalid"),
        ({"currency": "XXX"}, 404, "wallet_not_found"),
    ]
    for more, status, code in wrong:
        body = {
            "id": fresh_id(),
            "shop": shop,
            "title": "Video",
            "currency": CURRENCY,
            "amount_max_minor": 3_000,
            "period": DAILY,
            **more,
        }
        assert_problem(town.act(payer, "/v1/agreements", body), status, code)


def test_either_side_ends_it_at_once_and_the_payer_pauses_it(town: Town) -> None:
    payer, shop = town.person(10_000), town.shop()
    for ender in (payer, shop):
        agreement = sign(town, payer, shop)
        assert_problem(act(town, agreement, shop, "pause"), 403, "agreement_not_yours")
        done(act(town, agreement, payer, "pause"), 200)
        assert_problem(deduct(town, agreement, shop), 409, "agreement_state_wrong")
        assert_problem(act(town, agreement, payer, "pause"), 409, "agreement_state_wrong")
        done(act(town, agreement, payer, "resume"), 200)
        assert done(act(town, agreement, ender, "unsign"), 200).json()["state"] == "unsigned"
        assert_problem(deduct(town, agreement, shop), 409, "agreement_state_wrong")
        assert_problem(act(town, agreement, payer, "resume"), 409, "agreement_state_wrong")
    assert takings(town, shop) == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_of_64_deductions_at_once_one_is_made(town: Town, seed: int) -> None:
    payer, shop = town.person(1_000_000), town.shop()
    agreement = sign(town, payer, shop)
    with ThreadPoolExecutor(64) as threads:
        answers = list(threads.map(lambda _: deduct(town, agreement, shop), range(64)))
    assert [answer.status_code for answer in answers].count(201) == 1
    assert {answer.json()["code"] for answer in answers if answer.status_code != 201} == {"period_used"}
    assert takings(town, shop) == 2_500


@pytest.mark.parametrize("seed", SEEDS)
def test_after_the_end_nothing_is_deducted_however_close_they_come(town: Town, seed: int) -> None:
    payer, shop = town.person(1_000_000), town.shop()
    agreement = sign(town, payer, shop)

    def step(number: int) -> httpx.Response:
        return act(town, agreement, payer, "unsign") if number == 9 else deduct(town, agreement, shop)

    with ThreadPoolExecutor(32) as threads:
        answers = list(threads.map(step, range(32)))
    assert answers[9].status_code == 200
    told = answers[9].json()
    assert takings(town, shop) == told["deducted_minor"] == 2_500 * told["deducted_count"]


def test_one_deduction_sent_64_times_has_identical_answers(town: Town) -> None:
    payer, shop = town.person(10_000), town.shop()
    agreement = sign(town, payer, shop)
    with ThreadPoolExecutor(64) as threads:
        answers = list(threads.map(lambda _: deduct(town, agreement, shop, reference="once"), range(64)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert takings(town, shop) == 2_500


def test_both_sides_find_it_in_their_lists(town: Town) -> None:
    payer, shop = town.person(), town.shop()
    signed = [sign(town, payer, shop) for _ in range(3)]
    for party, side in ((payer, "signed"), (shop, "received")):
        answer = town.bank.get("/v1/agreements", params={"side": side}, headers={"Acting-For": party})
        assert [each["id"] for each in answer.json()["items"]] == signed[::-1]


def test_the_schedule_announces_and_deducts_in_each_period_until_the_last_one(timed_town: TimedTown) -> None:
    town = timed_town
    payer, shop = town.person(10_000), town.shop()
    leap_to_nine(town)
    agreement = sign(town, payer, shop, fixed_minor=2_000, notice_days=1, count_max=2)
    sweep(town)
    for deducted_minor in (2_000, 4_000):
        leap_to_nine(town)
        sweep(town)
        assert takings(town, shop) == deducted_minor
    assert read(town, agreement, shop)["state"] == "ended"
    town.clock.leap(3 * DAY_S)
    sweep(town)
    assert topics(town, agreement) == [
        "signed",
        "deduction_coming",
        "deducted",
        "deduction_coming",
        "deducted",
    ]


def test_nothing_is_deducted_before_its_notice_was_given_in_time(timed_town: TimedTown) -> None:
    """Nobody was there for four days, so notice and deduction become due together."""
    town = timed_town
    payer, shop = town.person(10_000), town.shop()
    rarely = {"unit": "day", "every": 30}
    agreement = sign(town, payer, shop, fixed_minor=2_000, notice_days=2, period=rarely)
    town.clock.leap(4 * DAY_S)
    assert town.sweep([each for each in SWEEPS if each.name == "agreement.deduct"]) == 0
    sweep(town)
    assert topics(town, agreement) == ["signed", "deduction_coming"]
    town.clock.leap(DAY_S)
    sweep(town)
    assert takings(town, shop) == 0
    town.clock.leap(2 * DAY_S)
    sweep(town)
    assert takings(town, shop) == 2_000
    assert topics(town, agreement)[1:] == ["deduction_coming", "deducted"]


def test_a_deduction_that_can_be_announced_no_more_is_left_out(timed_town: TimedTown) -> None:
    town = timed_town
    payer, shop = town.person(10_000), town.shop()
    agreement = sign(town, payer, shop, fixed_minor=2_000, notice_days=3, period={"unit": "day", "every": 4})
    town.clock.leap(5 * DAY_S)
    sweep(town)
    assert topics(town, agreement) == ["signed", "deduction_left_out"]
    assert takings(town, shop) == 0
    assert read(town, agreement, shop)["next_deduction"] is not None


def test_a_deduction_without_money_is_tried_again_and_the_next_period_is_not_lost(
    timed_town: TimedTown,
) -> None:
    town = timed_town
    payer, shop = town.person(), town.shop()
    leap_to_nine(town)
    agreement = sign(town, payer, shop, fixed_minor=2_000, period={**DAILY, "every": 7})
    for wait_s in (0, 6 * 3_600, DAY_S):
        town.clock.leap(wait_s + 5)
        sweep(town)
    assert read(town, agreement, payer)["failed_tries"] == 3
    town.clock.leap(2 * DAY_S + 5)
    sweep(town)
    (failed,) = read(town, agreement, payer, "/deductions")["items"]
    assert (failed["state"], failed["reason"]) == ("failed", "balance_too_low")
    town.deposit(payer, 2_000)
    town.clock.leap(7 * DAY_S)
    sweep(town)
    assert takings(town, shop) == 2_000
    assert topics(town, agreement) == [
        "signed",
        "deduction_delayed",
        "deduction_delayed",
        "deduction_delayed",
        "deduction_failed",
        "deducted",
    ]


def test_money_that_comes_in_between_two_tries_is_deducted(timed_town: TimedTown) -> None:
    town = timed_town
    payer, shop = town.person(), town.shop()
    leap_to_nine(town)
    agreement = sign(town, payer, shop, fixed_minor=2_000, period={**DAILY, "every": 7})
    sweep(town)
    town.deposit(payer, 2_000)
    town.clock.leap(6 * 3_600 + 5)
    sweep(town)
    found = read(town, agreement, payer)
    assert (found["deducted_minor"], found["failed_tries"]) == (2_000, 0)
    assert takings(town, shop) == 2_000


def test_a_frozen_wallet_delays_the_schedule_like_an_empty_one(timed_town: TimedTown) -> None:
    town = timed_town
    payer, shop = town.person(5_000), town.shop()
    town.decide(f"/v1/wallets/{payer}/CNY/state", {"state": "frozen"})
    leap_to_nine(town)
    agreement = sign(town, payer, shop, fixed_minor=2_000, period={**DAILY, "every": 7})
    sweep(town)
    assert read(town, agreement, payer)["failed_tries"] == 1
    assert takings(town, shop) == 0


def test_a_pause_stops_the_schedule_and_what_was_missed_is_not_made_up_for(timed_town: TimedTown) -> None:
    town = timed_town
    payer, shop = town.person(50_000), town.shop()
    leap_to_nine(town)
    agreement = sign(town, payer, shop, fixed_minor=2_000)
    sweep(town)
    done(act(town, agreement, payer, "pause"), 200)
    town.clock.leap(3 * DAY_S)
    sweep(town)
    done(act(town, agreement, payer, "resume"), 200)
    sweep(town)
    leap_to_nine(town)
    sweep(town)
    assert takings(town, shop) == 4_000


def test_an_agreement_ends_by_itself(timed_town: TimedTown) -> None:
    town = timed_town
    payer, shop = town.person(50_000), town.shop()
    ends = to_datetime(town.clock.now_ns()) + timedelta(hours=1)
    agreement = sign(town, payer, shop, valid_until=ends.isoformat().replace("+00:00", "Z"))
    town.clock.leap(3_605)
    assert_problem(deduct(town, agreement, shop), 409, "agreement_ended")
    sweep(town)
    assert read(town, agreement, shop)["state"] == "ended"


@pytest.mark.parametrize("seed", SEEDS)
def test_many_workers_deduct_once(timed_town: TimedTown, seed: int) -> None:
    town = timed_town
    payer, shop = town.person(50_000), town.shop()
    leap_to_nine(town)
    for _ in range(5):
        sign(town, payer, shop, fixed_minor=2_000)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: town.sweep(SWEEPS), range(8)))
    assert takings(town, shop) == 10_000
