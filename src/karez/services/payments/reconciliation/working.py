"""What the worker does for reconciliation: fetch the banks' statements, take files in, compare.

Everything is written by the book under ids that derive from the file or the run, so a worker that dies in the middle
is followed by one that does the same again, and what is there already stays as it is.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from karez.core.clock import Clock
from karez.core.outcomes import Rejected, Unavailable
from karez.core.sealing import Sealer
from karez.ledger.client import BookClient
from karez.ledger.operations import Operation
from karez.services.asking import Asking
from karez.services.payments.banks.connector import BankConnector
from karez.services.payments.banks.links import sealer as sealer_for_links
from karez.services.payments.banks.records import open_links
from karez.services.payments.reconciliation.imports import import_statements, read_statement_file
from karez.services.payments.reconciliation.jobs import (
    HeldJob,
    ask_for_import,
    content_of,
    end_job,
    give_back,
    note_progress,
    take_job,
)
from karez.services.payments.reconciliation.records import known_entries
from karez.services.payments.reconciliation.runs import compare, run_operations
from karez.services.payments.reconciliation.sealing import sealer_for_entries
from karez.services.payments.reconciliation.sources import StatementSource, move_on, take_source, try_later
from karez.services.sweeps import Book
from karez.storage.jobs_worker import keep_working

Connection = psycopg.Connection[Any]

PAUSE_S = 1.0

_TRIES_MAX = 8
_PARTS_BETWEEN_NOTES = 25
_RETRY_S = 5
_RETRY_AFTER_DEFECT_S = 600
_NANOSECONDS = 1_000_000_000
_LOST_RACES = frozenset({"row_exists", "row_state_changed", "row_locked"})

_logger = logging.getLogger(__name__)


class _LostRaceError(Exception):
    """Somebody else has written what was to be written."""


class _TakenAwayError(Exception):
    """Somebody else has the job now."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What the work needs.

    Attributes:
        conn: Of the worker's login role, outside any transaction.
        book: The bookkeeper.
        clock: Tells what is due.
        sealer: Of ``sealer_for_entries``.
        connector: Makes what calls banks.
    """

    conn: Connection
    book: Book
    clock: Clock
    sealer: Sealer
    connector: Callable[[], BankConnector]


def serve_reconciliation(
    conninfo: str, book_socket: Path, secret_key: bytes, clock: Clock, stop: threading.Event
) -> None:
    """Fetch, take in and compare until told to stop; any number of workers may do it at once.

    Args:
        conninfo: Connection string of the worker's login role.
        book_socket: Where the bookkeeper listens.
        secret_key: ``Database.secret_key``.
        clock: Tells what is due.
        stop: Set it to end the loop.
    """
    entries, links = sealer_for_entries(secret_key), sealer_for_links(secret_key)
    with asyncio.Runner() as runner:

        async def once(conn: Connection) -> int:
            book = BookClient(book_socket)
            try:
                return await work_once(Desk(conn, book, clock, entries, lambda: BankConnector(links)))
            finally:
                book.close()

        keep_working(conninfo, lambda conn: runner.run(once(conn)), stop, longest_pause_s=PAUSE_S)


async def work_once(desk: Desk) -> int:
    """Do one thing that is due, and return how many there were to do: one, or none."""
    now_ns = desk.clock.now_ns()
    source = take_source(desk.conn, now_ns)
    if source is not None:
        await _fetch(desk, source)
        return 1
    job = take_job(desk.conn, now_ns)
    if job is None:
        return 0
    work = _Work(desk, job)
    try:
        await work.do()
    except Unavailable as trouble:
        _logger.warning("The %s %s is interrupted and will be taken up again: %s", job.kind, job.id, trouble)
        work.give_back(_RETRY_S)
    except _TakenAwayError:
        _logger.warning("The %s %s took so long that another worker has it now", job.kind, job.id)
    except (psycopg.OperationalError, psycopg.InterfaceError):
        raise
    except Exception:
        # A defect must not stop everything else that this process does; the job waits for one that has none.
        _logger.exception("The %s %s cannot be done", job.kind, job.id)
        work.give_back(_RETRY_AFTER_DEFECT_S)
    return 1


async def _fetch(desk: Desk, source: StatementSource) -> None:
    link = open_links(desk.conn).get(source.institution)
    if link is None:
        try_later(desk.conn, source, "The bank is paused or not linked.", desk.clock.now_ns())
        return
    try:
        async with desk.connector() as connector:
            data = await connector.statement(link, source.day, source.currency, "camt053")
    except Unavailable as trouble:
        try_later(desk.conn, source, trouble.sentence, desk.clock.now_ns())
        return
    now_ns = desk.clock.now_ns()
    with desk.conn.transaction():
        ask_for_import(desk.conn, desk.sealer, source.institution, data, "statement source", now_ns)
        move_on(desk.conn, source)


class _Work:
    """A job in the hands of this worker."""

    def __init__(self, desk: Desk, job: HeldJob) -> None:
        self._desk = desk
        self._job = job

    async def do(self) -> None:
        desk = self._desk
        try:
            done = await (self._import() if self._job.kind == "import" else self._write(self._comparison))
        except Rejected as refusal:
            end_job(desk.conn, self._job, None, refusal, desk.clock.now_ns())
            return
        end_job(desk.conn, self._job, done, None, desk.clock.now_ns())

    def give_back(self, pause_s: int) -> None:
        give_back(self._desk.conn, self._job, self._desk.clock.now_ns() + pause_s * _NANOSECONDS)

    async def _import(self) -> int:
        desk = self._desk
        file = read_statement_file(self._job.institution, content_of(desk.sealer, self._job))
        ids = [each.id for booked in file.booked for each in booked]

        def operations(asking: Asking) -> list[Operation]:
            known = known_entries(desk.conn, file.bank, ids)
            return list(import_statements(asking, desk.sealer, file, known))

        return await self._write(operations)

    def _comparison(self, asking: Asking) -> list[Operation]:
        desk = self._desk
        with desk.conn.transaction():
            # Both sides as they were at one moment: what comes between two readings would look like a break.
            desk.conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            compared = compare(desk.conn, desk.sealer, self._job.institution)
        return list(run_operations(asking, compared))

    async def _write(self, operations: Callable[[Asking], Sequence[Operation]]) -> int:
        """Have operations carried out, made anew where others were quicker, and return how many there were."""
        for _ in range(_TRIES_MAX):
            asking = Asking(self._job.id, self._job.asked_by, b"", self._desk.clock.now_ns())
            made = operations(asking)
            try:
                await self._carry_out(made)
            except _LostRaceError:
                continue
            return len(made)
        raise Unavailable(
            "reconciliation_busy", "Others change the same entries again and again.", retry_after_s=_RETRY_S
        )

    async def _carry_out(self, operations: Sequence[Operation]) -> None:
        desk = self._desk
        for number, operation in enumerate(operations):
            if number % _PARTS_BETWEEN_NOTES == 0:
                held = note_progress(desk.conn, self._job, number, len(operations), desk.clock.now_ns())
                if held is None:
                    raise _TakenAwayError
                self._job = held
            outcome = await desk.book.submit(operation)
            if not outcome.accepted:
                if outcome.code in _LOST_RACES:
                    raise _LostRaceError
                raise Rejected(outcome.code, outcome.sentence)
