"""Running totals of many accounts at once."""

import numpy as np
from numpy.typing import NDArray


def running_totals(
    slots: NDArray[np.int64], changes: NDArray[np.int64], totals: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Apply changes in order and return what each of them led to.

    Sums may pass beyond 64 bits on the way and come back, because int64 wraps around; each result is exact as
    long as it fits itself.

    Args:
        slots: Account of each change, ascending; within an account in the order of time.
        changes: Shape (n, kinds).
        totals: Shape (accounts, kinds), before the changes; brought forward in place.

    Returns:
        Shape (n, kinds): the totals of the change's account right after it.
    """
    is_first = np.ones(len(slots), bool)
    is_first[1:] = slots[1:] != slots[:-1]
    first = np.flatnonzero(is_first)
    sums = np.cumsum(changes, axis=0)
    start = totals[slots[first]] - sums[first] + changes[first]
    after: NDArray[np.int64] = sums + start[np.cumsum(is_first) - 1]
    last = np.append(first[1:], len(slots)) - 1
    totals[slots[last]] = after[last]
    return after
