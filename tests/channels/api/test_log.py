"""What is logged, and what never is."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import httpx
import psycopg
import pytest

from karez.channels.api.asgi import Application, Message
from karez.channels.api.library_log import LibraryLog
from karez.channels.api.request_log import RequestLog, trouble
from karez.core.outcomes import Unavailable
from karez.parties.tokens import new_token
from karez.storage.database_errors import explain
from tests.channels.api.living import LiveApi, live_api
from tests.channels.api.making import World, fresh_id, funded_account, open_account, transfer
from tests.channels.api.measuring import instant_api

SECRETS = ("Zebulon", "+8613900139000", "zebulon@example.org", "own-purpose", "x-marks-the-spot")


class Logged(NamedTuple):
    """The log of a few requests, and the ids that were used in them."""

    lines: list[dict[str, Any]]
    text: str
    ids: dict[str, str]


@pytest.fixture(scope="module")
def logged(world: World, socket_path: Path) -> Logged:
    """What is logged until the process ends."""
    with live_api(world.database, socket_path) as live, live.client(world.harbour) as client:
        ids = busy(live, client)
    text = b"".join(live.log).decode()
    return Logged([json.loads(line) for line in text.splitlines()], text, ids)


def busy(live: LiveApi, client: httpx.Client) -> dict[str, str]:
    account, shop, person = funded_account(client, 1), open_account(client), fresh_id()
    body = transfer(account, shop, 1)
    client.post("/v1/transfers", json=body)
    client.post("/v1/transfers", json=transfer(account, shop, 1))
    client.post("/v1/transfers/batch", json=[transfer(account, shop, 1)])
    client.get(f"/v1/accounts/{account}/statement", params={"limit": 5})
    name, phone, email, purpose, colour = SECRETS
    client.post("/v1/people", json={"id": person, "name": name, "phone": phone, "email": email})
    client.get(f"/v1/people/{person}", headers={"Purpose": purpose}, params={"fields": "name,phone"})
    client.post("/v1/people", json={"id": person, "name": name, "phone": colour})
    client.post("/v1/transfers", json={colour: colour})
    client.get(f"/nowhere/{phone}", params={"phone": phone})
    httpx.get(live.url + "/v1/units", headers={"Authorization": f"Bearer kz_{colour}"})
    return {"account": account, "person": person, "transfer": body["id"]}


def test_one_line_tells_of_each_request(logged: Logged, world: World) -> None:
    parsed = logged.lines
    assert all(
        list(line)
        == ["time", "method", "route", "status", "duration_ms", "credential", "request", "stands_for"]
        for line in parsed
    )
    told = [(line["method"], line["route"], line["status"]) for line in parsed]
    assert told[-11:] == [
        ("POST", "/v1/accounts", 201),
        ("POST", "/v1/transfers", 201),
        ("POST", "/v1/transfers", 422),
        ("POST", "/v1/transfers/batch", 200),
        ("GET", "/v1/accounts/{account_id}/statement", 200),
        ("POST", "/v1/people", 201),
        ("GET", "/v1/people/{party_id}", 200),
        ("POST", "/v1/people", 422),
        ("POST", "/v1/transfers", 400),
        ("GET", "unmatched", 404),
        ("GET", "/v1/units", 401),
    ]
    assert {line["credential"] for line in parsed} == {str(UUID(world.harbour.split("_")[1])), None}
    assert len({line["request"] for line in parsed}) == len(parsed)


def test_no_token_name_phone_address_or_id_is_in_the_log(logged: Logged, world: World) -> None:
    text, ids = logged.text, logged.ids
    assert world.harbour.rsplit("_", 1)[1] not in text
    for secret in (*SECRETS, *ids.values(), "?", "Bearer"):
        assert secret not in text


def test_lines_are_written_together_and_none_is_left_behind(logged: Logged) -> None:
    assert logged.text.endswith("\n")
    assert len(logged.lines) == 14


def test_in_a_crowd_made_transfers_share_lines_and_refused_ones_do_not() -> None:
    written: list[bytes] = []
    token = str(new_token(0))

    async def crowd() -> None:
        lane = instant_api("fast lane", token, written.append)
        for number in range(1_000):
            body = transfer(fresh_id(), fresh_id(), 1 if number % 10 else -1)
            await post_transfer(lane, token, body)
        await asyncio.sleep(0.5)

    asyncio.run(crowd())
    lines = [json.loads(line) for line in b"".join(written).splitlines()]
    assert [line["stands_for"] for line in lines if line["status"] == 400] == [1] * 100
    shared = [line["stands_for"] for line in lines if line["status"] == 201]
    assert shared == [1] * 90 + [100] * 8


async def post_transfer(app: Application, token: str, body: dict[str, Any]) -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

    async def send(message: Message) -> None:
        assert message["type"].startswith("http.response.")

    headers = [(b"authorization", f"Bearer {token}".encode()), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/v1/transfers", "headers": headers}
    await app(scope, receive, send)


def test_a_defect_is_logged_by_its_place_and_not_by_its_words() -> None:
    try:
        int("Zebulon")
    except ValueError as error:
        line = trouble("now", "1", error)
    assert line.code == "ValueError"
    assert "test_log.py:" in line.detail
    assert "Zebulon" not in line.detail


def test_an_outage_is_logged_with_its_sentence_for_the_operator() -> None:
    line = trouble("now", "1", Unavailable("database_gone", "The database is gone (socket /x); see to it."))
    assert (line.code, line.detail) == ("database_gone", "The database is gone (socket /x); see to it.")


def test_a_value_that_the_database_did_not_take_is_not_logged() -> None:
    try:
        try:
            raise psycopg.DataError("invalid input syntax: Zebulon")
        except psycopg.Error as error:
            raise explain(error) from error
    except Unavailable as outage:
        line = trouble("now", "1", outage)
    assert line.code == "DataError"
    assert "Zebulon" not in line.detail


def test_a_library_is_quoted_without_what_it_filled_in() -> None:
    written: list[bytes] = []
    logger = logging.Logger("library")
    logger.addHandler(LibraryLog(written.append))
    logger.warning("cannot read %s", "Zebulon")
    line = json.loads(b"".join(written))
    assert (line["library"], line["level"], line["message"]) == ("library", "WARNING", "cannot read %s")


def test_a_log_that_fills_quickly_is_written_at_once() -> None:
    written: list[bytes] = []

    async def fill() -> None:
        log = RequestLog(written.append)
        for number in range(1_000):
            log.add(trouble("now", str(number), Unavailable("x", "y")))

    asyncio.run(fill())
    assert len(written) == 1
    assert written[0].count(b"\n") == 1_000
