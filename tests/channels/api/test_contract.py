"""Requests made at random from the OpenAPI document get documented answers, whatever is in them."""

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.channels.api.living import LiveApi
from tests.channels.api.making import World

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    ignored_auth,
]


@pytest.fixture(scope="session")
def documented(api: LiveApi) -> schemathesis.BaseSchema:
    """The document as it is served."""
    return schemathesis.openapi.from_url(f"{api.url}/openapi.json")


schema = schemathesis.pytest.from_fixture("documented")


@schema.parametrize()
@settings(
    max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)
def test_every_answer_is_documented(case: Case, world: World) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {world.operator}"}, checks=CHECKS)
