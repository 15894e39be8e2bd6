"""Balance slices: the totals of the accounts, written in turn so that recovery is short and no commit stalls.

A slice is 1,024 neighbouring slots. Each commit writes a few of those that changed longest ago, as many as
keep the transfers to be replayed after a crash at about a million. A slice holds the totals as of its
commit; recovery loads all slices and adds the transfers that each of them has not seen.
"""

from itertools import islice
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from karez.ledger.columns import AccountColumns

_SLOT_BITS = 10
SLICE_ACCOUNTS = 1 << _SLOT_BITS
REPLAY_TARGET_TRANSFERS = 1_000_000
_TRANSFERS_PER_SLICE_MAX = 8_192


class SlicePlan:
    """Knows which slices have changed since they were written, and when they first did."""

    def __init__(self) -> None:
        # In the order of the moments.
        self._dirty_since_ns: dict[int, int] = {}
        self._budget = 0.0

    def mark(self, slots: NDArray[np.int64], first_ns: int) -> None:
        """Note that a commit that begins at this moment changes these slots."""
        slices = slots >> _SLOT_BITS
        touched = np.zeros(int(slices.max()) + 1, bool)
        touched[slices] = True
        named = np.flatnonzero(touched).tolist()
        dirty = self._dirty_since_ns
        if first_ns >= next(reversed(dirty.values()), first_ns):
            dirty |= dict.fromkeys(set(named) - dirty.keys(), first_ns)
        else:
            # Recovery marks each side of its transfers apart, so a later call may name an earlier moment.
            dirty |= {slice_: min(dirty.get(slice_, first_ns), first_ns) for slice_ in named}
            self._dirty_since_ns = dict(sorted(dirty.items(), key=itemgetter(1)))

    def due(self, transfer_count: int, account_count: int) -> list[int]:
        """Choose the slices to write with a commit of so many transfers."""
        slice_count = -(-account_count // SLICE_ACCOUNTS)
        rate = max(slice_count / REPLAY_TARGET_TRANSFERS, 1 / _TRANSFERS_PER_SLICE_MAX)
        self._budget += transfer_count * rate
        wanted = int(self._budget)
        self._budget -= wanted
        return list(islice(self._dirty_since_ns, wanted))

    def replay_from_ns(self, last_ns: int, written: list[int]) -> int:
        """Return the moment after which transfers are missing from the slices, once these are written."""
        written_ = set(written)
        left = (since for slice_, since in self._dirty_since_ns.items() if slice_ not in written_)
        return next(left, last_ns + 1) - 1

    def wrote(self, written: list[int]) -> None:
        """Note that a commit with these slices has succeeded."""
        for slice_ in written:
            self._dirty_since_ns.pop(slice_, None)

    def dirty(self) -> list[int]:
        """Return every slice that has changed since it was written."""
        return sorted(self._dirty_since_ns)


def slice_bytes(columns: AccountColumns, slice_: int) -> bytes:
    """Return the totals of one slice, each of the four kinds in turn, as little-endian int64."""
    first = slice_ * SLICE_ACCOUNTS
    end = min(first + SLICE_ACCOUNTS, len(columns))
    return np.ascontiguousarray(columns.totals[:, first:end], dtype="<i8").tobytes()


def read_slice(data: bytes) -> NDArray[np.int64]:
    """Return the totals in a stored slice, shape (4, number of accounts at that time)."""
    return np.frombuffer(data, "<i8").reshape(4, -1).astype(np.int64)
