"""What must always be true of pay codes."""

from collections.abc import Sequence
from typing import Any

import psycopg

from karez.ledger.invariants import Invariant
from karez.ledger.invariants.violations import Violation, find_violations

_PAID_ONCE = """
SELECT code.trade, format(
    'A pay code of %s is used for trade %s, which %s.', code.payer, code.trade,
    CASE WHEN trade.id IS NULL THEN 'does not exist'
        WHEN trade.paid_ns IS NULL THEN 'is not paid'
        WHEN trade.buyer IS DISTINCT FROM code.payer THEN 'somebody else has paid'
        ELSE 'another code has paid too' END
)
FROM (SELECT payer, trade, count(*) OVER (PARTITION BY trade) AS uses FROM pay_code WHERE state = 'used') code
LEFT JOIN trade ON trade.id = code.trade
WHERE trade.paid_ns IS NULL OR trade.buyer IS DISTINCT FROM code.payer OR code.uses > 1
"""


def a_used_pay_code_has_paid_one_trade(connection: psycopg.Connection[Any]) -> list[Violation]:
    """Each used pay code has a paid trade of its payer's, and no other code has the same one."""
    return find_violations(connection, _PAID_ONCE)


INVARIANTS: Sequence[Invariant] = (a_used_pay_code_has_paid_one_trade,)
