"""The loop that carries out what is due, in the worker process."""

import asyncio
import logging
import threading
from collections.abc import Sequence
from pathlib import Path

from karez.core.clock import Clock
from karez.core.outcomes import Unavailable
from karez.ledger.client import BookClient
from karez.services.sweeps import Connection, Sweep, sweep_once
from karez.storage.jobs_worker import keep_working

PAUSE_S = 1.0

_logger = logging.getLogger(__name__)


def run_sweeps(
    conninfo: str, book_socket: Path, clock: Clock, stop: threading.Event, sweeps: Sequence[Sweep]
) -> None:
    """Carry out what is due until told to stop; any number of workers may do it at once.

    Args:
        conninfo: Connection string of the worker's login role.
        book_socket: Where the bookkeeper listens.
        clock: Tells what is due.
        stop: Set it to end the loop.
        sweeps: The kinds of things that become due.
    """
    with asyncio.Runner() as runner:

        def work(conn: Connection) -> int:
            return runner.run(_sweep(conn, book_socket, clock, sweeps))

        keep_working(conninfo, work, stop, longest_pause_s=PAUSE_S)


async def _sweep(conn: Connection, book_socket: Path, clock: Clock, sweeps: Sequence[Sweep]) -> int:
    book = BookClient(book_socket)
    try:
        return await sweep_once(conn, book, clock, sweeps)
    except Unavailable as trouble:
        # The operations keep their ids, so the next sweep repeats them without harm.
        _logger.warning("A sweep is interrupted and will be repeated: %s", trouble)
        return 0
    finally:
        book.close()
