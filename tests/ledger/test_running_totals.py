"""Running totals of many accounts at once are those of each account alone."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from karez.ledger.model import AMOUNT_MAX
from karez.ledger.running_totals import running_totals

changes = st.lists(
    st.tuples(st.integers(0, 4), st.integers(-AMOUNT_MAX, AMOUNT_MAX)), min_size=1, max_size=60
)


@given(changes)
def test_each_change_leads_to_the_total_of_its_account(changes: list[tuple[int, int]]) -> None:
    totals = [0] * 5
    slots, deltas, expected = [], [], []
    for slot, wanted in sorted(changes, key=lambda change: change[0]):
        # A total stays within 63 bits, though the sum over all accounts does not.
        delta = max(min(wanted, AMOUNT_MAX - totals[slot]), -totals[slot])
        totals[slot] += delta
        slots.append(slot)
        deltas.append([delta, -delta])
        expected.append([totals[slot], -totals[slot]])
    reached = np.zeros((5, 2), np.int64)
    after = running_totals(np.array(slots), np.array(deltas), reached)
    assert after.tolist() == expected
    assert reached[:, 0].tolist() == totals


def test_totals_go_on_from_where_they_were() -> None:
    totals = np.array([[5], [7]], np.int64)
    assert running_totals(np.array([1, 1]), np.array([[2], [-9]]), totals).tolist() == [[9], [0]]
    assert totals.tolist() == [[5], [0]]
