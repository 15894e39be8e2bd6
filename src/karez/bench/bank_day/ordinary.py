"""What banks do to payments that is as it should be."""

from collections.abc import Callable, Mapping

from karez.bench.bank_day.items import Maker


def one_to_one(maker: Maker) -> None:
    """One entry under the payment's reference, as some bank spells it."""
    movement = maker.movement()
    name = maker.random.choice((movement.reference, movement.reference.lower(), f" {movement.reference} "))
    maker.add([movement], [maker.entry(movement, name)])


def named_in_text(maker: Maker) -> None:
    """The payer's own reference in its field, and ours in the text."""
    movement = maker.movement()
    text = f"payment for {movement.reference}, thank you"
    maker.add([movement], [maker.entry(movement, maker.name("E2E"), text=text)])


def nameless(maker: Maker) -> None:
    """No reference at all."""
    movement = maker.movement()
    maker.add([movement], [maker.entry(movement)])


def batch_as_one(maker: Maker) -> None:
    """A batch as one entry, which may list some of its payments."""
    name = maker.name("BATCH")
    movements = maker.batch(2, 60, name)
    listed = [movement.reference for movement in movements[: maker.random.choice((0, 0, 3))]]
    maker.add(movements, [maker.whole_entry(movements, name, *listed)])


def batch_one_by_one(maker: Maker) -> None:
    """A batch as one entry for each payment."""
    name = maker.name("BATCH")
    movements = maker.batch(2, 20, name)
    maker.add(movements, [maker.entry(each, each.reference, name) for each in movements])


def batch_without_name(maker: Maker) -> None:
    """A batch as one entry that says nothing."""
    movements = maker.batch(2, 30, maker.name("BATCH"))
    maker.add(movements, [maker.whole_entry(movements)])


def batch_in_parts(maker: Maker) -> None:
    """A batch as several entries, cut anywhere."""
    name = maker.name("BATCH")
    movements = maker.batch(4, 10, name)
    total = sum(movement.amount_minor for movement in movements)
    parts = maker.parts(total, 3)
    maker.add(
        movements, [maker.entry(movements[0], name, amount_minor=part, counterparty="") for part in parts]
    )


def several_to_one_side(maker: Maker) -> None:
    """Several payments to one shop as one entry without a reference."""
    movements = maker.batch(2, 6, counterparty=maker.name("622203"))
    total = sum(movement.amount_minor for movement in movements)
    maker.add(movements, [maker.entry(movements[0], amount_minor=total)])


def listed_references(maker: Maker) -> None:
    """One entry that lists all its payments."""
    movements = maker.batch(2, 5)
    maker.add(movements, [maker.whole_entry(movements, *(movement.reference for movement in movements))])


def in_parts(maker: Maker) -> None:
    """One payment as several entries under its reference."""
    movement = maker.movement()
    parts = maker.parts(movement.amount_minor, 4)
    maker.add([movement], [maker.entry(movement, movement.reference, amount_minor=part) for part in parts])


def in_nameless_parts(maker: Maker) -> None:
    """One payment as several entries without a reference."""
    movement = maker.movement()
    parts = maker.parts(movement.amount_minor, 4)
    maker.add([movement], [maker.entry(movement, amount_minor=part) for part in parts])


def net_of_a_fee_booked_apart(maker: Maker) -> None:
    """A payment that is expected without its fee, and booked whole with the fee beside it."""
    movement = maker.movement()
    fee = maker.random.randint(1, 50)
    whole = maker.entry(movement, movement.reference, amount_minor=movement.amount_minor + fee)
    maker.add([movement], [whole, maker.entry(movement, movement.reference, amount_minor=-fee)])


ORDINARY: Mapping[Callable[[Maker], None], int] = {
    one_to_one: 1_000,
    named_in_text: 30,
    nameless: 50,
    batch_as_one: 8,
    batch_one_by_one: 8,
    batch_without_name: 2,
    batch_in_parts: 2,
    several_to_one_side: 10,
    listed_references: 10,
    in_parts: 10,
    in_nameless_parts: 10,
    net_of_a_fee_booked_apart: 10,
}
"""How often each happens."""
