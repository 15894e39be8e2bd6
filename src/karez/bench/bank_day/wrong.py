"""What is planted into a day: for each kind of break, the ways in which it comes about."""

from collections.abc import Callable, Mapping, Sequence

from karez.bench.bank_day.items import TOLERANCES, Maker
from karez.services.payments.reconciliation.matching.breaks import BreakKind
from karez.services.payments.reconciliation.matching.items import Entry, Movement

BreakItems = tuple[Sequence[Movement], Sequence[Entry]]
"""The items of the break, of what was put into the day."""

_FEE_MAX_MINOR = 100


def missing_at_bank(maker: Maker) -> BreakItems:
    """A payment that the bank does not know."""
    movement = maker.movement(batch=maker.random.choice(("", maker.name("BATCH"))))
    maker.add([movement], [])
    return [movement], []


def missing_in_a_batch(maker: Maker) -> BreakItems:
    """A batch of which the bank has paid all but one, as one entry under the batch's name."""
    name = maker.name("BATCH")
    movements = maker.batch(3, 30, name)
    maker.add(movements, [maker.whole_entry(movements[1:], name)])
    return [movements[0]], []


def missing_in_book(maker: Maker) -> BreakItems:
    """Money that nobody expects, with a reference of its own or none."""
    entry = maker.entry(maker.movement(), *maker.random.choice(((), (maker.name("E2E"),))))
    maker.add([], [entry])
    return [], [entry]


def returned(maker: Maker) -> BreakItems:
    """A payment that is booked and comes back under the same reference."""
    movement = maker.movement()
    back = maker.entry(movement, movement.reference, amount_minor=-movement.amount_minor)
    maker.add([movement], [maker.entry(movement, movement.reference), back])
    return [], [back]


def amount_differs(maker: Maker) -> BreakItems:
    """More at the bank than expected, by the smallest unit or a lot."""
    movement = maker.movement()
    more = maker.random.choice((1, 2 * TOLERANCES.fee_max_minor))
    entry = maker.entry(movement, movement.reference, amount_minor=movement.amount_minor + more)
    maker.add([movement], [entry])
    return [movement], [entry]


def much_less(maker: Maker) -> BreakItems:
    """Less at the bank than a fee explains."""
    movement = maker.movement()
    less = TOLERANCES.fee_max_minor + 1
    entry = maker.entry(movement, movement.reference, amount_minor=movement.amount_minor - less)
    maker.add([movement], [entry])
    return [movement], [entry]


def batch_differs(maker: Maker) -> BreakItems:
    """A batch whose entry is more than its sum."""
    name = maker.name("BATCH")
    movements = maker.batch(2, 20, name)
    entry = maker.whole_entry(movements, name, more_minor=1)
    maker.add(movements, [entry])
    return movements, [entry]


def fee_deducted(maker: Maker) -> BreakItems:
    """A little less at the bank than expected."""
    movement = maker.movement()
    fee = maker.random.randint(1, _FEE_MAX_MINOR)
    entry = maker.entry(movement, movement.reference, amount_minor=movement.amount_minor - fee)
    maker.add([movement], [entry])
    return [movement], [entry]


def fee_apart(maker: Maker) -> BreakItems:
    """The whole amount, and a fee beside it that nobody expects."""
    movement = maker.movement()
    fee = maker.random.randint(1, _FEE_MAX_MINOR)
    apart = maker.entry(movement, movement.reference, amount_minor=-fee)
    maker.add([movement], [maker.entry(movement, movement.reference), apart])
    return [], [apart]


def currency_differs(maker: Maker) -> BreakItems:
    """The right number in another currency, or another number too."""
    movement = maker.movement()
    amount_minor = maker.random.choice((movement.amount_minor, maker.amount()))
    entry = maker.entry(movement, movement.reference, currency="USD", amount_minor=amount_minor)
    maker.add([movement], [entry])
    return [movement], [entry]


def duplicate(maker: Maker) -> BreakItems:
    """A payment that the bank books once more."""
    movement = maker.movement()
    first = maker.entry(movement, movement.reference, late_days=0)
    again = maker.entry(movement, movement.reference, late_days=maker.random.randint(1, 9))
    maker.add([movement], [first, again])
    return [], [again]


def duplicate_of_a_batch(maker: Maker) -> BreakItems:
    """A batch that the bank books once more."""
    name = maker.name("BATCH")
    movements = maker.batch(2, 20, name)
    again = maker.whole_entry(movements, name, late_days=1)
    maker.add(movements, [maker.whole_entry(movements, name, late_days=0), again])
    return [], [again]


def duplicate_in_a_batch(maker: Maker) -> BreakItems:
    """A payment of a batch that the bank books twice, beside one of the same amount."""
    name = maker.name("BATCH")
    twice, *others = maker.batch(3, 9, name)
    alike = maker.movement(twice.amount_minor, name)
    entries = [maker.entry(each, each.reference, name) for each in (alike, *others)]
    first = maker.entry(twice, twice.reference, name, late_days=0)
    again = maker.entry(twice, twice.reference, name, late_days=1)
    maker.add([twice, alike, *others], [first, again, *entries])
    return [], [again]


def duplicate_of_an_earlier_day(maker: Maker) -> BreakItems:
    """A payment that an earlier run has settled."""
    movement = maker.movement()
    again = maker.entry(movement, movement.reference)
    maker.day.settled_before.append(movement)
    maker.add([], [again])
    return [], [again]


def date_differs(maker: Maker) -> BreakItems:
    """Just too late, much too late, or too early."""
    movement = maker.movement()
    late_days = maker.random.choice((TOLERANCES.days + 1, 10, -TOLERANCES.days - 1))
    entry = maker.entry(movement, movement.reference, late_days=late_days)
    maker.add([movement], [entry])
    return [movement], [entry]


def reference_unknown(maker: Maker) -> BreakItems:
    """A mistake in the reference, with or without the other side's account."""
    movement = maker.movement()
    counterparty = maker.random.choice((movement.counterparty, ""))
    entry = maker.entry(movement, movement.reference[:-1] + "X", counterparty=counterparty)
    maker.add([movement], [entry])
    return [movement], [entry]


def two_alike(maker: Maker) -> BreakItems:
    """Two payments of the same amount from the same side, neither with a reference."""
    first = maker.movement()
    second = maker.movement(first.amount_minor, counterparty=first.counterparty)
    entries = [maker.entry(first), maker.entry(second)]
    maker.add([first, second], entries)
    return [first, second], entries


WRONG: Mapping[BreakKind, Sequence[Callable[[Maker], BreakItems]]] = {
    BreakKind.MISSING_AT_BANK: (missing_at_bank, missing_in_a_batch),
    BreakKind.MISSING_IN_BOOK: (missing_in_book, returned),
    BreakKind.AMOUNT_DIFFERS: (amount_differs, much_less, batch_differs),
    BreakKind.FEE_DEDUCTED: (fee_deducted, fee_apart),
    BreakKind.CURRENCY_DIFFERS: (currency_differs,),
    BreakKind.DUPLICATE_AT_BANK: (
        duplicate,
        duplicate_of_a_batch,
        duplicate_in_a_batch,
        duplicate_of_an_earlier_day,
    ),
    BreakKind.DATE_DIFFERS: (date_differs,),
    BreakKind.REFERENCE_UNCLEAR: (reference_unknown, two_alike),
}
"""Ways to plant each kind."""
