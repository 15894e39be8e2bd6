"""The filter may take a new id for a known one, seldom; it may never take a known one for new."""

import numpy as np
import pytest

from karez.ledger.id_filter import IdFilter

HORIZON = 2**128 - 1


def ids_of(shape: str, batch: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids of one millisecond: random ones, ones that are counted up, or ones that differ in high bits only."""
    hi = np.full(8_000, 5 << 40, np.uint64)
    if shape == "random":
        return hi, np.random.default_rng(batch).integers(0, 2**64, 8_000, np.uint64)
    counted = np.arange(batch * 8_000, (batch + 1) * 8_000, dtype=np.uint64)
    return hi, counted << np.uint64(24 if shape == "high bits" else 0)


@pytest.mark.parametrize("shape", ["random", "counted", "high bits"])
def test_no_stored_id_is_taken_for_new_and_hardly_a_new_one_for_stored(shape: str) -> None:
    filter_ = IdFilter(0)
    filter_.add(np.array([6 << 40], np.uint64), np.array([0], np.uint64), HORIZON)
    mistaken = 0
    for batch in range(20):
        hi, lo = ids_of(shape, batch)
        mistaken += int(filter_.maybe_known(hi, lo).sum())
        filter_.add(hi, lo, HORIZON)
        assert filter_.maybe_known(hi, lo).all()
    assert mistaken < 20


def test_an_id_not_above_all_that_were_stored_before_is_never_called_new() -> None:
    filter_ = IdFilter((7 << 64) + 100)
    hi, lo = np.array([6, 7, 7, 7, 8], np.uint64), np.array([500, 99, 100, 101, 0], np.uint64)
    np.testing.assert_array_equal(filter_.maybe_known(hi, lo), [True, True, True, False, False])
