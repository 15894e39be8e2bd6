"""What was sent to a webhook endpoint, what it answered, and sending it again."""

from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import UNSET, UnsetType

from karez.channels.api.bodies import Body, Query, or_none
from karez.channels.api.caller_database import Connection
from karez.channels.api.documentation import KEY, Answer, Documentation, Link
from karez.channels.api.fields import Moment, PageSize
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import parse_moment
from karez.channels.api.replies import json_reply
from karez.channels.api.views import Cursor
from karez.channels.api.webhook_owner import OWNER, OWNER_REFUSALS, as_owner
from karez.channels.api.webhook_views import (
    EXAMPLE_DELIVERY,
    EXAMPLE_DETAIL,
    EXAMPLE_QUEUED,
    DeliveryDetail,
    DeliveryView,
    attempt_view,
    delivery_view,
)
from karez.channels.webhooks import log
from karez.channels.webhooks.schedule import State
from karez.parties.roles import Permission


class DeliveriesPage(msgspec.Struct, frozen=True, kw_only=True):
    """Messages, the latest first."""

    items: list[DeliveryView]
    next_cursor: Cursor | None


class DeliveriesQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which messages."""

    state: State | UnsetType = UNSET
    cursor: UUID | UnsetType = UNSET
    limit: PageSize = 100


class Recovery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to send again.

    Attributes:
        since: Messages that were queued from this moment on.
    """

    since: Moment


class RecoveryReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages are sent again."""

    count: int


_RECOVERY: Body[Recovery] = Body(Recovery, {"since": "2026-09-21T00:00:00Z"})
_DELIVERIES_QUERY = Query(DeliveriesQuery)
_REFUSALS = (*OWNER_REFUSALS, "webhook_endpoint_not_found")
_TO_DELIVERY = (
    Link(
        "delivery",
        "readWebhookDelivery",
        {"endpoint_id": "$request.path.endpoint_id", "message_id": "$response.body#/id"},
    ),
)


@get(
    "/v1/webhook-endpoints/{endpoint_id:uuid}/deliveries",
    opt={
        KEY: Documentation(
            name="listWebhookDeliveries",
            topic="Webhooks",
            summary="List the messages of an endpoint, the latest first",
            description="Messages that were delivered or given up are kept for 30 days.",
            access=Permission.WEBHOOKS_READ,
            query=_DELIVERIES_QUERY,
            headers=(OWNER,),
            answers={
                200: Answer("A page", DeliveriesPage, {"items": [EXAMPLE_DELIVERY], "next_cursor": None})
            },
            refusals=_REFUSALS,
        )
    },
)
async def list_deliveries(
    request: AnyRequest, endpoint_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return a page of deliveries."""
    query = _DELIVERIES_QUERY.read(request)
    state: State | None = or_none(query.state)
    cursor = or_none(query.cursor)
    found = await as_owner(
        services,
        caller,
        request,
        lambda conn: log.deliveries_page(conn, endpoint_id, state, cursor, query.limit + 1),
    )
    items = [delivery_view(each) for each in found[: query.limit]]
    next_cursor = str(items[-1].id) if len(found) > query.limit else None
    return json_reply(DeliveriesPage(items=items, next_cursor=next_cursor))


@get(
    "/v1/webhook-endpoints/{endpoint_id:uuid}/deliveries/{message_id:uuid}",
    opt={
        KEY: Documentation(
            name="readWebhookDelivery",
            topic="Webhooks",
            summary="Read a message and all attempts to deliver it",
            access=Permission.WEBHOOKS_READ,
            headers=(OWNER,),
            answers={200: Answer("The message", DeliveryDetail, EXAMPLE_DETAIL)},
            refusals=(*_REFUSALS, "webhook_delivery_not_found"),
        )
    },
)
async def read_delivery(
    request: AnyRequest,
    endpoint_id: FromPath[UUID],
    message_id: FromPath[UUID],
    caller: TheCaller,
    services: TheServices,
) -> Response[bytes]:
    """Return a delivery with its log."""

    def read(conn: Connection) -> DeliveryDetail:
        found = log.find_delivery(conn, endpoint_id, message_id)
        return DeliveryDetail(
            **msgspec.structs.asdict(delivery_view(found)),
            body=log.body_sent(conn, endpoint_id, message_id),
            log=[attempt_view(each) for each in log.attempts_at(conn, endpoint_id, message_id)],
        )

    return json_reply(await as_owner(services, caller, request, read))


@post(
    "/v1/webhook-endpoints/{endpoint_id:uuid}/deliveries/{message_id:uuid}/resend",
    status_code=202,
    opt={
        KEY: Documentation(
            name="resendWebhook",
            topic="Webhooks",
            summary="Send a message again, with the same id and the same bytes",
            access=Permission.WEBHOOKS_WRITE,
            headers=(OWNER,),
            answers={202: Answer("It is sent at once", DeliveryView, EXAMPLE_QUEUED)},
            refusals=(*_REFUSALS, "webhook_delivery_not_found", "webhook_endpoint_disabled"),
        )
    },
)
async def resend_webhook(
    request: AnyRequest,
    endpoint_id: FromPath[UUID],
    message_id: FromPath[UUID],
    caller: TheCaller,
    services: TheServices,
) -> Response[bytes]:
    """Have a message sent again."""
    now_ns = services.clock.now_ns()
    delivery = await as_owner(
        services, caller, request, lambda conn: log.resend(conn, endpoint_id, message_id, now_ns)
    )
    return json_reply(delivery_view(delivery), 202)


@post(
    "/v1/webhook-endpoints/{endpoint_id:uuid}/recover",
    status_code=202,
    opt={
        KEY: Documentation(
            name="recoverWebhooks",
            topic="Webhooks",
            summary="Send everything again that failed since a moment",
            access=Permission.WEBHOOKS_WRITE,
            body=_RECOVERY,
            headers=(OWNER,),
            answers={202: Answer("They are sent at once", RecoveryReceipt, {"count": 17})},
            refusals=(*_REFUSALS, "webhook_endpoint_disabled", "moment_malformed"),
        )
    },
)
async def recover_webhooks(
    request: AnyRequest, endpoint_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Have everything sent again that failed."""
    since_ns = parse_moment((await _RECOVERY.read(request)).since)
    now_ns = services.clock.now_ns()
    count = await as_owner(
        services, caller, request, lambda conn: log.recover(conn, endpoint_id, since_ns, now_ns)
    )
    return json_reply(RecoveryReceipt(count=count), 202)


@post(
    "/v1/webhook-endpoints/{endpoint_id:uuid}/test",
    status_code=202,
    opt={
        KEY: Documentation(
            name="sendTestWebhook",
            topic="Webhooks",
            summary="Send a message of the topic `webhook.test`, whatever the endpoint's topics are",
            access=Permission.WEBHOOKS_WRITE,
            headers=(OWNER,),
            answers={202: Answer("It is sent at once", DeliveryView, EXAMPLE_QUEUED, _TO_DELIVERY)},
            refusals=(*_REFUSALS, "webhook_endpoint_disabled"),
        )
    },
)
async def send_test_webhook(
    request: AnyRequest, endpoint_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Have a test message sent."""
    now_ns = services.clock.now_ns()
    delivery = await as_owner(
        services, caller, request, lambda conn: log.send_test(conn, endpoint_id, now_ns)
    )
    return json_reply(delivery_view(delivery), 202)


HANDLERS = (
    list_deliveries,
    read_delivery,
    resend_webhook,
    recover_webhooks,
    send_test_webhook,
)
