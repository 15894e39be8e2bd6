"""Requests that the book carries out as operations: their ids, their fingerprints, their answers.

The ``Idempotency-Key`` of a request is the id of its operation. Sent again, the same request gets the same
answer; another request under the same key is refused.

Source of the header: IETF draft-ietf-httpapi-idempotency-key-header-07.
"""

from hashlib import sha256
from uuid import UUID

import msgspec
from litestar import Response

from karez.channels.api.asking import read_key
from karez.channels.api.caller import Caller
from karez.channels.api.context import Services
from karez.channels.api.documentation import Header
from karez.channels.api.fields import EXAMPLE_IDS
from karez.channels.api.injected import AnyRequest
from karez.channels.api.replies import Header as HeaderBytes
from karez.channels.api.replies import Reply, encode, to_response
from karez.core.outcomes import Rejected
from karez.ledger.model import NewAccount
from karez.ledger.operations import Operation, RowInsert

IDEMPOTENCY_KEY = Header(
    "Idempotency-Key",
    "A UUID of your own that becomes the operation's id: the same key and body get the same answer, however often"
    " they are sent. Left out, it is derived from what the request makes.",
    {"type": "string", "format": "uuid", "examples": [EXAMPLE_IDS[9]]},
)

NEEDED_KEY = Header(
    "Idempotency-Key",
    "A new UUID for each new request; the same key and body get the same answer, however often they are sent.",
    {"type": "string", "format": "uuid", "examples": [EXAMPLE_IDS[9]]},
    required=True,
)

OPERATION_REFUSALS = (
    "header_invalid",
    "id_used_for_another_request",
    "bookkeeper_busy",
    "bookkeeper_unreachable",
    "outcome_unknown",
)


def operation_id(key: str | None, made: UUID | int, fingerprint: bytes) -> UUID:
    """Return the id under which a request is carried out once.

    Args:
        key: The ``Idempotency-Key``, if there is one.
        made: Id of the first thing that the request makes. Its upper 48 bits stay, so that the ids of
            operations rise with time where those of the things do.
        fingerprint: The request's.

    Rejections: ``header_invalid``.
    """
    given = read_key(key)
    if given is None:
        number = made.int if isinstance(made, UUID) else made
        return UUID(bytes=number.to_bytes(16, "big")[:6] + fingerprint[:10])
    return given


async def carry_out(
    services: Services,
    caller: Caller,
    request: AnyRequest,
    kind: str,
    made: UUID | int,
    reply: object,
    *headers: HeaderBytes,
    accounts: tuple[NewAccount, ...] = (),
    rows: tuple[RowInsert, ...] = (),
) -> Response[bytes]:
    """Have the bookkeeper carry an operation out and answer 201, now and on every repetition.

    Args:
        services: Where the bookkeeper is.
        caller: Who asks.
        request: With or without an ``Idempotency-Key``.
        kind: What it is, such as ``account.open``.
        made: Id of the first thing that it makes.
        reply: What it makes, which is also what tells it from another request under the same id.
        headers: What the answer adds to the common headers.
        accounts: Accounts to open.
        rows: Rows to write.

    Rejections: those of the bookkeeper; ``header_invalid``, ``institution_needed``.
    """
    body = encode(reply)
    fingerprint = sha256(b"%d:%s:%s" % (caller.institution, kind.encode(), body)).digest()
    outcome = await services.book.submit(
        Operation(
            id=operation_id(request.headers.get("idempotency-key"), made, fingerprint),
            kind=kind,
            actor=caller.actor,
            fingerprint=fingerprint,
            reply=msgspec.Raw(body),
            institution=caller.institution,
            accounts=accounts,
            rows=rows,
        )
    )
    if not outcome.accepted:
        facts = {} if outcome.item is None else {"item": outcome.item}
        raise Rejected(outcome.code, outcome.sentence, **facts)
    return to_response(Reply(201, bytes(outcome.reply), headers))
