"""Billers get what was paid of their bills: T+1 to the bank account that was agreed with them, without fees.

On every business day the cut of ``settlement.days`` comes for billers too. What was paid of a biller's bills before
it, less what the biller gave back, is one payout in the bank's next file, among those of shops. What the bank returns
is in the biller's account again and part of its next payout.

What a biller gives back after it was paid out takes its account below zero. Nothing is paid out then: what is owed is
carried, as a shop's is, and the payments of the next days make up for it.
"""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

import msgspec

from karez.core.calendars import Calendar
from karez.core.ids import NIL, derived_id
from karez.core.sealing import Sealer
from karez.ledger.operations import Operation, RowInsert, RowUpdate, Scalar
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import TransferCode
from karez.services.payments.house import House, money_moves
from karez.services.payments.settlement.bank_accounts import (
    NewBankAccount,
    checked_number,
    masked,
    sealed_row,
)
from karez.services.payments.settlement.batches import Totals, divide
from karez.services.payments.settlement.biller_records import BillerAccount
from karez.services.payments.settlement.days import cut_of, first_cut, next_cut
from karez.services.payments.settlement.payouts import new_payout


@dataclass(frozen=True, slots=True)
class DueBiller:
    """A biller whose cut has come.

    Attributes:
        account: As it was read.
        calendar: Its calendar.
        totals: What happened before the cut: payments, what was given back, and payouts that came back as adjustment.
    """

    account: BillerAccount
    calendar: Calendar
    totals: Totals


class BillerAccountReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """Where a biller's money goes from the next payout on."""

    currency: str
    bank: int
    number: str
    bic: str
    next_day: date


def agree_on_account(
    asking: Asking,
    house: House,
    sealer: Sealer,
    biller: int,
    currency: str,
    calendar: Calendar,
    kept: BillerAccount | None,
    new: NewBankAccount,
) -> Operation:
    """Agree on the bank account to which a biller's money goes; the first one begins its payouts.

    Args:
        asking: The biller's or the operator's request.
        house: The payment house.
        sealer: Seals what is personal.
        biller: Its institution number.
        currency: ISO 4217 letters.
        calendar: Whose business days count; of the first account, later ones leave it as it is.
        kept: What was agreed before.
        new: The account; payouts are made through its bank.

    Rejections: ``currency_not_open``, ``bank_account_malformed``, ``bank_field_refused``, ``calendar_closed``; in the
        book ``row_state_changed`` where a payout was made meanwhile.
    """
    house.currency(currency)
    number = checked_number(new)
    id_ = asking.made_id("bank account")
    cut = first_cut(calendar, asking.now_ns)
    where: dict[str, Scalar] = {"bank_account": str(id_), "bank": new.bank}
    key: dict[str, Scalar] = {"biller": biller, "currency": currency}
    row: RowInsert | RowUpdate
    if kept is None:
        begun: dict[str, Scalar] = {
            "calendar": calendar.name,
            "day": cut.day.isoformat(),
            "settled_until_ns": 0,
            "carried_minor": 0,
            "due_ns": cut.due_ns,
        }
        row = RowInsert(table="biller_account", key=key, values={**where, **begun})
    else:
        expected: dict[str, Scalar] = {"due_ns": kept.due_ns, "bank_account": str(kept.bank_account)}
        row = RowUpdate(table="biller_account", key=key, expected=expected, changes=where)
    reply = BillerAccountReceipt(
        currency=currency,
        bank=new.bank,
        number=masked(number),
        bic=new.bic,
        next_day=cut.day if kept is None else kept.day,
    )
    return asking.operation(
        "biller.agree_on_account",
        reply,
        rows=(sealed_row(asking, sealer, id_, {"biller": biller}, new, number), row),
        events=(asking.event("biller.account_agreed", (), msgspec.structs.asdict(reply), (biller,)),),
    )


def biller_payout_id(biller: int, currency: str, day: date) -> UUID:
    """Return the id of a biller's payout of a day: the day is paid out once."""
    return derived_id(NIL, "biller payout", biller, currency, day.isoformat())


def pay_biller(asking: Asking, house: House, due: DueBiller) -> Operation:
    """Make a biller's payout of a day, or carry what it owes.

    Args:
        asking: The clock's request.
        house: The payment house.
        due: Who is to be paid.

    Rejections: ``currency_not_open``, ``calendar_closed``; in the book ``row_state_changed`` where another worker was
        first, or another bank account was agreed on meanwhile.
    """
    account = due.account
    division = divide(account.carried_minor, due.totals)
    following = next_cut(due.calendar, account.day)
    moved = RowUpdate(
        table="biller_account",
        key={"biller": account.biller, "currency": account.currency},
        expected={"due_ns": account.due_ns, "bank_account": str(account.bank_account)},
        changes={
            "day": following.day.isoformat(),
            "settled_until_ns": cut_of(due.calendar, account.day).until_ns,
            "carried_minor": division.carried_minor,
            "due_ns": following.due_ns,
        },
    )
    told = {
        "currency": account.currency,
        "day": account.day,
        "paid_minor": division.paid_minor,
        "carried_minor": division.carried_minor,
    }
    if not division.paid_minor:
        return asking.operation("biller.carry", told, rows=(moved,))
    id_ = biller_payout_id(account.biller, account.currency, account.day)
    transfer = money_moves(
        asking.made_id("net"),
        accounts.biller_takings(account.biller, account.currency),
        accounts.payout_transit(account.bank, account.currency),
        division.paid_minor,
        house.currency(account.currency).money,
        TransferCode.SETTLEMENT,
    )
    payout = new_payout(asking, id_, account, {"biller": account.biller}, division.paid_minor)
    return asking.operation(
        "biller.pay",
        {"payout": id_, **told},
        transfers=(transfer,),
        rows=(moved, payout),
        events=(asking.event("biller.settled", (), {"payout": id_, **told}, (account.biller,)),),
    )
