"""The loop of the worker that talks to the banks: many calls at once, a bounded number to each bank.

take (committed) -> call the bank, no transaction open -> record that there is no decision, or book the decision

Whatever interrupts it, a row says that the bank was or may have been called, and until when somebody is at it: the
next worker then asks the bank. A decision is booked under an id that derives from the instruction, so however many
workers hear of it, it is booked once.
"""

import asyncio
import logging
import random
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg_pool import ConnectionPool

from karez.core.clock import Clock
from karez.core.outcomes import Unavailable
from karez.ledger.client import BookClient
from karez.services.payments.banks.booking import Booker, Chance, Pool
from karez.services.payments.banks.connector import CALL_LIMIT_S, BankConnector
from karez.services.payments.banks.leases import Taken, take_instructions
from karez.services.payments.banks.links import sealer
from karez.services.payments.banks.records import Connection, Link, open_links
from karez.services.payments.banks.settlers import Settlers

CALLS_MAX = 32
"""To one bank at once."""
LEASE_S = 60.0

_CONNECTIONS = 4
_CONNECTION_LIMIT_S = 5.0
_SHORTEST_PAUSE_S = 0.01
_GRACE_S = 5.0
_NANOSECONDS = 1_000_000_000

_logger = logging.getLogger(__name__)


def serve_instructions(
    conninfo: str,
    book_socket: Path,
    secret_key: bytes,
    clock: Clock,
    stop: threading.Event,
    settlers: Settlers,
    *,
    chance: Chance = random.random,
    call_limit_s: float = CALL_LIMIT_S,
    longest_pause_s: float = 0.5,
) -> None:
    """Carry out instructions that are due, until told to stop; any number of workers may do it at once.

    Args:
        conninfo: Connection string of the worker's login role.
        book_socket: Where the bookkeeper listens.
        secret_key: ``Database.secret_key``.
        clock: Tells what is due.
        stop: Set it to end the loop. Calls that have begun have some seconds to end; where one has not ended then,
            the next worker asks the bank.
        settlers: What decisions mean, by purpose.
        chance: Gives a new number from 0 up to 1 at each call, to spread out what is repeated.
        call_limit_s: How long a call may take, much less than a lease.
        longest_pause_s: How long an instruction that is due may wait for an idle worker to look.
    """
    if call_limit_s * 2 > LEASE_S:
        raise ValueError(
            f"a call of {call_limit_s} s leaves no time to book it within a lease of {LEASE_S} s"
        )
    connector = BankConnector(sealer(secret_key), call_limit_s)
    book = BookClient(book_socket)
    pool: Pool = ConnectionPool(
        conninfo,
        min_size=1,
        max_size=_CONNECTIONS,
        timeout=_CONNECTION_LIMIT_S,
        open=False,
        name="karez-banks",
        kwargs={"autocommit": True},
    )
    booker = Booker(pool, book, clock, settlers, chance)
    with pool:
        asyncio.run(_Serving(booker, connector, book, clock, stop, longest_pause_s).run())


class _Serving:
    def __init__(
        self,
        booker: Booker,
        connector: BankConnector,
        book: BookClient,
        clock: Clock,
        stop: threading.Event,
        longest_pause_s: float,
    ) -> None:
        self._booker = booker
        self._connector = connector
        self._book = book
        self._clock = clock
        self._stop = stop
        self._longest_pause_s = longest_pause_s
        self._calls: dict[asyncio.Task[None], int] = {}

    async def run(self) -> None:
        async with self._connector:
            pause_s = _SHORTEST_PAUSE_S
            while not self._stop.is_set():
                started = await self._start_calls()
                pause_s = _SHORTEST_PAUSE_S if started else min(pause_s * 2, self._longest_pause_s)
                await self._rest(pause_s)
            await self._end()
        self._book.close()

    async def _start_calls(self) -> int:
        """Take what is due and call the banks; return how many calls were begun."""
        try:
            taken, links = await self._booker.with_connection(self._take)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            _logger.warning("Talking to banks is interrupted and will be taken up again: %s", error)
            return 0
        for each in taken:
            bank = each.instruction.bank
            self._calls[asyncio.create_task(self._serve(each, links[bank]))] = bank
        return len(taken)

    def _take(self, conn: Connection) -> tuple[list[Taken], Mapping[int, Link]]:
        links = open_links(conn)
        busy = Counter(self._calls.values())
        free = {bank: CALLS_MAX - busy[bank] for bank in links if busy[bank] < CALLS_MAX}
        if not free:
            return [], links
        now_ns = self._clock.now_ns()
        return take_instructions(conn, free, now_ns, now_ns + round(LEASE_S * _NANOSECONDS)), links

    async def _serve(self, taken: Taken, link: Link) -> None:
        """Call the bank and do what its answer means; whatever interrupts it, the lease runs out."""
        call = self._connector.send if taken.sends else self._connector.ask
        try:
            await self._booker.follow(taken, await call(link, taken.instruction))
        except (psycopg.OperationalError, psycopg.InterfaceError, Unavailable) as error:
            _logger.warning("The bank will be asked again about %s: %s", taken.instruction.id, error)
        except Exception:
            # One settler's mistake must not stop the others' money; the instruction stays due and becomes old.
            _logger.exception("The instruction %s cannot be settled", taken.instruction.id)

    async def _rest(self, pause_s: float) -> None:
        """Wait for a call to be done, or for a moment."""
        if not self._calls:
            await asyncio.sleep(pause_s)
            return
        done, _ = await asyncio.wait(self._calls, timeout=pause_s, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            del self._calls[task]

    async def _end(self) -> None:
        if self._calls:
            _, late = await asyncio.wait(self._calls, timeout=_GRACE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
