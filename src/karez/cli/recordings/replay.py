"""Carries out a recording and counts where this ledger answers otherwise."""

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from karez.cli.input_lines import unreadable
from karez.cli.recordings.recording import (
    Opening,
    RecordedBalances,
    RecordedBatch,
    RecordedTransfer,
    Step,
)
from karez.cli.recordings.world import World
from karez.core.outcomes import Rejected
from karez.ledger.model import Status

SHOWN_DIFFERENCES_MAX = 10

_USER_DATA_WIDTH = re.compile(r"(?<=user_data)_(128|64|32)$")


class Difference(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answer that differs.

    Attributes:
        line: Line of the recording.
        expected: The recorded status or totals.
        got: Ours.
        position: Index of the event in its batch, for a status.
        event: The event, for a status.
        account: The account, for totals.
    """

    line: int
    expected: str | list[int]
    got: str | list[int] | None
    position: int | None = None
    event: RecordedTransfer | None = None
    account: int | None = None


class RecordingReport(msgspec.Struct):
    """What a replay found.

    Attributes:
        events: Transfers that were carried out or refused.
        status_differences: Events with another status than recorded.
        balance_differences: Accounts with other totals than recorded.
        first_differences: The first of both, in the recording's order.
        worlds: Independent worlds of the recording.
    """

    events: int = 0
    status_differences: int = 0
    balance_differences: int = 0
    first_differences: list[Difference] = []
    worlds: int = 0

    @property
    def agrees(self) -> bool:
        """Tell whether every answer is as recorded."""
        return self.status_differences == self.balance_differences == 0


def replay_recording(path: Path, steps: Iterable[Step]) -> RecordingReport:
    """Carry out all steps, each world in a new memory book.

    Args:
        path: The recording, for the sentence of a refusal.
        steps: Its steps, beginning with an ``Opening``.

    Rejections: ``file_unreadable`` with the file and the line.
    """
    report = RecordingReport()
    world = World([])
    for step in steps:
        try:
            if isinstance(step, Opening):
                world = World(step.accounts)
                report.worlds += 1
            elif isinstance(step, RecordedBatch):
                _compare_statuses(report, step, world.submit(step.transfers))
            else:
                _compare_balances(report, step, world)
        except Rejected as refusal:
            raise unreadable(path, step.line, refusal.sentence) from refusal
    return report


def _compare_statuses(report: RecordingReport, batch: RecordedBatch, statuses: list[Status]) -> None:
    report.events += len(statuses)
    for position, (recorded, status) in enumerate(zip(batch.statuses, statuses, strict=True)):
        if _our_name(recorded) != status.code:
            report.status_differences += 1
            event = batch.transfers[position]
            _show(report, Difference(batch.line, recorded, status.code, position, event))


def _compare_balances(report: RecordingReport, balances: RecordedBalances, world: World) -> None:
    for account, totals in balances.totals.items():
        ours = world.totals(account)
        if ours != totals:
            report.balance_differences += 1
            _show(report, Difference(balances.line, totals, ours, account=account))


def _show(report: RecordingReport, difference: Difference) -> None:
    if len(report.first_differences) < SHOWN_DIFFERENCES_MAX:
        report.first_differences.append(difference)


def _our_name(recorded: str) -> str:
    """Our one ``user_data`` stands for three fields, and older clients call a creation ``ok``."""
    name = _USER_DATA_WIDTH.sub("", recorded.lower())
    return "created" if name == "ok" else name
