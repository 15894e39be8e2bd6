"""Writes the rows of many operations with one statement for each table and form, and says whose failed.

Rows travel as JSON and PostgreSQL itself turns them into the table's types, so a service declares its table
once, in its migration. Operations of one batch never touch the same row (the bookkeeper sees to that), so
the order of statements does not matter.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
import psycopg

from karez.ledger.array_parameters import text_array
from karez.ledger.operations import RowInsert, RowUpdate, Scalar
from karez.ledger.row_statements import Form, form_of, statement

RowKey = tuple[str, tuple[tuple[str, Scalar], ...]]


class Failure(NamedTuple):
    """A row that could not be written.

    Attributes:
        operation: Index of its operation in the batch.
        item: Index of the row within the operation.
        code: Stable reason.
        sentence: The same for people.
    """

    operation: int
    item: int
    code: str
    sentence: str


class _Placed(NamedTuple):
    operation: int
    item: int
    row: RowInsert | RowUpdate


def row_key(row: RowInsert | RowUpdate) -> RowKey:
    """Return what identifies the row that is touched."""
    return row.table, tuple(sorted(row.key.items()))


def write_rows(
    connection: psycopg.Connection, operations: Iterable[tuple[int, Sequence[RowInsert | RowUpdate]]]
) -> list[Failure]:
    """Begin a transaction and write all rows in it.

    Args:
        connection: In autocommit mode, outside any transaction.
        operations: For each operation its index and its rows.

    Returns:
        The failures; when there is none, everything is written, otherwise the transaction is over.
    """
    forms: dict[Form, list[_Placed]] = defaultdict(list)
    for index, rows in operations:
        for item, row in enumerate(rows):
            forms[form_of(row)].append(_Placed(index, item, row))
    try:
        with connection.pipeline():
            connection.execute("BEGIN")
            cursors = [_execute(connection, form, placed, telling=False) for form, placed in forms.items()]
        if [cursor.rowcount for cursor in cursors] == [len(placed) for placed in forms.values()]:
            return []
    except psycopg.Error as error:
        if not _is_about_a_row(error):
            raise
    connection.execute("ROLLBACK")
    connection.execute("BEGIN")
    failures = [
        failure for form, placed in forms.items() for failure in _find_failures(connection, form, placed)
    ]
    if failures:
        connection.execute("ROLLBACK")
    return failures


def _find_failures(connection: psycopg.Connection, form: Form, placed: list[_Placed]) -> list[Failure]:
    """Write rows, some of which cannot be; if PostgreSQL refuses the statement, halve it to find the culprits."""
    try:
        with connection.transaction():
            written = set(_execute(connection, form, placed, telling=True))
    except psycopg.Error as error:
        if not _is_about_a_row(error):
            raise
        if len(placed) == 1:
            is_locked = isinstance(error, psycopg.errors.LockNotAvailable)
            return [_failure(placed[0], "row_locked" if is_locked else "row_refused", _describe(error))]
        half = len(placed) // 2
        return _find_failures(connection, form, placed[:half]) + _find_failures(
            connection, form, placed[half:]
        )
    return [
        _failure(each, *not_written(each.row)) for place, each in enumerate(placed) if (place,) not in written
    ]


def _is_about_a_row(error: psycopg.Error) -> bool:
    return isinstance(error, psycopg.errors.LockNotAvailable) or refuses_a_value(error)


def refuses_a_value(error: psycopg.Error) -> bool:
    """Tell whether PostgreSQL would refuse the same statement again, because of a value in it."""
    # Class 54 is "program limit exceeded": an index row too large, JSON too deep.
    return isinstance(error, (psycopg.IntegrityError, psycopg.DataError, psycopg.ProgrammingError)) or bool(
        error.sqlstate and error.sqlstate.startswith("54")
    )


def not_written(row: RowInsert | RowUpdate) -> tuple[str, str]:
    """Return the code and the sentence for a row that exists, or is not in the expected state."""
    if isinstance(row, RowInsert):
        return "row_exists", f"This {row.table} exists already; read it before you try again."
    return "row_state_changed", f"This {row.table} is not in the expected state any more; read it again."


def _failure(placed: _Placed, code: str, sentence: str) -> Failure:
    return Failure(placed.operation, placed.item, code, sentence)


def _describe(error: psycopg.Error) -> str:
    constraint = error.diag.constraint_name
    reason = f"constraint {constraint}" if constraint else (error.diag.message_primary or "a bad value")
    return f"The database refused a row of {error.diag.table_name or 'the operation'}: {reason}."


def _execute(
    connection: psycopg.Connection, form: Form, placed: list[_Placed], telling: bool
) -> psycopg.Cursor:
    """Send the statement for rows of one form."""
    encode = msgspec.json.encode
    parameters: list[object]
    if form.expected is None:
        inserts = [each.row for each in placed if isinstance(each.row, RowInsert)]
        parameters = [encode([row.key | row.values for row in inserts]).decode()]
    else:
        updates = [each.row for each in placed if isinstance(each.row, RowUpdate)]
        parameters = [
            text_array([encode(row.key | row.changes) for row in updates], "json"),
            text_array([encode(row.expected) for row in updates], "json"),
        ]
    return connection.execute(statement(form, telling), parameters)
