"""A run: what a reconciliation has found, written down in parts.

Matches settle their items at once; breaks go into the queue. A break that was in the queue and is found no more (the
bank's next statement has explained it) leaves it by itself. Each item is settled from the state in which it was read,
so of two runs at once the second is refused where the first was quicker; it reads again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
import psycopg

from karez.core.ids import derived_id
from karez.core.outcomes import Rejected
from karez.core.sealing import Sealer
from karez.ledger.operations import Operation, RowInsert, RowUpdate, Scalar
from karez.services.asking import Asking
from karez.services.payments.reconciliation import records
from karez.services.payments.reconciliation.break_states import WAITING, BreakState, Step, reached
from karez.services.payments.reconciliation.matching.breaks import Break
from karez.services.payments.reconciliation.matching.items import Entry, Movement
from karez.services.payments.reconciliation.matching.reconciling import (
    Reconciliation,
    names_to_look_up,
    reconcile,
)
from karez.services.payments.reconciliation.matching.tolerances import Tolerances
from karez.services.payments.reconciliation.matching.worktable import Match
from karez.services.payments.reconciliation.parts import groups_in_parts

Rows = Sequence[RowInsert | RowUpdate]


_NOTHING_PROPOSED: Mapping[str, Scalar] = dict.fromkeys(
    ("action", "note", "proposed_by", "proposed_ns", "decided_by", "decided_ns")
)


class RunReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What a run has found.

    Attributes:
        id: Of the run.
        covered_until: The last day that the bank's statements cover.
        movements: How many expected movements it compared.
        entries: With how many entries of the bank.
        matches: How often they were one another's.
        breaks: How many breaks there are.
        waiting: How many movements the bank may still book in time.
    """

    id: UUID
    covered_until: date
    movements: int
    entries: int
    matches: int
    breaks: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was read and found.

    Attributes:
        bank: The bank's institution number.
        covered_until: The last day that its statements cover.
        movements: How many were compared.
        entries: With how many.
        found: What became of them.
        standing: Breaks of earlier runs that wait, or are found again, by id.
    """

    bank: int
    covered_until: date
    movements: int
    entries: int
    found: Reconciliation
    standing: Mapping[UUID, BreakState]


def compare(
    conn: psycopg.Connection[Any], sealer: Sealer, bank: int, tolerances: Tolerances | None = None
) -> Comparison:
    """Read all that is open at a bank and compare it.

    Args:
        conn: In a transaction of the worker.
        sealer: Of ``sealer_for_entries``.
        bank: The bank's institution number.
        tolerances: What is agreed with it.

    Rejections: ``statements_missing`` where the bank has sent none.
    """
    until = records.covered_until(conn, bank)
    if until is None:
        raise Rejected(
            "statements_missing", f"Bank {bank} has sent no statement of a whole day yet; import one first."
        )
    movements = records.open_movements(conn, sealer, bank)
    entries = records.open_entries(conn, sealer, bank)
    names = names_to_look_up(movements, entries)
    settled = records.settled_of_names(conn, sealer, bank, names) if names else []
    found = reconcile(movements, entries, until, tolerances, settled)
    standing = records.break_states(conn, bank, [break_id(each) for each in found.breaks])
    return Comparison(bank, until, len(movements), len(entries), found, standing)


def break_id(found: Break) -> UUID:
    """Return the id of a break: the same whenever the same items are found with the same fault."""
    ids = sorted([each.id for each in found.movements] + [each.id for each in found.entries])
    return derived_id(ids[0], "break", found.kind, *map(str, ids))


def match_id(match: Match) -> UUID:
    """Return the id of a match; an entry is in one only."""
    return derived_id(match.entries[0].id, "match")


def run_operations(asking: Asking, compared: Comparison) -> Iterator[Operation]:
    """Yield the operations that write a run down; each is carried out before the next.

    Where one is refused with ``row_state_changed`` or ``row_exists``, somebody else has settled an item or found the
    break in the meantime: compare again.

    Args:
        asking: The request; its id is that of the run.
        compared: What was found.
    """
    bank, found = compared.bank, compared.found
    settled: list[Rows] = [
        settling_rows(bank, match_id(match), match.rule, asking.now_ns, match.movements, match.entries)
        for match in found.matches
    ]
    for part in groups_in_parts(settled):
        yield _part(asking, "reconciliation.match", tuple(part))
    for part in groups_in_parts(_queue_rows(asking, compared)):
        yield _part(asking, "reconciliation.queue_breaks", tuple(part))
    receipt = RunReceipt(
        id=asking.id,
        covered_until=compared.covered_until,
        movements=compared.movements,
        entries=compared.entries,
        matches=len(found.matches),
        breaks=len(found.breaks),
        waiting=len(found.waiting),
    )
    told = msgspec.to_builtins(receipt)
    values = {name: value for name, value in told.items() if name != "id"}
    row = RowInsert(
        table="reconciliation_run",
        key={"institution": bank, "id": str(asking.id)},
        values={**values, "finished_ns": asking.now_ns},
    )
    finished = asking.event("reconciliation.finished", (), {**told, "bank": bank})
    yield asking.operation("reconciliation.run", receipt, rows=(row,), events=(finished,))


def settling_rows(
    bank: int,
    settled_by: UUID,
    rule: str,
    now_ns: int,
    movements: Sequence[Movement],
    entries: Sequence[Entry],
) -> tuple[RowUpdate, ...]:
    """Return the rows that settle items, which must be open.

    Args:
        bank: The bank's institution number.
        settled_by: The match or break that settles them.
        rule: The match's rule or the break's action.
        now_ns: The present moment.
        movements: Ours.
        entries: The bank's.
    """
    settled: dict[str, Scalar] = {"settled_by": str(settled_by), "settled_rule": rule, "settled_ns": now_ns}
    items = [("bank_movement", each.id) for each in movements] + [("bank_entry", each.id) for each in entries]
    return tuple(
        RowUpdate(
            table=table,
            key={"institution": bank, "id": str(id_)},
            expected={"settled_by": None},
            changes=settled,
        )
        for table, id_ in items
    )


def _part(asking: Asking, kind: str, rows: tuple[RowInsert | RowUpdate, ...]) -> Operation:
    """Return a part of a run; its id derives from its contents, so that another comparison makes another part."""
    digest = sha256(msgspec.json.encode(rows))
    part = Asking(
        derived_id(asking.id, kind, digest.hexdigest()), asking.actor, digest.digest(), asking.now_ns
    )
    return part.operation(kind, {"rows": len(rows)}, rows=rows)


def _queue_rows(asking: Asking, compared: Comparison) -> list[Rows]:
    groups: list[Rows] = []
    ids = set()
    for found in compared.found.breaks:
        id_ = break_id(found)
        ids.add(id_)
        state = compared.standing.get(id_)
        if state is None:
            groups.append(_break_rows(asking, compared.bank, id_, found))
        elif state is BreakState.SUPERSEDED:
            groups.append((_stepped(compared.bank, id_, state, Step.FIND_AGAIN),))
    for id_, state in compared.standing.items():
        if state in WAITING and id_ not in ids:
            groups.append((_stepped(compared.bank, id_, state, Step.SUPERSEDE),))
    return groups


def _stepped(bank: int, id_: UUID, state: BreakState, step: Step) -> RowUpdate:
    return RowUpdate(
        table="reconciliation_break",
        key={"institution": bank, "id": str(id_)},
        expected={"state": state},
        changes={"state": reached(state, step), **_NOTHING_PROPOSED},
    )


def _break_rows(asking: Asking, bank: int, id_: UUID, found: Break) -> Rows:
    row = RowInsert(
        table="reconciliation_break",
        key={"institution": bank, "id": str(id_)},
        values={
            "kind": found.kind,
            "state": BreakState.OPEN,
            "reason": found.reason,
            "offered": found.action,
            **_NOTHING_PROPOSED,
            "run": str(asking.id),
            "found_ns": asking.now_ns,
        },
    )
    items = [("book", each.id) for each in found.movements] + [("bank", each.id) for each in found.entries]
    return (
        row,
        *(
            RowInsert(
                table="reconciliation_break_item",
                key={"institution": bank, "break": str(id_), "item": str(item)},
                values={"side": side},
            )
            for side, item in items
        ),
    )
