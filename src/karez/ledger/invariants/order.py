"""Invariants of ids, of the order of things, and of what refers to what."""

from typing import Any

import psycopg

from karez.ledger.invariants.violations import Violation, find_violations

_TIMESTAMPS = """
SELECT timestamp_ns, format('%s transfers share the timestamp %s.', count(*), timestamp_ns)
FROM transfer GROUP BY timestamp_ns HAVING count(*) > 1
UNION ALL
SELECT max(t.timestamp_ns), format(
    'The newest transfer is of %s, but the writer knows of none after %s.', max(t.timestamp_ns), w.last_timestamp_ns
)
FROM transfer t CROSS JOIN book_writer w
GROUP BY w.last_timestamp_ns HAVING max(t.timestamp_ns) > w.last_timestamp_ns
"""
_SPENT = """
SELECT id, format('Transfer %s is in the book, though its id was refused for ever.', id)
FROM transfer JOIN spent_transfer_id USING (id)
"""
# Linked transfers of one chain were committed with timestamps one after the other.
_BROKEN_OPERATIONS = """
WITH part AS (
    SELECT id, timestamp_ns, flags, nullif(operation_id, '00000000-0000-0000-0000-000000000000') AS operation_id
    FROM transfer
), piece AS (
    SELECT operation_id, count(*) FILTER (WHERE flags & 1 = 0) AS end_count
    FROM part WHERE operation_id IS NOT NULL GROUP BY operation_id
)
SELECT part.id, format('Transfer %s is linked to the next one of its chain, which is missing.', part.id)
FROM part LEFT JOIN part next_part
    ON next_part.timestamp_ns = part.timestamp_ns + 1
    AND next_part.operation_id IS NOT DISTINCT FROM part.operation_id
WHERE part.flags & 1 <> 0 AND next_part.id IS NULL
UNION ALL
SELECT operation_id, format('Operation %s is in %s pieces instead of one.', operation_id, end_count)
FROM piece WHERE end_count <> 1
UNION ALL
SELECT operation_id, format('Operation %s has transfers, but is not recorded.', operation_id)
FROM piece WHERE NOT EXISTS (SELECT FROM operation o WHERE o.id = piece.operation_id)
"""
_SLOTS = """
SELECT id, format('Account %s has slot %s where %s is due.', id, slot, due)
FROM (SELECT id, slot, row_number() OVER (ORDER BY slot) - 1 AS due FROM account) numbered
WHERE slot <> due
"""
_MISPLACED = """
SELECT t.id, format('Transfer %s %s.', t.id, CASE
    WHEN d.id IS NULL THEN format('debits the account %s, which does not exist', t.debit_account)
    WHEN c.id IS NULL THEN format('credits the account %s, which does not exist', t.credit_account)
    WHEN d.id = c.id THEN format('debits and credits the same account %s', d.id)
    WHEN d.ledger <> t.ledger OR c.ledger <> t.ledger THEN
        format('is in ledger %s, its accounts in %s and %s', t.ledger, d.ledger, c.ledger)
    ELSE 'names institutions that are not those of its accounts'
END)
FROM transfer t LEFT JOIN account d ON d.id = t.debit_account LEFT JOIN account c ON c.id = t.credit_account
WHERE d.id = c.id
    OR (d.ledger, d.institution) IS DISTINCT FROM (t.ledger, t.debit_institution)
    OR (c.ledger, c.institution) IS DISTINCT FROM (t.ledger, t.credit_institution)
"""


def timestamps_are_unique_and_known_to_the_writer(connection: psycopg.Connection[Any]) -> list[Violation]:
    """No two transfers share a moment, and none is later than the writer's last."""
    return find_violations(connection, _TIMESTAMPS)


def accepted_ids_are_not_spent(connection: psycopg.Connection[Any]) -> list[Violation]:
    """An id that was refused for a transient reason never comes into the book."""
    return find_violations(connection, _SPENT)


def operations_are_in_one_piece(connection: psycopg.Connection[Any]) -> list[Violation]:
    """All transfers of an operation, and of a linked chain, are there side by side.

    Of a piece that lost its first transfers this cannot be told from the book alone.
    """
    return find_violations(connection, _BROKEN_OPERATIONS)


def account_slots_are_dense(connection: psycopg.Connection[Any]) -> list[Violation]:
    """The slots of n accounts are 0 to n - 1."""
    return find_violations(connection, _SLOTS)


def transfers_join_accounts_of_their_unit(connection: psycopg.Connection[Any]) -> list[Violation]:
    """Both accounts of a transfer exist, count in its unit and belong to the institutions that it names."""
    return find_violations(connection, _MISPLACED)
