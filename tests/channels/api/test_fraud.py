"""Payments are judged before they are made: allowed, challenged or stopped, each once and with its reasons."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import httpx
import pytest

from karez.parties.roles import Permission
from karez.parties.tokens import Owner
from karez.storage.database import connect
from tests.channels.api.making import DAY_NS, HARBOUR_BANK, assert_problem, fresh_id
from tests.channels.api.timed import TimedTown
from tests.channels.api.town import CURRENCY, Town, done

FUNDS = 10_000_000
HOUR_S = 3_600
LARGE = {"large": {"kind": "amount_band", "currency": CURRENCY, "from_minor": 5_000, "outcome": "challenge"}}
HUGE = {"huge": {"kind": "amount_band", "currency": CURRENCY, "from_minor": 50_000, "outcome": "refuse"}}


def velocity(subject: str, limit: int, outcome: str = "refuse", **more: Any) -> dict[str, Any]:
    return {
        "kind": "velocity",
        "subject": subject,
        "window": "hour",
        "measure": "count",
        "limit": limit,
        "outcome": outcome,
        **more,
    }


EXACTLY_5 = {"five": velocity("person", 5, exact=True, currency=CURRENCY)}


@pytest.fixture(scope="module")
def second(timed_town: TimedTown) -> Iterator[httpx.Client]:
    """Another program of the bank's, which makes sure of people in a second way."""
    scopes = (Permission.PAYMENTS_READ, Permission.PAYMENTS_WRITE)
    token = timed_town.world.token(Owner(institution=HARBOUR_BANK), *scopes, life_ns=3_650 * DAY_NS)
    with timed_town.api.client(token) as client:
        yield client


def pay(
    town: Town, payer: str, trade: str, key: str | None = None, device: str | None = None, body: Any = None
) -> httpx.Response:
    headers = {"Acting-For": payer, "Idempotency-Key": key or fresh_id()}
    headers |= {} if device is None else {"Device-Id": device}
    return town.bank.post(f"/v1/trades/{trade}/pay", json=body, headers=headers)


def send(town: Town, payer: str, payee: str, amount_minor: int, id_: str | None = None) -> httpx.Response:
    body = {"id": id_ or fresh_id(), "to": payee, "currency": CURRENCY, "amount_minor": amount_minor}
    return town.act(payer, "/v1/money-transfers", body)


def confirm(second: httpx.Client, payer: str, challenge: str) -> httpx.Response:
    return second.post(f"/v1/payment-challenges/{challenge}/confirm", headers={"Acting-For": payer})


def decisions(town: Town, **query: Any) -> list[dict[str, Any]]:
    return list(done(town.operator.get("/v1/fraud/decisions", params=query), 200).json()["items"])


BALANCE = {"sources": [{"kind": "balance"}]}


@pytest.mark.parametrize("body", [None, BALANCE], ids=["at the desk", "from sources"])
def test_a_stopped_payment_moves_no_money_and_is_kept_with_its_reasons(
    timed_town: TimedTown, body: Any
) -> None:
    timed_town.judge_by(HUGE)
    payer, shop = timed_town.person(FUNDS), timed_town.shop()
    trade = timed_town.order(shop, 50_000)
    facts = assert_problem(pay(timed_town, payer, trade, body=body), 403, "payment_refused")
    assert facts["kinds"] == ["amount"]
    assert timed_town.wallet(payer)["available_minor"] == FUNDS
    read = timed_town.bank.get(f"/v1/trades/{trade}", headers={"Acting-For": shop})
    assert done(read, 200).json()["state"] == "created"
    decision = done(timed_town.operator.get(f"/v1/fraud/decisions/{facts['decision']}"), 200).json()
    (reason,) = decision["reasons"]
    assert (decision["outcome"], decision["person"], decision["shop"]) == ("refuse", payer, shop)
    assert (reason["rule"], reason["seen"], reason["limit"]) == ("huge", 50_000, 49_999)


def test_the_payer_hears_the_kind_of_a_limit_and_no_rule(timed_town: TimedTown) -> None:
    timed_town.judge_by(HUGE)
    answer = pay(timed_town, timed_town.person(FUNDS), timed_town.order(timed_town.shop(), 60_000))
    assert "the amount" in answer.json()["detail"]
    assert "huge" not in answer.text
    assert "49999" not in answer.text.replace("_", "")


@pytest.mark.parametrize("body", [None, BALANCE], ids=["at the desk", "from sources"])
def test_repeating_a_stopped_request_gives_the_same_bytes_even_if_the_rule_is_gone(
    timed_town: TimedTown, body: Any
) -> None:
    timed_town.judge_by(HUGE)
    payer, trade, key = timed_town.person(FUNDS), timed_town.order(timed_town.shop(), 50_000), fresh_id()
    first = pay(timed_town, payer, trade, key, body=body)
    timed_town.judge_by({})
    again = pay(timed_town, payer, trade, key, body=body)
    assert (again.status_code, again.content) == (403, first.content)
    assert len(decisions(timed_town, party=payer)) == 1
    done(pay(timed_town, payer, trade, body=body), 200)


def test_64_times_the_same_request_is_stopped_once(timed_town: TimedTown) -> None:
    timed_town.judge_by(LARGE)
    payer, payee, id_ = timed_town.person(FUNDS), timed_town.person(), fresh_id()
    with ThreadPoolExecutor(64) as pool:
        told = set(pool.map(lambda _: send(timed_town, payer, payee, 6_000, id_).content, range(64)))
    assert len(told) == 1
    assert len(decisions(timed_town, party=payer)) == 1


def test_a_stop_leaves_a_decision_an_operation_and_its_events_and_nothing_else(
    timed_town: TimedTown,
) -> None:
    timed_town.judge_by(HUGE)
    payer, payee = timed_town.person(FUNDS), timed_town.person()

    def rows() -> dict[str, int]:
        with connect(timed_town.database.owner) as conn:
            names = conn.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
                " AND NOT relispartition"
            ).fetchall()
            return {
                name: (conn.execute(f'SELECT count(*) FROM "{name}"'.encode()).fetchone() or (0,))[0]
                for (name,) in names
            }

    before = rows()
    assert_problem(send(timed_town, payer, payee, 50_000), 403, "payment_refused")
    after = rows()
    grown = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    assert grown == {"fraud_decision": 1, "operation": 1, "outbox_event": 1}


def test_a_challenge_is_passed_by_another_credential_and_lets_the_one_payment_pass(
    timed_town: TimedTown, second: httpx.Client
) -> None:
    timed_town.judge_by(LARGE)
    payer, payee, id_ = timed_town.person(FUNDS), timed_town.person(), fresh_id()
    facts = assert_problem(send(timed_town, payer, payee, 6_000, id_), 403, "payment_needs_confirmation")
    challenge = facts["challenge"]
    shown = second.get(f"/v1/payment-challenges/{challenge}", headers={"Acting-For": payer})
    assert done(shown, 200).json() | {"expires": ""} == {
        "id": challenge,
        "state": "open",
        "shop": payee,
        "currency": CURRENCY,
        "amount_minor": 6_000,
        "expires": "",
    }
    own = timed_town.act(payer, f"/v1/payment-challenges/{challenge}/confirm")
    assert_problem(own, 403, "challenge_asked_by_you")
    assert done(confirm(second, payer, challenge), 200).json()["state"] == "confirmed"
    done(confirm(second, payer, challenge), 200)
    paid = done(send(timed_town, payer, payee, 6_000, id_), 201)
    assert send(timed_town, payer, payee, 6_000, id_).content == paid.content
    assert timed_town.wallet(payer)["available_minor"] == FUNDS - 6_000
    another = send(timed_town, payer, payee, 6_000)
    assert_problem(another, 403, "payment_needs_confirmation")
    timed_town.clock.leap(HOUR_S)
    assert send(timed_town, payer, payee, 6_000, id_).content == paid.content


@pytest.mark.parametrize("body", [None, BALANCE], ids=["at the desk", "from sources"])
def test_64_times_a_confirmed_payment_pays_once(
    timed_town: TimedTown, second: httpx.Client, body: Any
) -> None:
    timed_town.judge_by(LARGE)
    payer, trade, key = timed_town.person(FUNDS), timed_town.order(timed_town.shop(), 7_000), fresh_id()
    answer = pay(timed_town, payer, trade, key, body=body)
    done(confirm(second, payer, answer.json()["facts"]["challenge"]), 200)
    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(lambda _: pay(timed_town, payer, trade, key, body=body), range(64)))
    assert {(each.status_code, each.content) for each in answers} == {(200, answers[0].content)}
    assert timed_town.wallet(payer)["available_minor"] == FUNDS - 7_000


def test_a_challenge_ends_after_15_minutes_confirmed_or_not(
    timed_town: TimedTown, second: httpx.Client
) -> None:
    timed_town.judge_by(LARGE)
    payer, payee = timed_town.person(FUNDS), timed_town.person()
    ids = fresh_id(), fresh_id()
    challenges = [send(timed_town, payer, payee, 6_000, id_).json()["facts"]["challenge"] for id_ in ids]
    done(confirm(second, payer, challenges[0]), 200)
    timed_town.clock.leap(15 * 60)
    for id_ in ids:
        assert_problem(send(timed_town, payer, payee, 6_000, id_), 403, "payment_needs_confirmation")
    assert_problem(confirm(second, payer, challenges[1]), 409, "challenge_expired")
    assert timed_town.wallet(payer)["available_minor"] == FUNDS


def test_a_confirmation_answers_challenges_and_no_refusal(
    timed_town: TimedTown, second: httpx.Client
) -> None:
    timed_town.judge_by(LARGE)
    payer, payee, id_ = timed_town.person(FUNDS), timed_town.person(), fresh_id()
    challenge = send(timed_town, payer, payee, 60_000, id_).json()["facts"]["challenge"]
    done(confirm(second, payer, challenge), 200)
    timed_town.judge_by({**LARGE, **HUGE})
    first = send(timed_town, payer, payee, 60_000, id_)
    assert_problem(first, 403, "payment_refused")
    assert send(timed_town, payer, payee, 60_000, id_).content == first.content


def test_nobody_confirms_for_another_payer(timed_town: TimedTown, second: httpx.Client) -> None:
    timed_town.judge_by(LARGE)
    payer, other = timed_town.person(FUNDS), timed_town.person(FUNDS)
    challenge = send(timed_town, payer, other, 6_000).json()["facts"]["challenge"]
    assert_problem(confirm(second, other, challenge), 404, "challenge_not_found")
    assert_problem(confirm(second, payer, fresh_id()), 404, "challenge_not_found")


def test_an_exact_rule_lets_exactly_5_of_64_payments_at_once_pass(timed_town: TimedTown) -> None:
    timed_town.judge_by(EXACTLY_5)
    payer, payee, shop = timed_town.person(FUNDS), timed_town.person(), timed_town.shop()
    trades = [timed_town.order(shop, 100) for _ in range(32)]
    with ThreadPoolExecutor(64) as pool:
        paid = [pool.submit(pay, timed_town, payer, trade) for trade in trades]
        paid += [pool.submit(send, timed_town, payer, payee, 100) for _ in range(32)]
        answers = [each.result() for each in paid]
    statuses = [answer.status_code for answer in answers]
    assert sum(status in (200, 201) for status in statuses) == 5
    refused = [answer for answer in answers if answer.status_code == 403]
    assert len(refused) == 59
    assert all(answer.json()["facts"]["kinds"] == ["frequency"] for answer in refused)
    assert timed_town.wallet(payer)["available_minor"] == FUNDS - 500
    assert len(decisions(timed_town, party=payer, outcome="refuse", limit=100)) == 59


def test_an_exact_rule_has_room_again_an_hour_after_each_payment(timed_town: TimedTown) -> None:
    timed_town.judge_by(EXACTLY_5)
    payer, payee = timed_town.person(FUNDS), timed_town.person()
    for _ in range(5):
        done(send(timed_town, payer, payee, 100), 201)
    assert_problem(send(timed_town, payer, payee, 100), 403, "payment_refused")
    timed_town.clock.leap(HOUR_S + 1)
    done(send(timed_town, payer, payee, 100), 201)


def test_an_estimated_rule_counts_what_was_paid_before(timed_town: TimedTown) -> None:
    timed_town.judge_by({"two": velocity("person", 2)})
    payer, payee = timed_town.person(FUNDS), timed_town.person()
    for _ in range(2):
        done(send(timed_town, payer, payee, 100), 201)
    assert_problem(send(timed_town, payer, payee, 100), 403, "payment_refused")
    timed_town.clock.leap(HOUR_S)
    done(send(timed_town, payer, payee, 100), 201)


def test_payments_of_one_batch_count_each_other(timed_town: TimedTown) -> None:
    timed_town.judge_by({"three": velocity("device", 3)})
    shop, payers = timed_town.shop(), [timed_town.person(FUNDS) for _ in range(8)]
    steps = [
        {"action": "pay", "trade": timed_town.order(shop, 100), "party": payer, "device": "phone-1"}
        for payer in payers
    ]
    items = done(timed_town.bank.post("/v1/trades/batch", json=steps), 200).json()["items"]
    assert [item["code"] for item in items] == [None] * 3 + ["payment_refused"] * 5


def test_a_blocked_device_pays_nothing_whoever_holds_it(timed_town: TimedTown) -> None:
    timed_town.judge_by({})
    shop, device = timed_town.shop(), f"phone-{fresh_id()}"
    entry = {"kind": "device", "device": device}
    timed_town.decide("/v1/fraud/list", {**entry, "verdict": "block", "reason": "Stolen."})
    for _ in range(2):
        trade, payer = timed_town.order(shop, 100), timed_town.person(FUNDS)
        answer = pay(timed_town, payer, trade, device=device)
        assert assert_problem(answer, 403, "payment_refused")["kinds"] == ["safety"]
        done(pay(timed_town, payer, trade, device="another"), 200)
    (decision,) = decisions(timed_town, party=payer)
    assert decision["reasons"][0]["rule"] == "blocked_device"
    assert device not in str(decision)
    ended = timed_town.operator.post(
        "/v1/fraud/list/end",
        json={"kind": "device", "fingerprint": decision["device"], "reason": "Found."},
        headers={"Idempotency-Key": fresh_id()},
    )
    done(ended, 200)
    done(pay(timed_town, payer, timed_town.order(shop, 100), device=device), 200)


def test_a_header_that_names_no_device_is_refused(timed_town: TimedTown) -> None:
    for device in ("a b", "x" * 201):
        answer = pay(timed_town, timed_town.person(FUNDS), fresh_id(), device=device)
        assert_problem(answer, 400, "header_invalid")


def test_a_rule_that_cannot_be_read_stops_payments_and_nothing_else(timed_town: TimedTown) -> None:
    timed_town.judge_by({})
    shop, payer = timed_town.shop(), timed_town.person(FUNDS)
    paid, open_ = timed_town.order(shop, 100), timed_town.order(shop, 100)
    done(pay(timed_town, payer, paid), 200)
    with connect(timed_town.database.owner) as conn:
        conn.execute("""INSERT INTO fraud_rule_set SELECT max(version) + 1, '{"x": {"kind": "telepathy"}}', '', '', 0
                        FROM fraud_rule_set""")
    timed_town.clock.leap(2)
    try:
        steps = [
            {"action": "pay", "trade": open_, "party": payer, "id": fresh_id()},
            {"action": "confirm", "trade": paid, "party": payer, "id": fresh_id()},
        ]
        answers = [
            timed_town.bank.post(
                f"/v1/trades/{each['trade']}/{each['action']}", headers={"Acting-For": payer}
            )
            for each in steps
        ]
        assert_problem(answers[0], 503, "fraud_rule_unreadable")
        done(answers[1], 200)
        assert_problem(timed_town.operator.get("/v1/fraud/rules"), 503, "fraud_rule_unreadable")
    finally:
        with connect(timed_town.database.owner) as conn:
            conn.execute(
                "DELETE FROM fraud_rule_set WHERE version = (SELECT max(version) FROM fraud_rule_set)"
            )
        timed_town.clock.leap(2)
    done(pay(timed_town, payer, open_), 200)


def test_a_withdrawal_is_judged_too(timed_town: TimedTown) -> None:
    timed_town.judge_by(HUGE)
    link = {
        "institution": HARBOUR_BANK,
        "base_url": "http://127.0.0.1:9/",
        "secret": "what both sides hold",
        "currencies": [CURRENCY],
    }
    timed_town.decide("/v1/bank-links", link)
    payer = timed_town.person(FUNDS)
    body = {"bank": HARBOUR_BANK, "account": "6222-1", "currency": CURRENCY}
    small = timed_town.act(payer, "/v1/withdrawals", {**body, "id": fresh_id(), "amount_minor": 100})
    done(small, 201)
    huge = timed_town.act(payer, "/v1/withdrawals", {**body, "id": fresh_id(), "amount_minor": 50_000})
    assert_problem(huge, 403, "payment_refused")
    assert UUID(decisions(timed_town, party=payer)[0]["shop"]).version == 8


def test_what_a_rule_of_its_own_refuses_is_not_judged(timed_town: TimedTown) -> None:
    timed_town.judge_by(HUGE)
    payer = timed_town.person(FUNDS)
    assert_problem(send(timed_town, payer, payer, 50_000), 422, "payee_is_payer")
    assert decisions(timed_town, party=payer) == []
