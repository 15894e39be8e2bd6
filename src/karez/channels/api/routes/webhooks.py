"""Webhook endpoints: where an owner wants to be told what happens."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.params import FromPath
from msgspec import UNSET, Meta, UnsetType

from karez.channels.api.bodies import Body, Query, or_none
from karez.channels.api.caller_database import Connection
from karez.channels.api.documentation import KEY, Answer, Documentation, Link
from karez.channels.api.fields import EXAMPLE_IDS, NewId, PageSize
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.replies import json_reply, location
from karez.channels.api.views import Cursor
from karez.channels.api.webhook_owner import OWNER, OWNER_REFUSALS, as_owner, owning_party
from karez.channels.api.webhook_views import (
    EXAMPLE_ENDPOINT,
    EXAMPLE_NEW_ENDPOINT,
    EndpointView,
    endpoint_view,
)
from karez.channels.webhooks import endpoints
from karez.channels.webhooks.endpoints import Changes, NewEndpoint
from karez.channels.webhooks.targets import URL_SIZE_MAX_CHARS, check_url
from karez.channels.webhooks.topics import TOPIC_PATTERN
from karez.core.ids import NIL
from karez.parties.roles import Permission

OVERLAP_MAX_S = 7 * 86_400

Url = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=URL_SIZE_MAX_CHARS,
        description="Where messages are posted to: a public address, on port 443 or 80.",
        examples=["https://shop.example/karez"],
    ),
]
Topic = Annotated[
    str,
    Meta(
        pattern=TOPIC_PATTERN,
        max_length=100,
        description="`trade.paid` is one topic, `trade.*` all that begin so, `*` everything.",
        examples=["trade.*"],
    ),
]
Topics = Annotated[list[Topic], Meta(min_length=1, max_length=50, description="What is sent.")]
Description = Annotated[
    str, Meta(max_length=200, pattern=r"^[^\u0000-\u001f\u007f]*$", description="One line for people.")
]
State = Literal["enabled", "disabled"]


class NewEndpointBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An endpoint to register."""

    id: NewId
    url: Url
    topics: Topics
    description: Description = ""


class EndpointChanges(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What changes; what is left out stays.

    Attributes:
        state: To enable an endpoint also forgets that it was failing. What happens while it is disabled is kept in
            its log as failed, and sent if you ask for it (`recoverWebhooks`).
    """

    url: Url | UnsetType = UNSET
    topics: Topics | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    state: State | UnsetType = UNSET


class SecretRotation(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How to replace the secret.

    Attributes:
        overlap_s: How long messages are signed with the old secret as well; 0 ends it at once.
    """

    overlap_s: Annotated[int, Meta(ge=0, le=OVERLAP_MAX_S)] = 86_400


class RegisteredEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint's new secret, which is shown this once.

    Attributes:
        id: The endpoint's id.
        secret: Check signatures with it, as Standard Webhooks 1.0.0 tells.
    """

    id: UUID
    secret: str


class EndpointsPage(msgspec.Struct, frozen=True, kw_only=True):
    """Endpoints in the order of their ids."""

    items: list[EndpointView]
    next_cursor: Cursor | None


class EndpointsQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which endpoints."""

    cursor: UUID | UnsetType = UNSET
    limit: PageSize = 100


_EXAMPLE_SECRET = {"id": EXAMPLE_IDS[7], "secret": "whsec_..."}
_NEW_ENDPOINT: Body[NewEndpointBody] = Body(NewEndpointBody, EXAMPLE_NEW_ENDPOINT)
_CHANGES: Body[EndpointChanges] = Body(EndpointChanges, {"topics": ["trade.*"], "state": "enabled"})
_ROTATION: Body[SecretRotation] = Body(SecretRotation, {"overlap_s": 86_400})
_ENDPOINTS_QUERY = Query(EndpointsQuery)
_TO_ENDPOINT = tuple(
    Link(name, operation, {"endpoint_id": "$response.body#/id"})
    for name, operation in (
        ("endpoint", "readWebhookEndpoint"),
        ("deliveries", "listWebhookDeliveries"),
        ("test", "sendTestWebhook"),
    )
)
_DESCRIPTION = """\
Messages are posted as JSON: `{"type": "trade.paid", "timestamp": "...", "data": {...}}`, with the headers
`webhook-id`, `webhook-timestamp` and `webhook-signature` of Standard Webhooks 1.0.0, scheme `v1`. Answer 2xx within
15 seconds; redirects are not followed. Otherwise the message comes again after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h,
14 h, 20 h and 24 h, each pause up to a fifth longer, with the same id and the same bytes. It may also come twice:
drop repetitions by `webhook-id`. An answer 410 disables the endpoint, and so do three days of nothing but failures.
"""


@post(
    "/v1/webhook-endpoints",
    opt={
        KEY: Documentation(
            name="registerWebhookEndpoint",
            topic="Webhooks",
            summary="Register an endpoint; its secret is shown this once",
            description=_DESCRIPTION,
            access=Permission.WEBHOOKS_WRITE,
            body=_NEW_ENDPOINT,
            headers=(OWNER,),
            answers={201: Answer("Registered", RegisteredEndpoint, _EXAMPLE_SECRET, _TO_ENDPOINT)},
            refusals=(
                *OWNER_REFUSALS,
                "webhook_url_refused",
                "webhook_endpoint_exists",
                "webhook_endpoints_too_many",
            ),
        )
    },
)
async def register_endpoint(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Register an endpoint."""
    body = await _NEW_ENDPOINT.read(request)
    check_url(body.url, services.webhook_targets)
    party = await owning_party(services, caller, request)
    new = NewEndpoint(
        id=body.id,
        institution=None if party is not None or caller.is_operator else caller.institution,
        party=party,
        url=body.url,
        topics=body.topics,
        description=body.description,
    )
    now_ns = services.clock.now_ns()

    def register(conn: Connection) -> str:
        return endpoints.register(conn, services.webhook_sealer, new, now_ns)

    secret = await as_owner(services, caller, request, register)
    made = RegisteredEndpoint(id=new.id, secret=secret)
    return json_reply(made, 201, location("/v1/webhook-endpoints", new.id))


@get(
    "/v1/webhook-endpoints",
    opt={
        KEY: Documentation(
            name="listWebhookEndpoints",
            topic="Webhooks",
            summary="List your endpoints; the operator lists everybody's",
            access=Permission.WEBHOOKS_READ,
            query=_ENDPOINTS_QUERY,
            headers=(OWNER,),
            answers={
                200: Answer("A page", EndpointsPage, {"items": [EXAMPLE_ENDPOINT], "next_cursor": None})
            },
            refusals=OWNER_REFUSALS,
        )
    },
)
async def list_endpoints(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return a page of endpoints."""
    query = _ENDPOINTS_QUERY.read(request)
    after = or_none(query.cursor) or NIL
    found = await as_owner(
        services, caller, request, lambda conn: endpoints.page(conn, after, query.limit + 1)
    )
    items = [endpoint_view(each) for each in found[: query.limit]]
    next_cursor = str(items[-1].id) if len(found) > query.limit else None
    return json_reply(EndpointsPage(items=items, next_cursor=next_cursor))


@get(
    "/v1/webhook-endpoints/{endpoint_id:uuid}",
    opt={
        KEY: Documentation(
            name="readWebhookEndpoint",
            topic="Webhooks",
            summary="Read an endpoint",
            access=Permission.WEBHOOKS_READ,
            headers=(OWNER,),
            answers={200: Answer("The endpoint", EndpointView, EXAMPLE_ENDPOINT)},
            refusals=(*OWNER_REFUSALS, "webhook_endpoint_not_found"),
        )
    },
)
async def read_endpoint(
    request: AnyRequest, endpoint_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return an endpoint."""
    return json_reply(
        endpoint_view(
            await as_owner(services, caller, request, lambda conn: endpoints.find(conn, endpoint_id))
        )
    )


@patch(
    "/v1/webhook-endpoints/{endpoint_id:uuid}",
    opt={
        KEY: Documentation(
            name="changeWebhookEndpoint",
            topic="Webhooks",
            summary="Change, disable or enable an endpoint",
            access=Permission.WEBHOOKS_WRITE,
            body=_CHANGES,
            headers=(OWNER,),
            answers={200: Answer("The endpoint", EndpointView, EXAMPLE_ENDPOINT)},
            refusals=(*OWNER_REFUSALS, "webhook_endpoint_not_found", "webhook_url_refused"),
        )
    },
)
async def change_endpoint(
    request: AnyRequest, endpoint_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Change an endpoint."""
    body = await _CHANGES.read(request)
    changes = Changes(
        url=or_none(body.url),
        topics=or_none(body.topics),
        description=or_none(body.description),
        enabled=None if body.state is UNSET else body.state == "enabled",
    )
    if changes.url is not None:
        check_url(changes.url, services.webhook_targets)
    changed = await as_owner(
        services, caller, request, lambda conn: endpoints.change(conn, endpoint_id, changes)
    )
    return json_reply(endpoint_view(changed))


@delete(
    "/v1/webhook-endpoints/{endpoint_id:uuid}",
    status_code=204,
    opt={
        KEY: Documentation(
            name="deleteWebhookEndpoint",
            topic="Webhooks",
            summary="Delete an endpoint, with what is waiting for it",
            access=Permission.WEBHOOKS_WRITE,
            headers=(OWNER,),
            answers={204: Answer("Deleted")},
            refusals=(*OWNER_REFUSALS, "webhook_endpoint_not_found"),
        )
    },
)
async def delete_endpoint(
    request: AnyRequest, endpoint_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> None:
    """Delete an endpoint."""
    await as_owner(services, caller, request, lambda conn: endpoints.delete(conn, endpoint_id))


@post(
    "/v1/webhook-endpoints/{endpoint_id:uuid}/rotate-secret",
    opt={
        KEY: Documentation(
            name="rotateWebhookSecret",
            topic="Webhooks",
            summary="Replace the secret; for an overlap messages carry both signatures",
            access=Permission.WEBHOOKS_WRITE,
            body=_ROTATION,
            headers=(OWNER,),
            answers={201: Answer("The new secret", RegisteredEndpoint, _EXAMPLE_SECRET, _TO_ENDPOINT)},
            refusals=(*OWNER_REFUSALS, "webhook_endpoint_not_found", "webhook_secrets_too_many"),
        )
    },
)
async def rotate_secret(
    request: AnyRequest, endpoint_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Make a new secret."""
    overlap_s = (await _ROTATION.read(request)).overlap_s
    now_ns = services.clock.now_ns()

    def rotate(conn: Connection) -> str:
        return endpoints.rotate_secret(conn, services.webhook_sealer, endpoint_id, overlap_s, now_ns)

    secret = await as_owner(services, caller, request, rotate)
    return json_reply(RegisteredEndpoint(id=endpoint_id, secret=secret), 201)


HANDLERS = (
    register_endpoint,
    list_endpoints,
    read_endpoint,
    change_endpoint,
    delete_endpoint,
    rotate_secret,
)
