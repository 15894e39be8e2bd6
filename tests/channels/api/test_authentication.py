"""Who may come in."""

from pathlib import Path
from uuid import UUID

import httpx
import pytest

from karez.core.clock import SimulatedClock, SystemClock
from karez.parties import credentials, institutions
from karez.parties.roles import Permission
from karez.parties.tokens import Owner
from karez.storage.database import connect
from karez.storage.tenant import as_operator
from tests.channels.api.living import LiveApi, live_api
from tests.channels.api.making import HARBOUR_BANK, World, assert_problem, fresh_id, transfer

ROUTES = ("/v1/transfers", "/v1/transfers/", "/v1/accounts")
"""The fast lane, the framework's handler of the same route, and another one."""


def post(url: str, path: str, token: str | None) -> httpx.Response:
    headers = {} if token is None else {"Authorization": token}
    return httpx.post(url + path, json={}, headers=headers)


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("authorization", [None, "", "kz_1_2", "Basic a2FyZXo6a2FyZXo=", "Bearer"])
def test_a_request_without_a_token_is_told_to_send_one(
    api: LiveApi, path: str, authorization: str | None
) -> None:
    answer = post(api.url, path, authorization)
    assert_problem(answer, 401, "credential_missing")
    assert answer.headers["www-authenticate"] == 'Bearer realm="karez"'


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("token", ["x", "kz_" + "0" * 32 + "_" + "0" * 64, "kz_\xff"])
def test_a_wrong_token_is_refused_now_and_again(api: LiveApi, path: str, token: str) -> None:
    for _ in range(2):
        answer = httpx.post(
            api.url + path, json={}, headers={b"Authorization": f"Bearer {token}".encode("latin-1")}
        )
        assert_problem(answer, 401, "credential_invalid")
        assert answer.headers["www-authenticate"] == 'Bearer realm="karez", error="invalid_token"'


def test_the_right_id_with_another_secret_is_refused(api: LiveApi, world: World) -> None:
    token = world.harbour[:-1] + ("0" if world.harbour[-1] != "0" else "1")
    assert_problem(post(api.url, "/v1/transfers", f"Bearer {token}"), 401, "credential_invalid")


def test_the_scheme_may_be_written_in_any_case(api: LiveApi, world: World) -> None:
    answer = httpx.get(api.url + "/v1/units", headers={"Authorization": f"bEARER {world.harbour}"})
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ROUTES)
def test_a_missing_permission_is_named(api: LiveApi, world: World, path: str) -> None:
    token = world.token(Owner(institution=HARBOUR_BANK), Permission.LEDGER_READ)
    answer = post(api.url, path, f"Bearer {token}")
    assert assert_problem(answer, 403, "permission_missing") == {"needed": "ledger:write"}
    assert 'error="insufficient_scope", scope="ledger:write"' in answer.headers["www-authenticate"]


def test_a_revoked_credential_is_refused_at_once_by_the_process_that_revoked_it(
    api: LiveApi, world: World
) -> None:
    token = world.token(Owner(institution=HARBOUR_BANK), Permission.LEDGER_WRITE)
    body = transfer(fresh_id(), fresh_id(), 1)
    with api.client(token) as client, api.client(world.harbour) as administrator:
        assert_problem(client.post("/v1/transfers", json=body), 422, "debit_account_not_found")
        id_ = UUID(token.split("_")[1])
        assert administrator.delete(f"/v1/credentials/{id_}").status_code == 204
        assert_problem(client.post("/v1/transfers", json=body), 401, "credential_revoked")


def test_a_credential_is_refused_from_its_expiry_on_though_it_was_just_verified(
    world: World, socket_path: Path
) -> None:
    clock = SimulatedClock(SystemClock().now_ns())
    token = world.token(Owner(institution=HARBOUR_BANK), Permission.LEDGER_WRITE, life_ns=60_000_000_000)
    with live_api(world.database, socket_path, clock=clock) as live, live.client(token) as client:
        assert client.get("/v1/units").status_code == 200
        clock.advance(120)
        assert_problem(client.get("/v1/units"), 401, "credential_expired")
        assert_problem(client.post("/v1/transfers", json={}), 401, "credential_expired")


def test_a_suspended_institution_is_shut_out(api: LiveApi, world: World) -> None:
    now_ns = SystemClock().now_ns()
    with connect(world.database.web) as conn, as_operator(conn):
        shop = institutions.register(conn, f"shop-{now_ns}", "Shop", "merchant", now_ns)
        institutions.suspend(conn, shop.number)
        owner = Owner(institution=shop.number)
        token = credentials.issue(conn, owner, ["ledger:write"], "till", now_ns + 10**12, now_ns)
    assert_problem(post(api.url, "/v1/transfers", f"Bearer {token}"), 403, "institution_suspended")
