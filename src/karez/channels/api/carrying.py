"""From a request to a service's operation: read the facts, decide, have the book carry it out.

The facts may be out of date by the time the book sees the operation; the operation says which state it expects, and
the book refuses it where that is not so. Then the facts are read again and it is decided anew. So nobody holds a lock
between reading and writing, and of 64 requests at once each gets an answer that was true at one moment.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import psycopg

from karez.channels.api.caller import Caller
from karez.channels.api.context import Services
from karez.channels.api.injected import AnyRequest
from karez.core.ids import NIL, derived_id
from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation
from karez.services.asking import Asking
from karez.services.payments.house import House
from karez.services.payments.refusals import explain

Facts = TypeVar("Facts")

LOST_RACES = frozenset({"row_state_changed", "row_exists", "account_exists", "row_locked"})

_TRIES_MAX = 64
_EARLIER = "SELECT id, fingerprint, reply FROM operation WHERE id = ANY(%s)"


@dataclass(frozen=True, slots=True)
class Asked:
    """What identifies a request.

    Attributes:
        id: Of its operation.
        actor: Who asks.
        fingerprint: Digest of the request.
    """

    id: UUID
    actor: str
    fingerprint: bytes


def asked(caller: Caller, party: UUID | None, kind: str, content: bytes, key: str | None) -> Asked:
    """Return what identifies a request.

    Args:
        caller: Who sends it.
        party: For whom.
        kind: What it asks for, with the thing that it is about.
        content: The rest of it.
        key: The ``Idempotency-Key``. Without one, the same request is the same operation for ever.

    Rejections: ``header_invalid``.
    """
    owner = caller.owner
    who = f"{owner.institution}/{owner.party}/{party}"
    fingerprint = sha256(f"{who}/{kind}/".encode() + content).digest()
    source = NIL if key is None else _key(key)
    return Asked(
        derived_id(source, who, kind if key is None else "", fingerprint.hex() if key is None else ""),
        caller.actor if party is None else f"{caller.actor} for {party}",
        fingerprint,
    )


def _key(text: str) -> UUID:
    try:
        return UUID(text.strip('"'))
    except ValueError:
        raise Rejected(
            "header_invalid",
            f"The Idempotency-Key {text[:40]!r} is not a UUID; make a new UUID for each new request.",
            header="Idempotency-Key",
        ) from None


async def carry(
    services: Services,
    ask: Asked,
    read: Callable[[], Awaitable[Facts]],
    decide: Callable[[Asking, House, Facts], Operation],
) -> bytes:
    """Carry a request out once and return its reply, the same bytes on every repetition.

    Args:
        services: Where the bookkeeper and the payment house are.
        ask: What identifies the request.
        read: Reads the facts, with the rights of whoever asks.
        decide: The service's rule.

    Rejections: those of ``read`` and ``decide``, and the book's in the words of ``explain``.
    """
    house = await services.house_keeper.house()
    is_house_fresh = False
    for turn in range(_TRIES_MAX):
        facts = await read()
        asking = Asking(ask.id, ask.actor, ask.fingerprint, services.clock.now_ns())
        try:
            operation = decide(asking, house, facts)
        except Rejected as rejection:
            if rejection.code == "currency_not_open" and not is_house_fresh:
                house, is_house_fresh = await services.house_keeper.read_again(), True
                continue
            earlier = await services.database.as_operator(lambda conn: earlier_replies(conn, [ask]))
            if ask.id not in earlier:
                raise
            return earlier[ask.id]
        outcome = await services.book.submit(operation)
        if outcome.accepted:
            return bytes(outcome.reply)
        if outcome.code not in LOST_RACES or turn == _TRIES_MAX - 1:
            raise explain(operation, outcome)
    raise AssertionError("the last turn has returned or raised")


def earlier_replies(conn: psycopg.Connection[Any], asked: Sequence[Asked]) -> dict[UUID, bytes]:
    """Return the replies of those requests that were carried out before, by the ids of their operations.

    Args:
        conn: With rights to all operations.
        asked: Requests that their rules refuse now, perhaps because they were carried out.
    """
    fingerprints = {each.id: each.fingerprint for each in asked}
    return {
        id_: reply.encode()
        for id_, fingerprint, reply in conn.execute(_EARLIER, (list(fingerprints),))
        if bytes(fingerprint) == fingerprints[id_]
    }


def content_of(request_body: object) -> bytes:
    """Return a decoded body in one form, so that spaces and the order of fields make no other request."""
    return msgspec.json.encode(request_body)


def key_of(request: AnyRequest) -> str | None:
    """Return the ``Idempotency-Key`` of a request that is the same operation for ever if it is repeated as it is."""
    return request.headers.get("idempotency-key")


def needed_key(request: AnyRequest) -> str:
    """Return the ``Idempotency-Key`` of a request that may be meant twice, such as freezing something again.

    Rejections: ``idempotency_key_missing``.
    """
    key: str | None = request.headers.get("idempotency-key")
    if key is None:
        raise Rejected(
            "idempotency_key_missing",
            "This may be meant once or twice; send a new UUID in the header Idempotency-Key, and the same one again "
            "only to repeat a request.",
        )
    return key
