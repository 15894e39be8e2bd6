"""People, shops, their personal data and their consents."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from karez.parties import disclosure
from karez.storage.database import connect
from karez.storage.tenant import as_operator
from tests.channels.api.making import ANA, HARBOUR_BANK, HILL_BANK, World, assert_problem, fresh_id

PURPOSE = {"Purpose": "credit-assessment"}


def newcomer(**more: Any) -> dict[str, Any]:
    id_ = fresh_id()
    phone = f"+8613{UUID(id_).int % 10**9:09d}"
    return {"id": id_, "name": "Ben Okafor", "phone": phone, **more}


def register(client: httpx.Client, kind: str = "people") -> dict[str, Any]:
    body = newcomer()
    answer = client.post(f"/v1/{kind}", json=body)
    assert answer.status_code == 201, answer.text
    return body


def consent(institution: int, **more: Any) -> dict[str, Any]:
    return {
        "id": fresh_id(),
        "institution": institution,
        "purpose": "credit-assessment",
        "scope": ["name", "phone"],
        "evidence": "text 3",
        **more,
    }


@pytest.mark.parametrize(("kind", "one"), [("people", "person"), ("shops", "shop")])
def test_a_party_is_registered_and_read_for_a_purpose(
    harbour: httpx.Client, world: World, kind: str, one: str
) -> None:
    body = newcomer(email="ben@example.org" if kind == "people" else "shop@example.org")
    answer = harbour.post(f"/v1/{kind}", json=body)
    assert (answer.status_code, answer.json()) == (201, {"id": body["id"], "kind": one})
    read = harbour.get(answer.headers["location"], headers=PURPOSE, params={"fields": "name,phone"}).json()
    assert read == {
        "id": body["id"],
        "kind": one,
        "institution": HARBOUR_BANK,
        "state": "active",
        "timestamp": read["timestamp"],
        "name": body["name"],
        "phone": body["phone"],
    }
    with connect(world.database.web) as conn, as_operator(conn):
        (access,) = disclosure.accesses(conn, UUID(body["id"]))
    assert access.institution == HARBOUR_BANK
    assert (access.fields, access.purpose) == (["name", "phone"], "credit-assessment")
    assert access.reader == f"credential {UUID(world.harbour.split('_')[1])}"


def test_a_person_is_not_a_shop(harbour: httpx.Client) -> None:
    body = register(harbour)
    assert_problem(harbour.get(f"/v1/shops/{body['id']}", headers=PURPOSE), 404, "party_unknown")


def test_personal_data_is_not_read_without_a_purpose(harbour: httpx.Client) -> None:
    path = f"/v1/people/{register(harbour)['id']}"
    assert_problem(harbour.get(path), 400, "purpose_missing")
    assert_problem(harbour.get(path, headers={"Purpose": "Just curious!"}), 400, "header_invalid")


def test_a_taken_id_phone_or_email_is_refused(harbour: httpx.Client, hill: httpx.Client) -> None:
    body = register(harbour)
    assert_problem(harbour.post("/v1/people", json=body), 409, "party_exists")
    answer = hill.post("/v1/people", json={**newcomer(), "phone": body["phone"]})
    assert_problem(answer, 409, "phone_taken")
    assert body["phone"] not in answer.text


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"phone": "12"}, "phone_malformed"),
        ({"email": "ben"}, "email_malformed"),
        ({"document": "1"}, "document_malformed"),
    ],
)
def test_malformed_personal_data_is_refused_without_repeating_it(
    harbour: httpx.Client, change: dict[str, str], code: str
) -> None:
    assert_problem(harbour.post("/v1/people", json={**newcomer(), **change}), 422, code)


def test_a_foreign_person_looks_like_a_missing_one_until_it_consents(
    harbour: httpx.Client, hill: httpx.Client, operator: httpx.Client
) -> None:
    person = register(harbour)
    path = f"/v1/people/{person['id']}"
    for address in (path, f"/v1/people/{fresh_id()}"):
        assert_problem(hill.get(address, headers=PURPOSE), 404, "party_unknown")
    given = consent(HILL_BANK, party=person["id"])
    assert operator.post("/v1/consents", json=given).status_code == 201
    assert hill.get(path, headers=PURPOSE).json()["name"] == person["name"]
    assert_problem(hill.get(path, headers=PURPOSE, params={"fields": "email"}), 404, "party_unknown")
    assert_problem(hill.get(path, headers={"Purpose": "marketing"}), 404, "party_unknown")
    withdrawal = {"party": person["id"], "evidence": "asked at the counter"}
    assert operator.post(f"/v1/consents/{given['id']}/withdraw", json=withdrawal).status_code == 204
    assert_problem(hill.get(path, headers=PURPOSE), 404, "party_unknown")


def test_a_person_reads_its_own_data_and_nobody_elses(
    ana: httpx.Client, harbour: httpx.Client, world: World
) -> None:
    own = ana.get(f"/v1/people/{world.ana_id}", headers={"Purpose": "own-data"}, params={"fields": "email"})
    assert own.json()["email"] == ANA.email
    other = register(harbour)
    assert_problem(ana.get(f"/v1/people/{other['id']}", headers=PURPOSE), 404, "party_unknown")


def test_a_person_consents_lists_and_withdraws(
    ana: httpx.Client, harbour: httpx.Client, hill: httpx.Client, world: World
) -> None:
    given = consent(HILL_BANK)
    assert ana.post("/v1/consents", json=given).json() == {"id": given["id"], "party": str(world.ana_id)}
    assert_problem(ana.post("/v1/consents", json=given), 409, "consent_exists")
    (listed,) = [each for each in ana.get("/v1/consents").json()["items"] if each["id"] == given["id"]]
    assert (listed["scope"], listed["withdrawn"]) == (["name", "phone"], None)
    for client, expected in ((hill, True), (harbour, False)):
        seen = client.get("/v1/consents", params={"party": str(world.ana_id)}).json()["items"]
        assert (given["id"] in [each["id"] for each in seen]) is expected
    for _ in range(2):
        withdrawn = ana.post(f"/v1/consents/{given['id']}/withdraw", json={"evidence": "by phone"})
        assert withdrawn.status_code == 204
    (listed,) = [each for each in ana.get("/v1/consents").json()["items"] if each["id"] == given["id"]]
    assert listed["withdrawn"] is not None


def test_nobody_consents_for_another(harbour: httpx.Client, ana: httpx.Client, world: World) -> None:
    given = consent(HARBOUR_BANK, party=str(world.ana_id))
    assert_problem(harbour.post("/v1/consents", json=given), 403, "party_needed")
    other = register(harbour)["id"]
    assert_problem(ana.post("/v1/consents", json={**given, "party": other}), 403, "party_needed")
    assert_problem(harbour.get("/v1/consents"), 400, "field_missing")


def test_a_consent_to_nobody_and_the_end_of_none_are_refused(ana: httpx.Client) -> None:
    assert_problem(ana.post("/v1/consents", json=consent(999_999)), 422, "consent_without_parties")
    answer = ana.post(f"/v1/consents/{fresh_id()}/withdraw", json={"evidence": "by phone"})
    assert_problem(answer, 404, "consent_unknown")


def test_a_person_registers_nobody(ana: httpx.Client) -> None:
    assert_problem(ana.post("/v1/people", json=newcomer()), 403, "institution_needed")
