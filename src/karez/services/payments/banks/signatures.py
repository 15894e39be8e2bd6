"""How Karez and a bank know each other: HMAC-SHA256 under a secret that both hold.

The caller sends a random ``Karez-Nonce`` and in ``Karez-Signature`` the code of nonce, method, target and body. The
answer is signed over the request's signature, its own status and body: so an old answer, or a proxy's error page, can
never pass for the bank's. A request needs no expiry, because whatever is repeated here has one effect.

The browser that comes back from a bank's page brings ``instruction``, ``state`` and ``signature`` in its address.
"""

import hmac
import secrets
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import urlencode
from uuid import UUID

NONCE = "karez-nonce"
SIGNATURE = "karez-signature"

_NONCE_SIZE_BYTES = 16
_NONCE_LENGTH_MAX = 64


def signed_request(secret: str, method: str, target: str, body: bytes) -> dict[str, str]:
    """Return the headers that sign a request.

    Args:
        secret: What both sides hold.
        method: Such as ``POST``.
        target: Path and query, as they are sent.
        body: As it is sent.
    """
    nonce = secrets.token_hex(_NONCE_SIZE_BYTES)
    return {NONCE: nonce, SIGNATURE: _request_code(secret, nonce, method, target, body)}


def is_request_signed(secret: str, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> bool:
    """Tell whether a request comes from who holds the secret.

    Args:
        secret: What both sides hold.
        method: As received.
        target: Path and query, as received.
        body: As received.
        headers: By lower-case name.
    """
    nonce = headers.get(NONCE, "")
    if not 0 < len(nonce) <= _NONCE_LENGTH_MAX:
        return False
    return _is_same(headers.get(SIGNATURE, ""), _request_code(secret, nonce, method, target, body))


def answer_signature(secret: str, request_signature: str, status: int, body: bytes) -> str:
    """Return the signature of an answer.

    Args:
        secret: What both sides hold.
        request_signature: Of the request that is answered.
        status: HTTP status.
        body: As it is sent.
    """
    return _code(secret, b"answer", request_signature.encode(), str(status).encode(), body)


def is_answer_signed(secret: str, request_signature: str, status: int, body: bytes, signature: str) -> bool:
    """Tell whether an answer is the bank's, and to this very request."""
    return _is_same(signature, answer_signature(secret, request_signature, status, body))


def return_address(secret: str, return_url: str, instruction: UUID, state: str) -> str:
    """Return where a bank's page sends the browser, with the signed result.

    Args:
        secret: What both sides hold.
        return_url: From the order.
        instruction: Its id.
        state: How it stands at the bank.
    """
    signature = _return_code(secret, str(instruction), state)
    query = urlencode({"instruction": str(instruction), "state": state, "signature": signature})
    return f"{return_url}{'&' if '?' in return_url else '?'}{query}"


def is_return_signed(secret: str, instruction: str, state: str, signature: str) -> bool:
    """Tell whether the result that a browser brings is the bank's."""
    return _is_same(signature, _return_code(secret, instruction, state))


def _request_code(secret: str, nonce: str, method: str, target: str, body: bytes) -> str:
    return _code(secret, b"request", nonce.encode(), method.encode(), target.encode(), body)


def _return_code(secret: str, instruction: str, state: str) -> str:
    return _code(secret, b"return", instruction.encode(), state.encode())


def _code(secret: str, *parts: bytes) -> str:
    # The length of each part keeps ("a", "bc") apart from ("ab", "c").
    message = b"".join(b"%d:%s" % (len(part), part) for part in parts)
    return hmac.new(secret.encode(), message, sha256).hexdigest()


def _is_same(given: str, computed: str) -> bool:
    return hmac.compare_digest(given.encode(), computed.encode())
