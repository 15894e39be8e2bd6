"""What must be true of the book whenever nothing is under way, whatever has happened before.

A verification is incremental: it takes up what the clients and the book have written since the last one, and makes
sure that what it saw before is still there. ``Verification.whole`` begins from nothing and also finds what is in the
book although no client was told of it.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import class_row

from karez.core.ids import NIL
from karez.ledger.invariants import check_book
from karez.ledger.model import Balance, TransferFlags
from tests.faults.errands import OPERATION_KIND, OPERATION_TOPIC, OPERATION_TRANSFERS
from tests.faults.journal import Answer, JournalReader, OperationAnswer, TransferAnswer
from tests.faults.replayed_book import ReplayedBook, Row, Totals
from tests.faults.world import EFFECT_TABLE, World

_ROW = """
SELECT timestamp_ns, id, debit_account AS debit, credit_account AS credit, amount, ledger, flags,
    nullif(pending_id, '00000000-0000-0000-0000-000000000000') AS pending_id,
    nullif(operation_id, '00000000-0000-0000-0000-000000000000') AS operation_id
FROM transfer
"""
_NEW_ROWS = _ROW + "WHERE timestamp_ns > %s ORDER BY timestamp_ns"
_ROWS_OF = _ROW + "WHERE id = ANY(%s)"
_SEEN_ROWS = "SELECT count(*), coalesce(sum(amount), 0)::bigint FROM transfer WHERE timestamp_ns <= %s"
_SPENT = "SELECT id FROM spent_transfer_id WHERE id = ANY(%s)"
_OPERATIONS = "SELECT id, reply FROM operation WHERE id = ANY(%s)"
_EFFECTS = (
    f"SELECT operation_id, array_agg(amount) FROM {EFFECT_TABLE} WHERE operation_id = ANY(%s) GROUP BY 1"
)
_EVENTS = """
SELECT operation_id, count(*) FROM outbox_event WHERE topic = %s AND operation_id = ANY(%s) GROUP BY 1
"""
_COUNTS = f"""
SELECT (SELECT count(*) FROM transfer WHERE flags & {int(TransferFlags.EXPIRY)} = 0),
    (SELECT count(*) FROM operation WHERE kind = %s), (SELECT count(*) FROM {EFFECT_TABLE})
"""


ReadBalances = Callable[[], dict[UUID, Balance | None]]

_SAMPLE_COUNT = 10_000
_BALANCE_READINGS_MAX = 20
_BALANCE_PAUSE_S = 0.1


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that is not as it must be.

    Attributes:
        rule: Short name of what does not hold.
        details: Where.
    """

    rule: str
    details: str


class Verification:
    """Everything that was ever acknowledged, against everything that is stored.

    Args:
        world: The accounts.
        journals: Directory of the clients' journals.

    Attributes:
        sample: Some of all answers so far, each with the same chance.
        counts: How many transfers and operations were made and refused.
    """

    def __init__(self, world: World, journals: Path) -> None:
        self._units = world.units
        self._reader = JournalReader(journals)
        self._book = ReplayedBook(world.limited)
        self._chance = random.Random(0)
        self.sample: list[Answer] = []
        self.counts: Counter[str] = Counter()

    def verify(self, conn: psycopg.Connection[Any], read_balances: ReadBalances) -> Iterator[Violation]:
        """Check what is new and that the old is still there.

        Args:
            conn: Of the database's owner, in autocommit mode.
            read_balances: Asks the bookkeeper for those of all accounts; nothing is under way.
        """
        yield from self._seen_rows_are_unchanged(conn)
        yield from self._new_rows_keep_the_rules(conn)
        yield from self._balances_are_those_of_the_rows(conn, read_balances)
        for answers in self._reader.read_new():
            self._remember(answers)
            transfers = [answer for answer in answers if isinstance(answer, TransferAnswer)]
            yield from _acknowledged_transfers_are_stored(conn, transfers)
            yield from _refused_transfers_are_not_stored(conn, transfers)
            yield from self._operations_had_their_effect_once(
                conn, [answer for answer in answers if isinstance(answer, OperationAnswer)]
            )

    def whole(self, conn: psycopg.Connection[Any], read_balances: ReadBalances) -> Iterator[Violation]:
        """Check everything from the beginning, once no client waits for an answer any more."""
        yield from self.verify(conn, read_balances)
        operation_count, counts = self.counts["operations made"], self.counts
        expected = {
            "transfer that nobody was told of": counts["transfers made"]
            + operation_count * OPERATION_TRANSFERS,
            "operation that nobody was told of": operation_count,
            "row that nobody was told of": operation_count,
        }
        stored = conn.execute(_COUNTS, (OPERATION_KIND,)).fetchone()
        for (rule, acknowledged), found in zip(expected.items(), stored or (), strict=True):
            if found != acknowledged:
                yield Violation(rule, f"{found} stored, {acknowledged} acknowledged")
        yield from invariants_hold(conn)

    def _remember(self, answers: list[Answer]) -> None:
        for answer in answers:
            if isinstance(answer, OperationAnswer):
                self.counts["operations made" if answer.accepted else "operations refused"] += 1
            else:
                self.counts["transfers made" if answer.created else "transfers refused"] += 1
            place = self._chance.randrange(self.counts.total())
            if len(self.sample) < _SAMPLE_COUNT:
                self.sample.append(answer)
            elif place < _SAMPLE_COUNT:
                self.sample[place] = answer

    def _seen_rows_are_unchanged(self, conn: psycopg.Connection[Any]) -> Iterator[Violation]:
        seen = conn.execute(_SEEN_ROWS, (self._book.last_ns,)).fetchone()
        expected = (self._book.row_count, self._book.amount_sum)
        if seen != expected:
            yield Violation("stored transfers changed", f"{seen} rows and amount, {expected} before")

    def _new_rows_keep_the_rules(self, conn: psycopg.Connection[Any]) -> Iterator[Violation]:
        for row in _many_rows(conn, _NEW_ROWS, (self._book.last_ns,)):
            for sentence in self._book.apply(row):
                yield Violation("replay", sentence)
            if row.operation_id and len(self._book.operations[row.operation_id]) > OPERATION_TRANSFERS:
                yield Violation("operation was carried out again", str(row))

    def _balances_are_those_of_the_rows(
        self, conn: psycopg.Connection[Any], read_balances: ReadBalances
    ) -> Iterator[Violation]:
        """The bookkeeper goes on voiding what is overdue, so the two may differ for a moment."""
        for _ in range(_BALANCE_READINGS_MAX):
            balances = read_balances()
            yield from self._new_rows_keep_the_rules(conn)
            different = [account for account, found in balances.items() if found != self._replayed(account)]
            if not different:
                break
            time.sleep(_BALANCE_PAUSE_S)
        for account in different:
            details = f"{account}: {balances[account]}, by its transfers {self._replayed(account)}"
            yield Violation("bookkeeper's balance", details)
        yield from _units_sum_to_zero(self._units, balances)

    def _replayed(self, account: UUID) -> Balance:
        totals = self._book.totals.get(account, Totals())
        return Balance(
            debits_pending=totals.debits_pending,
            debits_posted=totals.debits_posted,
            credits_pending=totals.credits_pending,
            credits_posted=totals.credits_posted,
        )

    def _operations_had_their_effect_once(
        self, conn: psycopg.Connection[Any], answers: list[OperationAnswer]
    ) -> Iterator[Violation]:
        ids = [answer.id for answer in answers]
        replies = dict(conn.execute(_OPERATIONS, (ids,)).fetchall())
        effects = dict(conn.execute(_EFFECTS, (ids,)).fetchall())
        events = dict(conn.execute(_EVENTS, (OPERATION_TOPIC, ids)).fetchall())
        for answer in answers:
            moved = self._book.operations.get(answer.id, [])
            if answer.accepted:
                found = (replies.get(answer.id), effects.get(answer.id), events.get(answer.id))
                if found != (answer.reply, [answer.amount], 1):
                    yield Violation("operation's reply, row or event", f"{answer}: {found}")
                if not _is_effect_of(answer, moved):
                    yield Violation("operation's transfers", f"{answer}: {moved}")
            elif moved or answer.id in replies or answer.id in effects or answer.id in events:
                yield Violation("refused operation had an effect", f"{answer}: {moved}")


def invariants_hold(conn: psycopg.Connection[Any]) -> Iterator[Violation]:
    """Check what ``karez check`` checks.

    Args:
        conn: Of the database's owner, in autocommit mode.
    """
    for result in check_book(conn):
        for violation in result.violations:
            yield Violation(result.name, violation.sentence)


def _is_effect_of(answer: OperationAnswer, moved: list[Row]) -> bool:
    legs = [(row.id, row.debit, row.credit, row.amount) for row in moved]
    if len(legs) != OPERATION_TRANSFERS:
        return False
    first, second = _transfers_in(answer.reply)
    return legs[0] == (first, answer.payer, answer.payee, answer.amount) and legs[1][:2] == (
        second,
        answer.payee,
    )


def _transfers_in(reply: str) -> list[UUID]:
    return msgspec.json.decode(reply, type=dict[str, list[UUID]])["transfers"]


def _units_sum_to_zero(units: dict[UUID, int], balances: dict[UUID, Balance | None]) -> Iterator[Violation]:
    difference: dict[int, list[int]] = {}
    for account, balance in balances.items():
        if balance is None:
            yield Violation("account is gone", str(account))
            continue
        sums = difference.setdefault(units[account], [0, 0])
        sums[0] += balance.debits_posted - balance.credits_posted
        sums[1] += balance.debits_pending - balance.credits_pending
    for unit, sums in difference.items():
        if sums != [0, 0]:
            yield Violation("unit does not sum to zero", f"unit {unit}: posted and pending {sums}")


def _acknowledged_transfers_are_stored(
    conn: psycopg.Connection[Any], answers: Iterable[TransferAnswer]
) -> Iterator[Violation]:
    created = [answer for answer in answers if answer.created]
    stored = {row.id: row for row in _rows(conn, _ROWS_OF, ([answer.id for answer in created],))}
    for answer in created:
        row = stored.get(answer.id)
        if row is None:
            yield Violation("acknowledged transfer is missing", str(answer))
            continue
        expected = Row(
            timestamp_ns=answer.timestamp_ns or row.timestamp_ns,
            id=answer.id,
            debit=answer.debit,
            credit=answer.credit,
            amount=answer.amount,
            ledger=answer.ledger,
            flags=answer.flags,
            pending_id=answer.pending_id if answer.pending_id != NIL else None,
            operation_id=None,
        )
        if row != expected:
            yield Violation("acknowledged transfer is stored otherwise", f"{answer}: {row}")


def _refused_transfers_are_not_stored(
    conn: psycopg.Connection[Any], answers: Iterable[TransferAnswer]
) -> Iterator[Violation]:
    refused = [answer for answer in answers if not answer.created]
    for row in _rows(conn, _ROWS_OF, ([answer.id for answer in refused],)):
        yield Violation("refused transfer is stored", str(row))
    spent = [answer.id for answer in refused if answer.spent]
    stored = {id_ for (id_,) in conn.execute(_SPENT, (spent,))}
    for id_ in spent:
        if id_ not in stored:
            yield Violation("refused transfer's id is not spent", str(id_))


def _many_rows(conn: psycopg.Connection[Any], query: str, parameters: tuple[object, ...]) -> Iterator[Row]:
    """Fetch part by part what may be too much for the memory."""
    with conn.transaction(), conn.cursor("rows", row_factory=class_row(Row)) as cursor:
        cursor.itersize = _SAMPLE_COUNT
        yield from cursor.execute(query, parameters, binary=True)


def _rows(conn: psycopg.Connection[Any], query: str, parameters: tuple[object, ...]) -> list[Row]:
    with conn.cursor(binary=True, row_factory=class_row(Row)) as cursor:
        return cursor.execute(query, parameters).fetchall()
