"""What must always be true between holds and the book."""

from collections.abc import Sequence
from typing import Any

import psycopg

from karez.ledger.invariants import Invariant
from karez.ledger.invariants.violations import Violation, find_violations
from karez.ledger.model import Status

# A reservation whose time is over may wait for the sweep, and a row of which the sweep knows for the book.
_RESERVED = """
SELECT h.id, format(
    'Hold %%s is %%s and holds %%s, but its reservation in the book is of %%s minor units and %%s.',
    h.id, h.state, h.held_minor, coalesce(t.amount, 0), CASE WHEN s.pending_id IS NULL THEN 'open' ELSE 'settled' END
)
FROM hold h
LEFT JOIN transfer t ON t.id = h.pending_id AND t.flags & 2 <> 0
LEFT JOIN settlement s ON s.pending_id = h.pending_id
WHERE CASE h.state
    WHEN 'held' THEN t.amount IS DISTINCT FROM h.held_minor
        OR (s.pending_id IS NOT NULL AND s.status <> %(expired)s)
    WHEN 'expired' THEN t.id IS NULL OR (s.pending_id IS NOT NULL AND s.status <> %(expired)s)
    ELSE t.id IS NULL OR s.pending_id IS NULL
END
"""


def every_hold_is_reserved_in_the_book(connection: psycopg.Connection[Any]) -> list[Violation]:
    """What is held is reserved to the last minor unit, and what has ended is reserved no more."""
    return find_violations(connection, _RESERVED, {"expired": int(Status.PENDING_TRANSFER_EXPIRED)})


INVARIANTS: Sequence[Invariant] = (every_hold_is_reserved_in_the_book,)
