"""From a request to a service's operation: read the facts, decide, have the book carry it out.

The facts may be out of date by the time the book sees the operation; the operation says which state it expects, and
the book refuses it where that is not so. Then the facts are read again and it is decided anew. So nobody holds a lock
between reading and writing, and of 64 requests at once each gets an answer that was true at one moment.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

import msgspec

from karez.channels.api.asking import Asked, earlier_replies, has_lost_race, read_key
from karez.channels.api.context import Services
from karez.channels.api.injected import AnyRequest
from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation
from karez.services.asking import Asking
from karez.services.payments.house import House
from karez.services.payments.refusals import explain

Facts = TypeVar("Facts")

_TRIES_MAX = 64


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
        if not has_lost_race(operation, outcome) or turn == _TRIES_MAX - 1:
            raise explain(operation, outcome)
    raise AssertionError("the last turn has returned or raised")


async def no_facts() -> None:
    """Read nothing, for what is decided by the request alone."""


def content_of(request_body: object) -> bytes:
    """Return a decoded body in one form, so that spaces and the order of fields make no other request."""
    return msgspec.json.encode(request_body)


def key_of(request: AnyRequest) -> UUID | None:
    """Return the ``Idempotency-Key`` of a request that is the same operation for ever if it is repeated as it is.

    Rejections: ``header_invalid``.
    """
    return read_key(request.headers.get("idempotency-key"))


def needed_key(request: AnyRequest) -> UUID:
    """Return the ``Idempotency-Key`` of a request that may be meant twice, such as freezing something again.

    Rejections: ``idempotency_key_missing``, ``header_invalid``.
    """
    key = key_of(request)
    if key is None:
        raise Rejected(
            "idempotency_key_missing",
            "This may be meant once or twice; send a new UUID in the header Idempotency-Key, and the same one again "
            "only to repeat a request.",
        )
    return key
