"""What protects every page: the headers, and where a form may come from.

Sources: W3C Content Security Policy Level 3, W3C Fetch Metadata, OWASP Cross-Site Request Forgery Prevention.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(self), geolocation=(), microphone=(), payment=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
"""Of every answer; nothing is inline and nothing comes from elsewhere."""

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def is_from_here(headers: Mapping[str, str]) -> bool:
    """Tell whether a browser says that a form was sent by a page of this site.

    Args:
        headers: Of the request. Every browser sends ``Origin`` with a form; who sends none is refused.
    """
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == headers.get("host")


def is_encrypted(headers: Mapping[str, str]) -> bool:
    """Tell whether the browser came through https, from what it says of a form that passed ``is_from_here``."""
    return headers.get("origin", "").startswith("https://")


def is_private(headers: Mapping[str, str]) -> bool:
    """Tell whether nobody in between can read what is sent: it came through https, or stays on this machine."""
    return is_encrypted(headers) or urlsplit(f"//{headers.get('host', '')}").hostname in _LOOPBACK
