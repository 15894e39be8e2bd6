"""Matches one item to several where no reference says so: a batch's whole sum, or the sum of one other side's items.

The search is bounded (see ``sums``), looks at few items near in time, and gives up for the rest of a run after so
many choices: what it does not find is reported like anything else that is missing.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence

from karez.services.payments.reconciliation.matching.items import Item
from karez.services.payments.reconciliation.matching.sums import CHOICES_AMOUNTS_MAX, find_summands
from karez.services.payments.reconciliation.matching.worktable import MatchRule, Worktable

CANDIDATES_MAX = 64
CHOICES_MAX = 2**22
"""Sums that are tried in one run: about a tenth of a second."""


def match_by_sum(table: Worktable) -> None:
    """Settle open entries without a reference, and open movements, that are the sum of several of the other side."""
    _match_batch_totals(table)
    budget = _Budget()
    movements, entries = _by_other_side(table)
    for side, booked in entries.items():
        if side in movements:
            _match_side(table, movements[side], booked, budget)


class _Budget:
    """How many sums may still be tried."""

    def __init__(self) -> None:
        self.left = CHOICES_MAX

    def allows(self, candidates: int) -> bool:
        """Take the work of one search from the budget, if there is something to search and enough left."""
        if candidates < 2:
            return False
        self.left -= 2**candidates if candidates <= CHOICES_AMOUNTS_MAX else candidates
        return self.left >= 0


def _match_batch_totals(table: Worktable) -> None:
    batches: dict[str, list[int]] = defaultdict(list)
    for place in table.open_movements():
        if table.batches[place]:
            batches[table.batches[place]].append(place)
    by_total: dict[tuple[str, int], list[list[int]]] = defaultdict(list)
    for places in batches.values():
        currencies = {table.movements[place].currency for place in places}
        if len(places) > 1 and len(currencies) == 1:
            total = sum(table.movements[place].amount_minor for place in places)
            by_total[currencies.pop(), total].append(places)
    entries: dict[tuple[str, int], list[int]] = defaultdict(list)
    for place in _nameless(table):
        entry = table.entries[place]
        entries[entry.currency, entry.amount_minor].append(place)
    for total_of, found in by_total.items():
        booked = entries.get(total_of, [])
        if len(found) == len(booked) == 1 and all(
            table.tolerances.is_near(table.movements[place].day, table.entries[booked[0]].day)
            for place in found[0]
        ):
            table.settle(MatchRule.BATCH_TOTAL, found[0], booked)


_Side = tuple[str, str, bool]


def _by_other_side(table: Worktable) -> tuple[dict[_Side, list[int]], dict[_Side, list[int]]]:
    """Return the open items by currency, other side's account and direction, sorted by day."""
    movements: dict[_Side, list[int]] = defaultdict(list)
    entries: dict[_Side, list[int]] = defaultdict(list)
    for place in sorted(table.open_movements(), key=lambda place: table.movements[place].day):
        movements[_side(table.movements[place])].append(place)
    for place in sorted(_nameless(table), key=lambda place: table.entries[place].day):
        entries[_side(table.entries[place])].append(place)
    return (
        {side: places for side, places in movements.items() if side[1]},
        {side: places for side, places in entries.items() if side[1]},
    )


def _side(item: Item) -> _Side:
    return item.currency, item.counterparty, item.amount_minor > 0


def _nameless(table: Worktable) -> list[int]:
    return [place for place in table.open_entries() if not table.names[place]]


def _match_side(table: Worktable, movements: list[int], entries: list[int], budget: _Budget) -> None:
    ours = [table.movements[place] for place in movements]
    theirs = [table.entries[place] for place in entries]
    for entry in entries:
        candidates = table.open_movements(_near(table, movements, ours, table.entries[entry]))
        if budget.allows(len(candidates)):
            amounts = [table.movements[place].amount_minor for place in candidates]
            chosen = find_summands(amounts, table.entries[entry].amount_minor)
            if chosen is not None:
                table.settle(MatchRule.SUM, [candidates[place] for place in chosen], [entry])
    for movement in table.open_movements(movements):
        candidates = table.open_entries(_near(table, entries, theirs, table.movements[movement]))
        if budget.allows(len(candidates)):
            amounts = [table.entries[place].amount_minor for place in candidates]
            chosen = find_summands(amounts, table.movements[movement].amount_minor)
            if chosen is not None:
                table.settle(MatchRule.SUM, [movement], [candidates[place] for place in chosen])


def _near(table: Worktable, places: Sequence[int], items: Sequence[Item], other: Item) -> Sequence[int]:
    """Return the places of the items, which are sorted by day, that are near another one; none if there are many."""
    day, days = other.day.toordinal(), table.tolerances.days
    first = bisect_left(items, day - days, key=lambda item: item.day.toordinal())
    end = bisect_right(items, day + days, key=lambda item: item.day.toordinal())
    return places[first:end] if end - first <= CANDIDATES_MAX else ()
