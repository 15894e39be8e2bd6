"""The OpenAPI document tells everything, and nothing that is not so."""

import re
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

import karez
from karez.channels.api.documentation import KEY
from karez.channels.api.problem_kinds import PROBLEM_KINDS
from karez.channels.api.routes import HANDLERS
from karez.ledger.model import Status
from tests.channels.api.documented import DOCUMENT, OPERATIONS, Operation, resolved
from tests.channels.api.living import LiveApi


def by_name(operation: Operation) -> str:
    return operation.name


def test_the_document_and_the_page_are_served(api: LiveApi) -> None:
    with httpx.Client(base_url=api.url) as client:
        document = client.get("/openapi.json").json()
        assert document["paths"].keys() == DOCUMENT["paths"].keys()
        page = client.get("/docs")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "<script" not in page.text
        assert not re.findall(r"(?:src|href)=\"(?:https?:)?//", page.text)
        for path in document["paths"]:
            assert path in page.text


def test_every_handler_is_documented_under_a_name_of_its_own() -> None:
    assert all(KEY in handler.opt for handler in HANDLERS)
    assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS) == len(HANDLERS)


@pytest.mark.parametrize("operation", OPERATIONS, ids=by_name)
def test_examples_are_what_the_code_reads_and_writes(operation: Operation) -> None:
    (handler,) = [each for each in HANDLERS if each.opt[KEY].name == operation.name]
    documentation = handler.opt[KEY]
    if documentation.body is not None:
        documentation.body.decode(msgspec.json.encode(documentation.body.example))
    for answer in documentation.answers.values():
        if answer.example is not None:
            msgspec.json.decode(msgspec.json.encode(answer.example), type=answer.type)


@pytest.mark.parametrize("operation", OPERATIONS, ids=by_name)
def test_links_lead_to_routes_with_their_parameters(operation: Operation) -> None:
    targets = {each.name: {one["name"] for one in each.definition["parameters"]} for each in OPERATIONS}
    for response in operation.definition["responses"].values():
        for link in response.get("links", {}).values():
            assert set(link["parameters"]) <= targets[link["operationId"]]
            schema = next(iter(response["content"].values()))["schema"]
            choices = [resolved(choice) for choice in schema.get("anyOf", [schema])]
            assert any("id" in choice.get("properties", ()) for choice in choices)


def test_refusals_are_problem_details() -> None:
    for operation in OPERATIONS:
        for status, response in operation.definition["responses"].items():
            if int(status) >= 400:
                (content,) = response["content"].items()
                assert content[0] == "application/problem+json"
                assert content[1]["schema"] == {"$ref": "#/components/schemas/ProblemDetails"}
                for code, example in content[1]["examples"].items():
                    assert (example["value"]["code"], example["value"]["status"]) == (code, int(status))


def test_every_status_of_the_book_has_its_problem() -> None:
    for status in Status:
        if status not in (Status.CREATED, Status.EXISTS):
            conflict = status.code.startswith("exists_with_different") or status is Status.ID_ALREADY_FAILED
            assert PROBLEM_KINDS[status.code].status == (409 if conflict else 422)


def test_every_code_of_the_api_has_its_problem() -> None:
    raised: set[str] = set()
    for path in (Path(karez.__file__).parent / "channels" / "api").rglob("*.py"):
        raised |= set(re.findall(r'(?:Rejected|Unavailable|_invalid)\(\s*"(\w+)"', path.read_text()))
    assert raised - set(PROBLEM_KINDS) == set()


@pytest.mark.parametrize("code", PROBLEM_KINDS)
def test_every_problem_is_explained(code: str) -> None:
    kind: Any = PROBLEM_KINDS[code]
    assert 400 <= kind.status < 600
    assert kind.meaning.endswith(".")
