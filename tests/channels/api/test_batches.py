"""Many transfers in one request."""

from typing import Any

import httpx
import pytest

from tests.channels.api.making import (
    CNY,
    PENDING,
    VOID,
    assert_problem,
    fresh_id,
    funded_account,
    open_account,
    transfer,
)

LINKED = 1


def send(client: httpx.Client, body: Any) -> httpx.Response:
    return client.post("/v1/transfers/batch", json=body)


def columns(debit: Any, credit: Any, amounts: list[int], **more: Any) -> dict[str, Any]:
    ids = [fresh_id() for _ in amounts]
    return {
        "columns": {
            "id": ids,
            "debit_account_id": debit,
            "credit_account_id": credit,
            "amount": amounts,
            "ledger": CNY,
            "code": 10,
            **more,
        }
    }


def test_a_list_is_answered_with_a_line_for_each_transfer(harbour: httpx.Client) -> None:
    account, shop = funded_account(harbour, 100), open_account(harbour)
    batch = [transfer(account, shop, amount) for amount in (60, 60, 40)]
    results = send(harbour, batch).json()
    assert [(result["id"], result["status"]) for result in results] == [
        (batch[0]["id"], "created"),
        (batch[1]["id"], "exceeds_credits"),
        (batch[2]["id"], "created"),
    ]
    assert results[0]["timestamp"] < results[2]["timestamp"]
    assert results[1]["detail"].endswith(".")
    assert harbour.get(f"/v1/transfers/{batch[2]['id']}").json()["timestamp"] == results[2]["timestamp"]


def test_columns_are_answered_with_a_summary(harbour: httpx.Client) -> None:
    account, shops = funded_account(harbour, 100), [open_account(harbour) for _ in range(4)]
    body = columns(account, shops, [60, 60, 40, 1])
    summary = send(harbour, body).json()
    assert summary == {
        "count": 4,
        "created": 2,
        "first_timestamp": summary["first_timestamp"],
        "not_created": {"exceeds_credits": [1, 3]},
    }
    read = harbour.get(f"/v1/transfers/{body['columns']['id'][0]}").json()
    assert read["timestamp"] == summary["first_timestamp"]
    balances = [harbour.get(f"/v1/accounts/{shop}").json()["balance"]["credits_posted"] for shop in shops]
    assert balances == [60, 0, 40, 0]


def test_a_batch_sent_again_moves_nothing_twice(harbour: httpx.Client) -> None:
    source, shop = open_account(harbour), open_account(harbour)
    body = columns(source, shop, [1, 2, 3])
    assert send(harbour, body).json()["created"] == 3
    assert send(harbour, body).json()["not_created"] == {"exists": [0, 1, 2]}
    assert harbour.get(f"/v1/accounts/{shop}").json()["balance"]["credits_posted"] == 6


def test_a_chain_in_a_batch_is_made_whole_or_not_at_all(harbour: httpx.Client) -> None:
    account, shop = funded_account(harbour, 100), open_account(harbour)
    batch = [
        transfer(account, shop, 60, flags=LINKED),
        transfer(account, shop, 60),
        transfer(account, shop, 5),
    ]
    statuses = [result["status"] for result in send(harbour, batch).json()]
    assert statuses == ["linked_event_failed", "exceeds_credits", "created"]


def test_reservations_are_voided_in_columns_without_amounts(harbour: httpx.Client) -> None:
    source, shop = open_account(harbour), open_account(harbour)
    reserve = columns(source, shop, [5, 6], flags=PENDING)
    assert send(harbour, reserve).json()["created"] == 2
    void = {
        "columns": {"id": [fresh_id(), fresh_id()], "pending_id": reserve["columns"]["id"], "flags": VOID}
    }
    assert send(harbour, void).json()["created"] == 2
    assert harbour.get(f"/v1/accounts/{shop}").json()["balance"]["credits_pending"] == 0


def test_the_largest_batch_is_taken_in_both_forms(harbour: httpx.Client) -> None:
    source, shop = open_account(harbour), open_account(harbour)
    assert send(harbour, columns(source, shop, [1] * 8_192)).json()["created"] == 8_192
    results = send(harbour, [transfer(source, shop, 1) for _ in range(8_192)]).json()
    assert {result["status"] for result in results} == {"created"}
    assert harbour.get(f"/v1/accounts/{shop}").json()["balance"]["credits_posted"] == 16_384


def test_a_batch_of_foreign_ids_tells_nothing_about_them(harbour: httpx.Client, hill: httpx.Client) -> None:
    body = columns(open_account(harbour), open_account(harbour), [1, 2])
    send(harbour, body)
    assert send(hill, body).json()["not_created"] == {"id_already_failed": [0, 1]}


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"amount": [1]}, "columns_uneven", "columns.amount"),
        ({"amount": [1, -1]}, "field_invalid", "columns.amount[1]"),
        ({"code": 65_536}, "field_invalid", "columns.code"),
        ({"debit_account_id": "not-a-uuid"}, "field_invalid", "columns.debit_account_id"),
        ({"id": [fresh_id(), fresh_id()[:-1] + "g"]}, "field_invalid", "columns.id[1]"),
        ({"ids": []}, "field_unknown", "columns.ids"),
    ],
)
def test_a_wrong_column_is_named(
    harbour: httpx.Client, change: dict[str, Any], code: str, field: str
) -> None:
    body = columns(fresh_id(), fresh_id(), [1, 2])
    body["columns"].update(change)
    assert assert_problem(send(harbour, body), 400, code) == {"field": field}


def test_the_wrong_transfer_of_a_list_is_named(harbour: httpx.Client) -> None:
    batch = [
        transfer(fresh_id(), fresh_id(), 1),
        {**transfer(fresh_id(), fresh_id(), 1), "id": "0" * 31 + "g"},
    ]
    assert assert_problem(send(harbour, batch), 400, "field_invalid") == {"field": "[1].id"}
    del batch[0]["amount"]
    batch[1] = transfer(fresh_id(), fresh_id(), 1)
    assert assert_problem(send(harbour, batch), 400, "field_missing") == {"field": "[0].amount"}


def test_too_many_transfers_for_one_batch_are_refused(harbour: httpx.Client) -> None:
    body = {"columns": {"id": [fresh_id()] * 8_193, "amount": 1}}
    assert_problem(send(harbour, body), 400, "field_invalid")
