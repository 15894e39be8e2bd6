"""Reading where billers stand, and what was paid of their bills in a span of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from karez.services.payments.settlement.batches import Totals
from karez.storage.selecting import select


@dataclass(frozen=True, slots=True)
class BillerAccount:
    """Where a biller stands in one currency.

    Attributes:
        biller: Its institution number.
        currency: ISO 4217 letters.
        calendar: Name of the calendar whose business days count.
        bank_account: Where its money goes.
        bank: The institution that pays it there.
        day: Of the next payout.
        settled_until_ns: What happened before is in a payout or carried.
        carried_minor: What it owes from the last day, at most 0.
        due_ns: When the next payout is made.
    """

    biller: int
    currency: str
    calendar: str
    bank_account: UUID
    bank: int
    day: date
    settled_until_ns: int
    carried_minor: int
    due_ns: int


_ACCOUNTS = select(BillerAccount, "FROM biller_account WHERE biller = %s ORDER BY currency")
_DUE = select(BillerAccount, "FROM biller_account WHERE due_ns <= %s ORDER BY due_ns, biller LIMIT %s")
# A payment that is returned counts where it was paid, and is taken off where it was returned.
_TOTALS = """
SELECT paid.count, paid.amount_minor, returned.count, returned.amount_minor, came_back.amount_minor
FROM unnest(%s::integer[], %s::text[], %s::bigint[], %s::bigint[]) WITH ORDINALITY
    AS w (biller, currency, from_ns, until_ns, place)
CROSS JOIN LATERAL (
    SELECT count(*), coalesce(sum(p.amount_minor), 0)::bigint AS amount_minor FROM bill_payment p
    WHERE p.institution = w.biller AND p.currency = w.currency
        AND p.paid_ns >= w.from_ns AND p.paid_ns < w.until_ns
) paid
CROSS JOIN LATERAL (
    SELECT count(*), coalesce(sum(p.amount_minor), 0)::bigint AS amount_minor FROM bill_payment p
    WHERE p.institution = w.biller AND p.currency = w.currency AND p.state = 'returned'
        AND p.returned_ns >= w.from_ns AND p.returned_ns < w.until_ns
) returned
CROSS JOIN LATERAL (
    SELECT coalesce(sum(o.amount_minor), 0)::bigint AS amount_minor FROM payout o
    WHERE o.biller = w.biller AND o.currency = w.currency AND o.state = 'returned'
        AND o.changed_ns >= w.from_ns AND o.changed_ns < w.until_ns
) came_back
ORDER BY w.place
"""


def biller_accounts(conn: psycopg.Connection[Any], biller: int) -> list[BillerAccount]:
    """Return where a biller stands, in each currency that was agreed on."""
    with conn.cursor(row_factory=class_row(BillerAccount), binary=True) as cursor:
        return cursor.execute(_ACCOUNTS, (biller,)).fetchall()


def due_billers(conn: psycopg.Connection[Any], now_ns: int, limit: int) -> list[BillerAccount]:
    """Return the accounts whose next payout is due, the longest overdue first."""
    with conn.cursor(row_factory=class_row(BillerAccount), binary=True) as cursor:
        return cursor.execute(_DUE, (now_ns, limit)).fetchall()


def biller_totals(
    conn: psycopg.Connection[Any], due: Sequence[BillerAccount], until_ns: Sequence[int]
) -> list[Totals]:
    """Return what happened to billers' accounts since their last cut, in the order of the billers.

    Args:
        conn: In a transaction of the worker.
        due: The billers.
        until_ns: Of each one, the moment before which it happened.
    """
    rows = conn.execute(
        _TOTALS,
        (
            [each.biller for each in due],
            [each.currency for each in due],
            [each.settled_until_ns for each in due],
            list(until_ns),
        ),
    )
    return [
        Totals(
            payments=payments,
            gross_minor=gross_minor,
            refunds=refunds,
            refunded_minor=refunded_minor,
            adjusted_minor=came_back_minor,
        )
        for payments, gross_minor, refunds, refunded_minor, came_back_minor in rows
    ]
