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
from karez.channels.api.fraud_guard import to_judge
from karez.channels.api.injected import AnyRequest
from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, Outcome
from karez.services.asking import Asking
from karez.services.payments.fraud.attempts import PaymentAttempt
from karez.services.payments.fraud.screening import ToJudge, stop_of
from karez.services.payments.house import House
from karez.services.payments.refusals import explain, is_short_for_a_change

Facts = TypeVar("Facts")

_TRIES_MAX = 64


async def carry(
    services: Services,
    ask: Asked,
    read: Callable[[], Awaitable[Facts]],
    decide: Callable[[Asking, House, Facts], Operation],
    attempt: Callable[[Asking, Facts], PaymentAttempt] | None = None,
) -> bytes:
    """Carry a request out once and return its reply, the same bytes on every repetition.

    Args:
        services: Where the bookkeeper and the payment house are.
        ask: What identifies the request.
        read: Reads the facts, with the rights of whoever asks.
        decide: The service's rule.
        attempt: Returns what the rules against fraud judge, where it is a payment.

    Rejections: those of ``read`` and ``decide``, and the book's in the words of ``explain``; of a payment
        ``payment_refused``, ``payment_needs_confirmation``.
    """
    house = await services.house_keeper.house()
    is_house_fresh = was_short = False
    for turn in range(_TRIES_MAX):
        facts = await read()
        asking = Asking(ask.id, ask.actor, ask.fingerprint, services.clock.now_ns())
        try:
            operation = decide(asking, house, facts)
        except Rejected as rejection:
            if rejection.code == "currency_not_open" and not is_house_fresh:
                house, is_house_fresh = await services.house_keeper.read_again(), True
                continue
            earlier = await _earlier_reply(services, ask)
            if earlier is None:
                raise
            reply = earlier
        else:
            if attempt is None:
                outcome = await services.book.submit(operation)
            else:
                payment = to_judge(ask, asking, attempt(asking, facts), operation)
                operation, outcome = await _pay(services, house, payment)
            if not outcome.accepted:
                is_short = not was_short and is_short_for_a_change(operation, outcome)
                if (is_short or has_lost_race(operation, outcome)) and turn < _TRIES_MAX - 1:
                    was_short = was_short or is_short
                    continue
                raise explain(operation, outcome)
            reply = bytes(outcome.reply)
        receipt = None if attempt is None else stop_of(reply)
        if receipt is None:
            return reply
        (going_on,) = await services.fraud_guard.confirmed([(ask, receipt)])
        if isinstance(going_on, Rejected):
            raise going_on
        ask = going_on
    raise AssertionError("the last turn has returned or raised")


async def _earlier_reply(services: Services, ask: Asked) -> bytes | None:
    return (await services.database.as_operator(lambda conn: earlier_replies(conn, [ask]))).get(ask.id)


async def _pay(services: Services, house: House, payment: ToJudge) -> tuple[Operation, Outcome]:
    """Have the book carry out what a payment is after it was judged."""
    (screened,) = await services.fraud_guard.screen(house, [payment])
    outcome = await services.book.submit(screened.operation)
    stopped = screened.stopped_by(outcome)
    if stopped is None:
        return screened.operation, outcome
    return stopped, await services.book.submit(stopped)


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
