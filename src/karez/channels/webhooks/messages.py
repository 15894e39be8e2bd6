"""From an event to the message that is sent: its body, and whom it concerns."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import msgspec

from karez.core.clock import to_datetime
from karez.storage.outbox import OutboxEvent

_PARTIES, _INSTITUTIONS = "parties", "institutions"

_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_parties = msgspec.json.Decoder(list[UUID]).decode
_decode_institutions = msgspec.json.Decoder(list[int]).decode

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent.

    Attributes:
        id: The event's; receivers drop repetitions by it.
        topic: What happened.
        institutions: The institution whose it is, 0 if it is the platform's, and others whom it concerns.
        parties: The persons and shops whom it concerns.
        body: JSON; these bytes are signed.
    """

    id: UUID
    topic: str
    institutions: tuple[int, ...]
    parties: tuple[UUID, ...]
    body: str


def message_of(event: OutboxEvent) -> Message:
    """Return the message that tells of an event; receivers do not learn whom else it concerns.

    Args:
        event: Its payload is a JSON object that may name ``parties`` and ``institutions``.
    """
    parties: list[UUID] = []
    institutions = [event.institution]
    data: Mapping[str, msgspec.Raw] | msgspec.Raw = event.payload
    try:
        fields = _decode_object(event.payload)
        named, concerned = fields.pop(_PARTIES, None), fields.pop(_INSTITUTIONS, None)
        data = fields
        parties = [] if named is None else _decode_parties(named)
        institutions += [] if concerned is None else _decode_institutions(concerned)
    except msgspec.MsgspecError:
        _logger.error("The event %s of the topic %s has no sound list of receivers", event.id, event.topic)
    body = body_of(event.topic, event.created_ns, data)
    return Message(event.id, event.topic, tuple(institutions), tuple(parties), body)


def body_of(topic: str, moment_ns: int, data: Mapping[str, msgspec.Raw] | msgspec.Raw) -> str:
    """Return a body in the form that Standard Webhooks recommends.

    Args:
        topic: What happened.
        moment_ns: When.
        data: What is told of it; numbers stay as they are written.
    """
    timestamp = to_datetime(moment_ns).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return msgspec.json.encode({"type": topic, "timestamp": timestamp, "data": data}).decode()
