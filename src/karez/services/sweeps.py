"""What happens because time passes: due things are found, decided upon, and carried out in batches.

No job waits for each thing. A row says when it is due, an index finds the rows that are, and the operation's id
derives from the thing and its due moment: however many workers look at once, it happens once.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import psycopg

from karez.core.clock import Clock
from karez.core.ids import derived_id
from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, Outcome
from karez.services.asking import Asking
from karez.services.races import LOST_RACES

Connection = psycopg.Connection[Any]

LIMIT = 500

_logger = logging.getLogger(__name__)


class Book(Protocol):
    """What carries operations out, such as ``BookClient``."""

    async def submit(self, operation: Operation) -> Outcome:
        """Have one operation carried out."""


@dataclass(frozen=True, slots=True)
class Due:
    """Something whose time has come.

    Attributes:
        id: Of the thing.
        due_ns: Since when.
        decide: Makes the operation; may reject, and is then asked again at the next sweep.
        otherwise: Makes the operation that records why the book refused the first one; where left out, it is tried
            again at the next sweep.
    """

    id: UUID
    due_ns: int
    decide: Callable[[Asking], Operation]
    otherwise: Callable[[Asking, Operation, Outcome], Operation] | None = None


@dataclass(frozen=True, slots=True)
class Sweep:
    """A kind of thing that becomes due.

    Attributes:
        name: In ids, records and logs.
        find: Returns what is due, with at most so many: ``find(connection, now_ns, limit)``, as a worker.
    """

    name: str
    find: Callable[[Connection, int, int], Sequence[Due]]


async def sweep_once(conn: Connection, book: Book, clock: Clock, sweeps: Sequence[Sweep]) -> int:
    """Carry out what is due now and return how much that was.

    Args:
        conn: Of the worker's login role, outside any transaction.
        book: The bookkeeper.
        clock: Tells what is due.
        sweeps: All kinds.
    """
    count = 0
    for sweep in sweeps:
        now_ns = clock.now_ns()
        due = await asyncio.to_thread(sweep.find, conn, now_ns, LIMIT)
        # Each at a moment of its own: lists that are read by moments tell them apart.
        moments = range(now_ns, now_ns + len(due))
        count += sum(
            await asyncio.gather(
                *(_carry_out(book, sweep, each, at) for each, at in zip(due, moments, strict=True))
            )
        )
    return count


async def _carry_out(book: Book, sweep: Sweep, due: Due, now_ns: int) -> bool:
    """Carry out one due thing, and tell whether something has happened."""
    try:
        operation = due.decide(_asking(due, sweep.name, now_ns))
    except Rejected as rejection:
        _logger.error("The sweep %s cannot do %s: %s", sweep.name, due.id, rejection)
        return False
    outcome = await book.submit(operation)
    if due.otherwise is not None and not outcome.accepted and outcome.code not in LOST_RACES:
        operation = due.otherwise(_asking(due, f"{sweep.name} otherwise", now_ns), operation, outcome)
        outcome = await book.submit(operation)
    return _is_done(operation, outcome)


def _asking(due: Due, purpose: str, now_ns: int) -> Asking:
    return Asking(
        id=derived_id(due.id, purpose, due.due_ns), actor=f"sweep {purpose}", fingerprint=b"", now_ns=now_ns
    )


def _is_done(operation: Operation, outcome: Outcome) -> bool:
    if not outcome.accepted and outcome.code not in LOST_RACES:
        _logger.error("%s for %s was refused: %s", operation.kind, operation.actor, outcome.sentence)
    return outcome.accepted and not outcome.repeated
