"""From a bank's answer to what is recorded: how the asking goes on, or the operation that ends the instruction."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg
from psycopg_pool import ConnectionPool

from karez.core.clock import Clock
from karez.core.ids import derived_id
from karez.core.outcomes import Rejected, Unavailable
from karez.ledger.client import BookClient
from karez.ledger.operations import Operation, Outcome
from karez.services.asking import Asking
from karez.services.payments.banks.connector import Answer
from karez.services.payments.banks.endings import settled, unsettled
from karez.services.payments.banks.leases import Taken, note
from karez.services.payments.banks.records import Connection, Instruction, find_instruction, has_wallet
from karez.services.payments.banks.schedule import next_call
from karez.services.payments.banks.settlers import Settler, Settlers
from karez.services.payments.banks.states import OPEN, Happening, State, moves_money, reached
from karez.services.payments.house import House, read_house
from karez.services.races import LOST_RACES

Chance = Callable[[], float]
Pool = ConnectionPool[psycopg.Connection[Any]]

_DECISIONS_MAX = 8
_SUBMISSIONS_MAX = 5
_SUBMISSION_PAUSE_S = 0.2

T = TypeVar("T")

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Known:
    """What a decision rests on besides the instruction.

    Attributes:
        house: The payment house.
        settler: Of the instruction's purpose.
        facts: What the settler has read.
        has_wallet: Whether the party has a wallet in the currency.
    """

    house: House
    settler: Settler[Any]
    facts: Any
    has_wallet: bool


class Booker:
    """Records and books answers; used by one event loop.

    Args:
        pool: Connections of the worker's login role.
        book: The bookkeeper.
        clock: Tells the moment.
        settlers: What decisions mean, by purpose.
        chance: Gives a new number from 0 up to 1 at each call.
    """

    def __init__(
        self, pool: Pool, book: BookClient, clock: Clock, settlers: Settlers, chance: Chance
    ) -> None:
        self._pool = pool
        self._book = book
        self._clock = clock
        self._settlers = settlers
        self._chance = chance

    async def follow(self, taken: Taken, answer: Answer) -> None:
        """Do what an answer means; it is decided anew if the instruction was changed meanwhile.

        Args:
            taken: As it was when the bank was called.
            answer: What the bank said.

        Raises:
            Unavailable: The bookkeeper cannot be reached; the bank will be asked again.
        """
        instruction = taken.instruction
        for _ in range(_DECISIONS_MAX):
            new = reached(instruction.standing, answer.happening)
            if new is None:
                _tell_contradiction(instruction, answer)
                return
            if not moves_money(instruction.standing, new):
                await self._note(taken, new, answer)
                return
            if await self._end(instruction, new, answer.code):
                return
            instruction = await self.with_connection(
                lambda conn: find_instruction(conn, taken.instruction.id)
            )
        _logger.error(
            "The instruction %s changed at every look; the bank will be asked again", instruction.id
        )

    async def with_connection(self, act: Callable[[Connection], T]) -> T:
        """Do something with a connection, beside the event loop."""

        def run() -> T:
            with self._pool.connection() as conn:
                return act(conn)

        return await asyncio.to_thread(run)

    async def _note(self, taken: Taken, new: State, answer: Answer) -> None:
        now_ns = self._clock.now_ns()
        next_ = next_call(taken.instruction, new, now_ns, self._chance(), is_alarming=answer.is_alarming)
        await self.with_connection(lambda conn: note(conn, taken, new, answer.code, next_))

    async def _end(self, instruction: Instruction, new: State, code: str) -> bool:
        """Return whether nothing is left to be decided."""
        known = await self.with_connection(lambda conn: self._read(conn, instruction))
        asking = Asking(
            id=derived_id(instruction.id, "bank", new),
            actor=f"bank {instruction.bank}",
            fingerprint=b"",
            now_ns=self._clock.now_ns(),
        )
        outcome = await self._submit(decided(asking, known, instruction, new, code))
        if not outcome.accepted and outcome.code not in LOST_RACES:
            _logger.error("The instruction %s cannot be settled: %s", instruction.id, outcome.sentence)
            outcome = await self._submit(
                without_settler(asking, known, instruction, new, code, outcome.sentence)
            )
        if not outcome.accepted and outcome.code not in LOST_RACES:
            raise Unavailable("instruction_not_bookable", outcome.sentence)
        return outcome.accepted

    def _read(self, conn: Connection, instruction: Instruction) -> Known:
        settler = self._settlers[instruction.purpose]
        facts = settler.read(conn, instruction) if instruction.standing in OPEN else None
        return Known(read_house(conn), settler, facts, has_wallet(conn, instruction))

    async def _submit(self, operation: Operation) -> Outcome:
        for _ in range(_SUBMISSIONS_MAX - 1):
            try:
                return await self._book.submit(operation)
            except Unavailable as trouble:
                await asyncio.sleep(trouble.retry_after_s or _SUBMISSION_PAUSE_S)
        return await self._book.submit(operation)


def decided(asking: Asking, known: Known, instruction: Instruction, new: State, code: str) -> Operation:
    """Return the operation that ends an instruction, with its settler where that can take the ending.

    Args:
        asking: The bank's decision.
        known: What it rests on.
        instruction: As it was read.
        new: The state that it gets.
        code: The bank's word.
    """
    if instruction.standing not in OPEN:
        why = f"The bank has moved the money although the instruction was {instruction.state.replace('_', ' ')} here."
        return without_settler(asking, known, instruction, new, code, why)
    try:
        return settled(asking, known.house, instruction, new, code, known.settler, known.facts)
    except Rejected as rejection:
        _logger.error("The instruction %s cannot be settled: %s", instruction.id, rejection)
        return without_settler(asking, known, instruction, new, code, rejection.sentence)


def without_settler(
    asking: Asking, known: Known, instruction: Instruction, new: State, code: str, why: str
) -> Operation:
    """Return the operation that ends an instruction for people to look at."""
    return unsettled(asking, known.house, instruction, new, code, has_wallet=known.has_wallet, why=why)


def _tell_contradiction(instruction: Instruction, answer: Answer) -> None:
    if answer.happening is Happening.DECLINE:
        _logger.error(
            "The bank %d declines the instruction %s (%s), which it has carried out by its own word; look at its "
            "statement",
            instruction.bank,
            instruction.id,
            answer.code,
        )
