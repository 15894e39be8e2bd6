"""How the people of the demo reach Karez: facts from the database, operations to the book."""

import asyncio
from collections import Counter as Counts
from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from karez.cli.demo.local_book import LocalBook
from karez.core.clock import SimulatedClock
from karez.core.ids import new_id
from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation
from karez.services.asking import Asking
from karez.services.payments.house import House
from karez.services.sweeps import Sweep, sweep_once

Decide = Callable[[Asking, House], Operation]

_TOGETHER_MAX = 500
_SWEEPS_MAX = 1_000


class Counter:
    """Where people ask for things.

    Args:
        conn: With rights to everything, in autocommit mode.
        book: The book.
        clock: The simulated time.
        house: The payment house.

    Attributes:
        refused: How many were refused, by their code.
    """

    def __init__(
        self, conn: psycopg.Connection[Any], book: LocalBook, clock: SimulatedClock, house: House
    ) -> None:
        self.conn = conn
        self.clock = clock
        self.house = house
        self.refused: Counts[str] = Counts()
        self._book = book

    def ask(self, who: str, wishes: Sequence[Decide]) -> None:
        """Have wishes decided and carried out; what is refused is counted.

        Args:
            who: Who asks, for the records.
            wishes: Each makes an operation or rejects.
        """
        for first in range(0, len(wishes), _TOGETHER_MAX):
            self._ask(who, wishes[first : first + _TOGETHER_MAX])

    def let_time_do_its_work(self, sweeps: Sequence[Sweep]) -> None:
        """Carry out what is due until nothing is."""
        for _ in range(_SWEEPS_MAX):
            if not asyncio.run(sweep_once(self.conn, self._book, self.clock, sweeps)):
                return
        raise AssertionError("something stays due whatever is done")

    def _ask(self, who: str, wishes: Sequence[Decide]) -> None:
        operations = []
        for wish in wishes:
            now_ns = self.clock.now_ns()
            try:
                operations.append(wish(Asking(new_id(now_ns), who, b"demo", now_ns), self.house))
            except Rejected as rejection:
                self.refused[rejection.code] += 1
        outcomes = self._book.carry_out(operations)
        self.refused.update(outcome.code for outcome in outcomes if not outcome.accepted)
