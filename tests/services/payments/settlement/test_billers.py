"""What a biller is paid on a day, and what is carried when it has given back more than it took."""

from datetime import date
from uuid import UUID

import pytest

from karez.core.calendars import CALENDARS
from karez.core.clock import to_datetime
from karez.core.ids import NIL
from karez.ledger.operations import Operation, RowInsert, RowUpdate
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.house import Currency, House
from karez.services.payments.settlement.batches import NOTHING, Totals
from karez.services.payments.settlement.biller_records import BillerAccount
from karez.services.payments.settlement.billers import DueBiller, biller_payout_id, pay_biller
from karez.services.payments.settlement.days import cut_of

WEEKDAYS = CALENDARS["weekdays"]
HOUSE = House(1, {"CNY": Currency("CNY", 2, 1, 2, 3)})
FRIDAY = date(2026, 3, 6)
WATER, BANK = 7, 2


def paid(totals: Totals, carried_minor: int = 0) -> Operation:
    """Return what happens at Friday's cut."""
    cut = cut_of(WEEKDAYS, FRIDAY)
    account = BillerAccount(WATER, "CNY", "weekdays", NIL, BANK, FRIDAY, 0, carried_minor, cut.due_ns)
    asking = Asking(UUID(int=1), "clock", b"", cut.due_ns)
    return pay_biller(asking, HOUSE, DueBiller(account, WEEKDAYS, totals))


def rows(operation: Operation) -> tuple[RowUpdate, RowInsert | None]:
    """Return what becomes of the account, and the payout."""
    moved, *payouts = operation.rows
    assert isinstance(moved, RowUpdate)
    payout = payouts[0] if payouts else None
    assert payout is None or isinstance(payout, RowInsert)
    return moved, payout


def test_what_was_paid_less_what_was_given_back_goes_to_the_bank() -> None:
    operation = paid(Totals(payments=3, gross_minor=900, refunds=1, refunded_minor=200))
    moved, payout = rows(operation)
    assert payout is not None
    assert payout.key == {"id": str(biller_payout_id(WATER, "CNY", FRIDAY))}
    assert (payout.values["biller"], payout.values["amount_minor"]) == (WATER, 700)
    assert "shop" not in payout.values
    (transfer,) = operation.transfers
    assert (transfer.debit_account_id, transfer.credit_account_id, transfer.amount) == (
        accounts.biller_takings(WATER, "CNY"),
        accounts.payout_transit(BANK, "CNY"),
        700,
    )
    assert moved.changes["carried_minor"] == 0


def test_the_cut_after_friday_is_mondays() -> None:
    moved, _ = rows(paid(NOTHING))
    assert moved.changes["day"] == "2026-03-09"
    assert to_datetime(int(str(moved.changes["settled_until_ns"]))) < to_datetime(
        cut_of(WEEKDAYS, FRIDAY).due_ns
    )


@pytest.mark.parametrize(
    ("carried_minor", "totals", "paid_minor", "left_minor"),
    [
        (0, Totals(refunds=1, refunded_minor=300), 0, -300),
        (-300, NOTHING, 0, -300),
        (-300, Totals(payments=1, gross_minor=200), 0, -100),
        (-300, Totals(payments=1, gross_minor=500), 200, 0),
        (0, Totals(adjusted_minor=700), 700, 0),
        (0, NOTHING, 0, 0),
    ],
)
def test_what_is_owed_is_carried_and_what_came_back_is_paid_again(
    carried_minor: int, totals: Totals, paid_minor: int, left_minor: int
) -> None:
    operation = paid(totals, carried_minor)
    moved, payout = rows(operation)
    assert (0 if payout is None else payout.values["amount_minor"]) == paid_minor
    assert sum(transfer.amount for transfer in operation.transfers) == paid_minor
    assert moved.changes["carried_minor"] == left_minor


def test_a_biller_hears_of_its_payout_and_nobody_else_does() -> None:
    (event,) = paid(Totals(payments=1, gross_minor=700)).events
    assert event.topic == "biller.settled"
    assert b'"institutions":[7]' in bytes(event.payload)
    assert b'"parties":[]' in bytes(event.payload)
    assert paid(NOTHING).events == ()
