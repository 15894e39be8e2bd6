"""``karez demo payments``."""

import random
import time
from typing import Any

import msgspec
import psycopg
from rich.table import Table

from karez.cli.background import SWEEPS
from karez.cli.check import CheckReport, examined
from karez.cli.demo.counter import Counter
from karez.cli.demo.day import Memory, live
from karez.cli.demo.local_book import LocalBook
from karez.cli.demo.town import CURRENCY, PEOPLE_COUNT, SHOP_COUNT, Town, found_town
from karez.cli.output import notices, print_json, screen
from karez.cli.run_directory import RunDirectory
from karez.core.clock import SimulatedClock, SystemClock, to_datetime
from karez.core.config import Settings
from karez.core.ids import new_id
from karez.core.money import format_minor
from karez.core.outcomes import Unavailable
from karez.ledger.bookkeeper import Bookkeeper
from karez.services.asking import Asking
from karez.services.payments.house import accounts_of, ensure_house, read_house, units_of
from karez.storage.database import Database, connect, open_database
from karez.storage.tenant import as_operator

DAYS = 30

_DAY_S = 86_400
_SEED = 2026

_MONEY = """
SELECT count(*) FILTER (WHERE paid_ns >= %(from_ns)s),
    coalesce(sum(amount_minor) FILTER (WHERE paid_ns >= %(from_ns)s), 0)::bigint,
    coalesce(sum(held_minor), 0)::bigint
FROM trade
"""
_IS_USED = "SELECT EXISTS (SELECT FROM account)"


class DemoReport(msgspec.Struct, frozen=True):
    """What the town did in its month.

    Attributes:
        days: Simulated days.
        seconds: How long they took.
        operations: How many of each kind were carried out.
        refused: How many were refused, by code.
        check: What ``karez check`` found at the end.
    """

    days: int
    seconds: float
    operations: dict[str, int]
    refused: dict[str, int]
    check: CheckReport


def demo(settings: Settings, days: int, pace_s: float, as_json: bool) -> bool:
    """Let a small town live on Karez for some days that end now, then check everything.

    Args:
        settings: Which data directory and database; its book must be empty.
        days: How many days.
        pace_s: How long a day takes at least, for those who watch.
        as_json: Whether a program reads the result.

    Returns:
        Whether every invariant holds.

    Raises:
        Unavailable: ``demo_needs_an_empty_book``, or as ``open_database``.
    """
    started_s = time.monotonic()
    with RunDirectory(settings.data_dir).held(), open_database(settings) as database:
        clock = SimulatedClock(SystemClock().now_ns() - days * _DAY_S * 1_000_000_000)
        with connect(database.owner) as conn, Bookkeeper(database.book, clock) as bookkeeper:
            _refuse_used(conn, settings)
            pick = random.Random(_SEED)  # noqa: S311 - dice, no secret
            book = LocalBook(bookkeeper)
            counter = _open_counter(database, conn, book, clock)
            town = found_town(database, counter, pick)
            notices.print(
                f"{PEOPLE_COUNT} people, {SHOP_COUNT} shops, a bank and a water company have moved in."
            )
            _live(days, pace_s, town, counter, pick, None if as_json else _Printer())
            report = DemoReport(
                days,
                round(time.monotonic() - started_s, 1),
                dict(book.done),
                dict(counter.refused),
                examined(conn),
            )
    if as_json:
        print_json(report)
    else:
        _show(report)
    return report.check.holds


def _refuse_used(conn: psycopg.Connection[Any], settings: Settings) -> None:
    row = conn.execute(_IS_USED).fetchone()
    if row is not None and row[0]:
        raise Unavailable(
            "demo_needs_an_empty_book",
            f"The book in {settings.data_dir} is in use, and a demo does not belong into it; name an empty directory:"
            " KAREZ_DATA_DIR=/tmp/town karez demo payments",
        )


def _open_counter(
    database: Database, conn: psycopg.Connection[Any], book: LocalBook, clock: SimulatedClock
) -> Counter:
    now_ns = clock.now_ns()
    with connect(database.web) as web, as_operator(web):
        ensure_house(web, now_ns)
    units = units_of(Asking(new_id(now_ns), "operator", b"demo", now_ns), CURRENCY, None)
    assert all(outcome.accepted for outcome in book.carry_out([units])), "the book is empty"
    counter = Counter(conn, book, clock, read_house(conn))
    counter.ask("operator", [lambda asking, house: accounts_of(asking, house, CURRENCY)])
    return counter


def _live(
    days: int, pace_s: float, town: Town, counter: Counter, pick: random.Random, printer: "_Printer | None"
) -> None:
    memory = Memory()
    for day in range(days):
        begun_s, from_ns = time.monotonic(), counter.clock.now_ns()
        live(day, town, counter, memory, pick)
        if printer is not None:
            row = counter.conn.execute(_MONEY, {"from_ns": from_ns}).fetchone()
            assert row is not None, "an aggregate has one row"
            printer.print(to_datetime(from_ns).strftime("%a %d %b"), *row)
        counter.clock.advance(_DAY_S)
        counter.let_time_do_its_work(SWEEPS)
        time.sleep(max(pace_s - (time.monotonic() - begun_s), 0))


class _Printer:
    """Prints a line for each day, under a heading."""

    def __init__(self) -> None:
        screen.print(f"{'Day':<12}{'Payments':>9}{'Paid, CNY':>16}{'In escrow, CNY':>16}")

    def print(self, day: str, payments: int, paid_minor: int, held_minor: int) -> None:
        """Print a day."""
        paid, held = format_minor(paid_minor, 2), format_minor(held_minor, 2)
        screen.print(f"{day:<12}{payments:>9,}{paid:>16}{held:>16}", markup=False)


def _show(report: DemoReport) -> None:
    table = Table(title=f"What the town did in {report.days} days", title_justify="left")
    table.add_column("Operation")
    table.add_column("Done", justify="right")
    for kind, count in sorted(report.operations.items(), key=lambda each: -each[1]):
        table.add_row(kind, f"{count:,}")
    screen.print(table)
    for code, count in sorted(report.refused.items()):
        screen.print(f"Refused as it should be: {code} {count:,} times", markup=False)
    broken = [each.name for each in report.check.invariants if each.violations]
    if broken:
        screen.print(f"These invariants do not hold: {', '.join(broken)}; run karez check.")
    else:
        screen.print(
            f"All {len(report.check.invariants)} invariants hold after {report.seconds:.0f} s. Next: karez up, then "
            "look around in this town through the API."
        )
