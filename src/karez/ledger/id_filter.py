"""Tells at once for most ids that they were never stored, without asking the database.

Ids rise with time, so an id above every id that existed when the filter began can only be known if it went
through the filter since. A miss is certain; a hit is only likely and sends the id to the database.

Some callers' ids have nothing to do with time. Those that are ahead of it are *far*: they must not push up the
mark below which ids are old, so they are kept by themselves and put into the filter whenever it begins anew.
"""

import numpy as np
from numpy.typing import NDArray

from karez.ledger.id_index import mix_ids

_WORD_COUNT_LOG2 = np.uint64(23)
_WORD_COUNT = 1 << 23
_LAST_WORD = np.uint64(_WORD_COUNT - 1)
_CAPACITY = _WORD_COUNT // 4
FAR_MAX = _CAPACITY // 2
_BIT_SHIFTS = np.array([[0], [6], [12], [18]], np.uint64)
"""Where each of the four bits of an id gets its number from."""


Halves = tuple[NDArray[np.uint64], NDArray[np.uint64]]


class IdFilter:
    """A Bloom filter over recent ids, all bits of an id in one 64-bit word: one cache miss an id.

    It takes 64 MiB. Filled to its capacity of two million ids it mistakes one new id in 80,000 for a known one.

    Args:
        newest: The greatest 128-bit id stored so far that was not ahead of its time.
        far: Halves of all stored ids above that.
    """

    def __init__(self, newest: int, far: Halves | None = None) -> None:
        self._words = np.zeros(_WORD_COUNT, np.uint64)
        self._count = 0
        self._floor = newest
        self._far: list[Halves] = [] if far is None else [far]
        self.newest = newest
        self._begin()

    def maybe_known(self, hi: NDArray[np.uint64], lo: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Return false for each id that is certainly new."""
        if not self._far:
            newer = _above(max(self.newest, self._floor), hi, lo)
            if newer.all():
                return ~newer
        word, bits = _places(hi, lo)
        known: NDArray[np.bool_] = (self._words.take(word) & bits) == bits
        known |= ~_above(self._floor, hi, lo)
        return known

    def add(self, hi: NDArray[np.uint64], lo: NDArray[np.uint64], horizon: int) -> None:
        """Remember ids that have been stored.

        Args:
            hi: Upper halves.
            lo: Lower halves.
            horizon: Ids above this are ahead of their time.
        """
        if len(hi) == 0:
            return
        far = _above(horizon, hi, lo)
        if far.any():
            self._far.append((hi[far], lo[far]))
            near = ~far
            self._raise_newest(hi[near], lo[near])
        else:
            self._raise_newest(hi, lo)
        if self._count + len(hi) > _CAPACITY:
            self._begin()
        else:
            self._put(hi, lo)

    def _raise_newest(self, hi: NDArray[np.uint64], lo: NDArray[np.uint64]) -> None:
        if len(hi):
            self.newest = max(self.newest, _greatest(hi, lo))

    def _begin(self) -> None:
        """Forget everything up to the newest id and keep only what is far above it."""
        self._words.fill(0)
        self._count = 0
        self._floor = self.newest
        if not self._far:
            return
        hi, lo = (np.concatenate(halves) for halves in zip(*self._far, strict=True))
        above = _above(self._floor, hi, lo)
        hi, lo = hi[above], lo[above]
        if len(hi) > FAR_MAX:
            # So many that every id is looked up from now on: slow, but right.
            self._floor = _greatest(hi, lo)
            self._far = []
            return
        self._far = [(hi, lo)] if len(hi) else []
        self._put(hi, lo)

    def _put(self, hi: NDArray[np.uint64], lo: NDArray[np.uint64]) -> None:
        self._count += len(hi)
        word, bits = _places(hi, lo)
        while len(word):
            self._words[word] |= bits
            # Of two ids of one word only the last has been written.
            lost = (self._words[word] & bits) != bits
            word, bits = word[lost], bits[lost]


def _greatest(hi: NDArray[np.uint64], lo: NDArray[np.uint64]) -> int:
    greatest_hi = hi.max()
    return int(greatest_hi) << 64 | int(lo[hi == greatest_hi].max())


def _above(id_: int, hi: NDArray[np.uint64], lo: NDArray[np.uint64]) -> NDArray[np.bool_]:
    id_hi, id_lo = np.uint64(id_ >> 64), np.uint64(id_ & 2**64 - 1)
    above: NDArray[np.bool_] = (hi > id_hi) | ((hi == id_hi) & (lo > id_lo))
    return above


def _places(hi: NDArray[np.uint64], lo: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Return the word of each id and its bits within; ids that were counted up lie side by side."""
    mixed = mix_ids(hi, lo >> _WORD_COUNT_LOG2)
    word = ((mixed >> _WORD_COUNT_LOG2) + lo & _LAST_WORD).view(np.int64)
    bits = np.uint64(1) << (mixed >> _BIT_SHIFTS & np.uint64(63))
    return word, np.bitwise_or.reduce(bits)
