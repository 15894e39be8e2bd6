"""``karez replay berka`` from the files to the report."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from karez.cli.berka.bank_files import BankFile, read_bank_files
from karez.cli.berka.booking import BankBook, Booked, book_rows, open_accounts
from karez.cli.berka.comparison import (
    FailingDay,
    RunningBalances,
    accounts_otherwise,
    failing_days,
    read_running_balances,
)
from karez.cli.berka.postings import plan_postings
from karez.cli.first_start import ensure_operator
from karez.cli.output import progress_bar
from karez.cli.reach import reached_book, reached_database
from karez.core.clock import Clock
from karez.core.config import Settings
from karez.ledger.client import BookClient
from karez.ledger.sentences import SENTENCES
from karez.parties import institutions
from karez.storage.database import Database, connect
from karez.storage.tenant import as_operator

_UNIT = "CZK"
_EXPONENT = 2


class FileRemark(msgspec.Struct, frozen=True):
    """Something that a person should know about a place in a file."""

    file: str
    line: int
    sentence: str


class BankReport(msgspec.Struct):
    """What a replay found.

    Attributes:
        rows: The bank's transactions.
        rows_matching: Those after which the book holds what the bank says, within 0.10 CZK.
        failing: The days of accounts on which it does not.
        accounts: The customers' accounts.
        transfers_new: Transfers that were not on the book before.
        seconds: How long everything took.
        warnings: What was left out.
        refused: Rows that the book refused.
        accounts_otherwise: Accounts of which the bookkeeper says something else than the database.
    """

    rows: int = 0
    rows_matching: int = 0
    failing: list[FailingDay] = []
    accounts: int = 0
    transfers_new: int = 0
    seconds: float = 0.0
    warnings: list[FileRemark] = []
    refused: list[FileRemark] = []
    accounts_otherwise: list[int] = []


def replay_bank(paths: Sequence[Path], settings: Settings, clock: Clock) -> tuple[BankReport, bool]:
    """Book the bank's files, read the balances back and compare.

    Args:
        paths: Files or directories.
        settings: Which Karez.
        clock: Tells the moment of registration of the bank.

    Returns:
        The report, and whether all is well: only days that a cut file leaves unfinished may fail.

    Raises:
        Unavailable: The database or the bookkeeper cannot be reached; a repetition goes on where it stopped.

    Rejections: ``file_unreadable``; nothing is booked then.
    """
    started_s = time.monotonic()
    files = read_bank_files(paths)
    report = BankReport(warnings=[_cut(file) for file in files if file.cut_line is not None])
    with reached_database(settings) as database:
        asyncio.run(_replay(files, settings, database, clock, report))
    report.rows = sum(len(file.rows) for file in files)
    report.rows_matching = report.rows - sum(day.rows for day in report.failing)
    report.seconds = round(time.monotonic() - started_s, 3)
    unexplained = [day for day in report.failing if not _is_unfinished(day, files)]
    return report, not (unexplained or report.refused or report.accounts_otherwise)


async def _replay(
    files: Sequence[BankFile], settings: Settings, database: Database, clock: Clock, report: BankReport
) -> None:
    async with reached_book(settings, database) as client:
        for bank in dict.fromkeys(file.words.bank for file in files):
            of_bank = [file for file in files if file.words.bank == bank]
            book = _found_bank(database, bank, clock.now_ns())
            await _book(client, book, of_bank, report)
            balances = read_running_balances(database, book.institution)
            _compare(bank, of_bank, balances, report)
            report.accounts_otherwise += await accounts_otherwise(client, bank, balances)


async def _book(client: BookClient, book: BankBook, files: Sequence[BankFile], report: BankReport) -> None:
    accounts = {row.account for file in files for row in file.rows}
    await open_accounts(client, book, accounts)
    postings = plan_postings(row for file in files for row in file.rows)
    with progress_bar(f"Booking {book.bank}", len(postings)) as advance:
        booked = await book_rows(client, book, postings, advance)
    report.accounts += len(accounts)
    report.transfers_new += booked.transfers_new
    report.refused += _refusals(files, booked)


def _compare(bank: str, files: Sequence[BankFile], balances: RunningBalances, report: BankReport) -> None:
    for file in files:
        report.failing += failing_days(bank, str(file.path), file.rows, balances)


def _found_bank(database: Database, bank: str, now_ns: int) -> BankBook:
    """Return the bank's place in the book, made if it is missing."""
    with connect(database.web) as conn, as_operator(conn):
        ensure_operator(conn, now_ns)
        name = f"Czech bank of 1993 to 1998 ({bank})"
        found = institutions.find(conn, bank) or institutions.register(conn, bank, name, "bank", now_ns)
        return BankBook(bank, found.number, _unit_number(conn, now_ns))


def _unit_number(conn: psycopg.Connection[Any], now_ns: int) -> int:
    conn.execute(
        """
        INSERT INTO unit (number, code, exponent, description, created_ns)
        SELECT coalesce(max(number), 0) + 1, %s, %s, 'Czech koruna', %s FROM unit
        ON CONFLICT DO NOTHING
        """,
        (_UNIT, _EXPONENT, now_ns),
    )
    row = conn.execute("SELECT number FROM unit WHERE code = %s", (_UNIT,)).fetchone()
    assert row is not None
    return int(row[0])


def _refusals(files: Sequence[BankFile], booked: Booked) -> list[FileRemark]:
    if not booked.refused:
        return []
    path_of = {id(row): str(file.path) for file in files for row in file.rows}
    return [FileRemark(path_of[id(row)], row.line, SENTENCES[status]) for row, status in booked.refused]


def _cut(file: BankFile) -> FileRemark:
    assert file.cut_line is not None
    sentence = f"{file.path}, line {file.cut_line}: the file is cut within its last line, which was left out."
    return FileRemark(str(file.path), file.cut_line, sentence)


def _is_unfinished(day: FailingDay, files: Sequence[BankFile]) -> bool:
    """A cut file lacks rows of its last day."""
    return any(
        file.cut_line is not None and str(file.path) == day.file and day.date == file.rows[-1].day
        for file in files
    )
