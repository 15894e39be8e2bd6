"""The plan of balance slices: the oldest changes are written first, and none is forgotten."""

import numpy as np

from karez.core.ids import new_id
from karez.ledger.bookkeeper import Bookkeeper
from karez.ledger.model import AccountFlags, NewAccount, Status
from karez.ledger.recovery import recover
from karez.ledger.slices import SLICE_ACCOUNTS, SlicePlan
from karez.storage.database import Database, connect
from tests.ledger.making import BANK, CNY, START_NS, operation, statuses, transfer

ACCOUNTS = 50 * SLICE_ACCOUNTS


def slots_in(*slices: int) -> np.ndarray:
    return np.array(slices) * SLICE_ACCOUNTS + 3


def test_slices_are_due_in_the_order_in_which_they_changed() -> None:
    plan = SlicePlan()
    plan.mark(slots_in(9), 100)
    plan.mark(slots_in(4, 9), 200)
    plan.mark(slots_in(2), 300)
    due = plan.due(3 * 8_192, ACCOUNTS)
    assert due == [9, 4, 2]
    assert [plan.replay_from_ns(1_000, due[:count]) for count in range(4)] == [99, 199, 299, 1_000]


def test_a_written_slice_that_changes_again_goes_to_the_end() -> None:
    plan = SlicePlan()
    plan.mark(slots_in(1, 2), 100)
    plan.wrote([1])
    plan.mark(slots_in(1), 200)
    assert plan.due(2 * 8_192, ACCOUNTS) == [2, 1]
    assert plan.dirty() == [1, 2]


def test_a_slice_is_behind_since_the_earliest_moment_that_recovery_names() -> None:
    plan = SlicePlan()
    plan.mark(slots_in(1, 2), 500)
    plan.mark(slots_in(2, 3), 400)
    assert plan.due(3 * 8_192, ACCOUNTS)[:2] == [2, 3]
    assert plan.replay_from_ns(1_000, []) == 399
    assert plan.replay_from_ns(1_000, [2, 3]) == 499


def test_each_transfer_pays_a_small_part_of_a_slice() -> None:
    plan = SlicePlan()
    plan.mark(slots_in(*range(50)), 100)
    assert sum(len(plan.due(100, ACCOUNTS)) for _ in range(1_000)) == 100 * 1_000 // 8_192


def test_what_a_batch_with_refusals_changed_is_still_replayed(book: Bookkeeper, furnished: Database) -> None:
    limited = int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)
    accounts = [
        NewAccount(id=new_id(START_NS), ledger=CNY, code=1, institution=BANK, flags=flags)
        for flags in (limited, *[0] * SLICE_ACCOUNTS)
    ]
    book.commit([operation(accounts=tuple(accounts))])
    poor, first, last = accounts[0].id, accounts[1].id, accounts[-1].id
    batch = [transfer(poor, last, 1), *(transfer(first, last, 1) for _ in range(8_192))]
    assert statuses(book, *batch)[:2] == [Status.EXCEEDS_CREDITS, Status.CREATED]
    with connect(furnished.owner) as connection:
        row = connection.execute(
            "SELECT count(*), min(replay_from_ns) FROM balance_slice, book_writer"
        ).fetchone()
        assert row is not None
        assert row[0] == 1
        recovered = recover(connection, row[1])
    np.testing.assert_array_equal(recovered.totals, book.columns.totals)
