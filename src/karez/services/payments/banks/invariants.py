"""What must always be true between the instructions to banks and the book."""

from collections.abc import Sequence
from typing import Any

import psycopg

from karez.ledger.invariants import Invariant
from karez.ledger.invariants.violations import Violation, find_violations
from karez.services.payments.accounts import AccountCode

# 43 and 44 are what the ledger calls a reservation that was posted or voided.
_RESERVATIONS = """
SELECT i.id, format(
    'The pay-out %%s is %%s, but its reservation of %%s minor units %%s.', i.id, i.state, i.amount_minor,
    CASE
        WHEN t.id IS NULL THEN 'is not in the book'
        WHEN t.amount <> i.amount_minor THEN format('holds %%s', t.amount)
        WHEN s.status IS NULL THEN 'is still open'
        ELSE 'was ' || CASE s.status WHEN 43 THEN 'posted' ELSE 'released' END
    END
)
FROM bank_instruction i
LEFT JOIN transfer t ON t.id = i.reservation AND t.flags & 2 <> 0
LEFT JOIN settlement s ON s.pending_id = i.reservation
WHERE i.direction = 'pay_out' AND (
    t.amount IS DISTINCT FROM i.amount_minor
    OR s.status IS DISTINCT FROM CASE
        WHEN i.ended_ns IS NULL THEN NULL WHEN i.state = 'succeeded' THEN 43 ELSE 44 END
)
"""

_COLLECTED = """
SELECT coalesce(told.currency, moved.currency), format(
    'Banks have collected %%s in %%s, but their clearing accounts were debited %%s minor units for it.',
    coalesce(told.amount, 0), coalesce(told.currency, moved.currency), coalesce(moved.amount, 0)
)
FROM (
    SELECT currency, sum(amount_minor) AS amount FROM bank_instruction
    WHERE direction = 'collect' AND state IN ('succeeded', 'succeeded_late') GROUP BY 1
) told
FULL JOIN (
    SELECT u.code AS currency, sum(t.amount) AS amount
    FROM operation o
    JOIN transfer t ON t.operation_id = o.id
    JOIN account a ON a.id = t.debit_account AND a.code = %(clearing)s
    JOIN unit u ON u.number = t.ledger
    WHERE o.kind IN ('bank.succeed', 'bank.succeed_late') GROUP BY 1
) moved ON moved.currency = told.currency
WHERE coalesce(told.amount, 0) <> coalesce(moved.amount, 0)
"""


def pay_outs_hold_their_money_until_they_end(connection: psycopg.Connection[Any]) -> list[Violation]:
    """A pay-out's reservation is open as long as the bank has not decided, then posted or released as it ended."""
    return find_violations(connection, _RESERVATIONS, {})


def every_collection_is_booked_once(connection: psycopg.Connection[Any]) -> list[Violation]:
    """In every currency the clearing accounts got what the banks say that they have collected."""
    return find_violations(connection, _COLLECTED, {"clearing": AccountCode.CLEARING})


INVARIANTS: Sequence[Invariant] = (pay_outs_hold_their_money_until_they_end, every_collection_is_booked_once)
