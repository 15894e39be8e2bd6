"""Invariants of the totals, each worked out anew from all transfers."""

from typing import Any

import numpy as np
import psycopg

from karez.ledger.array_parameters import array_cursor, integer_array
from karez.ledger.invariants.violations import VIOLATIONS_MAX, Violation, find_violations
from karez.ledger.slices import SLICE_ACCOUNTS, read_slice

_TOTALS_SIZE_BYTES = 4 * 8

_UNEVEN_UNITS = """
SELECT a.ledger, format(
    'Unit %s has debits of %s pending and %s posted against credits of %s pending and %s posted.', a.ledger,
    sum(l.debits_pending), sum(l.debits_posted), sum(l.credits_pending), sum(l.credits_posted)
)
FROM transfer_leg l JOIN account a ON a.id = l.account
GROUP BY a.ledger
HAVING sum(l.debits_pending) <> sum(l.credits_pending) OR sum(l.debits_posted) <> sum(l.credits_posted)
"""
_NEGATIVE_PENDING = """
SELECT account, format(
    'Account %s has a negative pending total at %s moments, first at %s.', account, count(*), min(timestamp_ns)
)
FROM (
    SELECT account, timestamp_ns, sum(debits_pending) OVER w AS debits, sum(credits_pending) OVER w AS credits
    FROM transfer_leg
    WINDOW w AS (PARTITION BY account ORDER BY timestamp_ns ROWS UNBOUNDED PRECEDING)
) running
WHERE debits < 0 OR credits < 0
GROUP BY account
"""
_BEYOND_LIMIT = """
SELECT account, format(
    'Account %s is beyond its limit at %s moments, first at %s.', account, count(*), min(timestamp_ns)
)
FROM (
    SELECT l.account, l.timestamp_ns, a.flags,
        sum(l.debits_pending + l.debits_posted) OVER w AS debits, sum(l.debits_posted) OVER w AS debits_posted,
        sum(l.credits_pending + l.credits_posted) OVER w AS credits, sum(l.credits_posted) OVER w AS credits_posted
    FROM transfer_leg l JOIN account a ON a.id = l.account
    WHERE a.flags & 6 <> 0
    WINDOW w AS (PARTITION BY l.account ORDER BY l.timestamp_ns ROWS UNBOUNDED PRECEDING)
) running
WHERE flags & 2 <> 0 AND debits > credits_posted OR flags & 4 <> 0 AND credits > debits_posted
GROUP BY account
"""
_SLICES = "SELECT slice, totals FROM balance_slice ORDER BY slice"
# A restart adds what is later than the slice and than the moment from which it reads. The rest must be in it.
_UNEQUAL_SLICES = """
WITH stored AS (
    SELECT unnest(%(slot)s::bigint[]) AS slot, unnest(%(debits_pending)s::bigint[]) AS debits_pending,
        unnest(%(debits_posted)s::bigint[]) AS debits_posted,
        unnest(%(credits_pending)s::bigint[]) AS credits_pending,
        unnest(%(credits_posted)s::bigint[]) AS credits_posted
), contained AS (
    SELECT a.id, a.slot, coalesce(sum(l.debits_pending), 0) AS debits_pending,
        coalesce(sum(l.debits_posted), 0) AS debits_posted,
        coalesce(sum(l.credits_pending), 0) AS credits_pending,
        coalesce(sum(l.credits_posted), 0) AS credits_posted
    FROM account a
    CROSS JOIN book_writer w
    LEFT JOIN balance_slice s ON s.slice = a.slot / %(slice_accounts)s
    LEFT JOIN transfer_leg l
        ON l.account = a.id AND l.timestamp_ns <= greatest(coalesce(s.as_of_ns, 0), w.replay_from_ns)
    GROUP BY a.id, a.slot
)
SELECT coalesce(c.id::text, 'slot ' || s.slot), format(
    'The balance slice of account %%s (slot %%s) and the later transfers do not make up all its transfers.',
    c.id, coalesce(c.slot, s.slot)
)
FROM contained c FULL JOIN stored s ON s.slot = c.slot
WHERE c.id IS NULL
    OR (c.debits_pending, c.debits_posted, c.credits_pending, c.credits_posted) IS DISTINCT FROM (
        coalesce(s.debits_pending, 0), coalesce(s.debits_posted, 0),
        coalesce(s.credits_pending, 0), coalesce(s.credits_posted, 0)
    )
"""
_UNEQUAL_ENTRIES = """
WITH expected AS (
    SELECT l.account, l.timestamp_ns, l.institution, l.transfer_id, l.operation_id, l.counterparty, l.side,
        l.amount, l.flags, l.code, sum(l.debits_pending) OVER w AS debits_pending,
        sum(l.debits_posted) OVER w AS debits_posted, sum(l.credits_pending) OVER w AS credits_pending,
        sum(l.credits_posted) OVER w AS credits_posted
    FROM transfer_leg l
    WHERE l.timestamp_ns <= (SELECT watermark_ns FROM projection WHERE name = 'account_entry')
    WINDOW w AS (PARTITION BY l.account ORDER BY l.timestamp_ns ROWS UNBOUNDED PRECEDING)
)
SELECT account, CASE
    WHEN e.transfer_id IS NULL THEN
        format('The entry of account %s at %s is missing.', account, timestamp_ns)
    WHEN x.transfer_id IS NULL THEN
        format('The entry of account %s at %s belongs to no projected transfer.', account, timestamp_ns)
    ELSE format('The entry of account %s at %s differs from its transfers.', account, timestamp_ns)
END
FROM expected x
FULL JOIN account_entry e USING (account, timestamp_ns)
LEFT JOIN (SELECT id, party FROM account) a ON a.id = account
WHERE (
    x.institution, a.party, x.transfer_id, x.operation_id, x.counterparty, x.side, x.amount, x.flags, x.code,
    x.debits_pending, x.debits_posted, x.credits_pending, x.credits_posted
) IS DISTINCT FROM (
    e.institution, e.party, e.transfer_id, e.operation_id, e.counterparty, e.side, e.amount, e.flags, e.code,
    e.debits_pending, e.debits_posted, e.credits_pending, e.credits_posted
)
"""


def every_unit_sums_to_zero(connection: psycopg.Connection[Any]) -> list[Violation]:
    """In each unit, all debits equal all credits, posted ones and pending ones."""
    return find_violations(connection, _UNEVEN_UNITS)


def no_pending_total_is_negative(connection: psycopg.Connection[Any]) -> list[Violation]:
    """At no moment is more released than was reserved."""
    return find_violations(connection, _NEGATIVE_PENDING)


def no_limited_account_goes_beyond_its_limit(connection: psycopg.Connection[Any]) -> list[Violation]:
    """At no moment has an account spent or reserved more than it may."""
    return find_violations(connection, _BEYOND_LIMIT)


def balance_slices_agree_with_transfers(connection: psycopg.Connection[Any]) -> list[Violation]:
    """What a restart would find is what all transfers add up to."""
    slots, totals = [np.zeros(0, np.int64)], [np.zeros((4, 0), np.int64)]
    damaged = []
    for slice_, data in connection.execute(_SLICES):
        if len(data) % _TOTALS_SIZE_BYTES or len(data) > SLICE_ACCOUNTS * _TOTALS_SIZE_BYTES:
            sentence = f"Balance slice {slice_} has a size of {len(data)} bytes, which no slice can have."
            damaged.append(Violation(item=f"slice {slice_}", sentence=sentence))
            continue
        part = read_slice(data)
        slots.append(slice_ * SLICE_ACCOUNTS + np.arange(part.shape[1]))
        totals.append(part)
    stored = np.concatenate(totals, axis=1)
    parameters = {
        "slot": integer_array(np.concatenate(slots)),
        "debits_pending": integer_array(stored[0]),
        "debits_posted": integer_array(stored[1]),
        "credits_pending": integer_array(stored[2]),
        "credits_posted": integer_array(stored[3]),
        "slice_accounts": SLICE_ACCOUNTS,
    }
    with array_cursor(connection) as cursor:
        return (damaged + find_violations(cursor, _UNEQUAL_SLICES, parameters))[:VIOLATIONS_MAX]


def entries_agree_with_transfers(connection: psycopg.Connection[Any]) -> list[Violation]:
    """Up to the watermark each leg has one entry with the right totals; beyond it there is none."""
    return find_violations(connection, _UNEQUAL_ENTRIES)
