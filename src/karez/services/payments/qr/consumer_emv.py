"""Codes of other schemes that a payer shows, as EMVCo defines them: recognised, so that a refusal can name them.

Such a code is BASE64 of BER data objects, of which the first is the object 85 with the value ``CPV01``.

Source: EMV QR Code Specification for Payment Systems, Consumer-Presented Mode 1.1 (2020).
"""

import base64
import binascii

_BEGINNING = bytes.fromhex("8505") + b"CPV01"
_LENGTH_MAX = 1_024


def is_consumer_presented(text: str) -> bool:
    """Tell whether a text is such a code."""
    if len(text) > _LENGTH_MAX:
        return False
    try:
        return base64.b64decode(text, validate=True).startswith(_BEGINNING)
    except (binascii.Error, ValueError):
        return False
