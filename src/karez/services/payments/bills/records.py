"""Reading billers' services, bills, payments and standing orders."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row, dict_row

from karez.core.outcomes import Rejected


@dataclass(frozen=True, slots=True)
class BillerService:
    """Something that a biller sends bills for.

    Attributes:
        id: Derived from the biller and its code.
        institution: The biller's number.
        code: The biller's own name for it.
        name_en: Its name in English.
        name_zh: Its name in Chinese.
        category: Such as ``water``.
        currency: ISO 4217 letters.
        account_label_en: What an account number is called in English.
        account_label_zh: What an account number is called in Chinese.
        account_form: The form of account numbers.
        allows_parts: Whether a bill may be paid in parts.
        state: ``open`` or ``closed``.
        created_ns: When it was registered.
    """

    id: UUID
    institution: int
    code: str
    name_en: str
    name_zh: str
    category: str
    currency: str
    account_label_en: str
    account_label_zh: str
    account_form: str
    allows_parts: bool
    state: str
    created_ns: int


@dataclass(frozen=True, slots=True)
class Bill:
    """What somebody is to pay to a biller.

    Attributes:
        id: Derived from the service and the biller's reference.
        service: For what.
        institution: The biller's number.
        reference: The biller's own name for it.
        account_number: Whose it is, in the biller's books.
        label: What it is, such as ``Water, October 2026``.
        currency: ISO 4217 letters.
        amount_minor: How much.
        paid_minor: How much of it is paid.
        allows_parts: Whether it may be paid in parts.
        state: ``open``, ``paid`` or ``withdrawn``.
        due_ns: By when it is to be paid.
        auto_payer: Whose standing order pays it.
        auto_due_ns: When that is tried next.
        auto_attempt: How many tries have failed.
        created_ns: When it was uploaded.
    """

    id: UUID
    service: UUID
    institution: int
    reference: str
    account_number: str
    label: str
    currency: str
    amount_minor: int
    paid_minor: int
    allows_parts: bool
    state: str
    due_ns: int
    auto_payer: UUID | None
    auto_due_ns: int | None
    auto_attempt: int
    created_ns: int

    @property
    def left_minor(self) -> int:
        """Return what is still to be paid."""
        return self.amount_minor - self.paid_minor


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


@dataclass(frozen=True, slots=True)
class StandingOrder:
    """A payer's order to pay the bills of an account number when they are due.

    Attributes:
        id: Derived from payer, service and account number.
        payer: Who pays.
        service: For what.
        account_number: Whose bills.
        amount_max_minor: A larger bill is not paid.
        state: ``active`` or ``stopped``.
        attach_ns: When the bills that were uploaded before are taken in.
        ordered_ns: When it was ordered last.
    """

    id: UUID
    payer: UUID
    service: UUID
    account_number: str
    amount_max_minor: int
    state: str
    attach_ns: int | None
    ordered_ns: int


_SERVICE_COLUMNS = ", ".join(BillerService.__dataclass_fields__)
_BILL_COLUMNS = ", ".join(Bill.__dataclass_fields__)
_PAYMENT_COLUMNS = ", ".join(BillPayment.__dataclass_fields__)
_ORDER_COLUMNS = ", ".join(StandingOrder.__dataclass_fields__)
_SERVICES = f"SELECT {_SERVICE_COLUMNS} FROM biller_service"  # noqa: S608 - names of our own columns
_BILLS = f"SELECT {_BILL_COLUMNS} FROM bill"  # noqa: S608 - names of our own columns
_PAYMENTS = f"SELECT {_PAYMENT_COLUMNS} FROM bill_payment"  # noqa: S608 - names of our own columns
_ORDERS = f"SELECT {_ORDER_COLUMNS} FROM standing_order"  # noqa: S608 - names of our own columns
_LATEST_NS = 2**63 - 1

_TO_ATTACH = f"""
    SELECT wanted.id AS standing_order, found.* FROM unnest(%s::uuid[]) AS wanted (id)
    JOIN standing_order o ON o.id = wanted.id
    CROSS JOIN LATERAL (
        SELECT {_BILL_COLUMNS} FROM bill b
        WHERE b.service = o.service AND b.account_number = o.account_number AND b.state = 'open' AND (
            b.auto_due_ns IS NULL OR NOT EXISTS (
                SELECT FROM standing_order other
                WHERE other.service = b.service AND other.account_number = b.account_number
                    AND other.state = 'active' AND other.payer = b.auto_payer
            )
        )
        ORDER BY b.due_ns LIMIT %s
    ) found
"""  # noqa: S608 - names of our own columns

Connection = psycopg.Connection[Any]


def list_services(conn: Connection) -> list[BillerService]:
    """Return the catalogue: every service that is open."""
    with conn.cursor(row_factory=class_row(BillerService), binary=True) as cursor:
        return cursor.execute(
            _SERVICES + " WHERE state = 'open' ORDER BY category, institution, code LIMIT 10000"
        ).fetchall()


def find_service(conn: Connection, service: UUID) -> BillerService:
    """Return a service.

    Rejections: ``biller_service_not_found``.
    """
    with conn.cursor(row_factory=class_row(BillerService), binary=True) as cursor:
        found = cursor.execute(_SERVICES + " WHERE id = %s", (service,)).fetchone()
    if found is None:
        raise Rejected(
            "biller_service_not_found",
            f"There is no biller's service {service}; look it up in the catalogue.",
        )
    return found


def find_own_service(conn: Connection, institution: int, service: UUID) -> BillerService:
    """Return a service of the biller that asks.

    Rejections: ``biller_service_not_found``.
    """
    found = find_service(conn, service)
    if found.institution != institution:
        raise Rejected(
            "biller_service_not_found",
            f"There is no biller's service {service}; look it up in the catalogue.",
        )
    return found


def has_account(conn: Connection, account: UUID) -> bool:
    """Tell whether an account is open.

    Args:
        conn: In a transaction of the operator.
        account: Its id.
    """
    return conn.execute("SELECT FROM account WHERE id = %s", (account,)).fetchone() is not None


def bills_of(conn: Connection, service: UUID, account_number: str) -> list[Bill]:
    """Return what is open on an account number, what is due first coming first.

    Args:
        conn: In a transaction of the operator: a payer sees bills by their account number only.
        service: For what.
        account_number: Whose, in the biller's books.
    """
    with conn.cursor(row_factory=class_row(Bill), binary=True) as cursor:
        return cursor.execute(
            _BILLS
            + " WHERE service = %s AND account_number = %s AND state = 'open' ORDER BY due_ns LIMIT 100",
            (service, account_number),
        ).fetchall()


def find_bill(conn: Connection, bill: UUID) -> Bill:
    """Return a bill that the caller may see.

    Rejections: ``bill_not_found``.
    """
    with conn.cursor(row_factory=class_row(Bill), binary=True) as cursor:
        found = cursor.execute(_BILLS + " WHERE id = %s", (bill,)).fetchone()
    if found is None:
        raise bill_not_found(bill)
    return found


def bill_not_found(bill: UUID) -> Rejected:
    """Return the refusal of a bill that is not there for whoever asks."""
    return Rejected(
        "bill_not_found", f"There is no bill {bill} on this account number; look it up by the number."
    )


def known_references(conn: Connection, bills: Collection[UUID]) -> dict[UUID, str]:
    """Return those of the bills that exist, with the biller's name for them."""
    rows = conn.execute("SELECT id, reference FROM bill WHERE id = ANY(%s)", (list(bills),))
    return dict(rows.fetchall())


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


def payments_page(conn: Connection, payer: UUID, before_ns: int | None, limit: int) -> list[BillPayment]:
    """Return what a payer has paid, the latest first."""
    with conn.cursor(row_factory=class_row(BillPayment), binary=True) as cursor:
        return cursor.execute(
            _PAYMENTS + " WHERE payer = %s AND paid_ns < %s ORDER BY paid_ns DESC LIMIT %s",
            (payer, _LATEST_NS if before_ns is None else before_ns, limit),
        ).fetchall()


def find_order(conn: Connection, order: UUID) -> StandingOrder | None:
    """Return a standing order that the caller may see, if there is one."""
    with conn.cursor(row_factory=class_row(StandingOrder), binary=True) as cursor:
        return cursor.execute(_ORDERS + " WHERE id = %s", (order,)).fetchone()


def orders_of(conn: Connection, payer: UUID) -> list[StandingOrder]:
    """Return the standing orders of a payer."""
    with conn.cursor(row_factory=class_row(StandingOrder), binary=True) as cursor:
        return cursor.execute(
            _ORDERS + " WHERE payer = %s ORDER BY ordered_ns DESC LIMIT 1000", (payer,)
        ).fetchall()


def active_orders(
    conn: Connection, service: UUID, account_numbers: Collection[str]
) -> dict[str, StandingOrder]:
    """Return the standing orders that pay the bills of account numbers; of several the one that was ordered first.

    Args:
        conn: In a transaction of the operator or of the background work.
        service: For what.
        account_numbers: Whose bills.
    """
    with conn.cursor(row_factory=class_row(StandingOrder), binary=True) as cursor:
        found = cursor.execute(
            _ORDERS
            + " WHERE service = %s AND account_number = ANY(%s) AND state = 'active' ORDER BY ordered_ns DESC",
            (service, list(account_numbers)),
        )
        return {order.account_number: order for order in found}


def orders_to_attach(conn: Connection, now_ns: int, limit: int) -> list[StandingOrder]:
    """Return standing orders that have not taken in yet what was uploaded before."""
    with conn.cursor(row_factory=class_row(StandingOrder), binary=True) as cursor:
        return cursor.execute(
            _ORDERS + " WHERE attach_ns <= %s ORDER BY attach_ns LIMIT %s", (now_ns, limit)
        ).fetchall()


def bills_to_attach(
    conn: Connection, orders: Collection[StandingOrder], limit_each: int
) -> dict[UUID, list[Bill]]:
    """Return, by standing order, the open bills of its account number that no active one pays.

    Args:
        conn: In a transaction of the background work.
        orders: Which.
        limit_each: How many bills at most for each of them.
    """
    found: dict[UUID, list[Bill]] = {order.id: [] for order in orders}
    with conn.cursor(row_factory=dict_row, binary=True) as cursor:
        for row in cursor.execute(_TO_ATTACH, (list(found), limit_each)):
            found[row.pop("standing_order")].append(Bill(**row))
    return found


def bills_to_pay(conn: Connection, now_ns: int, limit: int) -> list[Bill]:
    """Return bills that standing orders are to pay now."""
    with conn.cursor(row_factory=class_row(Bill), binary=True) as cursor:
        return cursor.execute(
            _BILLS + " WHERE auto_due_ns <= %s ORDER BY auto_due_ns LIMIT %s", (now_ns, limit)
        ).fetchall()


def orders_among(conn: Connection, orders: Collection[UUID]) -> dict[UUID, StandingOrder]:
    """Return those of the standing orders that are active, by id."""
    with conn.cursor(row_factory=class_row(StandingOrder), binary=True) as cursor:
        found = cursor.execute(_ORDERS + " WHERE id = ANY(%s) AND state = 'active'", (list(orders),))
        return {order.id: order for order in found}
