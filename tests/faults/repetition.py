"""Asks again for what was answered long ago: the answer must be the same and nothing may happen."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

from karez.ledger.model import Status, Transfer, TransferFlags
from karez.ledger.operations import Operation
from tests.faults.callers import BookCaller, HttpCaller, NotAnswered, Reply
from tests.faults.errands import paying
from tests.faults.journal import Answer, OperationAnswer, TransferAnswer
from tests.faults.verification import Violation
from tests.faults.world import World

_ATTEMPTS_MAX = 20
_PAUSE_S = 0.2

T = TypeVar("T")


async def repeat(
    world: World, http: HttpCaller, book: BookCaller, answers: Sequence[Answer]
) -> AsyncIterator[Violation]:
    """Repeat requests in both ways.

    Args:
        world: As the clients knew it.
        http: One way.
        book: The other.
        answers: What the clients were told.
    """
    for answer in answers:
        if isinstance(answer, OperationAnswer):
            if answer.accepted:
                again = await _answered(lambda: book.submit(_operation(world, answer)))  # noqa: B023
                if not (again.accepted and again.repeated and bytes(again.reply).decode() == answer.reply):
                    yield Violation("repeated operation", f"{answer}: now {again}")
        elif not answer.flags & TransferFlags.LINKED and (answer.created or answer.spent):
            async for violation in _repeat_transfer(http, book, answer):
                yield violation


async def _repeat_transfer(
    http: HttpCaller, book: BookCaller, answer: TransferAnswer
) -> AsyncIterator[Violation]:
    status = answer.status if answer.created else Status.ID_ALREADY_FAILED.code
    transfer = _transfer(answer)
    for ask in (http.transfer, book.transfer):
        again: Reply = await _answered(lambda: ask(transfer))  # noqa: B023
        same_time = again.timestamp_ns in (0, answer.timestamp_ns) or not answer.timestamp_ns
        if again.status != status or not same_time:
            yield Violation("repeated transfer", f"{answer}: now {again}")


async def _answered(ask: Callable[[], Awaitable[T]]) -> T:
    for _ in range(_ATTEMPTS_MAX):
        try:
            return await ask()
        except NotAnswered:
            await asyncio.sleep(_PAUSE_S)
    return await ask()


def _operation(world: World, answer: OperationAnswer) -> Operation:
    return paying(world, answer.id, answer.payer, answer.payee, answer.amount)


def _transfer(answer: TransferAnswer) -> Transfer:
    return Transfer(
        id=answer.id,
        debit_account_id=answer.debit,
        credit_account_id=answer.credit,
        amount=answer.amount,
        ledger=answer.ledger,
        code=1,
        flags=answer.flags,
        pending_id=answer.pending_id,
        timeout_s=answer.timeout_s,
    )
