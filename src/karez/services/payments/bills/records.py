"""Reading billers' services and bills."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from karez.core.outcomes import Rejected
from karez.storage.selecting import select


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


_SERVICES = select(BillerService, "FROM biller_service")
_BILLS = select(Bill, "FROM bill")
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


def has_service(conn: Connection, service: UUID) -> bool:
    """Tell whether a service is registered."""
    return conn.execute("SELECT FROM biller_service WHERE id = %s", (service,)).fetchone() is not None


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


def bills_to_pay(conn: Connection, now_ns: int, limit: int) -> list[Bill]:
    """Return bills that standing orders are to pay now."""
    with conn.cursor(row_factory=class_row(Bill), binary=True) as cursor:
        return cursor.execute(
            _BILLS + " WHERE auto_due_ns <= %s ORDER BY auto_due_ns LIMIT %s", (now_ns, limit)
        ).fetchall()
