"""Making and reading transfers."""

from uuid import UUID

import httpx
import pytest

from karez.core.ids import derived_id
from tests.channels.api.making import (
    CNY,
    DEBITS_LIMITED,
    HARBOUR_BANK,
    HILL_BANK,
    PENDING,
    POST,
    VOID,
    assert_problem,
    fresh_id,
    funded_account,
    open_account,
    transfer,
)


def test_a_transfer_is_made_and_can_be_read_by_both_institutions(
    harbour: httpx.Client, hill: httpx.Client
) -> None:
    debit, credit = open_account(harbour), open_account(hill)
    body = transfer(debit, credit, 1250, user_data=2**62)
    made = harbour.post("/v1/transfers", json=body)
    assert made.status_code == 201
    receipt = made.json()
    assert receipt == {"id": body["id"], "status": "created", "timestamp": receipt["timestamp"]}
    read = harbour.get(f"/v1/transfers/{body['id']}")
    assert read.json() == {
        **body,
        "timestamp": receipt["timestamp"],
        "flags": 0,
        "pending_id": None,
        "timeout_s": 0,
        "operation_id": None,
        "debit_institution": HARBOUR_BANK,
        "credit_institution": HILL_BANK,
    }
    assert hill.get(f"/v1/transfers/{body['id']}").json() == read.json()


def test_a_repeated_transfer_is_answered_with_the_same_body_and_moves_nothing_twice(
    harbour: httpx.Client,
) -> None:
    debit, credit = open_account(harbour), open_account(harbour)
    body = transfer(debit, credit, 7)
    first = harbour.post("/v1/transfers", json=body)
    again = harbour.post("/v1/transfers", json=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.content == again.content
    assert harbour.get(f"/v1/accounts/{credit}").json()["balance"]["credits_posted"] == 7


def test_an_id_used_for_another_transfer_is_refused_by_what_differs(harbour: httpx.Client) -> None:
    debit, credit = open_account(harbour), open_account(harbour)
    body = transfer(debit, credit, 7)
    harbour.post("/v1/transfers", json=body)
    answer = harbour.post("/v1/transfers", json={**body, "amount": 8})
    assert_problem(answer, 409, "exists_with_different_amount")


def test_an_id_of_the_kind_that_karez_derives_is_refused(harbour: httpx.Client) -> None:
    debit, credit = open_account(harbour), open_account(harbour)
    derived = str(derived_id(UUID(fresh_id()), "leg", 0))
    answer = harbour.post("/v1/transfers", json={**transfer(debit, credit, 7), "id": derived})
    assert_problem(answer, 422, "id_reserved")
    assert harbour.get(f"/v1/accounts/{credit}").json()["balance"]["credits_posted"] == 0


def test_money_that_is_not_there_is_not_spent_and_the_id_stays_refused(harbour: httpx.Client) -> None:
    account, shop = funded_account(harbour, 100), open_account(harbour)
    body = transfer(account, shop, 101)
    assert_problem(harbour.post("/v1/transfers", json=body), 422, "exceeds_credits")
    assert_problem(harbour.post("/v1/transfers", json=body), 409, "id_already_failed")


def test_a_reservation_is_posted_in_part_and_the_rest_released(harbour: httpx.Client) -> None:
    account, shop = funded_account(harbour, 100), open_account(harbour)
    reservation = transfer(account, shop, 40, flags=PENDING)
    assert harbour.post("/v1/transfers", json=reservation).status_code == 201
    post = {"id": fresh_id(), "pending_id": reservation["id"], "flags": POST, "amount": 25}
    assert harbour.post("/v1/transfers", json=post).status_code == 201
    assert harbour.get(f"/v1/accounts/{account}").json()["balance"] == {
        "debits_pending": 0,
        "debits_posted": 25,
        "credits_pending": 0,
        "credits_posted": 100,
    }
    read = harbour.get(f"/v1/transfers/{post['id']}").json()
    assert (read["amount"], read["pending_id"]) == (25, reservation["id"])


@pytest.mark.parametrize(("flags", "posted"), [(POST, 40), (VOID, 0)])
def test_a_settlement_without_an_amount_settles_the_whole_reservation(
    harbour: httpx.Client, flags: int, posted: int
) -> None:
    account, shop = funded_account(harbour, 100), open_account(harbour)
    reservation = transfer(account, shop, 40, flags=PENDING)
    harbour.post("/v1/transfers", json=reservation)
    settlement = {"id": fresh_id(), "pending_id": reservation["id"], "flags": flags}
    assert harbour.post("/v1/transfers", json=settlement).status_code == 201
    balance = harbour.get(f"/v1/accounts/{account}").json()["balance"]
    assert (balance["debits_pending"], balance["debits_posted"]) == (0, posted)


def test_a_plain_transfer_without_an_amount_is_refused(harbour: httpx.Client) -> None:
    body = transfer(open_account(harbour), open_account(harbour), 1)
    del body["amount"]
    facts = assert_problem(harbour.post("/v1/transfers", json=body), 400, "field_missing")
    assert facts == {"field": "amount"}


def test_a_foreign_account_cannot_be_debited_and_looks_like_a_missing_one(
    harbour: httpx.Client, hill: httpx.Client
) -> None:
    foreign, own = open_account(harbour), open_account(hill)
    answers = [hill.post("/v1/transfers", json=transfer(debit, own, 1)) for debit in (foreign, fresh_id())]
    for answer in answers:
        assert_problem(answer, 422, "debit_account_not_found")
    assert answers[0].content == answers[1].content


@pytest.mark.parametrize("change", [{}, {"amount": 1}, {"code": 11}])
def test_the_id_of_a_foreign_transfer_tells_nothing_about_it(
    harbour: httpx.Client, hill: httpx.Client, change: dict[str, int]
) -> None:
    body = transfer(open_account(harbour), open_account(harbour), 1250)
    harbour.post("/v1/transfers", json=body)
    assert_problem(hill.post("/v1/transfers", json={**body, **change}), 409, "id_already_failed")
    assert_problem(hill.get(f"/v1/transfers/{body['id']}"), 404, "transfer_not_found")


def test_the_receiving_institution_cannot_pass_a_transfer_off_as_its_own(
    harbour: httpx.Client, hill: httpx.Client
) -> None:
    body = transfer(open_account(harbour), open_account(hill), 1250)
    harbour.post("/v1/transfers", json=body)
    assert_problem(hill.post("/v1/transfers", json=body), 409, "id_already_failed")


def test_a_person_makes_no_transfers_directly_in_the_book(harbour: httpx.Client, ana: httpx.Client) -> None:
    body = transfer(open_account(harbour), open_account(harbour), 1)
    assert_problem(ana.post("/v1/transfers", json=body), 403, "institution_needed")


def test_a_limited_account_names_the_limit_that_was_hit(harbour: httpx.Client) -> None:
    source, limited = open_account(harbour), open_account(harbour, DEBITS_LIMITED)
    answer = harbour.post("/v1/transfers", json=transfer(limited, source, 1))
    assert_problem(answer, 422, "exceeds_credits")
    assert harbour.get(answer.json()["type"]).json()["code"] == "exceeds_credits"


def test_the_framework_answers_as_the_fast_lane_does(harbour: httpx.Client) -> None:
    """A trailing slash leads past the fast lane to the framework's own handler."""
    debit, credit = open_account(harbour), open_account(harbour)
    bodies = [
        transfer(debit, credit, 1),
        transfer(debit, debit, 1),
        {**transfer(debit, credit, 1), "amount": -1},
        {"ledger": CNY},
        [],
    ]
    for body in bodies:
        fast, slow = (harbour.post(path, json=body) for path in ("/v1/transfers/", "/v1/transfers"))
        if fast.status_code == 201:
            assert slow.status_code == 200
        else:
            assert fast.status_code == slow.status_code
        assert fast.content == slow.content
        own = {"date", "x-request-id", "ratelimit", "cache-control", "x-content-type-options"}
        assert {*fast.headers} - own == {*slow.headers} - own
        assert fast.headers["content-type"] == slow.headers["content-type"]
