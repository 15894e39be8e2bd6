"""Statements, balances at a moment, and trial balances."""

from typing import Any

import httpx

from tests.channels.api.living import LiveApi
from tests.channels.api.making import (
    CNY,
    COUPON,
    HARBOUR_BANK,
    HILL_BANK,
    PENDING,
    World,
    assert_problem,
    fresh_id,
    funded_account,
    open_account,
    transfer,
)


def make(client: httpx.Client, body: dict[str, Any]) -> str:
    """Make a transfer and return its moment."""
    answer = client.post("/v1/transfers", json=body)
    assert answer.status_code == 201, answer.text
    moment: str = answer.json()["timestamp"]
    return moment


def busy_account(client: httpx.Client) -> tuple[str, list[str]]:
    """Open an account, make five transfers from it, and return it with their moments."""
    account, shop = funded_account(client, 100), open_account(client)
    return account, [make(client, transfer(account, shop, amount)) for amount in (1, 2, 3, 4, 5)]


def statement(client: httpx.Client, account: str, **query: Any) -> dict[str, Any]:
    answer = client.get(f"/v1/accounts/{account}/statement", params=query)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


def test_a_statement_has_the_balance_after_each_entry(harbour: httpx.Client) -> None:
    account, shop = funded_account(harbour, 100), open_account(harbour)
    reservation = transfer(account, shop, 40, flags=PENDING)
    moment = make(harbour, reservation)
    entries = statement(harbour, account)["entries"]
    assert entries[0] == {
        "timestamp": moment,
        "transfer_id": reservation["id"],
        "operation_id": None,
        "counterparty": shop,
        "side": "debit",
        "amount": 40,
        "flags": PENDING,
        "code": 10,
        "balance_after": {
            "debits_pending": 40,
            "debits_posted": 0,
            "credits_pending": 0,
            "credits_posted": 100,
        },
    }
    assert [(entry["side"], entry["amount"]) for entry in entries] == [("debit", 40), ("credit", 100)]


def test_a_statement_is_read_page_by_page_in_both_orders(harbour: httpx.Client) -> None:
    account, _ = busy_account(harbour)
    for order, amounts in (("newest_first", [5, 4, 3, 2, 1, 100]), ("oldest_first", [100, 1, 2, 3, 4, 5])):
        read, cursor = [], None
        while True:
            page = statement(harbour, account, order=order, limit=4, **({"cursor": cursor} if cursor else {}))
            read += [entry["amount"] for entry in page["entries"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert read == amounts


def test_a_statement_of_a_period_has_both_its_ends(harbour: httpx.Client) -> None:
    account, moments = busy_account(harbour)
    page = statement(harbour, account, first=moments[1], last=moments[3], order="oldest_first")
    assert [entry["amount"] for entry in page["entries"]] == [2, 3, 4]


def test_a_cursor_of_another_statement_is_refused(harbour: httpx.Client) -> None:
    (one, _), (other, _) = busy_account(harbour), busy_account(harbour)
    cursor = statement(harbour, one, limit=1)["next_cursor"]
    for wrong in (cursor, "x", "%%%"):
        answer = harbour.get(f"/v1/accounts/{other}/statement", params={"cursor": wrong})
        assert_problem(answer, 400, "cursor_invalid")


def test_a_balance_is_that_of_the_moment(harbour: httpx.Client) -> None:
    account, moments = busy_account(harbour)
    for moment, debits in zip(moments, (1, 3, 6, 10, 15), strict=True):
        answer = harbour.get(f"/v1/accounts/{account}/balance", params={"at": moment}).json()
        assert (answer["at"], answer["balance"]["debits_posted"]) == (moment, debits)
    now = harbour.get(f"/v1/accounts/{account}/balance").json()
    assert now["balance"]["debits_posted"] == 15
    assert now["at"] > moments[-1]


def test_a_moment_in_another_time_zone_is_understood_and_a_wrong_one_refused(harbour: httpx.Client) -> None:
    account = open_account(harbour)
    path = f"/v1/accounts/{account}/balance"
    answer = harbour.get(path, params={"at": "2026-09-21T22:13:20+08:00"})
    assert answer.json()["at"] == "2026-09-21T14:13:20.000000000Z"
    assert assert_problem(harbour.get(path, params={"at": "now"}), 400, "field_invalid") == {"field": "at"}
    assert_problem(harbour.get(path, params={"at": "2026-02-30T00:00:00Z"}), 400, "moment_malformed")


def test_a_foreign_account_looks_like_a_missing_one(harbour: httpx.Client, hill: httpx.Client) -> None:
    account, _ = busy_account(harbour)
    for part in ("", "/balance", "/statement"):
        for id_ in (account, fresh_id()):
            assert_problem(hill.get(f"/v1/accounts/{id_}{part}"), 404, "account_not_found")


def lines(client: httpx.Client, **query: Any) -> dict[int, dict[str, int]]:
    answer = client.get("/v1/trial-balance", params=query)
    assert answer.status_code == 200, answer.text
    return {line["ledger"]: line for line in answer.json()["lines"]}


def test_a_trial_balance_sums_up_ones_own_accounts(harbour: httpx.Client, hill: httpx.Client) -> None:
    before = lines(hill).get(CNY, {"credits_posted": 0})
    make(harbour, transfer(open_account(harbour), open_account(hill), 77))
    assert lines(hill)[CNY]["credits_posted"] == before["credits_posted"] + 77


def test_the_trial_balance_of_all_institutions_is_balanced(
    api: LiveApi, world: World, operator: httpx.Client
) -> None:
    with api.client(world.harbour) as client:
        make(client, transfer(open_account(client), open_account(client), 5))
    everything = lines(operator)[CNY]
    assert everything["debits_posted"] == everything["credits_posted"] > 0
    assert everything["debits_pending"] == everything["credits_pending"]
    assert set(lines(operator, unit=COUPON)) <= {COUPON}


def test_the_operator_asks_for_one_institution_and_nobody_else_for_another(
    operator: httpx.Client, harbour: httpx.Client, ana: httpx.Client
) -> None:
    funded_account(harbour, 9)
    own = harbour.get("/v1/trial-balance").json()
    assert (
        operator.get("/v1/trial-balance", params={"institution": HARBOUR_BANK}).json()["lines"]
        == own["lines"]
    )
    assert own["institution"] == HARBOUR_BANK
    foreign = harbour.get("/v1/trial-balance", params={"institution": HILL_BANK})
    assert_problem(foreign, 403, "institution_not_yours")
    assert_problem(ana.get("/v1/trial-balance"), 403, "institution_needed")
