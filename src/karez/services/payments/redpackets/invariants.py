"""What must always be true between red packets and the book."""

from collections.abc import Sequence
from typing import Any

import psycopg

from karez.ledger.invariants import Invariant
from karez.ledger.invariants.violations import Violation, find_violations
from karez.services.payments.accounts import TransferCode

_WHOLE = """
SELECT p.id, format(
    'Red packet %%s is of %%s minor units, but %%s are reserved, %%s taken and %%s returned.',
    p.id, p.amount_minor, coalesce(kept.amount, 0), coalesce(taken.amount, 0), p.returned_minor
)
FROM red_packet p
LEFT JOIN (
    SELECT t.operation_id, sum(t.amount) AS amount
    FROM transfer t LEFT JOIN settlement s ON s.pending_id = t.id
    WHERE t.code = %(share)s AND t.flags & 2 <> 0 AND s.pending_id IS NULL GROUP BY 1
) kept ON kept.operation_id = p.id
LEFT JOIN (SELECT packet, sum(amount_minor) AS amount FROM red_packet_grab GROUP BY 1) taken ON taken.packet = p.id
WHERE coalesce(kept.amount, 0) + coalesce(taken.amount, 0) + p.returned_minor <> p.amount_minor
    OR (p.state = 'ended' AND kept.amount IS NOT NULL)
"""

_GIVEN = """
SELECT coalesce(taken.currency, moved.currency), format(
    'The takers of red packets got %%s in %%s, but the shares that were taken are %%s minor units.',
    coalesce(moved.amount, 0), coalesce(taken.currency, moved.currency), coalesce(taken.amount, 0)
)
FROM (
    SELECT p.currency, sum(g.amount_minor) AS amount
    FROM red_packet_grab g JOIN red_packet p ON p.id = g.packet GROUP BY 1
) taken
FULL JOIN (
    SELECT u.code AS currency, sum(t.amount) AS amount
    FROM transfer t JOIN unit u ON u.number = t.ledger WHERE t.code = %(grab)s GROUP BY 1
) moved ON moved.currency = taken.currency
WHERE coalesce(taken.amount, 0) <> coalesce(moved.amount, 0)
"""


def every_red_packet_is_whole(connection: psycopg.Connection[Any]) -> list[Violation]:
    """What is reserved, taken and returned of a red packet is its amount, and nothing is reserved after its end."""
    return find_violations(connection, _WHOLE, {"share": TransferCode.RED_PACKET})


def takers_got_what_they_took(connection: psycopg.Connection[Any]) -> list[Violation]:
    """In every currency the book has moved to takers what they took."""
    return find_violations(connection, _GIVEN, {"grab": TransferCode.RED_PACKET_GRAB})


INVARIANTS: Sequence[Invariant] = (every_red_packet_is_whole, takers_got_what_they_took)
