"""Requests made at random from the OpenAPI document get documented answers, whatever is in them."""

import os
from copy import deepcopy
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.channels.api.documented import DOCUMENT
from tests.channels.api.living import LiveApi
from tests.channels.api.making import World

LONG = os.environ.get("KAREZ_LONG") == "1"
QUIET = settings(
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    # The same requests every time, so that a change is judged by what it changes; other ones when there is time.
    derandomize=not LONG,
)
EXAMPLES = 200 if LONG else 20
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    ignored_auth,
]


def _route(found: Any) -> Any:
    return found.ok()


# A copy, because schemathesis adds links of its own.
SCHEMA = schemathesis.openapi.from_dict(deepcopy(DOCUMENT))
ROUTES = {route.label: route for route in map(_route, SCHEMA.get_all_operations())}
TAKING_SOMETHING = [
    label
    for label, route in ROUTES.items()
    if route.definition.raw["parameters"] or "requestBody" in route.definition.raw
]


@pytest.mark.parametrize("label", ROUTES)
def test_a_fitting_request_gets_a_documented_answer(api: LiveApi, world: World, label: str) -> None:
    try_route(api, world, label, GenerationMode.POSITIVE)


@pytest.mark.parametrize("label", TAKING_SOMETHING)
def test_an_unfitting_request_is_refused(api: LiveApi, world: World, label: str) -> None:
    try_route(api, world, label, GenerationMode.NEGATIVE)


def try_route(api: LiveApi, world: World, label: str, mode: GenerationMode) -> None:
    headers = {"Authorization": f"Bearer {world.operator}"}

    @settings(QUIET, max_examples=EXAMPLES)
    @given(case=ROUTES[label].as_strategy(generation_mode=mode))
    def try_once(case: Case[Any]) -> None:
        case.call_and_validate(base_url=api.url, headers=headers, checks=_checks(case))

    try_once()


def _checks(case: Case[Any]) -> list[Any]:
    """The test's own token takes the place of a broken one, so a request broken in its headers alone is sound."""
    header = case.meta.components.get(ParameterLocation.HEADER) if case.meta else None
    if header is None or header.mode is GenerationMode.POSITIVE:
        return CHECKS
    return [check for check in CHECKS if check is not negative_data_rejection]


def test_the_links_lead_from_answer_to_answer(api: LiveApi, world: World) -> None:
    """What one answer names, the next request asks for."""

    class Visitor(SCHEMA.as_state_machine()):  # type: ignore[misc]
        def get_call_kwargs(self, case: Case[Any]) -> dict[str, Any]:
            return {"base_url": api.url, "headers": {"Authorization": f"Bearer {world.operator}"}}

        def validate_response(self, response: Any, case: Case[Any], **_: Any) -> None:
            case.validate_response(response, checks=CHECKS)

    Visitor.run(settings=settings(QUIET, max_examples=10, stateful_step_count=8))
