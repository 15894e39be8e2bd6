"""``karez check``: what must always be true, worked out anew from the database alone."""

from typing import Any

import msgspec
import psycopg
from rich.table import Table

from karez.cli.output import print_json, screen, waiting
from karez.cli.reach import reached_database
from karez.core.config import Settings
from karez.ledger import invariants as book
from karez.ledger.invariants import CheckResult, check_book
from karez.services.payments import invariants as payments
from karez.storage.database import connect

_SHOWN_MAX = 10


class CheckReport(msgspec.Struct, frozen=True):
    """What a check found.

    Attributes:
        holds: Whether every invariant does.
        invariants: Each of them.
    """

    holds: bool
    invariants: list[CheckResult]


def check(settings: Settings, as_json: bool) -> bool:
    """Check every invariant and show what was found.

    Args:
        settings: Which Karez; it may be running or not.
        as_json: Whether a program reads the result.

    Returns:
        Whether all invariants hold.

    Raises:
        Unavailable: The database cannot be reached.
    """
    with (
        waiting("Checking the book"),
        reached_database(settings) as database,
        connect(database.owner) as conn,
    ):
        report = examined(conn)
    if as_json:
        print_json(report)
    else:
        _show(report)
    return report.holds


def examined(conn: psycopg.Connection[Any]) -> CheckReport:
    """Check every invariant of the book and of the services.

    Args:
        conn: Of the owner, in autocommit mode.
    """
    results = check_book(conn, (*book.INVARIANTS, *payments.INVARIANTS))
    return CheckReport(not any(result.violations for result in results), results)


def _show(report: CheckReport) -> None:
    table = Table(title="What must always be true", title_justify="left")
    table.add_column("Invariant")
    table.add_column("Result")
    table.add_column("Seconds", justify="right")
    for result in report.invariants:
        state = f"{len(result.violations)} violations" if result.violations else "holds"
        table.add_row(result.name.replace("_", " "), state, f"{result.duration_s:.2f}")
    screen.print(table)
    for result in report.invariants:
        for violation in result.violations[:_SHOWN_MAX]:
            screen.print(violation.sentence, markup=False)
    if report.holds:
        screen.print(f"All {len(report.invariants)} invariants hold.")
    else:
        screen.print(
            "The book is not as it must be. Stop karez up, keep a copy of the data directory or the database as it"
            " is, and compare with the last backup; karez check --json lists every violation found."
        )
