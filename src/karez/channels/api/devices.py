"""The device on which, and the card with which, somebody pays: by what payments are counted."""

import re
from collections.abc import Sequence

from karez.channels.api.context import Services
from karez.channels.api.documentation import Header
from karez.channels.api.injected import AnyRequest
from karez.core.outcomes import Rejected
from karez.services.payments.fraud.attempts import Fingerprints, Subject, fingerprints
from karez.services.payments.sources.door import Wanted

DEVICE_ID = Header(
    "Device-Id",
    "What whoever asks calls the payer's device: 1 to 200 printable ASCII characters that stay the same for it."
    " Payments are counted by it; only a keyed digest of it is kept.",
    {"type": "string", "minLength": 1, "maxLength": 200, "examples": ["b7d1c0de-phone"]},
)

DEVICE_PATTERN = "^[!-~]{1,200}$"


def device_of(services: Services, request: AnyRequest) -> Fingerprints:
    """Return by what the device of a request is known; nothing if it names none.

    Rejections: ``header_invalid``.
    """
    return read_device(services, request.headers.get("device-id"))


def read_device(services: Services, text: str | None) -> Fingerprints:
    """Return by what a device is known.

    Args:
        services: Where the key of fingerprints is.
        text: As it was sent.

    Rejections: ``header_invalid``.
    """
    if text is None:
        return ()
    if re.fullmatch(DEVICE_PATTERN, text) is None:
        raise Rejected(
            "header_invalid",
            "The header Device-Id has 1 to 200 printable ASCII characters without spaces; correct or omit it.",
            header="Device-Id",
        )
    return fingerprints(services.fraud_sealer, Subject.DEVICE, text)


def card_of(services: Services, wanted: Sequence[Wanted]) -> Fingerprints:
    """Return by what the card among a payment's sources is known; nothing if there is none.

    Args:
        services: Where the key of fingerprints is.
        wanted: The payer's list; one card at most.
    """
    for each in wanted:
        if each.kind == "card":
            return fingerprints(services.fraud_sealer, Subject.CARD, each.reference)
    return ()
