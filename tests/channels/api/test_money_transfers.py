"""Sending money to people over HTTP: once for each id, within the limits, and without telling who has a phone."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import httpx

from karez.parties import people
from karez.storage.database import connect
from karez.storage.tenant import as_institution
from tests.channels.api.making import HARBOUR_BANK, World, assert_problem, fresh_id
from tests.channels.api.town import CURRENCY, Town, done


def body(to: str | None = None, amount_minor: int = 3_000, **more: Any) -> dict[str, Any]:
    named = {} if to is None else {"to": to}
    return {"id": fresh_id(), "currency": CURRENCY, "amount_minor": amount_minor, **named, **more}


def phone_person(town: Town, name: str = "李小明") -> tuple[str, str]:
    """Register a person with a phone and a wallet; return their id and the phone."""
    id_ = fresh_id()
    phone = f"+861{int(id_.replace('-', '')[-12:], 16) % 10**10:010}"
    done(town.bank.post("/v1/people", json={"id": id_, "name": name, "phone": phone}), 201)
    done(town.act(id_, "/v1/wallets", {"currency": CURRENCY}), 201)
    return id_, phone


def test_money_goes_from_one_person_to_another(town: Town) -> None:
    payer, payee = town.person(10_000), town.person()
    sent = done(town.act(payer, "/v1/money-transfers", body(payee, note="For dinner")), 201).json()
    assert (sent["to"], sent["payee_name"], sent["note"]) == (payee, None, "For dinner")
    assert town.wallet(payer)["available_minor"] == 7_000
    assert town.wallet(payee)["available_minor"] == 3_000


def test_both_sides_find_it_in_their_lists(town: Town) -> None:
    payer, payee = town.person(10_000), town.person()
    for amount_minor in (100, 200, 300):
        done(town.act(payer, "/v1/money-transfers", body(payee, amount_minor)), 201)

    def page(party: str, **query: Any) -> dict[str, Any]:
        answer = town.bank.get("/v1/money-transfers", params=query, headers={"Acting-For": party})
        found: dict[str, Any] = done(answer, 200).json()
        return found

    first = page(payer, side="sent", limit=2)
    rest = page(payer, side="sent", limit=2, before=first["next_before"])
    amounts = [[each["amount_minor"] for each in found["items"]] for found in (first, rest)]
    assert amounts == [[300, 200], [100]]
    assert len(page(payee, side="received")["items"]) == 3
    assert page(payee, side="sent")["items"] == []


def test_a_payer_of_a_phone_number_learns_a_part_of_the_name_only(town: Town) -> None:
    payer = town.person(10_000)
    payee, phone = phone_person(town)
    asked = done(town.act(payer, "/v1/payees/find", {"phone": phone, "currency": CURRENCY}), 200)
    assert asked.json() == {"name": "*明"}
    sent = done(town.act(payer, "/v1/money-transfers", body(phone=phone.replace("+86", "+86 "))), 201)
    listed = town.bank.get("/v1/money-transfers", headers={"Acting-For": payer})
    for answer in (sent, listed):
        assert payee not in answer.text
        assert "李小" not in answer.text
    assert sent.json()["payee_name"] == "*明"
    assert town.wallet(payee)["available_minor"] == 3_000


def test_whoever_cannot_be_paid_is_answered_like_nobody(town: Town) -> None:
    payer, shop, without_wallet, phone = town.person(10_000), town.shop(), fresh_id(), "+8613012345678"
    done(town.bank.post("/v1/people", json={"id": without_wallet, "name": "李明", "phone": phone}), 201)
    told = []
    ways: list[dict[str, Any]] = [
        {"phone": phone},
        {"phone": "+8613099999999"},
        {"email": "nobody@example.org"},
        {"to": without_wallet},
        {"to": shop},
        {"to": fresh_id()},
    ]
    for named in ways:
        answer = town.act(payer, "/v1/money-transfers", body(**named))
        assert_problem(answer, 404, "payee_not_found")
        told.append(answer.json()["detail"])
    assert len(set(told)) == 1
    assert town.wallet(payer)["available_minor"] == 10_000


def test_a_suspended_person_is_not_paid(town: Town, world: World) -> None:

    payer, payee = town.person(10_000), town.person()
    with connect(world.database.web) as conn, as_institution(conn, HARBOUR_BANK):
        people.set_state(conn, UUID(payee), "suspended")
    assert_problem(town.act(payer, "/v1/money-transfers", body(payee)), 404, "payee_not_found")


def test_a_payee_is_named_in_exactly_one_way(town: Town) -> None:
    payer, payee = town.person(10_000), town.person()
    for wrong in (body(), body(payee, phone="+8613800138000"), body(phone="+8613800138000", email="a@b.cn")):
        assert_problem(town.act(payer, "/v1/money-transfers", wrong), 400, "field_invalid")
    assert_problem(town.act(payer, "/v1/money-transfers", body(phone="12")), 422, "phone_malformed")
    assert_problem(town.act(payer, "/v1/money-transfers", body(payer)), 422, "payee_is_payer")


def test_limits_and_freezes_hold_as_for_payments(town: Town) -> None:
    limited, payee = town.person(200_000, level="basic"), town.person()
    send = "/v1/money-transfers"
    assert_problem(town.act(limited, send, body(payee, 100_001)), 422, "payment_limit_exceeded")
    done(town.act(limited, send, body(payee, 60_000)), 201)
    assert_problem(town.act(limited, send, body(payee, 60_000)), 422, "day_limit_exceeded")
    assert_problem(town.act(town.person(10), send, body(payee, 11)), 422, "balance_too_low")
    town.decide(f"/v1/wallets/{limited}/CNY/state", {"state": "frozen"})
    assert_problem(town.act(limited, send, body(payee, 1)), 403, "wallet_frozen")


def test_one_id_sent_64_times_is_one_transfer_with_identical_answers(town: Town) -> None:
    payer, payee = town.person(10_000), town.person()
    asked = body(payee)
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: town.act(payer, "/v1/money-transfers", asked), range(64)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert town.wallet(payee)["available_minor"] == 3_000
    changed = town.act(payer, "/v1/money-transfers", {**asked, "amount_minor": 1})
    assert_problem(changed, 422, "id_used_for_another_request")


def test_64_transfers_at_once_never_spend_more_than_there_is(town: Town) -> None:
    payer, payee = town.person(10_000), town.person()
    with ThreadPoolExecutor(16) as threads:
        answers = list(
            threads.map(lambda _: town.act(payer, "/v1/money-transfers", body(payee, 900)), range(64))
        )
    assert [answer.status_code for answer in answers].count(201) == 11
    assert town.wallet(payer)["available_minor"] == 100
    assert town.wallet(payee)["available_minor"] == 9_900


def test_nobody_sends_the_money_of_another_institutions_people(town: Town, hill: httpx.Client) -> None:
    payer, payee = town.person(10_000), town.person()
    answer = hill.post("/v1/money-transfers", json=body(payee), headers={"Acting-For": payer})
    assert_problem(answer, 404, "party_unknown")
    assert town.wallet(payer)["available_minor"] == 10_000
