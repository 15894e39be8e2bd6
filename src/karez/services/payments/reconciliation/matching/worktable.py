"""What lies on the table during a reconciliation: the items that nothing has been found for, and what was found."""

import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from karez.services.payments.reconciliation.matching import sentences
from karez.services.payments.reconciliation.matching.breaks import Break, BreakKind
from karez.services.payments.reconciliation.matching.items import Entry, Movement, name_of
from karez.services.payments.reconciliation.matching.tolerances import Tolerances

_WORD = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/-]{5,}", re.ASCII)
_WORDS_MAX = 64


def words_of(text: str) -> list[str]:
    """Return the words of a text that could be references, as they are compared."""
    return list(dict.fromkeys(map(name_of, _WORD.findall(text)[:_WORDS_MAX])))


class MatchRule(StrEnum):
    """How items were found to be one another's."""

    REFERENCE = "reference"
    BATCH = "batch"
    AMOUNT_DAY_COUNTERPARTY = "amount_day_counterparty"
    BATCH_TOTAL = "batch_total"
    SUM = "sum"


@dataclass(frozen=True, slots=True)
class Match:
    """Items of both sides that are one another's, of the same sum in each currency.

    Attributes:
        rule: How they were found.
        movements: Ours.
        entries: The bank's.
    """

    rule: MatchRule
    movements: tuple[Movement, ...]
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A movement that the bank may still book in time.

    Attributes:
        movement: Ours.
        until: The last day on which it is in time.
    """

    movement: Movement
    until: date


class Worktable:
    """The items of both sides by their places, which of them are open, and what the others have become.

    Args:
        movements: Ours.
        entries: The bank's.
        tolerances: How far they may be off.
    """

    def __init__(
        self, movements: Sequence[Movement], entries: Sequence[Entry], tolerances: Tolerances
    ) -> None:
        self.movements = movements
        self.entries = entries
        self.tolerances = tolerances
        self.matches: list[Match] = []
        self.breaks: list[Break] = []
        self.references = [name_of(movement.reference) for movement in movements]
        self.batches = [name_of(movement.batch) for movement in movements]
        self.names = [tuple(map(name_of, entry.references)) for entry in entries]
        self._movement_is_open = bytearray(b"\1") * len(movements)
        self._entry_is_open = bytearray(b"\1") * len(entries)

    def open_movements(self, places: Iterable[int] | None = None) -> list[int]:
        """Return those places, or all, where the movement is open."""
        is_open = self._movement_is_open
        return [place for place in (range(len(is_open)) if places is None else places) if is_open[place]]

    def open_entries(self, places: Iterable[int] | None = None) -> list[int]:
        """Return those places, or all, where the entry is open."""
        is_open = self._entry_is_open
        return [place for place in (range(len(is_open)) if places is None else places) if is_open[place]]

    def settled_movements(self) -> list[Movement]:
        """Return the movements that are part of a match or a break by now."""
        is_open = self._movement_is_open
        return [movement for place, movement in enumerate(self.movements) if not is_open[place]]

    def hits(self, entry: int, known: Container[str]) -> list[str]:
        """Return the names in an entry that are known; if its references are not, the words of its text."""
        found = [name for name in self.names[entry] if name in known]
        if found or not self.entries[entry].text:
            return found
        return [name for name in words_of(self.entries[entry].text) if name in known]

    def settle(self, rule: MatchRule, movements: Sequence[int], entries: Sequence[int]) -> None:
        """Put aside items that are one another's: a match, or a break where the days are too far apart."""
        ours, theirs = self._take(movements, entries)
        if self._are_near(ours, theirs):
            self.matches.append(Match(rule, ours, theirs))
        else:
            reason = sentences.date_differs(ours, theirs, self.tolerances.days)
            self.breaks.append(Break(BreakKind.DATE_DIFFERS, ours, theirs, reason))

    def report(
        self,
        kind: BreakKind,
        movements: Sequence[int],
        entries: Sequence[int],
        reason: str,
        *,
        came_back: bool = False,
    ) -> None:
        """Put aside items that do not fit."""
        ours, theirs = self._take(movements, entries)
        self.breaks.append(Break(kind, ours, theirs, reason, came_back))

    def _take(
        self, movements: Sequence[int], entries: Sequence[int]
    ) -> tuple[tuple[Movement, ...], tuple[Entry, ...]]:
        for place in movements:
            assert self._movement_is_open[place], "a movement is settled once"
            self._movement_is_open[place] = 0
        for place in entries:
            assert self._entry_is_open[place], "an entry is settled once"
            self._entry_is_open[place] = 0
        return tuple(self.movements[place] for place in movements), tuple(
            self.entries[place] for place in entries
        )

    def _are_near(self, movements: tuple[Movement, ...], entries: tuple[Entry, ...]) -> bool:
        ours, theirs = [each.day for each in movements], [each.day for each in entries]
        return self.tolerances.is_near(min(ours), max(theirs)) and self.tolerances.is_near(
            max(ours), min(theirs)
        )
