"""Reading what was paid of bills."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from karez.core.outcomes import Rejected
from karez.storage.selecting import select

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class BillPayment:
    """What was paid of a bill.

    Attributes:
        id: Its id, the operation's.
        bill: Of which bill.
        service: For what.
        institution: The biller's number.
        reference: The biller's own name for the bill.
        account_number: Whose it was, in the biller's books.
        label: What it was.
        payer: Who paid.
        currency: ISO 4217 letters.
        amount_minor: How much.
        state: ``paid`` or ``returned``.
        reason: Why it was returned.
        paid_ns: When it was paid.
        returned_ns: When it was returned.
    """

    id: UUID
    bill: UUID
    service: UUID
    institution: int
    reference: str
    account_number: str
    label: str
    payer: UUID
    currency: str
    amount_minor: int
    state: str
    reason: str | None
    paid_ns: int
    returned_ns: int | None


_PAYMENTS = select(BillPayment, "FROM bill_payment")


def payments_of_bill(conn: Connection, bill: UUID) -> list[BillPayment]:
    """Return what was paid of a bill, the first one first."""
    with conn.cursor(row_factory=class_row(BillPayment), binary=True) as cursor:
        return cursor.execute(_PAYMENTS + " WHERE bill = %s ORDER BY paid_ns LIMIT 1000", (bill,)).fetchall()


def find_payment(conn: Connection, payment: UUID) -> BillPayment:
    """Return a payment that the caller may see.

    Rejections: ``bill_payment_not_found``.
    """
    with conn.cursor(row_factory=class_row(BillPayment), binary=True) as cursor:
        found = cursor.execute(_PAYMENTS + " WHERE id = %s", (payment,)).fetchone()
    if found is None:
        raise Rejected(
            "bill_payment_not_found", f"There is no payment {payment} that you may see; look its id up."
        )
    return found


def payments_page(conn: Connection, payer: UUID, before_ns: int, limit: int) -> list[BillPayment]:
    """Return what a payer has paid, the latest first, with all of the last one's moment."""
    with conn.cursor(row_factory=class_row(BillPayment), binary=True) as cursor:
        return cursor.execute(
            _PAYMENTS
            + " WHERE payer = %s AND paid_ns < %s ORDER BY paid_ns DESC FETCH FIRST %s ROWS WITH TIES",
            (payer, before_ns, limit),
        ).fetchall()
