"""A town with a clock of its own: the bookkeeper, the API and the sweeps all leap with it."""

import asyncio
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

from karez.core.clock import Clock
from karez.ledger import service
from karez.ledger.client import BookClient
from karez.ledger.operations import Operation, Outcome
from karez.parties.roles import Permission
from karez.parties.tokens import Owner
from karez.services.sweeps import Sweep, sweep_once
from karez.storage.database import Database, connect
from tests.channels.api.living import WAIT_S, LiveApi, live_api
from tests.channels.api.making import HARBOUR_BANK, OPERATOR, World, furnish
from tests.channels.api.town import Town, open_town

DAY_S = 86_400
_TEN_YEARS_NS = 3_650 * DAY_S * 1_000_000_000
_SPAWN = multiprocessing.get_context("spawn")


class LeapingClock:
    """The machine's time and what it was moved forward, shared with other processes.

    Args:
        ahead_ns: How far it is ahead.
    """

    def __init__(self, ahead_ns: "Synchronized[int]") -> None:
        self._ahead_ns = ahead_ns

    def now_ns(self) -> int:
        """Return the moved time."""
        return time.time_ns() + self._ahead_ns.value

    def leap(self, seconds: float) -> None:
        """Move the time forward."""
        with self._ahead_ns.get_lock():
            self._ahead_ns.value += round(seconds * 1_000_000_000)


@dataclass(frozen=True)
class TimedTown(Town):
    """A town in which time is moved.

    Attributes:
        clock: Its time.
        database: Where everything is kept.
        book_socket: Where its bookkeeper listens.
        world: Who takes part besides.
        api: Where its API answers.
    """

    clock: LeapingClock
    database: Database
    book_socket: Path
    world: World
    api: LiveApi

    def sweep(self, sweeps: Sequence[Sweep]) -> int:
        """Carry out what is due now, as a worker, and return how much that was."""

        async def once() -> int:
            book = BookClient(self.book_socket)
            try:
                with connect(self.database.worker) as conn:
                    return await sweep_once(conn, book, self.clock, sweeps)
            finally:
                book.close()

        return asyncio.run(once())

    def submit(self, operation: Operation) -> Outcome:
        """Hand an operation to the book."""

        async def once() -> Outcome:
            book = BookClient(self.book_socket)
            try:
                return await book.submit(operation)
            finally:
                book.close()

        return asyncio.run(once())


def _keep_book(conninfo: str, path: Path, clock: Clock, ready: Any) -> None:
    asyncio.run(service.serve(conninfo, path, clock, ready.set))


@contextmanager
def open_timed_town(database: Database, socket_path: Path) -> Iterator[TimedTown]:
    """Run a bookkeeper and an API with a clock that leaps.

    Args:
        database: Empty.
        socket_path: Where the bookkeeper is to listen.
    """
    ahead_ns = _SPAWN.Value("q", 0)
    clock = LeapingClock(ahead_ns)
    ready = _SPAWN.Event()
    process = _SPAWN.Process(target=_keep_book, args=(database.book, socket_path, clock, ready))
    process.start()
    try:
        assert ready.wait(WAIT_S), "the bookkeeper has not started"
        world = furnish(database)
        scopes = [each for each in Permission if each is not Permission.OPERATOR]
        bank = world.token(Owner(institution=HARBOUR_BANK), *scopes, life_ns=_TEN_YEARS_NS)
        operator = world.token(Owner(institution=OPERATOR), *Permission, life_ns=_TEN_YEARS_NS)
        with (
            live_api(database, socket_path, clock=clock) as api,
            api.client(bank) as bank_client,
            api.client(operator) as operator_client,
        ):
            opened = open_town(bank_client, operator_client)
            yield TimedTown(opened.bank, opened.operator, clock, database, socket_path, world, api)
    finally:
        process.kill()
        process.join()
