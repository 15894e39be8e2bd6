"""Tells at once for most ids that they were never stored, without asking the database.

Ids rise with time, so an id above every id that existed when the filter began can only be known if it went
through the filter since. A miss is certain; a hit is only likely and sends the id to the database.
"""

import numpy as np
from numpy.typing import NDArray

from karez.ledger.id_index import mix_ids

_WORD_COUNT_LOG2 = 23
_CAPACITY = (1 << _WORD_COUNT_LOG2) // 4
_BITS_OF_AN_ID = 4


class IdFilter:
    """A Bloom filter over recent ids, all bits of an id in one 64-bit word: one cache miss an id.

    It takes 64 MiB. Filled to its capacity of two million ids it mistakes one new id in 80,000 for a known one.

    Args:
        newest: The greatest 128-bit id stored so far.
    """

    def __init__(self, newest: int) -> None:
        self._words = np.zeros(1 << _WORD_COUNT_LOG2, np.uint64)
        self._count = 0
        self._floor = newest
        self.newest = newest

    def maybe_known(self, hi: NDArray[np.uint64], lo: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Return false for each id that is certainly new."""
        word, bits = _places(hi, lo)
        known = (self._words.take(word) & bits) == bits
        known |= ~_above(self._floor, hi, lo)
        return known

    def add(self, hi: NDArray[np.uint64], lo: NDArray[np.uint64]) -> None:
        """Remember ids that have been stored."""
        if len(hi) == 0:
            return
        greatest_hi = hi.max()
        self.newest = max(self.newest, int(greatest_hi) << 64 | int(lo[hi == greatest_hi].max()))
        if self._count + len(hi) > _CAPACITY:
            self._words.fill(0)
            self._count = 0
            self._floor = self.newest
            return
        self._count += len(hi)
        word, bits = _places(hi, lo)
        while len(word):
            self._words[word] |= bits
            # Of two ids of one word only the last has been written.
            lost = (self._words[word] & bits) != bits
            word, bits = word[lost], bits[lost]


def _above(id_: int, hi: NDArray[np.uint64], lo: NDArray[np.uint64]) -> NDArray[np.bool_]:
    id_hi, id_lo = np.uint64(id_ >> 64), np.uint64(id_ & 2**64 - 1)
    return (hi > id_hi) | ((hi == id_hi) & (lo > id_lo))


def _places(hi: NDArray[np.uint64], lo: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Return the word of each id and its bits within."""
    mixed = mix_ids(hi, lo)
    word = (mixed >> np.uint64(64 - _WORD_COUNT_LOG2)).view(np.int64)
    bits = np.zeros_like(mixed)
    for _ in range(_BITS_OF_AN_ID):
        bits |= np.uint64(1) << (mixed & np.uint64(63))
        mixed >>= np.uint64(6)
    return word, bits
