"""Invariants of pending transfers and what became of them."""

from typing import Any

import psycopg

from karez.ledger.invariants.violations import Violation, find_violations

_SETTLED_TWICE = """
SELECT pending_id, format('The pending transfer %s was settled %s times.', pending_id, count(*))
FROM transfer WHERE flags & 12 <> 0
GROUP BY pending_id HAVING count(*) > 1
"""
_UNEQUAL_SETTLEMENTS = """
SELECT coalesce(s.pending_id, t.pending_id), CASE
    WHEN t.id IS NULL THEN format(
        'The settlement of %s names the transfer %s, which does not settle it.', s.pending_id, s.transfer_id
    )
    WHEN s.transfer_id IS NULL THEN format('Transfer %s settles %s without a settlement.', t.id, t.pending_id)
    ELSE format('The settlement of %s has status %s, which is not what its transfer did.', s.pending_id, s.status)
END
FROM settlement s
FULL JOIN (SELECT id, pending_id, flags FROM transfer WHERE flags & 12 <> 0) t
    ON t.pending_id = s.pending_id AND t.id = s.transfer_id
WHERE s.status IS DISTINCT FROM
    CASE WHEN t.flags & 1024 <> 0 THEN 45 WHEN t.flags & 4 <> 0 THEN 43 WHEN t.flags & 8 <> 0 THEN 44 END
"""
_BEYOND_RESERVATION = """
SELECT t.id, format('Transfer %s settles %s, but %s.', t.id, t.pending_id, CASE
    WHEN r.id IS NULL THEN 'there is no such transfer'
    WHEN r.flags & 2 = 0 THEN 'that one is not pending'
    WHEN t.amount > r.amount OR t.flags & 8 <> 0 AND t.amount <> r.amount
        THEN format('takes %s of the %s reserved', t.amount, r.amount)
    WHEN t.timestamp_ns <= r.timestamp_ns THEN 'came before it'
    WHEN t.flags & 1024 <> 0 AND coalesce(r.timeout_s, 0) = 0 THEN 'that one never expires'
    WHEN t.flags & 1024 <> 0 THEN 'expired it too early'
    WHEN r.timeout_s > 0 AND t.timestamp_ns >= r.timestamp_ns + r.timeout_s * 1000000000::bigint
        THEN 'came after its time'
    ELSE 'is between other accounts, or differs in ledger or code'
END)
FROM transfer t LEFT JOIN transfer r ON r.id = t.pending_id
WHERE t.flags & 12 <> 0 AND (
    r.id IS NULL
    OR r.flags & 2 = 0
    OR t.amount > r.amount
    OR t.flags & 8 <> 0 AND t.amount <> r.amount
    OR t.timestamp_ns <= r.timestamp_ns
    OR (t.debit_account, t.credit_account, t.ledger, t.code)
        <> (r.debit_account, r.credit_account, r.ledger, r.code)
    -- Within its time by its parties, after it by nobody but the bookkeeper.
    OR (t.flags & 1024 <> 0) <> (
        coalesce(r.timeout_s, 0) > 0
        AND t.timestamp_ns >= r.timestamp_ns + r.timeout_s * 1000000000::bigint
    )
)
"""
_UNEQUAL_DEADLINES = """
SELECT coalesce(d.pending_id, r.id), CASE
    WHEN r.id IS NULL THEN
        format('%s has a deadline, but is not an open reservation with a timeout.', d.pending_id)
    WHEN d.pending_id IS NULL THEN format('The open reservation %s has lost its deadline.', r.id)
    ELSE format('The deadline of %s is not what its timeout says.', r.id)
END
FROM pending_deadline d
FULL JOIN (
    SELECT t.id, t.timestamp_ns + t.timeout_s * 1000000000::bigint AS deadline_ns
    FROM transfer t
    WHERE t.flags & 2 <> 0 AND t.timeout_s > 0
        AND NOT EXISTS (SELECT FROM settlement s WHERE s.pending_id = t.id)
) r ON r.id = d.pending_id
WHERE d.deadline_ns IS DISTINCT FROM r.deadline_ns
"""


def reservations_are_settled_at_most_once(connection: psycopg.Connection[Any]) -> list[Violation]:
    """No pending transfer is posted or voided twice."""
    return find_violations(connection, _SETTLED_TWICE)


def settlements_match_their_transfers(connection: psycopg.Connection[Any]) -> list[Violation]:
    """Each post, void and expiry has its row in ``settlement``, and the other way round."""
    return find_violations(connection, _UNEQUAL_SETTLEMENTS)


def settlements_stay_within_their_reservation(connection: psycopg.Connection[Any]) -> list[Violation]:
    """What settles a reservation takes no more than it, between the same accounts, in its time."""
    return find_violations(connection, _BEYOND_RESERVATION)


def deadlines_belong_to_open_reservations(connection: psycopg.Connection[Any]) -> list[Violation]:
    """Each open reservation with a timeout is waited for, and nothing else is."""
    return find_violations(connection, _UNEQUAL_DEADLINES)
