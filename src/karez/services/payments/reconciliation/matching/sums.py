"""Which of some amounts make up another one, if exactly one choice does.

    97.00 out of 50.00, 30.00, 47.00: the first and the third

A bank books a batch as one entry, or a payment in parts. Looking at all choices takes twice as long with every
amount, so beyond a dozen only "all of them" and "all but one" are tried.
"""

from collections.abc import Sequence

import numpy as np

CHOICES_AMOUNTS_MAX = 12
"""Among so many amounts every choice is tried."""

_SUM_MAX = 2**62


def find_summands(amounts: Sequence[int], target: int) -> tuple[int, ...] | None:
    """Return the places of the amounts that sum to a target, if it is all of them or there is only one choice.

    Args:
        amounts: In minor units, signed; at least one.
        target: Likewise.
    """
    total = sum(amounts)
    if total == target:
        return tuple(range(len(amounts)))
    if len(amounts) <= CHOICES_AMOUNTS_MAX:
        return _only_choice(amounts, target)
    left_out = [place for place, amount in enumerate(amounts) if amount == total - target]
    if len(left_out) != 1:
        return None
    return tuple(place for place in range(len(amounts)) if place != left_out[0])


def _only_choice(amounts: Sequence[int], target: int) -> tuple[int, ...] | None:
    if sum(map(abs, amounts)) >= _SUM_MAX:
        return None  # would not fit 64 bits
    sums = np.zeros(1, np.int64)
    for amount in amounts:
        sums = np.concatenate([sums, sums + amount])
    # The bits of a sum's place say which amounts are in it; place 0 is the choice of none.
    choices = np.flatnonzero(sums[1:] == target) + 1
    if len(choices) != 1:
        return None
    bits = int(choices[0])
    return tuple(place for place in range(len(amounts)) if bits >> place & 1)
