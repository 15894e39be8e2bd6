"""What one caller sends can never stop the book, spoil a neighbour, or move money that is not its own."""

import secrets
from collections.abc import Callable
from uuid import UUID, uuid4

import msgspec
import numpy as np
import pytest

from karez.core.clock import SimulatedClock
from karez.core.ids import new_id
from karez.ledger.bookkeeper import Bookkeeper, Deferral
from karez.ledger.group import SubmissionOutcome, TransferOutcome, TransferSubmission
from karez.ledger.model import NewAccount, Status, TransferFlags
from karez.ledger.operations import Operation, Outcome, RowInsert, RowUpdate
from karez.storage.database import Database, connect
from tests.ledger.making import (
    BANK,
    CNY,
    START_NS,
    balance,
    operation,
    settle,
    statuses,
    submission,
    transfer,
)

OpenAccount = Callable[..., UUID]
LIMITED = 2


@pytest.fixture
def parcel_table(furnished: Database) -> None:
    with connect(furnished.owner) as connection:
        connection.execute("CREATE TABLE parcel (id integer PRIMARY KEY, state text, reference text)")
        connection.execute("CREATE UNIQUE INDEX ON parcel (reference)")
        connection.execute("GRANT SELECT, INSERT, UPDATE ON parcel TO karez_bookkeeper")


def parcel(id_: int | str, state: str) -> RowInsert:
    return RowInsert(table="parcel", key={"id": id_}, values={"state": state})


def accepted(outcome: SubmissionOutcome | Deferral) -> bool:
    assert isinstance(outcome, Outcome)
    return outcome.accepted


def status_of(outcome: SubmissionOutcome | Deferral) -> list[int]:
    assert isinstance(outcome, TransferOutcome)
    status: list[int] = outcome.status.tolist()
    return status


@pytest.mark.parametrize("field", ["amount", "code", "timeout_s", "user_data", "ledger", "flags"])
@pytest.mark.parametrize("value", [-1, 2**63])
def test_a_number_out_of_range_is_refused(
    book: Bookkeeper, open_account: OpenAccount, field: str, value: int
) -> None:
    sound = transfer(open_account(), open_account(), 1)
    broken = msgspec.structs.replace(sound, **{field: value})
    (outcome,) = book.commit([operation(transfers=(broken,))])
    assert isinstance(outcome, Outcome)
    assert (outcome.code, outcome.item) == ("amount_out_of_range", 0)


@pytest.mark.parametrize(
    "change", [{"institution": 2**31}, {"institution": -1}, {"reply": msgspec.Raw(b'"\xff"')}]
)
def test_an_operation_that_cannot_be_written_down_is_refused(
    book: Bookkeeper, change: dict[str, object]
) -> None:
    (outcome,) = book.commit([msgspec.structs.replace(operation(), **change)])
    assert not accepted(outcome)


@pytest.mark.parametrize("code", [-5, 70_000])
def test_a_code_beyond_16_bits_is_refused(book: Bookkeeper, open_account: OpenAccount, code: int) -> None:
    broken = msgspec.structs.replace(transfer(open_account(), open_account(), 1), code=code)
    assert statuses(book, broken) == [Status.AMOUNT_OUT_OF_RANGE]


def test_an_empty_batch_is_answered(book: Bookkeeper, open_account: OpenAccount) -> None:
    paid = submission(transfer(open_account(), open_account(), 1))
    empty, neighbour = book.commit([submission(), paid])
    assert (status_of(empty), status_of(neighbour)) == ([], [Status.CREATED])


def test_a_chain_never_reaches_into_the_next_submission(book: Bookkeeper, open_account: OpenAccount) -> None:
    source, shop = open_account(), open_account()
    linked = TransferFlags.LINKED
    endless = submission(transfer(source, shop, 1, linked), transfer(source, source, 1, linked))
    endless = TransferSubmission(endless.transfers, endless.institution, np.zeros(2, bool))
    _, neighbour, last = book.commit(
        [endless, submission(transfer(source, shop, 5)), operation(transfers=(transfer(source, shop, 5),))]
    )
    assert status_of(neighbour) == [Status.CREATED]
    assert accepted(last)


def test_an_operation_cannot_pretend_to_be_an_expiry(book: Bookkeeper, open_account: OpenAccount) -> None:
    reserved = transfer(open_account(), open_account(), 9, TransferFlags.PENDING, timeout_s=5)
    statuses(book, reserved)
    (outcome,) = book.commit(
        [operation(transfers=(settle(reserved.id, TransferFlags.POST | TransferFlags.EXPIRY, 9),))]
    )
    assert isinstance(outcome, Outcome)
    assert outcome.code == "reserved_flag"


def test_a_row_that_is_too_large_for_its_index_refuses_its_operation_alone(
    book: Bookkeeper, open_account: OpenAccount, parcel_table: None
) -> None:
    huge = RowInsert(table="parcel", key={"id": 1}, values={"reference": secrets.token_hex(8_000)})
    good, bad = book.commit(
        [submission(transfer(open_account(), open_account(), 1)), operation(rows=(huge,))]
    )
    assert status_of(good) == [Status.CREATED]
    assert isinstance(bad, Outcome)
    assert bad.code == "row_refused"


def test_one_key_spelled_in_two_ways_is_one_row(
    book: Bookkeeper, open_account: OpenAccount, parcel_table: None
) -> None:
    source, shop = open_account(), open_account()
    first, second = book.commit(
        [
            operation(transfers=(transfer(source, shop, 10),), rows=(parcel(1, "one"),)),
            operation(transfers=(transfer(source, shop, 10),), rows=(parcel("1", "two"),)),
        ]
    )
    assert (accepted(first), accepted(second)) == (True, False)
    assert balance(book, shop).credits_posted == 10


def test_one_row_twice_in_an_operation_is_refused(book: Bookkeeper, parcel_table: None) -> None:
    (outcome,) = book.commit([operation(rows=(parcel(1, "one"), parcel(1, "two")))])
    assert not accepted(outcome)


def test_a_key_cannot_be_changed(book: Bookkeeper, parcel_table: None) -> None:
    book.commit([operation(rows=(parcel(1, "open"), parcel(2, "open")))])
    moved = RowUpdate(table="parcel", key={"id": 1}, expected={"state": "open"}, changes={"id": 2})
    (outcome,) = book.commit([operation(rows=(moved,))])
    assert isinstance(outcome, Outcome)
    assert outcome.code == "row_malformed"


def test_a_row_locked_by_another_session_holds_up_nobody_else(
    book: Bookkeeper, open_account: OpenAccount, parcel_table: None, furnished: Database
) -> None:
    book.commit([operation(rows=(parcel(1, "open"),))])
    pay = RowUpdate(table="parcel", key={"id": 1}, expected={"state": "open"}, changes={"state": "paid"})
    with connect(furnished.owner) as other, other.transaction():
        other.execute("SELECT FROM parcel WHERE id = 1 FOR UPDATE")
        locked, neighbour = book.commit(
            [operation(rows=(pay,)), submission(transfer(open_account(), open_account(), 1))]
        )
    assert isinstance(locked, Outcome)
    assert locked.code == "row_locked"
    assert status_of(neighbour) == [Status.CREATED]


def test_a_refusal_for_a_debit_that_never_happened_is_not_final(
    book: Bookkeeper, open_account: OpenAccount, parcel_table: None
) -> None:
    source, limited, shop = open_account(), open_account(LIMITED), open_account()
    statuses(book, transfer(source, limited, 100))
    book.commit([operation(rows=(parcel(1, "taken"),))])
    doomed = operation(transfers=(transfer(limited, shop, 100),), rows=(parcel(1, "mine"),))
    account = NewAccount(id=new_id(START_NS), ledger=CNY, code=1, institution=BANK)
    opener = operation(accounts=(account,), transfers=(transfer(limited, account.id, 100),))
    first, second = book.commit([doomed, opener])
    assert not accepted(first)
    assert isinstance(second, Deferral)
    (again,) = book.commit([opener])
    assert accepted(again)


def test_ids_without_time_are_known_after_a_restart_and_do_no_harm(
    book: Bookkeeper, open_account: OpenAccount, furnished: Database, clock: SimulatedClock
) -> None:
    source, shop = open_account(), open_account()
    random_ids = [transfer(source, shop, 1, id_=uuid4()) for _ in range(50)]
    assert statuses(book, *random_ids) == [Status.CREATED] * 50
    pay = operation(uuid4(), transfers=(transfer(source, shop, 1),))
    book.commit([pay])
    book.close()
    with Bookkeeper(furnished.book, clock) as later:
        assert statuses(later, *random_ids) == [Status.EXISTS] * 50
        (again,) = later.commit([pay])
        assert isinstance(again, Outcome)
        assert again.repeated
        assert statuses(later, transfer(source, shop, 1)) == [Status.CREATED]


def test_reservations_made_and_settled_at_once_leave_no_deadline(
    book: Bookkeeper, open_account: OpenAccount, furnished: Database
) -> None:
    reserved = transfer(open_account(), open_account(), 1, TransferFlags.PENDING, timeout_s=1)
    assert statuses(book, reserved, settle(reserved.id, TransferFlags.POST, 1)) == [Status.CREATED] * 2
    with connect(furnished.owner) as connection:
        assert connection.execute("SELECT count(*) FROM pending_deadline").fetchone() == (0,)


def test_more_expiries_than_fit_into_one_look_up_all_happen(
    book: Bookkeeper, open_account: OpenAccount, clock: SimulatedClock
) -> None:
    source, shop = open_account(), open_account()
    for _ in range(3):
        statuses(
            book,
            *(transfer(source, shop, 1, TransferFlags.PENDING, timeout_s=1) for _ in range(2_000)),
        )
    clock.advance(5)
    book.commit([])
    book.commit([])
    assert balance(book, source).debits_pending == 0


def test_a_commit_that_fails_forgets_nothing(
    book: Bookkeeper, open_account: OpenAccount, furnished: Database, clock: SimulatedClock
) -> None:
    with connect(furnished.owner) as connection:
        connection.execute("CREATE TABLE parent (id integer PRIMARY KEY)")
        connection.execute(
            "CREATE TABLE child (id integer PRIMARY KEY,"
            " parent integer REFERENCES parent DEFERRABLE INITIALLY DEFERRED)"
        )
        connection.execute("GRANT SELECT, INSERT ON parent, child TO karez_bookkeeper")
    source, shop = open_account(), open_account()
    statuses(book, *(transfer(source, shop, 1) for _ in range(8_191)))
    orphan: Operation = operation(
        transfers=(transfer(source, shop, 1),),
        rows=(RowInsert(table="child", key={"id": 1}, values={"parent": 9}),),
    )
    (outcome,) = book.commit([orphan])
    assert isinstance(outcome, Outcome)
    assert outcome.code == "operation_unwritable"
    statuses(book, transfer(source, shop, 1))
    before = balance(book, shop)
    book.close()
    with Bookkeeper(furnished.book, clock) as later:
        assert balance(later, shop) == before


def test_two_crashes_in_a_row_lose_nothing(
    book: Bookkeeper, furnished: Database, clock: SimulatedClock
) -> None:
    accounts = tuple(
        NewAccount(id=new_id(START_NS), ledger=CNY, code=1, institution=BANK) for _ in range(1_100)
    )
    book.commit([operation(accounts=accounts)])
    first, last = accounts[0].id, accounts[-1].id
    statuses(book, *(transfer(first, last, 1) for _ in range(8_192)))
    statuses(book, transfer(last, accounts[-2].id, 1))
    book.close()
    with Bookkeeper(furnished.book, clock) as second:
        statuses(second, transfer(first, accounts[1].id, 1))
    with Bookkeeper(furnished.book, clock) as third:
        assert balance(third, last).credits_posted == 8_192
