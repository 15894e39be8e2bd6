"""``karez ledger replay``."""

from pathlib import Path

from rich.table import Table

from karez.cli.output import print_json, reading_bar, screen
from karez.cli.recordings.recording import read_recording
from karez.cli.recordings.replay import Difference, RecordingReport, replay_recording


def replay(path: Path, as_json: bool) -> bool:
    """Replay a recording and show what was found.

    Args:
        path: The recording.
        as_json: Whether a program reads the result.

    Returns:
        Whether every answer is as recorded.

    Rejections: ``file_unreadable``.
    """
    with reading_bar(path) as advance:
        report = replay_recording(path, read_recording(path, advance))
    if as_json:
        print_json(report)
    else:
        _show(path, report)
    return report.agrees


def _show(path: Path, report: RecordingReport) -> None:
    table = Table(title=f"Replay of {path.name}", title_justify="left")
    table.add_column("What")
    table.add_column("Count", justify="right")
    table.add_row("Worlds", f"{report.worlds:,}")
    table.add_row("Transfers", f"{report.events:,}")
    table.add_row("Other status than recorded", f"{report.status_differences:,}")
    table.add_row("Other totals than recorded", f"{report.balance_differences:,}")
    screen.print(table)
    if report.agrees:
        screen.print("The book gives every answer of the recording.")
        return
    for difference in report.first_differences:
        screen.print(_describe(difference), markup=False)
    screen.print("The book differs from the recording; the lines above are the first places to look at.")


def _describe(difference: Difference) -> str:
    if difference.event is None:
        subject = f"account {difference.account}"
    else:
        subject = f"event {difference.position} (transfer {difference.event.id})"
    return f"line {difference.line}, {subject}: expected {difference.expected}, got {difference.got}"
