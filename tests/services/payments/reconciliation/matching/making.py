"""Items of a reconciliation with everything filled in that a test does not care about."""

import itertools
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from karez.services.payments.reconciliation.matching.breaks import Break
from karez.services.payments.reconciliation.matching.items import Entry, Movement
from karez.services.payments.reconciliation.matching.reconciling import Reconciliation, reconcile
from karez.services.payments.reconciliation.matching.worktable import Match

DAY = date(2026, 3, 2)
COVERED_UNTIL = date(2026, 3, 31)

_numbers = itertools.count(1)


def movement(reference: str = "", amount_minor: int = 10_000, **fields: Any) -> Movement:
    """100.00 CNY that should come in on 2 March from an account of its own."""
    number = next(_numbers)
    given: dict[str, Any] = {
        "id": UUID(int=number),
        "reference": reference,
        "batch": "",
        "amount_minor": amount_minor,
        "currency": "CNY",
        "day": DAY,
        "counterparty": f"6222-{number}",
    }
    return Movement(**given | fields)


def entry(*references: str, amount_minor: int = 10_000, late_days: int = 0, **fields: Any) -> Entry:
    """100.00 CNY that came in on 2 March from an account of its own."""
    number = next(_numbers)
    given: dict[str, Any] = {
        "id": UUID(int=number),
        "references": references,
        "amount_minor": amount_minor,
        "currency": "CNY",
        "day": DAY + timedelta(days=late_days),
        "counterparty": f"6222-{number}",
        "text": "",
    }
    return Entry(**given | fields)


def reconciled(
    movements: Sequence[Movement], entries: Sequence[Entry], settled_before: Sequence[Movement] = ()
) -> Reconciliation:
    """The result on a day when everything should have been booked."""
    return reconcile(movements, entries, COVERED_UNTIL, settled_before=settled_before)


def only_match(movements: Sequence[Movement], entries: Sequence[Entry]) -> Match:
    """The one match that takes all items."""
    found = reconciled(movements, entries)
    assert not found.breaks, found.breaks
    (match,) = found.matches
    assert set(match.movements) == set(movements)
    assert set(match.entries) == set(entries)
    return match


def only_break(
    movements: Sequence[Movement], entries: Sequence[Entry], settled_before: Sequence[Movement] = ()
) -> Break:
    """The one break, beside whatever matches."""
    (found,) = reconciled(movements, entries, settled_before).breaks
    return found
