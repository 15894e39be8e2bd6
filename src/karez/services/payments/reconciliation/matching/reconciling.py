"""Compares what Karez expects at a bank with what the bank says: matches, breaks, and what may still come in time.

    expected: PO-1 97.00 out, PO-2 12.50 out (batch B-7), IN-3 100.00 in
    bank:     B-7 109.50 out, IN-3 98.00 in

PO-1 and PO-2 match the one entry by the name of their batch; IN-3 is a break: 2.00 less, taken for the bank's fee.

Every item ends in exactly one place, and the sums of a match agree in each currency. The work grows with the number
of items (and the sorting of those that no reference settles), however they are made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from karez.services.payments.reconciliation.matching import sentences
from karez.services.payments.reconciliation.matching.breaks import Break, BreakKind
from karez.services.payments.reconciliation.matching.by_amount import match_by_amount
from karez.services.payments.reconciliation.matching.by_reference import match_by_reference
from karez.services.payments.reconciliation.matching.by_sum import match_by_sum
from karez.services.payments.reconciliation.matching.items import Entry, Movement, name_of
from karez.services.payments.reconciliation.matching.tolerances import Tolerances
from karez.services.payments.reconciliation.matching.worktable import Match, Waiting, Worktable, words_of


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What became of all items.

    Attributes:
        matches: Items that are one another's.
        breaks: Items that do not fit, with what can be done.
        waiting: Movements that the bank may still book in time.
    """

    matches: tuple[Match, ...]
    breaks: tuple[Break, ...]
    waiting: tuple[Waiting, ...]


def reconcile(
    movements: Sequence[Movement],
    entries: Sequence[Entry],
    covered_until: date,
    tolerances: Tolerances | None = None,
    settled_before: Sequence[Movement] = (),
) -> Reconciliation:
    """Compare the open items of both sides at one bank.

    Args:
        movements: What is expected and not settled; no amount is zero.
        entries: What the bank has booked and is not settled.
        covered_until: The last day of which the bank's statements have every entry.
        tolerances: What is agreed with the bank.
        settled_before: Movements of earlier runs whose reference or batch an open entry names, to tell a repetition
            from a surprise.
    """
    table = Worktable(movements, entries, tolerances or Tolerances())
    match_by_reference(table, settled_before)
    match_by_amount(table)
    match_by_sum(table)
    for place in table.open_entries():
        table.report(BreakKind.MISSING_IN_BOOK, [], [place], sentences.missing_in_book(entries[place]))
    waiting = []
    for place in table.open_movements():
        until = movements[place].day + timedelta(days=table.tolerances.days)
        if until > covered_until:
            waiting.append(Waiting(movements[place], until))
        else:
            reason = sentences.missing_at_bank(movements[place], str(covered_until))
            table.report(BreakKind.MISSING_AT_BANK, [place], [], reason)
    return Reconciliation(tuple(table.matches), tuple(table.breaks), tuple(waiting))


def names_to_look_up(movements: Sequence[Movement], entries: Sequence[Entry]) -> set[str]:
    """Return the names in entries that no open movement has; earlier runs may have settled what has them.

    Args:
        movements: What is expected and not settled.
        entries: What the bank has booked and is not settled.
    """
    known = {name_of(movement.reference) for movement in movements}
    unknown = set()
    for entry in entries:
        names = set(map(name_of, entry.references))
        if names.isdisjoint(known):
            names.update(words_of(entry.text))
        unknown |= names - known
    return unknown
