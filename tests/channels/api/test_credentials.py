"""Issuing, listing, rotating and revoking credentials."""

from typing import Any

import httpx
import pytest

from tests.channels.api.living import LiveApi
from tests.channels.api.making import HARBOUR_BANK, HILL_BANK, World, assert_problem, fresh_id


def issue(client: httpx.Client, **more: Any) -> dict[str, Any]:
    body = {"label": "till 4", "scopes": ["ledger:read"], **more}
    answer = client.post("/v1/credentials", json=body)
    assert answer.status_code == 201, answer.text
    issued: dict[str, Any] = answer.json()
    return issued


def listed(client: httpx.Client, id_: str, **query: Any) -> dict[str, Any]:
    items = client.get("/v1/credentials", params=query).json()["items"]
    found: dict[str, Any] = next(item for item in items if item["id"] == id_)
    return found


def test_a_credential_is_issued_and_works_for_its_institution(api: LiveApi, harbour: httpx.Client) -> None:
    issued = issue(harbour)
    with api.client(issued["token"]) as client:
        assert client.get("/v1/trial-balance").json()["institution"] == HARBOUR_BANK
    shown = listed(harbour, issued["id"])
    assert (shown["label"], shown["scopes"], shown["institution"]) == (
        "till 4",
        ["ledger:read"],
        HARBOUR_BANK,
    )
    assert issued["token"] not in harbour.get("/v1/credentials").text


def test_a_rotated_credential_works_through_the_overlap_beside_its_successor(
    api: LiveApi, harbour: httpx.Client
) -> None:
    old = issue(harbour)
    new = harbour.post(f"/v1/credentials/{old['id']}/rotate", json={"overlap_s": 3_600}).json()
    for token in (old["token"], new["token"]):
        with api.client(token) as client:
            assert client.get("/v1/accounts").status_code == 200
    assert listed(harbour, old["id"])["replaced_by"] == new["id"]
    again = harbour.post(f"/v1/credentials/{old['id']}/rotate", json={})
    assert_problem(again, 409, "credential_not_replaceable")


def test_without_an_overlap_the_old_token_ends_at_once(api: LiveApi, harbour: httpx.Client) -> None:
    old = issue(harbour)
    with api.client(old["token"]) as client:
        assert client.get("/v1/accounts").status_code == 200
        harbour.post(f"/v1/credentials/{old['id']}/rotate", json={"overlap_s": 0})
        assert_problem(client.get("/v1/accounts"), 401, "credential_expired")


def test_revoking_twice_is_revoking_once(harbour: httpx.Client) -> None:
    id_ = issue(harbour)["id"]
    first, again = (harbour.delete(f"/v1/credentials/{id_}") for _ in range(2))
    assert (first.status_code, first.content) == (again.status_code, again.content) == (204, b"")
    assert listed(harbour, id_)["revoked"] is not None


@pytest.mark.parametrize("method", ["delete", "rotate"])
def test_a_foreign_credential_looks_like_a_missing_one(
    harbour: httpx.Client, hill: httpx.Client, method: str
) -> None:
    for id_ in (issue(harbour)["id"], fresh_id()):
        path = f"/v1/credentials/{id_}"
        answer = hill.delete(path) if method == "delete" else hill.post(path + "/rotate", json={})
        assert_problem(answer, 404, "credential_unknown")


def test_only_the_operator_reaches_into_another_institution(
    harbour: httpx.Client, operator: httpx.Client
) -> None:
    issued = issue(operator, institution=HILL_BANK)
    assert listed(operator, issued["id"], institution=HILL_BANK)["institution"] == HILL_BANK
    foreign = harbour.get("/v1/credentials", params={"institution": HILL_BANK})
    assert_problem(foreign, 403, "institution_not_yours")
    body = {"label": "x", "scopes": ["ledger:read"], "institution": HILL_BANK}
    assert_problem(harbour.post("/v1/credentials", json=body), 403, "institution_not_yours")
    nowhere = operator.post("/v1/credentials", json={**body, "institution": 999_999})
    assert_problem(nowhere, 404, "institution_unknown")


def test_nobody_makes_itself_the_operator(harbour: httpx.Client) -> None:
    answer = harbour.post("/v1/credentials", json={"label": "x", "scopes": ["operator"]})
    assert_problem(answer, 403, "scope_not_given_here")


def test_the_operator_gives_a_person_a_credential_and_an_institution_does_not(
    api: LiveApi, world: World, operator: httpx.Client, harbour: httpx.Client
) -> None:
    party = str(world.ana_id)
    issued = issue(operator, party=party)
    with api.client(issued["token"]) as client:
        assert client.get("/v1/accounts").status_code == 200
    body = {"label": "x", "scopes": ["ledger:read"], "party": party}
    assert_problem(harbour.post("/v1/credentials", json=body), 403, "party_needed")
    both = operator.post("/v1/credentials", json={**body, "institution": HILL_BANK})
    assert_problem(both, 400, "field_invalid")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"scopes": ["everything"]}, 400, "field_invalid"),
        ({"scopes": []}, 400, "field_invalid"),
        ({"label": "a\u0000b"}, 400, "field_invalid"),
        ({"label": ""}, 400, "field_invalid"),
        ({"expires": "2020-01-01T00:00:00Z"}, 422, "expiry_in_the_past"),
        ({"expires": "2020-13-01T00:00:00Z"}, 400, "moment_malformed"),
    ],
)
def test_a_wrong_credential_is_refused(
    harbour: httpx.Client, change: dict[str, Any], status: int, code: str
) -> None:
    body = {"label": "x", "scopes": ["ledger:read"], **change}
    assert_problem(harbour.post("/v1/credentials", json=body), status, code)
