"""Registering endpoints, reading their log, sending again, over HTTP."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

import karez
from karez.channels.api.problem_kinds import PROBLEM_KINDS
from karez.channels.webhooks.endpoints import ENDPOINTS_MAX
from karez.core.clock import SystemClock
from karez.storage.database import connect
from tests.channels.api.living import LiveApi
from tests.channels.api.making import HARBOUR_BANK, World, assert_problem, fresh_id
from tests.channels.webhooks.forbidden import FORBIDDEN
from tests.channels.webhooks.making import is_signed, settle, worker
from tests.channels.webhooks.receivers import Receiver, receiver

URL = "https://shop.example/karez"
PATH = "/v1/webhook-endpoints"


def register(client: httpx.Client, **more: Any) -> dict[str, Any]:
    answer = client.post(PATH, json={"id": fresh_id(), "url": URL, "topics": ["trade.*"]}, **more)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


@pytest.fixture(autouse=True)
def tidy(world: World) -> Iterator[None]:
    """Nobody reaches the limit because of another test."""
    yield
    with connect(world.database.owner) as conn:
        conn.execute("DELETE FROM webhook_endpoint")


@pytest.fixture
def shop() -> Iterator[Receiver]:
    """A receiver that takes everything."""
    with receiver() as made:
        yield made


@pytest.fixture
def reachable(world: World, harbour: httpx.Client, shop: Receiver) -> dict[str, Any]:
    """An endpoint of Harbour Bank that leads to the receiver, as if the operator had allowed that."""
    made = register(harbour)
    with connect(world.database.owner) as conn:
        conn.execute("UPDATE webhook_endpoint SET url = %s WHERE id = %s", (shop.url, made["id"]))
    return made


def test_a_secret_is_told_once_and_never_again(api: LiveApi, harbour: httpx.Client) -> None:
    made = register(harbour)
    assert made["secret"].startswith("whsec_")
    endpoint = f"{PATH}/{made['id']}"
    rotated = harbour.post(f"{endpoint}/rotate-secret", json={}).json()
    assert rotated["id"] == made["id"]
    assert rotated["secret"] != made["secret"]
    shown = harbour.get(endpoint).text + harbour.get(PATH).text
    shown += harbour.patch(endpoint, json={"description": "till"}).text
    log = b"".join(api.log).decode()
    for secret in (made["secret"], rotated["secret"]):
        assert secret.removeprefix("whsec_") not in shown + log
    assert URL not in log


@pytest.mark.parametrize("who", ["harbour", "ana", "operator"])
def test_an_endpoint_belongs_to_who_registers_it(
    who: str, world: World, harbour: httpx.Client, ana: httpx.Client, operator: httpx.Client
) -> None:
    client = {"harbour": harbour, "ana": ana, "operator": operator}[who]
    made = register(client)
    shown = client.get(f"{PATH}/{made['id']}").json()
    owners = {
        "harbour": (HARBOUR_BANK, None),
        "ana": (None, str(world.ana_id)),
        "operator": (None, None),
    }
    assert (shown["institution"], shown["party"]) == owners[who]
    assert (shown["url"], shown["topics"], shown["state"]) == (URL, ["trade.*"], "enabled")
    assert [each["id"] for each in client.get(PATH).json()["items"]] == [made["id"]]


def test_an_institution_registers_endpoints_for_people_that_came_through_it(
    world: World, harbour: httpx.Client, hill: httpx.Client, ana: httpx.Client
) -> None:
    acting = {"Acting-For": str(world.ana_id)}
    made = register(harbour, headers=acting)
    assert ana.get(f"{PATH}/{made['id']}").json()["party"] == str(world.ana_id)
    assert harbour.get(f"{PATH}/{made['id']}", headers=acting).status_code == 200
    assert_problem(harbour.get(f"{PATH}/{made['id']}"), 404, "webhook_endpoint_not_found")
    for client, who in ((hill, str(world.ana_id)), (harbour, fresh_id())):
        body = {"id": fresh_id(), "url": URL, "topics": ["*"]}
        assert_problem(client.post(PATH, json=body, headers={"Acting-For": who}), 404, "party_unknown")


def test_an_endpoint_is_changed_disabled_and_deleted(harbour: httpx.Client) -> None:
    endpoint = f"{PATH}/{register(harbour)['id']}"
    changed = harbour.patch(endpoint, json={"topics": ["*"], "description": "till"}).json()
    assert (changed["topics"], changed["description"], changed["url"]) == (["*"], "till", URL)
    disabled = harbour.patch(endpoint, json={"state": "disabled"}).json()
    assert (disabled["state"], disabled["disabled_because"]) == ("disabled", "owner")
    assert_problem(harbour.post(f"{endpoint}/test"), 409, "webhook_endpoint_disabled")
    enabled = harbour.patch(endpoint, json={"state": "enabled"}).json()
    assert (enabled["state"], enabled["disabled_because"]) == ("enabled", None)
    assert harbour.delete(endpoint).status_code == 204
    assert_problem(harbour.get(endpoint), 404, "webhook_endpoint_not_found")
    assert_problem(harbour.delete(endpoint), 404, "webhook_endpoint_not_found")


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_a_url_that_leads_inside_is_refused(harbour: httpx.Client, kind: str) -> None:
    url = FORBIDDEN[kind].format(port=80)
    body = {"id": fresh_id(), "url": url, "topics": ["*"]}
    assert_problem(harbour.post(PATH, json=body), 422, "webhook_url_refused")
    endpoint = f"{PATH}/{register(harbour)['id']}"
    assert_problem(harbour.patch(endpoint, json={"url": url}), 422, "webhook_url_refused")
    assert harbour.get(endpoint).json()["url"] == URL


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"topics": []}, "topics"),
        ({"topics": ["Trade paid"]}, "topics[0]"),
        ({"topics": ["a"] * 51}, "topics"),
        ({"url": ""}, "url"),
        ({"description": "a\nb"}, "description"),
    ],
)
def test_what_is_malformed_is_named(harbour: httpx.Client, change: dict[str, Any], field: str) -> None:
    body = {"id": fresh_id(), "url": URL, "topics": ["*"], **change}
    assert assert_problem(harbour.post(PATH, json=body), 400, "field_invalid")["field"] == field


def test_an_id_is_used_once_and_an_owner_has_so_many_endpoints(harbour: httpx.Client) -> None:
    made = register(harbour)
    again = harbour.post(PATH, json={"id": made["id"], "url": URL, "topics": ["*"]})
    assert_problem(again, 409, "webhook_endpoint_exists")
    for _ in range(ENDPOINTS_MAX - 1):
        register(harbour)
    one_more = harbour.post(PATH, json={"id": fresh_id(), "url": URL, "topics": ["*"]})
    assert assert_problem(one_more, 409, "webhook_endpoints_too_many") == {"limit": ENDPOINTS_MAX}


def test_endpoints_come_in_pages(harbour: httpx.Client) -> None:
    ids = sorted(register(harbour)["id"] for _ in range(3))
    first = harbour.get(PATH, params={"limit": 2}).json()
    assert [each["id"] for each in first["items"]] == ids[:2]
    second = harbour.get(PATH, params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert ([each["id"] for each in second["items"]], second["next_cursor"]) == (ids[2:], None)


def test_a_test_message_is_sent_logged_and_sent_again(
    world: World, harbour: httpx.Client, shop: Receiver, reachable: dict[str, Any]
) -> None:
    endpoint, clock = f"{PATH}/{reachable['id']}", SystemClock()
    queued = harbour.post(f"{endpoint}/test")
    assert (queued.status_code, queued.json()["state"]) == (202, "waiting")
    delivery = f"{endpoint}/deliveries/{queued.json()['id']}"
    with worker(world.database, clock):
        settle(world.database, clock)
        detail = harbour.get(delivery).json()
        assert (detail["state"], detail["attempts"], detail["topic"]) == ("delivered", 1, "webhook.test")
        (attempt,) = detail["log"]
        assert (attempt["number"], attempt["status"], attempt["error"]) == (1, 200, None)
        assert (attempt["answer"], attempt["next_attempt"]) == ("ok", None)
        again = harbour.post(f"{delivery}/resend")
        assert (again.status_code, again.json()["state"]) == (202, "waiting")
        settle(world.database, clock)
    first, second = shop.received
    assert first.body == second.body == detail["body"].encode()
    assert first.id == second.id == detail["id"]
    assert is_signed(first, reachable["secret"])
    assert json.loads(first.body)["type"] == "webhook.test"


def test_the_log_comes_in_pages_and_by_state(
    world: World, harbour: httpx.Client, reachable: dict[str, Any]
) -> None:
    endpoint = f"{PATH}/{reachable['id']}"
    ids = [harbour.post(f"{endpoint}/test").json()["id"] for _ in range(3)]
    first = harbour.get(f"{endpoint}/deliveries", params={"limit": 2}).json()
    assert [each["id"] for each in first["items"]] == ids[:0:-1]
    second = harbour.get(f"{endpoint}/deliveries", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert ([each["id"] for each in second["items"]], second["next_cursor"]) == (ids[:1], None)
    waiting = harbour.get(f"{endpoint}/deliveries", params={"state": "waiting"}).json()
    assert len(waiting["items"]) == 3
    failed = harbour.get(f"{endpoint}/deliveries", params={"state": "failed"}).json()
    assert failed == {"items": [], "next_cursor": None}
    with connect(world.database.owner) as conn:
        conn.execute(
            "UPDATE webhook_delivery SET state = 'failed', due_ns = NULL WHERE message = %s", (UUID(ids[0]),)
        )
    early = harbour.post(f"{endpoint}/recover", json={"since": "2026-01-01T00:00:00Z"})
    assert (early.status_code, early.json()) == (202, {"count": 1})
    late = harbour.post(f"{endpoint}/recover", json={"since": "2100-01-01T00:00:00Z"})
    assert late.json() == {"count": 0}
    unknown = harbour.get(f"{endpoint}/deliveries/{fresh_id()}")
    assert_problem(unknown, 404, "webhook_delivery_not_found")


def test_the_operator_reads_and_disables_everybodys_endpoints(
    operator: httpx.Client, harbour: httpx.Client, ana: httpx.Client
) -> None:
    ids = sorted(register(client)["id"] for client in (harbour, ana, operator))
    assert sorted(each["id"] for each in operator.get(PATH).json()["items"]) == ids
    for id_ in ids:
        assert operator.patch(f"{PATH}/{id_}", json={"state": "disabled"}).status_code == 200


def test_every_code_of_the_webhooks_has_its_problem() -> None:
    raised: set[str] = set()
    for path in (Path(karez.__file__).parent / "channels" / "webhooks").rglob("*.py"):
        raised |= set(re.findall(r'Rejected\(\s*"(\w+)"', path.read_text()))
    assert raised
    assert raised - set(PROBLEM_KINDS) == set()
