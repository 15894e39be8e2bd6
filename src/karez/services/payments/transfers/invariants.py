"""What must always be true between the money that people sent to each other and the book."""

from collections.abc import Sequence
from typing import Any

import psycopg

from karez.ledger.invariants import Invariant
from karez.ledger.invariants.violations import Violation, find_violations
from karez.services.payments.accounts import TransferCode

_SENT = """
SELECT coalesce(sent.id, moved.operation_id), format(
    'Transfer %%s is of %%s minor units, but the book has moved %%s.',
    coalesce(sent.id, moved.operation_id), coalesce(sent.amount_minor, 0), coalesce(moved.amount, 0)
)
FROM money_transfer sent
FULL JOIN (SELECT operation_id, amount FROM transfer WHERE code = %(sending)s) moved ON moved.operation_id = sent.id
WHERE sent.amount_minor IS DISTINCT FROM moved.amount
"""


def what_was_sent_was_moved(connection: psycopg.Connection[Any]) -> list[Violation]:
    """Each transfer between people has moved its amount in the book, once."""
    return find_violations(connection, _SENT, {"sending": TransferCode.SENDING})


INVARIANTS: Sequence[Invariant] = (what_was_sent_was_moved,)
