"""The index from ids to slots must find every id, however full it is, and forget what is taken back."""

import numpy as np
from numpy.typing import NDArray

from karez.ledger.id_index import IdIndex

IdHalves = tuple[NDArray[np.uint64], NDArray[np.uint64]]


def random_ids(count: int, seed: int) -> IdHalves:
    hi, lo = np.random.default_rng(seed).integers(0, 2**64, (2, count), np.uint64)
    return hi, lo


def test_ids_are_found_at_their_slots_while_the_index_grows() -> None:
    index = IdIndex(16)
    hi, lo = random_ids(20_000, seed=1)
    for first, end in ((0, 1), (1, 16), (16, 17), (17, 3_000), (3_000, 20_000)):
        assert index.add_halves(hi[first:end], lo[first:end]) == range(first, end)
        np.testing.assert_array_equal(index.find(hi[:end], lo[:end]), np.arange(end))
        assert (index.find(hi[end:], lo[end:]) == -1).all()


def test_ids_that_differ_in_one_half_only_are_told_apart() -> None:
    index = IdIndex(8)
    halves = np.arange(2_000, dtype=np.uint64)
    same = np.full(2_000, 5, np.uint64)
    index.add_halves(np.concatenate([same, halves]), np.concatenate([halves + 6, same]))
    np.testing.assert_array_equal(index.find(same, halves + 6), np.arange(2_000))
    np.testing.assert_array_equal(index.find(halves, same), np.arange(2_000, 4_000))
    assert (index.find(halves + 2_000, same) == -1).all()
    assert (index.find(same, halves + 2_006) == -1).all()


def test_both_sides_of_a_batch_are_looked_up_at_once() -> None:
    index = IdIndex()
    hi, lo = random_ids(1_000, seed=2)
    index.add_halves(hi[:900], lo[:900])
    slots = index.find(hi.reshape(2, 500), lo.reshape(2, 500))
    np.testing.assert_array_equal(
        slots, np.where(np.arange(1_000) < 900, np.arange(1_000), -1).reshape(2, 500)
    )


def test_ids_taken_back_are_unknown_and_their_records_empty() -> None:
    index = IdIndex(16, [("amount", "<i8")])
    hi, lo = random_ids(40, seed=3)
    index.add_halves(hi, lo)
    index.records["amount"][:40] = 7
    index.remove_last(10)
    assert len(index) == 30
    np.testing.assert_array_equal(index.find(hi, lo), np.where(np.arange(40) < 30, np.arange(40), -1))
    assert index.add_halves(hi[35:], lo[35:]) == range(30, 35)
    np.testing.assert_array_equal(index.records["amount"][:35], np.repeat([7, 0], [30, 5]))


def test_a_record_of_64_bytes_lies_in_one_cache_line() -> None:
    index = IdIndex(16, [(f"total_{number}", "<i8") for number in range(6)])
    assert index.records.dtype.itemsize == 64
    for _ in range(3):
        assert index.records.ctypes.data % 64 == 0
        index.add_halves(*random_ids(len(index.records), seed=len(index.records)))
