"""Operations of one group that want the same row.

Each id, account and row belongs to one operation of a group; a later operation that needs it too waits for the next
group. But where many want one row at the same moment, all but one lose, and need not wait to be told: what the
earlier ones have done to the row says it.

Worked example: 64 callers pay one trade, each expecting the state "created". The first one is committed and has made
it "paid", so the 63 others are refused with the same commit. Had the first one been refused because the trade was
not in the state "created", they would be too. Had it been refused for want of money, the second one goes into the
next group, and the others behind it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from karez.ledger.group import SubmissionOutcome
from karez.ledger.operations import Operation, Outcome, RowInsert, RowUpdate, Scalar
from karez.ledger.row_changes import RowKey, not_written, row_key

TextColumns = Callable[[str], frozenset[str]]
"""Tells which columns of a table are plain text, where other text is another value."""


class Claim(NamedTuple):
    """A row that an operation of a group touches.

    Attributes:
        operation: Its index in the group.
        item: Index of the row within the operation.
        row: The change.
        earlier: The claim of the operation before it on the same row.
    """

    operation: int
    item: int
    row: RowInsert | RowUpdate
    earlier: "Claim | None"


class Claims:
    """What the operations of one group touch, each by one operation only.

    Attributes:
        rivals: The claims of those operations that come too late for a row, but for nothing else.
    """

    def __init__(self) -> None:
        self._ids: set[object] = set()
        self._rows: dict[RowKey, Claim] = {}
        self.rivals: list[Claim] = []

    def take(self, index: int, operation: Operation) -> bool:
        """Claim what an operation touches, and tell whether it is the first one to do so."""
        ids: set[object] = {operation.id.int}
        if operation.accounts:
            ids.update(("account", account.id.int) for account in operation.accounts)
        is_new = self._ids.isdisjoint(ids)
        self._ids |= ids
        late = None
        for item, row in enumerate(operation.rows):
            key = row_key(row)
            claim = Claim(index, item, row, self._rows.get(key))
            # A row twice in one operation is for the database to refuse.
            if claim.earlier is not None and claim.earlier.operation != index and late is None:
                late = claim
            self._rows[key] = claim
        if is_new and late is not None:
            self.rivals.append(late)
        return is_new and late is None


def settle_rivals(
    rivals: Sequence[Claim], outcomes: list[SubmissionOutcome | None], text_columns: TextColumns
) -> None:
    """Give those rivals their outcome whose fate the operations before them have sealed.

    Args:
        rivals: In the order of the group.
        outcomes: Of the whole group once it is committed, ``None`` for what waits for the next one.
        text_columns: Looks up a table's columns.
    """
    for rival in rivals:
        if _is_lost(rival, outcomes, text_columns):
            code, sentence = not_written(rival.row)
            outcomes[rival.operation] = Outcome(accepted=False, code=code, sentence=sentence, item=rival.item)


def _is_lost(rival: Claim, outcomes: Sequence[SubmissionOutcome | None], text_columns: TextColumns) -> bool:
    earlier = rival.earlier
    while earlier is not None:
        outcome = outcomes[earlier.operation]
        if not isinstance(outcome, Outcome):
            return False
        if outcome.accepted:
            return _is_impossible(rival.row, earlier.row, text_columns)
        # Who was refused has left the row as it was.
        was_late_too = outcome.item == earlier.item and outcome.code == not_written(earlier.row)[0]
        if was_late_too and _asks_the_same(rival.row, earlier.row):
            return True
        earlier = earlier.earlier
    return False


def _is_impossible(
    late: RowInsert | RowUpdate, done: RowInsert | RowUpdate, text_columns: TextColumns
) -> bool:
    """Tell whether a change cannot be made any more after another one to the same row has been."""
    if isinstance(late, RowInsert):
        return True
    now = done.values if isinstance(done, RowInsert) else done.changes
    return any(_differ(text_columns, late.table, name, now, value) for name, value in late.expected.items())


def _differ(
    text_columns: TextColumns, table: str, name: str, now: Mapping[str, Scalar], expected: Scalar
) -> bool:
    """Tell whether a column certainly has another value than is expected."""
    if name not in now:
        return False
    value = now[name]
    if isinstance(value, str) and isinstance(expected, str):
        # Of most types one value can be spelled in several ways.
        return value != expected and name in text_columns(table)
    return value != expected and (value is None or expected is None or type(value) is type(expected))


def _asks_the_same(late: RowInsert | RowUpdate, refused: RowInsert | RowUpdate) -> bool:
    """Tell whether a change fails on the same row for the same reason as another one."""
    if isinstance(late, RowUpdate) and isinstance(refused, RowUpdate):
        return refused.expected.items() <= late.expected.items()
    return late == refused
