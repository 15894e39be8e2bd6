"""Opening and reading accounts."""

from typing import Any

import httpx
import pytest

from tests.channels.api.living import LiveApi
from tests.channels.api.making import (
    CNY,
    COUPON,
    DEBITS_LIMITED,
    HARBOUR_BANK,
    HILL_BANK,
    World,
    assert_problem,
    fresh_id,
    funded_account,
    open_account,
)


def new_account(**more: Any) -> dict[str, Any]:
    return {"id": fresh_id(), "ledger": CNY, "code": 100, **more}


def opened(account: dict[str, Any]) -> dict[str, Any]:
    return {"institution": HARBOUR_BANK, "flags": 0, "party": None, "user_data": 0, **account}


def test_an_account_is_opened_and_read(harbour: httpx.Client) -> None:
    account = new_account(flags=DEBITS_LIMITED, user_data=2**63 - 1)
    answer = harbour.post("/v1/accounts", json=account)
    assert (answer.status_code, answer.json()) == (201, opened(account))
    assert answer.headers["location"] == f"/v1/accounts/{account['id']}"
    read = harbour.get(answer.headers["location"]).json()
    totals = dict.fromkeys(("debits_pending", "debits_posted", "credits_pending", "credits_posted"), 0)
    assert read == {**opened(account), "timestamp": read["timestamp"], "balance": totals}


def test_many_accounts_are_opened_at_once_or_none_is(harbour: httpx.Client) -> None:
    accounts = [new_account() for _ in range(1_000)]
    answer = harbour.post("/v1/accounts", json=accounts)
    assert (answer.status_code, answer.json()) == (201, [opened(account) for account in accounts])
    more = [new_account(), accounts[500]]
    assert assert_problem(harbour.post("/v1/accounts", json=more), 409, "account_exists") == {"item": 1}
    assert_problem(harbour.get(f"/v1/accounts/{more[0]['id']}"), 404, "account_not_found")


def test_an_opening_sent_again_gets_the_same_answer(harbour: httpx.Client) -> None:
    for body in (new_account(), [new_account(), new_account()]):
        first, again = (harbour.post("/v1/accounts", json=body) for _ in range(2))
        assert (first.status_code, first.content) == (again.status_code, again.content)


def test_the_idempotency_key_is_the_id_of_the_operation(harbour: httpx.Client) -> None:
    account, key = new_account(), {"Idempotency-Key": fresh_id()}
    first, again = (harbour.post("/v1/accounts", json=account, headers=key) for _ in range(2))
    assert (first.status_code, first.content) == (again.status_code, again.content)
    operation = harbour.get(f"/v1/operations/{key['Idempotency-Key']}").json()
    assert (operation["kind"], operation["reply"]) == ("account.open", first.json())
    other = harbour.post("/v1/accounts", json=new_account(), headers=key)
    assert_problem(other, 422, "id_used_for_another_request")


def test_a_key_used_by_another_institution_gives_nothing_away(
    harbour: httpx.Client, hill: httpx.Client
) -> None:
    account, key = new_account(), {"Idempotency-Key": fresh_id()}
    harbour.post("/v1/accounts", json=account, headers=key)
    answer = hill.post("/v1/accounts", json=account, headers=key)
    assert_problem(answer, 422, "id_used_for_another_request")


def test_the_operators_answer_is_not_given_to_the_institution_that_it_acted_for(
    operator: httpx.Client, hill: httpx.Client
) -> None:
    account, key = new_account(institution=HILL_BANK), {"Idempotency-Key": fresh_id()}
    assert operator.post("/v1/accounts", json=account, headers=key).status_code == 201
    answer = hill.post("/v1/accounts", json=account, headers=key)
    assert_problem(answer, 422, "id_used_for_another_request")


def test_a_key_that_is_no_uuid_is_refused(harbour: httpx.Client) -> None:
    answer = harbour.post("/v1/accounts", json=new_account(), headers={"Idempotency-Key": "1"})
    assert_problem(answer, 400, "header_invalid")


def test_nobody_opens_an_account_for_another_institution_but_the_operator(
    harbour: httpx.Client, hill: httpx.Client, operator: httpx.Client
) -> None:
    account = new_account(institution=HILL_BANK)
    assert_problem(harbour.post("/v1/accounts", json=account), 403, "institution_not_yours")
    assert operator.post("/v1/accounts", json=account).status_code == 201
    assert hill.get(f"/v1/accounts/{account['id']}").status_code == 200
    assert_problem(harbour.get(f"/v1/accounts/{account['id']}"), 404, "account_not_found")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"flags": 6}, "account_flags_exclusive"),
        ({"flags": 1}, "account_flags_unknown"),
        ({"ledger": 99}, "unit_not_found"),
    ],
)
def test_an_account_that_the_book_does_not_take_is_refused(
    harbour: httpx.Client, change: dict[str, int], code: str
) -> None:
    assert_problem(harbour.post("/v1/accounts", json=new_account(**change)), 422, code)


def test_an_account_of_a_person_is_seen_by_that_person(
    harbour: httpx.Client, hill: httpx.Client, ana: httpx.Client, world: World
) -> None:
    hers, other = open_account(harbour, party=str(world.ana_id)), open_account(harbour)
    assert hers in [account["id"] for account in ana.get("/v1/accounts").json()["items"]]
    assert ana.get(f"/v1/accounts/{hers}").status_code == 200
    assert ana.get(f"/v1/accounts/{hers}/statement").status_code == 200
    assert_problem(ana.get(f"/v1/accounts/{other}"), 404, "account_not_found")
    foreign = hill.post("/v1/accounts", json=new_account(party=str(world.ana_id)))
    missing = hill.post("/v1/accounts", json=new_account(party=fresh_id()))
    for answer in (foreign, missing):
        assert_problem(answer, 404, "party_unknown")


def test_a_person_opens_no_account(ana: httpx.Client) -> None:
    assert_problem(ana.post("/v1/accounts", json=new_account()), 403, "institution_needed")


def test_accounts_are_listed_page_by_page(api: LiveApi, world: World) -> None:
    with api.client(world.hill) as client:
        expected = {open_account(client) for _ in range(7)}
        pages, cursor = [], None
        while True:
            page = client.get(
                "/v1/accounts", params={"limit": 3, **({"cursor": cursor} if cursor else {})}
            ).json()
            pages.append([account["id"] for account in page["items"]])
            cursor = page["next_cursor"]
            if cursor is None:
                break
        listed = [id_ for page in pages for id_ in page]
        assert listed == sorted(set(listed))
        assert expected <= set(listed)
        assert all(len(page) == 3 for page in pages[:-1])
        assert {account["institution"] for account in client.get("/v1/accounts").json()["items"]} == {
            HILL_BANK
        }


def test_the_operator_sees_the_accounts_of_all(
    harbour: httpx.Client, hill: httpx.Client, operator: httpx.Client
) -> None:
    for client in (harbour, hill):
        account = open_account(client, ledger=COUPON)
        assert operator.get(f"/v1/accounts/{account}").json()["ledger"] == COUPON


def test_the_balance_comes_from_the_book_as_it_is_now(harbour: httpx.Client) -> None:
    account = funded_account(harbour, 123)
    assert harbour.get(f"/v1/accounts/{account}").json()["balance"]["credits_posted"] == 123
