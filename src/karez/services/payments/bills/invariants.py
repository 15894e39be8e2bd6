"""What must always be true between bills, what was paid of them, and the book."""

from collections.abc import Sequence
from typing import Any

import psycopg

from karez.ledger.invariants import Invariant
from karez.ledger.invariants.violations import Violation, find_violations
from karez.services.payments.accounts import TransferCode

_PAID = """
SELECT b.id, format(
    'Of bill %s %s minor units count as paid, but its payments are %s.',
    b.id, b.paid_minor, coalesce(paid.amount, 0)
)
FROM bill b
LEFT JOIN (
    SELECT bill, sum(amount_minor) AS amount FROM bill_payment WHERE state = 'paid' GROUP BY 1
) paid ON paid.bill = b.id
WHERE coalesce(paid.amount, 0) <> b.paid_minor
"""

_MOVED = """
SELECT coalesce(paid.currency, moved.currency), format(
    'Billers were paid %%s in %%s, but the payments that were not returned are %%s minor units.',
    coalesce(moved.amount, 0), coalesce(paid.currency, moved.currency), coalesce(paid.amount, 0)
)
FROM (SELECT currency, sum(amount_minor) AS amount FROM bill_payment WHERE state = 'paid' GROUP BY 1) paid
FULL JOIN (
    SELECT u.code AS currency, sum(CASE t.code WHEN %(bill)s THEN t.amount ELSE -t.amount END) AS amount
    FROM transfer t JOIN unit u ON u.number = t.ledger WHERE t.code IN (%(bill)s, %(back)s) GROUP BY 1
) moved ON moved.currency = paid.currency
WHERE coalesce(paid.amount, 0) <> coalesce(moved.amount, 0)
"""


def every_bill_is_paid_what_its_payments_are(connection: psycopg.Connection[Any]) -> list[Violation]:
    """What counts as paid of a bill is the sum of its payments that were not returned."""
    return find_violations(connection, _PAID)


def billers_got_what_was_paid(connection: psycopg.Connection[Any]) -> list[Violation]:
    """In every currency the book has moved to billers what was paid of bills and not returned."""
    return find_violations(connection, _MOVED, {"bill": TransferCode.BILL, "back": TransferCode.BILL_RETURN})


INVARIANTS: Sequence[Invariant] = (every_bill_is_paid_what_its_payments_are, billers_got_what_was_paid)
