"""What must always be true between agreements, what was deducted under them, and the trades that it became."""

from collections.abc import Sequence
from typing import Any

import psycopg

from karez.ledger.invariants import Invariant
from karez.ledger.invariants.violations import Violation, find_violations

_COUNTED = """
SELECT a.id, format(
    'Agreement %s counts %s deductions of %s minor units, but there are %s of %s.',
    a.id, a.deducted_count, a.deducted_minor, coalesce(made.count, 0), coalesce(made.amount, 0)
)
FROM agreement a
LEFT JOIN (
    SELECT d.agreement, count(*) AS count, sum(t.released_minor) AS amount
    FROM agreement_deduction d LEFT JOIN trade t
        ON t.id = d.trade AND t.buyer = d.payer AND t.shop = d.shop AND t.amount_minor = d.amount_minor
    WHERE d.state = 'paid' GROUP BY 1
) made ON made.agreement = a.id
WHERE coalesce(made.count, 0) <> a.deducted_count OR coalesce(made.amount, 0) <> a.deducted_minor
"""


def every_deduction_is_counted_and_became_a_trade(connection: psycopg.Connection[Any]) -> list[Violation]:
    """What an agreement counts is what was deducted, each time as a trade between its two sides."""
    return find_violations(connection, _COUNTED)


INVARIANTS: Sequence[Invariant] = (every_deduction_is_counted_and_became_a_trade,)
