"""Units and institutions: everybody reads them, the operator makes them."""

import httpx

from tests.channels.api.making import CNY, assert_problem, fresh_id, open_account


def new_unit() -> dict[str, object]:
    number = int(fresh_id().replace("-", ""), 16) % 2**30 + 1_000
    return {"number": number, "code": f"COUPON:{number}", "exponent": 0, "description": "Spring coupon 春"}


def test_the_operator_creates_a_unit_and_accounts_count_in_it(
    operator: httpx.Client, harbour: httpx.Client
) -> None:
    unit = new_unit()
    answer = operator.post("/v1/units", json=unit)
    assert (answer.status_code, answer.json()) == (201, unit)
    assert unit in harbour.get("/v1/units").json()["items"]
    open_account(harbour, ledger=unit["number"])


def test_a_unit_created_again_is_the_same_and_another_one_is_refused(operator: httpx.Client) -> None:
    unit = new_unit()
    first, again = (operator.post("/v1/units", json=unit) for _ in range(2))
    assert (first.status_code, first.content) == (again.status_code, again.content)
    for taken in ({**unit, "exponent": 2}, {**new_unit(), "code": unit["code"]}):
        assert_problem(operator.post("/v1/units", json=taken), 409, "row_exists")


def test_a_unit_has_a_number_a_code_and_an_exponent(operator: httpx.Client) -> None:
    for change in ({"number": 0}, {"code": "cny"}, {"exponent": 19}, {"description": "a\nb"}):
        assert_problem(operator.post("/v1/units", json={**new_unit(), **change}), 400, "field_invalid")


def test_everybody_sees_the_units(ana: httpx.Client) -> None:
    assert CNY in [unit["number"] for unit in ana.get("/v1/units").json()["items"]]


def test_the_operator_admits_an_institution(operator: httpx.Client, harbour: httpx.Client) -> None:
    code = f"bank-{fresh_id()[:30]}".rstrip("-")
    answer = operator.post("/v1/institutions", json={"code": code, "name": "Bank 银行", "kind": "bank"})
    assert answer.status_code == 201
    assert answer.json()["state"] == "open"
    assert answer.json() in harbour.get("/v1/institutions").json()["items"]
    taken = operator.post("/v1/institutions", json={"code": code, "name": "Other", "kind": "bank"})
    assert_problem(taken, 409, "institution_code_taken")


def test_an_institution_of_an_unknown_kind_is_refused(operator: httpx.Client) -> None:
    answer = operator.post("/v1/institutions", json={"code": "x", "name": "X", "kind": "casino"})
    assert assert_problem(answer, 400, "field_invalid") == {"field": "kind"}


def test_nobody_else_makes_them(harbour: httpx.Client) -> None:
    for path in ("/v1/units", "/v1/institutions"):
        assert_problem(harbour.post(path, json={}), 403, "permission_missing")
