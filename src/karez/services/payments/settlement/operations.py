"""Making the batch of a shop: the fees are Karez's, the rest is the shop's.

A batch's id derives from the shop, the currency and the day, and the account's row moves on with it, so a day is
settled once, whoever does it how often. The book moves the money in the same transaction.
"""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from karez.core.calendars import Calendar
from karez.core.ids import derived_id
from karez.ledger.model import Transfer
from karez.ledger.operations import Event, Operation, RowInsert, RowUpdate
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import TransferCode
from karez.services.payments.house import House, money_moves
from karez.services.payments.settlement.batches import NOTHING, Division, Totals, divide
from karez.services.payments.settlement.days import Cut, cut_of, next_cut
from karez.services.payments.settlement.payouts import new_payout, payout_id
from karez.services.payments.settlement.records import SettlementAccount


@dataclass(frozen=True, slots=True)
class DueBatch:
    """A batch that is to be made.

    Attributes:
        account: The shop's, as it was read.
        calendar: Its calendar.
        totals: What its lines come to.
    """

    account: SettlementAccount
    calendar: Calendar
    totals: Totals


def batch_id(shop: UUID, currency: str, day: date) -> UUID:
    """Return the id of a shop's batch of a day."""
    return derived_id(shop, "settlement", currency, day.isoformat())


def settle(asking: Asking, house: House, due: DueBatch) -> Operation:
    """Make a batch: pay the fees and the shop, or carry what it owes.

    A day on which nothing happened makes no batch; the account only moves on.

    Args:
        asking: The clock's request.
        house: The payment house.
        due: What is to be settled.

    Rejections: ``currency_not_open``, ``calendar_closed``.
    """
    account, totals = due.account, due.totals
    cut = cut_of(due.calendar, account.day)
    division = divide(account.carried_minor, totals)
    moved = _moved_on(due, cut, division)
    if totals == NOTHING:
        return asking.operation("settlement.skip", {"day": account.day}, rows=(moved,))
    id_ = batch_id(account.shop, account.currency, account.day)
    payout = None
    if account.bank is not None and division.paid_minor:
        owner = {"shop": str(account.shop), "batch": str(id_)}
        payout = new_payout(asking, payout_id(id_), account, owner, division.paid_minor)
    row = _batch_row(asking, due, cut, division, None if payout is None else payout.key["id"])
    return asking.operation(
        "settlement.settle",
        {"batch": id_, "day": account.day, "paid_minor": division.paid_minor},
        transfers=_transfers(asking, house, due, division),
        rows=(row, moved, *(() if payout is None else (payout,))),
        events=(_announcement(asking, id_, due, division),),
    )


def _transfers(asking: Asking, house: House, due: DueBatch, division: Division) -> tuple[Transfer, ...]:
    account, fee_minor = due.account, due.totals.fee_minor
    unit = house.currency(account.currency).money
    takings = accounts.takings(account.shop, account.currency)
    fees = accounts.fees(account.currency)
    made = []
    if fee_minor:
        debit, credit = (takings, fees) if fee_minor > 0 else (fees, takings)
        made.append(money_moves(asking.made_id("fee"), debit, credit, abs(fee_minor), unit, TransferCode.FEE))
    if division.paid_minor:
        target = (
            accounts.wallet(account.shop, account.currency)
            if account.bank is None
            else accounts.payout_transit(account.bank, account.currency)
        )
        made.append(
            money_moves(
                asking.made_id("net"), takings, target, division.paid_minor, unit, TransferCode.SETTLEMENT
            )
        )
    return tuple(made)


def _moved_on(due: DueBatch, cut: Cut, division: Division) -> RowUpdate:
    account = due.account
    following = next_cut(due.calendar, account.day)
    return RowUpdate(
        table="settlement_account",
        key={"shop": str(account.shop), "currency": account.currency},
        expected={
            "due_ns": account.due_ns,
            "settled_until_ns": account.settled_until_ns,
            "carried_minor": account.carried_minor,
            "bank_account": None if account.bank_account is None else str(account.bank_account),
        },
        changes={
            "day": following.day.isoformat(),
            "settled_until_ns": cut.until_ns,
            "carried_minor": division.carried_minor,
            "due_ns": following.due_ns,
        },
    )


def _batch_row(asking: Asking, due: DueBatch, cut: Cut, division: Division, payout: object) -> RowInsert:
    account, totals = due.account, due.totals
    return RowInsert(
        table="settlement_batch",
        key={"id": str(batch_id(account.shop, account.currency, account.day))},
        values={
            "shop": str(account.shop),
            "currency": account.currency,
            "day": account.day.isoformat(),
            "from_ns": account.settled_until_ns,
            "until_ns": cut.until_ns,
            "payments": totals.payments,
            "gross_minor": totals.gross_minor,
            "refunds": totals.refunds,
            "refunded_minor": totals.refunded_minor,
            "adjusted_minor": totals.adjusted_minor,
            "fee_minor": totals.fee_minor,
            "brought_minor": account.carried_minor,
            "paid_minor": division.paid_minor,
            "carried_minor": division.carried_minor,
            "payout": None if payout is None else str(payout),
            "settled_ns": asking.now_ns,
        },
    )


def _announcement(asking: Asking, batch: UUID, due: DueBatch, division: Division) -> Event:
    account, totals = due.account, due.totals
    told = {
        "id": batch,
        "currency": account.currency,
        "day": account.day,
        "gross_minor": totals.gross_minor,
        "fee_minor": totals.fee_minor,
        "paid_minor": division.paid_minor,
        "carried_minor": division.carried_minor,
    }
    return asking.event("settlement.settled", (account.shop,), told)
