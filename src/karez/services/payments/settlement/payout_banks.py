"""The banks through which shops are paid: one file of payouts for each account of Karez and business day.

The file of a day is made at 04:00 of the bank's calendar, two hours after the batches, and has every payout that
waits then. What comes later is in the next day's. A file has 1,000 payouts at most; the rest go into another file of
the day.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import class_row

from karez.core.calendars import Calendar, local_day, local_moment_ns, next_business_day
from karez.core.ids import NIL, derived_id
from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, RowInsert
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import AccountCode
from karez.services.payments.bankfiles.fields import check_text, is_bic
from karez.services.payments.bankfiles.payouts import NAME_LENGTH_MAX
from karez.services.payments.house import DEBITS_LIMITED, House
from karez.services.payments.settlement.days import FILE_HOUR

_ACCOUNT_LENGTH_MAX = 34


@dataclass(frozen=True, slots=True)
class PayoutBank:
    """An account of Karez from which payouts are made.

    Attributes:
        bank: Number of the institution.
        currency: ISO 4217 letters.
        calendar: Name of the calendar whose business days it works.
        holder: Karez's name there.
        account: Karez's account there.
        bic: The bank's; may be empty.
        day: Of the next file.
        number: How many files of that day are made.
        due_ns: When the next one is made.
    """

    bank: int
    currency: str
    calendar: str
    holder: str
    account: str
    bic: str
    day: date
    number: int
    due_ns: int


@dataclass(frozen=True, slots=True)
class NewPayoutBank:
    """A bank through which shops are to be paid.

    Attributes:
        bank: Number of the institution.
        currency: ISO 4217 letters.
        calendar: Whose business days it works.
        holder: Karez's name there.
        account: Karez's account there.
        bic: The bank's; may be empty.
    """

    bank: int
    currency: str
    calendar: Calendar
    holder: str
    account: str
    bic: str


class PayoutBankReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A bank through which shops are paid from now on."""

    bank: int
    currency: str
    calendar: str
    first_day: date


_COLUMNS = ", ".join(PayoutBank.__dataclass_fields__)
_FIND = f"SELECT {_COLUMNS} FROM payout_bank WHERE bank = %s AND currency = %s"  # noqa: S608 - names of our own columns
_ANY_CURRENCY = "SELECT FROM payout_bank WHERE bank = %s LIMIT 1"
_DUE = f"SELECT {_COLUMNS} FROM payout_bank WHERE due_ns <= %s ORDER BY due_ns, bank LIMIT %s"  # noqa: S608 - names of our own columns


def open_payouts(asking: Asking, house: House, new: NewPayoutBank) -> Operation:
    """Let shops be paid through a bank in a currency.

    Rejections: ``currency_not_open``, ``bank_field_refused``, ``bank_account_malformed``, ``calendar_closed``; in the
        book ``row_exists`` where this was done before.
    """
    currency = house.currency(new.currency)
    check_text("Holder", new.holder, NAME_LENGTH_MAX)
    check_text("Account", new.account, _ACCOUNT_LENGTH_MAX)
    if new.bic and not is_bic(new.bic):
        raise Rejected("bank_account_malformed", "The BIC is not one; it has 8 or 11 letters and digits.")
    day = next_business_day(new.calendar, local_day(new.calendar, asking.now_ns))
    row = RowInsert(
        table="payout_bank",
        key={"bank": new.bank, "currency": new.currency},
        values={
            "calendar": new.calendar.name,
            "holder": new.holder,
            "account": new.account,
            "bic": new.bic,
            "day": day.isoformat(),
            "number": 0,
            "due_ns": file_due_ns(new.calendar, day),
        },
    )
    transit = house.account(
        accounts.payout_transit(new.bank, new.currency),
        currency.money,
        AccountCode.PAYOUT_TRANSIT,
        flags=DEBITS_LIMITED,
    )
    reply = PayoutBankReceipt(bank=new.bank, currency=new.currency, calendar=new.calendar.name, first_day=day)
    return asking.operation("payout.open_bank", reply, accounts=(transit,), rows=(row,))


def file_due_ns(calendar: Calendar, day: date) -> int:
    """Return when the files of a day are made."""
    return local_moment_ns(calendar, day, FILE_HOUR)


def payout_file_id(bank: PayoutBank) -> UUID:
    """Return the id of the next file."""
    return derived_id(NIL, "payout file", bank.bank, bank.currency, bank.day.isoformat(), bank.number + 1)


def find_payout_bank(conn: psycopg.Connection[Any], bank: int, currency: str) -> PayoutBank:
    """Return a bank through which shops are paid in a currency.

    Rejections: ``payout_bank_not_found``.
    """
    with conn.cursor(row_factory=class_row(PayoutBank), binary=True) as cursor:
        found = cursor.execute(_FIND, (bank, currency)).fetchone()
    if found is None:
        raise no_payout_bank(bank)
    return found


def is_payout_bank(conn: psycopg.Connection[Any], bank: int) -> bool:
    """Tell whether shops are paid through a bank in any currency."""
    return conn.execute(_ANY_CURRENCY, (bank,)).fetchone() is not None


def due_banks(conn: psycopg.Connection[Any], now_ns: int, limit: int) -> list[PayoutBank]:
    """Return the banks whose next file is due."""
    with conn.cursor(row_factory=class_row(PayoutBank), binary=True) as cursor:
        return cursor.execute(_DUE, (now_ns, limit)).fetchall()


def no_payout_bank(bank: int) -> Rejected:
    """Return the refusal of a bank through which nothing is paid out."""
    return Rejected(
        "payout_bank_not_found",
        f"No payouts are made through institution {bank}; choose one that the operator has opened for payouts.",
    )
