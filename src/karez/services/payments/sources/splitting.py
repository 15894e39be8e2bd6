"""Splitting a price over sources: each gives up to its maximum in order, together exactly the price.

Worked example: 30.00 are to be paid from a coupon over 5.00, a wallet with 18.00, and a card. The coupon gives 5.00,
the wallet 18.00, the card 7.00. At a price of 20.00 the wallet gives 15.00 and the card is not asked.
"""

from collections.abc import Callable, Sequence

from karez.core.outcomes import Rejected
from karez.services.payments.sources.door import Wanted

SOURCES_MAX = 8

MostMinor = Callable[[int], int]
"""What a source gives at most: ``most_minor(left_minor)``; it is not asked once nothing is left to pay."""


def split(price_minor: int, sources: Sequence[MostMinor]) -> list[int]:
    """Return how much each source gives.

    Args:
        price_minor: Above 0.
        sources: In the order in which they are taken.

    Rejections: ``sources_too_small``, and what the sources reject.
    """
    left_minor = price_minor
    parts = []
    for most_minor in sources:
        part = min(left_minor, max(most_minor(left_minor), 0)) if left_minor else 0
        parts.append(part)
        left_minor -= part
    if left_minor:
        raise Rejected(
            "sources_too_small",
            f"The sources give {left_minor} minor units less than the price; add a source, or pay some money in.",
            missing_minor=left_minor,
        )
    return parts


def check_sources(wanted: Sequence[Wanted]) -> None:
    """Refuse a list that names no source, too many, or one of them twice.

    Rejections: ``sources_out_of_range``, ``source_named_twice``.
    """
    if not 0 < len(wanted) <= SOURCES_MAX:
        raise Rejected(
            "sources_out_of_range", f"A payment is taken from 1 to {SOURCES_MAX} sources; shorten the list."
        )
    if len(set(wanted)) < len(wanted):
        raise Rejected("source_named_twice", "A source stands in the list twice; name each source once.")
