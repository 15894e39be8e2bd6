"""Of what belongs to another institution nobody learns anything: every route that names something is tried.

A foreign thing must be answered byte for byte as one that does not exist.
"""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.channels.api.documented import OPERATIONS, fields
from tests.channels.api.making import HARBOUR_BANK, PENDING, POST, World, fresh_id, open_account, transfer
from tests.channels.api.town import Town

PURPOSE = {"Purpose": "credit-assessment"}
NEW_ACCOUNT = {"ledger": 1, "code": 1}
NEW_CREDENTIAL = {"label": "x", "scopes": ["ledger:read"]}
WITHDRAWAL = {"evidence": "x"}
CONSENT = {"institution": 3, "purpose": "x", "scope": ["name"], "evidence": "x"}

Send = Callable[[httpx.Client, Any, str], httpx.Response]
"""Asks for a thing; the text is a new id for what is to be made."""


def posting(path: str, body: Callable[[Any, str], Any]) -> Send:
    return lambda client, thing, new: client.post(path, json=body(thing, new))


def reading(path: str, **more: Any) -> Send:
    return lambda client, thing, _: client.get(path.format(thing), **more)


def listing(path: str, parameter: str) -> Send:
    return lambda client, thing, _: client.get(path, params={parameter: thing})


def deciding(path: str, body: Any) -> Send:
    return lambda client, thing, new: client.put(
        path.format(thing), json=body, headers={"Idempotency-Key": new}
    )


def acting(path: str, body: Any = None) -> Send:
    """Ask for a thing on behalf of a party of Hill Bank's own."""
    return lambda client, thing, new: client.post(
        path.format(thing), json=body, headers={"Acting-For": STRANGER, "Idempotency-Key": new}
    )


def debiting(thing: str, new: str) -> dict[str, Any]:
    return {**transfer(thing, fresh_id(), 1), "id": new, "credit_account_id": CREDIT}


def settling(thing: str, new: str) -> dict[str, Any]:
    return {"id": new, "pending_id": thing, "flags": POST}


CREDIT = fresh_id()
STRANGER = fresh_id()
"""A shop that came through Hill Bank."""

CASES: dict[tuple[str, str], tuple[str, Send]] = {
    ("createTransfer", "debit_account_id"): ("account", posting("/v1/transfers", debiting)),
    ("createTransfer", "pending_id"): ("reservation", posting("/v1/transfers", settling)),
    ("createTransfers", "debit_account_id"): (
        "account",
        posting("/v1/transfers/batch", lambda thing, new: [debiting(thing, new)]),
    ),
    ("createTransfers", "pending_id"): (
        "reservation",
        posting("/v1/transfers/batch", lambda thing, new: [settling(thing, new)]),
    ),
    ("readTransfer", "transfer_id"): ("reservation", reading("/v1/transfers/{}")),
    ("openAccounts", "party"): (
        "person",
        posting("/v1/accounts", lambda thing, new: {**NEW_ACCOUNT, "id": new, "party": thing}),
    ),
    ("openAccounts", "institution"): (
        "institution",
        posting("/v1/accounts", lambda thing, new: {**NEW_ACCOUNT, "id": new, "institution": thing}),
    ),
    ("readAccount", "account_id"): ("account", reading("/v1/accounts/{}")),
    ("readBalance", "account_id"): ("account", reading("/v1/accounts/{}/balance")),
    ("readStatement", "account_id"): ("account", reading("/v1/accounts/{}/statement")),
    ("readTrialBalance", "institution"): ("institution", listing("/v1/trial-balance", "institution")),
    ("readOperation", "operation_id"): ("operation", reading("/v1/operations/{}")),
    ("listCredentials", "institution"): ("institution", listing("/v1/credentials", "institution")),
    ("issueCredential", "institution"): (
        "institution",
        posting("/v1/credentials", lambda thing, _: {**NEW_CREDENTIAL, "institution": thing}),
    ),
    ("issueCredential", "party"): (
        "person",
        posting("/v1/credentials", lambda thing, _: {**NEW_CREDENTIAL, "party": thing}),
    ),
    ("rotateCredential", "credential_id"): (
        "credential",
        lambda client, thing, _: client.post(f"/v1/credentials/{thing}/rotate", json={}),
    ),
    ("revokeCredential", "credential_id"): (
        "credential",
        lambda client, thing, _: client.delete(f"/v1/credentials/{thing}"),
    ),
    ("readPerson", "party_id"): ("person", reading("/v1/people/{}", headers=PURPOSE)),
    ("readShop", "party_id"): ("shop", reading("/v1/shops/{}", headers=PURPOSE)),
    ("grantConsent", "party"): (
        "person",
        posting("/v1/consents", lambda thing, new: {**CONSENT, "id": new, "party": thing}),
    ),
    ("withdrawConsent", "consent_id"): (
        "consent",
        lambda client, thing, _: client.post(f"/v1/consents/{thing}/withdraw", json=WITHDRAWAL),
    ),
    ("withdrawConsent", "party"): (
        "person",
        lambda client, thing, new: client.post(
            f"/v1/consents/{new}/withdraw", json={**WITHDRAWAL, "party": thing}
        ),
    ),
    ("listConsents", "party"): ("person", listing("/v1/consents", "party")),
    ("openClearingAccount", "institution"): (
        "institution",
        posting("/v1/clearing-accounts", lambda thing, _: {"institution": thing, "currency": "CNY"}),
    ),
    ("changeWalletLevel", "party_id"): ("buyer", deciding("/v1/wallets/{}/CNY/level", {"level": "full"})),
    ("changeWalletState", "party_id"): ("buyer", deciding("/v1/wallets/{}/CNY/state", {"state": "frozen"})),
    ("readTrade", "trade_id"): ("trade", reading("/v1/trades/{}", headers={"Acting-For": STRANGER})),
    ("stepTrades", "party"): (
        "buyer",
        posting("/v1/trades/batch", lambda thing, new: [{"action": "pay", "trade": new, "party": thing}]),
    ),
    ("stepTrades", "trade"): (
        "trade",
        posting("/v1/trades/batch", lambda thing, _: [{"action": "pay", "trade": thing, "party": STRANGER}]),
    ),
    **{
        (f"{action}Trade", "trade_id"): ("trade", acting(f"/v1/trades/{{}}/{action}"))
        for action in ("pay", "ship", "confirm", "extend", "close")
    },
}

ACTING: dict[str, Send] = {
    "openWallet": lambda client, thing, _: client.post(
        "/v1/wallets", json={"currency": "CNY"}, headers={"Acting-For": thing}
    ),
    "listWallets": lambda client, thing, _: client.get("/v1/wallets", headers={"Acting-For": thing}),
    "orderTrade": lambda client, thing, new: client.post(
        "/v1/trades",
        json={"reference": new, "title": "x", "currency": "CNY", "amount_minor": 1},
        headers={"Acting-For": thing},
    ),
    "listTrades": lambda client, thing, _: client.get("/v1/trades", headers={"Acting-For": thing}),
}
"""Of the routes that ask for a party, one of each kind; all others find the party by the same function."""

OPEN_TO_ALL = {
    ("createTransfer", "credit_account_id"),  # anybody may be paid
    ("createTransfers", "credit_account_id"),
    ("grantConsent", "institution"),  # any institution may be allowed something
    ("deposit", "to"),  # anybody may be given money
    ("orderTrade", "buyer"),  # anybody may be sent a bill
    ("sendMoney", "to"),  # anybody may be paid
    ("listAccounts", "cursor"),  # a place in the order of ids, whether or not something is there
}


def naming_parameters() -> set[tuple[str, str]]:
    """Return every parameter and field, by route, that names something which may be another institution's."""
    found = set()
    for operation in OPERATIONS:
        definition = operation.definition
        named = [
            (each["name"], each["schema"]) for each in definition["parameters"] if each["in"] != "header"
        ]
        if "requestBody" in definition:
            named += fields(definition["requestBody"]["content"]["application/json"]["schema"])
        for name, schema in named:
            if name != "id" and (name == "institution" or "'uuid'" in str(schema)):
                found.add((operation.name, name))
    return found


def test_every_route_that_names_something_is_tried() -> None:
    assert naming_parameters() - OPEN_TO_ALL == set(CASES)


@pytest.fixture(scope="module")
def things(town: Town, harbour: httpx.Client, hill: httpx.Client, operator: httpx.Client) -> dict[str, Any]:
    """One thing of each kind that is not Hill Bank's."""
    assert hill.post("/v1/shops", json={"id": STRANGER, "name": "Stranger"}).status_code == 201
    buyer, seller = town.person(1_000), town.shop()
    trade = town.order(seller, 100)
    assert town.act(buyer, f"/v1/trades/{trade}/pay").status_code == 200
    account, key = open_account(harbour), fresh_id()
    reservation = transfer(account, open_account(harbour), 1, flags=PENDING)
    shop, person, consent = fresh_id(), fresh_id(), fresh_id()
    answers = [
        harbour.post("/v1/transfers", json=reservation),
        harbour.post("/v1/people", json={"id": person, "name": "Carla"}),
        harbour.post("/v1/shops", json={"id": shop, "name": "Corner shop"}),
        harbour.post(
            "/v1/accounts", json={**NEW_ACCOUNT, "id": fresh_id()}, headers={"Idempotency-Key": key}
        ),
        operator.post(
            "/v1/consents", json={**CONSENT, "id": consent, "party": person, "institution": HARBOUR_BANK}
        ),
        harbour.post("/v1/credentials", json=NEW_CREDENTIAL),
    ]
    assert {answer.status_code for answer in answers} == {201}
    return {
        "account": account,
        "reservation": reservation["id"],
        "operation": key,
        "person": person,
        "shop": shop,
        "consent": consent,
        "credential": answers[-1].json()["id"],
        "institution": HARBOUR_BANK,
        "buyer": buyer,
        "trade": trade,
    }


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_a_foreign_thing_is_answered_like_one_that_does_not_exist(
    hill: httpx.Client, things: dict[str, Any], case: tuple[str, str]
) -> None:
    kind, send = CASES[case]
    foreign, missing = things[kind], 999_999 if kind == "institution" else fresh_id()
    told = []
    for thing in (foreign, missing):
        new = fresh_id()
        answer = send(hill, thing, new)
        told.append((answer.status_code, answer.text.replace(str(thing), "THING").replace(new, "NEW")))
    assert told[0] == told[1]
    status, text = told[0]
    assert status in (403, 404, 422) or (status, text) == (200, '{"items":[]}') or "_not_found" in text


def test_the_operator_reaches_every_thing(
    operator: httpx.Client, things: dict[str, Any], world: World
) -> None:
    for path in (
        f"/v1/accounts/{things['account']}",
        f"/v1/transfers/{things['reservation']}",
        f"/v1/operations/{things['operation']}",
        f"/v1/people/{things['person']}",
        f"/v1/shops/{things['shop']}",
    ):
        assert operator.get(path, headers=PURPOSE).status_code == 200


@pytest.mark.parametrize("route", ACTING)
def test_nobody_acts_for_a_party_of_another_institution(
    hill: httpx.Client, things: dict[str, Any], route: str
) -> None:
    told = []
    for party in (things["buyer"], fresh_id()):
        answer = ACTING[route](hill, party, fresh_id())
        told.append((answer.status_code, answer.text.replace(party, "PARTY")))
    assert told[0] == told[1]
    assert told[0][0] == 404
    assert "party_unknown" in told[0][1]
