"""What a trade is paid from: one leg for each source, in the order in which they are taken.

Refunds go back in reverse order: what was paid last is returned first.
"""

from collections.abc import Iterator, Sequence
from uuid import UUID

import msgspec


class Leg(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of a payment.

    Attributes:
        source: The kind of source, such as ``balance``.
        account: The account that it comes from and goes back to.
        amount_minor: How much.
        reference: The source's own name for what was used, such as a coupon or a card's token.
        until_ns: Until when what was used can be used again, if all of it goes back; 0 where that means nothing.
    """

    source: str
    account: UUID
    amount_minor: int
    reference: str = ""
    until_ns: int = 0


def returns(
    legs: Sequence[Leg], already_returned_minor: int, amount_minor: int
) -> Iterator[tuple[int, Leg, int]]:
    """Split what goes back over the legs, the last one first.

    Args:
        legs: In the order of payment.
        already_returned_minor: What has gone back before, by the same rule.
        amount_minor: What goes back now; with the former at most the sum of the legs.

    Returns:
        For each leg that gets something its index, itself and how much.
    """
    left = amount_minor
    for index in range(len(legs) - 1, -1, -1):
        leg = legs[index]
        part = min(leg.amount_minor - returned_of(legs, index, already_returned_minor), left)
        if part:
            yield index, leg, part
        left -= part
    assert left == 0, "more is returned than was paid"


def returned_of(legs: Sequence[Leg], index: int, returned_minor: int) -> int:
    """Return how much of one leg has gone back.

    Args:
        legs: In the order of payment.
        index: Which of them.
        returned_minor: What has gone back of all of them.
    """
    later_minor = sum(leg.amount_minor for leg in legs[index + 1 :])
    return min(max(returned_minor - later_minor, 0), legs[index].amount_minor)
