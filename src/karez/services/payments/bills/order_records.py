"""Reading standing orders, and the bills that they are for."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from karez.services.payments.bills.records import Bill
from karez.storage.selecting import select

Connection = psycopg.Connection[Any]


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


_ORDERS = select(StandingOrder, "FROM standing_order")

_TO_ATTACH = select(
    Bill,
    """FROM (
        SELECT DISTINCT found.* FROM standing_order o CROSS JOIN LATERAL (
            SELECT * FROM bill b
            WHERE b.service = o.service AND b.account_number = o.account_number AND b.state = 'open' AND (
                b.auto_due_ns IS NULL OR NOT EXISTS (
                    SELECT FROM standing_order other
                    WHERE other.service = b.service AND other.account_number = b.account_number
                        AND other.state = 'active' AND other.payer = b.auto_payer
                )
            )
            ORDER BY b.due_ns LIMIT %s
        ) found
        WHERE o.id = ANY(%s)
    ) taken""",
)
_OF_ACCOUNTS = select(
    StandingOrder,
    """FROM standing_order JOIN unnest(%s::uuid[], %s::text[]) AS wanted (service, account_number)
        USING (service, account_number)
    WHERE state = 'active' ORDER BY ordered_ns, id""",
)


def find_order(conn: Connection, order: UUID) -> StandingOrder | None:
    """Return a standing order that the caller may see, if there is one."""
    with conn.cursor(row_factory=class_row(StandingOrder), binary=True) as cursor:
        return cursor.execute(_ORDERS + " WHERE id = %s", (order,)).fetchone()


def orders_page(conn: Connection, payer: UUID, before_ns: int, limit: int) -> list[StandingOrder]:
    """Return the standing orders of a payer, the latest first, with all of the last one's moment."""
    with conn.cursor(row_factory=class_row(StandingOrder), binary=True) as cursor:
        return cursor.execute(
            _ORDERS
            + " WHERE payer = %s AND ordered_ns < %s ORDER BY ordered_ns DESC FETCH FIRST %s ROWS WITH TIES",
            (payer, before_ns, limit),
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
        orders: Which; of several for one account number the one that was ordered first gets the bills.
        limit_each: How many bills at most for each of them.
    """
    found: dict[UUID, list[Bill]] = {order.id: [] for order in orders}
    latest_first = sorted(orders, key=lambda order: order.ordered_ns, reverse=True)
    takers = {(order.service, order.account_number): order.id for order in latest_first}
    with conn.cursor(row_factory=class_row(Bill), binary=True) as cursor:
        for bill in cursor.execute(_TO_ATTACH, (limit_each, list(found))):
            found[takers[bill.service, bill.account_number]].append(bill)
    return found


def orders_for(conn: Connection, bills: Collection[Bill]) -> dict[UUID, list[StandingOrder]]:
    """Return, by bill, the active standing orders for its account number, the first one that was ordered first.

    Args:
        conn: In a transaction of the background work.
        bills: Which.
    """
    accounts = {(bill.service, bill.account_number) for bill in bills}
    of_account: defaultdict[tuple[UUID, str], list[StandingOrder]] = defaultdict(list)
    with conn.cursor(row_factory=class_row(StandingOrder), binary=True) as cursor:
        for order in cursor.execute(
            _OF_ACCOUNTS, ([service for service, _ in accounts], [number for _, number in accounts])
        ):
            of_account[order.service, order.account_number].append(order)
    return {bill.id: of_account[bill.service, bill.account_number] for bill in bills}
