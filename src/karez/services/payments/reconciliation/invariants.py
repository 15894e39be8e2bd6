"""What must always be true of what reconciliation has settled."""

from collections.abc import Sequence
from typing import Any

import psycopg

from karez.ledger.invariants import Invariant
from karez.ledger.invariants.violations import Violation, find_violations
from karez.services.payments.reconciliation.matching.worktable import MatchRule

_MATCHES = """
SELECT settled_by, format(
    'The match %%s at bank %%s has %%s minor units in %%s of movements and %%s of entries.', settled_by, institution,
    sum(ours), currency, sum(theirs)
)
FROM (
    SELECT institution, settled_by, currency, amount_minor AS ours, 0 AS theirs FROM bank_movement
    WHERE settled_rule = ANY(%(rules)s)
    UNION ALL
    SELECT institution, settled_by, currency, 0, amount_minor FROM bank_entry WHERE settled_rule = ANY(%(rules)s)
) item
GROUP BY institution, settled_by, currency
HAVING sum(ours) <> sum(theirs)
"""


def both_sides_of_a_match_agree(connection: psycopg.Connection[Any]) -> list[Violation]:
    """What was taken for one another's has the same sum on both sides, in every currency."""
    return find_violations(connection, _MATCHES, {"rules": [str(rule) for rule in MatchRule]})


INVARIANTS: Sequence[Invariant] = (both_sides_of_a_match_agree,)
