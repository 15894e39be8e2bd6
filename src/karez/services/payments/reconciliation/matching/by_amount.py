"""Matches what no reference connects: by amount, day and the other side's account, and only where one pair fits.

An entry without any reference is then taken for ours. One with a reference that is not ours may be somebody else's
payment of the same amount, so it is reported with what it could be, and somebody decides.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence

from karez.services.payments.reconciliation.matching import sentences
from karez.services.payments.reconciliation.matching.breaks import BreakKind
from karez.services.payments.reconciliation.matching.items import Item
from karez.services.payments.reconciliation.matching.worktable import MatchRule, Worktable

_Key = Callable[[Item], Hashable]


def match_by_amount(table: Worktable) -> None:
    """Settle or report the open entries that fit an open movement in everything but the reference."""
    for movements, entries in _alike(table, _with_counterparty):
        for movement, entry in _only_pairs(table, movements, entries):
            if table.names[entry]:
                _report_pair(table, movement, entry)
            else:
                table.settle(MatchRule.AMOUNT_DAY_COUNTERPARTY, [movement], [entry])
        _report_ambiguous(table, movements, entries)
    for movements, entries in _alike(table, _without_counterparty):
        for movement, entry in _only_pairs(table, movements, entries):
            if not (table.movements[movement].counterparty and table.entries[entry].counterparty):
                _report_pair(table, movement, entry)


def _with_counterparty(item: Item) -> Hashable:
    return (item.currency, item.amount_minor, item.counterparty) if item.counterparty else None


def _without_counterparty(item: Item) -> Hashable:
    return (item.currency, item.amount_minor)


def _alike(table: Worktable, key: _Key) -> Iterator[tuple[list[int], list[int]]]:
    """Return the open items of both sides that have a key in common, each side sorted by day."""
    theirs: dict[Hashable, list[int]] = defaultdict(list)
    for place in table.open_entries():
        theirs[key(table.entries[place])].append(place)
    theirs.pop(None, None)
    ours: dict[Hashable, list[int]] = defaultdict(list)
    for place in table.open_movements():
        found = key(table.movements[place])
        if found in theirs:
            ours[found].append(place)
    for found, movements in ours.items():
        yield (
            sorted(movements, key=lambda place: table.movements[place].day),
            sorted(theirs[found], key=lambda place: table.entries[place].day),
        )


def _only_pairs(table: Worktable, movements: Sequence[int], entries: Sequence[int]) -> list[tuple[int, int]]:
    """Return the pairs in which each is the only one near the other."""
    ours = [table.movements[place].day.toordinal() for place in movements]
    theirs = [table.entries[place].day.toordinal() for place in entries]
    days = table.tolerances.days
    pairs = []
    for place, day in enumerate(theirs):
        first, end = bisect_left(ours, day - days), bisect_right(ours, day + days)
        if end - first == 1:
            back = ours[first]
            if bisect_right(theirs, back + days) - bisect_left(theirs, back - days) == 1:
                pairs.append((movements[first], entries[place]))
    return pairs


def _report_pair(table: Worktable, movement: int, entry: int) -> None:
    reason = sentences.reference_unknown(table.movements[movement], table.entries[entry])
    table.report(BreakKind.REFERENCE_UNCLEAR, [movement], [entry], reason)


def _report_ambiguous(table: Worktable, movements: Sequence[int], entries: Sequence[int]) -> None:
    """Report items that are near to several others, those that hang together at once."""
    for ours, theirs in _clusters(table, table.open_movements(movements), table.open_entries(entries)):
        reason = sentences.ambiguous(
            [table.movements[place] for place in ours], [table.entries[place] for place in theirs]
        )
        table.report(BreakKind.REFERENCE_UNCLEAR, ours, theirs, reason)


def _clusters(
    table: Worktable, movements: Sequence[int], entries: Sequence[int]
) -> Iterator[tuple[list[int], list[int]]]:
    """Split both sides where more days than the tolerance lie between one item and the next."""
    items: list[tuple[int, bool, int]] = sorted(
        [(table.movements[place].day.toordinal(), True, place) for place in movements]
        + [(table.entries[place].day.toordinal(), False, place) for place in entries]
    )
    ours: list[int] = []
    theirs: list[int] = []
    last_day = 0
    for day, is_ours, place in [*items, (10**7, True, -1)]:
        if day - last_day > table.tolerances.days:
            if ours and theirs:
                yield ours, theirs
            ours, theirs = [], []
        (ours if is_ours else theirs).append(place)
        last_day = day
