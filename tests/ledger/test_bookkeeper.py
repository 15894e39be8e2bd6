"""What is committed is there, once, whoever asks again and whatever happens in between."""

from collections.abc import Callable
from uuid import UUID

import msgspec
import pytest

from karez.core.clock import SimulatedClock
from karez.core.ids import new_id
from karez.core.outcomes import Unavailable
from karez.ledger.bookkeeper import DEFERRED, Bookkeeper
from karez.ledger.model import AMOUNT_MAX, AccountFlags, NewAccount, Status, TransferFlags
from karez.ledger.operations import Event, Operation, Outcome, RowInsert, RowUpdate
from karez.ledger.writer import Fenced
from karez.storage.database import Database, connect
from tests.ledger.making import (
    BANK,
    CNY,
    SHOP,
    START_NS,
    balance,
    operation,
    settle,
    statuses,
    submission,
    transfer,
)

LIMITED = int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)
OpenAccount = Callable[..., UUID]


def reopened(book: Bookkeeper, database: Database, clock: SimulatedClock) -> Bookkeeper:
    book.close()
    return Bookkeeper(database.book, clock)


def test_committed_transfers_are_there_after_a_restart(
    book: Bookkeeper, open_account: OpenAccount, furnished: Database, clock: SimulatedClock
) -> None:
    source, shop = open_account(), open_account(LIMITED)
    assert statuses(book, transfer(source, shop, 100), transfer(shop, source, 30)) == [Status.CREATED] * 2
    before = balance(book, shop)
    with reopened(book, furnished, clock) as later:
        assert balance(later, shop) == before
        assert statuses(later, transfer(shop, source, 71)) == [Status.EXCEEDS_CREDITS]


def test_a_repeated_transfer_moves_nothing_again(book: Bookkeeper, open_account: OpenAccount) -> None:
    source, shop = open_account(), open_account()
    first = transfer(source, shop, 100)
    assert statuses(book, first) == [Status.CREATED]
    assert statuses(book, first) == [Status.EXISTS]
    changed = transfer(source, shop, 101, id_=first.id)
    assert statuses(book, changed) == [Status.EXISTS_WITH_DIFFERENT_AMOUNT]
    assert balance(book, shop).credits_posted == 100


def test_a_spent_id_stays_spent_after_a_restart(
    book: Bookkeeper, open_account: OpenAccount, furnished: Database, clock: SimulatedClock
) -> None:
    source, shop = open_account(), open_account(LIMITED)
    refused = transfer(shop, source, 5)
    assert statuses(book, refused) == [Status.EXCEEDS_CREDITS]
    statuses(book, transfer(source, shop, 5))
    with reopened(book, furnished, clock) as later:
        assert statuses(later, refused) == [Status.ID_ALREADY_FAILED]


def test_a_reservation_is_settled_once_even_across_a_restart(
    book: Bookkeeper, open_account: OpenAccount, furnished: Database, clock: SimulatedClock
) -> None:
    source, shop = open_account(), open_account()
    reserved = transfer(source, shop, 100, TransferFlags.PENDING)
    statuses(book, reserved)
    assert statuses(book, settle(reserved.id, TransferFlags.POST, 60)) == [Status.CREATED]
    with reopened(book, furnished, clock) as later:
        assert statuses(later, settle(reserved.id, TransferFlags.VOID, 0)) == [
            Status.PENDING_TRANSFER_ALREADY_POSTED
        ]
        assert balance(later, source).debits_posted == 60
        assert balance(later, source).debits_pending == 0


def test_a_reservation_whose_time_is_over_is_released_by_itself(
    book: Bookkeeper, open_account: OpenAccount, furnished: Database, clock: SimulatedClock
) -> None:
    source, shop = open_account(), open_account()
    reserved = transfer(source, shop, 100, TransferFlags.PENDING, timeout_s=10)
    statuses(book, reserved)
    clock.advance(9)
    book.commit([])
    assert balance(book, source).debits_pending == 100
    clock.advance(2)
    book.commit([])
    assert balance(book, source).debits_pending == 0
    assert statuses(book, settle(reserved.id, TransferFlags.POST, 1)) == [Status.PENDING_TRANSFER_EXPIRED]
    with reopened(book, furnished, clock) as later:
        assert balance(later, source).debits_pending == 0


def test_a_caller_cannot_pretend_that_a_reservation_has_expired(
    book: Bookkeeper, open_account: OpenAccount
) -> None:
    source, shop = open_account(), open_account()
    reserved = transfer(source, shop, 100, TransferFlags.PENDING, timeout_s=10)
    statuses(book, reserved)
    assert statuses(book, settle(reserved.id, TransferFlags.VOID | TransferFlags.EXPIRY, 0)) == [
        Status.RESERVED_FLAG
    ]


def test_an_institution_cannot_debit_the_account_of_another(
    book: Bookkeeper, open_account: OpenAccount
) -> None:
    ours, theirs = open_account(institution=BANK), open_account(institution=SHOP)
    assert statuses(book, transfer(theirs, ours, 1), institution=BANK) == [Status.DEBIT_ACCOUNT_NOT_FOUND]
    assert statuses(book, transfer(ours, theirs, 1), institution=BANK) == [Status.CREATED]


def test_an_operation_is_carried_out_once_and_answers_the_same_for_ever(
    book: Bookkeeper, open_account: OpenAccount, furnished: Database, clock: SimulatedClock
) -> None:
    source, shop = open_account(), open_account()
    pay = operation(transfers=(transfer(source, shop, 10),), reply=b'{"receipt":1}')
    (first,) = book.commit([pay])
    (again,) = book.commit([pay])
    assert isinstance(first, Outcome)
    assert isinstance(again, Outcome)
    assert (first.accepted, again.accepted, again.repeated) == (True, True, True)
    assert bytes(first.reply) == bytes(again.reply) == b'{"receipt":1}'
    with reopened(book, furnished, clock) as later:
        (after,) = later.commit([pay])
        assert isinstance(after, Outcome)
        assert bytes(after.reply) == b'{"receipt":1}'
        assert balance(later, shop).credits_posted == 10


def test_operations_without_transfers_have_rising_moments_too(
    book: Bookkeeper, furnished: Database, clock: SimulatedClock
) -> None:
    ids = [new_id(START_NS) for _ in range(3)]
    for id_ in ids:
        outcomes(book, operation(id_))
    clock.advance(60)
    outcomes(book, operation())
    with connect(furnished.owner) as connection:
        rows = connection.execute("SELECT timestamp_ns FROM operation ORDER BY timestamp_ns").fetchall()
    moments = [moment for (moment,) in rows]
    assert len(set(moments)) == 4
    assert moments[0] == START_NS
    assert moments[3] == START_NS + 60_000_000_000


def test_a_used_id_is_refused_for_another_request(book: Bookkeeper, open_account: OpenAccount) -> None:
    source, shop = open_account(), open_account()
    id_ = new_id(START_NS)
    book.commit([operation(id_, transfers=(transfer(source, shop, 10),), fingerprint=b"one")])
    (other,) = book.commit([operation(id_, transfers=(transfer(source, shop, 11),), fingerprint=b"two")])
    assert isinstance(other, Outcome)
    assert (other.accepted, other.code) == (False, "id_used_for_another_request")


def test_the_same_operation_twice_in_one_group_waits_for_the_next(
    book: Bookkeeper, open_account: OpenAccount
) -> None:
    source, shop = open_account(), open_account()
    pay = operation(transfers=(transfer(source, shop, 10),))
    first, second = book.commit([pay, pay])
    assert isinstance(first, Outcome)
    assert first.accepted
    assert second is DEFERRED


def test_all_transfers_of_an_operation_pass_or_none(book: Bookkeeper, open_account: OpenAccount) -> None:
    source, shop = open_account(), open_account(LIMITED)
    (outcome,) = book.commit([operation(transfers=(transfer(source, shop, 10), transfer(shop, source, 11)))])
    assert isinstance(outcome, Outcome)
    assert (outcome.accepted, outcome.code, outcome.item) == (False, "exceeds_credits", 1)
    assert balance(book, shop).credits_posted == 0


def test_an_account_of_a_refused_operation_does_not_exist(
    book: Bookkeeper, open_account: OpenAccount
) -> None:
    source, shop = open_account(), open_account(LIMITED)
    account = NewAccount(id=new_id(START_NS), ledger=CNY, code=1, institution=BANK)
    first, second, third = book.commit(
        [
            operation(accounts=(account,), transfers=(transfer(shop, source, 1),)),
            operation(transfers=(transfer(source, account.id, 1),)),
            operation(transfers=(transfer(source, shop, 1),)),
        ]
    )
    assert isinstance(first, Outcome)
    assert isinstance(second, Outcome)
    assert isinstance(third, Outcome)
    assert (first.code, second.code, third.accepted) == ("exceeds_credits", "credit_account_not_found", True)
    assert statuses(book, transfer(source, shop, 1)) == [Status.CREATED]


def test_opening_an_account_twice_is_refused(book: Bookkeeper, open_account: OpenAccount) -> None:
    account = NewAccount(id=open_account(), ledger=CNY, code=1, institution=BANK)
    (outcome,) = book.commit([operation(accounts=(account,))])
    assert isinstance(outcome, Outcome)
    assert outcome.code == "account_exists"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ledger": 99}, "unit_not_found"),
        ({"institution": 99}, "institution_not_found"),
        ({"code": 0}, "account_code_out_of_range"),
        ({"flags": 6}, "account_flags_exclusive"),
        ({"flags": 64}, "account_flags_unknown"),
    ],
)
def test_an_unsound_account_is_refused_with_its_reason(
    book: Bookkeeper, change: dict[str, int], code: str
) -> None:
    sound = NewAccount(id=new_id(START_NS), ledger=CNY, institution=BANK, code=1)
    (outcome,) = book.commit([operation(accounts=(msgspec.structs.replace(sound, **change),))])
    assert isinstance(outcome, Outcome)
    assert outcome.code == code


@pytest.fixture
def parcel_table(furnished: Database) -> None:
    with connect(furnished.owner) as connection:
        connection.execute(
            "CREATE TABLE parcel (id integer PRIMARY KEY, state text CHECK (state <> 'bad'), note bytea)"
        )
        connection.execute("GRANT SELECT, INSERT, UPDATE ON parcel TO karez_bookkeeper")


def test_rows_and_money_of_an_operation_come_together(
    book: Bookkeeper, open_account: OpenAccount, parcel_table: None, furnished: Database
) -> None:
    source, shop = open_account(), open_account()
    create = operation(
        rows=(RowInsert(table="parcel", key={"id": 1}, values={"state": "open", "note": "\\x00ff"}),),
        transfers=(transfer(source, shop, 10),),
    )
    assert [outcome.accepted for outcome in outcomes(book, create)] == [True]
    pay = operation(
        rows=(
            RowUpdate(table="parcel", key={"id": 1}, expected={"state": "open"}, changes={"state": "paid"}),
        ),
        transfers=(transfer(source, shop, 5),),
    )
    late = operation(
        rows=(
            RowUpdate(table="parcel", key={"id": 1}, expected={"state": "open"}, changes={"state": "closed"}),
        ),
        transfers=(transfer(source, shop, 7),),
    )
    assert [outcome.accepted for outcome in outcomes(book, pay)] == [True]
    assert [outcome.code for outcome in outcomes(book, late)] == ["row_state_changed"]
    assert balance(book, shop).credits_posted == 15
    with connect(furnished.owner) as connection:
        assert connection.execute("SELECT * FROM parcel").fetchall() == [(1, "paid", b"\x00\xff")]


def test_a_row_that_cannot_be_written_refuses_its_operation_alone(
    book: Bookkeeper, open_account: OpenAccount, parcel_table: None
) -> None:
    source, shop, limited = open_account(), open_account(), open_account(LIMITED)
    outcomes(book, operation(rows=(RowInsert(table="parcel", key={"id": 2}, values={"state": "x"}),)))
    group = [
        operation(
            rows=(RowInsert(table="parcel", key={"id": number}, values={"state": state}),),
            transfers=(transfer(source, limited, 10),),
        )
        for number, state in ((1, "x"), (2, "x"), (3, "bad"), (4, "x"))
    ]
    spend = operation(transfers=(transfer(limited, shop, 21),))
    results = outcomes(book, *group, spend)
    assert [result.code for result in results] == ["", "row_exists", "row_refused", "", "exceeds_credits"]
    assert balance(book, limited).credits_posted == 20


def test_of_two_operations_that_add_one_row_the_later_one_is_refused_at_once(
    book: Bookkeeper, open_account: OpenAccount, parcel_table: None
) -> None:
    row = RowInsert(table="parcel", key={"id": 1}, values={"state": "x"})
    first, second = book.commit([operation(rows=(row,)), operation(rows=(row,))])
    assert isinstance(first, Outcome)
    assert first.accepted
    assert isinstance(second, Outcome)
    assert (second.accepted, second.code) == (False, "row_exists")


def outcomes(book: Bookkeeper, *operations: Operation) -> list[Outcome]:
    results = book.commit(operations)
    assert all(isinstance(result, Outcome) for result in results)
    return [result for result in results if isinstance(result, Outcome)]


def test_a_value_that_cannot_be_stored_refuses_its_operation_alone(
    book: Bookkeeper, open_account: OpenAccount
) -> None:
    source, shop = open_account(), open_account()
    event = Event(id=new_id(START_NS), topic="paid", payload=msgspec.Raw(b"{}"))
    twice = msgspec.structs.replace(operation(), events=(event, event))
    nul = operation(
        reply=b'"\\u0000 is fine in text that is not read"', transfers=(transfer(source, shop, 1),)
    )
    broken = msgspec.structs.replace(operation(transfers=(transfer(source, shop, 2),)), actor="a\x00b")
    good = operation(transfers=(transfer(source, shop, 4),))
    results = outcomes(book, twice, nul, broken, good)
    unwritable = "operation_unwritable"
    assert [result.code for result in results] == [unwritable, "", unwritable, ""]
    assert balance(book, shop).credits_posted == 5


def test_a_second_bookkeeper_is_refused_while_the_first_lives(
    book: Bookkeeper, furnished: Database, clock: SimulatedClock
) -> None:
    with pytest.raises(Unavailable) as refused:
        Bookkeeper(furnished.book, clock)
    assert refused.value.code == "bookkeeper_running"


def test_a_replaced_writer_cannot_commit(
    book: Bookkeeper, open_account: OpenAccount, furnished: Database
) -> None:
    source, shop = open_account(), open_account()
    with connect(furnished.owner) as connection:
        connection.execute("UPDATE book_writer SET epoch = epoch + 1")
        with pytest.raises(Fenced):
            book.commit([submission(transfer(source, shop, 1))])
        book.close()
        assert connection.execute("SELECT count(*) FROM transfer").fetchone() == (0,)


def test_recovery_needs_no_transfers_that_the_slices_contain(
    book: Bookkeeper, open_account: OpenAccount, furnished: Database, clock: SimulatedClock
) -> None:
    source, shop = open_account(), open_account()
    statuses(book, transfer(source, shop, 100))
    book.write_slices()
    statuses(book, transfer(source, shop, 11))
    with connect(furnished.owner) as connection:
        connection.execute("DELETE FROM transfer WHERE amount = 100")
    with reopened(book, furnished, clock) as later:
        assert balance(later, shop).credits_posted == 111


def test_slices_of_different_moments_recover_to_one_book(
    book: Bookkeeper, furnished: Database, clock: SimulatedClock
) -> None:
    accounts = tuple(
        NewAccount(id=new_id(START_NS), ledger=CNY, code=1, institution=BANK) for _ in range(1_100)
    )
    book.commit([operation(accounts=accounts)])
    first, last = accounts[0].id, accounts[-1].id
    statuses(book, *(transfer(first, last, 1) for _ in range(8_192)))
    with connect(furnished.owner) as connection:
        assert connection.execute("SELECT count(*) FROM balance_slice").fetchone() == (1,)
    with reopened(book, furnished, clock) as later:
        assert balance(later, first).debits_posted == 8_192
        assert balance(later, last).credits_posted == 8_192


def test_the_largest_amount_survives_a_restart(
    book: Bookkeeper, open_account: OpenAccount, furnished: Database, clock: SimulatedClock
) -> None:
    source, shop = open_account(), open_account()
    assert statuses(book, transfer(source, shop, AMOUNT_MAX)) == [Status.CREATED]
    with reopened(book, furnished, clock) as later:
        assert balance(later, shop).credits_posted == AMOUNT_MAX
        assert statuses(later, transfer(source, shop, 1)) == [Status.OVERFLOWS_DEBITS_POSTED]
