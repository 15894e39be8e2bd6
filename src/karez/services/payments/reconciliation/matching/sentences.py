"""Why something is a break, in one sentence that names the payment."""

from collections.abc import Iterable, Sequence

from karez.services.payments.reconciliation.matching.items import (
    Entry,
    Item,
    Movement,
    differences,
    told_amount,
    totals,
)

_NAMES_SHOWN_MAX = 3
_NAME_LENGTH_MAX = 40


def missing_at_bank(movement: Movement, covered_until: str) -> str:
    """Return why a movement should have been booked by now."""
    return (
        f"{_told(movement)} was expected on {movement.day} under {_names([movement])}, and the bank's statements "
        f"until {covered_until} do not have it."
    )


def missing_in_book(entry: Entry) -> str:
    """Return why an entry is a surprise."""
    return f"{_booked(entry)}; nothing like it is expected."


def returned(entry: Entry) -> str:
    """Return why an entry looks like a payment that came back."""
    return (
        f"{_booked(entry)}, which undoes a payment of this amount "
        "that was settled; it may have been returned."
    )


def after_settlement(entry: Entry) -> str:
    """Return why an entry is one too many."""
    return f"{_booked(entry)}, but what was expected under it is settled, with another amount."


def duplicate(entry: Entry) -> str:
    """Return why an entry is a repetition."""
    return f"{_booked(entry)} once more; it was expected once and is settled."


def amount_differs(movements: Sequence[Movement], entries: Sequence[Entry]) -> str:
    """Return how the sums of two sides differ that belong together by reference."""
    return f"{_both(movements, entries)}: the bank has {_difference(movements, entries)}."


def fee_deducted(movements: Sequence[Movement], entries: Sequence[Entry]) -> str:
    """Return why a difference is taken for a fee."""
    difference = _difference(movements, entries)
    return f"{_both(movements, entries)}: the bank has {difference}, which is as much as a fee may be."


def fee_apart(entry: Entry) -> str:
    """Return why an entry is taken for the fee of a settled payment."""
    return f"{_booked(entry)}, whose payment is settled; it is as much as a fee may be."


def currency_differs(movements: Sequence[Movement], entries: Sequence[Entry]) -> str:
    """Return what came in another currency."""
    return f"{_both(movements, entries)}: the bank booked another currency than was expected."


def date_differs(movements: Sequence[Movement], entries: Sequence[Entry], days: int) -> str:
    """Return how far the days are apart."""
    return (
        f"{_sums(movements)} under {_names(movements)} was expected on {_days(movements)} and the bank booked it on "
        f"{_days(entries)}, more than {days} days off."
    )


def reference_unknown(movement: Movement, entry: Entry) -> str:
    """Return why a pair needs somebody's eye."""
    return (
        f"{_booked(entry)}, which is none of ours; amount, day and other side would fit {_names([movement])}."
    )


def ambiguous(movements: Sequence[Movement], entries: Sequence[Entry]) -> str:
    """Return why it cannot be told which belongs to which."""
    return (
        f"{len(entries)} entries of the bank and {len(movements)} expected movements of {_told(entries[0])} around "
        f"{entries[0].day} could be one another's; no reference tells which ({_names(movements)})."
    )


def _both(movements: Sequence[Movement], entries: Sequence[Entry]) -> str:
    return (
        f"{_sums(movements)} was expected under {_names(movements)} and the bank booked {_sums(entries)} on "
        f"{_days(entries)}"
    )


def _booked(entry: Entry) -> str:
    return f"The bank booked {_told(entry)} on {entry.day} under {_names([entry])}"


def _told(item: Item) -> str:
    return _directed(item.amount_minor, item.currency)


def _directed(amount_minor: int, currency: str) -> str:
    return f"{told_amount(abs(amount_minor), currency)} {'in' if amount_minor > 0 else 'out'}"


def _sums(items: Iterable[Item]) -> str:
    listed = list(items)
    sums = totals(listed) or {listed[0].currency: 0}
    return " and ".join(_directed(amount, currency) for currency, amount in sorted(sums.items()))


def _difference(movements: Sequence[Movement], entries: Sequence[Entry]) -> str:
    return " and ".join(
        f"{told_amount(abs(amount), currency)} {'more' if amount > 0 else 'less'}"
        for currency, amount in sorted(differences(movements, entries).items())
    )


def _days(items: Iterable[Item]) -> str:
    days = sorted({item.day for item in items})
    return str(days[0]) if len(days) == 1 else f"{days[0]} to {days[-1]}"


def _names(items: Iterable[Item]) -> str:
    names: dict[str, None] = {}
    for item in items:
        given = (item.reference,) if isinstance(item, Movement) else item.references
        names.update(dict.fromkeys(name[:_NAME_LENGTH_MAX] for name in given if name))
    if not names:
        return "no reference"
    shown = ", ".join(repr(name) for name in list(names)[:_NAMES_SHOWN_MAX])
    more = len(names) - _NAMES_SHOWN_MAX
    return f"{shown} and {more} more" if more > 0 else shown
