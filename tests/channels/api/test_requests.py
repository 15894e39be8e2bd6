"""How requests are read: strictly, and refused by the name of what is wrong."""

import json
from typing import Any

import httpx
import pytest

from tests.channels.api.making import CNY, assert_problem, fresh_id, transfer

JSON = {"Content-Type": "application/json"}
PATHS = ("/v1/transfers", "/v1/transfers/", "/v1/transfers/batch", "/v1/accounts")
"""The fast lane, the framework's handler of the same route, and two others."""


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("body", "position"),
    [(b"", 0), (b"{", 1), (b'{"id" 1}', 6), (b"nul", 3), (b"\xef\xbb\xbf{}", 0)],
)
def test_what_is_not_json_is_refused_with_its_position(
    harbour: httpx.Client, path: str, body: bytes, position: int
) -> None:
    answer = harbour.post(path, content=body, headers=JSON)
    assert assert_problem(answer, 400, "json_malformed") == {"position": position}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "body", [b'{"id":"\xff"}', b'{"id":"\\ud800"}', b"[" * 10_000, b'{"x":' + b"[" * 10_000, b"\x00"]
)
def test_strange_bytes_are_the_senders_fault(harbour: httpx.Client, path: str, body: bytes) -> None:
    assert harbour.post(path, content=body, headers=JSON).status_code == 400


@pytest.mark.parametrize("path", PATHS[:2])
@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"colour": "red"}, "field_unknown", "colour"),
        ({"amount": -1}, "field_invalid", "amount"),
        ({"amount": 2**63}, "field_invalid", "amount"),
        ({"amount": "1"}, "field_invalid", "amount"),
        ({"amount": 1.5}, "field_invalid", "amount"),
        ({"amount": None}, "field_invalid", "amount"),
        ({"id": "one"}, "field_invalid", "id"),
        ({"code": 0}, "field_invalid", "code"),
        ({"code": 65_536}, "field_invalid", "code"),
        ({"ledger": 2**31}, "field_invalid", "ledger"),
        ({"flags": 64}, "field_invalid", "flags"),
        ({"timeout_s": -1}, "field_invalid", "timeout_s"),
        ({"user_data": 2**63}, "field_invalid", "user_data"),
    ],
)
def test_a_wrong_field_is_named(
    harbour: httpx.Client, path: str, change: dict[str, Any], code: str, field: str
) -> None:
    body = {**transfer(fresh_id(), fresh_id(), 1), **change}
    assert assert_problem(harbour.post(path, json=body), 400, code) == {"field": field}


def test_a_missing_field_is_named(harbour: httpx.Client) -> None:
    answer = harbour.post("/v1/accounts", json=[{"id": fresh_id(), "ledger": CNY}])
    assert assert_problem(answer, 400, "field_missing") == {"field": "[0].code"}


def test_a_number_of_a_thousand_digits_is_out_of_range_and_nothing_worse(harbour: httpx.Client) -> None:
    body = json.dumps(transfer(fresh_id(), fresh_id(), 1)).replace('"amount": 1', '"amount": ' + "9" * 10_000)
    answer = harbour.post("/v1/transfers", content=body, headers=JSON)
    assert assert_problem(answer, 400, "field_invalid") == {"field": "amount"}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""]
)
def test_other_content_types_are_refused(harbour: httpx.Client, path: str, content_type: str) -> None:
    answer = harbour.post(path, content=b"{}", headers={"Content-Type": content_type})
    assert_problem(answer, 415, "content_type_unsupported")


@pytest.mark.parametrize("path", PATHS)
def test_a_content_type_may_have_parameters(harbour: httpx.Client, path: str) -> None:
    answer = harbour.post(path, content=b"{", headers={"Content-Type": "Application/JSON; charset=utf-8"})
    assert_problem(answer, 400, "json_malformed")


@pytest.mark.parametrize(("path", "size_max"), [(PATHS[0], 2**16), (PATHS[1], 2**16), (PATHS[2], 2**22)])
def test_bodies_have_a_largest_size(harbour: httpx.Client, path: str, size_max: int) -> None:
    fitting = b" " * (size_max - 1) + b"!"
    assert_problem(harbour.post(path, content=fitting, headers=JSON), 400, "json_malformed")
    assert_problem(harbour.post(path, content=b" " + fitting, headers=JSON), 413, "body_too_large")


def test_a_body_without_a_length_has_the_same_largest_size(harbour: httpx.Client) -> None:
    for path in PATHS[:2]:
        pieces = (b" " * 1_000 for _ in range(100))
        assert_problem(harbour.post(path, content=pieces, headers=JSON), 413, "body_too_large")


def test_an_unknown_or_repeated_parameter_is_named(harbour: httpx.Client) -> None:
    for query, code, field in (
        ("page=2", "field_unknown", "page"),
        ("limit=0", "field_invalid", "limit"),
        ("limit=1001", "field_invalid", "limit"),
        ("limit=ten", "field_invalid", "limit"),
        ("limit=1&limit=2", "field_invalid", "limit"),
        ("cursor=x", "field_invalid", "cursor"),
    ):
        assert assert_problem(harbour.get(f"/v1/accounts?{query}"), 400, code) == {"field": field}


def test_an_address_that_does_not_exist_says_so(harbour: httpx.Client) -> None:
    for path in (
        "/v2/accounts",
        "/v1/accounts/not-a-uuid",
        "/v1/accounts/%00",
        "/v1/%ff",
        "/problems/nothing",
    ):
        assert_problem(harbour.get(path), 404, "not_found")


def test_a_method_that_an_address_does_not_take_is_refused_with_those_that_it_takes(
    harbour: httpx.Client,
) -> None:
    answer = harbour.delete("/v1/transfers")
    assert_problem(answer, 405, "method_not_allowed")
    assert "POST" in answer.headers["allow"]


def test_every_answer_has_an_id_and_what_is_read_is_not_to_be_kept(harbour: httpx.Client) -> None:
    answers = [harbour.get("/v1/units"), harbour.post("/v1/transfers", json={}), harbour.get("/nowhere")]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 3
    assert all("server" not in answer.headers for answer in answers)
    for answer in (answers[0], answers[2]):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
