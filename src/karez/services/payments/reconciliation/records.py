"""Reading what is expected, what banks say, and the queue of breaks. Everything goes bank by bank."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from karez.core.outcomes import Rejected
from karez.core.sealing import Sealer
from karez.services.payments.reconciliation.break_states import BreakState
from karez.services.payments.reconciliation.matching.items import Entry, Movement
from karez.services.payments.reconciliation.sealing import open_counterparty, open_details

Connection = psycopg.Connection[Any]

_KNOWN_ENTRIES = "SELECT id FROM bank_entry WHERE institution = %s AND id = ANY(%s)"
# An account of which nothing has come for so long is closed, or was named in a file by mistake.
_COVERED = """
WITH latest AS (
    SELECT max(until_day) AS until_day FROM bank_statement
    WHERE institution = %s AND until_day IS NOT NULL GROUP BY account
)
SELECT min(until_day) FROM latest WHERE until_day >= (SELECT max(until_day) FROM latest) - 14
"""
_MOVEMENT_COLUMNS = "id, reference, batch, amount_minor, currency, day, counterparty"
_ENTRY_COLUMNS = "id, names, amount_minor, currency, booking_day, details"
_OPEN_MOVEMENTS = f"""
SELECT {_MOVEMENT_COLUMNS} FROM bank_movement
WHERE institution = %s AND settled_by IS NULL ORDER BY day, id
"""  # noqa: S608 - names of our own columns
_OPEN_ENTRIES = f"""
SELECT {_ENTRY_COLUMNS} FROM bank_entry
WHERE institution = %s AND settled_by IS NULL ORDER BY booking_day, id
"""  # noqa: S608 - names of our own columns
_SETTLED_OF_NAMES = f"""
SELECT {_MOVEMENT_COLUMNS} FROM bank_movement
WHERE institution = %(bank)s AND settled_by IS NOT NULL
    AND (upper(reference) = ANY(%(names)s) OR (batch <> '' AND upper(batch) = ANY(%(names)s)))
"""  # noqa: S608 - names of our own columns
_MOVEMENTS_OF_BREAK = f"""
SELECT {_MOVEMENT_COLUMNS} FROM bank_movement
WHERE institution = %(bank)s AND id IN (
    SELECT item FROM reconciliation_break_item
    WHERE institution = %(bank)s AND break = %(break)s AND side = 'book'
) ORDER BY day, id
"""  # noqa: S608 - names of our own columns
_ENTRIES_OF_BREAK = f"""
SELECT {_ENTRY_COLUMNS} FROM bank_entry
WHERE institution = %(bank)s AND id IN (
    SELECT item FROM reconciliation_break_item
    WHERE institution = %(bank)s AND break = %(break)s AND side = 'bank'
) ORDER BY booking_day, id
"""  # noqa: S608 - names of our own columns


@dataclass(frozen=True, slots=True)
class BreakRecord:
    """A break in the queue.

    Attributes:
        institution: The bank.
        id: Derived from its kind and items.
        kind: A ``BreakKind``.
        state: A ``BreakState``.
        reason: What happened, in one sentence.
        offered: The ``Action`` that helps most often.
        action: The ``Action`` that somebody has proposed.
        note: What they wrote to it.
        proposed_by: Who proposed it.
        proposed_ns: When.
        decided_by: Who approved or declined it.
        decided_ns: When.
        run: The run that found it first.
        found_ns: When.
    """

    institution: int
    id: UUID
    kind: str
    state: str
    reason: str
    offered: str
    action: str | None
    note: str | None
    proposed_by: str | None
    proposed_ns: int | None
    decided_by: str | None
    decided_ns: int | None
    run: UUID
    found_ns: int

    @property
    def standing(self) -> BreakState:
        """Return the state as a value of the state machine."""
        return BreakState(self.state)


_BREAK_COLUMNS = ", ".join(BreakRecord.__dataclass_fields__)
_BREAK = f"SELECT {_BREAK_COLUMNS} FROM reconciliation_break WHERE institution = %s AND id = %s"  # noqa: S608 - names of our own columns
_QUEUE = f"""
SELECT {_BREAK_COLUMNS} FROM reconciliation_break
WHERE institution = %(bank)s AND state IN ('open', 'proposed', 'queried', 'declined')
    AND (found_ns, id) > (%(after_ns)s, %(after)s)
    AND (%(kind)s::text IS NULL OR kind = %(kind)s) AND (%(state)s::text IS NULL OR state = %(state)s)
ORDER BY found_ns, id LIMIT %(limit)s
"""  # noqa: S608 - names of our own columns
_STATES = """
SELECT id, state FROM reconciliation_break
WHERE institution = %(bank)s AND (id = ANY(%(ids)s) OR state IN ('open', 'proposed', 'queried', 'declined'))
"""


def known_entries(conn: Connection, bank: int, ids: Collection[UUID]) -> set[UUID]:
    """Return which entries of a file are there already, as any kind of caller that may see them."""
    return {id_ for (id_,) in conn.execute(_KNOWN_ENTRIES, (bank, list(ids)))}


def covered_until(conn: Connection, bank: int) -> date | None:
    """Return the last day of which every entry of each of a bank's accounts is there; ``None`` before the first."""
    row = conn.execute(_COVERED, (bank,)).fetchone()
    return None if row is None else row[0]


def open_movements(conn: Connection, sealer: Sealer, bank: int) -> list[Movement]:
    """Return what is expected at a bank and not settled, as the operator or the worker."""
    return _movements(sealer, conn.execute(_OPEN_MOVEMENTS, (bank,), binary=True))


def open_entries(conn: Connection, sealer: Sealer, bank: int) -> list[Entry]:
    """Return what a bank says and is not settled, as the operator or the worker."""
    return _entries(sealer, conn.execute(_OPEN_ENTRIES, (bank,), binary=True))


def settled_of_names(conn: Connection, sealer: Sealer, bank: int, names: Collection[str]) -> list[Movement]:
    """Return settled movements that have one of some names, of their own or of their batch.

    Args:
        conn: In a transaction of the operator or the worker.
        sealer: Of ``sealer_for_entries``.
        bank: The bank's institution number.
        names: In the form of ``name_of``.
    """
    found = conn.execute(_SETTLED_OF_NAMES, {"bank": bank, "names": list(names)}, binary=True)
    return _movements(sealer, found)


def break_states(conn: Connection, bank: int, ids: Collection[UUID]) -> dict[UUID, BreakState]:
    """Return the states of the breaks that are not done with, and of some others if they exist.

    Args:
        conn: In a transaction of the operator or the worker.
        bank: The bank's institution number.
        ids: Of the others.
    """
    rows = conn.execute(_STATES, {"bank": bank, "ids": list(ids)})
    return {id_: BreakState(state) for id_, state in rows}


def find_break(conn: Connection, bank: int, id_: UUID) -> BreakRecord:
    """Return a break.

    Rejections: ``break_not_found``.
    """
    with conn.cursor(row_factory=class_row(BreakRecord)) as cursor:
        found = cursor.execute(_BREAK, (bank, id_)).fetchone()
    if found is None:
        raise Rejected("break_not_found", f"There is no break {id_} at bank {bank}; list the bank's queue.")
    return found


def break_items(conn: Connection, sealer: Sealer, break_: BreakRecord) -> tuple[list[Movement], list[Entry]]:
    """Return the items of a break, ours and the bank's."""
    wanted = {"bank": break_.institution, "break": break_.id}
    return (
        _movements(sealer, conn.execute(_MOVEMENTS_OF_BREAK, wanted, binary=True)),
        _entries(sealer, conn.execute(_ENTRIES_OF_BREAK, wanted, binary=True)),
    )


def queue_page(
    conn: Connection,
    bank: int,
    after_ns: int,
    after: UUID,
    limit: int,
    kind: str | None = None,
    state: str | None = None,
) -> list[BreakRecord]:
    """Return breaks that are not done with, those that wait longest first.

    Args:
        conn: In a transaction of the operator.
        bank: The bank's institution number.
        after_ns: Found after this moment.
        after: Or at this moment, with an id after this one.
        limit: How many at most.
        kind: Of this ``BreakKind`` only.
        state: In this ``BreakState`` only.
    """
    parameters = {
        "bank": bank,
        "after_ns": after_ns,
        "after": after,
        "limit": limit,
        "kind": kind,
        "state": state,
    }
    with conn.cursor(row_factory=class_row(BreakRecord)) as cursor:
        return cursor.execute(_QUEUE, parameters).fetchall()


def _movements(sealer: Sealer, rows: Iterable[Sequence[Any]]) -> list[Movement]:
    return [
        Movement(id_, reference, batch, minor, currency, day, open_counterparty(sealer, id_, sealed))
        for id_, reference, batch, minor, currency, day, sealed in rows
    ]


def _entries(sealer: Sealer, rows: Iterable[Sequence[Any]]) -> list[Entry]:
    entries = []
    for id_, names, amount_minor, currency, day, sealed in rows:
        details = open_details(sealer, id_, sealed)
        entries.append(
            Entry(id_, tuple(names), amount_minor, currency, day, details.counterparty, details.text)
        )
    return entries
