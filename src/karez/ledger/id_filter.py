"""Tells at once for most ids that they were never stored, without asking the database.

Ids rise with time, so an id above every id that existed when the filter began can only be known if it went
through the filter since. A miss is certain; a hit is only likely and sends the id to the database.
"""

import numpy as np
from numpy.typing import NDArray

from karez.ledger.id_index import mix_ids

_CELLS = 1 << 26
_CAPACITY = _CELLS // 32


class IdFilter:
    """A Bloom filter over recent ids with two probes of one byte each.

    Args:
        newest: The greatest 128-bit id stored so far.
    """

    def __init__(self, newest: int) -> None:
        self._cells = np.zeros(_CELLS, np.uint8)
        self._count = 0
        self._floor = newest
        self.newest = newest

    def maybe_known(self, hi: NDArray[np.uint64], lo: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Return false for each id that is certainly new."""
        first, second = self._probes(hi, lo)
        seen = (self._cells[first] & self._cells[second]).astype(bool)
        floor_hi, floor_lo = np.uint64(self._floor >> 64), np.uint64(self._floor & 2**64 - 1)
        old = (hi < floor_hi) | ((hi == floor_hi) & (lo <= floor_lo))
        return seen | old

    def add(self, hi: NDArray[np.uint64], lo: NDArray[np.uint64]) -> None:
        """Remember ids that have been stored."""
        if len(hi) == 0:
            return
        greatest_hi = hi.max()
        self.newest = max(self.newest, int(greatest_hi) << 64 | int(lo[hi == greatest_hi].max()))
        if self._count + len(hi) > _CAPACITY:
            self._cells.fill(0)
            self._count = 0
            self._floor = self.newest
            return
        self._count += len(hi)
        for probe in self._probes(hi, lo):
            self._cells[probe] = 1

    @staticmethod
    def _probes(
        hi: NDArray[np.uint64], lo: NDArray[np.uint64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        mixed = mix_ids(hi, lo)
        mask = np.uint64(_CELLS - 1)
        return (mixed & mask).astype(np.int64), (mixed >> np.uint64(32) & mask).astype(np.int64)
