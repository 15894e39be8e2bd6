"""``karez replay berka``."""

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from karez.cli.berka.comparison import FailingDay
from karez.cli.berka.replay import BankReport, replay_bank
from karez.cli.output import notices, print_json, screen
from karez.core.clock import SystemClock
from karez.core.config import settings_from_environment
from karez.core.money import format_minor

_SHOWN_MAX = 20


def replay(paths: Sequence[Path], as_json: bool) -> bool:
    """Replay the bank's files and show what was found.

    Args:
        paths: Files or directories.
        as_json: Whether a program reads the result.

    Returns:
        Whether all is well.
    """
    report, is_well = replay_bank(paths, settings_from_environment(), SystemClock())
    for warning in report.warnings:
        notices.print(warning.sentence, markup=False)
    if as_json:
        print_json(report)
    else:
        _show(report, is_well)
    return is_well


def _show(report: BankReport, is_well: bool) -> None:
    table = Table(title="The bank's years on our book", title_justify="left")
    table.add_column("What")
    table.add_column("Count", justify="right")
    table.add_row("Transactions of the bank", f"{report.rows:,}")
    table.add_row("after which the book holds what the bank says", f"{report.rows_matching:,}")
    table.add_row("Days of an account that fail", f"{len(report.failing):,}")
    table.add_row("Accounts", f"{report.accounts:,}")
    table.add_row("New transfers on the book", f"{report.transfers_new:,}")
    table.add_row("Seconds", f"{report.seconds:,.1f}")
    screen.print(table)
    for day in report.failing[:_SHOWN_MAX]:
        screen.print(_describe(day), markup=False)
    for refusal in report.refused[:_SHOWN_MAX]:
        screen.print(f"{refusal.file}, line {refusal.line}: {refusal.sentence}", markup=False)
    if report.accounts_otherwise:
        numbers = ", ".join(map(str, report.accounts_otherwise[:_SHOWN_MAX]))
        screen.print(f"The bookkeeper and the database disagree on the accounts {numbers}; run karez check.")
    if not report.failing and is_well:
        screen.print("Every balance of the bank is on the book, within its own rounding of 0.10 CZK.")
    elif is_well:
        screen.print("Only the last day of a cut file fails: the rows that would explain it are missing.")
    else:
        screen.print(
            "The book does not hold what the bank says; look at the lines above, then correct the file."
        )


def _describe(day: FailingDay) -> str:
    if day.largest_difference_minor is None:
        difference = "not on the book"
    else:
        difference = f"{format_minor(day.largest_difference_minor, 2)} CZK off"
    lines = ", ".join(map(str, day.lines[:_SHOWN_MAX]))
    return f"account {day.account} on {day.date}: {day.rows} rows, {difference} ({day.file}, lines {lines})"
