"""Entries under a name whose movements are all settled: repetitions, fees booked apart, payments that came back."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from karez.services.payments.reconciliation.matching import sentences
from karez.services.payments.reconciliation.matching.breaks import BreakKind
from karez.services.payments.reconciliation.matching.items import Entry, Movement, name_of
from karez.services.payments.reconciliation.matching.tolerances import Tolerances
from karez.services.payments.reconciliation.matching.worktable import Worktable

SettledAmounts = Mapping[str, set[tuple[str, int]]]
"""Currency and signed amount of what is settled, by name."""


def settled_by_reference(movements: Iterable[Movement]) -> SettledAmounts:
    """Return what is settled under each payment's own name."""
    amounts: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for movement in movements:
        amounts[name_of(movement.reference)].add((movement.currency, movement.amount_minor))
    amounts.pop("", None)
    return amounts


def settled_by_batch(movements: Iterable[Movement]) -> SettledAmounts:
    """Return what is settled under the name of each batch: its parts and its whole sum."""
    amounts: dict[str, set[tuple[str, int]]] = defaultdict(set)
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for movement in movements:
        if movement.batch:
            name = name_of(movement.batch)
            amounts[name].add((movement.currency, movement.amount_minor))
            sums[name, movement.currency] += movement.amount_minor
    for (name, currency), amount_minor in sums.items():
        amounts[name].add((currency, amount_minor))
    return amounts


def report_surplus(table: Worktable, settled: SettledAmounts) -> None:
    """Report every open entry that has a name under which something is settled."""
    for place in table.open_entries():
        names = table.hits(place, settled)
        if names:
            entry = table.entries[place]
            amounts = {minor for name in names for code, minor in settled[name] if code == entry.currency}
            kind, reason = _judge(entry, amounts, table.tolerances)
            came_back = (
                kind is BreakKind.MISSING_IN_BOOK
                and entry.amount_minor > 0
                and -entry.amount_minor in amounts
            )
            table.report(kind, [], [place], reason, came_back=came_back)


def _judge(entry: Entry, amounts: set[int], tolerances: Tolerances) -> tuple[BreakKind, str]:
    if entry.amount_minor in amounts:
        return BreakKind.DUPLICATE_AT_BANK, sentences.duplicate(entry)
    if any(tolerances.is_fee(entry.amount_minor, amount_minor) for amount_minor in amounts):
        return BreakKind.FEE_DEDUCTED, sentences.fee_apart(entry)
    if -entry.amount_minor in amounts:
        return BreakKind.MISSING_IN_BOOK, sentences.returned(entry)
    return BreakKind.MISSING_IN_BOOK, sentences.after_settlement(entry)
