"""A sound book breaks no invariant, and each invariant sees what it is there to see."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from karez.core.clock import SimulatedClock
from karez.ledger.bookkeeper import Bookkeeper
from karez.ledger.invariants import INVARIANTS, Invariant, check_book
from karez.ledger.invariants.violations import VIOLATIONS_MAX, Violation
from karez.ledger.model import AccountFlags, NewAccount, Status, TransferFlags
from karez.ledger.projection import project_entries
from karez.storage.database import Database, connect
from tests.ledger.histories import History
from tests.ledger.making import BANK, CNY, COUPON, SHOP, operation, settle, statuses, submission, transfer

LIMITED = int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)
BANK_ACCOUNT, SHOP_ACCOUNT, COUPONS, MORE_COUPONS = (UUID(int=number) for number in range(1, 5))
PAID, HELD, TAKEN, DROPPED, LATE, POSTED, VOIDED, REFUSED = (UUID(int=number) for number in range(11, 19))
PURCHASE, FIRST, SECOND, THIRD = (UUID(int=number) for number in range(21, 25))

LINK = f"flags = flags # {int(TransferFlags.LINKED)}"
NOBODY = "'00000000-0000-0000-0000-0000000000ff'"

# By invariant: what would break it, each told by one statement of somebody who goes around the bookkeeper.
PLANTS: dict[str, list[str]] = {
    "every_unit_sums_to_zero": [
        f"UPDATE transfer SET credit_account = '{COUPONS}' WHERE id = '{PAID}'",
        f"UPDATE transfer SET debit_account = '{COUPONS}' WHERE id = '{HELD}'",
        f"UPDATE transfer SET credit_account = {NOBODY} WHERE id = '{PAID}'",
    ],
    "no_pending_total_is_negative": [
        "DELETE FROM transfer WHERE flags & 2 <> 0",
        "UPDATE transfer SET timestamp_ns = timestamp_ns + 1000000000000 WHERE flags & 2 <> 0",
    ],
    "no_limited_account_goes_beyond_its_limit": [
        f"UPDATE transfer SET amount = 1000 WHERE id = '{HELD}'",
        f"UPDATE transfer SET timestamp_ns = timestamp_ns + 1000000000000 WHERE id = '{PAID}'",
        f"UPDATE account SET flags = 4 WHERE id = '{SHOP_ACCOUNT}'",
    ],
    "balance_slices_agree_with_transfers": [
        "UPDATE balance_slice SET totals = set_byte(totals, 0, get_byte(totals, 0) # 1)",
        "UPDATE balance_slice SET totals = substr(totals, 2)",
        "UPDATE balance_slice SET totals = totals || decode(repeat('00', 3200), 'hex')",
        "UPDATE balance_slice SET as_of_ns = as_of_ns + 1000000000000",
        "DELETE FROM balance_slice",
        "UPDATE book_writer SET replay_from_ns = last_timestamp_ns",
    ],
    "entries_agree_with_transfers": [
        f"UPDATE account_entry SET debits_posted = debits_posted + 1 WHERE transfer_id = '{PAID}'",
        f"UPDATE account_entry SET party = {NOBODY} WHERE transfer_id = '{PAID}'",
        f"UPDATE account_entry SET counterparty = account WHERE transfer_id = '{PAID}'",
        f"DELETE FROM account_entry WHERE transfer_id = '{POSTED}' AND side = 1",
        f"UPDATE account_entry SET account = {NOBODY} WHERE transfer_id = '{POSTED}' AND side = 1",
        "UPDATE projection SET watermark_ns = watermark_ns + 3600000000000",
        "UPDATE projection SET watermark_ns = watermark_ns - 1",
    ],
    "reservations_are_settled_at_most_once": [
        f"UPDATE transfer SET pending_id = '{DROPPED}' WHERE id = '{POSTED}'"
    ],
    "settlements_match_their_transfers": [
        f"DELETE FROM settlement WHERE pending_id = '{TAKEN}'",
        f"UPDATE settlement SET status = 44 WHERE pending_id = '{TAKEN}'",
        f"UPDATE settlement SET status = 44 WHERE pending_id = '{LATE}'",
        f"UPDATE settlement SET transfer_id = '{VOIDED}' WHERE pending_id = '{TAKEN}'",
        f"INSERT INTO settlement VALUES ('{HELD}', '{PAID}', 43)",
        f"DELETE FROM transfer WHERE id = '{POSTED}'",
    ],
    "settlements_stay_within_their_reservation": [
        f"UPDATE transfer SET amount = 51 WHERE id = '{POSTED}'",
        f"UPDATE transfer SET amount = 9 WHERE id = '{VOIDED}'",
        f"UPDATE transfer SET flags = 0 WHERE id = '{TAKEN}'",
        f"DELETE FROM transfer WHERE id = '{TAKEN}'",
        f"UPDATE transfer SET credit_account = '{COUPONS}' WHERE id = '{POSTED}'",
        f"UPDATE transfer SET code = 2 WHERE id = '{VOIDED}'",
        f"UPDATE transfer SET timestamp_ns = 1 WHERE id = '{POSTED}'",
        f"UPDATE transfer SET timeout_s = 1 WHERE id = '{TAKEN}'",
        f"UPDATE transfer SET timeout_s = 3600 WHERE id = '{LATE}'",
        f"UPDATE transfer SET timeout_s = NULL WHERE id = '{LATE}'",
    ],
    "deadlines_belong_to_open_reservations": [
        f"DELETE FROM pending_deadline WHERE pending_id = '{HELD}'",
        f"UPDATE pending_deadline SET deadline_ns = deadline_ns + 1 WHERE pending_id = '{HELD}'",
        f"INSERT INTO pending_deadline VALUES ('{TAKEN}', 1)",
        f"INSERT INTO pending_deadline VALUES ({NOBODY}, 1)",
    ],
    "timestamps_are_unique_and_known_to_the_writer": [
        f"UPDATE transfer SET timestamp_ns = (SELECT timestamp_ns FROM transfer WHERE id = '{PAID}')"
        f" WHERE id = '{HELD}'",
        "UPDATE book_writer SET last_timestamp_ns = last_timestamp_ns - 1",
    ],
    "accepted_ids_are_not_spent": [f"INSERT INTO spent_transfer_id VALUES ('{PAID}', 52, 1)"],
    "operations_are_in_one_piece": [
        f"DELETE FROM transfer WHERE id = '{SECOND}'",
        f"DELETE FROM transfer WHERE id = '{THIRD}'",
        f"UPDATE transfer SET {LINK} WHERE id = '{FIRST}'",
        f"UPDATE transfer SET {LINK} WHERE id = '{VOIDED}'",
        f"UPDATE transfer SET operation_id = NULL WHERE id = '{THIRD}'",
        f"DELETE FROM operation WHERE id = '{PURCHASE}'",
    ],
    "account_slots_are_dense": [
        f"UPDATE account SET slot = 0 WHERE id = '{SHOP_ACCOUNT}'",
        f"UPDATE account SET slot = 17 WHERE id = '{MORE_COUPONS}'",
        f"DELETE FROM account WHERE id = '{BANK_ACCOUNT}'",
    ],
    "transfers_join_accounts_of_their_unit": [
        f"UPDATE transfer SET credit_account = '{COUPONS}' WHERE id = '{PAID}'",
        f"UPDATE transfer SET debit_account = {NOBODY} WHERE id = '{PAID}'",
        f"UPDATE transfer SET credit_account = {NOBODY} WHERE id = '{PAID}'",
        f"UPDATE transfer SET credit_account = debit_account WHERE id = '{PAID}'",
        f"UPDATE transfer SET ledger = 2 WHERE id = '{PAID}'",
        f"UPDATE transfer SET debit_institution = 9 WHERE id = '{PAID}'",
    ],
}


@pytest.fixture
def owner(furnished: Database) -> Iterator[psycopg.Connection[Any]]:
    with connect(furnished.owner) as connection:
        yield connection


@pytest.fixture
def written_book(book: Bookkeeper, furnished: Database, clock: SimulatedClock) -> None:
    """A book in which something of every kind has happened, projected but for the last transfer."""
    accounts = (
        NewAccount(id=BANK_ACCOUNT, ledger=CNY, code=1, institution=BANK),
        NewAccount(id=SHOP_ACCOUNT, ledger=CNY, code=1, institution=SHOP, flags=LIMITED, party=UUID(int=99)),
        NewAccount(id=COUPONS, ledger=COUPON, code=1, institution=BANK),
        NewAccount(id=MORE_COUPONS, ledger=COUPON, code=1, institution=BANK),
    )
    book.commit([operation(accounts=accounts)])
    to_shop, from_shop = (BANK_ACCOUNT, SHOP_ACCOUNT), (SHOP_ACCOUNT, BANK_ACCOUNT)
    pending = TransferFlags.PENDING
    created = statuses(
        book,
        transfer(*to_shop, 200, id_=PAID),
        transfer(*from_shop, 40, pending, HELD, timeout_s=3_600),
        transfer(*from_shop, 50, pending, TAKEN),
        transfer(*from_shop, 10, pending, DROPPED),
        transfer(*from_shop, 5, pending, LATE, timeout_s=1),
        transfer(COUPONS, MORE_COUPONS, 3, ledger=COUPON),
    )
    assert set(created) == {Status.CREATED}
    assert statuses(book, transfer(*from_shop, 1_000, id_=REFUSED)) == [Status.EXCEEDS_CREDITS]
    clock.advance(2)
    book.commit([])
    assert statuses(
        book, settle(TAKEN, TransferFlags.POST, 30, POSTED), settle(DROPPED, TransferFlags.VOID, 0, VOIDED)
    ) == [Status.CREATED, Status.CREATED]
    chain = tuple(transfer(*to_shop, 7, id_=id_) for id_ in (FIRST, SECOND, THIRD))
    book.commit([operation(PURCHASE, transfers=chain)])
    book.write_slices()
    with connect(furnished.worker) as worker:
        project_entries(worker, 100)
    book.commit([submission(transfer(*to_shop, 1))])


@pytest.mark.parametrize("seed", range(4))
def test_a_sound_book_breaks_no_invariant(
    book: Bookkeeper, furnished: Database, clock: SimulatedClock, seed: int
) -> None:
    with History(book, furnished, clock, seed) as history, connect(furnished.worker) as worker:
        assert broken(worker) == {}
        for _ in range(3):
            history.go_on(10)
            project_entries(worker, 100)
            assert broken(worker) == {}
            book.write_slices()
        assert broken(worker) == {}


def broken(connection: psycopg.Connection[Any]) -> dict[str, list[Violation]]:
    results = check_book(connection)
    assert [result.name for result in results] == [invariant.__name__ for invariant in INVARIANTS]
    return {result.name: result.violations for result in results if result.violations}


@pytest.mark.usefixtures("written_book")
@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda invariant: invariant.__name__)
def test_an_invariant_sees_what_breaks_it(owner: psycopg.Connection[Any], invariant: Invariant) -> None:
    assert broken(owner) == {}
    for plant in PLANTS[invariant.__name__]:
        with owner.transaction(force_rollback=True):
            assert owner.execute(plant.encode()).rowcount > 0, plant
            violations = invariant(owner)
            assert violations, plant
            assert all(violation.item and violation.sentence.endswith(".") for violation in violations)
    assert invariant(owner) == []


@pytest.mark.usefixtures("written_book")
def test_the_check_names_the_broken_invariant_and_the_item(owner: psycopg.Connection[Any]) -> None:
    owner.execute(PLANTS["accepted_ids_are_not_spent"][0].encode())
    assert broken(owner) == {
        "accepted_ids_are_not_spent": [
            Violation(
                item=str(PAID),
                sentence=f"Transfer {PAID} is in the book, though its id was refused for ever.",
            )
        ]
    }


def test_a_wholly_broken_book_is_told_in_a_hundred_sentences(
    book: Bookkeeper, furnished: Database, clock: SimulatedClock, owner: psycopg.Connection[Any]
) -> None:
    with History(book, furnished, clock) as history:
        history.go_on(30)
    owner.execute("UPDATE transfer SET debit_institution = 9")
    assert len(broken(owner)["transfers_join_accounts_of_their_unit"]) == VIOLATIONS_MAX
