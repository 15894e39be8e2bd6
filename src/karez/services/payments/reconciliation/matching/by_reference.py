"""Matches items that have a reference in common, and says what is wrong where they do not fit.

First what carries a payment's own reference, then what carries the name of its batch alone. In each group the items
whose sums agree are one another's: one to one, one entry for several movements, several entries for one movement.
What is left of a group is a break, for the reference proves that it belongs together.
"""

from collections import defaultdict
from collections.abc import Sequence

from karez.services.payments.reconciliation.matching import sentences
from karez.services.payments.reconciliation.matching.breaks import BreakKind
from karez.services.payments.reconciliation.matching.groups import Group, groups_by_name
from karez.services.payments.reconciliation.matching.items import Item, Movement, differences, totals
from karez.services.payments.reconciliation.matching.sums import find_summands
from karez.services.payments.reconciliation.matching.surplus import (
    report_surplus,
    settled_by_batch,
    settled_by_reference,
)
from karez.services.payments.reconciliation.matching.worktable import MatchRule, Worktable

_Amount = tuple[str, int]

# Of one group, so that a batch of any size costs no more than so many walks over it.
_SEARCHES_MAX = 64


def match_by_reference(table: Worktable, settled_before: Sequence[Movement]) -> None:
    """Settle or report every entry that has the name of one of our movements or batches.

    Args:
        table: With all items.
        settled_before: Movements of earlier runs, with which open entries may share a name.
    """
    groups = groups_by_name(table, table.references)
    for group in groups:
        _match_group(table, MatchRule.REFERENCE, group)
    _match_whole_batches(table, settled_before)
    for group in groups:
        _report_group(table, group)
    report_surplus(table, settled_by_reference([*settled_before, *table.settled_movements()]))
    for group in groups_by_name(table, table.batches):
        _match_group(table, MatchRule.BATCH, group)
        _report_group(table, group)
    report_surplus(table, settled_by_batch([*settled_before, *table.settled_movements()]))


def _match_whole_batches(table: Worktable, settled_before: Sequence[Movement]) -> None:
    """Match the entries of whole batches, which may list some of their payments only.

    An entry that lists a settled payment repeats that one, and what is open of its batch is another matter.
    """
    settled = settled_by_reference([*settled_before, *table.settled_movements()])
    for group in groups_by_name(table, table.batches):
        if not any(table.hits(place, settled) for place in group.entries):
            _match_whole(table, MatchRule.BATCH, group)


def _match_group(table: Worktable, rule: MatchRule, group: Group) -> None:
    if not _match_whole(table, rule, group) and len(group.movements) + len(group.entries) > 2:
        _match_equals(table, rule, group)
        _match_sum(table, rule, group)


def _match_whole(table: Worktable, rule: MatchRule, group: Group) -> bool:
    ours = [table.movements[place] for place in group.movements]
    theirs = [table.entries[place] for place in group.entries]
    agrees = not differences(ours, theirs)
    if agrees:
        table.settle(rule, group.movements, group.entries)
    return agrees


def _match_equals(table: Worktable, rule: MatchRule, group: Group) -> None:
    """Pair equal amounts, each with the nearest in time."""
    ours: dict[_Amount, list[int]] = defaultdict(list)
    theirs: dict[_Amount, list[int]] = defaultdict(list)
    for place in sorted(group.movements, key=lambda place: table.movements[place].day):
        ours[table.movements[place].currency, table.movements[place].amount_minor].append(place)
    for place in sorted(group.entries, key=lambda place: table.entries[place].day):
        theirs[table.entries[place].currency, table.entries[place].amount_minor].append(place)
    for amount, movements in ours.items():
        entries = theirs.get(amount, [])
        for movement, entry in _pairs_in_time(table, movements, entries):
            table.settle(rule, [movement], [entry])
        late = zip(table.open_movements(movements), table.open_entries(entries), strict=False)
        for movement, entry in late:
            table.settle(rule, [movement], [entry])


def _pairs_in_time(
    table: Worktable, movements: Sequence[int], entries: Sequence[int]
) -> list[tuple[int, int]]:
    """Walk through both sides, sorted by day, and pair what is near."""
    pairs = []
    ours, theirs = 0, 0
    while ours < len(movements) and theirs < len(entries):
        expected, booked = table.movements[movements[ours]].day, table.entries[entries[theirs]].day
        if table.tolerances.is_near(expected, booked):
            pairs.append((movements[ours], entries[theirs]))
            ours, theirs = ours + 1, theirs + 1
        elif expected < booked:
            ours += 1
        else:
            theirs += 1
    return pairs


def _match_sum(table: Worktable, rule: MatchRule, group: Group) -> None:
    """Match what is left of a group where some items of one side sum to one of the other."""
    movements, entries = table.open_movements(group.movements), table.open_entries(group.entries)
    ours = [table.movements[place] for place in movements]
    theirs = [table.entries[place] for place in entries]
    if not ours or not theirs or len(_currencies(ours) | _currencies(theirs)) > 1:
        return
    if not differences(ours, theirs):
        table.settle(rule, movements, entries)
    elif len(ours) == 1:
        chosen = find_summands([entry.amount_minor for entry in theirs], ours[0].amount_minor)
        if chosen is not None:
            table.settle(rule, movements, [entries[place] for place in chosen])
    else:
        for entry in sorted(entries, key=lambda place: table.entries[place].day)[:_SEARCHES_MAX]:
            _match_summands(table, rule, table.open_movements(movements), entry)


def _match_summands(table: Worktable, rule: MatchRule, movements: Sequence[int], entry: int) -> None:
    amounts = [table.movements[place].amount_minor for place in movements]
    chosen = find_summands(amounts, table.entries[entry].amount_minor) if amounts else None
    if chosen is not None:
        table.settle(rule, [movements[place] for place in chosen], [entry])


def _report_group(table: Worktable, group: Group) -> None:
    """Report what is left of a group if it is of both sides."""
    movements, entries = table.open_movements(group.movements), table.open_entries(group.entries)
    if not movements or not entries:
        return
    ours = [table.movements[place] for place in movements]
    theirs = [table.entries[place] for place in entries]
    if _currencies(ours) != _currencies(theirs):
        table.report(BreakKind.CURRENCY_DIFFERS, movements, entries, sentences.currency_differs(ours, theirs))
        return
    difference, expected = differences(ours, theirs), totals(ours)
    if len(difference) == 1 and all(
        table.tolerances.is_fee(amount, expected.get(currency, 0)) for currency, amount in difference.items()
    ):
        table.report(BreakKind.FEE_DEDUCTED, movements, entries, sentences.fee_deducted(ours, theirs))
    else:
        table.report(BreakKind.AMOUNT_DIFFERS, movements, entries, sentences.amount_differs(ours, theirs))


def _currencies(items: Sequence[Item]) -> set[str]:
    return {item.currency for item in items}
