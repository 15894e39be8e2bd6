"""From an event to the message that is sent: its body, and whom it concerns."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import msgspec

from karez.core.clock import to_datetime
from karez.storage.outbox import OutboxEvent

_PARTIES = "parties"

_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_parties = msgspec.json.Decoder(list[UUID]).decode

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent.

    Attributes:
        id: The event's; receivers drop repetitions by it.
        topic: What happened.
        institution: Whose it is; 0 is the platform's.
        parties: The persons and shops whom it concerns.
        body: JSON; these bytes are signed.
    """

    id: UUID
    topic: str
    institution: int
    parties: tuple[UUID, ...]
    body: str


def message_of(event: OutboxEvent) -> Message:
    """Return the message that tells of an event; receivers do not learn whom else it concerns.

    Args:
        event: Its payload is a JSON object that may name ``parties``.
    """
    parties: list[UUID] = []
    data: Mapping[str, msgspec.Raw] | msgspec.Raw = event.payload
    try:
        fields = _decode_object(event.payload)
        named = fields.pop(_PARTIES, None)
        data = fields
        parties = [] if named is None else _decode_parties(named)
    except msgspec.MsgspecError:
        _logger.error("The event %s of the topic %s has no sound list of parties", event.id, event.topic)
    body = body_of(event.topic, event.created_ns, data)
    return Message(event.id, event.topic, event.institution, tuple(parties), body)


def body_of(topic: str, moment_ns: int, data: Mapping[str, msgspec.Raw] | msgspec.Raw) -> str:
    """Return a body in the form that Standard Webhooks recommends.

    Args:
        topic: What happened.
        moment_ns: When.
        data: What is told of it; numbers stay as they are written.
    """
    timestamp = to_datetime(moment_ns).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return msgspec.json.encode({"type": topic, "timestamp": timestamp, "data": data}).decode()
