"""Refusals as RFC 9457 problem details, the same from every route.

HTTP/1.1 422
Content-Type: application/problem+json

{"type":"/problems/exceeds_credits","title":"Exceeds credits","status":422,
 "detail":"The debit account has not enough left; ...","code":"exceeds_credits","facts":{}}
"""

import math
from typing import Any

import msgspec
from litestar.exceptions import HTTPException

from karez.channels.api.problem_kind import ProblemKind
from karez.channels.api.problem_kinds import (
    PROBLEM_KINDS,
    REJECTED_STATUS,
    UNAVAILABLE_STATUS,
)
from karez.channels.api.replies import Header, Reply
from karez.core.outcomes import Rejected, Unavailable
from karez.ledger.model import Status
from karez.ledger.sentences import SENTENCES

MEDIA_TYPE = b"application/problem+json"


class ProblemDetails(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was refused (RFC 9457).

    Attributes:
        type: Address of the reason's explanation.
        title: The reason in a few words.
        status: HTTP status.
        detail: What happened, to which item, and what to do next.
        code: Stable name of the reason, safe to branch on.
        facts: Further values, such as the field or the limit.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    facts: dict[str, Any] = {}


class Unauthenticated(Exception):
    """A caller who does not prove who it is.

    Args:
        reason: Why not.
    """

    def __init__(self, reason: Rejected) -> None:
        super().__init__(reason)
        self.reason = reason


def title_of(code: str) -> str:
    """Return a code in words: ``exceeds_credits`` is ``Exceeds credits``."""
    return code.replace("_", " ").capitalize()


def problem(
    code: str, status: int, sentence: str, facts: dict[str, object] | None = None, *headers: Header
) -> Reply:
    """Put a refusal together.

    Args:
        code: Its stable name.
        status: HTTP status.
        sentence: What happened and what to do next.
        facts: Further values.
        headers: What it adds to the common headers.
    """
    details = ProblemDetails(
        type=f"/problems/{code}",
        title=title_of(code),
        status=status,
        detail=sentence,
        code=code,
        facts=facts or {},
    )
    return Reply(status, msgspec.json.encode(details, enc_hook=str), headers, MEDIA_TYPE)


def problem_of(error: Exception) -> Reply:
    """Turn what was raised while a request was served into the answer to it.

    Args:
        error: A rejection, an outage, an HTTP exception of the framework, or a defect.
    """
    if isinstance(error, Rejected):
        return _rejection(error)
    if isinstance(error, Unauthenticated):
        challenge = b'Bearer realm="karez"'
        if error.reason.code != "credential_missing":
            challenge += b', error="invalid_token"'
        return problem(error.reason.code, 401, error.reason.sentence, None, (b"www-authenticate", challenge))
    if isinstance(error, Unavailable):
        return _outage(error)
    if isinstance(error, HTTPException):
        return _framework_refusal(error)
    return problem(
        "internal_error",
        500,
        "Karez made a mistake and has logged it; repeat the request with the same id, and report the request id "
        "if it happens again.",
    )


def transfer_refusal(status: Status) -> Reply:
    """Return the answer to a transfer that the book refuses, made once for each status."""
    return _TRANSFER_REFUSALS[status]


def _rejection(error: Rejected) -> Reply:
    kind = PROBLEM_KINDS.get(error.code)
    status = kind.status if kind else REJECTED_STATUS
    headers: tuple[Header, ...] = ()
    if error.code == "permission_missing":
        scope = str(error.facts.get("needed", "")).encode()
        headers = (
            (b"www-authenticate", b'Bearer realm="karez", error="insufficient_scope", scope="%s"' % scope),
        )
    retry_after_s = error.facts.get("retry_after_s")
    if isinstance(retry_after_s, float | int):
        headers = (*headers, _retry_after(retry_after_s))
    return problem(error.code, status, error.sentence, error.facts, *headers)


def _outage(error: Unavailable) -> Reply:
    """The outage's own sentence is for the operator, whose log has it: it may name servers and files."""
    status, meaning = PROBLEM_KINDS.get(error.code, _OTHER_OUTAGE)
    headers = (_retry_after(error.retry_after_s),) if error.retry_after_s is not None else ()
    return problem(error.code, status, meaning, None, *headers)


def _retry_after(seconds: float) -> Header:
    return b"retry-after", b"%d" % max(1, math.ceil(seconds))


_OTHER_OUTAGE = ProblemKind(
    UNAVAILABLE_STATUS,
    "A part that Karez stands on cannot do its work just now; repeat the request as it is, later.",
)
_FRAMEWORK_REFUSALS = {
    404: ("not_found", "There is nothing at this address; see /openapi.json for those that exist."),
    405: (
        "method_not_allowed",
        "This address does not take this method; see /openapi.json for those it takes.",
    ),
    413: ("body_too_large", "The body is larger than this address takes; send it in several parts."),
}
_REQUEST_MALFORMED = ("request_malformed", "The request cannot be read; compare it with /openapi.json.")


def _framework_refusal(error: HTTPException) -> Reply:
    code, sentence = _FRAMEWORK_REFUSALS.get(error.status_code, _REQUEST_MALFORMED)
    allowed = (error.headers or {}).get("allow") or (error.headers or {}).get("Allow")
    headers = ((b"allow", allowed.encode()),) if allowed else ()
    return problem(code, PROBLEM_KINDS[code].status, sentence, None, *headers)


_TRANSFER_REFUSALS: dict[Status, Reply] = {
    status: problem(status.code, PROBLEM_KINDS[status.code].status, sentence)
    for status, sentence in SENTENCES.items()
    if status is not Status.EXISTS
}
