"""What must always be true between payouts and the book."""

from collections.abc import Sequence
from typing import Any

import psycopg

from karez.ledger.invariants import Invariant
from karez.ledger.invariants.violations import Violation, find_violations
from karez.services.payments.accounts import AccountCode

_TRANSIT = """
SELECT coalesce(told.currency, kept.currency), format(
    'Payouts of %%s minor units in %%s are on their way, but %%s are in transit.', coalesce(told.amount, 0),
    coalesce(told.currency, kept.currency), coalesce(kept.amount, 0)
)
FROM (
    SELECT currency, sum(amount_minor) AS amount FROM payout WHERE state IN ('waiting', 'in_file') GROUP BY 1
) told
FULL JOIN (
    SELECT u.code AS currency, sum(l.credits_posted - l.debits_posted) AS amount
    FROM account a JOIN unit u ON u.number = a.ledger JOIN transfer_leg l ON l.account = a.id
    WHERE a.code = %(transit)s GROUP BY 1
) kept ON kept.currency = told.currency
WHERE coalesce(told.amount, 0) <> coalesce(kept.amount, 0)
"""
_FILES = """
SELECT f.id, format(
    'The payout file %s has %s payouts of %s minor units, but was made with %s of %s.', f.id, count(p.id),
    coalesce(sum(p.amount_minor), 0), f.payouts, f.total_minor
)
FROM payout_file f LEFT JOIN payout p ON p.file = f.id
GROUP BY f.id
HAVING count(p.id) <> f.payouts OR coalesce(sum(p.amount_minor), 0) <> f.total_minor
"""


def what_banks_are_to_pay_is_in_transit(connection: psycopg.Connection[Any]) -> list[Violation]:
    """In every currency the accounts of what is in transit hold the payouts that are neither paid nor returned."""
    return find_violations(connection, _TRANSIT, {"transit": AccountCode.PAYOUT_TRANSIT})


def payout_files_keep_what_they_were_made_of(connection: psycopg.Connection[Any]) -> list[Violation]:
    """A file that is written again tells the bank to pay what it told it before."""
    return find_violations(connection, _FILES)


INVARIANTS: Sequence[Invariant] = (
    what_banks_are_to_pay_is_in_transit,
    payout_files_keep_what_they_were_made_of,
)
