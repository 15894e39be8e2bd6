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
from psycopg import sql

from karez.ledger.operations import RowInsert, RowUpdate, Scalar

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
    """Write all rows; must run in a savepoint that is rolled back if anything failed.

    Args:
        connection: In the bookkeeper's transaction.
        operations: For each operation its index and its rows.

    Returns:
        The failures; when there is none, everything is written.
    """
    forms: dict[tuple[object, ...], list[_Placed]] = defaultdict(list)
    for index, rows in operations:
        for item, row in enumerate(rows):
            forms[_form(row)].append(_Placed(index, item, row))
    failures: list[Failure] = []
    for placed in forms.values():
        failures += _write_form(connection, placed)
    return failures


def _form(row: RowInsert | RowUpdate) -> tuple[object, ...]:
    if isinstance(row, RowInsert):
        return "insert", row.table, tuple(sorted(row.key)), tuple(sorted(row.values))
    return (
        "update",
        row.table,
        tuple(sorted(row.key)),
        tuple(sorted(row.expected)),
        tuple(sorted(row.changes)),
    )


def _write_form(connection: psycopg.Connection, placed: list[_Placed]) -> list[Failure]:
    """Write rows of one form at once; if PostgreSQL rejects the statement, halve it to find the culprits."""
    try:
        with connection.transaction():
            missing = _execute(connection, [each.row for each in placed])
    except psycopg.Error as error:
        is_locked = isinstance(error, psycopg.errors.LockNotAvailable)
        if not (is_locked or refuses_a_value(error)):
            raise
        if len(placed) == 1:
            return [_failure(placed[0], "row_locked" if is_locked else "row_refused", _describe(error))]
        half = len(placed) // 2
        return _write_form(connection, placed[:half]) + _write_form(connection, placed[half:])
    return [_missing(placed[number]) for number in missing]


def refuses_a_value(error: psycopg.Error) -> bool:
    """Tell whether PostgreSQL would refuse the same statement again, because of a value in it."""
    # Class 54 is "program limit exceeded": an index row too large, JSON too deep.
    return isinstance(error, (psycopg.IntegrityError, psycopg.DataError, psycopg.ProgrammingError)) or bool(
        error.sqlstate and error.sqlstate.startswith("54")
    )


def _missing(placed: _Placed) -> Failure:
    row = placed.row
    if isinstance(row, RowInsert):
        return _failure(
            placed, "row_exists", f"This {row.table} exists already; read it before you try again."
        )
    return _failure(
        placed, "row_state_changed", f"This {row.table} is not in the expected state any more; read it again."
    )


def _failure(placed: _Placed, code: str, sentence: str) -> Failure:
    return Failure(placed.operation, placed.item, code, sentence)


def _describe(error: psycopg.Error) -> str:
    constraint = error.diag.constraint_name
    reason = f"constraint {constraint}" if constraint else (error.diag.message_primary or "a bad value")
    return f"The database refused a row of {error.diag.table_name or 'the operation'}: {reason}."


def _execute(connection: psycopg.Connection, rows: list[RowInsert | RowUpdate]) -> list[int]:
    first = rows[0]
    if isinstance(first, RowInsert):
        statement = _insert_statement(first)
        parameters = [[{**row.key, **row.values} for row in rows if isinstance(row, RowInsert)]]
    else:
        statement = _update_statement(first)
        updates = [row for row in rows if isinstance(row, RowUpdate)]
        parameters = [
            [{**row.key, **row.changes} for row in updates],
            [row.expected for row in updates],
        ]
    encoded = [msgspec.json.encode(parameter).decode() for parameter in parameters]
    return [number for (number,) in connection.execute(statement, encoded)]


def _names(columns: Iterable[str], prefix: str = "") -> sql.Composed:
    qualified = [sql.Identifier(prefix, name) if prefix else sql.Identifier(name) for name in sorted(columns)]
    return sql.SQL(", ").join(qualified)


def _insert_statement(row: RowInsert) -> sql.Composed:
    return sql.SQL(
        """
        WITH given AS MATERIALIZED (
            SELECT r.*, r.ordinality - 1 AS row_place,
                   row_number() OVER (PARTITION BY {key} ORDER BY r.ordinality) AS row_turn
            FROM ROWS FROM (json_populate_recordset(NULL::{table}, %s)) WITH ORDINALITY r
        ), written AS (
            INSERT INTO {table} ({columns}) SELECT {columns} FROM given WHERE row_turn = 1
            ON CONFLICT DO NOTHING RETURNING {key}
        )
        SELECT given.row_place::integer FROM given WHERE row_turn > 1 OR NOT EXISTS (
            SELECT FROM written WHERE ({written_key}) = ({given_key})
        )
        """
    ).format(
        table=sql.Identifier(row.table),
        columns=_names([*row.key, *row.values]),
        key=_names(row.key),
        written_key=_names(row.key, "written"),
        given_key=_names(row.key, "given"),
    )


def _update_statement(row: RowUpdate) -> sql.Composed:
    pair = sql.SQL("{} = {}")
    same = sql.SQL("t.{0} IS NOT DISTINCT FROM expected.{0}")
    key = [pair.format(sql.Identifier("t", name), sql.Identifier("given", name)) for name in sorted(row.key)]
    state = [same.format(sql.Identifier(name)) for name in sorted(row.expected)]
    return sql.SQL(
        """
        WITH given AS MATERIALIZED (
            SELECT r.*, r.ordinality - 1 AS row_place
            FROM ROWS FROM (json_populate_recordset(NULL::{table}, %s)) WITH ORDINALITY r
        ), expected AS MATERIALIZED (
            SELECT r.*, r.ordinality - 1 AS row_place
            FROM ROWS FROM (json_populate_recordset(NULL::{table}, %s)) WITH ORDINALITY r
        ), written AS (
            UPDATE {table} t SET {changes}
            FROM given JOIN expected ON expected.row_place = given.row_place
            WHERE {condition} RETURNING given.row_place
        )
        SELECT given.row_place::integer FROM given WHERE row_place NOT IN (SELECT row_place FROM written)
        """
    ).format(
        table=sql.Identifier(row.table),
        changes=sql.SQL(", ").join(
            pair.format(sql.Identifier(name), sql.Identifier("given", name)) for name in sorted(row.changes)
        ),
        condition=sql.SQL(" AND ").join([*key, *state]),
    )
