"""A vectorised map from 128-bit ids to small integers: open addressing in numpy arrays.

A Python dict costs about 0.15 us a look-up and 100 bytes an id; this costs a third of both, and looks up a
whole batch at once.
"""

import secrets
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

# Secret, so that nobody can choose ids that all fall into one place.
_MULTIPLIER_HI = np.uint64(secrets.randbits(64) | 1)
_MULTIPLIER_LO = np.uint64(secrets.randbits(64) | 1)
_EMPTY = -1
_CACHE_LINE_BYTES = 64


def mix_ids(hi: NDArray[np.uint64], lo: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Fold ids to well-spread 64-bit values; equal ids give equal values, different ids almost always differ."""
    mixed = hi * _MULTIPLIER_HI
    mixed ^= lo * _MULTIPLIER_LO
    mixed ^= mixed >> np.uint64(29)
    mixed *= _MULTIPLIER_HI
    mixed ^= mixed >> np.uint64(32)
    return mixed


class IdIndex:
    """Maps ids to the dense slots 0, 1, 2, ... in the order in which they were added.

    Args:
        capacity: For how many ids to make room at first, a power of two.
        fields: Further fields of a record, which are the caller's: name and numpy type.

    Attributes:
        records: By slot: ``id_hi``, ``id_lo`` and the further fields, zero at first. A record lies within one cache
            line where its size allows. When the index grows, this becomes a new array.
    """

    def __init__(self, capacity: int = 1_024, fields: Sequence[tuple[str, str]] = ()) -> None:
        self._dtype = np.dtype([("id_hi", "<u8"), ("id_lo", "<u8"), *fields])
        self._count = 0
        self.records: NDArray[np.void] = np.zeros(0, self._dtype)
        self._make_room(capacity)

    def __len__(self) -> int:
        return self._count

    @property
    def hi(self) -> NDArray[np.uint64]:
        """The upper halves of all ids, by slot."""
        return self._hi[: self._count]

    @property
    def lo(self) -> NDArray[np.uint64]:
        """The lower halves of all ids, by slot."""
        return self._lo[: self._count]

    def find(self, hi: NDArray[np.uint64], lo: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return the slot of each id, -1 where it is not known, in the shape in which the halves are given."""
        position = (mix_ids(hi, lo) & np.uint64(len(self._table) - 1)).view(np.int64)
        slot = self._table.take(position).astype(np.int64)
        wrong = np.flatnonzero(self._differs(slot, hi, lo))
        if len(wrong):
            spots = np.unravel_index(wrong, slot.shape)
            self._probe(slot.reshape(-1), wrong, position[spots], hi[spots], lo[spots])
        return slot

    def _differs(
        self, slot: NDArray[np.int64], hi: NDArray[np.uint64], lo: NDArray[np.uint64]
    ) -> NDArray[np.bool_]:
        """Tell where a slot belongs to another id."""
        differs: NDArray[np.bool_] = self._hi[slot] != hi
        differs |= self._lo[slot] != lo
        differs &= slot != _EMPTY
        return differs

    def _probe(
        self,
        slot: NDArray[np.int64],
        wrong: NDArray[np.int64],
        position: NDArray[np.int64],
        hi: NDArray[np.uint64],
        lo: NDArray[np.uint64],
    ) -> None:
        """Correct the slots that are wrong, going on from their positions."""
        last = len(self._table) - 1
        while len(wrong):
            position = position + 1 & last
            found = self._table[position].astype(np.int64)
            slot[wrong] = found
            still = self._differs(found, hi, lo)
            wrong, position, hi, lo = wrong[still], position[still], hi[still], lo[still]

    def add(self, ids: list[int]) -> range:
        """Append ids that are not in the index yet and return their slots."""
        hi = np.array([id_ >> 64 for id_ in ids], np.uint64)
        lo = np.array([id_ & 0xFFFF_FFFF_FFFF_FFFF for id_ in ids], np.uint64)
        return self.add_halves(hi, lo)

    def add_halves(self, hi: NDArray[np.uint64], lo: NDArray[np.uint64]) -> range:
        """Append ids, given as halves, that are not in the index yet and return their slots."""
        first, end = self._count, self._count + len(hi)
        if end > len(self.records):
            self._make_room(1 << (end - 1).bit_length())
        self._hi[first:end], self._lo[first:end] = hi, lo
        self._count = end
        self._link(first, end)
        return range(first, end)

    def remove_last(self, count: int) -> None:
        """Take back the ids added last, with their records."""
        self._count -= count
        self.records[self._count : self._count + count] = 0
        self._table.fill(_EMPTY)
        self._link(0, self._count)

    def _make_room(self, capacity: int) -> None:
        records = _aligned_zeros(capacity, self._dtype)
        records[: self._count] = self.records[: self._count]
        self.records = records
        self._hi, self._lo = records["id_hi"], records["id_lo"]
        self._table = np.full(8 * capacity, _EMPTY, np.int32)
        self._link(0, self._count)

    def _link(self, first: int, end: int) -> None:
        last = len(self._table) - 1
        slots = np.arange(first, end, dtype=np.int32)
        position = (mix_ids(self._hi[first:end], self._lo[first:end]) & np.uint64(last)).view(np.int64)
        for slots_, position_ in _rounds(self._table, slots, position):
            self._table[position_] = slots_


def _aligned_zeros(count: int, dtype: np.dtype[np.void]) -> NDArray[np.void]:
    """Return zeroed records that begin at the start of a cache line."""
    size_bytes = count * dtype.itemsize
    raw = np.zeros(size_bytes + _CACHE_LINE_BYTES, np.uint8)
    start = -raw.ctypes.data % _CACHE_LINE_BYTES
    return raw[start : start + size_bytes].view(dtype)


def _rounds(
    table: NDArray[np.int32], slots: NDArray[np.int32], position: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int64]]]:
    """Yield, round by round, the slots that can be written to a free place of their own."""
    last = len(table) - 1
    while len(slots):
        free = table[position] == _EMPTY
        _, winners = np.unique(position, return_index=True)
        placed = np.zeros(len(slots), bool)
        placed[winners] = True
        placed &= free
        yield slots[placed], position[placed]
        slots, position = slots[~placed], position[~placed] + 1 & last
