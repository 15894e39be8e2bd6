"""What answers show of webhook endpoints and of the messages that were sent to them."""

from uuid import UUID

import msgspec

from karez.channels.api.fields import EXAMPLE_IDS, EXAMPLE_MOMENT, InstitutionNumber, Moment, PartyId
from karez.channels.api.moments import format_moment
from karez.channels.webhooks.endpoints import Endpoint
from karez.channels.webhooks.log import Attempt, Delivery


class EndpointView(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint. Without institution and party it is the operator's, and is told everything.

    Attributes:
        disabled_because: `owner`: by hand; `gone`: it answered 410; `failing`: it failed for three days.
        failing_since: Since when nothing came from it but failures; null if its last answer was a success.
    """

    id: UUID
    institution: InstitutionNumber | None
    party: PartyId | None
    url: str
    topics: list[str]
    description: str
    state: str
    disabled_because: str | None
    failing_since: Moment | None
    created: Moment


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """A message for an endpoint.

    Attributes:
        id: As in the header `webhook-id`.
        topic: What happened.
        state: `waiting`, `delivered`, or `failed` for good.
        attempts: How many there were.
        next_attempt: When the next one is due, if it waits.
        queued: When it was queued.
    """

    id: UUID
    topic: str
    state: str
    attempts: int
    next_attempt: Moment | None
    queued: Moment


class AttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to deliver a message.

    Attributes:
        number: From 1.
        status: HTTP status; null if there was no answer.
        error: Why there was none: `timed_out`, `name_unknown`, `target_refused`, `not_connected`, `tls_failed` or
            `connection_broken`.
        answer: The first 1,024 bytes of the answer, or more about the error.
        next_attempt: When the next attempt was due then, if one was.
    """

    number: int
    started: Moment
    duration_ms: int
    status: int | None
    error: str | None
    answer: str
    next_attempt: Moment | None


class DeliveryDetail(DeliveryView, frozen=True, kw_only=True):
    """A message for an endpoint, with all attempts.

    Attributes:
        body: What is sent, to the byte.
        log: The attempts, the first one first.
    """

    body: str
    log: list[AttemptView]


EXAMPLE_NEW_ENDPOINT = {
    "id": EXAMPLE_IDS[7],
    "url": "https://shop.example/karez",
    "topics": ["trade.*"],
    "description": "till",
}
EXAMPLE_ENDPOINT = {
    **EXAMPLE_NEW_ENDPOINT,
    "institution": None,
    "party": EXAMPLE_IDS[6],
    "state": "enabled",
    "disabled_because": None,
    "failing_since": None,
    "created": EXAMPLE_MOMENT,
}
EXAMPLE_DELIVERY = {
    "id": EXAMPLE_IDS[9],
    "topic": "trade.paid",
    "state": "delivered",
    "attempts": 1,
    "next_attempt": None,
    "queued": EXAMPLE_MOMENT,
}
_ATTEMPT = {
    "number": 1,
    "started": EXAMPLE_MOMENT,
    "duration_ms": 41,
    "status": 200,
    "error": None,
    "answer": "ok",
    "next_attempt": None,
}
EXAMPLE_DETAIL = {
    **EXAMPLE_DELIVERY,
    "body": '{"type":"trade.paid","timestamp":"2026-09-21T14:13:20.123456Z","data":{}}',
    "log": [_ATTEMPT],
}
EXAMPLE_QUEUED = {**EXAMPLE_DELIVERY, "state": "waiting", "attempts": 0, "next_attempt": EXAMPLE_MOMENT}


def endpoint_view(endpoint: Endpoint) -> EndpointView:
    """Show an endpoint."""
    since_ns = endpoint.failing_since_ns
    return EndpointView(
        id=endpoint.id,
        institution=endpoint.institution,
        party=endpoint.party,
        url=endpoint.url,
        topics=endpoint.topics,
        description=endpoint.description,
        state=endpoint.state,
        disabled_because=endpoint.disabled_because,
        failing_since=None if since_ns is None else format_moment(since_ns),
        created=format_moment(endpoint.created_ns),
    )


def delivery_view(delivery: Delivery) -> DeliveryView:
    """Show a delivery."""
    return DeliveryView(
        id=delivery.message,
        topic=delivery.topic,
        state=delivery.state,
        attempts=delivery.attempts,
        next_attempt=_moment(delivery.due_ns),
        queued=format_moment(delivery.created_ns),
    )


def attempt_view(attempt: Attempt) -> AttemptView:
    """Show an attempt."""
    return AttemptView(
        number=attempt.number,
        started=format_moment(attempt.at_ns),
        duration_ms=attempt.duration_ms,
        status=attempt.status,
        error=attempt.error,
        answer=attempt.answer,
        next_attempt=_moment(attempt.next_ns),
    )


def _moment(moment_ns: int | None) -> str | None:
    return None if moment_ns is None else format_moment(moment_ns)
