"""Secrets and signatures of Standard Webhooks 1.0.0, symmetric scheme ``v1``.

What is signed is ``{id}.{timestamp}.{body}``, so neither the body, nor the moment, nor the id can be exchanged.
While a secret is being replaced there are several signatures, and one that fits is enough for the receiver.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from uuid import UUID

_PREFIX = "whsec_"
_SECRET_SIZE_BYTES = 32


def new_secret() -> str:
    """Make a secret: ``whsec_`` and 32 random bytes in base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_SIZE_BYTES)).decode("ascii")


def sign(secret: str, message: str, timestamp_s: int, body: bytes) -> str:
    """Return the signature of a message: ``v1,`` and the HMAC-SHA256 in base64.

    Args:
        secret: What ``new_secret`` made.
        message: The message's id.
        timestamp_s: When it is sent, in seconds since 1970-01-01 UTC.
        body: What is sent.
    """
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    digest = hmac.digest(key, f"{message}.{timestamp_s}.".encode("ascii") + body, hashlib.sha256)
    return "v1," + base64.b64encode(digest).decode("ascii")


def signed_headers(
    valid_secrets: Sequence[str], message: UUID, timestamp_s: int, body: bytes
) -> dict[str, str]:
    """Return the headers by which a receiver knows a message.

    Args:
        valid_secrets: All secrets that are valid now.
        message: The message's id, the same at every attempt.
        timestamp_s: When this attempt is made, in seconds since 1970-01-01 UTC.
        body: What is sent.
    """
    return {
        "webhook-id": str(message),
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(sign(each, str(message), timestamp_s, body) for each in valid_secrets),
    }
