"""What must always be true between payouts and the book."""

from collections.abc import Sequence
from typing import Any

import psycopg

from karez.ledger.invariants import Invariant
from karez.ledger.invariants.violations import Violation, find_violations
from karez.services.payments import accounts
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


_BILLERS = """
SELECT t.account, format(
    'Of its bills biller %%s got %%s minor units in %%s; %%s were paid out and %%s are still there.',
    t.biller, paid.amount, t.currency, out.amount, kept.amount
)
FROM unnest(%(billers)s::integer[], %(currencies)s::text[], %(accounts)s::uuid[]) AS t (biller, currency, account)
CROSS JOIN LATERAL (
    SELECT coalesce(sum(p.amount_minor), 0) AS amount FROM bill_payment p
    WHERE p.institution = t.biller AND p.currency = t.currency AND p.state = 'paid'
) paid
CROSS JOIN LATERAL (
    SELECT coalesce(sum(p.amount_minor), 0) AS amount FROM payout p
    WHERE p.biller = t.biller AND p.currency = t.currency AND p.state <> 'returned'
) out
CROSS JOIN LATERAL (
    SELECT coalesce(sum(l.credits_posted - l.debits_posted), 0) AS amount FROM transfer_leg l
    WHERE l.account = t.account
) kept
WHERE paid.amount <> out.amount + kept.amount
"""
_BILLERS_KNOWN = """
SELECT institution, currency FROM biller_service UNION SELECT biller, currency FROM payout WHERE biller IS NOT NULL
"""


def what_banks_are_to_pay_is_in_transit(connection: psycopg.Connection[Any]) -> list[Violation]:
    """In every currency the accounts of what is in transit hold the payouts that are neither paid nor returned."""
    return find_violations(connection, _TRANSIT, {"transit": AccountCode.PAYOUT_TRANSIT})


def payout_files_keep_what_they_were_made_of(connection: psycopg.Connection[Any]) -> list[Violation]:
    """A file that is written again tells the bank to pay what it told it before."""
    return find_violations(connection, _FILES)


def billers_are_paid_what_their_bills_brought(connection: psycopg.Connection[Any]) -> list[Violation]:
    """What a biller was paid out and what it still has is what its bills were paid, less what it gave back."""
    known = connection.execute(_BILLERS_KNOWN).fetchall()
    asked: dict[str, object] = {
        "billers": [biller for biller, _ in known],
        "currencies": [currency for _, currency in known],
        "accounts": [accounts.biller_takings(*each) for each in known],
    }
    return find_violations(connection, _BILLERS, asked)


INVARIANTS: Sequence[Invariant] = (
    what_banks_are_to_pay_is_in_transit,
    payout_files_keep_what_they_were_made_of,
    billers_are_paid_what_their_bills_brought,
)
